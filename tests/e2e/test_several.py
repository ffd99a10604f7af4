"""Eight partitions at once between two real consoles, in both directions: a limit, a queue, and nothing left."""

import time
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from threading import Event, Thread

import pytest

from tests.e2e.world import CONSOLES, ENDED, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]  # eight partitions on a busy machine

NAMES = [f"many{number}" for number in range(1, 9)]
LIMIT = 2
SLOW = 25_000_000  # bytes per second: 128 MB take more than five seconds


@pytest.fixture
def eight(world):
    say(world, "uli13", "lab-scenario", "many")
    support(world, LIMIT)
    for name in NAMES:
        wait_for(f"{name} to run", lambda n=name: world.partition("uli13", n)["state"] == "Running", 20)
        wait_for(f"{name} to be free", lambda n=name: world.partition("uli13", n)["hold"] == "", 20)
    yield NAMES
    support(world, 4)
    for console in CONSOLES:
        say(world, console, "lab-scenario", "many", "--undo")


def say(world, console, *command):
    done = world.lab.manage(console, *command)
    assert done.returncode == 0, done.stderr


def support(world, number):
    for console in CONSOLES:
        world.query(console, "update system_managedsystem set active_migrations_supported = ?", number)


def migrate(world, console, names):
    other = next(c for c in CONSOLES if c != console)
    return [world.visitor(console).migrate(world.partition(console, n)["lpar_id"], other) for n in names]


def in_progress(world, console):
    sql = "select queued from migration_migration where state not in (?, ?, ?, ?)"
    return sum(not row["queued"] for row in world.query(console, sql, *sorted(ENDED)))


def all_ended(world, moves):
    """Looks at both consoles until everything is over; the most that was seen at once."""
    most, deadline = 0, time.monotonic() + 90
    while not all(world.has_ended(move) for move in moves):
        assert time.monotonic() < deadline, [world.why(move) for move in moves if not world.has_ended(move)]
        most = max(most, *(in_progress(world, console) for console in CONSOLES))
        time.sleep(0.05)
    return most


@contextmanager
def each_suspension_lasts(world):
    """Half a second longer, so that two at once would be seen."""
    ended = Event()
    points = [world.lab.consoles[console].folder / "fault-points" for console in CONSOLES]

    def keep_armed():
        while not ended.wait(0.02):
            for folder in points:
                folder.mkdir(exist_ok=True)
                new = folder / "new.tmp"  # appears whole, so that nobody finds it without its action
                new.write_text("delay 0.5")
                new.rename(folder / "mover-out suspended")

    arming = Thread(target=keep_armed)
    arming.start()
    try:
        yield
    finally:
        ended.set()
        arming.join()
        for folder in points:
            for left in folder.glob("mover-out suspended*"):
                left.unlink(missing_ok=True)


def suspension(world, move):
    """When it was suspended, and when the other console recorded that it runs."""
    source, destination = CONSOLES if world.migration("uli13", move)["role"] == "source" else CONSOLES[::-1]
    sql = "select time from migration_migrationevent where migration_id = ? and to_state = 'started'"
    (started,) = world.query(destination, sql, move.hex)
    return moment(world.migration(source, move)["suspended_at"]), moment(started["time"])


def moment(value):
    """In UTC, whatever the database gives."""
    read = datetime.fromisoformat(value) if isinstance(value, str) else value
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def assert_no_two_overlap(intervals):
    """Whatever the directions: the link is one."""
    assert len(intervals) == 8
    assert all((end - begin).total_seconds() >= 0.5 for begin, end in intervals), intervals
    in_order = sorted(intervals)
    for (_begin, end), (begin, _end) in pairwise(in_order):
        assert end <= begin, in_order


def test_several_move_at_once_in_both_directions_and_what_is_beyond_the_limit_waits(world, eight):
    world.limit_bandwidth(SLOW)
    there = migrate(world, "uli13", eight[:4])
    assert "Waiting in the queue, place " in world.visitor("uli13").get(f"/migrations/{there[-1]}/").text
    assert all_ended(world, there) == LIMIT
    with each_suspension_lasts(world):
        crossing = migrate(world, "uli14", eight[:4])  # uli13 knows only those that have left the queue
        wait_for("several on their way back", lambda: in_progress(world, "uli13") == LIMIT, 20)
        world.limit_bandwidth(0)
        crossing += migrate(world, "uli13", eight[4:])
        moves = there + crossing
        assert all_ended(world, moves) <= LIMIT
    assert_no_two_overlap([suspension(world, move) for move in crossing])
    for move in moves:
        assert world.states(move) == ("closed, moved", "closed, moved"), world.why(move)
    for name in eight[:4]:
        world.check_clean(name, where="uli13")
    for name in eight[4:]:
        world.check_clean(name, where="uli14")
