"""A database that was restored from a backup: found out, held back, and what an operator does about it.

Looked for at the start of each process and by the schedule. Until each remote system was asked (lost.py), or an
operator has confirmed, nothing is activated, nothing begins to migrate, and the inventory defines nothing anew.
docs/state-machine.md, "A restored database".
"""

import logging
import uuid

from django.db import DatabaseError
from django.db.models import Exists, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import PeerError, PrerequisiteFailed
from ivmweb.common.sentence import Sentence
from ivmweb.monitor import notices
from ivmweb.system import audit, incarnation
from ivmweb.system import services as system
from ivmweb.system.incarnation import EPOCHS_PER_LIFE, Known
from ivmweb.system.models import LogicalPartition, ManagedSystem
from ivmweb.system.models.partition import MOVED_TO
from ivmweb.system.rights import AnyUser, Right, require
from ivmweb.transactions import serialized
from migration import lost, stranded
from migration.failures import apart
from migration.journal import note, publish
from migration.models import Migration, MobilityToken, RemoteSystem
from migration.states import MAY_BE_BEHIND

logger = logging.getLogger(__name__)
RECORDS_REMOVED = _("its records here were removed by {user}: {remote} has the partition")


def look_at_start() -> None:
    """For a process that begins; a database that does not answer yet is looked at by the schedule."""
    try:
        look()
    except DatabaseError as exc:
        logger.warning("the incarnation of the database could not be compared: %s", exc)


def look() -> bool:
    """Whether this very call found a restored database; then everything open is in doubt already."""
    with incarnation.alone():  # before the database: the file never knows more than was committed by then
        known = incarnation.read()
    here = ManagedSystem.objects.first()
    if here is None or (known is not None and is_the_same(here, known)):
        return False
    return take_note()


def take_note() -> bool:
    """One transaction. The file changes before the commit: a crash in between is found as one more restore."""
    with serialized(), incarnation.alone():
        known = incarnation.read()
        here = ManagedSystem.objects.get()
        if known is None:  # the first start with this file
            incarnation.write(Known(here.incarnation, here.epoch))
            return False
        if is_the_same(here, known):
            return False
        new = Known(str(uuid.uuid4()), max(here.epoch, known.epoch) + EPOCHS_PER_LIFE)
        remotes = RemoteSystem.objects.known()
        ManagedSystem.objects.update(
            incarnation=new.incarnation, epoch=new.epoch, restored_at=timezone.now(), held_back=remotes.exists()
        )
        remotes.update(asked=False, lost=[], has=[])
        MobilityToken.objects.filter(expires_at__gt=timezone.now()).update(expires_at=timezone.now())
        put_in_doubt(new.epoch)
        audit.record(
            user="schedule", action="restore", thing="database", outcome=audit.REPAIRED, text=new.incarnation
        )
        incarnation.write(new)
    logger.warning("the database was restored from a backup; nothing starts before every partner was asked")
    notices.publish(notices.PARTITIONS, notices.SYSTEM)
    return True


def is_the_same(here: ManagedSystem, known: Known) -> bool:
    return known.incarnation == here.incarnation and known.epoch <= here.epoch


def put_in_doubt(epoch: int) -> None:
    """Open rows: what was decided on them is void, and no worker of before has them any more."""
    migrations = list(Migration.objects.open())
    Migration.objects.open().update(
        epoch=epoch, lease_until=0, wants="", queued=False, order="", order_boot="", due_at=0
    )
    Migration.objects.open().filter(state__in=MAY_BE_BEHIND).update(restored=True)
    Migration.objects.open().filter(remote__in=RemoteSystem.objects.known()).update(in_question=True)
    for migration in migrations:
        note(migration.pk, Sentence(_("the database of this console was restored from a backup")))


def ask_partners() -> None:
    """By the schedule, while this console is held back: who was silent is asked again."""
    if ManagedSystem.objects.filter(held_back=True).exists() and lost.ask_partners():
        go_on()


def go_on() -> None:
    """Partitions may be activated and migrated. What no record tells of is noted, for the banner on every page."""
    with apart("looking for what no record tells of"):
        stranded.take_note()
    ManagedSystem.objects.update(held_back=False)
    notices.publish(notices.PARTITIONS, notices.SYSTEM)


# What an operator does


