"""The sections of a partition's properties: what each holds, which values it takes and when, and how it is written.

A section is called inside the transaction of the change (properties.py), after the partition's row has been read and,
for `write`, claimed. Each check raises PrerequisiteFailed with the reason.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import DataError, IntegrityError
from django.db.models import F
from django.db.models.functions import Length

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.hypervisor import KEEPS_ADAPTERS
from ivmweb.system.changes import EMPTY, Value, Values, check_choice, check_range
from ivmweb.system.models import (
    MANAGEMENT_PARTITION_ID,
    LogicalPartition,
    ManagedSystem,
    PhysicalAdapter,
    PhysicalVolume,
    VirtualEthernet,
    VirtualEthernetAdapter,
)
from ivmweb.system.models.partition import BootDevice, ProcessorMode
from ivmweb.system.models.storage import ReservePolicy
from ivmweb.system.property_words import ADAPTER_PREFIX, POLICY_PREFIX, VLAN_PREFIX, label, name_in

LONGEST_NAME = 31
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
WORKLOAD_GROUPS = (1, 255)
WEIGHTS = (0, 255)
MOST_SLOTS = (4, 65535)  # serial adapters have 0 and 1; one for disks and one for a network are the least
MOST_PROCESSORS = 64
LEAST_UNITS = Decimal("0.1")  # of a virtual processor
MEMORY = ("memory_minimum_mb", "memory_mb", "memory_maximum_mb")
UNITS = ("processing_units_minimum", "processing_units", "processing_units_maximum")
PROCESSORS = ("virtual_processors_minimum", "virtual_processors", "virtual_processors_maximum")
UNITS_OF = dict(zip(PROCESSORS, UNITS, strict=True))


def nothing_more(partition: LogicalPartition, changed: Values) -> None:
    return None


@dataclass(frozen=True)
class Section:
    read: Callable[[LogicalPartition], dict[str, Value]]
    check: Callable[
        [LogicalPartition, Values, Values], None
    ]  # partition, all values as they would be, the changed ones
    write: Callable[[LogicalPartition, Values], None] = nothing_more  # what is not in the partition's own columns
    is_columns: bool = True  # of the partition's row; else devices of the partition
    off_only: frozenset[str] = frozenset()  # change only while the partition is Not Activated
    is_network: bool = False  # with some kinds of hypervisor all of it changes only while the partition is off
    needs_system: bool = False  # while it runs, its operating system has to take part, over RMC
    of_management: bool = False  # can be changed for the management partition, too

    def off_only_of(self, keys: Iterable[str]) -> frozenset[str]:
        """Those of the keys that change only while the partition is Not Activated, with our kind of hypervisor."""
        return frozenset(keys) if self.is_network and keeps_adapters() else self.off_only.intersection(keys)


def keeps_adapters() -> bool:
    """Whether a partition that runs keeps its network adapters as they are."""
    return settings.HYPERVISOR in KEEPS_ADAPTERS


def together(*sections: Section) -> Section:
    """One of several, all in the partition's row: what is changed in them is one change."""

    def check(partition: LogicalPartition, after: Values, changed: Values) -> None:
        for section, own in parts(partition, changed):
            section.check(partition, after, own)

    def write(partition: LogicalPartition, changed: Values) -> None:
        for section, own in parts(partition, changed):
            section.write(partition, own)

    def parts(partition: LogicalPartition, changed: Values) -> list[tuple[Section, Values]]:
        shared = [
            (section, {key: changed[key] for key in changed if key in section.read(partition)})
            for section in sections
        ]
        return [(section, own) for section, own in shared if own]

    return Section(
        read=lambda partition: {key: value for one in sections for key, value in one.read(partition).items()},
        check=check,
        write=write,
        off_only=frozenset[str]().union(*(one.off_only for one in sections)),
    )


def columns(*names: str) -> Callable[[LogicalPartition], dict[str, Value]]:
    return lambda partition: {name: getattr(partition, name) for name in names}


