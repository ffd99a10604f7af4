"""lslparmigr: how migrations stand, and what this system can do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db.models import prefetch_related_objects

from ivmweb.cli.command import FAILURE, Arguments, Command, Family, Io, Option
from ivmweb.cli.commands.migrlpar import REMOTE, REMOTE_USER, TARGET, check_target, password_for
from ivmweb.cli.mobility import Shown, shown
from ivmweb.cli.records import LISTING, Attribute, Row, choose, filters, print_records
from ivmweb.cli.selection import PARTITION_FILTERS, STDERR, SYSTEM, check_filters, check_system, is_filtered
from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system.models import MANAGEMENT_PARTITION_ID, LogicalPartition, ManagedSystem
from ivmweb.system.rights import Right, require
from migration import admission, services
from migration.models import Migration, RemoteSystem
from migration.peer.remotes import find_remote
from migration.services import Prospect


def run(arguments: Arguments, io: Io) -> int:
    system = check_system(arguments)
    return RESOURCES[arguments.needed("-r")](arguments, io, system)


# Partitions


@dataclass(frozen=True)
class Line:
    shown: Shown
    host: str  # of this console


Told = Callable[[Migration], str | int | None]


def of_any(told: Told) -> Callable[[Line], str | int | None]:
    return lambda line: None if line.shown.migration is None else told(line.shown.migration)


def of_source(told: Told) -> Callable[[Line], str | int | None]:
    """Only where this is the source: what the other side is, is told there."""
    return of_any(lambda row: told(row) if row.is_source else None)


LPAR: tuple[Attribute[Line], ...] = (
    Attribute("name", lambda line: line.shown.name),
    Attribute("lpar_id", lambda line: line.shown.lpar_id),
    Attribute("migration_state", lambda line: line.shown.state),
    Attribute("migration_type", of_any(lambda row: row.type)),
    Attribute("dest_sys_name", of_source(lambda row: row.remote.system_name)),
    Attribute("dest_lpar_id", lambda line: of_source(lambda _: line.shown.new_id)(line)),
    Attribute("source_msp_name", lambda line: of_source(lambda _: line.host)(line)),
    Attribute("source_msp_id", of_source(lambda _: MANAGEMENT_PARTITION_ID)),
    Attribute("dest_msp_name", of_source(lambda row: row.remote.name)),
    Attribute("dest_msp_id", of_source(lambda _: MANAGEMENT_PARTITION_ID)),
    Attribute("bytes_transmitted", of_any(lambda row: row.bytes_transmitted)),
    Attribute("bytes_remaining", of_any(lambda row: row.bytes_remaining)),
    Attribute("remote_manager", of_any(lambda row: remote_manager(row))),
    Attribute("remote_user", of_any(lambda row: row.remote_user)),
)


def remote_manager(migration: Migration) -> str:
    """As it was typed; the destination knows the source by the name it has here."""
    return migration.remote_manager if migration.is_source else migration.remote.name


def lpar(arguments: Arguments, io: Io, system: ManagedSystem) -> int:
    wanted = filters(arguments, PARTITION_FILTERS)
    check_filters(wanted)
    lines = [Line(one, system.host_name) for one in shown() if is_filtered(one.name, one.lpar_id, wanted)]
    return print_records(arguments, io, LPAR, lines)


# The system


@dataclass(frozen=True)
class Counts:
    system: ManagedSystem
    active: int
    inactive: int


SYS: tuple[Attribute[Counts], ...] = (
    Attribute("inactive_lpar_mobility_capable", lambda here: int(here.system.inactive_mobility_capable)),
    Attribute("num_inactive_migrations_supported", lambda here: here.system.inactive_migrations_supported),
    Attribute("num_inactive_migrations_in_progress", lambda here: here.inactive),
    Attribute("active_lpar_mobility_capable", lambda here: int(here.system.active_mobility_capable)),
    Attribute("num_active_migrations_supported", lambda here: here.system.active_migrations_supported),
    Attribute("num_active_migrations_in_progress", lambda here: here.active),
)
MANAGER: tuple[Attribute[None], ...] = (Attribute("remote_lpar_mobility_capable", lambda _: 1),)


def sys(arguments: Arguments, io: Io, system: ManagedSystem) -> int:
    filters(arguments, ())
    counts = Counts(system, admission.in_progress(inactive=False), admission.in_progress(inactive=True))
    return print_records(arguments, io, SYS, [counts])


def manager(arguments: Arguments, io: Io, _system: ManagedSystem) -> int:
    filters(arguments, ())
    return print_records(arguments, io, MANAGER, [None])


# What a migration of a partition could use


@dataclass(frozen=True)
class Choice:
    """A partition that can move, and where to."""

    prospect: Prospect
    remote: RemoteSystem
    host: str


MSP: tuple[Attribute[Choice], ...] = (
    Attribute("source_msp_name", lambda choice: choice.host),
    Attribute("source_msp_id", lambda _: MANAGEMENT_PARTITION_ID),
    Attribute("dest_msp_names", lambda choice: choice.remote.name),
    Attribute("dest_msp_ids", lambda _: MANAGEMENT_PARTITION_ID),
    Attribute("ipaddr_mappings", lambda choice: address_mapping(choice)),
)


def address_mapping(choice: Choice) -> str:
    """The address of the source's mover, then that of the destination's, as it says itself."""
    own, there = settings.MOVER_HOST, choice.prospect.mover.host
    return f"{own}//{MANAGEMENT_PARTITION_ID}/{choice.remote.name}/{there}"


POOLS: tuple[Attribute[Choice], ...] = (
    Attribute("shared_proc_pool_names", lambda _: "DefaultPool"),
    Attribute("shared_proc_pool_ids", lambda _: 0),
)


@dataclass(frozen=True)
class Slot:
    number: int
    mapping: str
    partition: LogicalPartition


VIRTUALIO: tuple[Attribute[Slot], ...] = (
    Attribute("virtual_slot_num", lambda slot: slot.number),
    Attribute("possible_virtual_scsi_mappings", lambda slot: slot.mapping),
    Attribute("suggested_virtual_scsi_mappings", lambda slot: slot.mapping),
    Attribute("possible_virtual_fc_mappings", lambda _: None),  # there is no virtual Fibre Channel on either side
    Attribute("suggested_virtual_fc_mappings", lambda _: None),
    Attribute("lpar_name", lambda slot: slot.partition.name),  # behind IBM's, which tell of one partition at a time
    Attribute("lpar_id", lambda slot: slot.partition.lpar_id),
)


def print_choices(
    arguments: Arguments, io: Io, attributes: Sequence[Attribute[Row]], rows_of: Callable[[list[Choice]], list[Row]]
) -> int:
    """Of the partitions that are named, where all of them can move; else what keeps them, in migrlpar's words."""
    remote = destination(arguments)
    require(io.caller.user, Right.MIGRATE)
    partitions = named_partitions(arguments)
    choose(arguments, attributes)  # refused before anybody is asked for a password
    prospects = foresee(arguments, io, remote, partitions) if partitions else []
    refusals = [sentence for prospect in prospects for sentence in prospect.refusals]
    if refusals:
        io.err("".join(f"{sentence}\n" for sentence in refusals))
        return FAILURE
    host = ManagedSystem.objects.get().host_name
    return print_records(arguments, io, attributes, rows_of([Choice(one, remote, host) for one in prospects]))


