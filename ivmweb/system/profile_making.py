"""What a restore writes: partitions of a backup made again, or with its properties again.

All of it inside the transaction of the restore (profile_restore.py), which an error of any of them takes back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from django.db.models import F
from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.common.sentence import Sentence
from ivmweb.system import mapping, pools, shells
from ivmweb.system.changes import differences
from ivmweb.system.models import (
    MANAGEMENT_PARTITION_ID,
    LogicalPartition,
    LogicalVolume,
    ManagedSystem,
    PartitionState,
    PhysicalAdapter,
    RmcState,
    VirtualServerAdapter,
    VirtualTargetDevice,
)
from ivmweb.system.plan import AdapterPlan, DiskPlan, EthernetPlan, PartitionPlan, Placement
from ivmweb.system.profile_files import SavedAdapter, SavedDisk, SavedPartition
from ivmweb.system.sections import ROW, check_vlans, refused_by_constraints

MADE = _("Partition {name} (ID {lpar_id}) was made again.")
CHANGED = _("Partition {name} (ID {lpar_id}) has the properties of the backup again.")
RENAMED = _("{saved} of partition {name} (ID {lpar_id}) is called {device}: another device has its name.")


@dataclass(frozen=True)
class Made:
    partition: LogicalPartition
    lines: list[Sentence]  # for Monitor Tasks


def who(one: SavedPartition) -> dict[str, str | int]:
    return {"name": one.columns.name, "lpar_id": one.lpar_id}


# Properties of those that are here


def change_all(changed: Sequence[tuple[LogicalPartition, SavedPartition]]) -> list[Sentence]:
    """Gives back before it takes, so that partitions may exchange memory; raises PrerequisiteFailed."""
    for row, _one in changed:
        ManagedSystem.objects.update(
            free_memory_mb=F("free_memory_mb") + row.memory_mb, free_units=F("free_units") + row.processing_units
        )
    for row, one in changed:
        with refused_by_constraints(one.columns.name, one.lpar_id):
            change(row, one)
    return [Sentence(CHANGED, {"name": one.columns.name, "lpar_id": row.lpar_id}) for row, one in changed]


def change(row: LogicalPartition, one: SavedPartition) -> None:
    values = dict(one.columns)
    check_name_is_free(row, one)
    check(row, one, differences({key: getattr(row, key) for key in values}, values))
    shells.take_memory_and_units(plan_of(one), ManagedSystem.objects.get())
    rows = LogicalPartition.objects.filter(pk=row.pk, hold="", state=PartitionState.NOT_ACTIVATED)
    if not rows.update(**values):
        raise PrerequisiteFailed("properties-changed-meanwhile", thing=row.name)


def check(row: LogicalPartition, one: SavedPartition, changed: Iterable[str]) -> None:
    """As Partition Properties does, but for the form of a name: it may be one that another console has given."""
    values = dict(one.columns)
    ROW.check(row, values, {key: values[key] for key in changed if key != "name"})


def check_name_is_free(row: LogicalPartition, one: SavedPartition) -> None:
    other = LogicalPartition.objects.filter(name=one.columns.name).exclude(pk=row.pk).first()
    if other is not None:
        system = ManagedSystem.objects.get().host_name
        raise PrerequisiteFailed("partition-name-taken", name=other.name, lpar_id=other.lpar_id, system=system)


# Those that are gone


def make(saved: SavedPartition) -> Made:
    """Not Activated, with all that belongs to it. Raises PrerequisiteFailed."""
    with refused_by_constraints(saved.columns.name, saved.lpar_id):  # e.g. of a LUN number twice in an edited backup
        check_vlans(each.vlan_id for each in saved.ethernets)
        one = with_free_names(saved)
        values = dict(one.columns)
        check(LogicalPartition(lpar_id=one.lpar_id, **values), one, values)
        row = shells.reserve_shell(plan_of(one), "", PartitionState.NOT_ACTIVATED, placement_of(one))
        check(row, one, ["max_virtual_slots"])  # against the adapters that it has now
        LogicalPartition.objects.filter(pk=row.pk).update(workload_group=one.columns.workload_group)
        adapters = row.server_adapters.order_by("pk")  # in the order in which they were made
        for adapter, wanted in zip(adapters, one.adapters, strict=True):
            attach_others(adapter, wanted.disks, one)
        for location in one.physical_adapters:
            take_physical_adapter(location, row, one)
        return Made(row, [Sentence(MADE, who(one)), *renamed(saved, one)])


def with_free_names(one: SavedPartition) -> SavedPartition:
    """Its vhosts and devices called as they were where that is free among all devices, else by a new number."""
    disks = [disk for adapter in one.adapters for disk in adapter.disks]
    taken = pools.taken_names() | {pools.REPOSITORY}
    taken |= {name for name in names_of(one) if pools.OTHER_DEVICES.fullmatch(name)}
    hosts = mapping.keep_or_rename([adapter.name for adapter in one.adapters], "vhost", taken)
    taken |= {*hosts}
    mapped = mapping.keep_or_rename([disk.name for disk in disks if not disk.is_optical], "vtscsi", taken)
    taken |= {*mapped}
    drives = mapping.keep_or_rename([disk.name for disk in disks if disk.is_optical], "vtopt", taken)
    free, free_drives = iter(mapped), iter(drives)
    adapters = tuple(
        adapter.model_copy(
            update={
                "name": host,
                "disks": tuple(
                    called(disk, next(free_drives if disk.is_optical else free)) for disk in adapter.disks
                ),
            }
        )
        for adapter, host in zip(one.adapters, hosts, strict=True)
    )
    return one.model_copy(update={"adapters": adapters})


def called(disk: SavedDisk, name: str) -> SavedDisk:
    return disk.model_copy(update={"name": name, "is_user_defined": disk.is_user_defined and name == disk.name})


def names_of(one: SavedPartition) -> list[str]:
    """Of its vhosts and devices, in their order."""
    return list(
        chain.from_iterable([adapter.name, *(disk.name for disk in adapter.disks)] for adapter in one.adapters)
    )


def renamed(saved: SavedPartition, one: SavedPartition) -> list[Sentence]:
    names = zip(names_of(saved), names_of(one), strict=True)
    return [Sentence(RENAMED, {"saved": old, "device": new, **who(one)}) for old, new in names if old != new]


def placement_of(one: SavedPartition) -> Placement:
    """The slots of its vhosts on the management partition as they were, where they are free."""
    taken = frozenset(VirtualServerAdapter.objects.values_list("slot", flat=True))
    limit = ManagedSystem.objects.get().max_virtual_slots
    free = [each for each in one.adapters if mapping.exactly(each.slot, taken, limit) is not None]
    return Placement(slots={adapter.client_slot: adapter.slot for adapter in free})


def plan_of(one: SavedPartition) -> PartitionPlan:
    """Off, and with disks on LUNs only: reserve_shell knows no others."""
    columns = {name: value for name, value in one.columns if name != "workload_group"}
    return PartitionPlan(
        uuid=one.uuid,
        lpar_id=one.lpar_id,
        environment=one.environment,
        current_compatibility_mode="",
        os_version=one.os_version,
        rmc_state=RmcState.INACTIVE if one.ever_activated else RmcState.NONE,
        ever_activated=one.ever_activated,
        memory_region_mb=0,
        adapters=tuple(map(adapter_plan_of, one.adapters)),
        ethernets=tuple(EthernetPlan(each.slot, each.vlan_id, each.mac_address) for each in one.ethernets),
        **columns,
    )


def adapter_plan_of(adapter: SavedAdapter) -> AdapterPlan:
    disks = tuple(
        DiskPlan(disk.unique_id, 0, disk.lun_number, disk.name, disk.is_user_defined)
        for disk in adapter.disks
        if disk.unique_id
    )
    return AdapterPlan(adapter.name, adapter.slot, adapter.client_slot, disks)


def attach_others(adapter: VirtualServerAdapter, disks: Iterable[SavedDisk], one: SavedPartition) -> None:
    """Disks on logical volumes, and optical drives, which are empty."""
    for disk in disks:
        if not disk.unique_id:
            VirtualTargetDevice.objects.create(
                name=disk.name,
                is_user_defined=disk.is_user_defined,
                adapter=adapter,
                lun_number=disk.lun_number,
                logical_volume=free_volume(disk.logical_volume, one) if disk.logical_volume else None,
                is_optical=disk.is_optical,
            )


def free_volume(name: str, one: SavedPartition) -> LogicalVolume:
    volume = LogicalVolume.objects.filter(name=name, target_device=None).first()
    if volume is None:
        raise not_free(name, one)
    return volume


def take_physical_adapter(location: str, row: LogicalPartition, one: SavedPartition) -> None:
    """From the management partition, which has what no other one has."""
    free = PhysicalAdapter.objects.filter(location=location, partition__lpar_id=MANAGEMENT_PARTITION_ID)
    if not free.update(partition=row):
        raise not_free(location, one)


def not_free(device: str, one: SavedPartition) -> PrerequisiteFailed:
    return PrerequisiteFailed("profile-device-taken", device=device, **who(one))