def who(partition: LogicalPartition) -> dict[str, Any]:
    return {"name": partition.name, "lpar_id": partition.lpar_id}


@contextmanager
def refused_by_constraints(name: str, lpar_id: int) -> Iterator[None]:
    """What a constraint of the database refuses, e.g. a minimum above the maximum, is told as PrerequisiteFailed."""
    try:
        yield
    except (IntegrityError, DataError) as exc:
        reason = str(exc).partition("\n")[0]  # PostgreSQL adds the whole row
        raise PrerequisiteFailed("partition-refused", name=name, lpar_id=lpar_id, reason=reason) from exc


# General


def check_general(partition: LogicalPartition, after: Values, changed: Values) -> None:
    if "name" in changed:
        check_name("name", changed["name"], LONGEST_NAME)
        other = LogicalPartition.objects.filter(name=changed["name"]).exclude(pk=partition.pk).first()
        if other:
            system = ManagedSystem.objects.get()
            raise PrerequisiteFailed(
                "partition-name-taken", name=other.name, lpar_id=other.lpar_id, system=system.host_name
            )
    if changed.get("workload_group") is not None:
        check_range("workload_group", changed["workload_group"], *WORKLOAD_GROUPS)
    if "boot_from" in changed:
        check_choice("boot_from", changed["boot_from"], boot_devices())


def boot_devices() -> list[str]:
    """From which partitions can start here."""
    return ManagedSystem.objects.get().boot_devices or [BootDevice.DEFAULT.value]


def check_name(key: str, value: Value, longest: int) -> None:
    text = str(value)
    if len(text) > longest or not NAME.fullmatch(text):
        raise PrerequisiteFailed("name-not-usable", field=label(key), value=text[:64] or EMPTY, longest=longest)


GENERAL = Section(columns("name", "workload_group", "boot_from"), check_general, off_only=frozenset({"boot_from"}))


# Start and slots


def check_start(partition: LogicalPartition, after: Values, changed: Values) -> None:
    if "max_virtual_slots" not in changed:
        return
    check_range("max_virtual_slots", changed["max_virtual_slots"], *MOST_SLOTS)
    highest = max(virtual_slots_of(partition), default=0)
    if int(changed["max_virtual_slots"] or 0) <= highest:
        raise PrerequisiteFailed(
            "slots-in-use", slot=highest, most=changed["max_virtual_slots"], needed=highest + 1, **who(partition)
        )


def virtual_slots_of(partition: LogicalPartition) -> list[int]:
    """Those that have an adapter, the two serial ones left aside."""
    if partition._state.adding:  # one that is only to be made has none
        return []
    return [
        *partition.server_adapters.values_list("client_slot", flat=True),
        *partition.ethernet_adapters.values_list("slot", flat=True),
    ]


START = Section(columns("auto_start", "max_virtual_slots"), check_start, off_only=frozenset({"max_virtual_slots"}))


# Memory


def check_memory(partition: LogicalPartition, after: Values, changed: Values) -> None:
    system = ManagedSystem.objects.get()
    region, installed = system.memory_region_mb, system.installed_memory_mb
    for key, value in changed.items():
        check_range(key, value, region, installed)
        if int(value or 0) % region:
            raise PrerequisiteFailed("memory-not-in-regions", field=label(key), value=value, region_mb=region)
    check_order(MEMORY, after)


def check_order(keys: tuple[str, str, str], after: Values) -> None:
    minimum, assigned, maximum = (_number(after[key]) for key in keys)
    if not minimum <= assigned <= maximum:
        names = dict(zip(("minimum_field", "field", "maximum_field"), map(label, keys), strict=True))
        raise PrerequisiteFailed(
            "values-not-in-order", minimum=str(minimum), value=str(assigned), maximum=str(maximum), **names
        )


