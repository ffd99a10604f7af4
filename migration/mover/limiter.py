"""A token bucket in bytes per second whose rate may change while it is used."""

import time
from collections.abc import Callable
from threading import Event

BURST_S = 0.05  # what may go out at once, as time at the full rate
MIN_CHUNK_BYTES = 16 * 1024


class Limiter:
    """One thread takes, another one may set the rate; None or 0 means no limit."""

    def __init__(self, rate: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate or None
        self._clock = clock
        self._allowance = 0.0
        self._asked_at = clock()
        self._changed = Event()

    def set_rate(self, rate: int | None) -> None:
        """Takes effect at once, also for a taker who waits under the old rate."""
        if (rate or None) != self._rate:
            self._rate = rate or None
            self._changed.set()

    def chunk(self, most: int) -> int:
        """How many bytes to take at a time, so that one step is not a burst."""
        rate = self._rate
        return most if rate is None else min(most, max(MIN_CHUNK_BYTES, int(rate * BURST_S)))

    def delay_for(self, count: int) -> float:
        """Book `count` bytes; the seconds to wait before they may go out."""
        rate, now = self._rate, self._clock()
        elapsed, self._asked_at = now - self._asked_at, now
        if rate is None:
            self._allowance = 0.0
            return 0.0
        self._allowance = min(self._allowance + elapsed * rate, rate * BURST_S) - count
        return max(0.0, -self._allowance / rate)

    def take(self, count: int) -> None:
        """Return when `count` bytes may go out."""
        self._changed.clear()
        delay = self.delay_for(count)
        if delay > 0 and self._changed.wait(delay):
            self._allowance = 0.0  # a debt under the old rate is forgiven
