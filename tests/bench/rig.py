"""Two hypervisors in processes of their own with a partition each, and transfers between them in four processes."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import Definition, Fence, RunState
from ivmweb.hypervisor.simulated.client import SimulatedHypervisor
from tests.bench.half import LPAR_ID
from tools.console import MOVER_TLS
from tools.paths import ROOT

DEADLINE_S = 120
Kind = tuple[str, tuple[str, ...]]  # the module of a hypervisor's process, and options of its own
SIMULATED: Kind = ("ivmweb.hypervisor.simulated", ("--boot-step-ms", "0"))
SPARE_MB = 256


class Rig:
    """One partition that is moved from `source` to `destination` again and again."""

    def __init__(self, source: Path, destination: Path, memory_mb: int, workload_bytes_per_s: int) -> None:
        self.paths = (source, destination)
        self.source, self.destination = (SimulatedHypervisor(path) for path in self.paths)
        self.epoch = 1
        self.definition = Definition(
            lpar_id=LPAR_ID,
            uuid=str(uuid.uuid4()),
            name="bench",
            memory_mb=memory_mb,
            processing_units=0.2,
            virtual_processors=2,
            workload_bytes_per_s=workload_bytes_per_s,
        )
        self.source.create(self.definition, Fence(self.epoch))
        self.source.activate(LPAR_ID, Fence(self.epoch))
        self._wait_for(RunState.RUNNING)

    def write(self, bytes_per_s: int) -> None:
        self.source.set_workload(LPAR_ID, bytes_per_s, Fence(self.epoch))

    def move(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What sender and receiver measured; then the partition runs at the source as before."""
        self.epoch += 1
        fence = Fence(self.epoch, str(uuid.uuid4()))
        self.destination.create_incoming(self.definition, fence)
        common = (fence.migration_id, str(fence.epoch))
        with half("mover-in", str(self.paths[1]), *common) as receiving:
            address = hear(receiving)
            with half(
                "mover-out", str(self.paths[0]), *common, str(address["port"]), address["fingerprint"]
            ) as sending:
                sent = hear(sending)
            received = hear(receiving)
        self.destination.discard(LPAR_ID, fence)
        self.destination.remove(LPAR_ID, fence)
        self.source.resume(LPAR_ID, fence)
        self._wait_for(RunState.RUNNING)
        return sent, received

    def _wait_for(self, state: RunState) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while (fact := self.source.describe(LPAR_ID)) is None or fact.run_state is not state:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the partition is not {state.value} after {DEADLINE_S} s")
            time.sleep(0.02)


@contextmanager
def rig(memory_mb: int, workload_bytes_per_s: int = 0, kind: Kind | None = None) -> Iterator[Rig]:
    folder = Path(tempfile.mkdtemp(prefix="ivm-bench-"))  # short: Unix socket paths end at 107 bytes
    try:
        with ExitStack() as stack:
            paths = [
                stack.enter_context(hypervisor(folder / name, f"7998-60X*{name}", memory_mb + SPARE_MB, kind))
                for name in ("a", "b")
            ]
            yield Rig(paths[0], paths[1], memory_mb, workload_bytes_per_s)
    finally:
        shutil.rmtree(folder)


@contextmanager
def hypervisor(folder: Path, system: str, memory_mb: int, kind: Kind | None = None) -> Iterator[Path]:
    module, own_options = kind or SIMULATED
    socket = folder / "vmc"
    command = ("-m", module, "--system", system, "--socket", str(socket))
    options = ("--state-dir", str(folder / "state"), "--memory-mb", str(memory_mb), *own_options)
    with process(*command, *options, stderr=subprocess.DEVNULL):
        wait_until_it_answers(socket)
        yield socket


def wait_until_it_answers(socket: Path) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            SimulatedHypervisor(socket).describe_system()
            return
        except HypervisorError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def environment_of_console(state: Path, vmc: Path) -> dict[str, str]:
    """Of one console alone: its records in that folder, nobody at its broker."""
    return {
        "IVM_CONSOLE": "uli13",
        "IVM_SECRET_KEY": "for this benchmark only",
        "IVM_STATE_DIR": str(state),
        "IVM_DATABASE_URL": f"sqlite:///{state}/console.sqlite3",
        "IVM_REDIS_URL": f"redis+socket://{state}/nobody.sock",
        "IVM_HYPERVISOR_SOCKET": str(vmc),
        "IVM_LOG_LEVEL": "WARNING",
        "DJANGO_SETTINGS_MODULE": "ivmweb.settings",
    }


@contextmanager
def half(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    with process("-m", "tests.bench.half", *arguments, stdout=subprocess.PIPE, environment=MOVER_TLS) as running:
        yield running


def hear(half: subprocess.Popen[str]) -> dict[str, Any]:
    assert half.stdout is not None
    line = half.stdout.readline()
    if not line:
        raise RuntimeError("one end of the transfer ended early; its words are above")
    heard: dict[str, Any] = json.loads(line)
    return heard


@contextmanager
def process(
    *arguments: str, environment: dict[str, str] | None = None, **options: Any
) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, env={**os.environ, **(environment or {})}, text=True, **options
    )
    try:
        yield child
    finally:
        child.terminate()
        child.communicate(timeout=DEADLINE_S)
