"""Restoring partitions from a backup: which of them, and which not.

A restore makes partitions that are gone; it never removes one, never touches one that runs or is reserved, and never
makes one that is another system's by now: a second copy of a partition must not exist.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import HypervisorError, PrerequisiteFailed
from ivmweb.common.sentence import Sentence
from ivmweb.hypervisor.base import Definition, Fence, LunReference, OwnerWord, PartitionFacts, RunState
from ivmweb.monitor import notices
from ivmweb.system import owners, profile_files, profile_making, services
from ivmweb.system.actions import action
from ivmweb.system.epochs import next_epoch
from ivmweb.system.models import LogicalPartition, ManagedSystem, PartitionState, PhysicalVolume
from ivmweb.system.profile_files import Saved, SavedPartition
from ivmweb.system.rights import Right
from ivmweb.transactions import serialized

logger = logging.getLogger(__name__)

RESTORE = _("Restore Partition Data")


@dataclass(frozen=True)
class Moves:
    """What is known of moves to other systems."""

    away: Mapping[UUID, str]  # partitions that another system has, with its name
    told: Mapping[UUID, str]  # those that another one has by its own word only
    remembered_since: datetime  # one before that may be forgotten


AskMoves = Callable[[Sequence[UUID]], Moves]


@dataclass
class Work:
    """What a restore has to do with each partition of the backup."""

    absent: list[SavedPartition] = field(default_factory=list)
    changed: list[tuple[LogicalPartition, SavedPartition]] = field(default_factory=list)
    left_out: list[Sentence] = field(default_factory=list)


@dataclass(frozen=True)
class Done:
    """What is in the records now, what Monitor Tasks says of it, and what the hypervisor has to be told."""

    lines: list[Sentence]
    definitions: list[Definition]
    fence: Fence


@dataclass(frozen=True)
class Facts:
    """What the hypervisor and the SAN say, asked before the transaction."""

    below: Mapping[int, PartitionFacts]  # by partition ID
    running: frozenset[UUID]
    owners: Mapping[str, OwnerWord]  # by LUN; one that is not on this system is not in it
    unreadable: Mapping[str, str]  # why, by LUN


def restore(
    name: str, ask_moves: AskMoves, *, changes_present: bool, user: AbstractBaseUser | AnonymousUser, origin: str
) -> list[Sentence]:
    """Make the partitions of a backup that are gone, Not Activated; answers what was left out, and why.

    `changes_present`: those that are here and Not Activated have the properties of the backup again, but keep their
    disks and adapters. `ask_moves` is called in the transaction. All or nothing: raises PrerequisiteFailed, or
    HypervisorError where nobody can say what runs.
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
            work = sort_out(saved, facts, ask_moves, changes_present=changes_present)
            done = carry_out(work)
            notices.publish(notices.PARTITIONS, notices.SYSTEM)
        report.lines = [*done.lines, *work.left_out]
    tell_hypervisor(done)
    return work.left_out


def ask(saved: Saved) -> Facts:
    vmc = services.hypervisor()
    parts = vmc.describe_system().partitions
    running = frozenset(UUID(one.uuid) for one in parts if one.run_state is not RunState.NOT_ACTIVATED)
    wanted = {disk.unique_id for one in saved.partitions for adapter in one.adapters for disk in adapter.disks}
    volumes = PhysicalVolume.objects.filter(unique_id__in=wanted)
    seen = vmc.look_at_luns(tuple(LunReference(volume.unique_id, volume.path) for volume in volumes))
    return Facts(
        below={one.lpar_id: one for one in parts},
        running=running,
        owners={one.unique_id: one.owner for one in seen if one.owner is not None},
        unreadable={one.unique_id: one.error for one in seen if one.owner is None},
    )


def sort_out(saved: Saved, facts: Facts, ask_moves: AskMoves, *, changes_present: bool) -> Work:
    """Call inside the transaction. Raises PrerequisiteFailed where the records contradict what is seen."""
    if restored := services.why_nothing_starts():
        raise restored
    work = Work()
    here = {row.uuid: row for row in LogicalPartition.objects.clients()}
    names = {row.lpar_id: row.name for row in here.values()}
    moves = ask_moves([one.uuid for one in saved.partitions])
    identity = ManagedSystem.objects.get().identity
    for one in saved.partitions:
        row = here.get(one.uuid)
        if row is not None:
            if changes_present and differs(row, one):
                sort_present(row, one, facts, work)
        elif left_out := why_left_out(one, saved, facts, moves, identity):
            work.left_out.append(left_out)
        else:
            check_absent(one, facts, names)
            work.absent.append(one)
    return work


def why_left_out(one: SavedPartition, saved: Saved, facts: Facts, moves: Moves, identity: str) -> Sentence | None:
    """Of a partition that is not here: it is, or may be, another system's by now."""
    if one.uuid in moves.away:
        return says("profile-left-moved", one, remote=moves.away[one.uuid])
    if one.uuid in moves.told:
        return says("profile-left-told", one, remote=moves.told[one.uuid])
    if owner := foreign_owner(one, facts, identity):
        return says("profile-left-owned", one, owner=owner)
    if saved.made_at < moves.remembered_since and not is_surely_ours(one, facts, identity):
        return says("profile-left-unknown", one)
    return None


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
        check_below(row.lpar_id, one, facts)
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


def check_absent(one: SavedPartition, facts: Facts, names: Mapping[int, str]) -> None:
    """`names`: of the partitions that are here, by their IDs."""
    who = {"name": one.columns.name, "lpar_id": one.lpar_id}
    if one.uuid in facts.running:
        raise PrerequisiteFailed("profile-runs-unrecorded", **who)
    if one.lpar_id in names:
        raise PrerequisiteFailed("profile-id-taken", owner=names[one.lpar_id], **who)
    check_below(one.lpar_id, one, facts)
    for lun in luns_of(one):
        if lun in facts.unreadable:
            raise PrerequisiteFailed("profile-lun-unreadable", unique_id=lun, reason=facts.unreadable[lun], **who)
        owner = facts.owners.get(lun)
        if owner is not None and not owner.is_free and owner.partition_uuid != str(one.uuid):
            raise PrerequisiteFailed("profile-lun-owned", unique_id=lun, owner=owners.in_words(owner), **who)


def check_below(lpar_id: int, one: SavedPartition, facts: Facts) -> None:
    """The hypervisor would make one partition of two: a definition replaces that of another one which is off."""
    other = facts.below.get(lpar_id)
    if other is not None and other.uuid != str(one.uuid):
        raise PrerequisiteFailed("profile-id-unrecorded", name=one.columns.name, lpar_id=lpar_id, other=other.name)


def carry_out(work: Work) -> Done:
    """Call inside the transaction: whatever begins after it has a newer epoch than what is told here."""
    fence = Fence(epoch=next_epoch())
    lines = profile_making.change_all(work.changed)
    made = [profile_making.make(one) for one in work.absent]
    lines += [line for one in made for line in one.lines]
    rows = [*(one.partition for one in made), *(row for row, _one in work.changed)]
    definitions = [services.definition_of(LogicalPartition.objects.get(pk=row.pk)) for row in rows]
    return Done(lines, definitions, fence)


def tell_hypervisor(done: Done) -> None:
    """Should it not hear of one, the inventory defines it, and Activate does in any case."""
    for definition in done.definitions:
        try:
            services.hypervisor().create(definition, done.fence)
        except HypervisorError as exc:
            logger.info("partition %s: the hypervisor hears of it later: %s", definition.name, exc)
