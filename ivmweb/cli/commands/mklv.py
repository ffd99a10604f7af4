"""mklv and rmlv: logical volumes, which IVM calls virtual disks."""

from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io, Option
from ivmweb.cli.sizes import megabytes
from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system import pools
from ivmweb.system.rights import Right, require

YES = frozenset({"y", "yes"})
VOLUME_REMOVED = "rmlv: Logical volume {name} is removed."


def make(arguments: Arguments, io: Io) -> int:
    arguments.not_both("-lv", "-prefix")
    if len(arguments.operands) != 2:
        raise PrerequisiteFailed("cli-parameter-missing", option="volume-group size")
    group, size = arguments.operands
    named = {key: arguments.needed(option) for key, option in NAMED.items() if arguments.has(option)}
    size_mb = megabytes(arguments, "size", size)
    io.line(pools.create_volume(group, size_mb, **named, user=io.caller.user, origin=io.caller.origin))
    return SUCCESS


NAMED = {"name": "-lv", "prefix": "-prefix"}


def remove(arguments: Arguments, io: Io) -> int:
    """All of those named, or none."""
    if not arguments.operands:
        raise PrerequisiteFailed("cli-parameter-missing", option="logical-volume")
    require(io.caller.user, Right.CHANGE)
    if not arguments.has("-f") and not confirm(arguments, io):
        return SUCCESS
    pools.delete_volumes(arguments.operands, user=io.caller.user, origin=io.caller.origin)
    for name in dict.fromkeys(arguments.operands):
        io.line(VOLUME_REMOVED.format(name=name))
    return SUCCESS


def confirm(arguments: Arguments, io: Io) -> bool:
    """Asked once for all. Raises PrerequisiteFailed where nobody can answer."""
    for name in arguments.operands:
        pools.volume_named(name)
    warnings = [
        f"Warning, all data contained on logical volume {name} will be destroyed.\n" for name in arguments.operands
    ]
    answer = io.caller.terminal.ask_hidden("".join(warnings) + "rmlv: Do you wish to continue? y(es) n(o)? ")
    if answer is None:
        raise PrerequisiteFailed("cli-not-confirmed", command="rmlv", option="-f")
    return answer.strip().lower() in YES


COMMANDS = (
    Command(
        "mklv",
        Family.IOS,
        "Create a logical volume, and print its name",
        make,
        (
            Option("-lv", "logical-volume", "its name; lv and a number without it"),
            Option("-prefix", "prefix", "its name is this and a number"),
        ),
        operand="volume-group size",
        most_operands=2,
        changes=Right.CHANGE,
        syntax=("mklv [-lv logical-volume | -prefix prefix] volume-group size",),
    ),
    Command(
        "rmlv",
        Family.IOS,
        "Delete logical volumes that are not mapped",
        remove,
        (Option("-f", help="without asking"),),
        operand="logical-volume",
        most_operands=None,
        changes=Right.CHANGE,
    ),
)
