"""The first state of one console's records: the worked example before its migration."""

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from django.contrib.auth.models import User
from django.db import transaction

from ivmweb.hypervisor.base import OwnerWord
from ivmweb.hypervisor.lun import change_word, create_lun, read_word
from ivmweb.lab import data
from ivmweb.lab.data import LabPartition, LabSystem
from ivmweb.lab.options import WORKLOAD_SET_MB, LabOptions
from ivmweb.system import rights, services
from ivmweb.system.models import (
    MANAGEMENT_PARTITION_ID,
    LogicalPartition,
    ManagedSystem,
    PartitionState,
    PhysicalAdapter,
    PhysicalVolume,
    RmcState,
    StoragePool,
    VirtualEthernet,
)
from ivmweb.system.models.partition import Environment, ProcessorMode
from ivmweb.system.plan import AdapterPlan, DiskPlan, EthernetPlan, PartitionPlan

SMALL_UNITS = Decimal("0.1")
ROLES = {"padmin": rights.PRIME_ADMINISTRATOR, "viewer": rights.VIEW_ONLY}
BRIDGE = "ent0"
POOL = "rootvg"


def make_first_state(system: LabSystem, options: LabOptions) -> bool:
    """All records in one transaction; false when they were there."""
    if ManagedSystem.objects.exists():
        return False
    make_luns(options)
    with transaction.atomic():
        make_users()
        make_managed_system(system, options)
        make_management_partition(system)
        make_storage_and_network(system, options)
        for partition in system.partitions:
            make_partition(partition, system, options)
    return True


def make_luns(options: LabOptions) -> None:
    """Both consoles make them at the first start, so one waits for the other."""
    options.san_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(options.san_dir / ".making"):
        for number in range(data.LUN_COUNT):
            path = options.lun_path(number)
            if not path.exists():
                create_lun(path, data.unique_id(number), data.LUN_SIZE_MB * 2**20)


def make_users() -> None:
    for name, password in data.PASSWORDS.items():
        rights.give_role(User.objects.create_user(name, password=password), ROLES[name])


def make_managed_system(system: LabSystem, options: LabOptions) -> None:
    ManagedSystem.objects.create(
        pk=1,
        host_name=system.host_name,
        name=system.name,
        type_model=system.type_model,
        serial_number=system.serial_number,
        fibre_channel_location=system.fibre_channel_location,
        installed_memory_mb=system.installed_memory_mb,
        firmware_memory_mb=data.FIRMWARE_MEMORY_MB,
        free_memory_mb=system.installed_memory_mb - data.FIRMWARE_MEMORY_MB - data.MANAGEMENT_MEMORY_MB,
        memory_region_mb=data.MEMORY_REGION_MB,
        installed_units=Decimal(system.cores),
        free_units=system.cores - system.management_units,
        compatibility_modes=[*data.PROCESSOR_MODES],
        migration_bandwidth_bytes_per_s=options.bandwidth_bytes_per_s,
        incarnation=str(uuid.uuid4()),
    )


def make_management_partition(system: LabSystem) -> None:
    LogicalPartition.objects.create(
        lpar_id=MANAGEMENT_PARTITION_ID,
        name=system.host_name,
        environment=Environment.VIRTUAL_IO_SERVER,
        state=PartitionState.RUNNING,
        memory_minimum_mb=512,
        memory_mb=data.MANAGEMENT_MEMORY_MB,
        memory_maximum_mb=2 * data.MANAGEMENT_MEMORY_MB,
        processing_units_minimum=Decimal("0.1"),
        processing_units=system.management_units,
        processing_units_maximum=Decimal(system.cores),
        virtual_processors=system.cores,
        virtual_processors_maximum=system.cores,
        os_version="VIOS 1.5.2.0",
        rmc_state=RmcState.ACTIVE,
        auto_start=True,
        ever_activated=True,
        max_virtual_slots=200,
    )


