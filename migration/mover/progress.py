"""How far a transfer is, as a value that never runs backwards for the viewer."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ivmweb.hypervisor.base import TransferStatus
from migration.mover.convergence import Outlook

RATE_WINDOW_S = 2.0


class MoverPhase(StrEnum):
    CONNECTING = "connecting"
    TRANSFERRING = "transferring"  # the partition runs
    SUSPENDED = "suspended"  # its last pages are on their way
    LOADED = "loaded"  # the destination holds and has recorded everything


@dataclass(frozen=True)
class Progress:
    phase: MoverPhase
    pass_number: int = 0
    percent: int = 0
    bytes_transmitted: int = 0  # what went through this mover
    bytes_remaining: int = 0
    bytes_total: int = 0
    rate_bytes_per_s: int = 0
    dirty_bytes_per_s: int = 0
    seconds_left: float | None = None  # None: can't be estimated
    suspended_at: float | None = None  # monotonic
    # Source only: what is allowed now, and what it makes of the passes so far.
    outlook: Outlook = Outlook.UNKNOWN
    fitting_bytes: int = 0  # what the allowed suspension carries
    bandwidth_limit_bytes_per_s: int = 0  # 0: none
    allowed_suspension_ms: int = 0
    slow_partition: bool = False  # before anything else where the rest does not shrink
    slowed_percent: int = 0  # as its hypervisor says now


class ProgressMeter:
    """Makes `Progress` values from counters."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._samples: deque[tuple[float, int]] = deque()
        self._percent = 0

    def measure(
        self, phase: MoverPhase, status: TransferStatus, transmitted: int, suspended_at: float | None = None
    ) -> Progress:
        rate = self._rate(transmitted)
        self._percent = max(self._percent, percent_of(phase, status))
        return Progress(
            phase=phase,
            pass_number=status.pass_number,
            percent=self._percent,
            bytes_transmitted=transmitted,
            bytes_remaining=status.bytes_remaining,
            bytes_total=status.bytes_total,
            rate_bytes_per_s=rate,
            dirty_bytes_per_s=status.dirty_bytes_per_s,
            slowed_percent=status.slowed_percent,
            seconds_left=seconds_left(phase, status, rate),
            suspended_at=suspended_at,
        )

    def _rate(self, transmitted: int) -> int:
        now = self._clock()
        self._samples.append((now, transmitted))
        while len(self._samples) > 2 and now - self._samples[1][0] >= RATE_WINDOW_S:
            self._samples.popleft()
        since, before = self._samples[0]
        return int((transmitted - before) / (now - since)) if now > since else 0


def percent_of(phase: MoverPhase, status: TransferStatus) -> int:
    """The share of memory that need not be sent again as things stand; 100 is kept for *loaded*."""
    if phase is MoverPhase.LOADED:
        return 100
    if not status.bytes_total or not status.pass_number:
        return 0
    return max(0, min(99, 100 * (status.bytes_total - status.bytes_remaining) // status.bytes_total))


def seconds_left(phase: MoverPhase, status: TransferStatus, rate: int) -> float | None:
    """While the partition runs, only what the link gains over its writes counts."""
    if phase is MoverPhase.LOADED:
        return 0.0
    gain = rate if phase is MoverPhase.SUSPENDED else rate - status.dirty_bytes_per_s
    return round(status.bytes_remaining / gain, 1) if gain > 0 and status.bytes_total else None
