from django.db import models
from django.db.models import Q

from ivmweb.system.models.partition import LogicalPartition


class VirtualEthernet(models.Model):
    """A virtual network of the server (IVM's virtual Ethernets 1 to 4), with its bridge to a physical adapter."""

    vlan_id = models.PositiveIntegerField(unique=True)
    bridge_adapter = models.CharField(max_length=15, blank=True, default="")  # ent0; empty: not bridged

    class Meta:
        ordering = ["vlan_id"]
        constraints = [
            models.CheckConstraint(condition=Q(vlan_id__gte=1, vlan_id__lte=4094), name="vlan_id_in_range"),
        ]

    def __str__(self) -> str:
        return f"VLAN {self.vlan_id}"


class VirtualEthernetAdapter(models.Model):
    """A partition's adapter on a virtual Ethernet."""

    partition = models.ForeignKey(LogicalPartition, models.CASCADE, related_name="ethernet_adapters")
    slot = models.PositiveIntegerField()
    vlan_id = models.PositiveIntegerField()
    mac_address = models.CharField(max_length=12, unique=True)  # 12 hex digits, upper case

    class Meta:
        ordering = ["slot"]
        constraints = [
            models.UniqueConstraint(fields=["partition", "slot"], name="ethernet_slot_once"),
        ]

    def __str__(self) -> str:
        return f"{self.partition} slot {self.slot}"


class PhysicalAdapter(models.Model):
    """A physical I/O slot; belongs to the management partition unless given to another one."""

    location = models.CharField(max_length=64, unique=True)
    description = models.CharField(max_length=64)
    partition = models.ForeignKey(
        LogicalPartition, models.SET_NULL, null=True, blank=True, related_name="physical_adapters"
    )

    class Meta:
        ordering = ["location"]

    def __str__(self) -> str:
        return self.location
