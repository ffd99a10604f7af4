"""A part that many pages fetch at once is made once, and never shown older than what was heard."""

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Event

import pytest

from ivmweb.pages import shared
from ivmweb.pages.shared import MOST, Shared


@pytest.fixture
def parts():
    return Shared()


@pytest.fixture
def make():
    numbers = count(1)
    return lambda: next(numbers)


def test_pages_that_come_together_see_the_same_and_it_is_made_once(parts):
    made, begun, may_end = [], Event(), Event()

    def make():
        begun.set()
        assert may_end.wait(10)
        made.append(1)
        return len(made)

    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(parts.get, "key", 7, make)
        assert begun.wait(10)
        others = [pool.submit(parts.get, "key", 7, make) for _page in range(7)]
        may_end.set()
        assert [page.result() for page in (first, *others)] == [1] * 8


def test_who_has_waited_longer_than_a_part_lives_does_not_make_it_once_more(parts, monkeypatch):
    """A hypervisor that hangs makes one look last: twenty pages must not look one after the other."""
    clock = iter([100.0, 100.0 + shared.LIFE_S / 2])
    monkeypatch.setattr(shared.time, "monotonic", lambda: next(clock))
    made = count(1)
    assert [parts.get("key", 7, lambda: next(made)) for _page in range(2)] == [1, 1]


def test_after_a_change_was_heard_it_is_made_anew(parts, make):
    assert [parts.get("key", heard, make) for heard in (1, 1, 2, 2)] == [1, 1, 2, 2]


def test_a_change_while_it_is_made_makes_it_old(parts, make):
    """Who began before the change looked up may keep what it had; whoever heard of the change may not see it."""
    heard = [1]

    def and_changed():
        heard[0] = 2
        return make()

    assert parts.get("key", heard[0], and_changed) == 1
    assert parts.get("key", heard[0], make) == 2


def test_nothing_is_shared_where_changes_may_be_missed(parts, make):
    assert [parts.get("key", None, make) for _page in range(2)] == [1, 2]


def test_it_ages_also_without_a_change(parts, make, monkeypatch):
    monkeypatch.setattr(shared, "LIFE_S", 0.0)
    assert [parts.get("key", 1, make) for _page in range(2)] == [1, 2]


def test_an_error_is_shared_with_nobody(parts, make):
    with pytest.raises(ZeroDivisionError):
        parts.get("key", 1, lambda: 1 / 0)
    assert parts.get("key", 1, make) == 1


def test_only_so_many_are_kept(parts, make):
    for key in range(2 * MOST):
        parts.get(key, 1, make)
    assert len(parts._places) == MOST
