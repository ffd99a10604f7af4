"""Making and removing partitions with all that belongs to them, each in one transaction.

A shell is a partition made for another system's one that is on its way; nothing here knows of that. The transactions
come one after the other: names, slots and IDs read in one of them are still free at its end.
"""

import logging
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from django.db.models import F

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.monitor import notices
from ivmweb.system import mapping, pools
from ivmweb.system.epochs import next_epoch
from ivmweb.system.models import (
    MANAGEMENT_PARTITION_ID,
    LogicalPartition,
    ManagedSystem,
    PartitionState,
    PhysicalVolume,
    VirtualEthernetAdapter,
    VirtualMedium,
    VirtualServerAdapter,
    VirtualTargetDevice,
)
from ivmweb.system.plan import ROW_FIELDS, AdapterPlan, DiskPlan, DrivePlan, EthernetPlan, PartitionPlan, Placement
from ivmweb.system.sections import refused_by_constraints, who
from ivmweb.transactions import serialized

logger = logging.getLogger(__name__)

ANYWHERE = Placement()


def reserve_shell(
    plan: PartitionPlan, hold: str, state: PartitionState, placement: Placement = ANYWHERE
) -> LogicalPartition:
    """The partition of this plan with memory, units, ID, slots, vhost, vtscsi and disks, held; all or nothing.

    Asked again under the same hold it answers with what is there. Raises PrerequisiteFailed with nothing changed.
    """
    with refused_by_constraints(plan.name, plan.lpar_id):
        return _reserve(plan, hold, state, placement)


def _reserve(plan: PartitionPlan, hold: str, state: PartitionState, placement: Placement) -> LogicalPartition:
    with serialized():
        next_epoch()
        system = ManagedSystem.objects.get()
        if present := LogicalPartition.objects.filter(uuid=plan.uuid).first():
            return _same_or_refuse(present, hold, system)
        take_memory_and_units(plan, system)
        lpar_id = _partition_id(plan, placement.lpar_id, system)
        row = {name: getattr(plan, name) for name in ROW_FIELDS}
        partition = LogicalPartition.objects.create(lpar_id=lpar_id, hold=hold, state=state, **row)
        _make_adapters(plan, partition, system, placement)
        for ethernet in plan.ethernets:
            _make_ethernet(ethernet, partition, system)
        notices.publish(notices.PARTITIONS, notices.SYSTEM)
    logger.info("partition %s (ID %s) made, held by %s", partition.name, partition.lpar_id, hold or "nobody")
    return partition


def release_shell(partition: LogicalPartition) -> bool:
    """Give back everything that reserve_shell took; false when that was done before."""
    return _remove(partition, "released")


def remove_partition(partition: LogicalPartition) -> bool:
    """Forget a partition with its vhost and vtscsi; its memory and units are free. False when it was gone."""
    return _remove(partition, "removed")


def plan_of(partition: LogicalPartition) -> PartitionPlan:
    """The partition as plain values, for another system.

    Disks on logical volumes and media that can be written are left out, since no other system has those: Validate
    refuses a partition that has one, so that none is lost on the way.
    """
    row = {name: getattr(partition, name) for name in ROW_FIELDS}
    return PartitionPlan(
        lpar_id=partition.lpar_id,
        memory_region_mb=ManagedSystem.objects.get().memory_region_mb,
        adapters=tuple(_adapter_plan(adapter) for adapter in partition.server_adapters.all()),
        ethernets=tuple(EthernetPlan(e.slot, e.vlan_id, e.mac_address) for e in partition.ethernet_adapters.all()),
        **row,
    )


def _adapter_plan(adapter: VirtualServerAdapter) -> AdapterPlan:
    devices = adapter.target_devices.filter(physical_volume__isnull=False).select_related("physical_volume")
    disks = [
        DiskPlan(
            unique_id=volume.unique_id,
            size_mb=volume.size_mb,
            lun_number=device.lun_number,
            name=device.name,
            is_user_defined=device.is_user_defined,
            reserve_policy=volume.reserve_policy,
            hdisk=volume.name,
        )
        for device in devices
        if (volume := device.physical_volume)
    ]
    optical = adapter.target_devices.filter(is_optical=True).select_related("medium")
    drives = tuple(drive_plan(device) for device in optical)
    return AdapterPlan(adapter.name, adapter.slot, adapter.client_slot, tuple(disks), drives)


