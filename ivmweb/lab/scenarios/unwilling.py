"""A server on which there is no room: for the console that uli13lp1 should move to."""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from django.conf import settings

from ivmweb.hypervisor.base import Definition, OwnerWord
from ivmweb.lab import clock, data
from ivmweb.lab.records import small_plan
from ivmweb.lab.scenarios.mobile import CUSTOM_NAME, MOBILE, MOBILE_UUID, set_fault
from ivmweb.lab.scenarios.registry import NotPossible, Where, scenario
from ivmweb.system import services
from ivmweb.system.epochs import operator_fence
from ivmweb.system.models import (
    MANAGEMENT_PARTITION_ID,
    LogicalPartition,
    ManagedSystem,
    PartitionState,
    PhysicalVolume,
    RmcState,
    VirtualServerAdapter,
    VirtualTargetDevice,
)
from ivmweb.system.plan import AdapterPlan, DiskPlan, EthernetPlan, PartitionPlan
from migration.models import RemoteSystem

SPARE_HDISK = 3
SECOND_SPARE_HDISK = 4
NAMES_TAKEN = UUID("00000000-0000-4000-8000-000000000009")
NAME_TAKEN = UUID("00000000-0000-4000-8000-000000000008")
FILLER = UUID("00000000-0000-4000-8000-000000000007")
MAC_TAKEN = UUID("00000000-0000-4000-8000-000000000005")
ID_TAKEN = UUID("00000000-0000-4000-8000-000000000004")
MAPPED = UUID("00000000-0000-4000-8000-000000000003")
DISK_NAME_TAKEN = UUID("00000000-0000-4000-8000-000000000002")
MAPPED_HDISK = 8
LEFT_HERE = "lab-scenario already-there"
SMALL_MB = 128
REMAINS = Definition(
    lpar_id=2,
    uuid="00000000-0000-4000-8000-000000000001",
    name="remains",
    memory_mb=SMALL_MB,
    processing_units=0.1,
    virtual_processors=1,
)
LEFT_MEMORY_MB = 16  # one memory region: less than any partition has
LEFT_UNITS = Decimal("0.05")
MIGRATIONS_SUPPORTED = {"active_migrations_supported": 4, "inactive_migrations_supported": 40}


def add(uuid: UUID, plan: PartitionPlan) -> None:
    """A partition that is off; the one of that uuid is left as it is."""
    if not LogicalPartition.objects.filter(uuid=uuid).exists():
        partition = services.reserve_shell(replace(plan, uuid=uuid), "", PartitionState.NOT_ACTIVATED)
        services.hypervisor().create(services.definition_of(partition), operator_fence())


def drop(uuid: UUID) -> None:
    partition = LogicalPartition.objects.filter(uuid=uuid).first()
    if partition is None:
        return
    if partition.hold or partition.is_activated:
        raise NotPossible(f"{partition} is {partition.state}; shut it down first.")
    vmc, fence = services.hypervisor(), operator_fence()
    if vmc.describe(partition.lpar_id) is not None:
        owner = OwnerWord(str(uuid), ManagedSystem.objects.get().identity)
        if owner in vmc.owner_words(partition.lpar_id):  # it has run meanwhile; another's LUNs are left alone
            vmc.change_owner_words(partition.lpar_id, owner, OwnerWord(), fence)
        vmc.remove(partition.lpar_id, fence)
    services.remove_partition(partition)


@scenario(Where.DESTINATION)
def names_taken() -> None:
    """vhost0 and vtscsi0 are taken on this server, by a small partition on hdisk3 that is off."""
    taken = VirtualServerAdapter.objects.filter(name="vhost0").exclude(partition__uuid=NAMES_TAKEN).first()
    if taken:
        raise NotPossible(f"vhost0 belongs to {taken.partition} here; run this on the other console.")
    volume = PhysicalVolume.objects.get(unique_id=data.unique_id(SPARE_HDISK))
    disk = DiskPlan(volume.unique_id, volume.size_mb, 0x81, "vtscsi0")
    adapter = AdapterPlan("vhost0", slot=0, client_slot=2, disks=(disk,))
    add(NAMES_TAKEN, replace(small_plan("namestaken", 9, SMALL_MB), adapters=(adapter,)))


@names_taken.undone_by
def free_names() -> None:
    drop(NAMES_TAKEN)


@scenario(Where.DESTINATION, "partition_name_is_free")
def name_taken() -> None:
    """Another partition of this server is called uli13lp1."""
    if LogicalPartition.objects.filter(uuid=MOBILE_UUID).exists():
        raise NotPossible(f"{MOBILE} itself is here; run this on the other console.")
    add(NAME_TAKEN, small_plan(MOBILE, 8, SMALL_MB))


@name_taken.undone_by
def free_name() -> None:
    drop(NAME_TAKEN)


