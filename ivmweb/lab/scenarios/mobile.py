"""Things about uli13lp1 itself that keep it from moving; for the console that has it."""

import json

from django.conf import settings
from django.db.models import F, QuerySet

from ivmweb.lab import data
from ivmweb.lab.following import replace_file
from ivmweb.lab.records import partition_uuid
from ivmweb.lab.scenarios.registry import NotPossible, Where, scenario
from ivmweb.system import services
from ivmweb.system.mapping import keep_or_rename
from ivmweb.system.models import (
    LogicalPartition,
    ManagedSystem,
    PartitionState,
    PhysicalAdapter,
    RmcState,
    VirtualTargetDevice,
)
from ivmweb.system.models.partition import Environment
from ivmweb.system.pools import taken_names

MOBILE = data.ULI13LP1.name
FIRST_LUN = 0x81
CUSTOM_NAME = "rootdisk"
HOLD = "lab-scenario held"
STALE = "lab-scenario stale-state"
MOBILE_UUID = partition_uuid(data.ULI13LP1, data.ULI13)


def mobile_partition() -> LogicalPartition:
    partition = LogicalPartition.objects.filter(uuid=MOBILE_UUID).first()
    if partition is None:
        raise NotPossible(f"{MOBILE} is not on this server; run this on the other console.")
    return partition


def change_mobile(**fields: object) -> None:
    LogicalPartition.objects.filter(uuid=MOBILE_UUID).update(**fields)


@scenario(Where.SOURCE, "partition_answers_over_rmc")
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
    replace_file(path, json.dumps(faults))


@scenario(Where.SOURCE, "operating_system_is_ready")
def os_not_ready() -> None:
    """The operating system of uli13lp1 answers over RMC that it is not ready to be moved."""
    mobile_partition()
    set_fault("not_ready_for_migration", True)


@os_not_ready.undone_by
def os_ready() -> None:
    set_fault("not_ready_for_migration", None)


@scenario(Where.SOURCE, "operating_system_level_supports_migration")
def old_os() -> None:
    """uli13lp1 runs AIX 5.2, which can't be moved while it runs."""
    mobile_partition()
    change_mobile(os_version="AIX 5.2 5200-10")


@old_os.undone_by
def first_os() -> None:
    change_mobile(os_version=data.OS_VERSION)


@scenario(Where.SOURCE, "operating_system_is_aix_or_linux")
def other_vios() -> None:
    """uli13lp1 is recorded as a Virtual I/O Server."""
    mobile_partition()
    change_mobile(environment=Environment.VIRTUAL_IO_SERVER)


@other_vios.undone_by
def aix_or_linux() -> None:
    change_mobile(environment=Environment.AIX_OR_LINUX)


@scenario(Where.SOURCE, "partition_is_free")
def held() -> None:
    """Another operation has reserved uli13lp1 and does not end."""
    reserve(HOLD)


@held.undone_by
def let_go() -> None:
    LogicalPartition.objects.filter(uuid=MOBILE_UUID, hold=HOLD).update(hold="")


def reserve(hold: str) -> None:
    partition = mobile_partition()
    if partition.hold not in ("", hold):
        raise NotPossible(f"{partition} is reserved by {partition.hold}; wait for its end.")
    services.hold(partition.pk, hold)


@scenario(Where.SOURCE, "hypervisor_confirms_the_state", "partition_is_free")
def stale_state() -> None:
    """Another operation has reserved uli13lp1, and the records say Not Activated all the time while it runs."""
    partition = mobile_partition()
    if partition.state != PartitionState.RUNNING and partition.hold != STALE:
        raise NotPossible(f"{MOBILE} does not run; activate it first.")
    reserve(STALE)
    change_mobile(state=PartitionState.NOT_ACTIVATED)


@stale_state.undone_by
def true_state() -> None:
    """The inventory corrects it should the partition have ended meanwhile."""
    LogicalPartition.objects.filter(uuid=MOBILE_UUID, hold=STALE).update(hold="", state=PartitionState.RUNNING)


@scenario(Where.SOURCE, "virtual_slots_are_within_the_maximum")
def few_slots() -> None:
    """uli13lp1 may have 4 virtual slots, so C3 is its last one; its Ethernet adapter is in C4."""
    mobile_partition()
    change_mobile(max_virtual_slots=4)


