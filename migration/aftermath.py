"""What is collected after a migration: digests of both sides, the suspension that was felt, and old secrets."""

import logging
from datetime import timedelta

from django.utils import timezone

from ivmweb.common.errors import HypervisorError, PeerError
from ivmweb.system import services as system
from migration import partner
from migration.journal import note, publish
from migration.models import Migration, MobilityToken
from migration.states import Fact, State

logger = logging.getLogger(__name__)

COLLECT_FOR = timedelta(minutes=5)
KEEP_SECRETS_FOR = timedelta(minutes=10)
KEEP_TOKENS_FOR = timedelta(days=30)
KEEP_CLOSED_FOR = timedelta(days=30)
MOVED = [State.COMPLETING, State.CLOSED_MOVED, State.STARTED]


def sweep() -> None:
    for migration in incomplete():
        collect(migration)
    forget()


def incomplete() -> list[Migration]:
    """Active migrations that moved and lack a digest or, at the destination, the suspension."""
    since = timezone.now() - COLLECT_FOR
    recent = Migration.objects.filter(type="active", state__in=MOVED, started_at__isnull=False).exclude(
        ended_at__lt=since
    )
    return [m for m in recent if not (m.local_digest and m.partner_digest and m.suspension_ms is not None)]


def collect(migration: Migration) -> None:
    try:
        collect_here(migration)
    except HypervisorError as exc:
        logger.info("migration %s: %s", migration.pk, exc)
    if migration.is_source and migration.local_digest:
        try:
            partner.tell(migration, Fact.NONE)
        except PeerError as exc:
            partner.remember_silence(migration, exc)
    compare(migration)
    publish(migration)


def collect_here(migration: Migration) -> None:
    hypervisor = system.hypervisor()
    if not migration.local_digest:
        digest = hypervisor.digest(migration.lpar_id, str(migration.pk))
        if digest is not None:
            migration.local_digest = digest.sha256
    if not migration.is_source and migration.suspension_ms is None:
        facts = hypervisor.describe(migration.lpar_id)
        if facts is not None and facts.longest_gap_ms is not None:
            migration.suspension_ms = facts.longest_gap_ms
    migration.save(update_fields=["local_digest", "suspension_ms"])


def compare(migration: Migration) -> None:
    """Say once, loudly, when what runs there is not what was suspended here (invariant I3)."""
    if migration.local_digest and migration.partner_digest and migration.local_digest != migration.partner_digest:
        logger.error("migration %s: memory digests differ", migration.pk)
        note(migration.pk, f"memory digests differ: {migration.local_digest} and {migration.partner_digest}")


def forget() -> None:
    """Drop secrets that can serve no more, and rows older than any message about them can be."""
    now = timezone.now()
    Migration.objects.filter(ended_at__lt=now - KEEP_SECRETS_FOR).exclude(secret=b"").filter(
        partner_state__in=[State.CLOSED_KEPT, State.CLOSED_MOVED, State.DECLINED, State.YIELDED]
    ).update(secret=b"", token=b"")
    Migration.objects.filter(ended_at__lt=now - KEEP_CLOSED_FOR).delete()
    MobilityToken.objects.filter(expires_at__lt=now - KEEP_TOKENS_FOR).delete()
