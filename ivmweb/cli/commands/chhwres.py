"""chhwres: memory, processors and virtual adapters of a partition, added, removed, moved or set."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io, Option
from ivmweb.cli.configuration import (
    ANY,
    NONE,
    Given,
    check_known,
    check_plain,
    decimal,
    weight_of,
    whole,
    wrong,
)
from ivmweb.cli.pairs import pairs
from ivmweb.cli.selection import ID, NAME, STDERR, SYSTEM, by_id, by_name, check_system, partition_of
from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system import adapters, properties, resources
from ivmweb.system.adapters import Ethernet, Scsi
from ivmweb.system.changes import Asked, Value
from ivmweb.system.models import MANAGEMENT_PARTITION_ID, LogicalPartition, ManagedSystem
from ivmweb.system.models.partition import ProcessorMode
from ivmweb.system.property_words import VLAN_PREFIX
from ivmweb.system.resources import Amount
from ivmweb.system.rights import Right
from ivmweb.system.sections import ETHERNET, MEMORY_SECTION, PROCESSING, whole_units

WAIT = Option("-w", "minutes", "the longest to wait for the operating system, 0: without limit; no change here waits")
LONGEST_WAIT_MIN = 99_999
ADD, REMOVE, MOVE, SET = "a", "r", "m", "s"
MOST_MB, MOST_PROCESSORS, MOST_SLOT = 9_999_999, 9_999, 65_535
# Of an adapter on a virtual Ethernet here; no other value is possible.
PLAIN = {"ieee_virtual_eth": "0", "is_trunk": "0", "trunk_priority": "0", "is_required": "0", "addl_vlan_ids": NONE}
SETTABLE = ("sharing_mode", "uncap_weight")
SCSI = ("adapter_type", "remote_lpar_id", "remote_lpar_name", "remote_slot_num", "is_required")


def run(arguments: Arguments, io: Io) -> int:
    check_system(arguments)
    resource, operation = arguments.needed("-r"), arguments.needed("-o")
    check_options(arguments, resource, operation)
    partition = partition_of(arguments)
    if resource == "virtualio":
        VIRTUAL[arguments.needed("--rsubtype"), operation](arguments, io, partition)
    elif operation == SET:
        set_values(arguments, io, partition, resource)
    else:
        change_amount(arguments, io, partition, amount_of(arguments, resource), operation)
    return SUCCESS


def check_options(arguments: Arguments, resource: str, operation: str) -> None:
    """Raises PrerequisiteFailed for one that would have no effect, and for an operation that there is not.

    -w is a limit, which is kept: nothing waits, so that it is never reached.
    """
    if arguments.has(WAIT.name):
        arguments.number(WAIT.name, 0, least=0, most=LONGEST_WAIT_MIN)
    if resource == "virtualio":
        kind = arguments.needed("--rsubtype")
        if (kind, operation) not in VIRTUAL:
            possible = " or ".join(known for name, known in VIRTUAL if name == kind)
            raise arguments.wrong("-o", operation, f"{possible}, with --rsubtype {kind}")
    allowed = {
        "mem": {"-q", *(TO if operation == MOVE else ())},
        "proc": {
            "--procs",
            "--procunits",
            *(TO if operation == MOVE else ()),
            *(("-a",) if operation == SET else ()),
        },
        "virtualio": {"--rsubtype", "-s", *(() if operation == REMOVE else ("-a",))},
    }[resource]
    for option, needed in EFFECT_WITH.items():
        if arguments.has(option) and option not in allowed:
            raise PrerequisiteFailed("cli-goes-with", option=option, needed=needed)


TO = ("-t", "--tid")
EFFECT_WITH = {
    "-q": "-r mem",
    "--procs": "-r proc",
    "--procunits": "-r proc",
    "-t": "-o m",
    "--tid": "-o m",
    "--rsubtype": "-r virtualio",
    "-s": "-r virtualio",
    "-a": "-r proc -o s, and with -r virtualio -o a or s",
}


# Memory and processors


def amount_of(arguments: Arguments, resource: str) -> Amount:
    """What is added, removed or moved. Raises PrerequisiteFailed where there is nothing of it."""
    if resource == "mem":
        arguments.needed("-q")
        return Amount(memory_mb=arguments.number("-q", 0, least=1, most=MOST_MB))
    if not arguments.has("--procs") and not arguments.has("--procunits"):
        raise PrerequisiteFailed("cli-parameter-missing", option="--procs")
    processors = arguments.number("--procs", 0, least=1, most=MOST_PROCESSORS) if arguments.has("--procs") else 0
    units = decimal("--procunits", arguments.text("--procunits")) if arguments.has("--procunits") else Decimal(0)
    if arguments.has("--procunits") and not units:
        raise wrong("--procunits", arguments.text("--procunits"), "a number above 0")
    return Amount(virtual_processors=processors, processing_units=units)


def change_amount(arguments: Arguments, io: Io, partition: LogicalPartition, amount: Amount, operation: str) -> None:
    if operation == MOVE:
        to = destination(arguments)
        if to.pk == partition.pk:
            raise arguments.wrong("--tid" if arguments.has("--tid") else "-t", to.name, "another partition")
        resources.move(partition, to, amount, user=io.caller.user, origin=io.caller.origin)
        return
    more = amount if operation == ADD else -amount
    resources.add(partition, more, user=io.caller.user, origin=io.caller.origin)


def destination(arguments: Arguments) -> LogicalPartition:
    arguments.one_of("-t", "--tid")
    return by_id(arguments.needed("--tid")) if arguments.has("--tid") else by_name(arguments.needed("-t"))


def set_values(arguments: Arguments, io: Io, partition: LogicalPartition, resource: str) -> None:
    section = MEMORY_SECTION if resource == "mem" else PROCESSING
    wanted = memory_to_set(arguments) if resource == "mem" else processors_to_set(arguments, partition)
    properties.change(partition, section, Asked(wanted, io.caller.user, io.caller.origin))


def memory_to_set(arguments: Arguments) -> dict[str, Value]:
    arguments.needed("-q")
    return {"memory_mb": arguments.number("-q", 0, least=1, most=MOST_MB)}


def processors_to_set(arguments: Arguments, partition: LogicalPartition) -> dict[str, Value]:
    found: dict[str, Value] = {}
    if arguments.has("--procs"):
        found["virtual_processors"] = arguments.number("--procs", 0, least=1, most=MOST_PROCESSORS)
        if partition.processor_mode == ProcessorMode.DEDICATED:
            found |= whole_units(found)
    if arguments.has("--procunits"):
        found["processing_units"] = decimal("--procunits", arguments.needed("--procunits"))
    if arguments.has("-a"):
        found |= weight_to_set(pairs(arguments.needed("-a")), partition)
    if not found:
        raise PrerequisiteFailed("cli-parameter-missing", option="--procs")
    return found


def weight_to_set(given: Given, partition: LogicalPartition) -> dict[str, Value]:
    check_known(given, SETTABLE)
    if partition.processor_mode == ProcessorMode.DEDICATED:
        other = f"the dedicated processors of {partition.name}"
        raise PrerequisiteFailed("cli-attributes-exclude", attribute=next(iter(given)), other=other)
    return weight_of(given, partition.uncapped_weight)


# Virtual adapters


def slot_of(arguments: Arguments) -> int:
    arguments.needed("-s")
    return arguments.number("-s", 0, least=0, most=MOST_SLOT)


def attributes_of(arguments: Arguments, known: tuple[str, ...]) -> Given:
    given = pairs(arguments.needed("-a"))
    check_known(given, known)
    return given


def vlan_of(arguments: Arguments) -> int:
    given = attributes_of(arguments, ("port_vlan_id", *PLAIN))
    if "port_vlan_id" not in given:
        names = {"attribute": "port_vlan_id", "needed": "it for an adapter on a virtual Ethernet"}
        raise PrerequisiteFailed("cli-attribute-missing", command="chhwres", **names)
    asked = {name: (given.get(name, only) or only, only) for name, only in PLAIN.items()}
    check_plain(arguments.text("-s"), asked)
    return whole(given, "port_vlan_id")


def add_ethernet(arguments: Arguments, io: Io, partition: LogicalPartition) -> None:
    wanted = Ethernet(slot_of(arguments), vlan_of(arguments))
    adapters.add_ethernet(partition, wanted, user=io.caller.user, origin=io.caller.origin)


def remove_ethernet(arguments: Arguments, io: Io, partition: LogicalPartition) -> None:
    adapters.remove_ethernet(partition, slot_of(arguments), user=io.caller.user, origin=io.caller.origin)


def set_ethernet(arguments: Arguments, io: Io, partition: LogicalPartition) -> None:
    wanted: dict[str, Value] = {f"{VLAN_PREFIX}{slot_of(arguments)}": vlan_of(arguments)}
    properties.change(partition, ETHERNET, Asked(wanted, io.caller.user, io.caller.origin))


def add_scsi(arguments: Arguments, io: Io, partition: LogicalPartition) -> None:
    """Either end names the other one; the two are made together."""
    slot, given = slot_of(arguments), attributes_of(arguments, SCSI)
    check_end(given, partition)
    remote_slot = remote_slot_of(given)
    if not partition.is_management:
        check_server(given)
        wanted = Scsi(slot, remote_slot)
    else:
        partition, wanted = client(given), Scsi(remote_slot, slot)
    adapters.add_scsi(partition, wanted, user=io.caller.user, origin=io.caller.origin)


def check_end(given: Given, partition: LogicalPartition) -> None:
    """The management partition has the servers, any other one the clients; a listing says is_required alike."""
    kind, required = ("server", "0") if partition.is_management else ("client", "1")
    if given.get("adapter_type", kind) != kind:
        raise wrong("adapter_type", given["adapter_type"], f"{kind}, on partition {partition.name}")
    if given.get("is_required", required) != required:
        raise wrong("is_required", given["is_required"], required)


def remote_slot_of(given: Given) -> int | None:
    return None if given.get("remote_slot_num", ANY) == ANY else whole(given, "remote_slot_num")


def check_server(given: Given) -> None:
    host = ManagedSystem.objects.get().host_name
    for name, only in (("remote_lpar_id", str(MANAGEMENT_PARTITION_ID)), ("remote_lpar_name", host)):
        if given.get(name, only) != only:
            raise wrong(name, given[name], f"{only}, the management partition")


def client(given: Given) -> LogicalPartition:
    """The one that a server adapter is for."""
    if "remote_lpar_id" in given:
        whole(given, "remote_lpar_id")
        found = by_id(given["remote_lpar_id"])
        if given.get("remote_lpar_name", found.name) != found.name:
            raise wrong("remote_lpar_name", given["remote_lpar_name"], found.name)
        return found
    if "remote_lpar_name" in given:
        return by_name(given["remote_lpar_name"])
    names = {"attribute": "remote_lpar_id", "needed": "the client of a server adapter"}
    raise PrerequisiteFailed("cli-attribute-missing", command="chhwres", **names)


def remove_scsi(arguments: Arguments, io: Io, partition: LogicalPartition) -> None:
    slot = slot_of(arguments)
    if partition.is_management:
        found = adapters.server_in(slot, partition)
        partition, slot = found.partition, found.client_slot
    adapters.remove_scsi(partition, slot, user=io.caller.user, origin=io.caller.origin)


VIRTUAL: Mapping[tuple[str, str], Callable[[Arguments, Io, LogicalPartition], None]] = {
    ("eth", ADD): add_ethernet,
    ("eth", REMOVE): remove_ethernet,
    ("eth", SET): set_ethernet,
    ("scsi", ADD): add_scsi,
    ("scsi", REMOVE): remove_scsi,
}
COMMAND = Command(
    "chhwres",
    Family.LPAR,
    "Add, remove, move or set memory, processors and virtual adapters of a partition",
    run,
    (
        Option("-r", "resource", "what to change", choices=("mem", "proc", "virtualio")),
        Option("--rsubtype", "kind", "of -r virtualio: on a virtual Ethernet, or for disks", choices=("eth", "scsi")),
        Option("-o", "operation", "add, remove, move to another partition, or set", choices=(ADD, REMOVE, MOVE, SET)),
        NAME,
        ID,
        Option("-t", "partition-name", "with -o m: the partition that gets it, by its name"),
        Option("--tid", "partition-ID", "with -o m: the partition that gets it, by its ID"),
        Option("-q", "MB", "memory"),
        Option("--procs", "number", "virtual or dedicated processors"),
        Option("--procunits", "number", "processing units, in hundredths"),
        Option("-s", "slot", "the virtual slot"),
        Option("-a", "attributes", "name=value,... of the adapter, or with -r proc -o s of the partition"),
        WAIT,
        SYSTEM,
        STDERR,
    ),
    page="Properties of a partition",
    api="PATCH /api/v1/partitions/{lpar_id}/memory; PATCH /api/v1/partitions/{lpar_id}/processing; "
    "PATCH /api/v1/partitions/{lpar_id}/networks",
    changes=Right.CHANGE,
    syntax=(
        "chhwres -r mem -o a | r | s { -p name | --id ID } -q MB",
        "chhwres -r mem -o m { -p name | --id ID } { -t name | --tid ID } -q MB",
        "chhwres -r proc -o a | r { -p name | --id ID } [--procs number] [--procunits number]",
        "chhwres -r proc -o m { -p name | --id ID } { -t name | --tid ID } [--procs number] [--procunits number]",
        "chhwres -r proc -o s { -p name | --id ID } [--procs number] [--procunits number]",
        '[-a "sharing_mode=cap | uncap,uncap_weight=number"]',
        'chhwres -r virtualio --rsubtype eth -o a | s { -p name | --id ID } -s slot -a "port_vlan_id=number"',
        "chhwres -r virtualio --rsubtype scsi -o a { -p name | --id ID } -s slot",
        '-a "adapter_type=client | server,remote_lpar_id=ID,remote_slot_num=slot"',
        "chhwres -r virtualio --rsubtype eth | scsi -o r { -p name | --id ID } -s slot",
        "with each of them: [-w minutes] [-m managed-system] [--stderr]",
    ),
)
