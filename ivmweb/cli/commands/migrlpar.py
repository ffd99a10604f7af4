"""migrlpar: validate, migrate, stop and recover, by the same services as the pages."""

from collections.abc import Mapping
from typing import TypedDict

from django.db.models import QuerySet
from django.utils import timezone

from ivmweb.cli.command import FAILURE, SUCCESS, Arguments, Command, Family, Interrupted, Io, Option
from ivmweb.cli.configuration import is_data
from ivmweb.cli.mobility import is_complete
from ivmweb.cli.pairs import items, pairs
from ivmweb.cli.selection import ID, NAME, STDERR, SYSTEM, check_system, is_system, partition_of
from ivmweb.common.digits import is_whole
from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system.models import MANAGEMENT_PARTITION_ID, LogicalPartition, ManagedSystem
from ivmweb.system.plan import Placement
from ivmweb.system.rights import AnyUser, Right, require
from migration import services
from migration.credentials import Session, needs_no_password
from migration.models import Migration, Outcome, RemoteSystem, ValidationReport
from migration.peer.remotes import find_remote

TARGET = Option("-t", "managed-system", "the managed system to move to: its name or type-model*serial")
REMOTE = Option("--ip", "host", "the other console: a name or address under which it is known")
REMOTE_USER = Option("-u", "user", "user there; else the one who runs the command")
OPERATION = Option("-o", "operation", "stop, migrate, recover or validate", choices=("s", "m", "r", "v"))
DEFAULT_WAIT, LONGEST_WAIT = 5, 60  # minutes
DEEPEST_DETAIL = 5
HIGHEST_ID = HIGHEST_SLOT = 65_535
LOOK_EVERY_S = 0.25
STOPPED = "it was stopped on request."


def run(arguments: Arguments, io: Io) -> int:
    check_system(arguments)
    operation = arguments.needed("-o")
    for option, operations in GO_WITH.items():
        if arguments.has(option) and operation not in operations:
            needed = " or ".join(f"-o {one}" for one in operations)
            raise PrerequisiteFailed("cli-goes-with", option=option, needed=needed)
    return OPERATIONS[operation](arguments, io)


def validate(arguments: Arguments, io: Io) -> int:
    report = services.validate(**what(arguments, io))
    return tell(report, io, verbose=arguments.has("-v"))


def migrate(arguments: Arguments, io: Io) -> int:
    wait = arguments.number("-w", DEFAULT_WAIT, least=1, most=LONGEST_WAIT)
    report, migration = services.migrate(**what(arguments, io), wait_minutes=wait)
    status = tell(report, io, verbose=arguments.has("-v"))
    if migration is None or arguments.has("--async"):
        return status
    return follow(migration, io)


class Asked(TypedDict):
    """What both services need."""

    partition: LogicalPartition
    remote_manager: str
    remote_user: str
    password: str
    session: Session
    user: AnyUser
    origin: str
    placement: Placement


def what(arguments: Arguments, io: Io) -> Asked:
    """All that is wrong by itself is refused before a password is asked."""
    named = arguments.needed("-t")
    arguments.number("-d", 0, least=0, most=DEEPEST_DETAIL)
    require(io.caller.user, Right.MIGRATE)
    remote = find_remote(arguments.needed("--ip"))
    check_target(remote, named)
    partition = partition_of(arguments)
    placement = placement_of(mappings(arguments, io), remote)
    user = arguments.text("-u") or io.caller.user.get_username()
    return {
        "partition": partition,
        "remote_manager": arguments.text("--ip"),
        "remote_user": user,
        "password": password_for(remote, user, io),
        "session": io.caller.session,
        "user": io.caller.user,
        "origin": io.caller.origin,
        "placement": placement,
    }


def check_target(remote: RemoteSystem, named: str) -> None:
    """-t is the managed system that --ip manages. One that never answered yet is not known by its system."""
    if remote.system_name and not is_system(named, remote.system_name, remote.system_identity):
        raise PrerequisiteFailed(
            "cli-target-differs",
            remote=remote.name,
            system=remote.system_name,
            identity=remote.system_identity,
            value=named[:64],
        )


def password_for(remote: RemoteSystem, user: str, io: Io) -> str:
    """Empty where none is needed: this session has a token of that user, or the user lets the own key in."""
    if needs_no_password(io.caller.session, remote, user, io.caller.user):
        return ""
    return ask_password(remote, user, io)


def ask_password(remote: RemoteSystem, user: str, io: Io) -> str:
    typed = io.caller.terminal.ask_hidden("Password:")
    if typed is None:
        raise PrerequisiteFailed("cli-no-terminal", user=user, remote=remote.name)
    return typed


def tell(report: ValidationReport, io: Io, *, verbose: bool) -> int:
    """Nothing where it passed; with -v warnings, too."""
    told = {Outcome.FAILED, Outcome.WARNING} if verbose else {Outcome.FAILED}
    for finding in report.findings.all():
        if finding.outcome in told:
            io.err(f"{finding.sentence}\n")
    return SUCCESS if report.passed else FAILURE


