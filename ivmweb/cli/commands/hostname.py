from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io
from ivmweb.system.models import ManagedSystem


def run(_arguments: Arguments, io: Io) -> int:
    io.line(ManagedSystem.objects.get().host_name)
    return SUCCESS


COMMAND = Command(
    "hostname",
    Family.IOS,
    "The host name of this Virtual I/O Server",
    run,
    page="View/Modify System Properties",
    api="GET /api/v1/system",
)
