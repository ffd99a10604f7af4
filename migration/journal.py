"""The only writer of a migration's state: one compare-and-set with its journal line, in one transaction."""

import logging
from collections.abc import Callable
from uuid import UUID

from django.db.models import Q

from ivmweb.common.fault_points import reached
from ivmweb.common.sentence import NOTHING_SAID, Sentence
from ivmweb.hypervisor.base import Fence
from ivmweb.monitor import notices
from ivmweb.monitor import services as monitor
from ivmweb.monitor.models import MonitorTask
from ivmweb.transactions import serialized
from migration.models import Migration, MigrationEvent
from migration.states import FINAL_STATES, GIVEN_UP, Role, State, allowed

logger = logging.getLogger(__name__)


def advance(
    migration: Migration,
    to: State,
    *,
    fence: Fence | None = None,
    text: Sentence = NOTHING_SAID,
    also: Callable[[], None] | None = None,
    **fields: object,
) -> bool:
    """Write the next state; false when somebody else was faster or Stop won, and then nothing has changed.

    `fence` binds the write to a worker's epoch. `also` runs in the same transaction: what must become true together
    with the state. `forced` is compared too: an operator's act may lead back to the same state, and what was decided
    before it is void. A transition that states.py does not know is a bug and raises ValueError.
    """
    old = State(migration.state)
    if to not in allowed(migration.record):
        raise ValueError(f"no transition of {migration.role} from {old} to {to}")
    reached(migration.role, "write", to, "before")
    with serialized():
        rows = Migration.objects.filter(pk=migration.pk, state=old, forced=migration.forced)
        if fence is not None:
            rows = rows.filter(epoch=fence.epoch)
        if to is State.SURRENDERED:
            rows = rows.filter(stop_requested=False)  # Stop and surrender: one wins
        if not rows.update(state=to, **fields):
            return False
        note(migration.pk, text, fence=fence, worker=migration.worker, from_state=old, to_state=to)
        if also is not None:
            also()
        publish(migration)
    reached(migration.role, "write", to, "after")
    migration.refresh_from_db()
    logger.info("migration %s: %s → %s %s", migration.pk, old.value, to.value, text)
    return True


def note(
    migration_id: UUID,
    text: Sentence,
    *,
    fence: Fence | None = None,
    worker: str = "",
    from_state: str = "",
    to_state: str = "",
) -> None:
    """A line for people, without a change of state; the task in Monitor Tasks shows it too."""
    MigrationEvent.objects.create(
        migration_id=migration_id,
        from_state=from_state,
        to_state=to_state,
        epoch=fence.epoch if fence else 0,
        worker=worker,
        text=text.text[: monitor.MAX_TEXT],
        params=text.params,
        code=text.code,
    )
    task = MonitorTask.objects.filter(migrations=migration_id).first()
    if task is not None and text.text:
        monitor.add_line(task, text)


def request_stop(migration: Migration, text: Sentence) -> bool:
    """Set Stop while the source still transfers; false means too late."""
    reached("source", "write", "stop", "before")
    with serialized():
        won = Migration.objects.filter(pk=migration.pk, state=State.TRANSFERRING, stop_requested=False).update(
            stop_requested=True
        )
        if won:
            note(migration.pk, text)
            publish(migration)
    reached("source", "write", "stop", "after")
    migration.refresh_from_db()
    return bool(won)


def publish_progress(migration: Migration) -> None:
    """Counters moved. The list of partitions shows none of them."""
    notices.publish(notices.migration_topic(migration.pk), notices.TASKS)


def publish(migration: Migration) -> None:
    notices.publish(notices.migration_topic(migration.pk), notices.PARTITIONS, notices.TASKS)


def unfinished_migrations() -> list[Migration]:
    """All of which `is_unfinished` is true."""
    to_release = Q(role=Role.DESTINATION, state__in=GIVEN_UP, released=False)
    return list(Migration.objects.filter(~Q(state__in=FINAL_STATES) | to_release).select_related("remote"))
