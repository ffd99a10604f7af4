"""lssyscfg: the managed system, its partitions, and their profiles."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from django.utils import timezone

from ivmweb.cli.command import Arguments, Command, Family, Io, Option
from ivmweb.cli.configuration import CAPPED, KEEPS_IDLE, UNCAPPED
from ivmweb.cli.records import LISTING, Attribute, filters, print_records
from ivmweb.cli.selection import PARTITION_FILTERS, STDERR, SYSTEM, check_filters, check_system, is_filtered
from ivmweb.cli.slots import ETHERNET, NONE, SCSI, SERIAL, Slot, all_slots
from ivmweb.hypervisor.base import NOT_RUN_HERE, PartitionFacts
from ivmweb.pages.partition_table import state
from ivmweb.system.inventory import runtime_facts
from ivmweb.system.models import (
    MANAGEMENT_PARTITION_ID,
    LogicalPartition,
    ManagedSystem,
    PartitionState,
    PartitionUtilization,
    RmcState,
)
from ivmweb.system.models.partition import ProcessorMode

Facts = Mapping[int, PartitionFacts] | None
UNKNOWN_LEVEL = "0.0.0.0.0.0"  # as IBM prints it


@dataclass(frozen=True)
class Line:
    """A partition with what it is told by: the system, and what the hypervisor says of it."""

    row: LogicalPartition
    system: ManagedSystem
    facts: Facts
    slots: Sequence[Slot] = ()  # in their order; where profiles are listed

    @property
    def fact(self) -> PartitionFacts | None:
        return (self.facts or {}).get(self.row.lpar_id)

    @property
    def state(self) -> PartitionState:
        return state(self.row, self.facts)

    @property
    def uptime(self) -> int | None:
        ran = self.fact if self.fact and self.fact.run_state not in NOT_RUN_HERE else None
        return int(ran.uptime_s) if ran and ran.uptime_s is not None else None

    @property
    def mac_base(self) -> str | None:
        """The first ten digits that its Ethernet adapters share; the last two are the slot."""
        first = next(iter(self.row.ethernet_adapters.all()), None)
        return first.mac_address[:10] if first else None

    @property
    def is_changeable(self) -> int:
        return int(self.state == PartitionState.RUNNING and self.row.rmc_state == RmcState.ACTIVE)


def units(value: Decimal) -> str:
    return f"{value:.2f}"


LPAR: tuple[Attribute[Line], ...] = (
    Attribute("name", lambda line: line.row.name),
    Attribute("lpar_id", lambda line: line.row.lpar_id),
    Attribute("lpar_env", lambda line: line.row.environment),
    Attribute("state", lambda line: line.state.value),
    Attribute("resource_config", lambda _: 1),
    Attribute("os_version", lambda line: line.row.os_version or UNKNOWN_LEVEL),
    Attribute("logical_serial_num", lambda line: f"{line.system.serial_number}{line.row.lpar_id:X}"),
    Attribute("default_profile", lambda line: line.row.name),
    Attribute("curr_profile", lambda line: line.row.name if line.row.ever_activated else ""),
    Attribute("work_group_id", lambda line: NONE if line.row.workload_group is None else line.row.workload_group),
    Attribute("allow_perf_collection", lambda _: 0),
    Attribute("power_ctrl_lpar_ids", lambda _: NONE),
    Attribute("boot_mode", lambda line: None if line.row.is_management else "norm"),
    Attribute("lpar_keylock", lambda _: "norm"),
    Attribute("auto_start", lambda line: int(line.row.auto_start)),
    Attribute("uptime", lambda line: line.uptime),
    Attribute("lpar_avail_priority", lambda _: None),  # no processor of this server is known to fail
    Attribute("desired_lpar_proc_compat_mode", lambda line: line.row.compatibility_mode),
    Attribute("curr_lpar_proc_compat_mode", lambda line: line.row.current_compatibility_mode or None),
    Attribute("virtual_eth_mac_base_value", lambda line: line.mac_base),
    Attribute("rmc_state", lambda line: line.row.rmc_state),
    Attribute("rmc_ipaddr", lambda _: None),  # not recorded; programs ask for it by name
    Attribute("rmc_osshutdown_capable", lambda line: line.is_changeable),
    Attribute("dlpar_mem_capable", lambda _: 0),  # while it runs its adapters can change, and nothing else
    Attribute("dlpar_proc_capable", lambda _: 0),
    Attribute("dlpar_io_capable", lambda line: line.is_changeable),
)


def shared(told: Callable[[LogicalPartition], str]) -> Callable[[Line], str | None]:
    """Processing units are of shared processors only."""
    return lambda line: told(line.row) if line.row.processor_mode == ProcessorMode.SHARED else None


PROF: tuple[Attribute[Line], ...] = (
    Attribute("name", lambda line: line.row.name),
    Attribute("lpar_name", lambda line: line.row.name),
    Attribute("lpar_id", lambda line: line.row.lpar_id),
    Attribute("os_type", lambda line: line.row.environment),
    Attribute("all_resources", lambda _: 0),
    Attribute("mem_mode", lambda _: "ded"),
    Attribute("min_mem", lambda line: line.row.memory_minimum_mb),
    Attribute("desired_mem", lambda line: line.row.memory_mb),
    Attribute("max_mem", lambda line: line.row.memory_maximum_mb),
    Attribute("proc_mode", lambda line: line.row.processor_mode),
    Attribute("min_proc_units", shared(lambda row: units(row.processing_units_minimum))),
    Attribute("desired_proc_units", shared(lambda row: units(row.processing_units))),
    Attribute("max_proc_units", shared(lambda row: units(row.processing_units_maximum))),
    Attribute("min_procs", lambda line: line.row.virtual_processors_minimum),
    Attribute("desired_procs", lambda line: line.row.virtual_processors),
    Attribute("max_procs", lambda line: line.row.virtual_processors_maximum),
    Attribute("sharing_mode", lambda line: sharing_mode(line.row)),
    Attribute("uncap_weight", shared(lambda row: str(row.uncapped_weight))),
    Attribute("io_slots", lambda line: io_slots(line.row)),
    Attribute("lpar_io_pool_ids", lambda _: NONE),
    Attribute("max_virtual_slots", lambda line: line.row.max_virtual_slots),
    Attribute("virtual_serial_adapters", lambda line: adapters(line, SERIAL)),
    Attribute("virtual_scsi_adapters", lambda line: adapters(line, SCSI)),
    Attribute("virtual_eth_adapters", lambda line: adapters(line, ETHERNET)),
    Attribute("virtual_fc_adapters", lambda _: NONE),
    Attribute("boot_mode", lambda line: None if line.row.is_management else "norm"),
    Attribute("conn_monitoring", lambda _: 0),
    Attribute("auto_start", lambda line: int(line.row.auto_start)),
    Attribute("power_ctrl_lpar_ids", lambda _: NONE),
    Attribute("lhea_logical_ports", lambda _: NONE),
    Attribute("lhea_capabilities", lambda _: NONE),
    Attribute("lpar_proc_compat_mode", lambda line: line.row.compatibility_mode),
)


def sharing_mode(row: LogicalPartition | PartitionUtilization) -> str:
    if row.processor_mode == ProcessorMode.DEDICATED:
        return KEEPS_IDLE
    return UNCAPPED if row.uncapped_weight else CAPPED


def io_slots(row: LogicalPartition) -> str:
    return ",".join(f"{adapter.location}/none/1" for adapter in row.physical_adapters.all()) or NONE


REMOTE = ("remote_lpar_id", "remote_lpar_name", "remote_slot_num", "is_required")
# What follows the slot's number in an adapter of a profile.
PARTS = {
    SERIAL: ("adapter_type", "supports_hmc", *REMOTE),
    SCSI: ("adapter_type", *REMOTE),
    ETHERNET: ("ieee_virtual_eth", "port_vlan_id", "addl_vlan_ids", "is_trunk", "is_required"),
}


def adapters(line: Line, kind: str) -> str:
    """`2/client/1/uli13/11/1`, a list of such."""
    return ",".join(adapter(slot) for slot in line.slots if slot.config == kind) or NONE


def adapter(slot: Slot) -> str:
    values = (str(slot.values[name]) for name in PARTS[slot.config])
    return "/".join([str(slot.number), *("" if value == NONE else value for value in values)])


Capable = Callable[[ManagedSystem], bool]
# All that a real IVM has words for, in its order.
CAPABILITIES: dict[str, Capable] = {
    "active_lpar_mobility_capable": lambda system: system.active_mobility_capable,
    "inactive_lpar_mobility_capable": lambda system: system.inactive_mobility_capable,
    "cod_proc_capable": lambda _: False,
    "vet_activation_capable": lambda _: False,  # lsvet: no code is needed or taken
    "shared_proc_capable": lambda _: True,
    "active_lpar_share_idle_procs_capable": lambda _: False,
    "micro_lpar_capable": lambda _: True,
    "dlpar_mem_capable": lambda _: False,
    "assign_phys_io_capable": lambda _: True,
    "lpar_avail_priority_capable": lambda _: False,
    "lpar_proc_compat_mode_capable": lambda _: True,
    "virtual_fc_capable": lambda _: False,
    "active_mem_sharing_capable": lambda _: False,
}


def capabilities(system: ManagedSystem) -> str:
    return ",".join(name for name, has in CAPABILITIES.items() if has(system))


def capability(name: str, has: Capable) -> Attribute[ManagedSystem]:
    return Attribute(name, lambda system: int(has(system)))


SYS: tuple[Attribute[ManagedSystem], ...] = (
    Attribute("name", lambda system: system.name),
    Attribute("type_model", lambda system: system.type_model),
    Attribute("serial_num", lambda system: system.serial_number),
    Attribute("ipaddr", lambda _: None),  # of the service processor, which there is none of
    Attribute("state", lambda _: "Operating"),
    Attribute("sys_time", lambda _: f"{timezone.now():%m/%d/%Y %H:%M:%S}"),
    Attribute("capabilities", capabilities),
    *(capability(name, has) for name, has in CAPABILITIES.items()),
    Attribute("max_lpars", lambda system: system.max_partitions),
    Attribute("max_power_ctrl_lpars", lambda _: 0),  # none is switched on by another one
    Attribute("service_lpar_id", lambda _: MANAGEMENT_PARTITION_ID),
    Attribute("curr_configured_max_lpars", lambda system: system.max_partitions),
    Attribute("pend_configured_max_lpars", lambda system: system.max_partitions),
    Attribute("lpar_proc_compat_modes", lambda system: ",".join(system.compatibility_modes)),
)


def run(arguments: Arguments, io: Io) -> int:
    system = check_system(arguments)
    if arguments.needed("-r") == "sys":
        filters(arguments, ())
        return print_records(arguments, io, SYS, [system])
    wanted = filters(
        arguments, (*PARTITION_FILTERS, "profile_names") if arguments.text("-r") == "prof" else PARTITION_FILTERS
    )
    check_filters(wanted)
    rows = LogicalPartition.objects.prefetch_related("server_adapters", "ethernet_adapters", "physical_adapters")
    facts = runtime_facts()
    lines = [Line(row, system, facts) for row in rows if is_filtered(row.name, row.lpar_id, wanted)]
    if arguments.text("-r") == "lpar":
        return print_records(arguments, io, LPAR, lines)
    slots = slots_of(list(rows), system)
    lines = [
        replace(line, slots=slots[line.row.lpar_id])
        for line in lines
        if line.row.name in wanted.get("profile_names", (line.row.name,))
    ]
    return print_records(arguments, io, PROF, lines)


def slots_of(rows: Sequence[LogicalPartition], system: ManagedSystem) -> dict[int, list[Slot]]:
    """By the partition's ID. `rows`: all, since the management partition has an end of each adapter."""
    found: dict[int, list[Slot]] = {row.lpar_id: [] for row in rows}
    for slot in sorted(all_slots(rows, system.host_name), key=lambda slot: slot.number):
        found[slot.row.lpar_id].append(slot)
    return found


COMMAND = Command(
    "lssyscfg",
    Family.LPAR,
    "The managed system, its partitions and their profiles",
    run,
    (
        Option("-r", "resource", "what to list", choices=("sys", "lpar", "prof")),
        SYSTEM,
        *LISTING,
        STDERR,
    ),
    page="View/Modify Partitions; View/Modify System Properties",
    api="GET /api/v1/partitions; GET /api/v1/partitions/{lpar_id}; GET /api/v1/system",
)
