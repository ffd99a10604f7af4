from collections.abc import Sequence

from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io, Option
from ivmweb.cli.devices import natural
from ivmweb.cli.tables import FIELD, FORMAT, Column, Row, print_table
from ivmweb.system import virtual_storage
from ivmweb.system.models import PhysicalVolume
from ivmweb.system.pools import physical_volume_named

NONE, NO_GROUP = "none", "None"
OF_LISTING = ("-free", "-avail", FIELD.name, FORMAT.name)
VOLUMES = (
    Column("pvname", "NAME", 16),
    Column("pvid", "PVID", 36),
    Column("vgname", "VG", 16),
    Column("status", "STATUS"),
)
SIZES = (Column("pvname", "NAME", 15), Column("pvid", "PVID", 35), Column("size", "SIZE(megabytes)"))


def run(arguments: Arguments, io: Io) -> int:
    arguments.not_both("-free", "-avail")
    if arguments.operands:
        if option := next(filter(arguments.has, OF_LISTING), None):
            raise arguments.operand_with(option)
        return one(arguments, io, physical_volume_named(arguments.operands[0]))
    volumes = sorted(PhysicalVolume.objects.select_related("target_device"), key=lambda one: natural(one.name))
    if arguments.has("-size"):
        print_table(arguments, io, SIZES, [row_of(volume) for volume in volumes])
    elif arguments.has("-free") or arguments.has("-avail"):
        print_table(arguments, io, SIZES, [row_of(volume) for volume in available(volumes)])
    else:
        print_table(arguments, io, VOLUMES, [row_of(volume) for volume in volumes])
    return SUCCESS


def available(volumes: Sequence[PhysicalVolume]) -> list[PhysicalVolume]:
    """What mkvdev can map: not mapped here, nor by its owner word another's. Raises HypervisorError, as chkdev."""
    not_mapped = [volume for volume in volumes if not hasattr(volume, "target_device")]
    mappable = virtual_storage.mappable(not_mapped)
    return [volume for volume in not_mapped if volume.pk in mappable]


def row_of(volume: PhysicalVolume) -> Row:
    """Whole volumes are mapped; none is in a volume group, which would give it a PVID."""
    size = str(volume.size_mb)
    return {"pvname": volume.name, "pvid": NONE, "vgname": NO_GROUP, "status": volume.trouble, "size": size}


def one(arguments: Arguments, io: Io, found: PhysicalVolume) -> int:
    if arguments.has("-size"):
        io.line(str(found.size_mb))
        return SUCCESS
    pairs = (
        ("PHYSICAL VOLUME:", found.name),
        ("PV IDENTIFIER:", NONE),
        ("UNIQUE ID:", found.unique_id),
        ("TOTAL SIZE:", f"{found.size_mb} megabytes"),
        ("LOCATION:", found.location),
        *([("PV STATE:", found.trouble)] if found.trouble else []),
    )
    for label, value in pairs:
        io.line(f"{label:<20}{value}")
    return SUCCESS


COMMAND = Command(
    "lspv",
    Family.IOS,
    "Physical volumes",
    run,
    (
        Option(
            "-avail",
            help="those that can be mapped, with their size: not those that another server has",
        ),
        Option("-free", help="as -avail"),
        Option("-size", help="with the size in megabytes"),
        FIELD,
        FORMAT,
    ),
    operand="physical-volume",
    page="Properties of a partition, Storage",
)
