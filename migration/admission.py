"""How many migrations go on at once. What is beyond that waits in a queue, first come first served.

A migration in the queue has its row and the partition's hold, and nothing else: no worker, and nothing at the
destination. The schedule lets the next one go when there is room here; one that the destination had no room for comes
back to its place and asks again after some seconds.
"""

import random
from collections import Counter
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.common.fault_points import reached
from ivmweb.common.sentence import Sentence
from ivmweb.hypervisor.base import Fence
from ivmweb.monitor import services as monitor
from ivmweb.system import services as system
from ivmweb.system.models import ManagedSystem
from ivmweb.transactions import serialized
from migration import leases
from migration.journal import note, note_once, publish
from migration.models import Activity, Migration, MigrationQuerySet, MigrationType
from migration.peer.auth import TOMBSTONE_LIFE
from migration.states import Role, State

WANTED_FOR_S = 60.0  # how long a migration waits for a free worker
# Two consoles that are full of each other's migrations must not ask at the same moments for ever.
ASK_AGAIN_S = (2.0, 6.0)
WAITS = _("waits in the queue: {reason}")
LEAVES = _("leaves the queue")
WAITS_AGAIN = _("back into the queue: {remote} says: {text}")
NO_ROOM = frozenset({"check-too-many-migrations", "check-no-mover"})  # what a destination without room says


def supported(here: ManagedSystem, *, inactive: bool) -> int:
    return here.inactive_migrations_supported if inactive else here.active_migrations_supported


def in_progress(*, inactive: bool) -> int:
    """In both directions, as lslparmigr counts them; not those in the queue."""
    kind = MigrationType.INACTIVE if inactive else MigrationType.ACTIVE
    return Migration.objects.open().filter(type=kind, queued=False).count()


def movers_busy(role: Role) -> int:
    state = State.TRANSFERRING if role is Role.SOURCE else State.PREPARED
    return Migration.objects.filter(role=role, state=state, type=MigrationType.ACTIVE, queued=False).count()


def refusal(role: Role, *, inactive: bool) -> PrerequisiteFailed | None:
    """Why there is no room for one more. True until the end of the serialized() transaction that it is asked in."""
    here = ManagedSystem.objects.get()
    kind = MigrationType.INACTIVE.value if inactive else MigrationType.ACTIVE.value
    running, most = in_progress(inactive=inactive), supported(here, inactive=inactive)
    if running >= most:
        names = {"system": here.host_name, "kind": kind}
        return PrerequisiteFailed("check-too-many-migrations", running=running, most=most, **names)
    busy, slots = movers_busy(role), settings.MOVER_SLOTS
    if not inactive and busy >= slots:
        return PrerequisiteFailed("check-no-mover", system=here.host_name, busy=busy, slots=slots)
    return None


def in_queue(*, inactive: bool) -> MigrationQuerySet:
    """Oldest first."""
    kind = MigrationType.INACTIVE if inactive else MigrationType.ACTIVE
    return Migration.objects.filter(queued=True, type=kind).order_by("started_at", "pk")


def place_of(migration: Migration) -> tuple[int, int]:
    """(2, 3): second of three."""
    of_kind = {row.pk: place for row, place in places() if row.type == migration.type}
    return of_kind.get(migration.pk, (0, len(of_kind)))


def queued_partitions() -> dict[UUID, tuple[int, int]]:
    """Those that wait, and their places (`place_of`); one that is being stopped waits no more."""
    return {row.partition_uuid: place for row, place in places() if waits(row)}


def queued_tasks() -> dict[int, tuple[int, int]]:
    """The same by their rows in Monitor Tasks."""
    return {row.task_id: place for row, place in places() if row.task_id and waits(row)}


def places() -> list[tuple[Migration, tuple[int, int]]]:
    """All that are seen in the queue; active and inactive ones queue apart."""
    rows = seen_waiting()
    of = Counter(row.type for row in rows)
    number: Counter[str] = Counter()
    found = []
    for row in rows:
        number[row.type] += 1
        found.append((row, (number[row.type], of[row.type])))
    return found


def seen_waiting() -> list[Migration]:
    """What people see in the queue, oldest first."""
    rows = Migration.objects.filter(Q(queued=True) | Q(activity=Activity.QUEUED)).order_by("started_at", "pk")
    return [row for row in rows if row.queued or asks_again(row)]


def waits(migration: Migration) -> bool:
    """What people see of it. One that a destination has sent back waits until that one has prepared."""
    return not migration.stop_requested and (migration.queued or asks_again(migration))


def asks_again(migration: Migration) -> bool:
    """It has left the queue only to ask a destination that had no room, which is over in a moment: for every few
    seconds of waiting."""
    is_driven = migration.wants == "control" or leases.is_alive(migration)
    return migration.state == State.TRANSFERRING and migration.activity == Activity.QUEUED and is_driven


def admit() -> list[Migration]:
    """Those that go on now; their row wants a worker from here on."""
    return [migration for inactive in (False, True) for migration in admit_of_kind(inactive=inactive)]


def admit_of_kind(*, inactive: bool) -> list[Migration]:
    if not in_queue(inactive=inactive).exists():
        return []
    admitted = []
    reached("source", "write", "admitted", "before")
    with serialized():
        for migration in in_queue(inactive=inactive).filter(stop_requested=False):
            if leases.is_ahead(migration, migration.due_at):
                continue
            if refusal(Role.SOURCE, inactive=inactive) is not None:
                break
            was_sent_back = migration.events.filter(text=WAITS_AGAIN).exists()
            Migration.objects.filter(pk=migration.pk).update(
                queued=False,
                wants="control",
                activity=Activity.QUEUED if was_sent_back else Activity.PREPARING,
                reserved_until=leases.now() + WANTED_FOR_S,
                lease_boot=leases.boot_id(),
            )
            migration.refresh_from_db()
            tell_task(migration)
            if not was_sent_back:
                note(migration.pk, Sentence(LEAVES))
            admitted.append(migration)
    reached("source", "write", "admitted", "after")
    for migration in admitted:
        publish(migration)
    return admitted


def back_into_queue(migration: Migration, fence: Fence, why: Sentence) -> None:
    """The destination has no room: wait in the old place, and ask again in some seconds."""
    note_once(migration, why, fence)
    wait_s = random.uniform(*ASK_AGAIN_S)
    reached("source", "write", "queued again", "before")
    leases.release(fence, due_in_s=wait_s, queued=True, wants="", activity=Activity.QUEUED)
    reached("source", "write", "queued again", "after")
    migration.refresh_from_db()
    tell_task(migration)
    publish(migration)


def prepared(migration: Migration, fence: Fence) -> None:
    """The destination has room for it: it is through the queue."""
    if migration.activity == Activity.QUEUED:
        leases.renew(fence, activity=Activity.PREPARING)
        migration.refresh_from_db()
        tell_task(migration)
        publish(migration)


def tell_task(migration: Migration) -> None:
    """Monitor Tasks says whether it waits."""
    if migration.task_id is not None:
        monitor.mark_queued(migration.task_id, queued=waits(migration))


def refuse_while_held_back() -> None:
    """Raises PrerequisiteFailed."""
    if restored := system.why_nothing_starts():
        raise restored


def was_restored() -> bool:
    """So lately that a migration which is unknown here may have been lost with it."""
    restored_at = ManagedSystem.objects.values_list("restored_at", flat=True).get()
    return restored_at is not None and timezone.now() - restored_at < TOMBSTONE_LIFE
