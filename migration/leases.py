"""Who drives a migration now: a claim raises the console's epoch, a lease says for how long it is believed.

The epoch travels to the hypervisor in every command and stands in every later write, so a worker that was frozen
past its lease can neither write nor command. Times are monotonic seconds of this boot of this machine: a clock that
jumps moves no lease, and a lease from before a reboot counts for nothing.
"""

import time
from uuid import UUID

from django.conf import settings
from django.db.models import Case, F, Q, When

from ivmweb.common.boot import boot_id
from ivmweb.common.fault_points import reached
from ivmweb.hypervisor.base import Fence
from ivmweb.system.epochs import next_epoch
from ivmweb.transactions import serialized
from migration.models import Migration

__all__ = [
    "Fenced",
    "boot_id",
    "claim",
    "is_ahead",
    "is_alive",
    "lapsed_for_s",
    "now",
    "quiet_for_s",
    "release",
    "renew",
]

QUIET_S = 3.0
BACK_S = 2.0  # from the end of a long call to the next word of the worker


def now() -> float:
    return time.monotonic()


class Fenced(Exception):
    """Somebody else drives this migration now: stop, touch nothing."""


def claim(
    migration_id: UUID,
    worker: str,
    *,
    wants: str | None = None,
    as_read: Migration | None = None,
    over_worker: bool = False,
) -> Fence | None:
    """Take the migration unless a living worker has it; None then.

    With `wants`, only while the row asks for just that queue; the wish is fulfilled by the claim, so a doorbell that
    rings twice starts one worker. With `as_read`, only while nobody has claimed or advanced it since it was read: the
    new epoch must not give force to a decision that others have overtaken. `over_worker` takes it from a living
    worker too, which is refused everything from then on: for a record that leaves that worker nothing to do.
    """
    free = Migration.objects.filter(pk=migration_id)
    if not over_worker:
        free = free.filter(Q(lease_until__lte=now()) | ~Q(lease_boot=boot_id()))
    if wants is not None:
        free = free.filter(wants=wants)
    if as_read is not None:
        free = free.filter(epoch=as_read.epoch, state=as_read.state)
    # A timer of an earlier boot is over, and must not look like one of this boot from now on.
    timer = Case(When(Q(lease_boot=boot_id()) | Q(reserved_until=0), then=F("reserved_until")), default=now())
    reached("claim", worker, "before")
    with serialized():
        epoch = next_epoch()
        taken = free.update(
            epoch=epoch,
            lease_until=now() + settings.LEASE_S,
            lease_boot=boot_id(),
            reserved_until=timer,
            worker=worker,
            wants="",
        )
    reached("claim", worker, "after")
    return Fence(epoch=epoch, migration_id=str(migration_id)) if taken else None


def renew(fence: Fence, *, busy_s: float = 0, **fields: object) -> None:
    """Prolong the lease and write what goes with it (progress); raises Fenced, having written nothing.

    `busy_s`: how long the worker may be silent where that is longer than a lease, e.g. in a call to the partner.
    """
    kept = Migration.objects.filter(pk=fence.migration_id, epoch=fence.epoch).update(
        lease_until=now() + max(settings.LEASE_S, busy_s + BACK_S), **fields
    )
    if not kept:
        raise Fenced(fence.migration_id)


def release(fence: Fence, *, due_in_s: float = 0, **fields: object) -> None:
    """Give the migration back; the schedule looks again after `due_in_s`. Nothing happens to somebody else's."""
    Migration.objects.filter(pk=fence.migration_id, epoch=fence.epoch).update(
        lease_until=0, due_at=now() + due_in_s, **fields
    )


def is_alive(migration: Migration) -> bool:
    """A worker holds it and has said so within its lease."""
    return migration.lease_boot == boot_id() and migration.lease_until > now()


def is_ahead(migration: Migration, moment: float) -> bool:
    """A moment in one of the row's clocks is yet to come; one from before a reboot is over."""
    return migration.lease_boot == boot_id() and moment > now()


def lapsed_for_s(migration: Migration) -> float | None:
    """Seconds since its worker was lost; None while one is at work or when the last one gave it back in order."""
    if not migration.lease_until or is_alive(migration):
        return None
    return max(0.0, now() - migration.lease_until) if migration.lease_boot == boot_id() else settings.LEASE_S


def quiet_for_s(migration: Migration) -> float | None:
    """Seconds since its worker was heard of, at least; None where that is no wonder, as workers speak each second."""
    if not is_alive(migration):
        return lapsed_for_s(migration)
    quiet_s = now() + settings.LEASE_S - migration.lease_until
    return quiet_s if quiet_s > QUIET_S else None