def foresee(arguments: Arguments, io: Io, remote: RemoteSystem, partitions: list[LogicalPartition]) -> list[Prospect]:
    """The other console is asked, with the password that migrlpar would ask for."""
    user = arguments.text("-u") or io.caller.user.get_username()
    return services.foresee(
        partitions,
        remote_manager=arguments.text("--ip") or remote.name,
        remote_user=user,
        password=password_for(remote, user, io),
        session=io.caller.session,
        user=io.caller.user,
    )


def named_partitions(arguments: Arguments) -> list[LogicalPartition]:
    wanted = filters(arguments, PARTITION_FILTERS)
    check_filters(wanted)
    if not wanted:
        raise PrerequisiteFailed("cli-parameter-missing", option="--filter")
    rows = LogicalPartition.objects.clients().order_by("lpar_id")
    return [row for row in rows if is_filtered(row.name, row.lpar_id, wanted)]


def destination(arguments: Arguments) -> RemoteSystem:
    """By --ip, or by -t among those that are known. Raises PrerequisiteFailed."""
    named = arguments.text("-t")
    if arguments.has("--ip"):
        remote = find_remote(arguments.needed("--ip"))
        if named:
            check_target(remote, named)
        return remote
    arguments.needed("-t")
    for remote in RemoteSystem.objects.known():
        if named.lower() in {remote.system_name.lower(), remote.system_identity.lower()}:
            return remote
    raise PrerequisiteFailed("cli-parameter-missing", option="--ip")


def msp(arguments: Arguments, io: Io, _system: ManagedSystem) -> int:
    return print_choices(arguments, io, MSP, lambda choices: choices)


def procpool(arguments: Arguments, io: Io, _system: ManagedSystem) -> int:
    return print_choices(arguments, io, POOLS, lambda choices: choices[:1])


def virtualio(arguments: Arguments, io: Io, _system: ManagedSystem) -> int:
    return print_choices(arguments, io, VIRTUALIO, slots_of)


def slots_of(choices: list[Choice]) -> list[Slot]:
    """By partition ID, then by slot; migrlpar -i takes each mapping as it stands."""
    prefetch_related_objects([choice.prospect.partition for choice in choices], "server_adapters")
    return [
        Slot(slot, f"{slot}/{choice.remote.name}/{MANAGEMENT_PARTITION_ID}", choice.prospect.partition)
        for choice in choices
        for slot in sorted(adapter.client_slot for adapter in choice.prospect.partition.server_adapters.all())
    ]


RESOURCES = {"manager": manager, "lpar": lpar, "msp": msp, "procpool": procpool, "sys": sys, "virtualio": virtualio}
RESOURCE = Option("-r", "resource", "what to list", choices=tuple(RESOURCES))
COMMAND = Command(
    "lslparmigr",
    Family.LPAR,
    "How migrations stand, and what this system can do",
    run,
    (RESOURCE, SYSTEM, TARGET, REMOTE, REMOTE_USER, *LISTING, STDERR),
    page="Status; Monitor Tasks",
    api="GET /api/v1/migrations; GET /api/v1/migrations/{migration_id}",
    syntax=(
        "lslparmigr -r manager | lpar | msp | procpool | sys | virtualio [-m managed-system] [-t managed-system]",
        '[--ip host [-u user]] [--filter "filter-data"] [-F [attribute-names]] [--header] [--stderr] [--help]',
    ),
)