@few_slots.undone_by
def usual_slots() -> None:
    change_mobile(max_virtual_slots=20)


@scenario(Where.SOURCE, "virtual_processors_have_their_units")
def thin_processors() -> None:
    """uli13lp1 has 2 virtual processors for 0.1 processing units."""
    mobile_partition()
    change_mobile(virtual_processors=2)


@thin_processors.undone_by
def one_processor() -> None:
    change_mobile(virtual_processors=1)


@scenario(Where.SOURCE, "memory_maximum_fits")
def large_memory_maximum() -> None:
    """The memory of uli13lp1 may grow to 64 GB, more than either server has."""
    mobile_partition()
    change_mobile(memory_maximum_mb=64 * 1024)


@large_memory_maximum.undone_by
def usual_memory_maximum() -> None:
    LogicalPartition.objects.filter(uuid=MOBILE_UUID).update(memory_maximum_mb=2 * F("memory_mb"))


@scenario(Where.SOURCE, "processing_units_maximum_fits")
def large_units_maximum() -> None:
    """uli13lp1 may grow to 8 processing units, more than either server has."""
    mobile_partition()
    change_mobile(processing_units_maximum=8)


@large_units_maximum.undone_by
def usual_units_maximum() -> None:
    change_mobile(processing_units_maximum=1)


@scenario(Where.SOURCE, "partition_has_no_physical_adapters")
def physical_adapter() -> None:
    """uli13lp1 owns a physical Ethernet adapter of this server."""
    adapter = PhysicalAdapter.objects.filter(location=data.SYSTEMS[settings.CONSOLE].spare_adapter_location)
    adapter.update(partition=mobile_partition())


@physical_adapter.undone_by
def give_adapter_back() -> None:
    if partition := LogicalPartition.objects.filter(uuid=MOBILE_UUID).first():
        services.release_physical_adapters(partition)


@scenario(Where.SOURCE, "partition_is_in_no_workload_group")
def workload_group() -> None:
    """uli13lp1 belongs to partition workload group 1."""
    mobile_partition()
    change_mobile(workload_group=1)


@workload_group.undone_by
def leave_workload_group() -> None:
    change_mobile(workload_group=None)


@scenario(Where.SOURCE, "compatibility_mode_is_supported")
def compat_mode() -> None:
    """The profile of uli13lp1 asks for processor mode POWER7, which this server has and the other one has not."""
    mobile_partition()
    change_mobile(compatibility_mode="POWER7")
    set_modes([*data.PROCESSOR_MODES, "POWER7"])


@compat_mode.undone_by
def default_mode() -> None:
    change_mobile(compatibility_mode="default")
    set_modes([*data.PROCESSOR_MODES])


@scenario(Where.SOURCE, "current_mode_is_supported")
def current_mode() -> None:
    """uli13lp1 was started in processor mode POWER7; its profile has been changed to default since."""
    if not mobile_partition().is_activated:
        raise NotPossible(f"{MOBILE} does not run; activate it first.")
    change_mobile(current_compatibility_mode="POWER7")


@current_mode.undone_by
def first_mode() -> None:
    running = LogicalPartition.objects.filter(uuid=MOBILE_UUID).exclude(current_compatibility_mode="")
    running.update(current_compatibility_mode=data.PROCESSOR_MODES[-1])


def set_modes(modes: list[str]) -> None:
    ManagedSystem.objects.update(compatibility_modes=modes)


@scenario(Where.SOURCE)
def custom_name() -> None:
    """The first virtual target device of uli13lp1 is called rootdisk by its user; goes with disk-name-taken."""
    devices_of(mobile_partition()).filter(lun_number=FIRST_LUN).update(name=CUSTOM_NAME, is_user_defined=True)


@custom_name.undone_by
def first_name() -> None:
    device = VirtualTargetDevice.objects.filter(adapter__partition__uuid=MOBILE_UUID, name=CUSTOM_NAME).first()
    if device is None:
        return
    (name,) = keep_or_rename(["vtscsi0"], "vtscsi", taken_names())
    VirtualTargetDevice.objects.filter(pk=device.pk).update(name=name, is_user_defined=False)


def devices_of(partition: LogicalPartition) -> QuerySet[VirtualTargetDevice]:
    return VirtualTargetDevice.objects.filter(adapter__partition=partition)
