"""What hangs on the virtual SCSI server adapters: mapping disks to partitions, optical drives, taking them away.

A change excludes every operation with the partition in its row, by compare-and-set, as a change of properties does.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import HypervisorError, PrerequisiteFailed
from ivmweb.common.sentence import Sentence
from ivmweb.hypervisor.base import LunFacts, LunReference, OwnerWord
from ivmweb.monitor import notices
from ivmweb.system import adapters, luns, owners, pools, services, virtual_disks, volumes
from ivmweb.system.actions import action
from ivmweb.system.adapters import Scsi
from ivmweb.system.epochs import next_epoch
from ivmweb.system.models import (
    LogicalPartition,
    LogicalVolume,
    ManagedSystem,
    PartitionState,
    PhysicalVolume,
    VirtualServerAdapter,
    VirtualTargetDevice,
    VolumeTrouble,
)
from ivmweb.system.properties import claim_for_devices
from ivmweb.system.rights import AnyUser, Right
from ivmweb.system.sections import who
from ivmweb.transactions import serialized

Backing = PhysicalVolume | LogicalVolume

CREATE, REMOVE = _("Create Virtual Target Device"), _("Remove Virtual Target Device")
CONFIGURE = _("Configure Devices")
MAPPED = _("{device} at {adapter}: {backing} is mapped to partition {name} (ID {lpar_id}), LUN {lun}")
DRIVE = _("{device} at {adapter}: an optical drive for partition {name} (ID {lpar_id}), LUN {lun}")
REMOVED = _("{device} at {adapter} removed from partition {name} (ID {lpar_id})")

FIRST_LUN, LAST_LUN = 0x81, 0xFF
DISK, DRIVE_PREFIX = "vtscsi", "vtopt"


@dataclass(frozen=True)
class Path:
    """To a LUN, through the Fibre Channel adapter; each has one."""

    volume: PhysicalVolume
    works: bool


@dataclass(frozen=True)
class Removed:
    device: str
    volume: str = ""  # the logical volume that was deleted with it


def map_device(adapter_name: str, backing_name: str, *, name: str = "", user: AnyUser, origin: str) -> str:
    """Map a whole physical volume or a logical volume to the adapter's partition; the virtual target device's name.

    Raises PrerequisiteFailed or HypervisorError with nothing changed.
    """
    with action(user, origin, Right.CHANGE, CREATE, adapter_name) as report:
        wanted = backing_to_map(backing_name)
        seen = look(wanted)  # before the transaction, which has to be short

        def map_it() -> VirtualTargetDevice:
            adapter, _partition = claimed(adapter_name)
            backing = backing_named(backing_name, free_volumes())
            return map_volume(backing, seen, adapter, name)

        device = luns.change(adapter_named(adapter_name).partition, [wanted], map_it)
        report.lines.append(said(MAPPED, device, backing=device.backing_device))
    return device.name


def add_drive(adapter_name: str, *, name: str = "", user: AnyUser, origin: str) -> str:
    """An empty optical drive for the adapter's partition; its name. Raises PrerequisiteFailed or HypervisorError."""
    with action(user, origin, Right.CHANGE, CREATE, adapter_name) as report:

        def add_it() -> VirtualTargetDevice:
            adapter, partition = claimed(adapter_name)
            return VirtualTargetDevice.objects.create(
                name=pools.new_name(name, DRIVE_PREFIX),
                is_user_defined=bool(name),
                adapter=adapter,
                lun_number=free_lun(adapter, partition),
                is_optical=True,
            )

        device = luns.change(adapter_named(adapter_name).partition, (), add_it, with_drives=True)
        report.lines.append(said(DRIVE, device))
    return device.name


def remove_device(name: str, *, with_volume: bool = False, user: AnyUser, origin: str) -> Removed:
    """Take a virtual target device from its partition, and delete the logical volume behind it with `with_volume`.

    The LUN of a physical volume is free then. Raises PrerequisiteFailed or HypervisorError with nothing changed.
    """
    with action(user, origin, Right.CHANGE, REMOVE, name) as report:
        removed, lines = remove(device_named(name), lambda: no_device(name), with_volume=with_volume)
        report.lines += lines
    return removed


def remove_device_of(backing_name: str, *, with_volume: bool = False, user: AnyUser, origin: str) -> Removed:
    """As remove_device, of the one that maps this physical or logical volume."""
    with action(user, origin, Right.CHANGE, REMOVE, backing_name) as report:
        device = pools.device_of(backing_named(backing_name, PhysicalVolume.objects.exclude(target_device=None)))
        not_mapped = PrerequisiteFailed("not-mapped", backing=backing_name)
        if device is None:
            raise not_mapped
        removed, lines = remove(device, lambda: not_mapped, with_volume=with_volume)
        report.lines += lines
    return removed


