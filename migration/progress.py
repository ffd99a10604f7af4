"""What a mover reports, written where pages find it: counters in the row, the task's percent, the curve."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from django.db.models import F, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Greatest
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from ivmweb.common.sentence import Sentence
from ivmweb.hypervisor.base import Fence
from ivmweb.monitor import services as monitor
from ivmweb.system.words import in_english
from migration import leases
from migration.curve import Point, with_point
from migration.journal import note, publish_progress
from migration.models import Activity, Migration, TransferCurve
from migration.mover.progress import MoverPhase, Progress

ACTIVITIES = {
    MoverPhase.CONNECTING: Activity.PREPARING,
    MoverPhase.TRANSFERRING: Activity.TRANSFERRING,
    MoverPhase.SUSPENDED: Activity.SUSPENDED,
    MoverPhase.LOADED: Activity.HANDING_OVER,
}
LIMIT_CHANGED = _("bandwidth limit changed from {old_mb} to {new_mb} MB per second (0: none)")
SLOWED = _("the partition is slowed down by {percent} percent")
LET_GO = _("the partition is no longer slowed down")
SENDING_SLOWED = _("Sending memory while the partition runs, slowed down by {percent} percent")
SUSPENSION_CHANGED = _("allowed suspension changed from {old} to {new} ms")


def at_least(counter: str, value: int) -> Combinable:
    """For an update: the row's own number where that is greater, since another process may have written it."""
    return Greatest(F(counter), Value(value))


# A destination can't know what is written again, so the source tells all that must fit together (telling.py).
ONLY_THE_SOURCE_KNOWS = frozenset({
    "percent", "passes", "bytes_transmitted", "bytes_remaining", "dirty_bytes_per_s", "seconds_left", "outlook",
})  # fmt: skip


class Reporter:
    """For one transfer of this side."""

    def __init__(
        self, migration: Migration, fence: Fence, tell_partner: Callable[[Progress], None] | None = None
    ) -> None:
        self._migration, self._fence, self._tell_partner = migration, fence, tell_partner
        self._began: float | None = None  # monotonic
        self._points: list[Point] = []
        self._slowed_percent = 0  # as reported last
        self._limits: tuple[int, int] | None = None  # as reported last: bytes per second, 0: none; milliseconds

    def report(self, progress: Progress) -> None:
        """Raises Fenced when this worker has been replaced."""
        activity = ACTIVITIES[progress.phase]
        if not self._migration.is_source and activity is Activity.TRANSFERRING:
            activity = Activity.RECEIVING
        leases.renew(self._fence, activity=activity, **self._figures(progress))
        self._note_limits(progress)
        self._note_speed(progress.slowed_percent)
        self._draw(progress)
        if self._migration.task is not None:
            monitor.update_task(self._migration.task, percent=progress.percent, detail=detail(activity, progress))
        publish_progress(self._migration)
        if self._tell_partner:
            self._tell_partner(progress)

    def write_totals(self, progress: Progress) -> None:
        """The last counters, written after the hand-over: while it was suspended there was no time for them.

        Whoever recorded that it moved has written 100 percent, and that may have been another worker: what the row
        holds is not lowered. Without that record all has gone over, and it stays here.
        """
        suspended_for_s = time.monotonic() - (progress.suspended_at or time.monotonic())
        suspended_at = timezone.now() - timedelta(seconds=suspended_for_s)
        Migration.objects.filter(pk=self._migration.pk).update(
            **self._figures(progress) | {"bytes_remaining": 0, "suspended_at": suspended_at}
        )
        self._draw(progress, bytes_remaining=0)
        publish_progress(self._migration)

    def _figures(self, progress: Progress) -> dict[str, Any]:
        figures: dict[str, Any] = {
            "percent": at_least("percent", min(progress.percent, 99)),
            "bytes_transmitted": at_least("bytes_transmitted", progress.bytes_transmitted),
            "bytes_total": progress.bytes_total or self._migration.bytes_total,
            "passes": at_least("passes", progress.pass_number),
            "seconds_left": progress.seconds_left,
            "rate_bytes_per_s": progress.rate_bytes_per_s,
            "dirty_bytes_per_s": progress.dirty_bytes_per_s,
            "outlook": progress.outlook,
            "fitting_bytes": progress.fitting_bytes,
            "bandwidth_limit_bytes_per_s": progress.bandwidth_limit_bytes_per_s,
            "allowed_suspension_ms": progress.allowed_suspension_ms,
            "slow_partition": progress.slow_partition,
            "slowed_percent": at_least("slowed_percent", progress.slowed_percent),
        }
        if progress.bytes_total:  # else the hypervisor has not said yet what there is to send
            figures["bytes_remaining"] = progress.bytes_remaining
        if self._began is None and progress.phase is MoverPhase.TRANSFERRING:
            self._began = time.monotonic()
            figures["transfer_started_at"] = timezone.now()
        if self._migration.is_source:
            return figures
        return {name: value for name, value in figures.items() if name not in ONLY_THE_SOURCE_KNOWS}

    def _note_limits(self, progress: Progress) -> None:
        """A change while memory is sent goes into the journal: the row keeps the last ones only."""
        limits = (progress.bandwidth_limit_bytes_per_s, progress.allowed_suspension_ms)
        for change in changes(self._limits, limits) if self._limits else ():
            note(self._migration.pk, change, fence=self._fence, worker=self._migration.worker)
        self._limits = limits

    def _note_speed(self, slowed_percent: int) -> None:
        if slowed_percent != self._slowed_percent:
            change = Sentence(SLOWED, {"percent": slowed_percent}) if slowed_percent else Sentence(LET_GO)
            note(self._migration.pk, change, fence=self._fence, worker=self._migration.worker)
        self._slowed_percent = slowed_percent

    def _draw(self, progress: Progress, bytes_remaining: int | None = None) -> None:
        if self._began is None or not progress.bytes_total:
            return
        left = progress.bytes_remaining if bytes_remaining is None else bytes_remaining
        if not self._migration.is_source:
            left = Migration.objects.values_list("bytes_remaining", flat=True).get(pk=self._migration.pk)
        if not self._points:
            self._points = [Point(0, progress.bytes_total, 0)]
        point = Point(round(time.monotonic() - self._began, 2), left, progress.bytes_transmitted)
        self._points = with_point(self._points, point)
        TransferCurve.objects.update_or_create(migration=self._migration, defaults={"points": self._points})


def detail(activity: Activity, progress: Progress) -> Sentence:
    """What Monitor Tasks says while it goes on."""
    if activity is Activity.TRANSFERRING and progress.slowed_percent:
        return Sentence(SENDING_SLOWED, {"percent": progress.slowed_percent})
    return Sentence(in_english(activity.label))


def changes(before: tuple[int, int], now: tuple[int, int]) -> Iterator[Sentence]:
    """Of the bandwidth limit, bytes per second, and of the allowed suspension, milliseconds."""
    (old, old_ms), (new, new_ms) = before, now
    if old != new:
        in_mb = {"old_mb": f"{old / 2**20:g}", "new_mb": f"{new / 2**20:g}"}
        yield Sentence(LIMIT_CHANGED, {"old": old, "new": new, **in_mb})
    if old_ms != new_ms:
        yield Sentence(SUSPENSION_CHANGED, {"old": old_ms, "new": new_ms})
