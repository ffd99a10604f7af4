"""lslv: one logical volume, or those that are not mapped."""

from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io, Option
from ivmweb.cli.devices import natural
from ivmweb.cli.tables import FIELD, FORMAT, Column, Detail, Row, print_details, print_table
from ivmweb.cli.volume_groups import PARTITION_SIZE, identifier
from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system.models import LogicalVolume
from ivmweb.system.pools import device_of, partitions_of, volume_named

DETAILS = (
    (Detail("lvname", "LOGICAL VOLUME:"), Detail("vgname", "VOLUME GROUP:")),
    (Detail("lvid", "LV IDENTIFIER:"), Detail("access", "PERMISSION:")),
    (Detail("vgstate", "VG STATE:"), Detail("lvstate", "LV STATE:")),
    (Detail("lvtype", "TYPE:"), Detail("ppsize", "PP SIZE:")),
    (Detail("lps", "LPs:"), Detail("pps", "PPs:")),
)
FREE = (Column("lvname", "LV NAME", 15), Column("size", "SIZE(megabytes)", 17), Column("vgname", "VOLUME GROUP"))


def run(arguments: Arguments, io: Io) -> int:
    if arguments.has("-free"):
        if arguments.operands:
            raise arguments.operand_with("-free")
        rows = LogicalVolume.objects.filter(target_device=None).select_related("pool")
        print_table(arguments, io, FREE, [free(volume) for volume in sorted(rows, key=lambda one: natural(one.name))])
        return SUCCESS
    if not arguments.operands:
        raise PrerequisiteFailed("cli-parameter-missing", option="logical-volume")
    print_details(arguments, io, DETAILS, details_of(volume_named(arguments.operands[0])), 23)
    return SUCCESS


def free(volume: LogicalVolume) -> Row:
    return {"lvname": volume.name, "size": str(volume.size_mb), "vgname": volume.pool.name}


def details_of(volume: LogicalVolume) -> Row:
    count = str(partitions_of(volume.size_mb))
    return {
        "lvname": volume.name,
        "vgname": volume.pool.name,
        "lvid": f"{identifier(volume.pool)}.{volume.pk} ",
        "access": "read/write",
        "vgstate": "active/complete",
        "lvstate": "opened/syncd" if device_of(volume) else "closed/syncd",
        "lvtype": "jfs",
        "ppsize": PARTITION_SIZE,
        "lps": count,
        "pps": count,
    }


COMMAND = Command(
    "lslv",
    Family.IOS,
    "A logical volume, or those that are not mapped",
    run,
    (Option("-free", help="those that are not mapped"), FIELD, FORMAT),
    operand="logical-volume",
)
