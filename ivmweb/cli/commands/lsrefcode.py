"""lsrefcode: the reference codes of partitions, newest first."""

from collections.abc import Sequence

from ivmweb.cli.command import Arguments, Command, Family, Io, Option
from ivmweb.cli.records import LISTING, Attribute, filters, print_records
from ivmweb.cli.selection import PARTITION_FILTERS, STDERR, SYSTEM, check_filters, check_system, is_filtered
from ivmweb.system.inventory import REFERENCE_CODES_KEPT, codes_to_come
from ivmweb.system.models import LogicalPartition, ReferenceCode

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
    chosen = [row for row in LogicalPartition.objects.all() if is_filtered(row.name, row.lpar_id, wanted)]
    found = [row for codes in codes_of(chosen, count).values() for row in codes]
    return print_records(arguments, io, CODES, found)


def codes_of(partitions: Sequence[LogicalPartition], count: int) -> dict[int, list[ReferenceCode]]:
    """The newest first; those on record, and what a partition shows already before it is on record."""
    recorded: dict[int, list[ReferenceCode]] = {row.pk: [] for row in partitions}
    for row in ReferenceCode.objects.select_related("partition").order_by("-time", "-pk"):
        codes = recorded.get(row.partition_id)
        if codes is not None and len(codes) < count:
            codes.append(row)
    newest = {row: next((code.code for code in recorded[row.pk]), "") for row in partitions}
    for shown in codes_to_come(newest, count):
        codes = recorded[shown.partition_id]
        if all((one.code, one.time) != (shown.code, shown.time) for one in codes):
            codes.append(shown)
    # In order already where they have the same time.
    return {pk: sorted(codes, key=lambda row: row.time, reverse=True)[:count] for pk, codes in recorded.items()}


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
    api="GET /api/v1/partitions/{lpar_id}/reference-codes",
)
