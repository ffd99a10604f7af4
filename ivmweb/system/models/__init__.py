from ivmweb.system.models.audit import AuditEvent
from ivmweb.system.models.managed_system import ManagedSystem
from ivmweb.system.models.network import PhysicalAdapter, VirtualEthernet, VirtualEthernetAdapter
from ivmweb.system.models.partition import LogicalPartition, PartitionState, ReferenceCode
from ivmweb.system.models.storage import (
    LogicalVolume,
    PhysicalVolume,
    StoragePool,
    VirtualServerAdapter,
    VirtualTargetDevice,
)

__all__ = [
    "AuditEvent",
    "LogicalPartition",
    "LogicalVolume",
    "ManagedSystem",
    "PartitionState",
    "PhysicalAdapter",
    "PhysicalVolume",
    "ReferenceCode",
    "StoragePool",
    "VirtualEthernet",
    "VirtualEthernetAdapter",
    "VirtualServerAdapter",
    "VirtualTargetDevice",
]