def follow(migration: Migration, io: Io) -> int:
    """Until it is over, and lslparmigr says so."""
    try:
        while not (migration.is_final and not is_complete(migration, timezone.now())):
            if migration.is_final and not migration.moved:
                break
            if migration.waits_for_operator:
                raise PrerequisiteFailed("cli-needs-operator", partition=migration.partition_name)
            io.wait(LOOK_EVERY_S)
            migration.refresh_from_db()
    except Interrupted:
        io.complain(PrerequisiteFailed("cli-interrupted", partition=migration.partition_name))
        raise
    if migration.moved:
        return SUCCESS
    names = {"partition": migration.partition_name, "remote": migration.remote.name}
    reason = str(migration.cause) or (STOPPED if migration.stop_requested else "no reason is known.")
    raise PrerequisiteFailed("cli-did-not-move", reason=reason, **names)


def stop(arguments: Arguments, io: Io) -> int:
    services.stop(in_progress(arguments, "stop"), user=io.caller.user, origin=io.caller.origin)
    return SUCCESS


def recover(arguments: Arguments, io: Io) -> int:
    """Without a word where it is recovered, or a worker is about to."""
    migration = in_progress(arguments, "recover")
    came_to = services.recover(migration, user=io.caller.user, origin=io.caller.origin)
    names = {"partition": migration.partition_name, "what": came_to.words}
    if not came_to.is_in_hand:
        raise PrerequisiteFailed("cli-not-recovered", **names)
    if arguments.has("-v"):
        io.complain(PrerequisiteFailed("cli-recovered", **names))
    return SUCCESS


def in_progress(arguments: Arguments, act: str) -> Migration:
    """The migration of the named partition that is not over, on either side."""
    arguments.one_of(NAME.name, ID.name)
    rows = Migration.objects.of_partitions().select_related("remote", "partition", "task")
    if arguments.has(ID.name):
        text = arguments.needed(ID.name)
        rows = rows.filter(lpar_id=int(text) if is_whole(text, 5) else 0)
    else:
        rows = rows.filter(partition_name=arguments.needed(NAME.name))
    found = next((row for row in rows.order_by("-started_at")[:10] if row.is_unfinished), None)
    if found is None:
        raise nothing_to(act, arguments, rows)
    return found


def nothing_to(act: str, arguments: Arguments, rows: QuerySet[Migration]) -> PrerequisiteFailed:
    """A partition that has moved away is still told by lslparmigr. Raises PrerequisiteFailed for one never known."""
    latest = rows.order_by("-started_at").first()
    try:
        partition = partition_of(arguments)
    except PrerequisiteFailed:
        if latest is None or not latest.is_source or not latest.moved:
            raise
        names = {"partition": latest.partition_name, "remote": latest.remote.name}
        return PrerequisiteFailed("cli-has-moved", act=act, **names)
    return PrerequisiteFailed("cli-not-migrating", partition=partition.name, act=act)


# Input data


def mappings(arguments: Arguments, io: Io) -> Mapping[str, str]:
    """Of -i, or of the file of -f: name=value pairs."""
    arguments.not_both("-f", "-i")
    if arguments.has("-i"):
        return pairs(arguments.needed("-i"))
    return pairs(only_line(arguments, io)) if arguments.has("-f") else {}


def only_line(arguments: Arguments, io: Io) -> str:
    """Of the file of -f: a command moves one partition. Raises PrerequisiteFailed."""
    name = arguments.needed("-f")
    lines = [line for line in io.read_file(name).split("\n") if is_data(line)]
    if len(lines) > 1:
        raise arguments.wrong("-f", f"{name[:64]}, which has {len(lines)} lines", "one line: name=value,name=value")
    return next(iter(lines), "")


def placement_of(given: Mapping[str, str], remote: RemoteSystem) -> Placement:
    """The wanted ID and slots. Raises PrerequisiteFailed for anything else.

    There is one mover and one Virtual I/O Server on each side, so what names them can only name these.
    """
    for attribute, value in given.items():
        if attribute not in CHECKS:
            known = ", ".join(CHECKS)
            raise PrerequisiteFailed("cli-attribute-unknown", attribute=attribute[:64], attributes=known)
        if reason := CHECKS[attribute](value, remote):
            raise PrerequisiteFailed("cli-not-mapped-so", attribute=attribute, value=value[:64], reason=reason)
    wanted = given.get("dest_lpar_id")
    scsi = [one.split("/") for one in items(given.get("virtual_scsi_mappings", ""))]
    slots = {int(parts[0]): int(parts[3]) if parts[3:] and parts[3] else None for parts in scsi if parts[0]}
    return Placement(int(wanted) if wanted else None, slots)


