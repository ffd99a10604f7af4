import logging

import pytest

from ivmweb.common.repeats import Repeats

logger = logging.getLogger("tests.repeats")


@pytest.fixture
def clock():
    return [1000.0]


@pytest.fixture
def repeats(clock):
    made = Repeats(logger, every_s=60, most=3, clock=lambda: clock[0])
    yield made
    if made._timer is not None:
        made._timer.cancel()


def tell(repeats, who="10.0.0.1", what="no token", times=1):
    for _ in range(times):
        repeats.tell(logging.WARNING, who, what, f"{what} for /x")


def test_a_thousand_of_one_address_and_reason_are_a_line_and_a_count(repeats, clock, caplog):
    tell(repeats, times=1000)
    assert caplog.messages == ["10.0.0.1: no token for /x"]
    clock[0] += 60
    repeats.flush()
    assert caplog.messages[1:] == ["10.0.0.1: 999 more within 60 s: no token"]


def test_another_address_and_another_reason_have_lines_of_their_own(repeats, caplog):
    tell(repeats)
    tell(repeats, who="10.0.0.2")
    tell(repeats, what="wrong password")
    assert len(caplog.messages) == 3


def test_the_next_minute_begins_with_the_count_of_the_last_and_a_line(repeats, clock, caplog):
    tell(repeats, times=3)
    clock[0] += 61
    tell(repeats)
    assert caplog.messages[1:] == ["10.0.0.1: 2 more within 60 s: no token", "10.0.0.1: no token for /x"]


def test_what_came_once_is_told_once(repeats, clock, caplog):
    tell(repeats)
    clock[0] += 61
    repeats.flush()
    assert len(caplog.messages) == 1


def test_a_crowd_of_addresses_is_bounded(repeats, clock, caplog):
    for number in range(100):
        tell(repeats, who=f"10.0.0.{number}")
    assert len(caplog.messages) == 4
    clock[0] += 61
    repeats.flush()
    assert caplog.messages[-1] == "others: 96 more within 60 s: others"


def test_the_count_is_told_although_nobody_comes_any_more(caplog):
    hasty = Repeats(logger, every_s=0.05)
    tell(hasty, times=5)
    hasty._timer.join(5)
    hasty.flush()
    assert caplog.messages[-1].startswith("10.0.0.1: 4 more within")