def drive_plan(device: VirtualTargetDevice) -> DrivePlan:
    medium = device.medium if device.medium and device.medium.can_move else None
    return DrivePlan(
        lun_number=device.lun_number,
        name=device.name,
        is_user_defined=device.is_user_defined,
        sha256=medium.sha256 if medium else "",
        medium=medium.name if medium else "",
    )


def _same_or_refuse(present: LogicalPartition, hold: str, system: ManagedSystem) -> LogicalPartition:
    if present.hold == hold:
        return present
    raise PrerequisiteFailed(
        "partition-already-here",
        name=present.name,
        lpar_id=present.lpar_id,
        system=system.host_name,
        state=present.state,
        hold=present.held_for or "no operation",
    )


def take_memory_and_units(plan: PartitionPlan | LogicalPartition, system: ManagedSystem) -> None:
    """Compare and subtract in the database itself, whatever this process has read before."""
    row = ManagedSystem.objects.filter(pk=system.pk)
    names = {"name": plan.name, "lpar_id": plan.lpar_id, "system": system.host_name}
    if not row.filter(free_memory_mb__gte=plan.memory_mb).update(free_memory_mb=F("free_memory_mb") - plan.memory_mb):
        raise PrerequisiteFailed(
            "not-enough-memory", needed_mb=plan.memory_mb, free_mb=system.free_memory_mb, **names
        )
    units = plan.processing_units
    if not row.filter(free_units__gte=units).update(free_units=F("free_units") - units):
        raise PrerequisiteFailed("not-enough-units", needed=str(units), free=str(system.free_units), **names)


def _partition_id(plan: PartitionPlan, wanted: int | None, system: ManagedSystem) -> int:
    """Checks the name as well: nothing of the partition is made before."""
    same_name = LogicalPartition.objects.filter(name=plan.name).first()
    if same_name:
        raise PrerequisiteFailed(
            "partition-name-taken", name=plan.name, lpar_id=same_name.lpar_id, system=system.host_name
        )
    taken = frozenset(LogicalPartition.objects.values_list("lpar_id", flat=True)) | {MANAGEMENT_PARTITION_ID}
    if wanted is not None and (wanted in taken or wanted > system.max_partitions):
        names = {"name": plan.name, "system": system.host_name, "maximum": system.max_partitions}
        raise PrerequisiteFailed("wanted-id-taken", wanted=wanted, **names)
    lpar_id = mapping.free_partition_id(plan.lpar_id if wanted is None else wanted, taken, system.max_partitions)
    if lpar_id is None:
        raise PrerequisiteFailed(
            "no-partition-id", name=plan.name, system=system.host_name, maximum=system.max_partitions
        )
    return lpar_id


def _make_adapters(
    plan: PartitionPlan, partition: LogicalPartition, system: ManagedSystem, placement: Placement
) -> None:
    """vhost and vtscsi: names kept where no device has them, LUN numbers kept always.

    The names of disks come first, since a user may have chosen them.
    """
    taken = pools.taken_names()
    disk_names = mapping.keep_or_rename(
        [disk.name for adapter in plan.adapters for disk in adapter.disks], "vtscsi", taken
    )
    drive_names = mapping.keep_or_rename(
        [drive.name for adapter in plan.adapters for drive in adapter.drives], "vtopt", {*taken, *disk_names}
    )
    adapter_names = mapping.keep_or_rename(
        [adapter.name for adapter in plan.adapters], "vhost", {*taken, *disk_names, *drive_names}
    )
    device_names, names_of_drives = iter(disk_names), iter(drive_names)
    wanted = [placement.slots.get(adapter.client_slot) for adapter in plan.adapters]
    slots = server_slots(partition, system, wanted)
    for adapter_plan, name, slot in zip(plan.adapters, adapter_names, slots, strict=True):
        adapter = VirtualServerAdapter.objects.create(
            name=name,
            slot=slot,
            client_slot=adapter_plan.client_slot,
            partition=partition,
        )
        for disk in adapter_plan.disks:
            device_name = next(device_names)
            VirtualTargetDevice.objects.create(
                name=device_name,
                is_user_defined=disk.is_user_defined and device_name == disk.name,
                adapter=adapter,
                lun_number=disk.lun_number,
                physical_volume=_free_volume(disk, partition, system),
            )
        for drive in adapter_plan.drives:
            _make_drive(drive, next(names_of_drives), adapter, system)