def make_storage_and_network(system: LabSystem, options: LabOptions) -> None:
    PhysicalVolume.objects.bulk_create(make_volume(system, options, number) for number in range(data.LUN_COUNT))
    StoragePool.objects.create(name=POOL, size_mb=data.POOL_SIZE_MB, is_default=True)
    VirtualEthernet.objects.create(vlan_id=data.VLAN_ID, bridge_adapter=BRIDGE)
    management = LogicalPartition.objects.get(lpar_id=MANAGEMENT_PARTITION_ID)
    for location, description in system.physical_adapters:
        PhysicalAdapter.objects.create(location=location, description=description, partition=management)


def make_volume(system: LabSystem, options: LabOptions, number: int) -> PhysicalVolume:
    """hdiskN as this server names the LUN; not saved."""
    return PhysicalVolume(
        name=f"hdisk{number}",
        unique_id=data.unique_id(number),
        path=str(options.lun_path(number)),
        size_mb=data.LUN_SIZE_MB,
        location=data.disk_location(system, number),
    )


def make_partition(lab: LabPartition, system: LabSystem, options: LabOptions) -> LogicalPartition:
    state = PartitionState.RUNNING if lab.is_running else PartitionState.NOT_ACTIVATED
    partition = services.reserve_shell(plan_for(lab, system, options), "", state)
    owner = OwnerWord(str(partition.uuid), system.identity)
    for number in lab.hdisks:
        path = options.lun_path(number)
        if read_word(path).is_free:
            change_word(path, OwnerWord(), owner)
    return partition


def partition_uuid(lab: LabPartition, system: LabSystem) -> uuid.UUID:
    """The same at each set-up, so that a LUN left from an earlier one still belongs to it."""
    return uuid.uuid5(uuid.NAMESPACE_OID, f"{system.identity} {lab.name}")


def plan_for(lab: LabPartition, system: LabSystem, options: LabOptions) -> PartitionPlan:
    disks = tuple(
        DiskPlan(data.unique_id(hdisk), data.LUN_SIZE_MB, 0x81 + index, lab.device_names[index])
        for index, hdisk in enumerate(lab.hdisks)
    )
    plan = small_plan(lab.name, lab.lpar_id, options.partition_memory_mb)
    return replace(
        plan,
        uuid=partition_uuid(lab, system),
        os_version=data.OS_VERSION if lab.is_running else "",
        rmc_state=RmcState.ACTIVE if lab.is_running else RmcState.NONE,
        current_compatibility_mode=data.PROCESSOR_MODES[-1] if lab.is_running else "",
        ever_activated=lab.is_running,
        workload_bytes_per_s=options.workload_bytes_per_s if lab.writes else 0,
        workload_set_mb=WORKLOAD_SET_MB if lab.writes else 0,
        adapters=(AdapterPlan(lab.adapter, slot=0, client_slot=2, disks=disks),),
        ethernets=(EthernetPlan(slot=4, vlan_id=data.VLAN_ID, mac_address=lab.mac_address),),
    )


def small_plan(name: str, lpar_id: int, memory_mb: int, units: Decimal = SMALL_UNITS) -> PartitionPlan:
    """A partition of that size without devices, never activated."""
    return PartitionPlan(
        uuid=uuid.uuid4(),
        lpar_id=lpar_id,
        name=name,
        environment=Environment.AIX_OR_LINUX,
        memory_minimum_mb=min(256, memory_mb),
        memory_mb=memory_mb,
        memory_maximum_mb=2 * memory_mb,
        processor_mode=ProcessorMode.SHARED,
        processing_units_minimum=min(Decimal("0.1"), units),
        processing_units=units,
        processing_units_maximum=max(Decimal(1), units),
        virtual_processors_minimum=1,
        virtual_processors=1,
        virtual_processors_maximum=2,
        uncapped_weight=128,
        compatibility_mode="default",
        current_compatibility_mode="",
        os_version="",
        rmc_state=RmcState.NONE,
        auto_start=False,
        ever_activated=False,
        max_virtual_slots=20,
        workload_bytes_per_s=0,
        workload_set_mb=0,
        memory_region_mb=data.MEMORY_REGION_MB,
    )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