@scenario(Where.DESTINATION, "partition_is_not_at_the_destination")
def already_there() -> None:
    """A copy of the records of uli13lp1 is left on this server, as after a restored backup; nothing can start it."""
    present = LogicalPartition.objects.filter(uuid=MOBILE_UUID).first()
    if present and present.hold != LEFT_HERE:
        raise NotPossible(f"{MOBILE} itself is here; run this on the other console.")
    if not present:
        plan = replace(small_plan("leftover", 8, SMALL_MB), uuid=MOBILE_UUID)
        services.reserve_shell(plan, LEFT_HERE, PartitionState.NOT_ACTIVATED)


@already_there.undone_by
def not_there() -> None:
    if left := LogicalPartition.objects.filter(uuid=MOBILE_UUID, hold=LEFT_HERE).first():
        services.remove_partition(left)


@scenario(Where.DESTINATION, "destination_has_memory")
def not_enough_memory() -> None:
    """A partition that is off takes all free memory of this server but 16 MB."""
    drop(FILLER)
    rest = ManagedSystem.objects.get().free_memory_mb - LEFT_MEMORY_MB
    if rest <= 0:
        raise NotPossible(f"There is no more than {LEFT_MEMORY_MB} MB free as it is.")
    add(FILLER, small_plan("filler", 7, rest))


@scenario(Where.DESTINATION, "destination_has_processing_units")
def not_enough_units() -> None:
    """A partition that is off takes all free processing units of this server but 0.05."""
    drop(FILLER)
    rest = ManagedSystem.objects.get().free_units - LEFT_UNITS
    if rest <= 0:
        raise NotPossible(f"There are no more than {LEFT_UNITS} processing units free as it is.")
    add(FILLER, small_plan("filler", 7, SMALL_MB, rest))


@not_enough_memory.undone_by
@not_enough_units.undone_by
def drop_filler() -> None:
    drop(FILLER)


@scenario(Where.EITHER, "source_allows_another_migration", "destination_allows_another_migration")
def migrations_exhausted() -> None:
    """This server supports no further migration at this time."""
    ManagedSystem.objects.update(**dict.fromkeys(MIGRATIONS_SUPPORTED, 0))


@migrations_exhausted.undone_by
def support_migrations() -> None:
    ManagedSystem.objects.update(**MIGRATIONS_SUPPORTED)


@scenario(
    Where.EITHER, "source_management_partition_answers_over_rmc", "destination_management_partition_answers_over_rmc"
)
def no_rmc_vios() -> None:
    """The management partition of this server does not answer over RMC."""
    LogicalPartition.objects.filter(lpar_id=MANAGEMENT_PARTITION_ID).update(rmc_state=RmcState.INACTIVE)


@no_rmc_vios.undone_by
def vios_answers() -> None:
    LogicalPartition.objects.filter(lpar_id=MANAGEMENT_PARTITION_ID).update(rmc_state=RmcState.ACTIVE)


@scenario(Where.EITHER, "source_is_mobility_capable", "destination_is_mobility_capable")
def not_capable() -> None:
    """PowerVM Enterprise Edition of this server is not activated: no migration of either kind."""
    set_capable(capable=False)


@not_capable.undone_by
def capable() -> None:
    set_capable(capable=True)


def set_capable(*, capable: bool) -> None:
    ManagedSystem.objects.update(active_mobility_capable=capable, inactive_mobility_capable=capable)


@scenario(Where.EITHER, "source_hypervisor_answers", "destination_hypervisor_answers")
def hypervisor_silent() -> None:
    """The hypervisor of this server answers no more; its partitions run on."""
    set_fault("silent", True)


@hypervisor_silent.undone_by
def hypervisor_answers() -> None:
    set_fault("silent", None)


@scenario(Where.EITHER, "partition_state_allows_migration")
def slow_start() -> None:
    """A partition that is activated on this server from now on stays Starting; activate uli13lp2 to see it."""
    set_fault("stay_starting", True)


@slow_start.undone_by
def usual_start() -> None:
    set_fault("stay_starting", None)


@scenario(Where.DESTINATION, "hypervisor_versions_are_equal")
def other_hypervisor() -> None:
    """The hypervisor of this server says that it is of another version."""
    set_fault("version", "simulated 0")


@other_hypervisor.undone_by
def same_hypervisor() -> None:
    set_fault("version", None)


@scenario(Where.DESTINATION, "destination_allows_another_partition")
def partitions_exhausted() -> None:
    """This server has as many partitions as it supports."""
    ManagedSystem.objects.update(max_partitions=LogicalPartition.objects.count())


@partitions_exhausted.undone_by
def allow_partitions() -> None:
    ManagedSystem.objects.update(max_partitions=40)


@scenario(Where.DESTINATION, "destination_has_virtual_slots")
def slots_exhausted() -> None:
    """The management partition of this server has no virtual slot above C10."""
    ManagedSystem.objects.update(max_virtual_slots=11)


@slots_exhausted.undone_by
def allow_slots() -> None:
    ManagedSystem.objects.update(max_virtual_slots=200)


@scenario(Where.DESTINATION, "memory_region_size_fits")
def other_region_size() -> None:
    """The memory region size of this server is 512 MB."""
    ManagedSystem.objects.update(memory_region_mb=512)


