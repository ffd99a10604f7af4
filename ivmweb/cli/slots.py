"""The virtual adapters of partitions, by their slots: listings of hardware and of profiles are made from these."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from ivmweb.cli.devices import VASI_SLOT, VMC_SLOT, shared_ethernets
from ivmweb.system.mapping import FIRST_SERVER_SLOT, scheme_slot
from ivmweb.system.models import MANAGEMENT_PARTITION_ID, LogicalPartition

NONE = "none"
SERIAL, SCSI, ETHERNET, VASI, RESERVED = "serial", "scsi", "eth", "vasi", "reserved"  # kinds, as IBM calls them
FIRST_SERIAL_SLOT = FIRST_SERVER_SLOT - 1  # on the management partition, of a client


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


def reserved_slots(rows: Sequence[LogicalPartition], networks: AbstractSet[int]) -> list[Slot]:
    """Of the management partition: where nothing can be put, though no adapter of another kind is there.

    By IVM's scheme: the Virtual Management Channel, VASI, those for virtual Ethernets, and before each client's SCSI
    adapter that of its serial one. `networks`: the slots of its Ethernet adapters.
    """
    management = next((row for row in rows if row.is_management), None)
    if management is None:
        return []
    fixed = set(range(VMC_SLOT, FIRST_SERIAL_SLOT)) - networks
    serial = {scheme_slot(row.lpar_id) - 1 for row in rows if not row.is_management}
    in_range = (number for number in sorted(fixed | serial) if number < management.max_virtual_slots)
    return [Slot(number, management, VASI if number == VASI_SLOT else RESERVED, {}) for number in in_range]


def all_slots(rows: Sequence[LogicalPartition], host: str) -> list[Slot]:
    """`rows`: all partitions, with their server and Ethernet adapters; `host`: the management partition's name."""
    ethernets = ethernet_slots(rows)
    networks = {slot.number for slot in ethernets if slot.row.is_management}
    return [*serial_slots(rows), *scsi_slots(rows, host), *ethernets, *reserved_slots(rows, networks)]
