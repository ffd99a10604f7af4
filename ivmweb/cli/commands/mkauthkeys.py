"""mkauthkeys: keys with which users log in without a password, here and from one console at another."""

from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io, Option
from ivmweb.cli.commands.migrlpar import ask_password
from ivmweb.cli.selection import STDERR
from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system import keys
from ivmweb.system.rights import Right
from migration import trust
from migration.models import RemoteSystem
from migration.peer.remotes import find_remote

# One of these, by either name.
ACTS = (("-a", "--add"), ("-r", "--remove"), ("-g",), ("--ip",))
OF_REMOTE = ("-u", "--passwd", "--test")


def run(arguments: Arguments, io: Io) -> int:
    given = [name for names in ACTS for name in names if arguments.has(name)]
    if not given:
        raise PrerequisiteFailed("cli-parameter-missing", option="-a")
    if len(given) > 1:
        raise PrerequisiteFailed("cli-parameters-exclude", first=given[0], second=given[1])
    [act] = given
    if act != "--ip" and (other := next(filter(arguments.has, OF_REMOTE), None)):
        raise PrerequisiteFailed("cli-parameters-exclude", first=act, second=other)
    user, origin = io.caller.user, io.caller.origin
    if act in {"-a", "--add"}:
        keys.add(arguments.needed(act), user=user, origin=origin)
    elif act in {"-r", "--remove"}:
        keys.remove(arguments.needed(act), user=user, origin=origin)
    elif act == "-g":
        io.line(keys.own_public_line(user))
    else:
        exchange(arguments, io)
    return SUCCESS


def exchange(arguments: Arguments, io: Io) -> None:
    arguments.not_both("--test", "--passwd")
    remote = remote_of(arguments)
    remote_user = arguments.text("-u") or io.caller.user.get_username()
    if arguments.has("--test"):
        trust.check(remote, remote_user, user=io.caller.user)
        return
    keys.account_of(io.caller.user)  # nobody is asked for a password in vain
    password = arguments.text("--passwd") or ask_password(remote, remote_user, io)
    trust.establish(remote, remote_user, password, user=io.caller.user, origin=io.caller.origin)


def remote_of(arguments: Arguments) -> RemoteSystem:
    """Raises PrerequisiteFailed; a console lets its own users in without a key of theirs."""
    try:
        return find_remote(arguments.needed("--ip"))
    except PrerequisiteFailed as exc:
        if exc.key != "remote-is-itself":
            raise
        needed = f"another console than this one itself; known are: {exc.params['known']}"
        raise arguments.wrong("--ip", exc.params["typed"], needed) from exc


COMMAND = Command(
    "mkauthkeys",
    Family.LPAR,
    "Keys with which users log in without a password, here and from one console at another",
    run,
    (
        Option("-a", "key", "add this key: a line of an OpenSSH public key file"),
        Option("--add", "key", "as -a"),
        Option("-r", "key", "remove this key: itself, its comment or its fingerprint"),
        Option("--remove", "key", "as -r"),
        Option("-g", help="print your public key at this console, for mkauthkeys -a at another one"),
        Option("--ip", "host", "have a user of that console let you in by it, so that migrlpar asks no password"),
        Option("-u", "user", "user there; else the one who runs the command"),
        Option("--passwd", "password", "of that user; else it is asked, which leaves no trace in a history"),
        Option("--test", help="with --ip: only say whether you are let in"),
        STDERR,
    ),
    also_needs={"--ip": Right.MIGRATE},
    syntax=(
        "mkauthkeys -a | --add key",
        "mkauthkeys -r | --remove key",
        "mkauthkeys -g",
        "mkauthkeys --ip host [-u user] [--passwd password | --test]",
    ),
)
