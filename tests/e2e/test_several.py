"""Eight partitions at once between two real consoles, in both directions: a limit, a queue, and nothing left."""

import time

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


def test_several_move_at_once_in_both_directions_and_what_is_beyond_the_limit_waits(world, eight):
    world.limit_bandwidth(SLOW)
    there = migrate(world, "uli13", eight[:4])
    assert "Waiting in the queue, place " in world.visitor("uli13").get(f"/migrations/{there[-1]}/").text
    assert all_ended(world, there) == LIMIT
    world.limit_bandwidth(0)
    moves = there + migrate(world, "uli14", eight[:4]) + migrate(world, "uli13", eight[4:])
    assert all_ended(world, moves) <= LIMIT
    for move in moves:
        assert world.states(move) == ("closed, moved", "closed, moved"), world.why(move)
    for name in eight[:4]:
        world.check_clean(name, where="uli13")
    for name in eight[4:]:
        world.check_clean(name, where="uli14")
