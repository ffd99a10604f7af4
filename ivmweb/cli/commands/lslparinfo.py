from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io
from ivmweb.system.models import MANAGEMENT_PARTITION_ID, LogicalPartition


def run(_arguments: Arguments, io: Io) -> int:
    management = LogicalPartition.objects.get(lpar_id=MANAGEMENT_PARTITION_ID)
    io.line(f"{management.lpar_id} {management.name}")
    return SUCCESS


COMMAND = Command(
    "lslparinfo", Family.IOS, "ID and name of the management partition", run, page="View/Modify Partitions"
)
