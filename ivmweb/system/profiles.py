"""Backing up the configuration of this system's partitions, and restoring it.

A restore makes partitions that are gone; it never removes one, never touches one that runs or is reserved, and never
makes one that is another system's by now: a second copy of a partition must not exist.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import DataError, IntegrityError
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import HypervisorError, PrerequisiteFailed
from ivmweb.common.sentence import Sentence
from ivmweb.hypervisor.base import LunReference, OwnerWord, RunState
from ivmweb.monitor import notices
from ivmweb.system import profile_files, services, shells
from ivmweb.system.actions import action
from ivmweb.system.epochs import next_epoch, operator_fence
from ivmweb.system.models import (
    MANAGEMENT_PARTITION_ID,
    LogicalPartition,
    LogicalVolume,
    ManagedSystem,
    PartitionState,
    PhysicalAdapter,
    PhysicalVolume,
    RmcState,
    VirtualEthernet,
    VirtualServerAdapter,
    VirtualTargetDevice,
)
from ivmweb.system.plan import AdapterPlan, DiskPlan, EthernetPlan, PartitionPlan
from ivmweb.system.profile_files import Saved, SavedAdapter, SavedColumns, SavedDisk, SavedEthernet, SavedPartition
from ivmweb.system.rights import Right
from ivmweb.transactions import serialized

logger = logging.getLogger(__name__)

BACK_UP = _("Back Up Partition Data")
RESTORE = _("Restore Partition Data")
MADE = _("Partition {name} (ID {lpar_id}) was made again.")
CHANGED = _("Partition {name} (ID {lpar_id}) has the properties of the backup again.")
DEFAULT_NAME = "profile.bak"  # as IBM's

By = AbstractBaseUser | AnonymousUser


class Whereabouts(Protocol):
    """What is known of moves."""

    def elsewhere(self, uuids: Sequence[UUID]) -> Mapping[UUID, str]:
        """Those that another system has, with its name."""

    def remembered_since(self) -> datetime:
        """A move before that may be forgotten."""


def back_up(name: str, user: By, origin: str) -> int:
    """Write the configuration of all client partitions; how many. A backup of that name is replaced.

    Raises PrerequisiteFailed, or OperationFailed where the file can't be written.
    """
    with action(user, origin, Right.CHANGE, BACK_UP, name):
        saved = snapshot()
        profile_files.write(name, saved)
        return len(saved.partitions)


def snapshot() -> Saved:
    """In as many queries for one partition as for all. What another console has by now is no part of it."""
    rows = LogicalPartition.objects.not_moved().prefetch_related(
        "server_adapters__target_devices__physical_volume",
        "server_adapters__target_devices__logical_volume",
        "ethernet_adapters",
        "physical_adapters",
    )
    with serialized():
        partitions = tuple(saved_partition(row) for row in rows)
        identity = ManagedSystem.objects.get().identity
        return Saved(format=1, system=identity, made_at=timezone.now(), partitions=partitions)


def saved_partition(row: LogicalPartition) -> SavedPartition:
    return SavedPartition(
        uuid=row.uuid,
        lpar_id=row.lpar_id,
        environment=row.environment,
        os_version=row.os_version,
        ever_activated=row.ever_activated,
        columns=SavedColumns(**{name: getattr(row, name) for name in SavedColumns.model_fields}),
        adapters=tuple(saved_adapter(adapter) for adapter in row.server_adapters.all()),
        ethernets=tuple(
            SavedEthernet(slot=one.slot, vlan_id=one.vlan_id, mac_address=one.mac_address)
            for one in row.ethernet_adapters.all()
        ),
        physical_adapters=tuple(one.location for one in row.physical_adapters.all()),
    )


def saved_adapter(adapter: VirtualServerAdapter) -> SavedAdapter:
    disks = tuple(
        SavedDisk(
            unique_id=device.physical_volume.unique_id if device.physical_volume else "",
            logical_volume=device.logical_volume.name if device.logical_volume else "",
            lun_number=device.lun_number,
            name=device.name,
            is_user_defined=device.is_user_defined,
        )
        for device in adapter.target_devices.all()
        if device.physical_volume or device.logical_volume
    )
    return SavedAdapter(name=adapter.name, slot=adapter.slot, client_slot=adapter.client_slot, disks=disks)


@dataclass
class Work:
    """What a restore has to do with each partition of the backup, and what it has done."""

    absent: list[SavedPartition] = field(default_factory=list)
    changed: list[tuple[LogicalPartition, SavedPartition]] = field(default_factory=list)
    left_out: list[Sentence] = field(default_factory=list)
    done: list[Sentence] = field(default_factory=list)
    touched: list[LogicalPartition] = field(default_factory=list)


@dataclass(frozen=True)
class Facts:
    """What the hypervisor and the SAN say, asked before the transaction."""

    running: frozenset[UUID]
    owners: Mapping[str, OwnerWord]  # by LUN; one that is not on this system is not in it
    unreadable: Mapping[str, str]  # why, by LUN


def restore(name: str, *, changes_present: bool, whereabouts: Whereabouts, user: By, origin: str) -> list[Sentence]:
    """Make the partitions of a backup that are gone, Not Activated; answers what was left out, and why.

    `changes_present`: those that are here and Not Activated have the properties of the backup again, but keep their
    disks and adapters. All or nothing: raises PrerequisiteFailed, or HypervisorError where nobody can say what runs.
    """
    with action(user, origin, Right.CHANGE, RESTORE, name) as report:
        saved = profile_files.read(name)
        system = ManagedSystem.objects.get()
        if saved.system != system.identity:
            raise PrerequisiteFailed(
                "profile-of-other-system", name=name, other=saved.system[:64], system=system.identity
            )
        facts = ask(saved)
        with serialized():
            work = carry_out(sort_out(saved, facts, whereabouts, changes_present=changes_present))
            notices.publish(notices.PARTITIONS, notices.SYSTEM)
        report.lines = [*work.done, *work.left_out]
    tell_hypervisor(work.touched)
    return work.left_out


def ask(saved: Saved) -> Facts:
    vmc = services.hypervisor()
    parts = vmc.describe_system().partitions
    running = frozenset(UUID(one.uuid) for one in parts if one.run_state is not RunState.NOT_ACTIVATED)
    wanted = {disk.unique_id for one in saved.partitions for adapter in one.adapters for disk in adapter.disks}
    volumes = PhysicalVolume.objects.filter(unique_id__in=wanted)
    seen = vmc.look_at_luns(tuple(LunReference(volume.unique_id, volume.path) for volume in volumes))
    owners = {one.unique_id: one.owner for one in seen if one.owner is not None}
    return Facts(running, owners, {one.unique_id: one.error for one in seen if one.owner is None})


def sort_out(saved: Saved, facts: Facts, whereabouts: Whereabouts, *, changes_present: bool) -> Work:
    """Call inside the transaction. Raises PrerequisiteFailed where the records contradict what is seen."""
    if restored := services.why_nothing_starts():
        raise restored
    work = Work()
    here = {row.uuid: row for row in LogicalPartition.objects.clients()}
    away = whereabouts.elsewhere([one.uuid for one in saved.partitions])
    remembered_since = whereabouts.remembered_since()
    identity = ManagedSystem.objects.get().identity
    for one in saved.partitions:
        row = here.get(one.uuid)
        if row is not None:
            if changes_present and differs(row, one):
                sort_present(row, one, facts, work)
        elif one.uuid in away:
            work.left_out.append(says("profile-left-moved", one, remote=away[one.uuid]))
        elif owner := foreign_owner(one, facts, identity):
            work.left_out.append(says("profile-left-owned", one, owner=owner))
        elif saved.made_at < remembered_since and not is_surely_ours(one, facts, identity):
            work.left_out.append(says("profile-left-unknown", one))
        else:
            check_absent(one, facts)
            work.absent.append(one)
    return work


def says(key: str, one: SavedPartition, **params: str) -> Sentence:
    return Sentence.of(PrerequisiteFailed(key, name=one.columns.name, lpar_id=one.lpar_id, **params))


def differs(row: LogicalPartition, one: SavedPartition) -> bool:
    return any(getattr(row, name) != value for name, value in one.columns)


def sort_present(row: LogicalPartition, one: SavedPartition, facts: Facts, work: Work) -> None:
    if row.moved_to:
        work.left_out.append(says("profile-left-moved", one, remote=row.moved_to))
    elif row.hold:
        work.left_out.append(says("profile-left-held", one, hold=row.held_for))
    elif row.state != PartitionState.NOT_ACTIVATED or row.uuid in facts.running:
        work.left_out.append(says("profile-left-running", one, state=row.state))
    else:
        work.changed.append((row, one))


def foreign_owner(one: SavedPartition, facts: Facts, identity: str) -> str:
    """The other system that one of its LUNs names; empty: none does."""
    owners = [facts.owners[lun] for lun in luns_of(one) if lun in facts.owners]
    return next((owner.system for owner in owners if not owner.is_free and owner.system != identity), "")


def is_surely_ours(one: SavedPartition, facts: Facts, identity: str) -> bool:
    """By the word of a LUN: a move would have changed it."""
    owners = [facts.owners[lun] for lun in luns_of(one) if lun in facts.owners]
    return any((owner.partition_uuid, owner.system) == (str(one.uuid), identity) for owner in owners)


def luns_of(one: SavedPartition) -> list[str]:
    return [disk.unique_id for adapter in one.adapters for disk in adapter.disks if disk.unique_id]


def check_absent(one: SavedPartition, facts: Facts) -> None:
    who = {"name": one.columns.name, "lpar_id": one.lpar_id}
    if one.uuid in facts.running:
        raise PrerequisiteFailed("profile-runs-unrecorded", **who)
    for lun in luns_of(one):
        if lun in facts.unreadable:
            raise PrerequisiteFailed("profile-lun-unreadable", unique_id=lun, reason=facts.unreadable[lun], **who)
        owner = facts.owners.get(lun)
        if owner is not None and not owner.is_free and owner.partition_uuid != str(one.uuid):
            raise PrerequisiteFailed("profile-lun-owned", unique_id=lun, owner=owner.partition_uuid, **who)


def carry_out(work: Work) -> Work:
    """Gives back before it takes, so that partitions may exchange memory. Call inside the transaction."""
    next_epoch()
    for row, _one in work.changed:
        ManagedSystem.objects.update(
            free_memory_mb=F("free_memory_mb") + row.memory_mb, free_units=F("free_units") + row.processing_units
        )
    for row, one in work.changed:
        change(row, one)
        work.done.append(Sentence(CHANGED, {"name": one.columns.name, "lpar_id": row.lpar_id}))
    for one in work.absent:
        row = make(one)
        work.touched.append(row)
        work.done.append(Sentence(MADE, {"name": row.name, "lpar_id": row.lpar_id}))
    work.touched += [LogicalPartition.objects.get(pk=row.pk) for row, _one in work.changed]
    return work


def change(row: LogicalPartition, one: SavedPartition) -> None:
    shells.take_memory_and_units(plan_of(one), ManagedSystem.objects.get())
    rows = LogicalPartition.objects.filter(pk=row.pk, hold="", state=PartitionState.NOT_ACTIVATED)
    try:
        if not rows.update(**dict(one.columns)):
            raise PrerequisiteFailed("properties-changed-meanwhile", thing=row.name)
    except (IntegrityError, DataError) as exc:
        raise refused(one, exc) from exc


def refused(one: SavedPartition, exc: Exception) -> PrerequisiteFailed:
    reason = str(exc).partition("\n")[0]  # PostgreSQL adds the whole row
    return PrerequisiteFailed("partition-refused", name=one.columns.name, lpar_id=one.lpar_id, reason=reason)


def make(one: SavedPartition) -> LogicalPartition:
    taken = LogicalPartition.objects.filter(lpar_id=one.lpar_id).first()
    if taken is not None:
        who = {"name": one.columns.name, "lpar_id": one.lpar_id}
        raise PrerequisiteFailed("profile-id-taken", owner=taken.name, **who)
    check_networks(one.ethernets)
    row = shells.reserve_shell(plan_of(one), "", PartitionState.NOT_ACTIVATED)
    LogicalPartition.objects.filter(pk=row.pk).update(workload_group=one.columns.workload_group)
    adapters = row.server_adapters.order_by("pk")  # in the order in which they were made
    for adapter, wanted in zip(adapters, one.adapters, strict=True):
        attach_logical_volumes(adapter, [disk for disk in wanted.disks if disk.logical_volume], one)
    for location in one.physical_adapters:
        take_physical_adapter(location, row, one)
    return row


def plan_of(one: SavedPartition) -> PartitionPlan:
    """Off, and with disks on LUNs only: reserve_shell knows no others."""
    columns = {name: value for name, value in one.columns if name != "workload_group"}
    adapters = tuple(
        AdapterPlan(
            adapter.name,
            adapter.slot,
            adapter.client_slot,
            tuple(
                DiskPlan(disk.unique_id, 0, disk.lun_number, disk.name, disk.is_user_defined)
                for disk in adapter.disks
                if disk.unique_id
            ),
        )
        for adapter in one.adapters
    )
    return PartitionPlan(
        uuid=one.uuid,
        lpar_id=one.lpar_id,
        environment=one.environment,
        current_compatibility_mode="",
        os_version=one.os_version,
        rmc_state=RmcState.INACTIVE if one.ever_activated else RmcState.NONE,
        ever_activated=one.ever_activated,
        memory_region_mb=0,
        adapters=adapters,
        ethernets=tuple(EthernetPlan(each.slot, each.vlan_id, each.mac_address) for each in one.ethernets),
        **columns,
    )


def check_networks(ethernets: Iterable[SavedEthernet]) -> None:
    known = set(VirtualEthernet.objects.values_list("vlan_id", flat=True))
    for ethernet in ethernets:
        if ethernet.vlan_id not in known:
            listed = ", ".join(map(str, sorted(known))) or "none"
            raise PrerequisiteFailed("vlan-unknown", vlan_id=ethernet.vlan_id, known=listed)


def attach_logical_volumes(adapter: VirtualServerAdapter, disks: list[SavedDisk], one: SavedPartition) -> None:
    for disk in disks:
        volume = LogicalVolume.objects.filter(name=disk.logical_volume, target_device=None).first()
        if volume is None:
            raise not_free(disk.logical_volume, one)
        name = disk.name
        if VirtualTargetDevice.objects.filter(name=name).exists():
            raise not_free(name, one)
        VirtualTargetDevice.objects.create(
            name=name,
            is_user_defined=disk.is_user_defined,
            adapter=adapter,
            lun_number=disk.lun_number,
            logical_volume=volume,
        )


def take_physical_adapter(location: str, row: LogicalPartition, one: SavedPartition) -> None:
    """From the management partition, which has what no other one has."""
    free = PhysicalAdapter.objects.filter(location=location, partition__lpar_id=MANAGEMENT_PARTITION_ID)
    if not free.update(partition=row):
        raise not_free(location, one)


def not_free(device: str, one: SavedPartition) -> PrerequisiteFailed:
    return PrerequisiteFailed("profile-device-taken", device=device, name=one.columns.name, lpar_id=one.lpar_id)


def tell_hypervisor(rows: Iterable[LogicalPartition]) -> None:
    """Should it not hear of one, the inventory defines it, and Activate does in any case."""
    for row in rows:
        try:
            services.hypervisor().create(services.definition_of(row), operator_fence())
        except HypervisorError as exc:
            logger.info("partition %s: the hypervisor hears of it later: %s", row.name, exc)