def own_name(value: str, _remote: RemoteSystem) -> str:
    host = ManagedSystem.objects.get().host_name
    return "" if value == host else f"the mover service partition here is {host}"


def remote_name(value: str, remote: RemoteSystem) -> str:
    return "" if value == remote.name else f"the mover service partition there is {remote.name}"


def management_id(value: str, _remote: RemoteSystem) -> str:
    return "" if value == str(MANAGEMENT_PARTITION_ID) else f"the Virtual I/O Server has ID {MANAGEMENT_PARTITION_ID}"


def default_pool(value: str, _remote: RemoteSystem) -> str:
    return "" if value in {"DefaultPool", "0"} else "the only pool is DefaultPool, with ID 0"


def partition_id(value: str, _remote: RemoteSystem) -> str:
    is_good = is_whole(value, 5) and MANAGEMENT_PARTITION_ID < int(value) <= HIGHEST_ID
    return "" if is_good else f"a partition ID is a number from {MANAGEMENT_PARTITION_ID + 1} to {HIGHEST_ID}"


def scsi_mappings(value: str, remote: RemoteSystem) -> str:
    """`client-slot/VIOS-name/VIOS-ID[/VIOS-slot]`, a list of such, each slot once."""
    clients: set[str] = set()
    servers: set[str] = set()
    for text in items(value):
        client, *rest = text.split("/")
        server = rest[2] if len(rest) == 3 else ""
        if not is_slot(client) or not 2 <= len(rest) <= 3 or not (server == "" or is_slot(server)):
            return "written as client-slot/VIOS-name/VIOS-ID[/VIOS-slot]"
        if rest[0] not in {"", remote.name} or rest[1] not in {"", str(MANAGEMENT_PARTITION_ID)}:
            return f"the Virtual I/O Server there is {remote.name} with ID {MANAGEMENT_PARTITION_ID}"
        if client in clients or server in servers:
            return "a slot is named twice"
        clients.add(client)
        servers |= {server} - {""}
    return ""


def is_slot(text: str) -> bool:
    """Without leading zeros, so that the same one is the same text."""
    return is_whole(text, 5) and text == str(int(text)) and int(text) <= HIGHEST_SLOT


CHECKS = {
    "dest_lpar_id": partition_id,
    "virtual_scsi_mappings": scsi_mappings,
    "source_msp_name": own_name,
    "source_msp_id": management_id,
    "dest_msp_name": remote_name,
    "dest_msp_id": management_id,
    "shared_proc_pool_name": default_pool,
    "shared_proc_pool_id": default_pool,
}
OPERATIONS = {"v": validate, "m": migrate, "s": stop, "r": recover}
# Options that not every operation has, as IBM's forms of the command are.
GO_WITH = {
    **dict.fromkeys(("-t", "-n", "-f", "-i", "-w", "-d"), ("m", "v")),
    **dict.fromkeys(("--ip", "-u", "-v"), ("m", "v", "r")),
    "--async": ("m",),
    "--force": ("r",),
}
COMMAND = Command(
    "migrlpar",
    Family.LPAR,
    "Validate, migrate, stop or recover the migration of a partition",
    run,
    (
        OPERATION,
        SYSTEM,
        TARGET,
        REMOTE,
        REMOTE_USER,
        NAME,
        ID,
        Option("-n", "profile-name", "accepted, without effect: a partition has one profile here"),
        Option("-f", "input-data-file", "the same from a file, or from - for what is piped in or typed: one line"),
        Option("-i", "input-data", "mapping attributes: name=value,..."),
        Option("-w", "wait-time", "longest wait for the partition's answer, in minutes; else 5"),
        Option("-d", "detail-level", "0 to 5, accepted: partitions here tell no more"),
        Option("--async", help="return once validation has passed; the migration goes on"),
        Option("-v", help="print warnings, too"),
        Option("--force", help="accepted with -o r; the forced acts are on the page Recover"),
        STDERR,
    ),
    page="Migrate; Status",
    api="POST /api/v1/partitions/{lpar_id}/validate; POST /api/v1/partitions/{lpar_id}/migrate; "
    "POST /api/v1/migrations/{migration_id}/stop; POST /api/v1/migrations/{migration_id}/recover",
    changes=Right.MIGRATE,
    syntax=(
        "migrlpar -o m | v [-m managed-system] -t managed-system --ip host [-u user]",
        '-p partition-name | --id partition-ID [-n profile-name] [-f input-data-file | -i "input-data"]',
        "[-w wait-time] [-d detail-level] [--async] [-v] [--stderr] [--help]",
        "migrlpar -o s [-m managed-system] -p partition-name | --id partition-ID [--stderr] [--help]",
        "migrlpar -o r [-m managed-system] [--ip host [-u user]] -p partition-name | --id partition-ID",
        "[-v] [--force] [--stderr] [--help]",
    ),
)
