"""Two hypervisors, uli13 and uli14, a LUN that both see, and a relay between their streams.

They are simulated ones. Tests marked `both_kinds` run on QEMU as well, where it is.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor import lun
from ivmweb.hypervisor.base import (
    Definition,
    Fence,
    LunReference,
    NextStep,
    OwnerWord,
    PartitionFacts,
    Phase,
    RunState,
    TransferStatus,
)
from ivmweb.hypervisor.qemu.command_line import Model
from ivmweb.hypervisor.qemu.machine import QemuMachine, QemuOptions
from ivmweb.hypervisor.simulated.client import SimulatedHypervisor
from ivmweb.hypervisor.simulated.machine import SimulatedMachine, SimulatedOptions
from ivmweb.hypervisor.vmc.discovery import Places
from ivmweb.hypervisor.vmc.machine import Machine
from ivmweb.hypervisor.vmc.server import Server
from tests.real_guests import kit_or_skip

ULI13 = "7998-61X*100390A"
ULI14 = "7998-60X*100E7DA"
MIGRATION = "0b7c6a4e"
FENCE = Fence(epoch=1, migration_id=MIGRATION)
OPERATOR = Fence(epoch=1)
MB = 1024 * 1024
LPAR = 2
RUNNING_FACTS = PartitionFacts(
    lpar_id=LPAR,
    uuid="0a4ba2d2-5a0c-4c5b-9b3e-2a4b0c8f1d11",
    name="uli13lp1",
    run_state=RunState.RUNNING,
    memory_mb=16,
    uptime_s=3 * 3600 + 7 * 60,
    utilized_units=0.03,
    reference_code="Linux ppc64",
    heartbeat=4711,
    last_record=12,
)
LOGIN = "uli13lp1 login: "


both_kinds = pytest.mark.parametrize("kind", ["simulated", pytest.param("qemu", marks=pytest.mark.qemu)])
PATIENCE_S = 60.0  # a guest boots in some seconds, on a machine that does nothing else


def eventually(claim, timeout_s=PATIENCE_S):
    """The first true value of `claim`; fails the test when there is none in time."""
    deadline = time.monotonic() + timeout_s
    while not (value := claim()):
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.005)
    return value


def read_all(connection):
    """Until the other side closes."""
    connection.settimeout(30)
    return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


def kept_by(terminal):
    """What a connection sees that begins now, without a line end at the end."""
    ours, theirs = socket.socketpair()
    assert terminal.connect(theirs, lambda: None)
    terminal.disconnect("the end")
    with ours:
        return read_all(ours).removesuffix("the end\r\n").removesuffix("\r\n")


class Console(SimulatedHypervisor):
    """The driver, and the sentences that tests say often."""

    def __init__(self, path: Path, system: str, state_dir: Path) -> None:
        super().__init__(path)
        self.system, self.state_dir = system, state_dir

    def run_state(self, lpar_id=LPAR):
        return self.describe(lpar_id).run_state

    def wait_for(self, run_state, lpar_id=LPAR):
        eventually(lambda: self.run_state(lpar_id) is run_state)

    def boot(self, definition):
        self.create(definition, OPERATOR)
        self.activate(definition.lpar_id, OPERATOR)
        self.wait_for(RunState.RUNNING, definition.lpar_id)
        eventually(lambda: self.describe(definition.lpar_id).heartbeat)  # its system has come up

    def wait_for_phase(self, *phases, lpar_id=LPAR) -> TransferStatus:
        status = self.wait_transfer(lpar_id, -1, 0)
        deadline = time.monotonic() + PATIENCE_S
        while status.phase not in phases:
            assert time.monotonic() < deadline, f"{status} instead of {phases}"
            status = self.wait_transfer(lpar_id, status.sequence, 0.5)
        return status

    def digest_when_ready(self, migration_id=MIGRATION):
        return eventually(lambda: self.digest(LPAR, migration_id))

    def set_faults(self, **switches):
        path = self.state_dir / "faults.json"
        path.with_suffix(".part").write_text(json.dumps(switches))
        path.with_suffix(".part").replace(path)


class Vt:
    """A virtual terminal and all that it has shown."""

    def __init__(self, console, lpar_id=LPAR):
        self.connection = console.open_console(lpar_id)
        self.connection.settimeout(30)
        self.shown = ""

    def see(self, text):
        """What was shown up to and with `text`, since the last time."""
        while text not in self.shown:
            data = self.connection.recv(65536)
            assert data, f"closed after {self.shown!r}"
            self.shown += data.decode()
        seen, _, self.shown = self.shown.partition(text)
        return seen + text

    def type(self, keys):
        self.connection.sendall(keys)

    def rest(self):
        """What was shown since the last time, when the other side has closed."""
        return self.shown + read_all(self.connection)

    def close(self):
        self.connection.close()


@contextlib.contextmanager
def serving(folder: Path, system: str, **options):
    options = {"memory_mb": 128, "boot_step_s": 0, **options}
    with serving_machine(SimulatedMachine(SimulatedOptions(system, folder / "state", **options)), folder) as console:
        yield console


@contextlib.contextmanager
def serving_qemu(folder: Path, system: str, model: Model, **options):
    options = {"memory_mb": 1024, "run_dir": folder, "ends_guests": True, **options}
    with serving_machine(
        QemuMachine(QemuOptions(system, folder / "state", model=model, **options)), folder
    ) as console:
        yield console


@contextlib.contextmanager
def serving_machine(machine: Machine, folder: Path):
    server = Server(machine, folder / "vmc")
    server.start()
    try:
        yield Console(folder / "vmc", machine.system, folder / "state")
    finally:
        server.stop()


@pytest.fixture
def kind():
    return "simulated"


@pytest.fixture(scope="session")
def model():
    """Of the lab's guests; skips where there is no QEMU, or nothing to make a guest of."""
    kit = kit_or_skip()
    return Model(kernel=str(kit.kernel), initrd=str(kit.initrd))


