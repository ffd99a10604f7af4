"""Storage pools: their space, and the logical volumes in it (IVM's virtual disks).

A pool is given out in whole physical partitions. The virtual media repository takes its space from one, too.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

from django.db.models import Model, QuerySet
from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.common.sentence import Sentence
from ivmweb.monitor import notices
from ivmweb.system import virtual_disks
from ivmweb.system.actions import action
from ivmweb.system.models import (
    LogicalVolume,
    ManagedSystem,
    PhysicalVolume,
    StoragePool,
    VirtualServerAdapter,
    VirtualTargetDevice,
)
from ivmweb.system.rights import AnyUser, Right
from ivmweb.transactions import serialized

Thing = TypeVar("Thing", bound=Model)

CREATE, DELETE = _("Create Virtual Disk"), _("Delete Virtual Disk")
MADE = _("Virtual disk {name}: {size_mb} MB of storage pool {pool}")
DELETED = _("Virtual disk {name}, {size_mb} MB of storage pool {pool}, deleted")

PARTITION_MB = 64  # a physical partition, the unit of a pool's space
LONGEST_NAME = 15
NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]*", re.ASCII)
REPOSITORY = "VMLibrary"  # the logical volume that a repository is, in the words of a Virtual I/O Server
# Devices of the Virtual I/O Server that no record names.
OTHER_DEVICES = re.compile(r"(ibmvmc|vasi|vsa|vio|ent|fcs|fscsi)\d+", re.ASCII)
MOST_KNOWN = 8  # that a refusal names


@dataclass(frozen=True)
class Space:
    """Of a pool, in MB, all of it in whole physical partitions."""

    total_mb: int
    used_mb: int

    @property
    def free_mb(self) -> int:
        return self.total_mb - self.used_mb


def partitions_of(size_mb: int) -> int:
    """How many physical partitions so much takes: 65 → 2."""
    return -(-size_mb // PARTITION_MB)


def whole(size_mb: int) -> int:
    """The space that so much takes: 65 → 128."""
    return partitions_of(size_mb) * PARTITION_MB


def space_of(pool: StoragePool) -> Space:
    """Two queries, or none where `logical_volumes` and `repositories` are prefetched."""
    sizes = [volume.size_mb for volume in pool.logical_volumes.all()]
    sizes += [repository.size_mb for repository in pool.repositories.all()]
    return Space(pool.size_mb // PARTITION_MB * PARTITION_MB, sum(map(whole, sizes)))


def take(pool: StoragePool, size_mb: int, name: str) -> int:
    """The size in whole physical partitions, which are free. Raises PrerequisiteFailed. Inside a transaction."""
    needed = whole(size_mb)
    free = space_of(pool).free_mb
    if needed > free:
        raise PrerequisiteFailed("pool-full", name=name, needed_mb=needed, free_mb=free, pool=pool.name)
    return needed


def named(rows: QuerySet[Thing], kind: str, name: str, order: str = "pk") -> Thing:
    """The one of that name. Raises PrerequisiteFailed, which names the first of `rows` in that order."""
    found = rows.filter(name=name).first()
    if found is None:
        raise unknown(kind, name, rows.order_by(order))
    return found


def unknown(kind: str, name: str, rows: QuerySet[Thing]) -> PrerequisiteFailed:
    known = list(rows.values_list("name", flat=True)[: MOST_KNOWN + 1])
    there = [*known[:MOST_KNOWN], *(["..."] if len(known) > MOST_KNOWN else [])]
    return PrerequisiteFailed(
        "storage-unknown",
        kind=kind,
        name=name[:64] or '""',
        system=ManagedSystem.objects.get().host_name,
        known=", ".join(there) or "nothing",
    )


def pool_named(name: str) -> StoragePool:
    return named(StoragePool.objects.all(), "storage pool", name, "name")


def volume_named(name: str) -> LogicalVolume:
    return named(LogicalVolume.objects.select_related("pool"), "logical volume", name, "name")


def physical_volume_named(name: str) -> PhysicalVolume:
    rows = PhysicalVolume.objects.select_related("target_device__adapter__partition")
    return named(rows, "physical volume", name)


def taken_names() -> set[str]:
    """Names of all devices on record; each is a device of its own for the Virtual I/O Server. One query."""
    models = (VirtualServerAdapter, PhysicalVolume, LogicalVolume, StoragePool)
    others = [model.objects.order_by().values_list("name", flat=True) for model in models]
    return set(VirtualTargetDevice.objects.order_by().values_list("name", flat=True).union(*others))


def new_name(wanted: str, prefix: str, *, digits: int = 1) -> str:
    """The wanted one where it may be used, or the lowest free number after `prefix`. Raises PrerequisiteFailed."""
    taken = taken_names()
    made = wanted or next(name for number in count() if (name := f"{prefix}{number:0{digits}}") not in taken)
    check_name(made)
    if made in taken or made == REPOSITORY or OTHER_DEVICES.fullmatch(made):
        system = ManagedSystem.objects.get().host_name
        raise PrerequisiteFailed("device-name-taken", name=made, system=system)
    return made


def check_name(name: str) -> None:
    if len(name) > LONGEST_NAME or not NAME.fullmatch(name):
        raise PrerequisiteFailed("device-name-not-usable", name=name[:64], longest=LONGEST_NAME)


def create_volume(
    pool_name: str, size_mb: int, *, name: str = "", prefix: str = "lv", user: AnyUser, origin: str
) -> str:
    """A logical volume of at least that size; its name, which is `prefix` and a number where none is given.

    Raises PrerequisiteFailed or HypervisorError with nothing changed.
    """
    with action(user, origin, Right.CHANGE, CREATE, name or pool_name) as report, serialized():
        pool = pool_named(pool_name)
        made = new_name(name, prefix, digits=2)
        volume = make(pool, made, size_mb)
        report.lines.append(said_of_made(volume))
        notices.publish(notices.SYSTEM)
    return made


def make(pool: StoragePool, name: str, size_mb: int) -> LogicalVolume:
    """Record and file, in whole physical partitions. Inside a transaction, near its end: see virtual_disks.py."""
    size_mb = take(pool, size_mb, name)
    unique_id, path = virtual_disks.make_file(name, size_mb)
    return LogicalVolume.objects.create(pool=pool, name=name, size_mb=size_mb, unique_id=unique_id, path=path)


def said_of_made(volume: LogicalVolume) -> Sentence:
    return Sentence(MADE, {"name": volume.name, "size_mb": volume.size_mb, "pool": volume.pool.name})


def delete_volumes(names: Sequence[str], *, user: AnyUser, origin: str) -> None:
    """All of them, or none. Raises PrerequisiteFailed, also for one that is mapped."""
    with action(user, origin, Right.CHANGE, DELETE, ", ".join(names)) as report:
        with serialized():
            volumes = [volume_named(name) for name in dict.fromkeys(names)]
            for volume in volumes:
                if device := device_of(volume):
                    raise mapped(volume, device)
                virtual_disks.check_settled(volume)
            report.lines += [delete(volume) for volume in volumes]
            notices.publish(notices.SYSTEM)
        report.lines += virtual_disks.remove_files(volumes)


def delete(volume: LogicalVolume) -> Sentence:
    """Inside a transaction; what Monitor Tasks says of it. Its file goes after the commit (virtual_disks.py)."""
    volume.delete()
    return Sentence(DELETED, {"name": volume.name, "size_mb": volume.size_mb, "pool": volume.pool.name})


def device_of(backing: PhysicalVolume | LogicalVolume) -> VirtualTargetDevice | None:
    rows = VirtualTargetDevice.objects.select_related("adapter__partition")
    if isinstance(backing, PhysicalVolume):
        return rows.filter(physical_volume=backing).first()
    return rows.filter(logical_volume=backing).first()


def mapped(backing: PhysicalVolume | LogicalVolume, device: VirtualTargetDevice) -> PrerequisiteFailed:
    partition = device.adapter.partition
    return PrerequisiteFailed(
        "backing-device-mapped",
        backing=backing.name,
        device=device.name,
        adapter=device.adapter.name,
        name=partition.name,
        lpar_id=partition.lpar_id,
    )