def _make_drive(plan: DrivePlan, name: str, adapter: VirtualServerAdapter, system: ManagedSystem) -> None:
    medium = medium_with(plan.sha256) if plan.sha256 else None
    if plan.sha256 and medium is None:
        raise PrerequisiteFailed(
            "medium-not-here", medium=plan.medium, system=system.host_name, **who(adapter.partition)
        )
    VirtualTargetDevice.objects.create(
        name=name,
        is_user_defined=plan.is_user_defined and name == plan.name,
        adapter=adapter,
        lun_number=plan.lun_number,
        is_optical=True,
        medium=medium,
    )


def medium_with(sha256: str) -> VirtualMedium | None:
    """One that has this content for ever, and its file."""
    found = VirtualMedium.objects.filter(sha256=sha256, is_read_only=True).order_by("pk")
    return next((medium for medium in found if medium.path.exists()), None)


def server_slots(
    partition: LogicalPartition,
    system: ManagedSystem,
    wanted: Sequence[int | None],
    kept: AbstractSet[int] = frozenset(),
) -> list[int]:
    """Of the management partition, one for each vhost of this client: as wanted, without a wish by IVM's scheme.

    `kept`: slots that IVM's scheme gives nobody. Raises PrerequisiteFailed.
    """
    taken = frozenset(VirtualServerAdapter.objects.values_list("slot", flat=True))
    most = system.max_virtual_slots
    found = mapping.server_slots(partition.lpar_id, wanted, taken, most, kept)
    slots: list[int] = []
    for slot, wish in zip(found, wanted, strict=True):
        if slot is None and wish is not None:
            names = {"low": mapping.FIRST_SERVER_SLOT, "high": most - 1, "system": system.host_name}
            raise PrerequisiteFailed("server-slot-not-usable", slot=wish, **names)
        if slot is None:
            raise PrerequisiteFailed("no-virtual-slot", maximum=most, system=system.host_name, **who(partition))
        slots.append(slot)
    return slots


def _free_volume(disk: DiskPlan, partition: LogicalPartition, system: ManagedSystem) -> PhysicalVolume:
    names = {"name": partition.name, "unique_id": disk.unique_id, "system": system.host_name}
    volume = PhysicalVolume.objects.filter(unique_id=disk.unique_id).first()
    if volume is None:
        raise PrerequisiteFailed("lun-not-found", **names)
    user = VirtualTargetDevice.objects.filter(physical_volume=volume).select_related("adapter__partition").first()
    if user:
        raise PrerequisiteFailed("lun-in-use", volume=volume.name, owner=user.adapter.partition.name, **names)
    return volume


def _make_ethernet(plan: EthernetPlan, partition: LogicalPartition, system: ManagedSystem) -> None:
    other = VirtualEthernetAdapter.objects.filter(mac_address=plan.mac_address).select_related("partition").first()
    if other:
        raise PrerequisiteFailed(
            "mac-address-taken",
            name=partition.name,
            mac_address=plan.mac_address,
            system=system.host_name,
            owner=other.partition.name,
        )
    VirtualEthernetAdapter.objects.create(
        partition=partition, slot=plan.slot, vlan_id=plan.vlan_id, mac_address=plan.mac_address
    )


def _remove(partition: LogicalPartition, verb: str) -> bool:
    if partition.is_management:
        raise ValueError("the management partition is never removed")
    with serialized():
        next_epoch()
        row = LogicalPartition.objects.filter(uuid=partition.uuid).first()
        if row is None:
            return False
        ManagedSystem.objects.update(
            free_memory_mb=F("free_memory_mb") + row.memory_mb, free_units=F("free_units") + row.processing_units
        )
        row.delete()
        notices.publish(notices.PARTITIONS, notices.SYSTEM)
    logger.info("partition %s (ID %s) %s", row.name, row.lpar_id, verb)
    return True
