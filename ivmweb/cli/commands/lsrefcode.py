"""lsrefcode: the reference codes of partitions, newest first."""

from ivmweb.cli.command import Arguments, Command, Family, Io, Option
from ivmweb.cli.records import LISTING, Attribute, filters, print_records
from ivmweb.cli.selection import PARTITION_FILTERS, STDERR, SYSTEM, check_filters, check_system, is_filtered
from ivmweb.system.inventory import REFERENCE_CODES_KEPT
from ivmweb.system.models import ReferenceCode

CODES: tuple[Attribute[ReferenceCode], ...] = (
    Attribute("lpar_name", lambda row: row.partition.name),
    Attribute("lpar_id", lambda row: row.partition.lpar_id),
    Attribute("time_stamp", lambda row: f"{row.time:%m/%d/%Y %H:%M:%S}"),
    Attribute("refcode", lambda row: row.code),
)


def run(arguments: Arguments, io: Io) -> int:
    check_system(arguments)
    arguments.needed("-r")
    count = arguments.number("-n", 1, least=1, most=REFERENCE_CODES_KEPT)
    wanted = filters(arguments, PARTITION_FILTERS)
    check_filters(wanted)
    found: list[ReferenceCode] = []
    of_partition: dict[int, int] = {}
    for row in ReferenceCode.objects.select_related("partition").order_by("partition__lpar_id", "-time", "-pk"):
        told = of_partition.get(row.partition_id, 0)
        if told < count and is_filtered(row.partition.name, row.partition.lpar_id, wanted):
            of_partition[row.partition_id] = told + 1
            found.append(row)
    return print_records(arguments, io, CODES, found)


COMMAND = Command(
    "lsrefcode",
    Family.LPAR,
    "Reference codes of partitions, newest first",
    run,
    (
        Option("-r", "resource", "of what", choices=("lpar",)),
        Option("-n", "number", "so many of each; else the newest"),
        SYSTEM,
        *LISTING,
        STDERR,
    ),
    page="Reference Codes",
)
