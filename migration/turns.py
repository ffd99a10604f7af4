"""Suspensions on one link, in either direction, follow one another: each is short with the link to itself.

A turn is a courtesy and no lock; nothing of the hand-over rests on it. It is a row of each console's remote system,
and the row of the console whose system's identity sorts lower counts for both directions. A source takes its own
console's row first, then that one; the lower console never asks for another, so nobody waits in a circle.
"""

from dataclasses import dataclass
from uuid import UUID

from ivmweb.common.fault_points import reached
from migration import leases
from migration.models import Migration, RemoteSystem, RemoteSystemQuerySet
from migration.states import State

# A suspension takes some hundredths of a second. A worker that died in one keeps the others waiting no longer.
TURN_S = 10.0
# A longer one, as on a link that stalls, keeps its turn while a worker has it, and then for as long as a hand-over.
PROLONGED_S = 3.0
PATIENCE_S = 20.0  # then a partition is suspended beside another one: it has to move some day
ANSWER_S = 3.0  # of the other console, which is asked while the partition runs


@dataclass(frozen=True)
class Turn:
    """A row as it was read."""

    holder: UUID | None
    until: float
    boot: str

    def is_over(self) -> bool:
        return self.holder is None or self.boot != leases.boot_id() or self.until <= leases.now()


def take(migration: Migration) -> bool:
    """On this console, in either role; false while another one has it. Taken again, it begins anew."""
    turn = read(migration)
    if turn.holder not in (None, migration.pk) and (not turn.is_over() or prolong(migration, turn)):
        return False
    reached(migration.role, "write", "suspension turn", "before")
    taken = row(migration, turn).update(
        suspending=migration.pk, suspending_until=leases.now() + TURN_S, suspending_boot=leases.boot_id()
    )
    reached(migration.role, "write", "suspension turn", "after")
    return bool(taken)


def read(migration: Migration) -> Turn:
    fields = ("suspending", "suspending_until", "suspending_boot")
    return Turn(*RemoteSystem.objects.values_list(*fields).get(pk=migration.remote_id))


def row(migration: Migration, turn: Turn) -> RemoteSystemQuerySet:
    """For a compare-and-set: only as it was read."""
    return RemoteSystem.objects.filter(
        pk=migration.remote_id,
        suspending=turn.holder,
        suspending_until=turn.until,
        suspending_boot=turn.boot,
    )


def prolong(migration: Migration, turn: Turn) -> bool:
    """By whoever finds it lapsed while a worker has its migration: it is suspended still. No call of its own."""
    if turn.holder is None or turn.boot != leases.boot_id():
        return False
    holder = Migration.objects.open().filter(pk=turn.holder).first()
    if holder is None or not leases.is_alive(holder):
        return False
    row(migration, turn).update(suspending_until=leases.now() + PROLONGED_S)
    return True


def give_back(migration: Migration) -> None:
    RemoteSystem.objects.filter(pk=migration.remote_id, suspending=migration.pk).update(suspending=None)


def is_kept_there(own_identity: str, other_identity: str) -> bool:
    """Whether the turn of this link is a row of the other console. Never where a console's identity is not known."""
    return bool(other_identity) and other_identity < own_identity


def answer(migration: Migration) -> bool:
    """Destination: whether the source may suspend now. One that is not prepared here is none of this link's."""
    return migration.state != State.PREPARED or take(migration)
