"""Records that tests add to the standing cast of conftest.py."""

import uuid
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from django.contrib.auth.models import User

from ivmweb.lab import data, records
from ivmweb.lab.options import LabOptions
from ivmweb.system import rights, services
from ivmweb.system.models import LogicalPartition, ManagedSystem, PartitionState, PhysicalAdapter
from ivmweb.system.plan import AdapterPlan, DiskPlan, EthernetPlan, PartitionPlan

OPTIONS = LabOptions(lab_dir=Path("/nowhere"), san_dir=Path("/nowhere/san"))


def make_system(lab: data.LabSystem = data.ULI13) -> ManagedSystem:
    """The server as the lab has it: management partition, 13 hdisks, VLAN 1, physical adapters; no clients."""
    records.make_managed_system(lab, OPTIONS)
    records.make_management_partition(lab)
    records.make_storage_and_network(lab, OPTIONS)
    return ManagedSystem.objects.get()


def make_lab_partition(lab: data.LabPartition, system: data.LabSystem = data.ULI13) -> LogicalPartition:
    state = PartitionState.RUNNING if lab.is_running else PartitionState.NOT_ACTIVATED
    return services.reserve_shell(records.plan_for(lab, system, OPTIONS), "", state)


def make_user(name: str, role: str) -> User:
    user = User.objects.create_user(name, password=name)
    rights.give_role(user, role)
    return user


def small_plan(
    name: str = "small", lpar_id: int = 9, memory_mb: int = 128, units: str = "0.1", **fields
) -> PartitionPlan:
    return replace(records.small_plan(name, lpar_id, memory_mb, Decimal(units)), **fields)


def adapter_plan(*hdisks: int, name: str = "vhost0", devices: tuple[str, ...] = ()) -> AdapterPlan:
    """A vhost with the LUNs that the lab calls hdiskN, as vtscsi0... or as named."""
    names = devices or tuple(f"vtscsi{index}" for index in range(len(hdisks)))
    disks = tuple(
        DiskPlan(data.unique_id(hdisk), data.LUN_SIZE_MB, 0x81 + index, names[index])
        for index, hdisk in enumerate(hdisks)
    )
    return AdapterPlan(name, slot=11, client_slot=2, disks=disks)


def ethernet_plan(mac_address: str = "6A88A2E8CF04") -> EthernetPlan:
    return EthernetPlan(slot=4, vlan_id=data.VLAN_ID, mac_address=mac_address)


def make_blocked() -> LogicalPartition:
    """A running partition with a physical adapter."""
    plan = small_plan("blocked", 4, uuid=uuid.uuid4())
    partition = services.reserve_shell(plan, "", PartitionState.RUNNING)
    PhysicalAdapter.objects.filter(location=data.ULI13.spare_adapter_location).update(partition=partition)
    return partition