def write_memory(partition: LogicalPartition, changed: Values) -> None:
    """Take the difference from the server's free memory, compared in the database itself; or give it back."""
    if "memory_mb" not in changed:
        return
    more = int(changed["memory_mb"] or 0) - partition.memory_mb
    free = ManagedSystem.objects.filter(free_memory_mb__gte=more)
    if not free.update(free_memory_mb=F("free_memory_mb") - more):
        system = ManagedSystem.objects.get()
        raise PrerequisiteFailed(
            "memory-not-free",
            more_mb=more,
            free_mb=system.free_memory_mb,
            most_mb=partition.memory_mb + system.free_memory_mb // system.memory_region_mb * system.memory_region_mb,
            system=system.host_name,
            **who(partition),
        )


MEMORY_SECTION = Section(columns(*MEMORY), check_memory, write_memory, off_only=frozenset(MEMORY))


# Processing


def check_processing(partition: LogicalPartition, after: Values, changed: Values) -> None:
    system = ManagedSystem.objects.get()
    # Processors first: where they alone were given, the units that follow from them are wrong because of them.
    is_dedicated = after["processor_mode"] == ProcessorMode.DEDICATED
    most = min(MOST_PROCESSORS, int(system.installed_units)) if is_dedicated else MOST_PROCESSORS
    for key in (key for key in PROCESSORS if key in changed):
        check_range(key, changed[key], 1, most)
    for key in (key for key in UNITS if key in changed):
        check_range(key, changed[key], LEAST_UNITS, system.installed_units)
        check_hundredths(key, _number(changed[key]))
    if "uncapped_weight" in changed:
        check_range("uncapped_weight", changed["uncapped_weight"], *WEIGHTS)
    if "processor_mode" in changed:
        check_choice("processor_mode", changed["processor_mode"], ProcessorMode.values)
    if "compatibility_mode" in changed:
        check_choice("compatibility_mode", changed["compatibility_mode"], list(system.compatibility_modes))
    if changed.keys() & {"processor_mode", *UNITS, *PROCESSORS}:
        check_order(UNITS, after)
        check_order(PROCESSORS, after)
        check_shares(partition, after)


def check_hundredths(key: str, units: Decimal) -> None:
    """A finer value would not come back from the database as it was compared before."""
    if units != units.quantize(Decimal("0.01")):
        raise PrerequisiteFailed("units-too-fine", field=label(key), value=str(units))


def whole_units(processors: Values) -> dict[str, Value]:
    """The units of dedicated processors, each a whole one; other values than numbers of processors do not count."""
    return {UNITS_OF[key]: _number(value) for key, value in processors.items() if key in UNITS_OF}


def check_shares(partition: LogicalPartition, after: Values) -> None:
    """A shared virtual processor is worth 0.1 to 1 unit, a dedicated one is a whole processor."""
    dedicated = after["processor_mode"] == ProcessorMode.DEDICATED
    for processors_key, units_key in UNITS_OF.items():
        units, processors = _number(after[units_key]), _number(after[processors_key])
        least = processors if dedicated else LEAST_UNITS * processors
        if not least <= units <= processors:
            raise PrerequisiteFailed(
                "units-for-dedicated" if dedicated else "units-for-processors",
                units_field=label(units_key),
                units=str(units),
                processors_field=label(processors_key),
                processors=str(processors),
                least=str(least),
                **who(partition),
            )


def write_processing(partition: LogicalPartition, changed: Values) -> None:
    if "processing_units" not in changed:
        return
    more = _number(changed["processing_units"]) - partition.processing_units
    if not ManagedSystem.objects.filter(free_units__gte=more).update(free_units=F("free_units") - more):
        system = ManagedSystem.objects.get()
        raise PrerequisiteFailed(
            "units-not-free",
            more=str(more),
            free=str(system.free_units),
            most=str(partition.processing_units + system.free_units),
            system=system.host_name,
            **who(partition),
        )


def _number(value: Value) -> Decimal:
    return Decimal(str(value))


PROCESSING = Section(
    columns("processor_mode", *UNITS, *PROCESSORS, "uncapped_weight", "compatibility_mode"),
    check_processing,
    write_processing,
    off_only=frozenset({"processor_mode", *UNITS, *PROCESSORS, "compatibility_mode"}),
)


