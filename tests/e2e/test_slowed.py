"""A partition that writes faster than the link carries is slowed down for its move, and never longer."""

import signal

import pytest

from ivmweb.hypervisor.base import Fence
from tests.e2e.test_crash import KEPT, MOVED, freeze
from tests.e2e.world import CONSOLES, wait_for

pytestmark = pytest.mark.e2e

LINK, WRITES = 60_000_000, 180_000_000  # bytes per second


@pytest.fixture(autouse=True)
def slowed_where_it_does_not_converge(world, at_home):
    world.slow_partition()
    write(world, "uli13", WRITES)
    yield
    world.slow_partition(slow=False)
    for console in CONSOLES:
        if world.facts(console, "uli13lp1"):
            write(world, console, 2 * 2**20)


def write(world, console, bytes_per_s):
    epoch = world.query(console, "select epoch from system_managedsystem")[0]["epoch"]
    lpar_id = world.facts(console, "uli13lp1").lpar_id
    world.hypervisor(console).set_workload(lpar_id, bytes_per_s, Fence(epoch))


def begin(world):
    world.limit_bandwidth(LINK)
    migration = world.visitor("uli13").migrate(2, "uli14")
    wait_for("it to be slowed down", lambda: world.facts("uli13", "uli13lp1").slowed_percent, 40)
    return migration


def test_it_moves_once_it_writes_slowly_enough_and_runs_at_its_own_speed_there(world):
    with world.watched("uli13lp1"):
        migration = begin(world)
        assert world.wait_ended(migration, timeout_s=60) == MOVED
        wait_for("it to run there", lambda: world.running_on("uli13lp1") == ["uli14"], 10)
    assert world.facts("uli14", "uli13lp1").slowed_percent == 0
    record = world.migration("uli13", migration)
    assert record["slow_partition"]
    assert record["slowed_percent"] >= 60
    page = world.visitor("uli13").get(f"/migrations/{migration}/").text
    assert f"By up to {record['slowed_percent']} percent, while its memory was sent" in page
    world.check_clean("uli13lp1", "uli14")


def test_a_killed_mover_leaves_it_at_its_own_speed_at_once(world):
    migration = begin(world)
    world.lab.kill("uli13/mover-out")
    wait_for("its own speed", lambda: world.facts("uli13", "uli13lp1").slowed_percent == 0, 2)
    assert world.wait_ended(migration) == KEPT
    world.check_clean("uli13lp1", "uli13")


def test_a_frozen_mover_leaves_it_at_its_own_speed_when_its_lease_is_over(world):
    migration = begin(world)
    freeze(world, "uli13/mover-out")
    try:
        assert world.wait_ended(migration, timeout_s=40) == KEPT
        assert world.facts("uli13", "uli13lp1").slowed_percent == 0
    finally:
        world.lab.kill("uli13/mover-out", signal.SIGCONT)
    world.check_clean("uli13lp1", "uli13")


def test_stop_ends_it_too(world):
    migration = begin(world)
    world.visitor("uli13").stop(migration)
    assert world.wait_ended(migration, timeout_s=10) == KEPT
    assert world.facts("uli13", "uli13lp1").slowed_percent == 0
    world.check_clean("uli13lp1", "uli13")