def remove_adapter(name: str, *, with_devices: bool, user: AnyUser, origin: str) -> list[str]:
    """Take a vhost from its partition; the names of the virtual target devices that went with it, in their order.

    Raises as remove_device.
    """
    with action(user, origin, Right.CHANGE, adapters.REMOVE, name) as report:

        def remove_it() -> tuple[list[VirtualTargetDevice], Sentence]:
            adapter, partition = claimed(name)
            devices: list[VirtualTargetDevice] = []
            if with_devices:
                devices += devices_of(adapter)
                adapter.target_devices.all().delete()
            return devices, adapters.drop_scsi(adapter, partition)

        adapter = adapter_named(name)
        going = devices_of(adapter) if with_devices else []
        backings = [device.physical_volume or device.logical_volume for device in going]
        has_drive = any(device.is_optical for device in going)
        devices, dropped = luns.change(adapter.partition, backings, remove_it, with_drives=has_drive)
        report.lines += [*(said(REMOVED, device) for device in devices), dropped]
    return [device.name for device in devices]


def devices_of(adapter: VirtualServerAdapter) -> list[VirtualTargetDevice]:
    return list(adapter.target_devices.select_related("adapter__partition", "physical_volume", "logical_volume"))


def configure(*, with_luns: bool = True, user: AnyUser, origin: str) -> list[Sentence]:
    """Record the LUNs that the hypervisor finds, and make a vhost for each client partition that has none.

    What has changed, and where the hypervisor could not look. An adapter comes in the client's lowest free slot; a
    partition that is held is left alone. Raises PrerequisiteFailed or HypervisorError.
    """
    system = ManagedSystem.objects.get()
    with action(user, origin, Right.CHANGE, CONFIGURE, system.host_name) as report:
        report.lines += volumes.discover() if with_luns else []
        with serialized():
            report.lines += map(adapters.scsi_sentence, made_adapters())
    return report.lines


def made_adapters() -> list[VirtualServerAdapter]:
    next_epoch()
    free = LogicalPartition.objects.clients().filter(hold="")
    free.update(hold="")  # nobody reserves one of them before the commit
    notices.publish(notices.PARTITIONS)
    return [adapters.make_scsi(row, Scsi()) for row in free.filter(server_adapters=None).order_by("lpar_id")]


# Inside the transaction


def map_volume(
    backing: Backing, seen: LunFacts, adapter: VirtualServerAdapter, name: str = ""
) -> VirtualTargetDevice:
    """`seen`: look() of it, from before the transaction. Raises PrerequisiteFailed."""
    if present := pools.device_of(backing):
        raise pools.mapped(backing, present)
    check_owner(backing, seen, adapter.partition)
    return device_for(adapter, backing, name)


def device_for(adapter: VirtualServerAdapter, backing: Backing, name: str = "") -> VirtualTargetDevice:
    return VirtualTargetDevice.objects.create(
        name=pools.new_name(name, DISK),
        is_user_defined=bool(name),
        adapter=adapter,
        lun_number=free_lun(adapter, adapter.partition),
        physical_volume=backing if isinstance(backing, PhysicalVolume) else None,
        logical_volume=backing if isinstance(backing, LogicalVolume) else None,
    )


def claimed(adapter_name: str) -> tuple[VirtualServerAdapter, LogicalPartition]:
    """The adapter, and its partition's row until the commit: nobody holds it, and its devices can change.

    Raises PrerequisiteFailed.
    """
    adapter = adapter_named(adapter_name)
    partition = claim_for_devices(adapter.partition)
    notices.publish(notices.PARTITIONS)
    return adapter, partition


def adapter_named(name: str) -> VirtualServerAdapter:
    rows = VirtualServerAdapter.objects.select_related("partition")
    return pools.named(rows, "virtual SCSI server adapter", name, "slot")


def target_devices() -> QuerySet[VirtualTargetDevice]:
    return VirtualTargetDevice.objects.select_related(
        "adapter__partition", "physical_volume", "logical_volume__pool", "medium"
    )


def device_named(name: str) -> VirtualTargetDevice:
    found = target_devices().filter(name=name).first()
    if found is None:
        raise no_device(name)
    return found


def no_device(name: str) -> PrerequisiteFailed:
    return pools.unknown("virtual target device", name, target_devices().order_by("pk"))


def backing_named(name: str, offered: QuerySet[PhysicalVolume]) -> Backing:
    """Raises PrerequisiteFailed, which names the first of those that are `offered` instead."""
    found = (
        PhysicalVolume.objects.filter(name=name).first()
        or LogicalVolume.objects.filter(name=name).select_related("pool").first()
    )
    if found is None:
        raise pools.unknown("physical or logical volume", name, offered.order_by("pk"))
    return found


def backing_to_map(name: str) -> Backing:
    """As backing_named; a refusal offers what owner words leave free, or all where the hypervisor does not answer.

    It is asked for that, so not inside a transaction.
    """
    try:
        return backing_named(name, free_volumes())
    except PrerequisiteFailed:
        with suppress(HypervisorError):
            return backing_named(name, free_volumes().filter(pk__in=mappable(list(free_volumes()))))
        raise