# Ethernet


def read_ethernet(partition: LogicalPartition) -> dict[str, Value]:
    """VLAN by slot."""
    return {f"{VLAN_PREFIX}{adapter.slot}": adapter.vlan_id for adapter in partition.ethernet_adapters.all()}


def check_ethernet(partition: LogicalPartition, after: Values, changed: Values) -> None:
    check_vlans(changed.values())


def check_vlans(vlan_ids: Iterable[Value]) -> None:
    """Raises PrerequisiteFailed for one that no virtual Ethernet here has."""
    known = list(VirtualEthernet.objects.values_list("vlan_id", flat=True))
    for vlan_id in vlan_ids:
        if vlan_id not in known:
            listed = ", ".join(map(str, known)) or "none"
            raise PrerequisiteFailed("vlan-unknown", vlan_id=str(vlan_id), known=listed)


def write_ethernet(partition: LogicalPartition, changed: Values) -> None:
    for key, vlan_id in changed.items():
        VirtualEthernetAdapter.objects.filter(partition=partition, slot=name_in(key)).update(vlan_id=vlan_id)


ETHERNET = Section(
    read_ethernet, check_ethernet, write_ethernet, is_columns=False, is_network=True, needs_system=True
)


# Storage


def volumes_of(partition: LogicalPartition) -> list[PhysicalVolume]:
    """In the order in which the partition sees them; the management partition has those that no other one has."""
    if partition.is_management:
        return list(PhysicalVolume.objects.filter(target_device=None).order_by(Length("name"), "name"))
    rows = PhysicalVolume.objects.filter(target_device__adapter__partition=partition)
    return list(rows.order_by("target_device__adapter__slot", "target_device__lun_number"))


def read_storage(partition: LogicalPartition) -> dict[str, Value]:
    """Reserve policy by hdisk."""
    return {f"{POLICY_PREFIX}{volume.name}": volume.reserve_policy for volume in volumes_of(partition)}


def check_storage(partition: LogicalPartition, after: Values, changed: Values) -> None:
    for key, policy in changed.items():
        check_choice(key, policy, ReservePolicy.values)


def write_storage(partition: LogicalPartition, changed: Values) -> None:
    for key, policy in changed.items():
        PhysicalVolume.objects.filter(name=name_in(key)).update(reserve_policy=policy)


STORAGE = Section(read_storage, check_storage, write_storage, is_columns=False, of_management=True)


# Physical Adapters


def read_adapters(partition: LogicalPartition) -> dict[str, Value]:
    """By location, whether the partition has it; without those of other client partitions."""
    rows = PhysicalAdapter.objects.exclude(partition__in=_others(partition))
    return {f"{ADAPTER_PREFIX}{adapter.location}": adapter.partition_id == partition.pk for adapter in rows}


def _others(partition: LogicalPartition) -> Any:
    return LogicalPartition.objects.clients().exclude(pk=partition.pk)


def check_adapters(partition: LogicalPartition, after: Values, changed: Values) -> None:
    system = ManagedSystem.objects.get()
    for key, given in changed.items():
        location = name_in(key)
        if given and is_essential(system, location):
            raise PrerequisiteFailed("adapter-essential", location=location, system=system.host_name)


def is_essential(system: ManagedSystem, location: str) -> bool:
    """The management partition reaches all its hdisks, and those of its clients, through this one."""
    return f"{system.fibre_channel_location}-".startswith(f"{location}-")


def write_adapters(partition: LogicalPartition, changed: Values) -> None:
    management = LogicalPartition.objects.filter(lpar_id=MANAGEMENT_PARTITION_ID).first()
    for key, given in changed.items():
        PhysicalAdapter.objects.filter(location=name_in(key)).update(partition=partition if given else management)


ADAPTERS = Section(read_adapters, check_adapters, write_adapters, is_columns=False, needs_system=True)


# Everything in the partition's row, as the command line and the making of a partition take it.
ROW = together(GENERAL, MEMORY_SECTION, PROCESSING, START)
