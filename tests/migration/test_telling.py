"""How far a transfer is, as the source's mover tells it to the destination's console."""

import threading
import time

import pytest

from ivmweb.common.errors import PeerError
from migration import telling
from migration.mover.progress import MoverPhase, Progress

MB = 2**20


class Console:
    """The destination's: keeps what it is told. `answers` holds it back, `is_silent` refuses."""

    def __init__(self):
        self.told, self.is_silent = [], False
        self.asked, self.answers = threading.Event(), threading.Event()
        self.answers.set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def tell_progress(self, secret, progress):
        self.asked.set()
        assert self.answers.wait(5)
        self.told.append((secret, progress))
        if self.is_silent:
            raise PeerError("peer-timeout", permanent=False, remote="uli14", address="127.0.0.1:1", timeout_s="3")


@pytest.fixture
def console(monkeypatch):
    console = Console()
    monkeypatch.setattr(telling, "PeerClient", lambda remote, **_: console)
    monkeypatch.setattr(telling, "unseal", lambda secret: b"key")
    monkeypatch.setattr(telling, "TELL_EVERY_S", 0.02)
    monkeypatch.setattr(telling, "AFTER_SILENCE_S", 0.02)
    return console


class Moving:
    pk, remote, secret = "6f0d4a3e-0000-4000-8000-000000000001", "uli14", b""


@pytest.fixture
def teller(console):
    with telling.Teller(Moving()) as teller:
        yield teller
    teller.thread.join(5)
    assert not teller.thread.is_alive()


def at(percent, phase=MoverPhase.TRANSFERRING, **fields):
    return Progress(phase, 2, percent, bytes_remaining=64 * MB, bytes_total=1024 * MB, **fields)


def until(condition):
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_the_destination_is_told_the_figures_of_the_source(teller, console):
    teller.tell(at(93, dirty_bytes_per_s=9 * MB, seconds_left=3.5))
    until(lambda: console.told)
    secret, progress = console.told[0]
    assert secret == b"key"
    assert (progress.percent, progress.passes, progress.bytes_remaining) == (93, 2, 64 * MB)
    assert (progress.dirty_bytes_per_s, progress.seconds_left) == (9 * MB, 3.5)


def test_the_mover_does_not_wait_and_a_slow_console_is_told_the_latest_only(teller, console):
    console.answers.clear()
    teller.tell(at(10))
    assert console.asked.wait(5)
    teller.tell(at(20))
    teller.tell(at(30))
    console.answers.set()
    until(lambda: len(console.told) == 2)
    assert [progress.percent for _, progress in console.told] == [10, 30]


def test_nothing_is_told_while_the_partition_is_suspended(teller, console):
    teller.tell(at(98, MoverPhase.SUSPENDED))
    time.sleep(0.05)
    assert console.told == []


def test_a_console_that_does_not_answer_is_told_again_later(teller, console):
    console.is_silent = True
    teller.tell(at(10))
    until(lambda: console.told)
    console.is_silent = False
    teller.tell(at(20))
    until(lambda: len(console.told) == 2)


def test_an_estimate_without_an_end_is_none(teller, console):
    teller.tell(at(10, seconds_left=1.4e11))
    until(lambda: console.told)
    assert console.told[0][1].seconds_left is None
