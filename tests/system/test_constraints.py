"""The database refuses what must never be, whatever the code above it does."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from ivmweb.system.models import (
    LogicalPartition,
    LogicalVolume,
    ManagedSystem,
    MediaRepository,
    PhysicalVolume,
    ReferenceCode,
    StoragePool,
    VirtualEthernet,
    VirtualEthernetAdapter,
    VirtualMedium,
    VirtualServerAdapter,
    VirtualTargetDevice,
)

CHANGES = {
    "less than no free memory": (ManagedSystem, {"free_memory_mb": -1}),
    "more free memory than installed": (ManagedSystem, {"free_memory_mb": 8193}),
    "less than no free units": (ManagedSystem, {"free_units": Decimal("-0.01")}),
    "more free units than cores": (ManagedSystem, {"free_units": Decimal("4.01")}),
    "a second managed system's key": (ManagedSystem, {"id": 2}),
    "partition ID 0": (LogicalPartition, {"lpar_id": 0}),
    "the ID of another partition": (LogicalPartition, {"lpar_id": 1}),
    "the name of another partition": (LogicalPartition, {"name": "uli13"}),
    "memory below its minimum": (LogicalPartition, {"memory_mb": 1}),
    "memory above its maximum": (LogicalPartition, {"memory_mb": 99999}),
    "no memory": (LogicalPartition, {"memory_minimum_mb": 0}),
    "units below their minimum": (LogicalPartition, {"processing_units": Decimal("0.01")}),
    "units above their maximum": (LogicalPartition, {"processing_units": Decimal("3")}),
    "processors below their minimum": (LogicalPartition, {"virtual_processors": 0}),
    "processors above their maximum": (LogicalPartition, {"virtual_processors": 9}),
    "VLAN 0": (VirtualEthernet, {"vlan_id": 0}),
    "VLAN 4095": (VirtualEthernet, {"vlan_id": 4095}),
    "LUN number 0x80": (VirtualTargetDevice, {"lun_number": 0x80}),
    "LUN number 0x100": (VirtualTargetDevice, {"lun_number": 0x100}),
    "a LUN number of the same vhost": (VirtualTargetDevice, {"lun_number": 0x82}),
    "a vtscsi without backing device": (VirtualTargetDevice, {"physical_volume": None}),
    "an optical drive that is a disk": (VirtualTargetDevice, {"is_optical": True}),
    "a second media repository's key": (MediaRepository, {"id": 2}),
}


@pytest.mark.django_db
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_row_is_not_changed_to(change, uli13lp1):
    model, fields = change
    MediaRepository.objects.create(pk=1, pool=StoragePool.objects.get(), size_mb=1)
    row = {LogicalPartition: uli13lp1}.get(model) or model.objects.order_by("pk").first()
    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.filter(pk=row.pk).update(**fields)


def copies(partition):
    vhost = partition.server_adapters.get()
    device = vhost.target_devices.first()
    ethernet = partition.ethernet_adapters.get()
    now = timezone.now()
    ReferenceCode.objects.create(partition=partition, code="C2001000", time=now)
    volume = LogicalVolume.objects.create(pool=StoragePool.objects.create(name="p", size_mb=1), name="v", size_mb=1)
    spare = PhysicalVolume.objects.get(name="hdisk0")
    return {
        "vhost name": VirtualServerAdapter(name=vhost.name, slot=99, partition=partition, client_slot=9),
        "vhost slot": VirtualServerAdapter(name="vhost9", slot=vhost.slot, partition=partition, client_slot=9),
        "client slot": VirtualServerAdapter(name="vhost9", slot=99, partition=partition, client_slot=2),
        "vtscsi name": VirtualTargetDevice(name=device.name, adapter=vhost, lun_number=0x99, physical_volume=spare),
        "LUN mapped already": VirtualTargetDevice(
            name="vtscsi9", adapter=vhost, lun_number=0x99, physical_volume=device.physical_volume
        ),
        "two backing devices": VirtualTargetDevice(
            name="vtscsi9", adapter=vhost, lun_number=0x99, physical_volume=spare, logical_volume=volume
        ),
        "disk and medium": VirtualTargetDevice(
            name="vtscsi9",
            adapter=vhost,
            lun_number=0x99,
            physical_volume=spare,
            medium=VirtualMedium.objects.create(name="m", size_mb=1),
        ),
        "LUN known already": PhysicalVolume(name="hdisk99", unique_id=spare.unique_id, path="/x", size_mb=1),
        "hdisk name": PhysicalVolume(name=spare.name, unique_id="another", path="/x", size_mb=1),
        "MAC address": VirtualEthernetAdapter(
            partition=partition, slot=9, vlan_id=1, mac_address=ethernet.mac_address
        ),
        "Ethernet slot": VirtualEthernetAdapter(partition=partition, slot=4, vlan_id=1, mac_address="6A0000000004"),
        "reference code": ReferenceCode(partition=partition, code="C2001000", time=now),
    }


NAMES = [
    "vhost name",
    "vhost slot",
    "client slot",
    "vtscsi name",
    "LUN mapped already",
    "two backing devices",
    "disk and medium",
    "LUN known already",
    "hdisk name",
    "MAC address",
    "Ethernet slot",
    "reference code",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_row_is_not_added_with_the_same(name, uli13lp1):
    row = copies(uli13lp1)[name]
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_the_rows_beside_the_refused_ones_are_fine(uli13lp1):
    VirtualServerAdapter.objects.create(name="vhost9", slot=99, partition=uli13lp1, client_slot=9)
    VirtualTargetDevice.objects.filter(name="vtscsi0").update(lun_number=0xFF)
    ManagedSystem.objects.update(free_memory_mb=0, free_units=0)
