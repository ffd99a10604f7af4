from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io
from ivmweb.system.models import MANAGEMENT_PARTITION_ID, LogicalPartition


def run(_arguments: Arguments, io: Io) -> int:
    management = LogicalPartition.objects.get(lpar_id=MANAGEMENT_PARTITION_ID)
    io.line(management.os_version.removeprefix("VIOS").strip())
    return SUCCESS


COMMAND = Command(
    "ioslevel",
    Family.IOS,
    "The level of this Virtual I/O Server",
    run,
    page="View/Modify Partitions, properties of the management partition",
)
