"""Suspensions of partitions that go to the same console follow one another: each is short with the link to itself."""

from django.db.models import Q

from ivmweb.common.fault_points import reached
from migration import leases
from migration.models import Migration, RemoteSystem

# A suspension takes some hundredths of a second. A worker that died in one keeps the others waiting no longer.
TURN_S = 10.0


def take(migration: Migration) -> bool:
    """False while another one has it. Taken again by the same one, it begins anew."""
    free = Q(suspending=None) | Q(suspending=migration.pk) | Q(suspending_until__lte=leases.now())
    free |= ~Q(suspending_boot=leases.boot_id())
    reached("source", "write", "suspension turn", "before")
    taken = RemoteSystem.objects.filter(free, pk=migration.remote_id).update(
        suspending=migration.pk, suspending_until=leases.now() + TURN_S, suspending_boot=leases.boot_id()
    )
    reached("source", "write", "suspension turn", "after")
    return bool(taken)


def give_back(migration: Migration) -> None:
    RemoteSystem.objects.filter(pk=migration.remote_id, suspending=migration.pk).update(suspending=None)
