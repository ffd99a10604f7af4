"""The only writer of a migration's state: one compare-and-set with its journal line, in one transaction."""

import logging
from collections.abc import Callable
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_noop as _

from ivmweb.common.boot import boot_id
from ivmweb.common.fault_points import reached
from ivmweb.common.sentence import NOTHING_SAID, Sentence
from ivmweb.hypervisor.base import Fence
from ivmweb.monitor import notices
from ivmweb.monitor import services as monitor
from ivmweb.monitor.models import MonitorTask
from ivmweb.system.epochs import next_epoch
from ivmweb.transactions import serialized
from migration.models import Migration, MigrationEvent
from migration.states import FINAL_STATES, GIVEN_UP, Act, Role, State, allowed, forced

STOP_PRESSED = _("Stop pressed by {user}")
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

    `fence` binds the write to a worker's epoch; without one it is bound to the epoch that was read, so that what was
    decided before an operator's act is void, also where acts lead back to the same state. `also` runs in the same
    transaction: what must become true together with the state. `forced`, `restored` and the partner's incarnations
    are compared too: what was decided on the word of a database that was restored since is void. An order ends with
    the record it was given for.

    A transition that states.py does not know is a bug and raises ValueError.
    """
    old = State(migration.state)
    if to not in allowed(migration.record):
        raise ValueError(f"no transition of {migration.role} from {old} to {to}")
    reached(migration.role, "write", to, "before")
    with serialized():
        rows = unchanged(migration).filter(epoch=migration.epoch if fence is None else fence.epoch)
        if to is State.SURRENDERED:
            rows = rows.filter(stop_requested=False)  # Stop and surrender: one wins
        if not rows.update(state=to, order="", order_boot="", restored=False, waits_for_operator=False, **fields):
            return False
        next_epoch()  # a backup of before this record has a smaller one: incarnation.py
        note(migration.pk, text, fence=fence, worker=migration.worker, from_state=old, to_state=to)
        if also is not None:
            also()
        publish(migration)
    reached(migration.role, "write", to, "after")
    migration.refresh_from_db()
    logger.info("migration %s: %s → %s %s", migration.pk, old.value, to.value, text)
    return True


def force(
    migration: Migration, act: Act, text: Sentence, *, also: Callable[[], None] | None = None, **fields: object
) -> bool:
    """Write what an operator's act makes of the record, and its order; false when anything has changed since.

    A worker that has the migration is fenced by the new epoch. The order lives until this machine restarts.
    """
    after = forced(migration.record, act)
    with serialized():
        rows = unchanged(migration).filter(epoch=migration.epoch, order=migration.order)
        won = rows.update(
            state=after.state,
            forced=after.forced,
            restored=False,
            waits_for_operator=False,
            order=after.order or "",
            order_boot=boot_id() if after.order else "",
            epoch=next_epoch(),
            lease_until=0,
            **{"wants": "", "queued": False, **fields},
        )
        if not won:
            return False
        old, new = ("", "") if after.state == migration.state else (migration.state, after.state)
        note(migration.pk, text, from_state=old, to_state=new)
        if also is not None:
            also()
        publish(migration)
    logger.warning("migration %s: %s → %s by an operator's act: %s", migration.pk, migration.state, after.state, act)
    migration.refresh_from_db()
    return True


def supersede(migration: Migration, to: State, *, also: Callable[[], None] | None = None, **fields: object) -> bool:
    """End a record of before a restore that a later migration of its partition made void: nothing is commanded.

    False when it has changed since it was read.
    """
    with serialized():
        won = (
            unchanged(migration)
            .filter(epoch=migration.epoch)
            .update(
                **{"state": to, "restored": False, "in_question": False, "waits_for_operator": False},
                **{"order": "", "order_boot": ""},
                **{"epoch": next_epoch(), "lease_until": 0, "wants": "", "queued": False, **fields},
            )
        )
        if not won:
            return False
        text = Sentence(_("a later migration of the partition is on record at another console: this one is over"))
        note(migration.pk, text, from_state=migration.state, to_state=to)
        if also is not None:
            also()
        publish(migration)
    logger.warning("migration %s: %s → %s: a later one is on record elsewhere", migration.pk, migration.state, to)
    migration.refresh_from_db()
    return True


def unchanged(migration: Migration) -> QuerySet[Migration]:
    """The row, if all that decides is as it was read."""
    return Migration.objects.filter(
        pk=migration.pk,
        state=migration.state,
        forced=migration.forced,
        restored=migration.restored,
        partner_incarnations=migration.partner_incarnations,
    )


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


def note_once(migration: Migration, text: Sentence, fence: Fence) -> None:
    """Not again while it is the newest line, so that what fails each time does not fill the journal."""
    newest = migration.events.order_by("-pk").first()
    if newest is None or newest.sentence != text:
        note(migration.pk, text, fence=fence, worker=migration.worker)


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
