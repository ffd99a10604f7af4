"""The disks and the optical drive that a partition is made with: behind its first vhost, in the transaction of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from ivmweb.common.sentence import Sentence
from ivmweb.hypervisor.base import LunFacts
from ivmweb.system import media, pools, virtual_storage
from ivmweb.system.models import VirtualServerAdapter, VirtualTargetDevice
from ivmweb.system.virtual_storage import DRIVE, DRIVE_PREFIX, MAPPED, said


@dataclass(frozen=True)
class NewDisk:
    pool: str
    size_mb: int
    name: str = ""  # empty: lv and a number


@dataclass(frozen=True)
class Storage:
    disks: tuple[str, ...] = ()  # physical volumes and virtual disks that there are
    new_disk: NewDisk | None = None
    has_drive: bool = False
    medium: str = ""  # to load in the drive


NOTHING = Storage()
Seen = Mapping[str, LunFacts]


def look(storage: Storage) -> Seen:
    """Owner words of the disks, by their names; the hypervisor is asked, so not inside a transaction.

    Raises PrerequisiteFailed or HypervisorError.
    """
    return {name: virtual_storage.look(virtual_storage.backing_to_map(name)) for name in dict.fromkeys(storage.disks)}


def attach(host: VirtualServerAdapter, storage: Storage, seen: Seen) -> list[Sentence]:
    """What Monitor Tasks says of it. Raises as `look`; a new disk comes last, since its file is made at once."""
    lines = [said(MAPPED, map_disk(host, name, seen[name]), backing=name) for name in dict.fromkeys(storage.disks)]
    lines += drive_with_medium(host, storage.medium) if storage.has_drive else []
    return [*lines, *make_disk(host, storage.new_disk)] if storage.new_disk else lines


def map_disk(host: VirtualServerAdapter, name: str, seen: LunFacts) -> VirtualTargetDevice:
    backing = virtual_storage.backing_named(name, virtual_storage.free_volumes())
    return virtual_storage.map_volume(backing, seen, host)


def drive_with_medium(host: VirtualServerAdapter, name: str) -> list[Sentence]:
    medium = media.medium_named(name) if name else None
    if medium and not medium.is_read_only:
        media.check_unloaded(medium)
    device = VirtualTargetDevice.objects.create(
        name=pools.new_name("", DRIVE_PREFIX),
        adapter=host,
        lun_number=virtual_storage.free_lun(host, host.partition),
        is_optical=True,
        medium=medium,
    )
    return [said(DRIVE, device), *([media.said(media.LOADED, device, medium)] if medium else [])]


def make_disk(host: VirtualServerAdapter, wanted: NewDisk) -> list[Sentence]:
    pool = pools.pool_named(wanted.pool)
    volume = pools.make(pool, pools.new_name(wanted.name, "lv", digits=2), wanted.size_mb)
    return [pools.said_of_made(volume), said(MAPPED, virtual_storage.device_for(host, volume), backing=volume.name)]
