"""A console whose database is put back from a backup: nothing comes to life by it, and it finds its way back."""

import shutil
import sqlite3
from contextlib import closing

import pytest

from tests.e2e.conftest import SLOW, quick_lab
from tests.e2e.world import RUNS, World, wait_for

pytestmark = pytest.mark.e2e
SOURCE = "uli13"


@pytest.fixture
def at_home():
    """These tests have a lab of their own, since its consoles stop."""


@pytest.fixture
def world(tmp_path):
    with quick_lab(tmp_path / "lab", more_ports=40) as running:
        yield World(running)


def database(world, console=SOURCE):
    return world.lab.consoles[console].folder / "console.sqlite3"


def back_up(world, console=SOURCE):
    copy = database(world, console).with_suffix(".backup")
    with closing(sqlite3.connect(database(world, console))) as live, closing(sqlite3.connect(copy)) as into:
        live.backup(into)
    return copy


def restore(world, copy, console=SOURCE):
    """With both consoles stopped. Their hypervisors stop as well, as in a power failure."""
    world.lab.stop()
    live = database(world, console)
    for leftover in ("-wal", "-shm"):
        live.with_name(live.name + leftover).unlink(missing_ok=True)
    shutil.copy(copy, live)
    world.visitors.clear()
    world.lab.start()


def system(world, console=SOURCE):
    return world.query(console, "select held_back, restored_at, incarnation from system_managedsystem")[0]


def runs_here(world, console=SOURCE):
    facts = world.facts(console, "uli13lp1")
    return facts is not None and facts.run_state in RUNS


def wait_asked(world, console=SOURCE):
    def is_asked():
        here = system(world, console)
        return here["restored_at"] and not here["held_back"]

    wait_for("the partner to be asked", is_asked)


def activate(world, console):
    lpar_id = world.partition(console, "uli13lp1")["lpar_id"]
    world.visitor(console).post(
        "/partitions/activate/",
        {"partition": str(lpar_id)},
        page=f"/partitions/activate/?partition={lpar_id}",
    )
    wait_for("the partition to run", lambda: world.partition(console, "uli13lp1")["state"] == "Running")


def test_a_backup_of_before_a_move_does_not_bring_the_partition_back(world):
    old = system(world)["incarnation"]
    copy = back_up(world)
    migration = world.visitor(SOURCE).migrate(2, "uli14")
    assert world.wait_ended(migration) == ("closed, moved", "closed, moved"), world.why(migration)
    restore(world, copy)
    wait_asked(world)
    assert system(world)["incarnation"] != old
    assert world.partition(SOURCE, "uli13lp1")["hold"] == "moved to uli14"
    assert world.facts(SOURCE, "uli13lp1") is None or not runs_here(world)
    page = world.visitor(SOURCE).get("/restored-database/").text
    assert "is there; it does not come back to life here" in page
    shown = world.visitor(SOURCE).get("/").text
    assert "Moved to uli14" in shown
    assert "something is still to be settled" in shown
    world.visitor(SOURCE).post(
        "/partitions/activate/", {"partition": "2"}, page="/partitions/activate/?partition=2"
    )  # fmt: skip
    assert not runs_here(world)
    activate(world, "uli14")
    assert not runs_here(world)


def test_a_backup_of_the_middle_of_a_move_is_settled_by_the_destination(world):
    world.limit_bandwidth(SLOW // 2)
    migration = world.visitor(SOURCE).migrate(2, "uli14")
    wait_for("half of the memory", lambda: world.reached(migration, 50), 30)
    copy = back_up(world)
    assert world.wait_ended(migration) == ("closed, moved", "closed, moved"), world.why(migration)
    restore(world, copy)
    assert world.wait_ended(migration, 60) == ("closed, moved", "closed, moved"), world.why(migration)
    states = [
        row["to_state"]
        for row in world.query(
            SOURCE,
            "select to_state from migration_migrationevent where migration_id = ? and to_state != '' order by id",
            migration.hex,
        )
    ]
    assert states == ["transferring", "in doubt", "completing", "closed, moved"]
    wait_for("the partner to be asked", lambda: not system(world)["held_back"])
    world.check_clean("uli13lp1", "uli14")


def test_a_destination_restored_to_before_the_move_has_the_partition_again(world):
    """Its source has given everything away."""
    copy = back_up(world, "uli14")
    migration = world.visitor(SOURCE).migrate(2, "uli14")
    assert world.wait_ended(migration) == ("closed, moved", "closed, moved"), world.why(migration)
    restore(world, copy, "uli14")
    wait_asked(world, "uli14")
    assert world.partition("uli14", "uli13lp1")["hold"] == ""
    assert world.partition(SOURCE, "uli13lp1") is None
    activate(world, "uli14")
    assert not runs_here(world)
    world.check_clean("uli13lp1", "uli14")


def test_a_backup_of_the_middle_of_a_move_does_not_give_away_what_came_back(world):
    """The migration that brought it back is in no record of the restored database."""
    world.limit_bandwidth(SLOW // 2)
    there = world.visitor(SOURCE).migrate(2, "uli14")
    wait_for("half of the memory", lambda: world.reached(there, 50), 30)
    copy = back_up(world)
    assert world.wait_ended(there) == ("closed, moved", "closed, moved"), world.why(there)
    back = world.visitor("uli14").migrate(world.partition("uli14", "uli13lp1")["lpar_id"], SOURCE)
    wait_for("the way back", lambda: not world.partition("uli14", "uli13lp1"), 60)
    restore(world, copy)
    wait_asked(world)
    wait_for("both to be over", lambda: world.wait_ended(there) and world.wait_ended(back))
    assert world.partition(SOURCE, "uli13lp1")["hold"] == ""
    activate(world, SOURCE)
    assert not runs_here(world, "uli14")
    world.check_clean("uli13lp1", SOURCE)
