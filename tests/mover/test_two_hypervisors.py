"""Both movers between two simulated hypervisors with real pages: the whole data path."""

import shutil
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from ivmweb.hypervisor import lun
from ivmweb.hypervisor.base import Definition, Fence, LunReference, Phase, RunState
from ivmweb.hypervisor.simulated.client import SimulatedHypervisor
from ivmweb.hypervisor.simulated.machine import SimulatedMachine, SimulatedOptions
from ivmweb.hypervisor.vmc.server import Server
from migration.mover import receiver, sender
from migration.mover.convergence import Limits
from migration.mover.errors import Stopped
from migration.mover.link import MoverAddress
from migration.mover.listener import Listener, PortRange
from migration.mover.progress import MoverPhase

pytestmark = pytest.mark.timeout(60)
MB = 1 << 20
KEY = bytes(range(32))


@contextmanager
def serving(folder, system):
    options = SimulatedOptions(system=system, state_dir=folder / "state", memory_mb=512, boot_step_s=0)
    server = Server(SimulatedMachine(options), folder / "vmc")
    server.start()
    try:
        yield SimulatedHypervisor(folder / "vmc")
    finally:
        server.stop()


@pytest.fixture
def folder():
    path = Path(tempfile.mkdtemp(prefix="ivm-mv-"))  # short: Unix socket paths end at 107 bytes
    yield path
    shutil.rmtree(path)


@pytest.fixture
def uli13(folder):
    with serving(folder / "uli13", "7998-61X*100390A") as hypervisor:
        yield hypervisor


@pytest.fixture
def uli14(folder):
    with serving(folder / "uli14", "7998-60X*100E7DA") as hypervisor:
        yield hypervisor


@pytest.fixture
def uli13lp1(folder, uli13):
    """A running partition of 64 MB that writes 20 MB a second."""
    lun.create_lun(folder / "lun", "600507680001", 4 * MB)
    definition = Definition(
        lpar_id=2,
        uuid=str(uuid.uuid4()),
        name="uli13lp1",
        memory_mb=64,
        processing_units=0.2,
        virtual_processors=2,
        luns=(LunReference("600507680001", str(folder / "lun")),),
        workload_bytes_per_s=20_000_000,
    )
    uli13.create(definition, Fence(1))
    uli13.activate(2, Fence(1))
    wait_for(uli13, RunState.RUNNING)
    return definition


def wait_for(hypervisor, state):
    """The facts have no notice: ask until they say so; the test's time limit is the bound."""
    while hypervisor.describe(2).run_state is not state:
        time.sleep(0.01)


class Move:
    def __init__(self, source, destination, definition):
        self.id = uuid.uuid4()
        self.fence = Fence(2, str(self.id))
        self.source, self.destination = source, destination
        self.progress, self.received, self.seen_at_record = [], [], []
        self.stop = False
        self.limits = Limits()
        destination.create_incoming(definition, self.fence)

    def run(self, pool):
        listener = Listener("127.0.0.1", PortRange(0, 0), KEY, self.id)
        arriving = receiver.Hooks(self.received.append, self._record, lambda: False)
        receiving = pool.submit(receiver.receive_state, self.destination, 2, self.fence, listener, arriving)
        address = MoverAddress("127.0.0.1", listener.port, listener.fingerprint, KEY, self.id)
        leaving = sender.Hooks(self.progress.append, lambda: self.stop)
        sending = pool.submit(sender.send_state, self.source, 2, self.fence, address, lambda: self.limits, leaving)
        return sending, receiving

    def _record(self):
        self.seen_at_record.append(self.destination.describe(2).run_state)


@pytest.fixture
def pool():
    with ThreadPoolExecutor(2) as pool:
        yield pool


def test_a_partition_that_writes_faster_than_the_link_arrives_once_it_is_slowed_down(uli13, uli14, uli13lp1, pool):
    move = Move(uli13, uli14, uli13lp1)
    uli13.set_workload(2, 240_000_000, Fence(1))
    move.limits = Limits(bandwidth_bytes_per_s=80_000_000, slow_partition=True, patience_s=0)
    sending, receiving = move.run(pool)
    with sending.result(timeout=50):
        assert uli13.describe(2).slowed_percent == 0
        slowed = [progress.slowed_percent for progress in move.progress]
        assert max(slowed) >= 60
    receiving.result(timeout=10)


def test_a_busy_partition_arrives_page_for_page(uli13, uli14, uli13lp1, pool):
    move = Move(uli13, uli14, uli13lp1)
    sending, receiving = move.run(pool)
    with sending.result(timeout=30) as loaded:
        assert uli13.describe(2).run_state is RunState.COMPLETED
        assert uli14.describe(2).run_state is RunState.LOADED
    received = receiving.result(timeout=10)
    assert move.seen_at_record == [RunState.LOADED]
    assert received.told
    assert received.bytes_transmitted == loaded.progress.bytes_transmitted > 64 * MB
    assert (loaded.progress.phase, loaded.progress.percent) == (MoverPhase.LOADED, 100)
    wanted = [hypervisor_digest(hypervisor, move) for hypervisor in (uli13, uli14)]
    assert wanted[0] == wanted[1]


def hypervisor_digest(hypervisor, move):
    while (digest := hypervisor.digest(2, str(move.id))) is None:
        time.sleep(0.01)
    return digest


def test_a_stopped_move_leaves_the_partition_running_and_the_image_useless(uli13, uli14, uli13lp1, pool):
    move = Move(uli13, uli14, uli13lp1)
    move.limits = Limits(bandwidth_bytes_per_s=5_000_000)
    sending, receiving = move.run(pool)
    while not any(progress.bytes_transmitted for progress in move.progress):
        assert not sending.done()
        time.sleep(0.01)
    move.stop = True
    assert isinstance(sending.exception(timeout=10), Stopped)
    assert receiving.exception(timeout=10) is not None
    wait_for(uli13, RunState.RUNNING)
    wait_for(uli14, RunState.FAILED_INCOMING)
    assert uli14.wait_transfer(2, -1, 0).phase is Phase.FAILED
    assert move.seen_at_record == []
    assert [progress.percent for progress in move.progress] == sorted(p.percent for p in move.progress)
