"""QEMU processes are found by their hypervisor's record, and ended without a look at anybody else's."""

import signal
import sys

import pytest

from ivmweb.hypervisor.base import Definition
from ivmweb.hypervisor.qemu import process
from ivmweb.hypervisor.qemu.record import Run, RunFile
from tests.matrix import guests

WAITS = "import time; time.sleep(60)"


@pytest.fixture
def start(tmp_path):
    """A process with that word in its command line."""
    started = []

    def run(word="guest"):
        started.append(process.start([sys.executable, "-c", WAITS, word], tmp_path / "log"))
        return started[-1]

    yield run
    for one in started:
        process.kill(one)
        process.wait_for_end(one, 10)


def kept(folder, lpar_id, name, guest):
    definition = Definition(
        lpar_id=lpar_id, uuid="u", name=name, memory_mb=256, processing_units=0.1, virtual_processors=1, luns=()
    )
    RunFile(folder / "guests" / str(lpar_id)).write(Run(definition, guest))


def test_of_two_guests_the_one_with_that_name_is_found_until_it_has_died(start, tmp_path):
    mine = start()
    kept(tmp_path, 2, "uli13lp1", mine)
    kept(tmp_path, 3, "uli13lp2", start())
    assert guests.of_partition(tmp_path, "uli13lp1") == mine
    assert guests.of_partition(tmp_path, "uli14lp1") is None
    guests.tell(mine, signal.SIGKILL)
    assert guests.of_partition(tmp_path, "uli13lp1") is None


def test_where_nothing_was_started_there_is_no_guest(tmp_path):
    kept(tmp_path, 2, "uli13lp1", None)
    assert guests.of_partition(tmp_path, "uli13lp1") is None
    assert guests.of_partition(tmp_path / "nothing", "uli13lp1") is None
