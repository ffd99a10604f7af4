"""A server on which there is no room: for the console that uli13lp1 should move to."""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from ivmweb.hypervisor.base import OwnerWord
from ivmweb.lab import data
from ivmweb.lab.records import small_plan
from ivmweb.lab.scenarios.mobile import MOBILE, MOBILE_UUID
from ivmweb.lab.scenarios.registry import NotPossible, scenario
from ivmweb.system import services
from ivmweb.system.epochs import operator_fence
from ivmweb.system.models import (
    LogicalPartition,
    ManagedSystem,
    PartitionState,
    PhysicalVolume,
    VirtualServerAdapter,
)
from ivmweb.system.plan import AdapterPlan, DiskPlan, PartitionPlan

SPARE_HDISK = 3
NAMES_TAKEN = UUID("00000000-0000-4000-8000-000000000009")
NAME_TAKEN = UUID("00000000-0000-4000-8000-000000000008")
FILLER = UUID("00000000-0000-4000-8000-000000000007")
SMALL_MB = 128
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
        vmc.change_owner_words(partition.lpar_id, owner, OwnerWord(), fence)  # it may have run meanwhile
        vmc.remove(partition.lpar_id, fence)
    services.remove_partition(partition)


@scenario
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


@scenario
def name_taken() -> None:
    """Another partition of this server is called uli13lp1."""
    if LogicalPartition.objects.filter(uuid=MOBILE_UUID).exists():
        raise NotPossible(f"{MOBILE} itself is here; run this on the other console.")
    add(NAME_TAKEN, small_plan(MOBILE, 8, SMALL_MB))


@name_taken.undone_by
def free_name() -> None:
    drop(NAME_TAKEN)


@scenario
def not_enough_memory() -> None:
    """A partition that is off takes all free memory of this server but 16 MB."""
    drop(FILLER)
    rest = ManagedSystem.objects.get().free_memory_mb - LEFT_MEMORY_MB
    if rest <= 0:
        raise NotPossible(f"There is no more than {LEFT_MEMORY_MB} MB free as it is.")
    add(FILLER, small_plan("filler", 7, rest))


@scenario
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


@scenario
def migrations_exhausted() -> None:
    """This server supports no further migration at this time."""
    ManagedSystem.objects.update(**dict.fromkeys(MIGRATIONS_SUPPORTED, 0))


@migrations_exhausted.undone_by
def support_migrations() -> None:
    ManagedSystem.objects.update(**MIGRATIONS_SUPPORTED)
