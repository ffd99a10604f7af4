"""Things about uli13lp1 itself that keep it from moving; for the console that has it."""

import json

from django.conf import settings

from ivmweb.lab import data
from ivmweb.lab.records import partition_uuid
from ivmweb.lab.scenarios.registry import NotPossible, scenario
from ivmweb.system import services
from ivmweb.system.models import LogicalPartition, ManagedSystem, PartitionState, PhysicalAdapter, RmcState

MOBILE = data.ULI13LP1.name
MOBILE_UUID = partition_uuid(data.ULI13LP1, data.ULI13)


def mobile_partition() -> LogicalPartition:
    partition = LogicalPartition.objects.filter(uuid=MOBILE_UUID).first()
    if partition is None:
        raise NotPossible(f"{MOBILE} is not on this server; run this on the other console.")
    return partition


def change_mobile(**fields: object) -> None:
    LogicalPartition.objects.filter(uuid=MOBILE_UUID).update(**fields)


@scenario
def no_rmc() -> None:
    """The operating system of uli13lp1 does not answer over RMC."""
    mobile_partition()
    change_mobile(rmc_state=RmcState.INACTIVE)
    set_fault("rmc", "silent")


@no_rmc.undone_by
def rmc_active() -> None:
    running = LogicalPartition.objects.filter(uuid=MOBILE_UUID, state=PartitionState.RUNNING)
    running.update(rmc_state=RmcState.ACTIVE)
    set_fault("rmc", None)


def set_fault(name: str, value: object) -> None:
    """A switch of the simulated hypervisor (docs/hypervisor.md), None: off. Nothing where another kind is used."""
    folder = settings.STATE_DIR / "hypervisor"
    if not folder.is_dir():
        return
    path = folder / "faults.json"
    faults = json.loads(path.read_text()) if path.exists() else {}
    faults = {key: kept for key, kept in {**faults, name: value}.items() if kept is not None}
    new = path.with_suffix(".new")
    new.write_text(json.dumps(faults))
    new.replace(path)


@scenario
def physical_adapter() -> None:
    """uli13lp1 owns a physical Ethernet adapter of this server."""
    adapter = PhysicalAdapter.objects.filter(location=data.SYSTEMS[settings.CONSOLE].spare_adapter_location)
    adapter.update(partition=mobile_partition())


@physical_adapter.undone_by
def give_adapter_back() -> None:
    if partition := LogicalPartition.objects.filter(uuid=MOBILE_UUID).first():
        services.release_physical_adapters(partition)


@scenario
def workload_group() -> None:
    """uli13lp1 belongs to partition workload group 1."""
    mobile_partition()
    change_mobile(workload_group=1)


@workload_group.undone_by
def leave_workload_group() -> None:
    change_mobile(workload_group=None)


@scenario
def compat_mode() -> None:
    """uli13lp1 runs in processor mode POWER7, which this server has and the other one has not."""
    mobile_partition()
    change_mobile(compatibility_mode="POWER7")
    set_modes([*data.PROCESSOR_MODES, "POWER7"])


@compat_mode.undone_by
def default_mode() -> None:
    change_mobile(compatibility_mode="default")
    set_modes([*data.PROCESSOR_MODES])


def set_modes(modes: list[str]) -> None:
    ManagedSystem.objects.update(compatibility_modes=modes)
