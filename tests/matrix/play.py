"""Plays one cell: holds the move at its phase, brings the fault about, lets both go on, ends the fault, judges."""

import sqlite3
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from uuid import UUID

import httpx

from ivmweb.common.errors import IvmError
from tests.e2e.world import CONSOLES, wait_for
from tests.matrix import faults, judge
from tests.matrix.cells import QEMU, SIMULATED, Cell, Phase
from tests.matrix.judge import Logs, Records, Watch, unexpected
from tests.matrix.stage import HOME_S, MEMORY_MB, NAME, SUSPENSION_MS, Stage
from tools.paths import ToolError

LIMIT_S = 30.0  # from the end of the fault: invariants hold, and it is over
ALONE_S = 20.0  # so long nobody presses Recover
LATE_S = 10.0  # from then on it is written down what is waited for
DIGESTS_S = 8.0
SLOW_BYTES_PER_S = 16_000_000
PASSES_BYTES_PER_S = 128_000_000
REACHED_S = 20.0
# What keeps the last of the state back, as a fault of that kind of hypervisor.
STALLS = {
    SIMULATED: {"stall_out_after_bytes": MEMORY_MB[SIMULATED] * 2**20 + 4096},
    QEMU: {"hold_switchover": True},
}
BOOT_S = 90.0  # of a Linux; on a machine that does nothing else it takes 4


@dataclass
class Result:
    cell: str
    phase: str
    fault: str
    migration: str = ""
    ok: bool = False
    source: str = "-"
    destination: str = "-"
    runs_on: str = ""
    safe_after_s: float = 0.0  # from the end of the fault; 0: it was over before
    recover: bool = False  # it was pressed
    took_s: float = 0.0
    found: list[str] = field(default_factory=list)  # which invariants did not hold
    said: list[str] = field(default_factory=list)
    bugs: list[str] = field(default_factory=list)
    waited_for: list[str] = field(default_factory=list)  # at the end, where that came late
    journal: list[str] = field(default_factory=list)  # of both sides, where it failed or came late
    code: str = ""
    product: str = ""
    met: str = ""  # what the fault met; nothing where that can't be seen
    network: str = ""  # what a fault of the network met: packets, or pieces of a stream

    def as_dict(self) -> dict:
        return asdict(self)


def play(stage: Stage, cell: Cell) -> Result:
    result = Result(cell.name, cell.phase.name, cell.fault.name)
    result.network = stage.relay.met_by(cell.fault.way) if cell.fault.link else ""
    with until_it_breaks(stage, result):
        stage.bring_home()
        if stage.kind == QEMU:
            wait_for_guest(stage)
        logs, records = Logs(stage), Records(stage)
        with Watch(stage) as watch:
            migration = disturb(stage, cell, watch, result)
            settle(stage, migration, result)
            result.met = result.met or faults.met_since(stage, cell.fault)
            if stage.states(migration) in judge.MOVED:
                wait_until(lambda: judge.digests_known(stage, migration), DIGESTS_S)
            result.found += judge.verdict(stage, migration, may_be_off_on=cell.fault.may_be_off_on)
            result.found += judge.stop_faults(stage, migration, cell.fault, result.said)
        bugs = logs.bugs()
        found = watch.found | logs.refused_by_word() | records.faults() | unexpected(bugs, cell.fault.may_log)
        conclude(stage, migration, result, found, bugs)
    return result


@contextmanager
def until_it_breaks(stage: Stage, result: Result) -> Iterator[None]:
    """What is the lab's own error, and not the product's, ends a cell as well; it does not hold then."""
    began = time.monotonic()
    try:
        yield
    except (AssertionError, OSError, sqlite3.Error, IvmError, ToolError, httpx.HTTPError) as exc:
        result.found.append(f"not played to the end: {exc}"[:600])
    except (TypeError, LookupError) as exc:  # a row that has to be there is not
        result.found.append(f"not played to the end: {exc!r} in {traceback.extract_tb(exc.__traceback__)[-1]}"[:600])
    result.ok = not result.found
    if result.migration and (result.waited_for or not result.ok):
        with suppress(sqlite3.Error):  # a database of which little is left
            result.journal = stage.world.why(UUID(result.migration))
    result.took_s = round(time.monotonic() - began, 1)


def wait_for_guest(stage: Stage) -> None:
    """Its operating system has come up, and heard on which system it runs."""
    wait_for("its system to answer", lambda: (facts := stage.facts()) and facts.heartbeat, BOOT_S)
    wait_for("its records to be of the source", lambda: Records(stage).are_of_source(), HOME_S)


