"""A partition as plain values: what a destination must make, or what this system has.

The field names are those of the message in which it travels, so `PartitionPlan.of(message)` copies it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

T = TypeVar("T")


@dataclass(frozen=True)
class DiskPlan:
    unique_id: str  # the LUN, whatever its hdisk is called
    size_mb: int
    lun_number: int
    name: str  # vtscsi; kept if free
    is_user_defined: bool = False
    reserve_policy: str = "no_reserve"
    hdisk: str = field(default="", compare=False)  # what it is called where it comes from; for messages only


@dataclass(frozen=True)
class DrivePlan:
    """An optical drive, with a medium whose content another system can have too, or with none."""

    lun_number: int
    name: str  # vtopt; kept if free
    is_user_defined: bool = False
    sha256: str = ""  # of the medium; empty: none is loaded
    medium: str = field(default="", compare=False)  # what it is called where it comes from; for messages only


@dataclass(frozen=True)
class AdapterPlan:
    """A vhost with its disks."""

    name: str
    slot: int  # where it was; a new one follows IVM's slot scheme
    client_slot: int
    disks: tuple[DiskPlan, ...] = ()
    drives: tuple[DrivePlan, ...] = ()


@dataclass(frozen=True)
class EthernetPlan:
    slot: int
    vlan_id: int
    mac_address: str


@dataclass(frozen=True)
class Placement:
    """The partition ID and slots that somebody wants exactly; what is not named follows IVM's rules (mapping.py)."""

    lpar_id: int | None = None
    slots: Mapping[int, int | None] = field(default_factory=dict)  # of the management partition, by client slot


@dataclass(frozen=True)
class PartitionPlan:
    uuid: UUID
    lpar_id: int
    name: str
    environment: str
    memory_minimum_mb: int
    memory_mb: int
    memory_maximum_mb: int
    processor_mode: str
    processing_units_minimum: Decimal
    processing_units: Decimal
    processing_units_maximum: Decimal
    virtual_processors_minimum: int
    virtual_processors: int
    virtual_processors_maximum: int
    uncapped_weight: int
    compatibility_mode: str  # preferred: at the next start
    current_compatibility_mode: str  # it runs in; empty: off
    os_version: str
    rmc_state: str
    auto_start: bool
    ever_activated: bool
    max_virtual_slots: int
    workload_bytes_per_s: int
    workload_set_mb: int
    memory_region_mb: int  # of the server it comes from
    adapters: tuple[AdapterPlan, ...] = ()
    ethernets: tuple[EthernetPlan, ...] = ()
    boot_from: str = "default"

    @classmethod
    def of(cls, shape: Any) -> "PartitionPlan":
        """A copy of anything that has the same attributes; AttributeError names one that is missing."""
        adapters = tuple(
            _copy(
                AdapterPlan,
                adapter,
                disks=tuple(_copy(DiskPlan, disk) for disk in adapter.disks),
                drives=tuple(_copy(DrivePlan, drive) for drive in adapter.drives),
            )
            for adapter in shape.adapters
        )
        ethernets = tuple(_copy(EthernetPlan, ethernet) for ethernet in shape.ethernets)
        return _copy(cls, shape, adapters=adapters, ethernets=ethernets)


# The columns that a plan and a partition's row have in common.
ROW_FIELDS = tuple(
    field.name
    for field in fields(PartitionPlan)
    if field.name not in {"lpar_id", "memory_region_mb", "adapters", "ethernets"}
)


def _copy(kind: type[T], shape: Any, **replaced: Any) -> T:
    names = [field.name for field in fields(kind) if field.name not in replaced]  # type: ignore[arg-type]
    values = {name: getattr(shape, name) for name in names}
    return kind(**values, **replaced)
