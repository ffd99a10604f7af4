"""Which partitions and which system a command means: `-p`, `--id`, `-m`, `--filter`."""

from collections.abc import Mapping, Sequence

from ivmweb.cli.command import Arguments, Option
from ivmweb.common.digits import is_whole
from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system.models import LogicalPartition, ManagedSystem

SYSTEM = Option("-m", "managed-system", "this console's: its name or type-model*serial; may be left out")
NAME = Option("-p", "partition-name", "the partition, by its name")
ID = Option("--id", "partition-ID", "the partition, by its ID")
STDERR = Option("--stderr", help="errors go to standard error; here they always do")
PARTITION_FILTERS = ("lpar_names", "lpar_ids")


def check_system(arguments: Arguments) -> ManagedSystem:
    """The one there is. Raises PrerequisiteFailed where -m names another one."""
    system = ManagedSystem.objects.get()
    named = arguments.text(SYSTEM.name)
    if arguments.has(SYSTEM.name) and not is_system(named, system.name, system.identity):
        raise PrerequisiteFailed(
            "cli-other-system", option=SYSTEM.name, value=named[:64], system=system.name, identity=system.identity
        )
    return system


def is_system(named: str, name: str, identity: str) -> bool:
    return named.lower() in {name.lower(), identity.lower()}


def partition_of(arguments: Arguments, name: Option = NAME) -> LogicalPartition:
    """By name or ID, which exclude each other. Raises PrerequisiteFailed."""
    arguments.one_of(name.name, ID.name)
    if arguments.has(ID.name):
        return by_id(arguments.needed(ID.name))
    return by_name(arguments.needed(name.name))


def by_name(name: str) -> LogicalPartition:
    found = LogicalPartition.objects.filter(name=name).first()
    if found is None:
        raise not_here(name[:64])
    return found


def by_id(text: str) -> LogicalPartition:
    if not is_whole(text, 5):
        raise PrerequisiteFailed("cli-parameter-missing", option=ID.name)
    found = LogicalPartition.objects.filter(lpar_id=int(text)).first()
    if found is None:
        raise not_here(f"with ID {int(text)}")
    return found


def not_here(partition: str) -> PrerequisiteFailed:
    return PrerequisiteFailed("cli-no-partition", partition=partition, system=ManagedSystem.objects.get().host_name)


def is_filtered(name: str, lpar_id: int, wanted: Mapping[str, Sequence[str]]) -> bool:
    """Whether a partition passes the filters lpar_names and lpar_ids, where they are there."""
    if name not in wanted.get("lpar_names", (name,)):
        return False
    return str(lpar_id) in wanted.get("lpar_ids", (str(lpar_id),))


def check_filters(wanted: Mapping[str, Sequence[str]]) -> None:
    if "lpar_names" in wanted and "lpar_ids" in wanted:
        raise PrerequisiteFailed("cli-parameters-exclude", first="lpar_names", second="lpar_ids")
