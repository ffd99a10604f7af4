"""How far a transfer is, told by the source's mover to the destination's console.

What goes over is relayed as it is, so the destination can't know what the partition has written again meanwhile: its
pages show what the source says. For people only; nothing is decided by it, and it may get lost.
"""

import logging
from threading import Event, Thread
from typing import Self
from uuid import UUID

from django.utils import timezone

from ivmweb.common.errors import PeerError
from migration import partner
from migration.models import Migration
from migration.mover.progress import MoverPhase, Progress
from migration.peer.auth import unseal
from migration.peer.client import PeerClient
from migration.peer.messages import TransferProgress
from migration.peer.remotes import heard_from
from migration.progress import at_least
from migration.states import State

logger = logging.getLogger(__name__)

TELL_EVERY_S = 1.0
AFTER_SILENCE_S = 5.0
ANSWER_S = 3.0
LONGEST_S = 1e9  # more than that is no estimate


class Teller:
    """Source. A thread of its own, since the other console may be slow; it always tells the latest."""

    def __init__(self, migration: Migration) -> None:
        self._migration_id, self._remote = migration.pk, migration.remote
        self._sealed = bytes(migration.secret)
        self._latest: Progress | None = None
        self._news, self._closed = Event(), Event()
        self.thread = Thread(target=self._run, name="progress teller", daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """A call that is under way ends by itself."""
        self._closed.set()
        self._news.set()

    def tell(self, progress: Progress) -> None:
        """Returns at once. A suspended partition is not kept waiting by a call that nobody needs."""
        self._latest = progress if progress.phase is MoverPhase.TRANSFERRING else None
        self._news.set()

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                with PeerClient(self._remote, timeout_s=ANSWER_S) as client:
                    self._keep_telling(client)
            except PeerError as exc:
                logger.info("migration %s: the destination was not told how far it is: %s", self._migration_id, exc)
                self._closed.wait(AFTER_SILENCE_S)

    def _keep_telling(self, client: PeerClient) -> None:
        secret = unseal(self._sealed)
        while self._news.wait() and not self._closed.is_set():
            self._news.clear()
            latest = self._latest
            if latest is not None and latest.bytes_total:
                client.tell_progress(secret, message(self._migration_id, latest))
                self._closed.wait(TELL_EVERY_S)


def message(migration_id: UUID, progress: Progress) -> TransferProgress:
    seconds_left = progress.seconds_left
    return TransferProgress(
        migration_id=migration_id,
        role="source",
        percent=min(progress.percent, 99),
        passes=progress.pass_number,
        bytes_transmitted=progress.bytes_transmitted,
        bytes_remaining=progress.bytes_remaining,
        dirty_bytes_per_s=progress.dirty_bytes_per_s,
        seconds_left=seconds_left if seconds_left is None or seconds_left <= LONGEST_S else None,
        outlook=progress.outlook,
    )


def hear(migration: Migration, told: TransferProgress) -> None:
    """Destination. Too late once the whole memory is here, or newer figures: percent and pass never turn back."""
    partner.forget_silence(migration)
    heard_from(migration.remote, timezone.now())
    older = Migration.objects.filter(percent__lte=told.percent, passes__lte=told.passes)
    older.filter(pk=migration.pk, state=State.PREPARED).update(
        percent=told.percent,
        passes=told.passes,
        bytes_transmitted=at_least("bytes_transmitted", told.bytes_transmitted),
        bytes_remaining=told.bytes_remaining,
        dirty_bytes_per_s=told.dirty_bytes_per_s,
        seconds_left=told.seconds_left,
        outlook=told.outlook,
        progress_heard_at=timezone.now(),
    )
