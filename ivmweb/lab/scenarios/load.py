"""How fast uli13lp1 writes, and how fast its memory may be sent."""

from ivmweb.hypervisor.base import RunState
from ivmweb.lab.options import LabOptions
from ivmweb.lab.scenarios.mobile import MOBILE_UUID, change_mobile, mobile_partition
from ivmweb.lab.scenarios.registry import NotPossible, Where, scenario
from ivmweb.system import services
from ivmweb.system.epochs import operator_fence
from ivmweb.system.models import LogicalPartition, ManagedSystem

FASTEST_MB_PER_S = 10_000


@scenario(Where.SOURCE, value="MB/s")
def hot_workload(mb_per_s: float) -> None:
    """uli13lp1 writes that many MB of memory a second, now and after each start."""
    mobile_partition()
    if not 0 <= mb_per_s <= FASTEST_MB_PER_S:
        raise NotPossible(f"The number is from 0 to {FASTEST_MB_PER_S}.")
    set_workload(int(mb_per_s * 2**20))


@scenario()
def no_limit() -> None:
    """Migrations from this server have no bandwidth limit."""
    ManagedSystem.objects.update(migration_bandwidth_bytes_per_s=0)


@scenario()
def calm() -> None:
    """Workload and bandwidth limit are as at the first start."""
    options = LabOptions.from_environment()
    ManagedSystem.objects.update(migration_bandwidth_bytes_per_s=options.bandwidth_bytes_per_s)
    set_workload(options.workload_bytes_per_s)


@hot_workload.undone_by
@no_limit.undone_by
def calm_down() -> None:
    calm.make(None)


def set_workload(bytes_per_s: int) -> None:
    """Of the partition where it is on this server; the hypervisor is told only while it runs here."""
    partition = LogicalPartition.objects.filter(uuid=MOBILE_UUID).first()
    if partition is None:
        return
    change_mobile(workload_bytes_per_s=bytes_per_s)
    vmc = services.hypervisor()
    fact = vmc.describe(partition.lpar_id)
    if fact is not None and fact.run_state is not RunState.INCOMING:
        vmc.set_workload(partition.lpar_id, bytes_per_s, operator_fence())
