"""Doorbells. A task gets an id and claims the row; one that cannot leaves at once, so ringing twice does no harm."""

import logging
from collections.abc import Callable
from uuid import UUID

from celery import shared_task
from django.conf import settings
from kombu.exceptions import KombuError, OperationalError

from ivmweb.hypervisor.base import Fence
from ivmweb.monitor import schedule
from ivmweb.monitor import services as monitor
from migration import admission, aftermath, leases, recovery, restored, transfer
from migration.failures import apart
from migration.journal import publish, unfinished_migrations
from migration.leases import Fenced
from migration.models import Migration
from migration.states import State
from migration.waiting import untaken_s

logger = logging.getLogger(__name__)


@shared_task(name="migration.tasks.begin")
def begin(migration_id: str) -> None:
    take(migration_id, "control", transfer.begin)


@shared_task(name="migration.tasks.send_state")
def send_state(migration_id: str) -> None:
    take(migration_id, "mover-out", transfer.send)


@shared_task(name="migration.tasks.receive_state")
def receive_state(migration_id: str) -> None:
    take(migration_id, "mover-in", transfer.receive)


@shared_task(name="migration.tasks.recover")
def recover(migration_id: str) -> None:
    migration = Migration.objects.select_related("remote", "partition", "task").filter(pk=migration_id).first()
    if migration is not None and due_task(migration) is recover:  # a bell may ring late, for what has gone on since
        with_fence(lambda: recovery.recover(migration, "schedule"), migration_id)


@shared_task(name="migration.tasks.sweep")
def sweep() -> None:
    """On a schedule: ring for whatever is due. Cheap when nothing is.

    Only a restored database that can't be looked for stops the rest: else one thing that fails keeps no other one
    from its turn, and partners are asked before anything is cleaned up, since a whole console may be held back.
    """
    schedule.tick()
    restored.look()
    with apart("nothing was let out of the queue"):
        for migration in admission.admit():
            ring_wanted(migration)
    for found in unfinished_migrations():
        now = Migration.objects.select_related("remote").filter(pk=found.pk)  # workers go on meanwhile
        for migration in now:
            with apart("it was not looked after", f"migration {migration.pk}"):
                look_after(migration)
    with apart("partners were not asked"):
        restored.ask_partners()
    with apart("nothing was cleaned up"):
        aftermath.sweep()


def look_after(migration: Migration) -> None:
    if migration.task_id is not None:
        monitor.mark_interrupted(migration.task_id, interrupted=leases.lapsed_for_s(migration) is not None)
        admission.tell_task(migration)
    if untaken_s(migration) is not None:  # nobody works on it, so nobody else says that pages have to look again
        publish(migration)
    task = due_task(migration)
    if task is not None:
        ring(task, migration.pk)


BELLS = {"control": begin, "mover-out": send_state, "mover-in": receive_state}


def due_task(migration: Migration) -> Callable[..., object] | None:
    """What to ring for; None while a worker is at work, or its loss is younger than the grace."""
    if leases.is_alive(migration):
        return None
    if migration.stop_requested and migration.state == State.TRANSFERRING:
        return recover
    if migration.queued:
        return None
    if migration.wants and leases.is_ahead(migration, migration.reserved_until):
        return BELLS[migration.wants]
    lost_for = leases.lapsed_for_s(migration)
    if lost_for is not None and lost_for < settings.RECOVERY_GRACE_S:
        return None
    if lost_for is None and not migration.wants and leases.is_ahead(migration, migration.due_at):
        return None
    return recover


def ring(task: Callable[..., object], migration_id: UUID) -> None:
    """A bell that is not heard is rung again by the schedule: the broker may be away."""
    try:
        task.delay(str(migration_id))  # type: ignore[attr-defined]
    except (OperationalError, KombuError, OSError) as exc:
        logger.warning("migration %s: the broker does not answer (%s); the schedule rings again", migration_id, exc)


def ring_wanted(migration: Migration) -> None:
    if migration.wants:
        ring(BELLS[migration.wants], migration.pk)


def take(migration_id: str, queue: str, work: Callable[[Migration, Fence], None]) -> None:
    fence = leases.claim(UUID(migration_id), queue, wants=queue)
    if fence is None:
        logger.debug("migration %s: nothing to do for %s", migration_id, queue)
        return
    migration = Migration.objects.select_related("remote", "partition", "task").get(pk=migration_id)

    def drive() -> None:
        with recovery.giving_back(migration, fence):
            work(migration, fence)

    with_fence(drive, migration_id)
    migration.refresh_from_db()
    ring_wanted(migration)


def with_fence(work: Callable[[], object], migration_id: str) -> None:
    try:
        work()
    except Fenced:
        logger.info("migration %s: fenced; another worker drives it", migration_id)
