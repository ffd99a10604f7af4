"""Attribute migration_state of each partition, as lslparmigr tells it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from ivmweb.common.digits import is_whole
from ivmweb.system.models import LogicalPartition
from migration.models import Finding, Migration, RoleChoices
from migration.states import Role, State
from migration.validation.destination import partition_id_can_be_kept

STARTING, COMPLETE, NOT_MIGRATING = "Migration Starting", "Migration Complete", "Not Migrating"
COMPLETE_FOR = timedelta(seconds=5)
GONE_FOR = timedelta(seconds=30)  # what has moved away is told for so long after that, from the migration's row


@dataclass(frozen=True)
class Shown:
    name: str
    lpar_id: int
    state: str
    migration: Migration | None = None  # only where it is told
    new_id: int | None = None  # at the destination; None: not known yet


def shown(now: datetime | None = None) -> list[Shown]:
    """By partition ID. Three queries, whatever their number."""
    now = now or timezone.now()
    rows = list(LogicalPartition.objects.all())
    open_rows = {one.partition_uuid: one for one in with_announced_id(Migration.objects.open().of_partitions())}
    here = {row.uuid for row in rows}
    found = [of_partition(row, open_rows.get(row.uuid)) for row in rows]
    found += [of_moved(one, now) for one in moved_away(now) if one.partition_uuid not in here]
    return sorted(found, key=lambda one: one.lpar_id)


def of_partition(row: LogicalPartition, migration: Migration | None) -> Shown:
    state = STARTING if migration else NOT_MIGRATING
    return Shown(row.name, row.lpar_id, state, migration, new_id(migration) if migration else None)


def with_announced_id(rows: QuerySet[Migration]) -> QuerySet[Migration]:
    """`announced_id`: what the destination said when Migrate had it checked, as the report keeps it."""
    said = Finding.objects.filter(
        report__migration=OuterRef("pk"),
        side=RoleChoices.DESTINATION,
        check_name=partition_id_can_be_kept.__name__,
        again_at=None,
    )
    return rows.select_related("remote").annotate(announced_id=Subquery(said.values("measured")[:1]))


def new_id(migration: Migration) -> int | None:
    """The ID that the destination has given; before that the wanted one, which it gives or refuses, or the one it has
    announced. In the queue, where that may be hours old, None.
    """
    known: int | None = migration.remote_lpar_id or migration.placement.get("lpar_id")
    announced = getattr(migration, "announced_id", None) or ""
    return known or (int(announced) if is_whole(announced, 5) and not migration.queued else None)


def moved_away(now: datetime) -> list[Migration]:
    since = now - COMPLETE_FOR - GONE_FOR
    rows = Migration.objects.filter(role=Role.SOURCE, state=State.CLOSED_MOVED, ended_at__gt=since)
    latest = {one.partition_uuid: one for one in rows.select_related("remote").order_by("ended_at")}
    return list(latest.values())


def of_moved(migration: Migration, now: datetime) -> Shown:
    if is_complete(migration, now):
        return Shown(migration.partition_name, migration.lpar_id, COMPLETE, migration, migration.remote_lpar_id)
    return Shown(migration.partition_name, migration.lpar_id, NOT_MIGRATING)


def is_complete(migration: Migration, now: datetime) -> bool:
    """Whether it has moved just now, so that lslparmigr still says so."""
    return migration.ended_at is not None and now - migration.ended_at < COMPLETE_FOR
