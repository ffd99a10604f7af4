"""What is collected after a migration: digests of both sides, the suspension that was felt, and old secrets."""

import logging
from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import HypervisorError, PeerError
from ivmweb.common.sentence import Sentence
from ivmweb.system import services as system
from migration import leases, partner, record_exchange
from migration.failures import apart
from migration.journal import note, publish
from migration.models import Migration, MigrationQuerySet, MigrationType, RemoteSystem
from migration.peer.auth import TOMBSTONE_LIFE, forget_tokens
from migration.peer.client import NO_ANSWER
from migration.states import FINAL_STATES, GIVEN_UP, Fact, Role, State

logger = logging.getLogger(__name__)

COLLECT_FOR = timedelta(minutes=5)
KEEP_SECRETS_FOR = timedelta(minutes=10)
ASK_FIGURES_EVERY_S = 5.0
ASK_FINAL_EVERY_S = 60.0
ASK_FORGETFUL_EVERY_S = 3600.0  # a partner that does not know the migration: its other backup may come back
KEEP_SECRETS_FOR_FORGETFUL = timedelta(days=1)
KEEP_CLOSED_FOR = TOMBSTONE_LIFE
MOVED = [State.COMPLETING, State.CLOSED_MOVED, State.STARTED, State.SETTLED]


def sweep() -> None:
    """Each row for itself: one that can't be read, or whose keys can't, keeps no other one from its turn."""
    silent: set[int] = set()  # remote systems that did not answer in this sweep: one time-out is enough
    for migration in incomplete():
        with apart("its digest was not collected", f"migration {migration.pk}"):
            collect(migration, silent)
    for migration in record_exchange.unsigned().filter(role=Role.SOURCE).select_related("remote"):
        with apart("its hand-over record was not made", f"migration {migration.pk}"):
            record_exchange.exchange(migration, silent)
    for migration in unsettled():
        with apart("its partner was not told that it is over", f"migration {migration.pk}"):
            ask(migration, ASK_FINAL_EVERY_S, silent)
    forget()


def incomplete() -> list[Migration]:
    """Active migrations that moved and lack a digest or, at the destination, the suspension.

    Not where an operator's order made it so: both copies may have run since, so neither figure is this move's.
    """
    since = timezone.now() - COLLECT_FOR
    moved = Migration.objects.filter(type=MigrationType.ACTIVE, state__in=MOVED, forced=False)
    recent = moved.exclude(ended_at__lt=since)
    return [m for m in recent if not (m.local_digest and m.partner_digest and m.suspension_ms is not None)]


def unsettled() -> list[Migration]:
    """Final here, and the partner has not said that it is: its last word, or ours, was lost."""
    old = Migration.objects.filter(state__in=FINAL_STATES, ended_at__lt=timezone.now() - KEEP_SECRETS_FOR)
    return list(old.exclude(secret=b"").exclude(partner_state__in=FINAL_STATES).select_related("remote"))


def collect(migration: Migration, silent: set[int]) -> None:
    try:
        collect_here(migration)
    except HypervisorError as exc:
        logger.info("migration %s: %s", migration.pk, exc)
    if migration.is_source and migration.is_final and partner_knows_more(migration):
        ask(migration, ASK_FIGURES_EVERY_S, silent)  # somebody may be looking at its page
    compare(migration)
    publish(migration)


def partner_knows_more(migration: Migration) -> bool:
    """Its digest is worth a question where there is one here to compare it with: QEMU hashes no pages."""
    return bool(migration.local_digest) or migration.suspension_ms is None


def collect_here(migration: Migration) -> None:
    hypervisor = system.hypervisor()
    found: dict[str, object] = {}
    if not migration.local_digest:
        digest = hypervisor.digest(migration.lpar_id, str(migration.pk))
        if digest is not None:
            found["local_digest"] = digest.sha256
    if not migration.is_source and migration.suspension_ms is None:
        facts = hypervisor.describe(migration.lpar_id)
        if facts is not None and facts.longest_gap_ms is not None:
            found["suspension_ms"] = facts.longest_gap_ms
    if found:  # only these columns: the partner's message may write the others at the same time
        Migration.objects.filter(pk=migration.pk).update(**found)
        migration.refresh_from_db()


def ask(migration: Migration, every_s: float, silent: set[int]) -> None:
    """Tell a partner that it is over and hear the same; one that was silent is left in peace for so long.

    The next time is written before the call, which may last: of two sweeps at once only one asks.
    """
    if leases.is_ahead(migration, migration.due_at) or leases.is_alive(migration) or migration.remote_id in silent:
        return
    rows = Migration.objects.filter(pk=migration.pk, epoch=migration.epoch)
    mine = rows.filter(due_at=migration.due_at, lease_boot=migration.lease_boot)
    if not mine.update(due_at=leases.now() + every_s, lease_boot=leases.boot_id(), lease_until=0):
        return
    try:
        partner.tell(migration, Fact.NONE if migration.is_source else Fact.UNKNOWN)
    except PeerError as exc:
        if partner.does_not_know(exc):
            wait_for_forgetful(migration, rows)
            return
        partner.remember_silence(migration, exc)
        if exc.key in NO_ANSWER:
            silent.add(migration.remote_id)
    else:
        rows.update(due_at=0)


def wait_for_forgetful(migration: Migration, rows: MigrationQuerySet) -> None:
    """It lost the row, or erased its secrets, as after a clock that ran ahead: it may never say that it is over."""
    rows.update(due_at=leases.now() + ASK_FORGETFUL_EVERY_S)
    if migration.ended_at is not None and timezone.now() - migration.ended_at > KEEP_SECRETS_FOR_FORGETFUL:
        logger.info("migration %s: the partner does not know it any more; its secrets are erased", migration.pk)
        rows.update(secret=b"", token=b"")


def compare(migration: Migration) -> None:
    """Say once, loudly, when what runs there is not what was suspended here (invariant I3)."""
    here, there = migration.local_digest, migration.partner_digest
    text = _("memory digests differ: {here} and {there}")
    if here and there and here != there and not migration.events.filter(text=text).exists():
        logger.error("migration %s: memory digests differ", migration.pk)
        note(migration.pk, Sentence(text, {"here": here, "there": there}))


def forget() -> None:
    """Drop secrets that can serve no more, and rows older than any message about them can be."""
    for drop in (forget_secrets, forget_migrations, forget_remotes, forget_tokens):
        with apart(f"{drop.__name__} failed"):
            drop()


def forget_secrets() -> None:
    settled = Migration.objects.filter(ended_at__lt=timezone.now() - KEEP_SECRETS_FOR, partner_state__in=FINAL_STATES)
    settled.exclude(secret=b"", token=b"").exclude(pk__in=record_exchange.unsigned()).update(secret=b"", token=b"")


def forget_migrations() -> None:
    """What is still to be given back is given back first."""
    old = Migration.objects.filter(ended_at__lt=timezone.now() - KEEP_CLOSED_FOR, state__in=FINAL_STATES)
    old.exclude(role=Role.DESTINATION, state__in=GIVEN_UP, released=False).delete()


def forget_remotes() -> None:
    RemoteSystem.objects.filter(removed_at__lt=timezone.now(), migrations=None).delete()
