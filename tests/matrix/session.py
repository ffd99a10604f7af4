"""Plays many cells on one lab; after a cell that failed on a new one, since nobody knows what state it left."""

import os
import re
import shutil
import signal
import tempfile
import time
from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from tests.matrix import results
from tests.matrix.cells import SIMULATED, Cell
from tests.matrix.packets import own_network
from tests.matrix.play import Result, play
from tests.matrix.stage import Stage, running_stage
from tools.paths import VAR

PORT_OFFSET = 22_000
PORTS_A_LAB = 100
TRACES = VAR / "fault-matrix"  # logs of cells that failed


def port_offset() -> int:
    """Beside the lab of the end-to-end tests."""
    given = os.environ.get("IVM_TEST_PORT_OFFSET")
    return int(given) + 2000 if given else PORT_OFFSET


class Session:
    def __init__(self, cells: Iterable[Cell], kind: str = SIMULATED) -> None:
        self.left, self._kind = deque(cells), kind
        self.total, self.played, self.failed = len(self.left), 0, list[str]()
        self.interrupted = False
        self.code, self.product = results.code_of(kind), results.product_digest()
        self._began = time.monotonic()
        self._lock = Lock()

    def work(self, number: int, folder: Path) -> None:
        while self.left:
            network = own_network()
            with running_stage(folder, port_offset() + number * PORTS_A_LAB, network, self._kind) as stage:
                while self._play_next(stage):
                    pass
            shutil.rmtree(folder)

    def _play_next(self, stage: Stage) -> bool:
        """False where the lab must not be used any more."""
        try:
            cell = self.left.popleft()
        except IndexError:
            return False
        result = play(stage, cell)
        result.code, result.product = self.code, self.product
        results.append(result.as_dict(), results.FILES[self._kind])
        if not result.ok:
            keep_logs(stage, cell)
        self._tell(result)
        return result.ok

    def _tell(self, result: Result) -> None:
        with self._lock:
            self.played += 1
            outcome = "ok" if result.ok else "FAILED"
            ends = f"{result.source} / {result.destination}; {result.runs_on}"
            pressed = "; Recover" if result.recover else ""
            when = f"safe after {result.safe_after_s:g} s{pressed} ({result.took_s:g} s)"
            print(f"{self.played:4}/{self.total} {outcome:6} {result.cell}: {ends}; {when}", flush=True)
            for line in result.found:
                print(f"            {line}", flush=True)
            if not result.ok:
                self.failed.append(result.cell)

    def summary(self) -> str:
        took_s = time.monotonic() - self._began
        failed = f"{len(self.failed)} failed: {'; '.join(self.failed)}" if self.failed else "all hold"
        return f"{self.played} cells in {took_s:.0f} s: {failed}."


def keep_logs(stage: Stage, cell: Cell) -> None:
    kept = TRACES / stage.kind / re.sub(r"[^a-z0-9]+", "-", cell.name.lower())
    shutil.rmtree(kept, ignore_errors=True)
    for console in stage.lab.consoles:
        shutil.copytree(stage.folder(console) / "log", kept / console)


def play_all(cells: list[Cell], jobs: int = 1, kind: str = SIMULATED) -> int:
    session = Session(cells, kind)

    def stop(*_: object) -> None:
        """The labs end in order: what is mounted for them would stay, else."""
        print("The cells that are being played are the last; the same command goes on after them.", flush=True)
        session.left.clear()
        session.interrupted = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    with tempfile.TemporaryDirectory(prefix="ivm-matrix-") as folder, ThreadPoolExecutor(jobs) as pool:
        playing = [pool.submit(session.work, number, Path(folder) / f"lab{number}") for number in range(jobs)]
        for each in playing:
            each.result()
    print(session.summary(), flush=True)
    return 130 if session.interrupted else bool(session.failed)
