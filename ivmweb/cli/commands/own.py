"""What the shell itself can do."""

from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io, Leave, Option
from ivmweb.cli.help import usage
from ivmweb.common.digits import is_whole
from ivmweb.common.errors import PrerequisiteFailed

HOME = "/home/padmin"
MOST_DIGITS = 9  # of a status, of which the lowest byte counts


def show_help(arguments: Arguments, io: Io) -> int:
    """All commands by group, or the syntax of one."""
    from ivmweb.cli.shell import commands

    if arguments.operands:
        name = arguments.operands[0]
        if name not in commands():
            raise PrerequisiteFailed("cli-no-command", command=name[:64])
        io.out(usage(commands()[name]))
        return SUCCESS
    width = max(len(name) for name in commands()) + 2
    for family in Family:
        io.line(f"{family.value}:")
        for command in commands().values():
            if command.family is family:
                io.line(f"  {command.name:<{width}}{command.summary}")
        io.line()
    io.line("`help COMMAND` or `COMMAND --help` shows the syntax of one.")
    return SUCCESS


def pwd(_arguments: Arguments, io: Io) -> int:
    io.line(HOME)
    return SUCCESS


def echo(arguments: Arguments, io: Io) -> int:
    text = " ".join(arguments.operands)
    io.out(text if arguments.has("-n") else f"{text}\n")
    return SUCCESS


def whoami(_arguments: Arguments, io: Io) -> int:
    io.line(io.caller.user.get_username())
    return SUCCESS


def leave(arguments: Arguments, _io: Io) -> int:
    """A status that is none is refused, and the session goes on."""
    text = next(iter(arguments.operands), "0")
    if not is_whole(text, MOST_DIGITS):
        raise arguments.wrong("The status", text, f"a whole number, of {MOST_DIGITS} digits at most")
    raise Leave(int(text) % 256)


def set_language(arguments: Arguments, _io: Io) -> int:
    from ivmweb.cli.shell import is_language

    for word in arguments.operands:
        name, equals, _value = word.partition("=")
        if not equals or not is_language(name):
            raise PrerequisiteFailed("cli-not-allowed", what=f"A variable ({name[:64]})")
    return SUCCESS


COMMANDS = (
    Command("help", Family.SHELL, "The commands there are, or the syntax of one", show_help, operand="command"),
    Command(
        "echo",
        Family.SHELL,
        "Its words, e.g. $?",
        echo,
        (Option("-n", help="no new line"),),
        operand="word",
        most_operands=None,
    ),
    Command(
        "export",
        Family.SHELL,
        "LANG and the like, without effect",
        set_language,
        operand="NAME=VALUE",
        most_operands=None,
    ),
    Command("pwd", Family.SHELL, "The home folder", pwd),
    Command("whoami", Family.SHELL, "The user who is logged in", whoami),
    Command("exit", Family.SHELL, "End the session", leave, operand="status"),
    Command("quit", Family.SHELL, "End the session", leave, operand="status"),
)