@pytest.fixture
def serve(kind, request, folder):
    """A hypervisor of that kind for that server."""

    def start(name, system):
        if kind == "qemu":
            return serving_qemu(folder / name, system, request.getfixturevalue("model"))
        return serving(folder / name, system)

    return start


@pytest.fixture
def folder():
    """Short, since Unix socket paths end at 107 bytes. A process that a test leaves behind fails it, and is ended."""
    path = Path(tempfile.mkdtemp(prefix="ivm-hv-"))
    yield path
    left = processes_of(path)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(path)
    assert not left, f"left behind: {left}"


def processes_of(folder):
    """Those that have something in this folder as an argument: pid and program."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            arguments = (place / "cmdline").read_bytes()
            if os.fsencode(folder) in arguments:
                found[int(place.name)] = arguments.split(b"\0")[0].decode(errors="replace")
    return found


@pytest.fixture
def uli13(serve):
    with serve("uli13", ULI13) as console:
        yield console


@pytest.fixture
def uli14(serve):
    with serve("uli14", ULI14) as console:
        yield console


@pytest.fixture
def define(folder, kind):
    """Makes definitions, with a LUN each. A Linux needs more memory than a simulated partition."""

    def make(lpar_id=LPAR, memory_mb=16, luns=1, **values):
        memory_mb = 256 if kind == "qemu" else memory_mb
        references = []
        for number in range(luns):
            path = folder / f"lun-{lpar_id}-{number}"
            lun.create_lun(path, f"60050768{lpar_id}{number}", 4 * MB)
            references.append(LunReference(f"60050768{lpar_id}{number}", str(path)))
        return Definition(
            lpar_id=lpar_id,
            uuid=str(uuid.uuid4()),
            name=f"uli13lp{lpar_id - 1}",
            memory_mb=memory_mb,
            processing_units=0.2,
            virtual_processors=1,
            luns=tuple(references),
            **values,
        )

    return make


@pytest.fixture
def san(tmp_path):
    (tmp_path / "san").mkdir()
    return tmp_path / "san"


@pytest.fixture
def finder(folder, san):
    """A hypervisor that finds LUNs in `san`."""
    options = SimulatedOptions(ULI13, folder / "state", memory_mb=128, boot_step_s=0, lun_places=Places((san,)))
    with serving_machine(SimulatedMachine(options), folder) as console:
        yield console


@pytest.fixture
def loop(tmp_path):
    """A block device of 4 MiB that is empty; skips where this user can't make one."""
    path = tmp_path / "behind-loop"
    path.touch()
    os.truncate(path, 4 * MB)
    done = subprocess.run(["losetup", "--find", "--show", path], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no loop device can be made: {done.stderr.strip()}")
    device = done.stdout.strip()
    yield Path(device)
    subprocess.run(["partx", "--delete", device], capture_output=True, check=False)  # those that a test has made
    subprocess.run(["losetup", "--detach", device], check=True)


@dataclass
class Relay:
    """Carries a state stream and its return path, like two movers; closes both ends when either breaks."""

    out: socket.socket
    into: socket.socket
    cut_at: int | None = None
    # Cleared: what comes from the source, or from the destination, stands still.
    flows: threading.Event = field(default_factory=threading.Event)
    answers: threading.Event = field(default_factory=threading.Event)
    carried: bytearray = field(default_factory=bytearray)
    keep: bool = False
    pause_s: float = 0.0  # before each piece of state, as over a slow link
    threads: list = field(default_factory=list)

    def start(self):
        self.flows.set()
        self.answers.set()
        for source, sink, forward in ((self.out, self.into, True), (self.into, self.out, False)):
            thread = threading.Thread(target=self._carry, args=(source, sink, forward), daemon=True)
            thread.start()
            self.threads.append(thread)
        return self

    def _carry(self, source, sink, forward):
        passed = 0
        with contextlib.suppress(OSError):
            while data := bytearray(source.recv(256 * 1024)):
                (self.flows if forward else self.answers).wait()
                time.sleep(self.pause_s if forward else 0)
                sink.sendall(self._kept(data, passed) if forward else data)
                passed += len(data)
                if forward and self.cut_at is not None and passed >= self.cut_at:
                    self.close()
            sink.shutdown(socket.SHUT_WR)
        if not forward:  # the destination's last word has been carried
            self.close()

    def _kept(self, data, passed):
        if self.cut_at is not None:
            data = data[: max(0, self.cut_at - passed)]
        if self.keep:
            self.carried += data
        return data

    def close(self):
        for end in (self.out, self.into):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        # After the ends: what stood still is lost, it does not slip through.
        self.flows.set()
        self.answers.set()

    def join(self):
        for thread in self.threads:
            thread.join(10)
            assert not thread.is_alive()
        self.out.close()
        self.into.close()


class Move:
    """A move of one partition between two hypervisors, as far as a test wants it to go."""

    def __init__(
        self,
        source: Console,
        destination: Console,
        definition: Definition,
        *,
        may_throttle=False,
        arriving=None,
        **relay,
    ):
        """`arriving`: the definition at the destination, where its LUNs have other paths there."""
        self.source, self.destination, self.definition = source, destination, definition
        destination.create_incoming(arriving or definition, FENCE)
        into = destination.open_state_in(definition.lpar_id, FENCE)
        out = source.open_state_out(definition.lpar_id, FENCE, may_throttle=may_throttle)
        self.relay = Relay(out, into, **relay).start()
        self.ordered_after = 0  # the pass whose end was answered last; until the next one begins it still shows

    def to_pass_end(self):
        self.wait_for_pass_end()
        return self

    def wait_for_pass_end(self, *others):
        """The end of a pass that waits for an order, or one of the other phases."""

        def found():
            status = self.source.wait_for_phase(Phase.PASS_END, *others)
            return status if status.phase in others or status.pass_number > self.ordered_after else None

        return eventually(found)

    def next_pass(self, suspend_at_bytes=0):
        self.ordered_after = self.source.wait_transfer(self.definition.lpar_id, -1, 0).pass_number
        self.source.continue_transfer(self.definition.lpar_id, NextStep.PASS, FENCE, suspend_at_bytes)

    def suspend(self):
        self.source.continue_transfer(self.definition.lpar_id, NextStep.SUSPEND, FENCE)

    def finish(self):
        """To a final phase at both ends; the two statuses."""
        ended = (Phase.COMPLETED, Phase.FAILED, Phase.CANCELLED)
        if self.wait_for_pass_end(*ended).phase is Phase.PASS_END:
            with contextlib.suppress(HypervisorError):  # the stream may have broken just now
                self.suspend()
        left = self.source.wait_for_phase(*ended)
        right = self.destination.wait_for_phase(Phase.LOADED, Phase.FAILED, Phase.CANCELLED)
        self.relay.join()
        return left, right

    def hand_over(self):
        """The owner words go to the destination, which runs the partition."""
        lpar_id, uuid_ = self.definition.lpar_id, self.definition.uuid
        for word in set(self.source.owner_words(lpar_id)):
            new = OwnerWord(uuid_, self.destination.system, MIGRATION)
            self.destination.change_owner_words(lpar_id, word, new, FENCE)
        self.destination.resume(lpar_id, FENCE)


def slow_down(under_way: Move, percent):
    """QEMU does it while passes go on, and within some seconds."""
    source, lpar_id = under_way.source, under_way.definition.lpar_id
    source.throttle(lpar_id, percent, FENCE)
    under_way.to_pass_end()
    under_way.relay.pause_s = 0.005  # QEMU suspends a guest by itself that wrote nothing in a pass: passes are long
    deadline = time.monotonic() + PATIENCE_S
    while source.describe(lpar_id).slowed_percent != percent:
        assert time.monotonic() < deadline, source.wait_transfer(lpar_id, -1, 0)
        under_way.to_pass_end()
        time.sleep(0.3)
        under_way.next_pass()


@pytest.fixture
def move(uli13, uli14):
    moves = []

    def start(definition, **relay):
        moves.append(Move(uli13, uli14, definition, **relay))
        return moves[-1]

    yield start
    for one in moves:
        one.relay.close()
        one.relay.join()
