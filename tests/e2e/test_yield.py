"""Both consoles have the partition, after an operator's claim that was not true; one of them yields."""

import signal

import pytest

from tests.e2e.test_crash import freeze
from tests.e2e.world import wait_for

pytestmark = pytest.mark.e2e

ACCEPTED = "destination write accepted after"
FROZEN = ("uli14/web", "uli14/mover-in", "uli14/control")


@pytest.fixture
def opposite(world):
    """uli14 has accepted and is frozen before it resumes; uli13 is ordered to restart from disk meanwhile."""
    points = world.lab.consoles["uli14"].folder / "fault-points"
    reached = points / f"{ACCEPTED}.reached"
    points.mkdir(exist_ok=True)
    reached.unlink(missing_ok=True)
    (points / ACCEPTED).write_text("freeze")
    try:
        freeze(world, "uli14/control")
        migration = world.visitor("uli13").migrate(2, "uli14")
        wait_for("the accept", reached.exists, 20)
        force(world, "uli13", migration, "restart from disk")
        wait_for("the restart", lambda: world.running_on("uli13lp1") == ["uli13"], 20)
    finally:
        for process in FROZEN:
            world.lab.kill(process, signal.SIGCONT)
    wait_for("uli14 to be heard", lambda: world.migration("uli13", migration)["partner_state"] == "accepted", 20)
    assert world.states(migration) == ("forced back", "accepted")
    return migration


def force(world, console, migration, act):
    fields = {"act": act, "name": "uli13lp1", "claim1": "on"}
    return world.visitor(console).post(f"/migrations/{migration}/force/", fields, page="/help/").text


def test_a_yield_on_one_console_ends_what_both_have_and_no_copy_runs_twice(world, opposite):
    with world.watched("uli13lp1") as watch:
        assert "Opposite decisions" in world.visitor("uli13").get(f"/migrations/{opposite}/recover/").text
        assert "VIOSE01049000-9241" in force(world, "uli13", opposite, "yield")  # uli14 holds an older image
        assert world.states(opposite) == ("forced back", "accepted")
        force(world, "uli14", opposite, "yield")
        assert world.wait_ended(opposite) == ("closed, kept", "yielded"), world.why(opposite)
    assert watch.seen == {("uli13",)}
    wait_for("the reservations", lambda: world.migration("uli14", opposite)["released"], 20)
    world.check_clean("uli13lp1", "uli13")
    assert world.partition("uli13", "uli13lp1")["state"] == "Running"


def test_a_source_that_yields_leaves_the_partition_off_on_the_destination(world, opposite):
    """The destination counts as forced: else what is down there went back by itself."""
    world.query("uli14", "update migration_migration set forced = ? where id = ?", True, opposite.hex)
    world.lab.kill("uli14/hypervisor")
    wait_for("the start", lambda: world.states(opposite) == ("forced back", "started"), 20)
    wait_for("uli13 to hear of it", lambda: world.migration("uli13", opposite)["partner_fact"] == "dead", 20)
    with world.watched("uli13lp1"):
        assert "VIOSI01049000-9230" in force(world, "uli13", opposite, "yield")
        assert world.wait_ended(opposite) == ("closed, moved", "closed, moved"), world.why(opposite)
    assert world.running_on("uli13lp1") == []
    world.check_clean("uli13lp1", "uli14")
    assert world.partition("uli14", "uli13lp1")["state"] == "Not Activated"