def confirm(*, claimed: bool, user: AnyUser, origin: str) -> None:
    """Go on although not every partner was asked, or with conflicts that were seen. Holds of partitions stay.

    Raises HypervisorError, and then this console is held back as before.
    """
    require(user, Right.MIGRATE)
    with audit.attempt(user, origin, "confirm restored database", "database"):
        if not claimed:
            raise PrerequisiteFailed("restore-not-claimed")
        try:
            lost.conclude()
        except PeerError as exc:  # after the records that a later migration made void have ended
            logger.info("what the partners know is not all settled: %s", exc)
        with serialized():
            RemoteSystem.objects.known().filter(asked=False).update(passed_over=True)
            RemoteSystem.objects.known().update(asked=True, lost=[])
            Migration.objects.filter(in_question=True).update(in_question=False)
        go_on()


def remove_records(partition_uuid: uuid.UUID, *, user: AnyUser, origin: str) -> str:
    """Of a partition that a partner says it has; its name. Raises PrerequisiteFailed where no partner does.

    That partner is asked just before: what runs there may be in no record of it, and these are the only ones then.
    """
    require(user, Right.MIGRATE)
    partition = moved_away().filter(uuid=partition_uuid).first()
    name = partition.name if partition else str(partition_uuid)
    with audit.attempt(user, origin, "remove records", f"partition {name}"):
        if partition is None:
            raise PrerequisiteFailed("restore-not-moved", partition=name)
        check_partner_has_records(partition)
        facts = system.hypervisor().describe(partition.lpar_id)
        if facts is not None and facts.uuid == str(partition.uuid):
            if lost.runs(facts):
                raise PrerequisiteFailed("restore-runs-here", partition=name, remote=partition.moved_to)
            lost.remove_from_hypervisor(facts)
        with serialized():
            note_removal(partition, str(user))
            system.remove_partition(partition)
            forget_conflicts(partition)
    notices.publish(notices.PARTITIONS, notices.SYSTEM)
    return name


def check_partner_has_records(partition: LogicalPartition) -> None:
    names = {"partition": partition.name, "remote": partition.moved_to}
    remote = RemoteSystem.objects.known().filter(name=partition.moved_to).first()
    if remote is None:
        raise PrerequisiteFailed("restore-partner-unknown", **names)
    try:
        answer = lost.ask(remote)
    except PeerError as exc:
        raise PrerequisiteFailed("restore-partner-silent", answer=str(exc), **names) from exc
    if partition.uuid not in answer.present:
        raise PrerequisiteFailed("restore-only-records", **names)
    if partition.uuid not in answer.on_record:
        raise PrerequisiteFailed("restore-runs-without-record", **names)


def note_removal(partition: LogicalPartition, user: str) -> None:
    """Each record of a migration of it says from now on where it is, not where it was then."""
    for migration in Migration.objects.filter(partition_uuid=partition.uuid):
        note(migration.pk, Sentence(RECORDS_REMOVED, {"user": user, "remote": partition.moved_to}))
        publish(migration)


def removed_for(migration: Migration) -> str:
    """The console that has the partition whose records were removed here; empty where they were not."""
    told = [event.params["remote"] for event in migration.events.all() if event.text == RECORDS_REMOVED]
    return told[-1] if told else ""


def forget_conflicts(partition: LogicalPartition) -> None:
    """Settled with the console that has the partition; what a third one said stays until somebody has looked."""
    for remote in RemoteSystem.objects.known():
        if lost.moved_to(remote) == partition.hold:
            left = [said for said in remote.lost if said["partition_uuid"] != str(partition.uuid)]
            RemoteSystem.objects.filter(pk=remote.pk).update(lost=left)


def moved_away() -> QuerySet[LogicalPartition]:
    """Those that another console says it has; their records here are held."""
    return LogicalPartition.objects.filter(hold__startswith=MOVED_TO)


def partition_to_remove(partition_uuid: uuid.UUID) -> LogicalPartition:
    """For the page that asks first. Raises PrerequisiteFailed where no partner has it."""
    partition = moved_away().filter(uuid=partition_uuid).first()
    if partition is None:
        raise PrerequisiteFailed("restore-not-moved", partition=str(partition_uuid))
    return partition


def unsettled() -> bool | None:
    """Whether this console is held back; None where nothing of a restored database is left to settle. One query."""
    told = RemoteSystem.objects.known().exclude(lost=[])
    systems = ManagedSystem.objects.filter(restored_at__isnull=False)
    open_there = Q(held_back=True) | Q(strays=True) | Exists(told) | Exists(moved_away())
    return systems.filter(open_there).values_list("held_back", flat=True).first()