def conclude(stage: Stage, migration: UUID, result: Result, found: set[str], bugs: list[str]) -> None:
    result.found += sorted(found)
    result.bugs = bugs
    describe(stage, migration, result)


def disturb(stage: Stage, cell: Cell, watch: Watch, result: Result) -> UUID:
    """From the beginning of the move to the end of the fault."""
    with ThreadPoolExecutor(1) as pool:
        migration, pressed = begin(stage, cell.phase, pool)
        watch.migration, result.migration = migration, str(migration)
        if cell.phase.rolls_back:
            roll_back(stage, cell.phase, migration)
        scene = faults.Scene(stage, cell.fault, migration, result.said, cell.phase.holder)
        with faults.bring_about(scene):
            stage.release(console_of(cell.phase), cell.phase.point)
            let_go(stage)
            time.sleep(cell.fault.lasts_s)
        pressed.exception(60)  # a web process that was killed has not answered
    result.met = scene.met
    return migration


def begin(stage: Stage, phase: Phase, pool: ThreadPoolExecutor) -> tuple[UUID, "Future[UUID]"]:
    """Press Migrate; returns when the move is held at its phase, or at the one before a roll-back."""
    known = ids(stage)
    if phase.slow or phase.passes:
        stage.world.limit_bandwidth(SLOW_BYTES_PER_S if phase.slow else PASSES_BYTES_PER_S)
    if phase.passes:
        stage.world.allow_suspension(1)
    if phase.stalled:  # after one pass, however slow the machine is
        stage.world.allow_suspension(60_000)
        stage.world.set_fault(stage.source, **STALLS[stage.kind])
    point = "mover-out first pass" if phase.rolls_back else phase.point
    console = stage.source if phase.rolls_back else console_of(phase)
    stage.arm(console, point, "hold")
    lpar_id = stage.world.partition(stage.source, NAME)["lpar_id"]
    pressed = pool.submit(stage.world.visitor(stage.source).migrate, lpar_id, stage.destination)

    def is_held() -> bool:
        assert not pressed.done() or pressed.exception() is None, pressed.exception()
        return stage.is_reached(console, point)

    wait_for(f"phase {phase.name}", is_held, REACHED_S, 0.01)
    (migration,) = ids(stage) - known
    return migration, pressed


def roll_back(stage: Stage, phase: Phase, migration: UUID) -> None:
    stage.arm(stage.source, phase.point, "hold")
    stage.world.visitor(stage.source).stop(migration)
    stage.release(stage.source, "mover-out first pass")
    wait_for("the roll-back", lambda: stage.is_reached(stage.source, phase.point), REACHED_S, 0.01)


def let_go(stage: Stage) -> None:
    """What held the phase besides the fault point."""
    stage.world.set_fault(stage.source)
    with suppress(OSError):
        stage.world.limit_bandwidth(0)
        stage.world.allow_suspension(SUSPENSION_MS)


def settle(stage: Stage, migration: UUID, result: Result) -> None:
    """Until it is over, with one press of Recover where it is not by itself."""
    began = time.monotonic()
    while time.monotonic() - began < LIMIT_S:
        left = judge.still_open(stage, migration)
        if not left:
            result.safe_after_s = round(time.monotonic() - began, 1)
            return
        if time.monotonic() - began > LATE_S:
            result.waited_for = left
        if not result.recover and time.monotonic() - began > ALONE_S:
            result.recover = True
            stage.forget_visitors()
            console = stage.source if not final(stage, stage.source, migration) else stage.destination
            stage.world.visitor(console).recover(migration)
        time.sleep(0.1)
    result.safe_after_s = LIMIT_S
    result.found.append(f"I4: not over {LIMIT_S:g} s after the fault's end")


def wait_until(condition, timeout_s: float) -> None:
    """Not an error where it does not come."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and not condition():
        time.sleep(0.1)


def final(stage: Stage, console: str, migration: UUID) -> bool:
    row = stage.world.migration(console, migration)
    return row is None or row["state"].startswith(("closed", "declined", "yielded"))


def describe(stage: Stage, migration: UUID, result: Result) -> None:
    result.source, result.destination = stage.states(migration)
    result.runs_on = ", ".join(stage.world.running_on(NAME)) or "off"
    if result.runs_on == "off":
        where = [console for console in CONSOLES if stage.world.partition(console, NAME)]
        result.runs_on = f"off, on {', '.join(where)}"


def console_of(phase: Phase) -> str:
    return phase.holder.partition("/")[0]


def ids(stage: Stage) -> set[UUID]:
    return {UUID(row["id"]) for row in stage.world.query(stage.source, "select id from migration_migration")}
