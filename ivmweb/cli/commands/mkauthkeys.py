"""mkauthkeys: keys with which the user who runs it logs in without a password."""

from ivmweb.cli import keys
from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io, Option
from ivmweb.cli.selection import STDERR
from ivmweb.common.errors import PrerequisiteFailed


def run(arguments: Arguments, io: Io) -> int:
    adds = [option for option in ("-a", "--add") if arguments.has(option)]
    removes = [option for option in ("-r", "--remove") if arguments.has(option)]
    if len(adds) + len(removes) > 1:
        first, second, *_rest = [*adds, *removes]
        raise PrerequisiteFailed("cli-parameters-exclude", first=first, second=second)
    user, origin = io.caller.user, io.caller.origin
    if adds:
        keys.add(arguments.needed(adds[0]), user=user, origin=origin)
    elif removes:
        keys.remove(arguments.needed(removes[0]), user=user, origin=origin)
    else:
        raise PrerequisiteFailed("cli-parameter-missing", option="-a")
    return SUCCESS


COMMAND = Command(
    "mkauthkeys",
    Family.LPAR,
    "Public keys with which you log in to this command line without a password",
    run,
    (
        Option("-a", "key", "add this key: a line of an OpenSSH public key file"),
        Option("--add", "key", "as -a"),
        Option("-r", "key", "remove this key: itself, its comment or its fingerprint"),
        Option("--remove", "key", "as -r"),
        STDERR,
    ),
)
