"""The values of a partition that is made of a few: IVM's wizard asks for memory and processors alone."""

from decimal import Decimal

from ivmweb.system.changes import Value, Values
from ivmweb.system.models import ManagedSystem
from ivmweb.system.models.partition import ProcessorMode
from ivmweb.system.sections import LEAST_UNITS, whole_units

DEFAULT_WEIGHT = 128
LEAST_MEMORY_MB = 256  # that a partition can be reduced to
DEFAULTS: dict[str, Value] = {
    "workload_group": None,
    "boot_from": "default",
    "auto_start": False,
    "max_virtual_slots": 20,
    "processor_mode": ProcessorMode.SHARED.value,
    "uncapped_weight": DEFAULT_WEIGHT,
    "compatibility_mode": "default",
}


def usual_values(memory_mb: int, processors: int, *, is_dedicated: bool, system: ManagedSystem) -> Values:
    """All of sections.ROW but the name; whether they can be had is checked where the partition is made.

    Memory may later be halved down to 256 MB and doubled, in whole regions. A shared processor has a tenth of a
    processing unit, and may get a whole one.
    """
    found = {**DEFAULTS, **memory_values(memory_mb, system)}
    counts: dict[str, Value] = {
        "virtual_processors_minimum": 1,
        "virtual_processors": processors,
        "virtual_processors_maximum": processors,
    }
    if is_dedicated:
        return {**found, **counts, "processor_mode": ProcessorMode.DEDICATED.value, **whole_units(counts)}
    units: dict[str, Value] = {
        "processing_units_minimum": LEAST_UNITS,
        "processing_units": LEAST_UNITS * processors,
        "processing_units_maximum": min(Decimal(processors), system.installed_units),
    }
    return {**found, **counts, **units}


def memory_values(memory_mb: int, system: ManagedSystem) -> dict[str, Value]:
    region = system.memory_region_mb
    least = -(-LEAST_MEMORY_MB // region) * region
    most = system.installed_memory_mb // region * region
    return {
        "memory_mb": memory_mb,  # first: it is what was typed, so a refusal is about it
        "memory_minimum_mb": min(memory_mb, least),
        "memory_maximum_mb": max(memory_mb, min(2 * memory_mb, most)),
    }
