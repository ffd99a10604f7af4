"""lshwres: memory, processors and adapters of the system and of its partitions."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from ivmweb.cli.command import Arguments, Command, Family, Io, Option
from ivmweb.cli.commands.lssyscfg import sharing_mode, units
from ivmweb.cli.records import LISTING, Attribute, filters, print_records
from ivmweb.cli.selection import PARTITION_FILTERS, STDERR, SYSTEM, check_filters, check_system, is_filtered
from ivmweb.cli.slots import Slot, all_slots, ethernet_slots, scsi_slots, serial_slots
from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system.models import LogicalPartition, ManagedSystem, PhysicalAdapter
from ivmweb.system.models.partition import ProcessorMode

Number = TypeVar("Number", int, Decimal)

LEAST_UNITS = "0.10"  # of a virtual processor


@dataclass(frozen=True)
class Line:
    row: LogicalPartition

    def running(self, value: Number) -> Number:
        """What it runs with: nothing where it is off."""
        return value if self.row.is_activated else type(value)(0)

    @property
    def is_shared(self) -> bool:
        return self.row.processor_mode == ProcessorMode.SHARED.value

    def shared(self, value: str | int) -> str | int | None:
        return value if self.is_shared else None


def identity() -> tuple[Attribute[Line], ...]:
    return (
        Attribute("lpar_name", lambda line: line.row.name),
        Attribute("lpar_id", lambda line: line.row.lpar_id),
    )


SYSTEM_MEMORY: tuple[Attribute[ManagedSystem], ...] = (
    Attribute("configurable_sys_mem", lambda system: system.installed_memory_mb),
    Attribute("curr_avail_sys_mem", lambda system: system.free_memory_mb),
    Attribute("pend_avail_sys_mem", lambda system: system.free_memory_mb),
    Attribute("installed_sys_mem", lambda system: system.installed_memory_mb),
    Attribute("max_capacity_sys_mem", lambda _: None),  # what could be built in is not recorded
    Attribute("deconfig_sys_mem", lambda _: 0),
    Attribute("sys_firmware_mem", lambda system: system.firmware_memory_mb),
    Attribute("mem_region_size", lambda system: system.memory_region_mb),
)
SYSTEM_PROCESSORS: tuple[Attribute[ManagedSystem], ...] = (
    Attribute("configurable_sys_proc_units", lambda system: units(system.installed_units)),
    Attribute("curr_avail_sys_proc_units", lambda system: units(system.free_units)),
    Attribute("pend_avail_sys_proc_units", lambda system: units(system.free_units)),
    Attribute("installed_sys_proc_units", lambda system: units(system.installed_units)),
    Attribute("max_capacity_sys_proc_units", lambda _: None),
    Attribute("deconfig_sys_proc_units", lambda _: units(Decimal(0))),
    Attribute("min_proc_units_per_virtual_proc", lambda _: LEAST_UNITS),
    Attribute("max_virtual_procs_per_lpar", lambda system: system.max_virtual_processors),
    Attribute("max_procs_per_lpar", lambda system: system.max_virtual_processors),
    Attribute("max_curr_virtual_procs_per_aixlinux_lpar", lambda system: system.max_virtual_processors),
    Attribute("max_curr_procs_per_aixlinux_lpar", lambda system: system.max_virtual_processors),
)


def memory(prefix: str) -> tuple[Attribute[Line], ...]:
    """Configured now, and after the next activation: here the same."""
    return (
        Attribute(f"{prefix}_min_mem", lambda line: line.row.memory_minimum_mb),
        Attribute(f"{prefix}_mem", lambda line: line.row.memory_mb),
        Attribute(f"{prefix}_max_mem", lambda line: line.row.memory_maximum_mb),
    )


MEMORY: tuple[Attribute[Line], ...] = (
    *identity(),
    Attribute("mem_mode", lambda _: "ded"),
    *memory("curr"),
    *memory("pend"),
    Attribute("run_min_mem", lambda line: line.running(line.row.memory_minimum_mb)),
    Attribute("run_mem", lambda line: line.running(line.row.memory_mb)),
)


def processors(prefix: str) -> tuple[Attribute[Line], ...]:
    return (
        Attribute(f"{prefix}_proc_mode", lambda line: line.row.processor_mode),
        Attribute(f"{prefix}_min_proc_units", lambda line: line.shared(units(line.row.processing_units_minimum))),
        Attribute(f"{prefix}_proc_units", lambda line: line.shared(units(line.row.processing_units))),
        Attribute(f"{prefix}_max_proc_units", lambda line: line.shared(units(line.row.processing_units_maximum))),
        Attribute(f"{prefix}_min_procs", lambda line: line.row.virtual_processors_minimum),
        Attribute(f"{prefix}_procs", lambda line: line.row.virtual_processors),
        Attribute(f"{prefix}_max_procs", lambda line: line.row.virtual_processors_maximum),
        Attribute(f"{prefix}_sharing_mode", lambda line: sharing_mode(line.row)),
        Attribute(f"{prefix}_uncap_weight", lambda line: line.shared(line.row.uncapped_weight)),
    )


PROCESSORS: tuple[Attribute[Line], ...] = (
    *identity(),
    Attribute("curr_shared_proc_pool_id", lambda line: line.shared(0)),
    *processors("curr"),
    *processors("pend"),
    Attribute("run_procs", lambda line: line.running(line.row.virtual_processors)),
    Attribute("run_proc_units", lambda line: line.shared(units(line.running(line.row.processing_units)))),
    Attribute("run_uncap_weight", lambda line: line.shared(line.running(line.row.uncapped_weight))),
)


def slot_attributes(*names: str) -> tuple[Attribute[Slot], ...]:
    def of(name: str) -> Attribute[Slot]:
        return Attribute(name, lambda slot: slot.values.get(name))

    return (
        Attribute("lpar_name", lambda slot: slot.row.name),
        Attribute("lpar_id", lambda slot: slot.row.lpar_id),
        Attribute("slot_num", lambda slot: slot.number),
        *(of(name) for name in names),
    )


SLOTS: tuple[Attribute[Slot], ...] = (
    Attribute("slot_num", lambda slot: slot.number),
    Attribute("lpar_name", lambda slot: slot.row.name),
    Attribute("lpar_id", lambda slot: slot.row.lpar_id),
    Attribute("config", lambda slot: slot.config),
)
MOST_SLOTS: tuple[Attribute[Line], ...] = (
    *identity(),
    Attribute("curr_max_virtual_slots", lambda line: line.row.max_virtual_slots),
    Attribute("pend_max_virtual_slots", lambda line: line.row.max_virtual_slots),
)
REMOTE = ("remote_lpar_id", "remote_lpar_name", "remote_slot_num")
ETHERNET = slot_attributes(
    "state", "ieee_virtual_eth", "port_vlan_id", "addl_vlan_ids", "is_trunk", "trunk_priority", "is_required",
    "mac_addr",
)  # fmt: skip
SCSI = slot_attributes("state", "is_required", "adapter_type", *REMOTE)
SERIAL = slot_attributes("state", "is_required", "connect_status", "adapter_type", "supports_hmc", *REMOTE)
FIBRE = slot_attributes("adapter_type", "state", *REMOTE, "is_required", "wwpns")


IO_SLOTS: tuple[Attribute[PhysicalAdapter], ...] = (
    Attribute("unit_phys_loc", lambda adapter: adapter.location.partition("-")[0]),
    Attribute("bus_id", lambda _: None),  # not recorded, and neither is the index; programs ask by these names
    Attribute("phys_loc", lambda adapter: adapter.location.partition("-")[2]),
    Attribute("drc_index", lambda _: None),
    Attribute("drc_name", lambda adapter: adapter.location),
    Attribute("lpar_name", lambda adapter: adapter.partition.name if adapter.partition else None),
    Attribute("lpar_id", lambda adapter: adapter.partition.lpar_id if adapter.partition else None),
    Attribute("description", lambda adapter: adapter.description),
)


@dataclass(frozen=True)
class Wanted:
    """What print_records() needs, in one piece."""

    arguments: Arguments
    io: Io
    system: ManagedSystem
    rows: Sequence[LogicalPartition]  # all
    values: Mapping[str, Sequence[str]]  # of the filters

    def chosen(self) -> list[Line]:
        return [Line(row) for row in self.rows if is_filtered(row.name, row.lpar_id, self.values)]

    def slots(self, found: Iterable[Slot]) -> list[Slot]:
        numbers = self.values.get("slots")
        passed = [
            slot
            for slot in found
            if is_filtered(slot.row.name, slot.row.lpar_id, self.values)
            and (numbers is None or str(slot.number) in numbers)
        ]
        return sorted(passed, key=lambda slot: (slot.row.lpar_id, slot.number))


def print_memory(wanted: Wanted, level: str) -> int:
    if level == "sys":
        return print_records(wanted.arguments, wanted.io, SYSTEM_MEMORY, [wanted.system])
    return print_records(wanted.arguments, wanted.io, MEMORY, wanted.chosen())


def print_processors(wanted: Wanted, level: str) -> int:
    if level == "sys":
        return print_records(wanted.arguments, wanted.io, SYSTEM_PROCESSORS, [wanted.system])
    return print_records(wanted.arguments, wanted.io, PROCESSORS, wanted.chosen())


def print_io(wanted: Wanted, _level: str) -> int:
    if wanted.arguments.needed("--rsubtype") != "slot":
        raise wanted.arguments.wrong("--rsubtype", wanted.arguments.text("--rsubtype"), "slot, with -r io")
    adapters = [
        one
        for one in PhysicalAdapter.objects.select_related("partition")
        if not wanted.values or is_of(one.partition, wanted.values)
    ]
    return print_records(wanted.arguments, wanted.io, IO_SLOTS, adapters)


def is_of(partition: LogicalPartition | None, values: Mapping[str, Sequence[str]]) -> bool:
    return partition is not None and is_filtered(partition.name, partition.lpar_id, values)


def print_virtual(wanted: Wanted, level: str) -> int:
    kind = wanted.arguments.needed("--rsubtype")
    if kind == "slot" and level == "lpar":
        return print_records(wanted.arguments, wanted.io, MOST_SLOTS, wanted.chosen())
    made = VIRTUAL.get(kind)
    if made is None:
        raise wanted.arguments.wrong("--rsubtype", kind, f"{' or '.join(VIRTUAL)}, with -r virtualio")
    attributes, slots = made
    return print_records(wanted.arguments, wanted.io, attributes, wanted.slots(slots(wanted)))


VIRTUAL: dict[str, tuple[tuple[Attribute[Slot], ...], Callable[[Wanted], list[Slot]]]] = {
    "eth": (ETHERNET, lambda wanted: ethernet_slots(wanted.rows)),
    "scsi": (SCSI, lambda wanted: scsi_slots(wanted.rows, wanted.system.host_name)),
    "serial": (SERIAL, lambda wanted: serial_slots(wanted.rows)),
    "fc": (FIBRE, lambda _: []),  # there are none on this server
    "slot": (SLOTS, lambda wanted: all_slots(wanted.rows, wanted.system.host_name)),
}
RESOURCES = {"mem": print_memory, "proc": print_processors, "io": print_io, "virtualio": print_virtual}
LEVEL_IS_LPAR = frozenset({"scsi", "fc"})  # where it may be left out
WITH_SUBTYPES = ("io", "virtualio")
LEVELS = {"mem": ("sys", "lpar"), "proc": ("sys", "lpar"), "io": (), "virtualio": ("lpar", "slot")}


def level_of(arguments: Arguments, resource: str) -> str:
    """Empty where it is left out, and may be. Raises PrerequisiteFailed, also for --rsubtype where there are none."""
    if arguments.has("--rsubtype") and resource not in WITH_SUBTYPES:
        needed = " or ".join(f"-r {one}" for one in WITH_SUBTYPES)
        raise PrerequisiteFailed("cli-goes-with", option="--rsubtype", needed=needed)
    levels, level, kind = LEVELS[resource], arguments.text("--level"), arguments.text("--rsubtype")
    if arguments.has("--level") and not levels:
        needed = " or ".join(f"-r {one}" for one, its in LEVELS.items() if its)
        raise PrerequisiteFailed("cli-goes-with", option="--level", needed=needed)
    if levels and not level and kind not in LEVEL_IS_LPAR:
        raise PrerequisiteFailed("cli-parameter-missing", option="--level")
    if level and level not in levels:
        raise arguments.wrong("--level", level, f"{' or '.join(levels)}, with -r {resource}")
    if level == "slot" and kind in VIRTUAL and kind != "slot":
        raise PrerequisiteFailed("cli-goes-with", option="--level slot", needed="--rsubtype slot")
    return level


def run(arguments: Arguments, io: Io) -> int:
    system = check_system(arguments)
    resource = arguments.needed("-r")
    level = level_of(arguments, resource)
    known = (*PARTITION_FILTERS, "slots") if resource == "virtualio" else PARTITION_FILTERS
    values = filters(arguments, () if level == "sys" else known)
    check_filters(values)
    rows = list(LogicalPartition.objects.prefetch_related("server_adapters", "ethernet_adapters"))
    return RESOURCES[resource](Wanted(arguments, io, system, rows, values), level)


COMMAND = Command(
    "lshwres",
    Family.LPAR,
    "Memory, processors and adapters of the system and its partitions",
    run,
    (
        Option("-r", "resource", "what to list", choices=tuple(RESOURCES)),
        Option("--rsubtype", "kind", "of -r io: slot; of -r virtualio: eth, scsi, serial, fc or slot"),
        Option(
            "--level",
            "level",
            "of the system, partitions or slots; scsi and fc need none",
            choices=("sys", "lpar", "slot"),
        ),
        SYSTEM,
        *LISTING,
        STDERR,
    ),
    page="View/Modify System Properties; Properties of a partition",
    api="GET /api/v1/system; GET /api/v1/partitions/{lpar_id}",
)
