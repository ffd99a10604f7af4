"""Partitions to move several of at once."""

from dataclasses import replace
from uuid import UUID

from ivmweb.lab import data
from ivmweb.lab.options import WORKLOAD_SET_MB
from ivmweb.lab.records import SMALL_UNITS, small_plan
from ivmweb.lab.scenarios.mobile import mobile_partition
from ivmweb.lab.scenarios.registry import NotPossible, Where, scenario
from ivmweb.lab.scenarios.unwilling import SMALL_MB, add, drop
from ivmweb.system import mapping, services
from ivmweb.system.epochs import operator_fence
from ivmweb.system.models import MANAGEMENT_PARTITION_ID, LogicalPartition, ManagedSystem, PartitionState, RmcState
from ivmweb.system.rights import Operator

COUNT = 8
WRITES_BYTES_PER_S = 1_000_000


def uuid_of(number: int) -> UUID:
    return UUID(f"00000000-0000-4000-8000-0000000001{number:02}")


@scenario(Where.SOURCE)
def many() -> None:
    """Eight running partitions of 128 MB, many1 to many8, that write 1 MB/s and have no disks."""
    mobile_partition()
    refuse_without_room()
    for number in range(1, COUNT + 1):
        uuid = uuid_of(number)
        taken = frozenset(LogicalPartition.objects.values_list("lpar_id", flat=True)) | {MANAGEMENT_PARTITION_ID}
        lpar_id = mapping.free_partition_id(10 + number, taken, ManagedSystem.objects.get().max_partitions)
        plan = replace(
            small_plan(f"many{number}", lpar_id or 10 + number, SMALL_MB),
            os_version=data.OS_VERSION,
            rmc_state=RmcState.ACTIVE,
            workload_bytes_per_s=WRITES_BYTES_PER_S,
            workload_set_mb=min(WORKLOAD_SET_MB, SMALL_MB // 2),
        )
        add(uuid, plan)
        partition = LogicalPartition.objects.get(uuid=uuid)
        if partition.state == PartitionState.NOT_ACTIVATED:
            services.activate(partition, Operator(), "lab-scenario")


def refuse_without_room() -> None:
    """Before the first one is made: what the hypervisor has made is not undone with the records."""
    here = ManagedSystem.objects.get()
    made = LogicalPartition.objects.filter(uuid__in=[uuid_of(number) for number in range(1, COUNT + 1)]).count()
    needed_mb, needed_units = (COUNT - made) * SMALL_MB, (COUNT - made) * SMALL_UNITS
    if here.free_memory_mb < needed_mb or here.free_units < needed_units:
        raise NotPossible(
            f"It needs {needed_mb} MB and {needed_units} processing units; {here.free_memory_mb} MB and "
            f"{here.free_units} are free. Shut down or remove partitions, or run it on the other console."
        )


@many.undone_by
def few() -> None:
    for number in range(1, COUNT + 1):
        partition = LogicalPartition.objects.filter(uuid=uuid_of(number)).first()
        if partition is not None and not partition.hold:
            services.hypervisor().discard(partition.lpar_id, operator_fence())
            services.set_state(partition, PartitionState.NOT_ACTIVATED)
        drop(uuid_of(number))
