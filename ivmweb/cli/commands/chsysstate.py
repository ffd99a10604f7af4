"""chsysstate: activate and shut down, by the services of the pages Activate and Shutdown."""

from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io, Option
from ivmweb.cli.selection import ID, STDERR, SYSTEM, check_system, partition_of
from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.hypervisor.base import ShutdownKind
from ivmweb.system import services
from ivmweb.system.rights import Right

NAME = Option("-n", "name", "the partition, by its name")
ON, OS_SHUTDOWN, SHUTDOWN = "on", "osshutdown", "shutdown"
NORMAL = ("norm",)


def run(arguments: Arguments, io: Io) -> int:
    check_system(arguments)
    arguments.needed("-r")
    operation = arguments.needed("-o")
    if operation == ON and (arguments.has("--immed") or arguments.has("--restart")):
        raise PrerequisiteFailed("cli-operand", command="chsysstate", value="--immed or --restart with -o on")
    partition = partition_of(arguments, NAME)
    user, origin = io.caller.user, io.caller.origin
    if operation == ON:
        services.activate(partition, user, origin)
    else:
        services.shut_down(partition, kind_of(arguments), arguments.has("--restart"), user, origin)
    return SUCCESS


def kind_of(arguments: Arguments) -> ShutdownKind:
    if arguments.has("--immed"):
        return ShutdownKind.IMMEDIATE
    return ShutdownKind.OS if arguments.text("-o") == OS_SHUTDOWN else ShutdownKind.DELAYED


COMMAND = Command(
    "chsysstate",
    Family.LPAR,
    "Activate a partition, or shut it down",
    run,
    (
        Option("-r", "resource", "what to change", choices=("lpar",)),
        Option(
            "-o",
            "operation",
            "activate, ask its operating system to end, or end it",
            choices=(ON, OS_SHUTDOWN, SHUTDOWN),
        ),
        NAME,
        ID,
        Option("-f", "profile-name", "accepted, without effect: a partition has one profile here"),
        Option("-b", "boot-mode", "how it starts", choices=NORMAL),
        Option("-k", "keylock", "position of its lock", choices=NORMAL),
        Option("--immed", help="with -o shutdown or osshutdown: at once, as by a power cut"),
        Option("--restart", help="start it again afterwards"),
        SYSTEM,
        STDERR,
    ),
    page="Activate; Shutdown",
    api="POST /api/v1/partitions/{lpar_id}/activate; POST /api/v1/partitions/{lpar_id}/shutdown",
    changes=Right.CHANGE,
    syntax=(
        "chsysstate -r lpar -o on { -n name | --id partition-ID } [-b norm] [-k norm] [-m managed-system]",
        "chsysstate -r lpar -o osshutdown | shutdown { -n name | --id partition-ID } [--immed] [--restart]",
    ),
)
