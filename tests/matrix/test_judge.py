"""The judge sees what it is there for: each broken invariant, made by hand, is found."""

import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace
from uuid import UUID

import pytest

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor import lun
from ivmweb.hypervisor.base import PartitionFacts, RunState
from ivmweb.hypervisor.simulated.records import Record, RecordLog
from tests.matrix import judge
from tests.matrix.cells import FAULTS
from tests.matrix.judge import Logs, Records, Watch
from tools.console import SERVERS

MIGRATION = UUID(int=7)
FACTS = PartitionFacts(
    lpar_id=2,
    uuid=str(UUID(int=2)),
    name="uli13lp1",
    run_state=RunState.RUNNING,
    memory_mb=64,
    uptime_s=5000.0,
    utilized_units=0.1,
    reference_code="Linux ppc64",
    heartbeat=100,
)


class World:
    def __init__(self):
        self.on = {}

    def facts(self, console, name):
        return self.on.get(console)


@pytest.fixture
def stage(tmp_path):
    consoles = {server.name: SimpleNamespace(server=server) for server in SERVERS}
    for name in consoles:
        (tmp_path / name / "log").mkdir(parents=True)
    return SimpleNamespace(
        world=World(),
        lab=SimpleNamespace(consoles=consoles),
        folder=lambda console: tmp_path / console,
        source="uli13",
        destination="uli14",
    )


def watched(stage, moments):
    """What a watch finds when the hypervisors say these things, one after the other."""
    watch = Watch(stage)
    for on in moments:
        stage.world.on = on
        for console in ("uli13", "uli14"):
            watch._look(console)
    return watch.found


def test_two_running_copies_are_seen(stage):
    stage.world.on = {"uli13": FACTS, "uli14": FACTS}
    with Watch(stage) as watch:
        deadline = time.monotonic() + 10
        while not watch.found and time.monotonic() < deadline:
            time.sleep(0.01)
    assert watch.found == {"I1: it ran on both systems at once"}


def test_an_image_that_is_older_than_what_ran_is_seen(stage):
    older = replace(FACTS, heartbeat=90)
    found = watched(stage, [{"uli14": FACTS}, {"uli13": older}])
    assert found == {"I1b: an image with heartbeat 90 ran after 100"}


def test_a_move_and_a_boot_are_no_older_image(stage):
    assert watched(stage, [{"uli13": FACTS}, {"uli14": replace(FACTS, heartbeat=120)}]) == set()
    assert watched(stage, [{"uli13": FACTS}, {"uli13": replace(FACTS, heartbeat=1, uptime_s=0.1)}]) == set()


def row(stage, console, percent, sent):
    with closing(sqlite3.connect(stage.folder(console) / "console.sqlite3")) as connection, connection:
        columns = "(id text primary key, percent int, bytes_transmitted int)"
        connection.execute(f"create table if not exists migration_migration {columns}")
        values = (MIGRATION.hex, percent, sent)
        connection.execute("insert or replace into migration_migration values (?, ?, ?)", values)


def test_counters_that_run_backwards_are_seen(stage):
    watch = Watch(stage, migration=MIGRATION)
    for percent, sent in ((50, 10), (60, 20), (59, 20)):
        row(stage, "uli13", percent, sent)
        watch._look_at_counters("uli13")
    assert watch.found == {"I7: percent on uli13 went from 60 back to 59"}


def test_a_watch_that_breaks_off_is_said(stage):
    stage.world.facts = None
    with Watch(stage) as watch:
        watch._threads[0].join(10)
    assert len(watch.found) == 1
    assert "not watched to the end" in watch.found.pop()


@pytest.mark.parametrize(
    "error",
    [
        HypervisorError("owner-word-refused", name="uli13lp1", unique_id="L0", owner="uli14", system="uli13"),
        HypervisorError("owner-word-mismatch", unique_id="L0", found="uli14", expected="uli13"),
    ],
)
def test_a_command_refused_by_the_owner_word_is_seen_and_what_was_logged_before_is_not(stage, error):
    log = stage.folder("uli14") / "log" / "hypervisor.log"
    log.write_text(f"refused: {error}\n")
    logs = Logs(stage)
    assert logs.refused_by_word() == set()
    with log.open("a") as lines:
        lines.write(f"refused: {error}\n")
    assert logs.refused_by_word() == {f"I8: refused by the owner word: {error}"}


@pytest.fixture
def disk(stage, tmp_path):
    path = tmp_path / "lun0"
    lun.create_lun(path, "L0", 2**20)
    stage.world.query = lambda *_: [{"path": str(path)}]
    return path


def written_by(path, *systems):
    with closing(RecordLog(path)) as log:
        for system in systems:
            assert log.append(Record(log.last_number() + 1, FACTS.uuid, system, 1, 0.0))


def test_a_lun_written_in_turn_is_seen(stage, disk):
    here, there = (server.system for server in SERVERS)
    written_by(disk, there)  # before this cell
    records = Records(stage)
    written_by(disk, here, here, there)
    assert records.faults() == set()
    written_by(disk, here)
    assert records.faults() == {"I8: the LUN was written by uli13, uli14, uli13 in turn"}


def test_a_move_back_is_written_in_the_other_order_and_goes_on_after_the_last_record_that_was_read(stage, disk):
    here, there = (server.system for server in SERVERS)
    written_by(disk, here)
    first = Records(stage)
    written_by(disk, here, there)
    assert first.faults() == set()
    written_by(disk, there, here)
    stage.source, stage.destination = "uli14", "uli13"
    assert Records(stage, first.last).faults() == set()
    assert Records(stage, 0).faults() == {"I8: the LUN was written by uli13, uli14, uli13 in turn"}


def test_a_newest_record_of_the_other_system_is_not_of_the_source(stage, disk):
    here, there = (server.system for server in SERVERS)
    assert not Records(stage).are_of_source()
    written_by(disk, here)
    assert Records(stage).are_of_source()
    written_by(disk, here, there)
    assert not Records(stage).are_of_source()


def test_pages_that_the_guest_found_changed_are_counted_wherever_it_is(stage):
    stage.world.on = {"uli14": replace(FACTS, page_errors=0)}
    assert judge.page_faults(stage) == []
    stage.world.on = {"uli14": replace(FACTS, page_errors=3)}
    assert judge.page_faults(stage) == ["I3: 3 pages of its memory were not as it had left them"]
    stage.world.on = {"uli13": FACTS}  # it counts none
    assert judge.page_faults(stage) == []


def test_a_partition_may_be_off_only_where_its_hypervisor_died():
    off = {fault.name: fault.may_be_off_on for fault in FAULTS if fault.may_be_off_on}
    assert off == {
        "kill source hypervisor": {"uli13"},
        "kill destination hypervisor": {"uli14"},
        "power loss of source": {"uli13"},
        "power loss of destination": {"uli14"},
        "partition shut down from inside": {"uli13", "uli14"},
    }


def test_only_matching_final_states_end_a_cell():
    assert ("closed, kept", "closed, moved") not in judge.KEPT | judge.MOVED
    assert ("closed, moved", "declined") not in judge.KEPT | judge.MOVED
