"""lsvet: what an activation code would be ordered by, and those that were entered: here none ever is."""

from ivmweb.cli.command import Arguments, Command, Family, Io, Option
from ivmweb.cli.records import FIELDS, HEADER, Attribute, print_records
from ivmweb.cli.selection import STDERR, SYSTEM, check_system
from ivmweb.system.models import ManagedSystem

CODE: tuple[Attribute[ManagedSystem], ...] = (
    Attribute("sys_type", lambda system: system.type_model.partition("-")[0]),
    Attribute("sys_serial_num", lambda system: system.serial_number),
)
HIST: tuple[Attribute[None], ...] = (Attribute("time_stamp", lambda _: None), Attribute("entry", lambda _: None))


def run(arguments: Arguments, io: Io) -> int:
    system = check_system(arguments)
    if arguments.needed("-t") == "code":
        return print_records(arguments, io, CODE, [system])
    return print_records(arguments, io, HIST, [])


COMMAND = Command(
    "lsvet",
    Family.LPAR,
    "What activation codes of this system are ordered by, or those entered; this console needs none and takes none",
    run,
    (
        Option("-t", "type", "the system's identity, or the history of codes", choices=("code", "hist")),
        SYSTEM,
        FIELDS,
        HEADER,
        STDERR,
    ),
    syntax=("lsvet -t code | hist [-F [attribute-names] [--header]] [-m managed-system]",),
)
