"""mkvt and rmvt: a partition's virtual terminal, opened here, and ended whoever has it."""

from threading import BoundedSemaphore

from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io, Option
from ivmweb.cli.selection import by_id
from ivmweb.cli.shell import INTERRUPTED
from ivmweb.cli.terminal import Ending, Line
from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system import terminals
from ivmweb.system.models import LogicalPartition
from ivmweb.system.rights import Right
from migration.whereabouts import moved_on

ID = Option("-id", "partition-ID", "the partition, by its ID")
LARGEST_ID = 65_535
MOST_TERMINALS = 40  # of a process: each has one of the threads that commands run in
places = BoundedSemaphore(MOST_TERMINALS)


def partition_of(arguments: Arguments) -> LogicalPartition:
    arguments.needed(ID.name)
    return by_id(str(arguments.number(ID.name, 0, least=1, most=LARGEST_ID)))


def open_terminal(arguments: Arguments, io: Io) -> int:
    partition = partition_of(arguments)
    if not places.acquire(blocking=False):
        raise PrerequisiteFailed("cli-terminals-full", limit=MOST_TERMINALS)
    try:
        ending = converse(partition, io)
    finally:
        places.release()
    return tell_of(ending, partition, io)


def converse(partition: LogicalPartition, io: Io) -> Ending:
    user = io.caller.user
    with terminals.connected(partition, user, io.caller.origin) as console, io.caller.terminal.raw() as screen:
        return Line(console, screen, io.caller.interrupted, lambda: terminals.may_go_on(user)).converse()


def tell_of(ending: Ending, partition: LogicalPartition, io: Io) -> int:
    """Why it is over, where the hypervisor could not say it."""
    if ending is Ending.REVOKED:
        raise PrerequisiteFailed("cli-terminal-revoked", partition=partition.name, user=io.caller.user.get_username())
    if ending is Ending.LEFT:
        io.line()  # whatever comes next begins a line
    if ending is Ending.CLOSED and (moved := moved_on(partition)):
        to = {"remote": moved.remote.name, "remote_id": moved.remote_lpar_id or moved.lpar_id}
        io.line(str(PrerequisiteFailed("cli-terminal-moved", partition=partition.name, **to)))
    return INTERRUPTED if ending is Ending.GONE else SUCCESS


def end_terminal(arguments: Arguments, io: Io) -> int:
    terminals.end(partition_of(arguments), io.caller.user, io.caller.origin)
    return SUCCESS


COMMANDS = (
    Command(
        "mkvt",
        Family.LPAR,
        "Open the virtual terminal of a partition; ~. at the beginning of a line leaves it",
        open_terminal,
        (ID,),
        changes=Right.CHANGE,
        syntax=("mkvt -id partition-ID",),
        converses=True,
    ),
    Command(
        "rmvt",
        Family.LPAR,
        "End the virtual terminal that is open to a partition, whoever has it",
        end_terminal,
        (ID,),
        changes=Right.CHANGE,
        syntax=("rmvt -id partition-ID",),
    ),
)
