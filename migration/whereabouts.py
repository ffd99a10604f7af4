"""Which partitions another system has, by the migrations and partners on record here.

A partition that this console still has a record of is not looked up here.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from ivmweb.system.models import LogicalPartition
from migration.aftermath import KEEP_CLOSED_FOR
from migration.models import Migration, RemoteSystem
from migration.states import TAKEN_OVER, Role, State


def away_by_record(uuids: Collection[UUID]) -> dict[UUID, str]:
    """Those that are not this system's any more by their latest migration, with the console that has them."""
    found: dict[UUID, str] = {}
    decided: set[UUID] = set()
    rows = Migration.objects.of_partitions().filter(partition_uuid__in=uuids).select_related("remote")
    for migration in rows.order_by("-started_at"):
        if migration.partition_uuid not in decided and is_away_by(migration):
            found[migration.partition_uuid] = migration.remote.name
        decided.add(migration.partition_uuid)
    return found


def away_by_word(uuids: Collection[UUID]) -> dict[UUID, str]:
    """Those that a partner said it has when it was asked after a restore of this database, with its name.

    It counts also against a migration on record, which may be of before the backup and no more the latest. Which of
    them came first only a clock could say, and a second copy of a partition must not hang on one: where it is the
    word that is old, the partners are asked again.
    """
    return {
        uuid: remote.name
        for remote in RemoteSystem.objects.known()
        for uuid in map(UUID, remote.has)
        if uuid in uuids
    }


def remembered_since() -> datetime:
    """Closed migrations are forgotten some time after their end."""
    return timezone.now() - KEEP_CLOSED_FOR


def is_away_by(migration: Migration) -> bool:
    """A source that did not surely keep it has let it go; a destination has it once it has taken it over."""
    if migration.role == Role.SOURCE:
        return migration.state != State.CLOSED_KEPT
    return migration.state not in TAKEN_OVER


def moved_on(partition: LogicalPartition) -> Migration | None:
    """The migration by which it has just left this system; None where it is still here, or may be."""
    latest = Migration.objects.filter(partition_uuid=partition.uuid).select_related("remote").first()
    left = latest is not None and latest.is_source and latest.state in {State.COMPLETING, State.CLOSED_MOVED}
    return latest if left else None
