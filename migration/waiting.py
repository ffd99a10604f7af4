"""Migrations that wait for the other console, in a few words for lists: View/Modify Partitions and Monitor Tasks."""

from collections.abc import Collection
from uuid import UUID

from django.utils.translation import gettext as _

from migration.models import Migration
from migration.states import State

# Where silence holds up what is under way; what has started, or is over, waits for a record only.
HELD_UP = frozenset({State.TRANSFERRING, State.ABORTING, State.COMPLETING, State.FORCED_BACK})


def waits_for(migration: Migration) -> str:
    """Empty while it goes on by itself."""
    names = {"remote": migration.remote.name}
    if migration.state == State.SURRENDERED and not migration.is_inactive:
        return _("Suspended; waits for %(remote)s") % names
    if migration.state == State.LOADED:
        return _("Not running here; waits for %(remote)s") % names
    if migration.state in {State.SURRENDERED, State.IN_DOUBT}:
        return _("Waits for %(remote)s") % names
    if migration.state in HELD_UP and migration.partner_error and not migration.queued:
        return _("Waits for %(remote)s, which does not answer") % names
    return ""


def waiting_partitions() -> dict[UUID, str]:
    rows = Migration.objects.open().select_related("remote")
    return {row.partition_uuid: words for row in rows if (words := waits_for(row))}


def waiting_tasks(task_ids: Collection[int]) -> dict[int, str]:
    rows = Migration.objects.open().filter(task_id__in=task_ids).select_related("remote")
    return {row.task_id: words for row in rows if row.task_id and (words := waits_for(row))}
