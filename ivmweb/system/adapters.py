"""Virtual adapters of a partition: on a virtual Ethernet, and client adapters for disks with their vhost.

A client SCSI adapter and the vhost on the management partition are one record: they are made and removed together,
whichever of the two is named. Each change is one transaction, made where nobody holds the partition; while it runs,
its operating system has to take part (docs/state-machine.md).
"""

import re
import secrets
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass

from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.common.sentence import Sentence
from ivmweb.hypervisor.base import RunState
from ivmweb.monitor import notices
from ivmweb.system import pools, services
from ivmweb.system.actions import Report, action
from ivmweb.system.models import (
    LogicalPartition,
    ManagedSystem,
    PartitionState,
    VirtualEthernetAdapter,
    VirtualServerAdapter,
)
from ivmweb.system.properties import claim_for_devices
from ivmweb.system.rights import AnyUser, Right
from ivmweb.system.sections import check_vlans, keeps_adapters, virtual_slots_of, who
from ivmweb.system.shells import server_slots
from ivmweb.transactions import serialized

ADD = _("Add Virtual Adapter")
REMOVE = _("Remove Virtual Adapter")
ETHERNET_ADDED = _("Virtual Ethernet adapter in slot {slot} on VLAN {vlan_id}, MAC address {mac_address}")
ETHERNET_REMOVED = _("Virtual Ethernet adapter in slot {slot} removed")
SCSI_ADDED = _(
    "Virtual SCSI adapter in slot {slot} of partition {name} (ID {lpar_id}), with {adapter} in slot {server_slot} of "
    "the management partition"
)
SCSI_REMOVED = _("Virtual SCSI adapter in slot {slot} of partition {name} (ID {lpar_id}) removed, with {adapter}")

FIRST_SLOT = 2  # 0 and 1 are the serial adapters'
SERVER_PREFIX = "vhost"
MAC_BASE = re.compile(r"[0-9A-F][26AE][0-9A-F]{8}", re.ASCII)  # private and no group's, as IBM's mkgencfg needs it
LARGEST_MAC_SLOT = 0xFF  # the last two digits of a MAC address


@dataclass(frozen=True)
class Ethernet:
    """An adapter that is wanted."""

    slot: int
    vlan_id: int
    mac_address: str = ""  # twelve digits, upper case; empty: by the partition's base


@dataclass(frozen=True)
class Scsi:
    """A client adapter that is wanted; without a slot the lowest free one, and on the server that of IVM's scheme."""

    client_slot: int | None = None
    server_slot: int | None = None


# What a user asks for. Each raises PrerequisiteFailed with nothing changed.


def add_ethernet(partition: LogicalPartition, wanted: Ethernet, *, user: AnyUser, origin: str) -> None:
    with _changing(partition, ADD, user, origin, is_network=True) as (row, report):
        made = make_ethernet(row, wanted, mac_base_of(row) or new_mac_base())
        report.lines.append(ethernet_sentence(made))


def remove_ethernet(partition: LogicalPartition, slot: int, *, user: AnyUser, origin: str) -> None:
    with _changing(partition, REMOVE, user, origin, is_network=True) as (row, report):
        found = row.ethernet_adapters.filter(slot=slot).first()
        if found is None:
            raise _none_in(row, slot, "Ethernet", row.ethernet_adapters.values_list("slot", flat=True))
        found.delete()
        report.lines.append(Sentence(ETHERNET_REMOVED, {"slot": slot}))


def add_scsi(partition: LogicalPartition, wanted: Scsi, *, user: AnyUser, origin: str) -> None:
    with _changing(partition, ADD, user, origin) as (row, report):
        report.lines.append(scsi_sentence(make_scsi(row, wanted)))


def remove_scsi(partition: LogicalPartition, client_slot: int, *, user: AnyUser, origin: str) -> None:
    """Not while disks are mapped to its vhost."""
    with _changing(partition, REMOVE, user, origin) as (row, report):
        found = row.server_adapters.filter(client_slot=client_slot).first()
        if found is None:
            raise _none_in(row, client_slot, "SCSI", row.server_adapters.values_list("client_slot", flat=True))
        report.lines.append(drop_scsi(found, row))


def server_in(slot: int, management: LogicalPartition) -> VirtualServerAdapter:
    """The vhost in a slot of the management partition. Raises PrerequisiteFailed where there is none."""
    found = VirtualServerAdapter.objects.filter(slot=slot).select_related("partition").first()
    if found is None:
        raise _none_in(management, slot, "SCSI", VirtualServerAdapter.objects.values_list("slot", flat=True))
    return found


@contextmanager
def _changing(
    partition: LogicalPartition, name: str, user: AnyUser, origin: str, *, is_network: bool = False
) -> Iterator[tuple[LogicalPartition, Report]]:
    """One transaction that has the partition's row; what is told in the report goes to Monitor Tasks.

    `is_network`: adapters that the partition's run may keep as they are.
    """
    with action(user, origin, Right.CHANGE, name, partition.task_target) as report:
        if partition.is_management:
            raise PrerequisiteFailed("management-partition", operation=name, **who(partition))
        if is_network and keeps_adapters():
            _check_is_off(partition)
        with serialized():
            row = claim_for_devices(partition)
            if is_network and keeps_adapters():
                _refuse_unless_off(row, row.state)
            yield row, report
            notices.publish(notices.PARTITIONS)


