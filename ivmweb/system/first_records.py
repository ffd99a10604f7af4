"""The records that a new console begins with: its server and the management partition, as the hypervisor has them."""

import shutil
import uuid
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.hypervisor.base import Capacity
from ivmweb.system.models import (
    MANAGEMENT_PARTITION_ID,
    LogicalPartition,
    ManagedSystem,
    PartitionState,
    RmcState,
    StoragePool,
)
from ivmweb.system.models.partition import Environment

POOL = "rootvg"
FIRMWARE_MB = 320
MANAGEMENT_MB = 1024
MANAGEMENT_SHARE = Decimal("0.1")  # of the processing units, IVM's default


def make(host_name: str, identity: str, capacity: Capacity) -> bool:
    """False when the console has its records already. `identity` is type-model*serial."""
    if ManagedSystem.objects.exists():
        connect_management_partition()
        return False
    type_model, serial_number = parts_of(identity)
    needed_mb = FIRMWARE_MB + MANAGEMENT_MB
    if capacity.memory_mb < needed_mb:
        raise PrerequisiteFailed("system-too-small", memory_mb=capacity.memory_mb, needed_mb=needed_mb)
    units = Decimal(str(capacity.processing_units))
    management_units = units * MANAGEMENT_SHARE
    with transaction.atomic():
        ManagedSystem.objects.create(
            pk=1,
            host_name=host_name,
            name=f"Server-{type_model}-SN{serial_number}",
            type_model=type_model,
            serial_number=serial_number,
            fibre_channel_location="",
            installed_memory_mb=capacity.memory_mb,
            firmware_memory_mb=FIRMWARE_MB,
            free_memory_mb=capacity.memory_mb - needed_mb,
            installed_units=units,
            free_units=units - management_units,
            compatibility_modes=["default"],
            incarnation=str(uuid.uuid4()),
        )
        make_pool()
        make_management_partition(host_name, management_units, units)
    return True


def make_pool() -> None:
    """What the machine's own disk has: nothing there can be seen by another server."""
    settings.STATE_DIR.mkdir(parents=True, exist_ok=True)
    size_mb = shutil.disk_usage(settings.STATE_DIR).total // 2**20
    StoragePool.objects.create(name=POOL, size_mb=size_mb, is_default=True)


def connect_management_partition() -> None:
    """Of a console whose records were made without it: none of its partitions could be moved."""
    rows = LogicalPartition.objects.filter(lpar_id=MANAGEMENT_PARTITION_ID, rmc_state=RmcState.NONE)
    rows.update(rmc_state=RmcState.ACTIVE)


def parts_of(identity: str) -> tuple[str, str]:
    """Type-model and serial number; raises PrerequisiteFailed where one is missing."""
    type_model, _star, serial_number = identity.partition("*")
    if not (type_model and serial_number):
        raise PrerequisiteFailed("system-identity-wrong", identity=identity)
    return type_model, serial_number


def make_management_partition(host_name: str, units: Decimal, all_units: Decimal) -> None:
    processors = max(1, int(all_units))
    LogicalPartition.objects.create(
        lpar_id=MANAGEMENT_PARTITION_ID,
        name=host_name[:31],
        environment=Environment.VIRTUAL_IO_SERVER,
        state=PartitionState.RUNNING,
        memory_minimum_mb=MANAGEMENT_MB,
        memory_mb=MANAGEMENT_MB,
        memory_maximum_mb=MANAGEMENT_MB,
        processing_units_minimum=units,
        processing_units=units,
        processing_units_maximum=all_units,
        virtual_processors=processors,
        virtual_processors_maximum=processors,
        rmc_state=RmcState.ACTIVE,  # the console itself is its system
        ever_activated=True,
    )
