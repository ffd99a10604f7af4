import time
from threading import Thread

import pytest

from migration.mover.limiter import BURST_S, Limiter


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_no_limit_never_waits():
    assert [Limiter(rate).delay_for(1 << 30) for rate in (None, 0)] == [0.0, 0.0]


def test_bytes_past_the_burst_are_delayed_at_the_rate():
    clock = Clock()
    limiter = Limiter(1_000_000, clock)
    assert limiter.delay_for(100_000) == pytest.approx(0.1)
    clock.now += 0.1
    assert limiter.delay_for(50_000) == pytest.approx(0.05)
    clock.now += 3600  # idle time is not saved up
    assert limiter.delay_for(150_000) == pytest.approx(0.15 - BURST_S)


def test_long_run_average_is_the_rate_whatever_the_chunks():
    clock = Clock()
    limiter = Limiter(1_000_000, clock)
    for count in [16_384, 50_000, 1, 30_000] * 50:
        clock.now += limiter.delay_for(count)
    assert abs((clock.now - 100.0) - 50 * 96_385 / 1e6) < 0.1


def test_chunks_fit_the_burst():
    assert Limiter().chunk(1 << 20) == 1 << 20
    assert Limiter(1_000_000).chunk(1 << 20) == 50_000
    assert Limiter(1000).chunk(1 << 20) == 16 * 1024


def test_a_raised_rate_wakes_the_one_who_waits():
    limiter = Limiter(1)
    waiting = Thread(target=limiter.take, args=(1_000_000,), daemon=True)
    started = time.monotonic()
    waiting.start()
    while waiting.is_alive() and time.monotonic() - started < 5:
        limiter.set_rate(None)
        limiter.set_rate(1)
        waiting.join(0.01)
    assert not waiting.is_alive()
