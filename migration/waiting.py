"""Migrations that wait: for a worker of this console, or for the other one, which lists say in a few words."""

from collections.abc import Collection, Iterable
from uuid import UUID

from django.utils.translation import gettext as _

from migration import leases
from migration.admission import WANTED_FOR_S, queued_tasks
from migration.models import Migration
from migration.states import State

NOTICED_AFTER_S = 10.0  # a worker that runs takes it up within a second

# Where silence holds up what is under way; what has started, or is over, waits for a record only.
HELD_UP = frozenset({State.TRANSFERRING, State.ABORTING, State.COMPLETING, State.FORCED_BACK})


def untaken_s(migration: Migration) -> float | None:
    """Seconds since a worker was asked for, where none has taken it up; None while that is no wonder."""
    if not migration.wants or migration.queued or migration.is_final or leases.is_alive(migration):
        return None
    if not leases.is_ahead(migration, migration.reserved_until):  # or asked for before this machine was started
        return WANTED_FOR_S
    asked_s = WANTED_FOR_S - (migration.reserved_until - leases.now())
    return asked_s if asked_s >= NOTICED_AFTER_S else None


def waits_for(migration: Migration) -> str:
    """Empty while it goes on by itself."""
    names = {"remote": migration.remote.name}
    if migration.is_opposite:
        return _("Both consoles have it, by opposite decisions; see Recover, explained")
    if migration.waits_for_operator:
        return _("Waits for an operator; see Recover, explained")
    if migration.partner_waits_for_operator:
        return _("Waits for an operator on %(remote)s") % names
    if migration.is_given_up:
        return _("Given up by an operator; waits for %(remote)s") % names
    if leases.lapsed_for_s(migration) is not None:
        return _("Interrupted: its worker was lost")
    if untaken_s(migration) is not None:
        return _("No worker takes it up")
    if migration.state == State.SURRENDERED and not migration.is_inactive:
        return _("Suspended; waits for %(remote)s") % names
    if migration.state == State.LOADED:
        return _("Not running here; waits for %(remote)s") % names
    if migration.state in {State.SURRENDERED, State.IN_DOUBT}:
        return _("Waits for %(remote)s") % names
    if migration.state in HELD_UP and migration.partner_error and not migration.queued:
        return _("Waits for %(remote)s, which does not answer") % names
    return ""


def open_migrations() -> list[Migration]:
    return list(Migration.objects.open().select_related("remote"))


def waiting_partitions(rows: Iterable[Migration]) -> dict[UUID, str]:
    return {row.partition_uuid: words for row in rows if (words := waits_for(row))}


def conflicting_partitions(rows: Iterable[Migration]) -> set[UUID]:
    """Both consoles have them by their records, after orders of operators."""
    return {row.partition_uuid for row in rows if row.is_opposite}


def waiting_tasks(task_ids: Collection[int]) -> dict[int, str]:
    rows = Migration.objects.open().filter(task_id__in=task_ids).select_related("remote")
    waiting = {row.task_id: words for row in rows if row.task_id and (words := waits_for(row))}
    return waiting | {task: in_line(place) for task, place in queued_tasks().items()}


def in_line(place: tuple[int, int]) -> str:
    """Beside "Waiting in the queue"."""
    return _("Place %(place)d of %(of)d") % {"place": place[0], "of": place[1]}
