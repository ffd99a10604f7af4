"""Which partitions another system has, by the migrations and partners on record here."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from migration.aftermath import KEEP_CLOSED_FOR
from migration.models import Migration, RemoteSystem
from migration.states import GIVEN_UP, Role, State


def elsewhere(uuids: Sequence[UUID]) -> dict[UUID, str]:
    """Those of them that are not this system's any more, with the console that has them. Two queries.

    The latest migration of a partition decides. Where there is none (the database is younger than the move), what a
    partner said after a restore does. A partition that this console still has a record of is not looked up here.
    """
    wanted = set(uuids)
    found: dict[UUID, str] = {}
    decided: set[UUID] = set()
    rows = Migration.objects.of_partitions().filter(partition_uuid__in=wanted).select_related("remote")
    for migration in rows.order_by("-started_at"):
        if migration.partition_uuid in decided:
            continue
        decided.add(migration.partition_uuid)
        if is_away_by(migration):
            found[migration.partition_uuid] = migration.remote.name
    for remote in RemoteSystem.objects.known():
        for uuid in wanted - decided:
            if str(uuid) in remote.has:
                found[uuid] = remote.name
    return found


def remembered_since() -> datetime:
    """Closed migrations are forgotten some time after their end."""
    return timezone.now() - KEEP_CLOSED_FOR


def is_away_by(migration: Migration) -> bool:
    """A source that did not surely keep it has let it go; a destination that gave up has left it to the source."""
    if migration.role == Role.SOURCE:
        return migration.state != State.CLOSED_KEPT
    return migration.state in GIVEN_UP
