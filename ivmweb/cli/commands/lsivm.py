from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io
from ivmweb.system.models import MANAGEMENT_PARTITION_ID, ManagedSystem


def run(_arguments: Arguments, io: Io) -> int:
    system = ManagedSystem.objects.get()
    io.line(f"{system.type_model},{system.serial_number},{MANAGEMENT_PARTITION_ID}")
    return SUCCESS


COMMAND = Command(
    "lsivm",
    Family.LPAR,
    "Type, model and serial number of the server, and the ID of its management partition",
    run,
    page="View/Modify System Properties",
    api="GET /api/v1/system",
)
