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


def database(world):
    return world.lab.consoles[SOURCE].folder / "console.sqlite3"


def back_up(world):
    copy = database(world).with_suffix(".backup")
    with closing(sqlite3.connect(database(world))) as live, closing(sqlite3.connect(copy)) as into:
        live.backup(into)
    return copy


def restore(world, copy):
    """With both consoles stopped. Their hypervisors stop as well, as in a power failure."""
    world.lab.stop()
    for leftover in ("-wal", "-shm"):
        database(world).with_name(database(world).name + leftover).unlink(missing_ok=True)
    shutil.copy(copy, database(world))
    world.visitors.clear()
    world.lab.start()


def system(world):
    return world.query(SOURCE, "select held_back, restored_at, incarnation from system_managedsystem")[0]


def runs_here(world):
    facts = world.facts(SOURCE, "uli13lp1")
    return facts is not None and facts.run_state in RUNS


def test_a_backup_of_before_a_move_does_not_bring_the_partition_back(world):
    old = system(world)["incarnation"]
    copy = back_up(world)
    migration = world.visitor(SOURCE).migrate(2, "uli14")
    assert world.wait_ended(migration) == ("closed, moved", "closed, moved"), world.why(migration)
    restore(world, copy)
    wait_for("the partner to be asked", lambda: system(world)["restored_at"] and not system(world)["held_back"])
    assert system(world)["incarnation"] != old
    assert world.partition(SOURCE, "uli13lp1")["hold"] == "moved to uli14"
    assert world.facts(SOURCE, "uli13lp1") is None or not runs_here(world)
    page = world.visitor(SOURCE).get("/restored-database/").text
    assert "is there; it does not come back to life here" in page
    shown = world.visitor(SOURCE).get("/").text
    assert "Moved to uli14" in shown
    assert "there is something to settle" in shown
    world.visitor(SOURCE).post(
        "/partitions/activate/", {"partition": "2"}, page="/partitions/activate/?partition=2"
    )  # fmt: skip
    assert not runs_here(world)
    lpar_id = world.partition("uli14", "uli13lp1")["lpar_id"]
    world.visitor("uli14").post(
        "/partitions/activate/",
        {"partition": str(lpar_id)},
        page=f"/partitions/activate/?partition={lpar_id}",
    )
    wait_for("the partition to run at its place", lambda: world.partition("uli14", "uli13lp1")["state"] == "Running")
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