@other_region_size.undone_by
def first_region_size() -> None:
    ManagedSystem.objects.update(memory_region_mb=data.MEMORY_REGION_MB)


@scenario(Where.DESTINATION, "virtual_processors_fit")
def few_processors() -> None:
    """This server supports one virtual processor for a partition."""
    ManagedSystem.objects.update(max_virtual_processors=1)


@few_processors.undone_by
def many_processors() -> None:
    ManagedSystem.objects.update(max_virtual_processors=64)


@scenario(Where.DESTINATION, "hypervisor_has_no_remains")
def remains() -> None:
    """The hypervisor of this server has a partition with the ID 2 that is in no record."""
    if LogicalPartition.objects.filter(lpar_id=REMAINS.lpar_id).exists():
        raise NotPossible(f"Partition ID {REMAINS.lpar_id} is in use here; run this on the other console.")
    services.hypervisor().create(REMAINS, operator_fence())


@remains.undone_by
def remove_remains() -> None:
    vmc = services.hypervisor()
    fact = vmc.describe(REMAINS.lpar_id)
    if fact is not None and fact.uuid == REMAINS.uuid:
        vmc.remove(REMAINS.lpar_id, operator_fence())


@scenario(Where.DESTINATION, "mac_addresses_are_unique")
def mac_taken() -> None:
    """A small partition of this server, which is off, has the MAC address of uli13lp1."""
    if LogicalPartition.objects.filter(uuid=MOBILE_UUID).exists():
        raise NotPossible(f"{MOBILE} itself is here; run this on the other console.")
    ethernet = EthernetPlan(slot=4, vlan_id=data.VLAN_ID, mac_address=data.ULI13LP1.mac_address)
    add(MAC_TAKEN, replace(small_plan("mactaken", 6, SMALL_MB), ethernets=(ethernet,)))


@mac_taken.undone_by
def free_mac() -> None:
    drop(MAC_TAKEN)


@scenario(Where.DESTINATION, "partition_id_can_be_kept", "slots_can_be_kept")
def id_taken() -> None:
    """A small partition of this server, which is off, has the ID 2."""
    if LogicalPartition.objects.filter(lpar_id=2).exclude(uuid=ID_TAKEN).exists():
        raise NotPossible("Partition ID 2 is in use here; run this on the other console.")
    add(ID_TAKEN, small_plan("idtaken", 2, SMALL_MB))


@id_taken.undone_by
def free_id() -> None:
    drop(ID_TAKEN)


@scenario(Where.DESTINATION, "disks_are_free_at_the_destination")
def lun_mapped() -> None:
    """A small partition of this server, which is off, uses the LUN of hdisk8 of uli13lp1."""
    volume = PhysicalVolume.objects.get(unique_id=data.unique_id(MAPPED_HDISK))
    user = VirtualTargetDevice.objects.filter(physical_volume=volume).exclude(adapter__partition__uuid=MAPPED).first()
    if user:
        raise NotPossible(f"{user.adapter.partition} uses that LUN here; run this on the other console.")
    disk = DiskPlan(volume.unique_id, volume.size_mb, 0x81, "mapped0")
    adapter = AdapterPlan("vhost5", slot=0, client_slot=2, disks=(disk,))
    add(MAPPED, replace(small_plan("mapped", 5, SMALL_MB), adapters=(adapter,)))


@lun_mapped.undone_by
def unmap_lun() -> None:
    drop(MAPPED)


@scenario(Where.DESTINATION, "user_defined_names_can_be_kept")
def disk_name_taken() -> None:
    """A small partition of this server has a virtual target device rootdisk; for custom-name on the other console."""
    volume = PhysicalVolume.objects.get(unique_id=data.unique_id(SECOND_SPARE_HDISK))
    disk = DiskPlan(volume.unique_id, volume.size_mb, 0x81, CUSTOM_NAME, is_user_defined=True)
    adapter = AdapterPlan("vhost6", slot=0, client_slot=2, disks=(disk,))
    add(DISK_NAME_TAKEN, replace(small_plan("rootdisk", 8, SMALL_MB), adapters=(adapter,)))


@disk_name_taken.undone_by
def free_disk_name() -> None:
    drop(DISK_NAME_TAKEN)


@scenario(Where.DESTINATION, "destination_knows_source")
def unknown_source() -> None:
    """The entry of the other console in this one's remote systems is of another server."""
    RemoteSystem.objects.update(system_identity="0000-000*0000000")


@unknown_source.undone_by
def known_source() -> None:
    partner = data.partner_of(data.SYSTEMS[settings.CONSOLE])
    RemoteSystem.objects.filter(name=partner.host_name).update(system_identity=partner.identity)


@scenario(Where.DESTINATION, "clocks_are_similar")
def clock_off() -> None:
    """The clock of this console is an hour ahead; who is logged in has to log in again."""
    clock.set_offset(settings.STATE_DIR, clock.HOUR_S)


@clock_off.undone_by
def clock_right() -> None:
    clock.set_offset(settings.STATE_DIR, 0)
