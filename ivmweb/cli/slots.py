"""The virtual adapters of partitions, by their slots: listings of hardware and of profiles are made from these."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ivmweb.cli.devices import shared_ethernets
from ivmweb.system.models import MANAGEMENT_PARTITION_ID, LogicalPartition

NONE = "none"
SERIAL, SCSI, ETHERNET = "serial", "scsi", "eth"  # kinds, as IBM calls them


@dataclass(frozen=True)
class Slot:
    """A virtual slot of a partition and what is in it. `values`: what the adapter's kind has besides."""

    number: int
    row: LogicalPartition
    config: str
    values: Mapping[str, str | int]


def trunk_slots(rows: Iterable[LogicalPartition]) -> list[Slot]:
    """The management partition's own, one on each virtual Ethernet. Their MAC addresses are not recorded."""
    management = next((row for row in rows if row.is_management), None)
    if management is None:
        return []
    return [
        Slot(one.slot, management, ETHERNET, {
            "state": 1,
            "ieee_virtual_eth": 0,
            "port_vlan_id": one.vlan_id,
            "addl_vlan_ids": NONE,
            "is_trunk": int(bool(one.bridge)),
            "trunk_priority": 1 if one.bridge else 0,
            "is_required": 0,
        })
        for one in shared_ethernets()
    ]  # fmt: skip


def ethernet_slots(rows: Sequence[LogicalPartition]) -> list[Slot]:
    return trunk_slots(rows) + [
        Slot(one.slot, row, ETHERNET, {
            "state": 1,
            "ieee_virtual_eth": 0,
            "port_vlan_id": one.vlan_id,
            "addl_vlan_ids": NONE,
            "is_trunk": 0,
            "is_required": 0,
            "mac_addr": one.mac_address,
        })
        for row in rows
        for one in row.ethernet_adapters.all()
    ]  # fmt: skip


def client_slots(rows: Iterable[LogicalPartition], host: str) -> list[Slot]:
    return [
        Slot(one.client_slot, row, SCSI, {
            "state": 1,
            "is_required": 1,
            "adapter_type": "client",
            "remote_lpar_id": MANAGEMENT_PARTITION_ID,
            "remote_lpar_name": host,
            "remote_slot_num": one.slot,
        })
        for row in rows
        for one in row.server_adapters.all()
    ]  # fmt: skip


def server_slots(rows: Sequence[LogicalPartition]) -> list[Slot]:
    """The same adapters, seen from the management partition."""
    management = next((row for row in rows if row.is_management), None)
    if management is None:
        return []
    return [
        Slot(one.slot, management, SCSI, {
            "state": 1,
            "is_required": 0,
            "adapter_type": "server",
            "remote_lpar_id": row.lpar_id,
            "remote_lpar_name": row.name,
            "remote_slot_num": one.client_slot,
        })
        for row in rows
        for one in row.server_adapters.all()
    ]  # fmt: skip


def serial_slots(rows: Iterable[LogicalPartition]) -> list[Slot]:
    """Slots 0 and 1 of each partition."""
    values: dict[str, str | int] = {
        "state": 1,
        "is_required": 1,
        "connect_status": "unavailable",
        "adapter_type": "server",
        "supports_hmc": 1,
        "remote_lpar_id": "any",
        "remote_lpar_name": "",
        "remote_slot_num": "any",
    }
    return [Slot(number, row, SERIAL, values) for row in rows for number in (0, 1)]


def scsi_slots(rows: Sequence[LogicalPartition], host: str) -> list[Slot]:
    return [*client_slots(rows, host), *server_slots(rows)]


def all_slots(rows: Sequence[LogicalPartition], host: str) -> list[Slot]:
    """`rows`: all partitions, with their server and Ethernet adapters; `host`: the management partition's name."""
    return [*serial_slots(rows), *scsi_slots(rows, host), *ethernet_slots(rows)]
