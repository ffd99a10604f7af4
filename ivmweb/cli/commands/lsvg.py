"""lsvg and lssp: storage pools, which a Virtual I/O Server calls volume groups as well."""

from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io, Option
from ivmweb.cli.devices import natural
from ivmweb.cli.tables import FIELD, FORMAT, Column, Detail, Row, print_details, print_table
from ivmweb.cli.volume_groups import PARTITION_SIZE, identifier
from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system.models import LogicalVolume, StoragePool
from ivmweb.system.models.storage import MEDIA_FOLDER
from ivmweb.system.pools import PARTITION_MB, REPOSITORY, partitions_of, pool_named, space_of

DETAILS = (
    (Detail("vgname", "VOLUME GROUP:"), Detail("vgid", "VG IDENTIFIER:")),
    (Detail("vgstate", "VG STATE:"), Detail("ppsize", "PP SIZE:")),
    (Detail("access", "VG PERMISSION:"), Detail("totalpps", "TOTAL PPs:")),
    (Detail("numlvs", "LVs:"), Detail("freepps", "FREE PPs:")),
    (Detail("openlvs", "OPEN LVs:"), Detail("usedpps", "USED PPs:")),
)
VOLUMES = (
    Column("lvname", "LV NAME", 19),
    Column("lvtype", "TYPE", 10),
    Column("lps", "LPs", 7),
    Column("pps", "PPs", 7),
    Column("pvs", "PVs", 4),
    Column("lvstate", "LV STATE", 13),
    Column("mount", "MOUNT POINT"),
)
POOLS = (
    Column("name", "Pool", 17),
    Column("size", "Size(mb)", 8, right=True),
    Column("free", "Free(mb)", 10, right=True),
    Column("alloc", "Alloc Size(mb)", 15, right=True),
    Column("bds", "BDs", 6, right=True),
    Column("type", "Type"),
)
DEVICES = (
    Column("bdname", "Name", 16),
    Column("size", "Size(mb)", 8, right=True),
    Column("vtd", "VTD", 15),
    Column("svsa", "SVSA"),
)
NO_DEVICE = "None"
DISKS = 1  # on which a pool lies: the machine's own
SP = Option("-sp", "storage-pool", "of this pool; the default one without it")


def pools() -> list[StoragePool]:
    """By name, with what takes their space: three queries, whatever their number."""
    rows = StoragePool.objects.prefetch_related("logical_volumes__target_device__adapter", "repositories")
    return sorted(rows, key=lambda pool: natural(pool.name))


def volume_groups(arguments: Arguments, io: Io) -> int:
    if not arguments.operands:
        if arguments.has("-lv"):
            raise PrerequisiteFailed("cli-parameter-missing", option="volume-group")
        for option in (FIELD.name, FORMAT.name):
            if arguments.has(option):
                raise PrerequisiteFailed("cli-goes-with", option=option, needed="a volume group, named before it,")
        io.out("".join(f"{pool.name}\n" for pool in pools()))
        return SUCCESS
    for name in arguments.operands:
        pool = pool_named(name)
        if arguments.has("-lv"):
            list_volumes(arguments, io, pool)
        else:
            print_details(arguments, io, DETAILS, details_of(pool), 25)
    return SUCCESS


def details_of(pool: StoragePool) -> Row:
    space, rows = space_of(pool), volume_rows(pool)
    return {
        "vgname": pool.name,
        "vgid": identifier(pool),
        "vgstate": "active",
        "access": "read/write",
        "ppsize": PARTITION_SIZE,
        "totalpps": partitions(space.total_mb),
        "freepps": partitions(space.free_mb),
        "usedpps": partitions(space.used_mb),
        "numlvs": str(len(rows)),
        "openlvs": str(sum(row["lvstate"].startswith("open") for row in rows)),
    }


def partitions(size_mb: int) -> str:
    return f"{size_mb // PARTITION_MB} ({size_mb} megabytes)"


def list_volumes(arguments: Arguments, io: Io, pool: StoragePool) -> None:
    if not arguments.has(FORMAT.name):
        io.line(f"{pool.name}:")
    print_table(arguments, io, VOLUMES, volume_rows(pool))


def volume_rows(pool: StoragePool) -> list[Row]:
    """Two queries; the media library, a file system of its own, stands last."""
    volumes = pool.logical_volumes.select_related("target_device")
    rows = [
        volume_row(volume.name, volume.size_mb, "jfs", is_open=hasattr(volume, "target_device"))
        for volume in sorted(volumes, key=lambda volume: natural(volume.name))
    ]
    for library in pool.repositories.all():
        rows.append(volume_row(REPOSITORY, library.size_mb, "jfs2", is_open=True, mount=MEDIA_FOLDER))
    return rows


def volume_row(name: str, size_mb: int, kind: str, *, is_open: bool, mount: str = "N/A") -> Row:
    count = str(partitions_of(size_mb))
    more = {"pvs": str(DISKS), "lvstate": "open/syncd" if is_open else "closed/syncd", "mount": mount}
    return {"lvname": name, "lvtype": kind, "lps": count, "pps": count, **more}


def storage_pools(arguments: Arguments, io: Io) -> int:
    arguments.not_both("-default", "-bd")
    if arguments.has("-default"):
        io.out("".join(f"{pool.name}\n" for pool in pools() if pool.is_default))
    elif arguments.has("-bd"):
        print_table(arguments, io, DEVICES, [device_row(volume) for volume in volumes_of(wanted_pool(arguments))])
    else:
        found = pools()
        if arguments.has(SP.name):
            found = [pool for pool in found if pool == pool_named(arguments.needed(SP.name))]
        print_table(arguments, io, POOLS, [pool_row(pool) for pool in found])
    return SUCCESS


def wanted_pool(arguments: Arguments) -> StoragePool:
    if arguments.has(SP.name):
        return pool_named(arguments.needed(SP.name))
    default = StoragePool.objects.filter(is_default=True).first()
    if default is None:
        raise PrerequisiteFailed("cli-parameter-missing", option=SP.name)
    return default


def pool_row(pool: StoragePool) -> Row:
    space = space_of(pool)
    return {
        "name": pool.name,
        "size": str(space.total_mb),
        "free": str(space.free_mb),
        "alloc": str(PARTITION_MB),
        "bds": str(len(pool.logical_volumes.all())),
        "type": "LVPOOL",
    }


def volumes_of(pool: StoragePool) -> list[LogicalVolume]:
    rows = pool.logical_volumes.select_related("target_device__adapter")
    return sorted(rows, key=lambda volume: natural(volume.name))


def device_row(volume: LogicalVolume) -> Row:
    device = getattr(volume, "target_device", None)
    return {
        "bdname": volume.name,
        "size": str(volume.size_mb),
        "vtd": device.name if device else NO_DEVICE,
        "svsa": device.adapter.name if device else NO_DEVICE,
    }


COMMANDS = (
    Command(
        "lsvg",
        Family.IOS,
        "Volume groups, which are the storage pools",
        volume_groups,
        (Option("-lv", help="the logical volumes of the group"), FIELD, FORMAT),
        operand="volume-group",
        most_operands=None,
    ),
    Command(
        "lssp",
        Family.IOS,
        "Storage pools, and the logical volumes in one",
        storage_pools,
        (
            Option("-bd", help="the backing devices of the pool"),
            SP,
            Option("-default", help="the name of the default pool"),
            FIELD,
            FORMAT,
        ),
    ),
)