def free_volumes() -> QuerySet[PhysicalVolume]:
    """By the records here; another server may have mapped them."""
    return PhysicalVolume.objects.filter(target_device=None)


def free_lun(adapter: VirtualServerAdapter, partition: LogicalPartition) -> int:
    """The lowest free one, which of an activated partition is above its first: the system writes to that disk."""
    used = set(adapter.target_devices.values_list("lun_number", flat=True))
    first = FIRST_LUN if partition.state == PartitionState.NOT_ACTIVATED else min(used, default=FIRST_LUN)
    free = next((number for number in range(first, LAST_LUN + 1) if number not in used), None)
    if free is None:
        raise PrerequisiteFailed("lun-numbers-used-up", adapter=adapter.name, most=f"0x{LAST_LUN:02X}")
    return free


def remove(
    device: VirtualTargetDevice, gone: Callable[[], PrerequisiteFailed], *, with_volume: bool
) -> tuple[Removed, list[Sentence]]:
    """What is gone, and what Monitor Tasks says of it. `gone`: the refusal where somebody else was faster.

    It is this device and no other that has its name, or its disk, by now: the LUNs that change are told beforehand.
    """

    def remove_it() -> tuple[Removed, list[Sentence]]:
        found = target_devices().filter(pk=device.pk).first()
        if found is None:
            raise gone()
        claimed(found.adapter.name)
        volume = found.logical_volume
        if with_volume and volume is None:
            backing = found.backing_device or "no medium"
            raise PrerequisiteFailed("no-volume-behind", device=found.name, backing=backing)
        lines = [said(REMOVED, found)]
        found.delete()
        if with_volume and volume is not None:
            return Removed(found.name, volume.name), [*lines, pools.delete(volume)]
        return Removed(found.name), lines

    backing = device.physical_volume or device.logical_volume
    removed, lines = luns.change(device.adapter.partition, [backing], remove_it, with_drives=device.is_optical)
    deleted = [device.logical_volume] if removed.volume and device.logical_volume else []
    return removed, [*lines, *virtual_disks.remove_files(deleted)]


def said(text: str, device: VirtualTargetDevice, **more: str) -> Sentence:
    names = {"device": device.name, "adapter": device.adapter.name, "lun": device.client_lun}
    return Sentence(text, {**names, **who(device.adapter.partition), **more})


# Owner words


def look(backing: Backing) -> LunFacts:
    """As the hypervisor reads it now. Raises HypervisorError, or PrerequisiteFailed for a disk without a file."""
    if isinstance(backing, LogicalVolume):
        virtual_disks.check_has_file(backing)
    (seen,) = look_at([backing])
    return seen


def look_at(volumes: Sequence[Backing]) -> tuple[LunFacts, ...]:
    references = tuple(LunReference(volume.unique_id, volume.path) for volume in volumes)
    return services.hypervisor().look_at_luns(references)


def paths(volumes: Sequence[PhysicalVolume]) -> list[Path]:
    """Of those on the SAN: whether the hypervisor can read their owner words now. Raises HypervisorError."""
    on_san = [volume for volume in volumes if volume.on_san]
    return [Path(volume, works=seen.owner is not None) for volume, seen in zip(on_san, look_at(on_san), strict=True)]


def check_owner(volume: Backing, seen: LunFacts, partition: LogicalPartition) -> None:
    """Raises PrerequisiteFailed where the LUN is not free and not this partition's own."""
    system = ManagedSystem.objects.get()
    if restored := services.why_nothing_starts():
        raise restored
    names = {"backing": volume.name, "unique_id": volume.unique_id, "system": system.host_name}
    if isinstance(volume, PhysicalVolume) and volume.trouble == VolumeTrouble.COPIED:
        raise PrerequisiteFailed("volume-copied", **names)
    if seen.owner is None or seen.unique_id != volume.unique_id:
        reason = seen.error or "it has just come"
        raise PrerequisiteFailed("lun-not-readable", reason=reason, **names)
    if not may_have(seen.owner, {str(partition.uuid)}, system.identity):
        raise PrerequisiteFailed("lun-of-another", owner=owners.in_words(seen.owner), **names, **who(partition))


def mappable(volumes: Sequence[PhysicalVolume]) -> set[int]:
    """The keys of those whose owner words, as they are now, let a partition of this server have them.

    Raises HypervisorError.
    """
    if not volumes:
        return set()
    identity = ManagedSystem.objects.get().identity
    here = {str(uuid) for uuid in LogicalPartition.objects.values_list("uuid", flat=True)}
    looked_at = zip(volumes, look_at(volumes), strict=True)
    return {
        volume.pk
        for volume, seen in looked_at
        if volume.trouble != VolumeTrouble.COPIED and seen.owner and may_have(seen.owner, here, identity)
    }


def may_have(word: OwnerWord, partitions: Collection[str], system: str) -> bool:
    """Whether the LUN is free, or left to one of these partitions (UUIDs) of this server and to nobody else."""
    uuid = word.partition_uuid
    return word.is_free or (uuid in partitions and word.is_owned_by(uuid, system))