def _check_is_off(partition: LogicalPartition) -> None:
    """Before the transaction: the hypervisor knows best what runs, and its answer may take long."""
    _refuse_unless_off(partition, partition.state)
    fact = services.hypervisor().describe(partition.lpar_id)
    if fact is not None and fact.run_state is not RunState.NOT_ACTIVATED:
        _refuse_unless_off(partition, fact.run_state.value)


def _refuse_unless_off(partition: LogicalPartition, state: str) -> None:
    if state != PartitionState.NOT_ACTIVATED:
        raise PrerequisiteFailed("network-needs-off", state=state, **who(partition))


def _none_in(row: LogicalPartition, slot: int, kind: str, known: Iterable[int]) -> PrerequisiteFailed:
    slots = ", ".join(map(str, known)) or "-"
    return PrerequisiteFailed("no-adapter-in-slot", slot=slot, kind=kind, known=slots, **who(row))


def ethernet_sentence(made: VirtualEthernetAdapter) -> Sentence:
    named = {"slot": made.slot, "vlan_id": made.vlan_id, "mac_address": made.mac_address}
    return Sentence(ETHERNET_ADDED, named)


def scsi_sentence(made: VirtualServerAdapter) -> Sentence:
    named = {"slot": made.client_slot, "adapter": made.name, "server_slot": made.slot}
    return Sentence(SCSI_ADDED, {**named, **who(made.partition)})


# Inside a transaction that has the partition's row


def make_ethernet(row: LogicalPartition, wanted: Ethernet, mac_base: str) -> VirtualEthernetAdapter:
    """`mac_base`: the first ten digits of an address that is not given; the slot is the last two.

    Raises PrerequisiteFailed.
    """
    check_slot(row, wanted.slot, min(LARGEST_MAC_SLOT, row.max_virtual_slots - 1))
    check_vlans([wanted.vlan_id])
    mac_address = wanted.mac_address or f"{mac_base}{wanted.slot:02X}"
    other = VirtualEthernetAdapter.objects.filter(mac_address=mac_address).select_related("partition").first()
    if other:
        names = {"owner": other.partition.name, "system": ManagedSystem.objects.get().host_name}
        raise PrerequisiteFailed("mac-address-taken", name=row.name, mac_address=mac_address, **names)
    return VirtualEthernetAdapter.objects.create(
        partition=row, slot=wanted.slot, vlan_id=wanted.vlan_id, mac_address=mac_address
    )


def make_scsi(row: LogicalPartition, wanted: Scsi, kept: AbstractSet[int] = frozenset()) -> VirtualServerAdapter:
    """`kept`: slots of the server that only an adapter gets which names them. Raises PrerequisiteFailed."""
    slot = lowest_slot(row) if wanted.client_slot is None else wanted.client_slot
    check_slot(row, slot, row.max_virtual_slots - 1)
    [on_server] = server_slots(row, ManagedSystem.objects.get(), [wanted.server_slot], kept)
    return VirtualServerAdapter.objects.create(
        name=pools.new_name("", SERVER_PREFIX), slot=on_server, client_slot=slot, partition=row
    )


def drop_scsi(found: VirtualServerAdapter, row: LogicalPartition) -> Sentence:
    """What Monitor Tasks says of it. Raises PrerequisiteFailed where disks are mapped to the vhost."""
    mapped = ", ".join(found.target_devices.values_list("name", flat=True))
    if mapped:
        raise PrerequisiteFailed("adapter-has-devices", adapter=found.name, devices=mapped)
    found.delete()
    return Sentence(SCSI_REMOVED, {"slot": found.client_slot, "adapter": found.name, **who(row)})


def check_slot(row: LogicalPartition, slot: int, highest: int) -> None:
    taken = virtual_slots_of(row)
    if not FIRST_SLOT <= slot <= highest:
        raise PrerequisiteFailed("slot-out-of-range", slot=slot, low=FIRST_SLOT, high=highest, **who(row))
    if slot in taken:
        raise PrerequisiteFailed("slot-taken", slot=slot, taken=", ".join(map(str, sorted(taken))), **who(row))


def lowest_slot(row: LogicalPartition) -> int:
    """Raises PrerequisiteFailed where all are taken."""
    taken = frozenset(virtual_slots_of(row))
    free = next((slot for slot in range(FIRST_SLOT, row.max_virtual_slots) if slot not in taken), None)
    if free is None:
        raise PrerequisiteFailed("slots-used-up", most=row.max_virtual_slots, **who(row))
    return free


# MAC addresses


def mac_base_of(row: LogicalPartition) -> str:
    """Of the adapters that it has, but for addresses from elsewhere, which do not end with the slot; maybe empty."""
    made_here = (one for one in row.ethernet_adapters.all() if one.mac_address.endswith(f"{one.slot:02X}"))
    return next((one.mac_address[:10] for one in made_here), "")


def new_mac_base() -> str:
    """One that no adapter here has. Other servers choose theirs in the same way: from 2**38, so hardly the same."""
    taken = {address[:10] for address in VirtualEthernetAdapter.objects.values_list("mac_address", flat=True)}
    while True:
        base = f"{secrets.choice('0123456789ABCDEF')}{secrets.choice('26AE')}{secrets.token_hex(4).upper()}"
        if base not in taken:
            return base


def check_mac_base(base: str) -> str:
    """As it is kept: upper case. Raises PrerequisiteFailed."""
    if not MAC_BASE.fullmatch(base.upper()):
        raise PrerequisiteFailed("mac-base-wrong", value=base[:64] or "-")
    return base.upper()
