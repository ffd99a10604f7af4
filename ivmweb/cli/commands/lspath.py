"""lspath and chkdev: how the physical volumes are reached, and what could become of them."""

from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io, Option
from ivmweb.cli.devices import FIBRE_CHANNEL_PROTOCOL, device_names, natural, parent_of
from ivmweb.cli.tables import FIELD, FORMAT, Column, Row, chosen, delimited, print_table
from ivmweb.system import virtual_storage
from ivmweb.system.models import PhysicalVolume
from ivmweb.system.pools import physical_volume_named
from ivmweb.system.virtual_storage import Path

ENABLED, FAILED = "Enabled", "Failed"
STATUSES = ("enabled", "disabled", "failed", "missing", "defined", "available", "detected")  # as AIX has them
PATHS = (
    Column("status", "status", 7),
    Column("name", "name", 8),
    Column("parent", "parent", 7),
    Column("conn", "connection"),
)
DEVICES = (
    Column("name", "NAME", 16),
    Column("identifier", "IDENTIFIER", 36),
    Column("phys2virt_capable", "PHYS2VIRT_CAPABLE", 18),
    Column("virt2npiv_capable", "VIRT2NPIV_CAPABLE", 18),
    Column("virt2phys_capable", "VIRT2PHYS_CAPABLE"),
)
YES, NO, NOT_APPLICABLE = "YES", "NO", "NA"
DEV = Option("-dev", "physical-volume", "of this one")


def volumes(arguments: Arguments) -> list[PhysicalVolume]:
    """All, or the one of -dev; one query. Raises PrerequisiteFailed."""
    if arguments.has(DEV.name):
        return [physical_volume_named(arguments.needed(DEV.name))]
    return sorted(PhysicalVolume.objects.select_related("target_device"), key=lambda one: natural(one.name))


def paths(arguments: Arguments, io: Io) -> int:
    check_asked(arguments)
    rows = [path_row(path) for path in virtual_storage.paths(volumes(arguments))]
    connection_asked = arguments.text("-conn")
    if arguments.has("-conn") and all(row["conn"].lower() != connection_asked.lower() for row in rows):
        raise arguments.not_there("connection", connection_asked)
    print_table(arguments, io, PATHS, [row for row in rows if is_wanted(arguments, row)])
    return SUCCESS


def check_asked(arguments: Arguments) -> None:
    """Raises PrerequisiteFailed for a status that no path has, and for an adapter that is not there."""
    if arguments.has("-status") and arguments.text("-status").lower() not in STATUSES:
        raise arguments.wrong("-status", arguments.text("-status"), " or ".join(STATUSES))
    adapter = arguments.text("-pdev")
    if arguments.has("-pdev") and adapter.lower() != FIBRE_CHANNEL_PROTOCOL and adapter not in device_names():
        raise arguments.not_there("device", adapter)


def path_row(path: Path) -> Row:
    return {
        "status": ENABLED if path.works else FAILED,
        "name": path.volume.name,
        "parent": parent_of(path.volume),
        "conn": connection(path.volume.location) or path.volume.path,
    }


def connection(location: str) -> str:
    """`5005076303030053,4011400400000000` of a location code that ends in -W...-L...: port and LUN. Or nothing."""
    port, _dash, lun = location.partition("-W")[2].partition("-L")
    return f"{port},{lun}" if lun else ""


def is_wanted(arguments: Arguments, row: Row) -> bool:
    asked = {"parent": "-pdev", "status": "-status", "conn": "-conn"}
    return all(
        row[field].lower() == arguments.text(option).lower()
        for field, option in asked.items()
        if arguments.has(option)
    )


def check(arguments: Arguments, io: Io) -> int:
    found = volumes(arguments)
    mappable = virtual_storage.mappable([volume for volume in found if not is_mapped(volume)])
    rows = [capabilities(volume, is_mappable=volume.pk in mappable) for volume in found]
    if not arguments.has("-verbose"):
        print_table(arguments, io, DEVICES, rows)
        return SUCCESS
    names = chosen(arguments, [column.field for column in DEVICES])
    if arguments.has(FORMAT.name):
        io.out(delimited(arguments, names, rows))
    else:
        io.out("\n".join("".join(f"{f'{name.upper()}:':<21}{row[name]}\n" for name in names) for row in rows))
    return SUCCESS


def is_mapped(volume: PhysicalVolume) -> bool:
    return hasattr(volume, "target_device")


def capabilities(volume: PhysicalVolume, *, is_mappable: bool) -> Row:
    """A LUN keeps its identity whoever sees it; this server has no virtual Fibre Channel to move one to."""
    if is_mapped(volume):
        to_virtual, to_npiv, to_physical = NOT_APPLICABLE, NO, YES if volume.unique_id else NO
    else:
        to_virtual, to_npiv, to_physical = YES if is_mappable else NO, NOT_APPLICABLE, NOT_APPLICABLE
    return {
        "name": volume.name,
        "identifier": volume.unique_id,
        "phys2virt_capable": to_virtual,
        "virt2npiv_capable": to_npiv,
        "virt2phys_capable": to_physical,
    }


COMMANDS = (
    Command(
        "lspath",
        Family.IOS,
        "Paths to the physical volumes, and whether they work",
        paths,
        (
            DEV,
            Option("-pdev", "adapter", "through this adapter"),
            Option("-status", "status", "in this state, e.g. enabled or failed"),
            Option("-conn", "connection", "to this port and LUN"),
            FIELD,
            FORMAT,
        ),
    ),
    Command(
        "chkdev",
        Family.IOS,
        "Whether physical volumes can be mapped, or given to a server without one",
        check,
        (DEV, Option("-verbose", help="a field a line"), FIELD, FORMAT),
    ),
)
