"""The main job on two real consoles: validate, move, move back; nothing is lost and nothing is left."""

import json
from pathlib import Path

import pytest

from ivmweb.hypervisor.base import Definition
from ivmweb.hypervisor.vmc.codec import from_json
from migration import handover_record
from tests.e2e.world import wait_for

pytestmark = pytest.mark.e2e

MAPPED = {"vtscsi0": "hdisk2", "vtscsi1": "hdisk5", "vtscsi2": "hdisk6", "vtscsi3": "hdisk7", "vtscsi4": "hdisk8"}


def test_validate_succeeds_and_changes_nothing_on_either_side(world):
    before = [world.free(c) for c in ("uli13", "uli14")], world.mappings("uli13", "uli13lp1")
    page = world.visitor("uli13").validate(2, "uli14")
    assert "The operation completed successfully." in page
    assert ([world.free(c) for c in ("uli13", "uli14")], world.mappings("uli13", "uli13lp1")) == before
    assert world.partition("uli14", "uli13lp1") is None
    assert world.partition("uli13", "uli13lp1")["state"] == "Running"


def test_a_running_partition_moves_and_nothing_of_it_is_left_behind(world):
    uptime = world.facts("uli13", "uli13lp1").uptime_s
    beats = world.facts("uli13", "uli13lp1").heartbeat
    with world.watched("uli13lp1") as watch:
        migration = world.visitor("uli13").migrate(2, "uli14")
        assert world.wait_ended(migration) == ("closed, moved", "closed, moved")
    assert ("uli13",) in watch.seen
    assert ("uli14",) in watch.seen
    world.check_clean("uli13lp1", where="uli14")
    assert world.mappings("uli14", "uli13lp1") == MAPPED
    assert world.adapters("uli14", "uli13lp1") == {"vhost0": 11}
    facts = world.facts("uli14", "uli13lp1")
    assert facts.uptime_s > uptime
    assert facts.heartbeat > beats
    assert facts.reference_code == "Linux ppc64"
    task = world.migration("uli13", migration)["task_id"]
    lines = world.query("uli13", "select text from monitor_taskline where task_id = ? order by id", task)
    assert (lines[0]["text"], lines[-1]["text"]) == ("started by {user}", "the partition has moved")
    assert_equal_digests(world, migration)
    assert_both_signed(world, migration)
    rows = [world.migration(console, migration) for console in ("uli13", "uli14")]
    for figure in ("percent", "passes", "bytes_transmitted", "bytes_remaining"):
        assert rows[0][figure] == rows[1][figure], figure


def assert_both_signed(world, migration):
    """The same record on both pages, and it proves the move."""
    address = f"/migrations/{migration}/hand-over.json"
    pages = {console: world.visitor(console, "viewer") for console in ("uli13", "uli14")}
    wait_for("the record", lambda: all(page.get(address).status_code == 200 for page in pages.values()), 20)
    files = {page.get(address).content for page in pages.values()}
    assert len(files) == 1
    record = handover_record.read(files.pop())
    handover_record.check(record)
    assert record.source.statement.memory == record.destination.statement.memory
    assert record.source.statement.memory is not None


def assert_equal_digests(world, migration):
    rows = lambda: [world.migration(c, migration) for c in ("uli13", "uli14")]  # noqa: E731
    wait_for("both digests", lambda: all(row["local_digest"] and row["partner_digest"] for row in rows()), 20)
    for row in rows():
        assert row["local_digest"] == row["partner_digest"]


def test_records_on_the_lun_have_no_gap_after_moves_to_and_fro(world):
    for source, destination in (("uli13", "uli14"), ("uli14", "uli13")):
        migration = world.visitor(source).migrate(2, destination)
        assert world.wait_ended(migration) == ("closed, moved", "closed, moved")
        newest = len(world.records("uli13lp1"))
        wait_for("another record", lambda n=newest: len(world.records("uli13lp1")) > n, 10)
    numbers = world.records("uli13lp1")
    assert numbers == list(range(1, len(numbers) + 1))
    world.check_clean("uli13lp1", where="uli13")


@pytest.fixture
def another_name(world):
    """uli14 has the folder of the LUNs under another name, as its hypervisor would have found them."""
    rename = "update system_physicalvolume set path = replace(path, ?, ?)"
    san, link = str(world.lab.folder / "san"), world.lab.folder / "uli14-has-it-here"
    link.symlink_to(san)
    world.query("uli14", rename, f"{san}/", f"{link}/")
    yield str(link)
    world.query("uli14", rename, f"{link}/", f"{san}/")


def test_each_server_has_a_path_of_its_own_to_the_luns(world, another_name):
    for source, destination in (("uli13", "uli14"), ("uli14", "uli13")):
        migration = world.visitor(source).migrate(2, destination)
        assert world.wait_ended(migration) == ("closed, moved", "closed, moved"), world.why(migration)
        paths = {Path(lun.path).parent.name for lun in defined(world, destination)}
        assert paths == {"uli14-has-it-here" if destination == "uli14" else "san"}
        world.check_clean("uli13lp1", where=destination)


@pytest.fixture
def copies(world):
    """uli14 sees another folder, with a copy of each LUN."""
    give = "update system_physicalvolume set path = replace(path, ?, ?)"
    san, copied = world.lab.folder / "san", world.lab.folder / "copied-for-uli14"
    copied.mkdir()
    for lun in san.glob("lun*[0-9]"):
        copy_of(lun, copied / lun.name)
    world.query("uli14", give, f"{san}/", f"{copied}/")
    yield
    world.query("uli14", give, f"{copied}/", f"{san}/")


def copy_of(lun, path):
    """Sparse, with what stands at the end: the identity."""
    size = lun.stat().st_size
    with lun.open("rb") as original, path.open("wb") as copy:
        original.seek(size - 4096)
        copy.seek(size - 4096)
        copy.write(original.read())


def test_a_partition_does_not_move_to_copies_of_its_luns(world, copies):
    migration = world.visitor("uli13").migrate(2, "uli14")
    assert world.wait_ended(migration)[0] == "closed, kept"
    assert "copies with the same identity" in str(world.migration("uli13", migration)["message_params"])
    assert world.running_on("uli13lp1") == ["uli13"]
    assert world.partition("uli14", "uli13lp1") is None


def defined(world, console):
    """The LUNs of what that hypervisor has of uli13lp1."""
    kept = json.loads((world.lab.consoles[console].folder / "hypervisor" / "partitions.json").read_text())
    (definition,) = [from_json(Definition, one, "") for one in kept if one["name"] == "uli13lp1"]
    return definition.luns


def test_an_inactive_partition_moves_and_can_be_activated_there(world):
    migration = world.visitor("uli13").migrate(3, "uli14")
    assert world.wait_ended(migration) == ("closed, moved", "closed, moved")
    world.check_clean("uli13lp2", where="uli14")
    assert world.partition("uli14", "uli13lp2")["state"] == "Not Activated"
    assert sorted(world.mappings("uli14", "uli13lp2").values()) == [
        "hdisk1",
        "hdisk10",
        "hdisk11",
        "hdisk12",
        "hdisk9",
    ]
