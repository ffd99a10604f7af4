from ivmweb.system.models.audit import AuditEvent
from ivmweb.system.models.keys import AuthorizedKey
from ivmweb.system.models.managed_system import ManagedSystem
from ivmweb.system.models.network import PhysicalAdapter, VirtualEthernet, VirtualEthernetAdapter
from ivmweb.system.models.partition import (
    MANAGEMENT_PARTITION_ID,
    LogicalPartition,
    Operation,
    PartitionState,
    ReferenceCode,
    RmcState,
)
from ivmweb.system.models.storage import (
    LogicalVolume,
    MediaRepository,
    PhysicalVolume,
    StoragePool,
    VirtualMedium,
    VirtualServerAdapter,
    VirtualTargetDevice,
    VolumeTrouble,
)
from ivmweb.system.models.utilization import PartitionUtilization, UtilizationSample

__all__ = [
    "MANAGEMENT_PARTITION_ID",
    "AuditEvent",
    "AuthorizedKey",
    "LogicalPartition",
    "LogicalVolume",
    "ManagedSystem",
    "MediaRepository",
    "Operation",
    "PartitionState",
    "PartitionUtilization",
    "PhysicalAdapter",
    "PhysicalVolume",
    "ReferenceCode",
    "RmcState",
    "StoragePool",
    "UtilizationSample",
    "VirtualEthernet",
    "VirtualEthernetAdapter",
    "VirtualMedium",
    "VirtualServerAdapter",
    "VirtualTargetDevice",
    "VolumeTrouble",
]
