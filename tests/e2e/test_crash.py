"""What dies in the middle of a move: a row names it, and how both sides must end. One copy at every moment."""

import signal
import time

import pytest

from tests.e2e.conftest import SLOW
from tests.e2e.world import wait_for

pytestmark = pytest.mark.e2e

KEPT = ("closed, kept", "declined")
MOVED = ("closed, moved", "closed, moved")
KILLED_HALF_WAY = {
    "uli13/mover-out": KEPT,
    "uli14/mover-in": KEPT,
    "uli13/control": MOVED,
    "uli14/control": MOVED,
    "uli13/beat": MOVED,
    "uli13/valkey": MOVED,
    "uli14/valkey": MOVED,
    "uli14/hypervisor": KEPT,
}


def begin(world, percent=40):
    world.limit_bandwidth(SLOW)
    migration = world.visitor("uli13").migrate(2, "uli14")
    wait_for(f"{percent} percent", lambda: world.reached(migration, percent), 20)
    return migration


@pytest.mark.parametrize("process", KILLED_HALF_WAY)
def test_a_process_killed_half_way_leaves_one_copy_and_matching_ends(world, process):
    with world.watched("uli13lp1"):
        migration = begin(world)
        world.lab.kill(process)
        assert world.wait_ended(migration) == KILLED_HALF_WAY[process]
        if KILLED_HALF_WAY[process] == KEPT:
            assert all(world.migration(console, migration)["code"] for console in ("uli13", "uli14"))
        where = "uli14" if KILLED_HALF_WAY[process] == MOVED else "uli13"
        wait_for("the partition to run", lambda: world.running_on("uli13lp1") == [where], 10)
        wait_for("its hold to be released", lambda: world.partition(where, "uli13lp1")["hold"] == "", 10)
    world.check_clean("uli13lp1", where)


@pytest.mark.parametrize("console", ["uli13", "uli14"])
def test_a_web_process_killed_half_way_comes_back_and_the_move_ends(world, console):
    with world.watched("uli13lp1"):
        migration = begin(world)
        world.lab.kill(f"{console}/web")
        states = world.wait_ended(migration)
    assert states in {MOVED, KEPT}
    where = "uli14" if states == MOVED else "uli13"
    wait_for("its hold to be released", lambda: world.partition(where, "uli13lp1")["hold"] == "", 10)
    world.check_clean("uli13lp1", where)


def test_stop_half_way_rolls_back_within_seconds_and_the_partition_never_stops(world):
    world.hypervisor("uli13").reset_heartbeat_gap(2)
    with world.watched("uli13lp1") as watch:
        migration = begin(world)
        world.visitor("uli13").stop(migration)
        assert world.wait_ended(migration, timeout_s=5) == KEPT
    assert watch.seen == {("uli13",)}
    assert world.facts("uli13", "uli13lp1").longest_gap_ms < 1000
    world.check_clean("uli13lp1", "uli13")
    assert world.partition("uli13", "uli13lp1")["state"] == "Running"


def test_the_source_hypervisor_killed_half_way_leaves_the_partition_off_at_home(world):
    migration = begin(world)
    world.lab.kill("uli13/hypervisor")
    assert world.wait_ended(migration) == KEPT
    wait_for("the hypervisor", lambda: world.facts("uli13", "uli13lp1"), 10)
    world.check_clean("uli13lp1", "uli13")
    assert world.partition("uli13", "uli13lp1")["state"] == "Not Activated"
    assert world.migration("uli13", migration)["message_key"] == "partition-went-down"


def freeze(world, process):
    """Not in the middle of a transaction: SQLite's write lock would be frozen with it, for everybody."""
    while True:
        world.lab.kill(process, signal.SIGSTOP)
        if world.can_write(process.partition("/")[0]):
            return
        world.lab.kill(process, signal.SIGCONT)
        time.sleep(0.02)


def test_a_frozen_mover_that_wakes_up_after_its_lease_does_no_harm(world):
    with world.watched("uli13lp1"):
        migration = begin(world)
        freeze(world, "uli13/mover-out")
        try:
            assert world.wait_ended(migration, timeout_s=40) == KEPT
        finally:
            world.lab.kill("uli13/mover-out", signal.SIGCONT)
        wait_for("the partition to run", lambda: world.running_on("uli13lp1") == ["uli13"], 5)
    world.check_clean("uli13lp1", "uli13")


def suspended(world):
    """Begin a move whose last pages never arrive: the partition stands suspended on the source.

    After one pass, however slow the machine is, so that it is not the second that stands still.
    """
    world.allow_suspension(60_000)
    world.set_fault("uli13", stall_out_after_bytes=64 * 2**20 + 4096)
    migration = world.visitor("uli13").migrate(2, "uli14")
    wait_for("the suspension", lambda: world.facts("uli13", "uli13lp1").run_state == "suspended", 20)
    return migration


@pytest.mark.parametrize("process", ["uli13/mover-out", "uli14/mover-in", "uli14/hypervisor"])
def test_a_process_killed_while_the_partition_is_suspended_lets_it_run_on_at_home(world, process):
    with world.watched("uli13lp1"):
        migration = suspended(world)
        world.lab.kill(process)
        assert world.wait_ended(migration) == KEPT
        wait_for("the partition to run", lambda: world.running_on("uli13lp1") == ["uli13"], 10)
    world.check_clean("uli13lp1", "uli13")


def surrendered(world):
    """Begin a move whose destination console is frozen before it hears of the surrender."""
    migration = suspended(world)
    world.lab.kill("uli14/web", signal.SIGSTOP)
    world.set_fault("uli13")
    wait_for("the surrender", lambda: world.migration("uli13", migration)["state"] == "surrendered", 40)
    return migration


def test_a_surrendered_partition_waits_parked_until_the_destination_answers(world):
    with world.watched("uli13lp1"):
        migration = surrendered(world)
        world.lab.kill("uli13/mover-out")
        assert world.running_on("uli13lp1") == []
        world.lab.kill("uli14/web", signal.SIGCONT)
        assert world.wait_ended(migration) == MOVED
    world.check_clean("uli13lp1", "uli14")


def test_a_destination_hypervisor_that_dies_after_loaded_is_declined_and_taken_back(world):
    with world.watched("uli13lp1"):
        migration = surrendered(world)
        world.lab.kill("uli14/hypervisor")
        wait_for("the hypervisor to be back", lambda: world.answers("uli14"), 10)
        world.lab.kill("uli14/web", signal.SIGCONT)
        assert world.wait_ended(migration) == KEPT
        wait_for("the partition to run", lambda: world.running_on("uli13lp1") == ["uli13"], 10)
    world.check_clean("uli13lp1", "uli13")


def test_recover_says_that_the_destination_must_answer_and_changes_nothing(world):
    with world.watched("uli13lp1"):
        migration = surrendered(world)
        world.lab.kill("uli13/mover-out")
        page = world.visitor("uli13").recover(migration).text
        assert "uli14" in page
        assert world.migration("uli13", migration)["state"] == "surrendered"
        world.lab.kill("uli14/web", signal.SIGCONT)
        assert world.wait_ended(migration) == MOVED
    world.check_clean("uli13lp1", "uli14")
