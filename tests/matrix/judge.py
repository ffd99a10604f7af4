"""What must always hold, looked at while a cell is played and when it is over. Each fault found is one sentence.

I1 never two running copies; I1b no image runs after another copy has run since it was taken; I2 never none;
I3 the same memory there as here; I4 matching final states; I5 nothing left over; I7 counters never run backwards;
I8 a LUN is written by one partition only, and no command was refused by its owner word.
"""

import logging
import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import UUID

from ivmweb.hypervisor.base import PartitionFacts, RunState
from ivmweb.hypervisor.simulated.records import RecordLog
from tests.e2e.world import CONSOLES, RUNS
from tests.matrix.cells import Fault
from tests.matrix.stage import NAME, Stage

logger = logging.getLogger(__name__)

KEPT = {("closed, kept", "declined"), ("closed, kept", "-")}
MOVED = {("closed, moved", "closed, moved")}
REFUSED_BY_WORD = re.compile(r"\[VIOSE01049000-94(?:10|11)\][^\n]*")
TRACEBACK = re.compile(r"^(?:[A-Za-z_.]+(?:Error|Exception|Warning)\b[^\n]*)", re.MULTILINE)
IN_TIME, TOO_LATE, ALREADY = (f"VIOS{number}]" for number in ("I01049000-9016", "E01049000-9202", "I01049000-9046"))
STOPS = ("press_stop", "press_stop_and_recover")  # actions of faults.py
COUNTERS = ("percent", "bytes_transmitted")
CLOCK_SLACK_S = 2.0


@dataclass
class Watch:
    """Asks both hypervisors and both databases all the time."""

    stage: Stage
    found: set[str] = field(default_factory=set)
    migration: UUID | None = None
    ran_on: list[str] = field(default_factory=list)  # consoles, in the order in which it was seen running
    _ended: Event = field(default_factory=Event)
    _threads: list[Thread] = field(default_factory=list)
    _heartbeat: int = 0
    _seen_at: float = 0.0
    _counters: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def __enter__(self) -> "Watch":
        loops = (self._watch_copies, self._watch_counters)
        self._threads = [Thread(target=self._guarded, args=(loop,), daemon=True) for loop in loops]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(30)

    def _guarded(self, loop: Callable[[], None]) -> None:
        """A cell that nobody watched does not hold."""
        try:
            loop()
        except Exception as exc:
            self.found.add(f"not watched to the end: {exc!r}")
            logger.exception("the watch has ended")

    def _watch_copies(self) -> None:
        """A, then B, then A again: running on A both times and on B in between is two copies."""
        while not self._ended.wait(0.02):
            before, there, after = (self._look(console) for console in (*CONSOLES, CONSOLES[0]))
            if before and there and after:
                self.found.add("I1: it ran on both systems at once")

    def _look(self, console: str) -> bool:
        facts = self.stage.world.facts(console, NAME)
        if facts is None or facts.run_state not in RUNS:
            return False
        if not self.ran_on or self.ran_on[-1] != console:
            self.ran_on.append(console)
        self._look_at_heart(facts)
        return True

    def _look_at_heart(self, facts: PartitionFacts) -> None:
        """The counter is in the partition's memory: where it is lower than before, the image is older, or it was
        booted meanwhile."""
        if facts.heartbeat is None or facts.run_state is not RunState.RUNNING:
            return
        since_s = time.monotonic() - self._seen_at
        booted = facts.uptime_s is not None and facts.uptime_s < since_s + CLOCK_SLACK_S
        if facts.heartbeat < self._heartbeat and not booted:
            self.found.add(f"I1b: an image with heartbeat {facts.heartbeat} ran after {self._heartbeat}")
        self._heartbeat, self._seen_at = facts.heartbeat, time.monotonic()

    def _watch_counters(self) -> None:
        while not self._ended.wait(0.1):
            for console in CONSOLES:
                self._look_at_counters(console)

    def _look_at_counters(self, console: str) -> None:
        if self.migration is None:
            return
        path = self.stage.folder(console) / "console.sqlite3"
        sql = f"select {', '.join(COUNTERS)} from migration_migration where id = ?"
        try:
            with closing(sqlite3.connect(path, timeout=5)) as connection:
                row = connection.execute(sql, (self.migration.hex,)).fetchone()
        except sqlite3.DatabaseError:  # a full disk, or one that has lost power in the middle of it
            return
        if row is None:
            return
        for name, was, now in zip(COUNTERS, self._counters.get(console, row), row, strict=True):
            if now < was:
                self.found.add(f"I7: {name} on {console} went from {was} back to {now}")
        self._counters[console] = row


class Logs:
    """What both labs' processes have written since this was made."""

    def __init__(self, stage: Stage) -> None:
        self._folders = [stage.folder(console) / "log" for console in CONSOLES]
        self._sizes = {path: path.stat().st_size for path in self._files()}

    def _files(self) -> list[Path]:
        return [path for folder in self._folders for path in folder.glob("*.log")]

    def text(self) -> str:
        return "\n".join(self._rest_of(path) for path in self._files())

    def _rest_of(self, path: Path) -> str:
        with path.open("rb") as file:
            begin = self._sizes.get(path, 0)
            file.seek(begin if begin <= path.stat().st_size else 0)
            return file.read().decode(errors="replace")

    def refused_by_word(self) -> set[str]:
        return {f"I8: refused by the owner word: {line}" for line in REFUSED_BY_WORD.findall(self.text())}

    def bugs(self) -> list[str]:
        """The last lines of tracebacks, each once."""
        text = self.text()
        return sorted(set(TRACEBACK.findall(text))) if "Traceback" in text else []


def unexpected(bugs: list[str], may_log: tuple[str, ...] = ()) -> set[str]:
    """As faults: tracebacks that the fault which was brought about does not explain."""
    return {f"an error in the logs: {line}" for line in bugs if not any(re.match(one, line) for one in may_log)}


class Records:
    """What was written to the partition's first LUN since this was made, or after the record `began`."""

    def __init__(self, stage: Stage, began: int | None = None) -> None:
        sql = (
            "select v.path from system_physicalvolume v join system_virtualtargetdevice d "
            "on d.physical_volume_id = v.id join system_virtualserveradapter a on a.id = d.adapter_id "
            "join system_logicalpartition p on p.id = a.partition_id where p.name = ? order by d.lun_number limit 1"
        )
        self._path = Path(stage.world.query(stage.source, sql, NAME)[0]["path"])
        self.last = self._began = self._last_number() if began is None else began
        self._turns = [stage.source, stage.destination]
        self._systems = {stage.lab.consoles[console].server.system: console for console in CONSOLES}

    def _last_number(self) -> int:
        with closing(RecordLog(self._path)) as log:
            return log.last_number()

    def are_of_source(self) -> bool:
        """The newest one is: a guest hears only some time after it has come on which system it runs."""
        with closing(RecordLog(self._path)) as log:
            newest = log.read(self._last_number())
        return newest is not None and self._systems.get(newest.system) == self._turns[0]

    def faults(self) -> set[str]:
        self.last = self._last_number()
        with closing(RecordLog(self._path)) as log:
            records = [log.read(number) for number in range(self._began + 1, self.last + 1)]
        if not all(records):
            return {"I8: a record on the LUN is damaged or missing"}
        writers = [self._systems[record.system] for record in records if record]
        turns = [one for one, before in zip(writers, [None, *writers], strict=False) if one != before]
        if turns not in ([], self._turns[:1], self._turns[1:], self._turns):
            return {f"I8: the LUN was written by {', '.join(turns)} in turn"}
        return set()


def still_open(stage: Stage, migration: UUID) -> list[str]:
    """What is not over yet: both sides final, and the partition free, in one place, and shown as it is."""
    if not stage.world.has_ended(migration):
        return [" / ".join(stage.states(migration))]
    where = [console for console in CONSOLES if stage.world.partition(console, NAME)]
    return left_over(stage, where[0]) if len(where) == 1 else [f"it is on {where}"]


def left_over(stage: Stage, where: str) -> list[str]:
    """I5, and that the records say what is so."""
    world, (other,) = stage.world, [console for console in CONSOLES if console != where]
    faults = []
    row = world.partition(where, NAME) or {}
    shown, run_state = row.get("state"), stage.run_state(where)
    if row.get("hold"):
        faults.append(f"I5: {where} still holds it: {row['hold']}")
    if run_state not in {RunState.RUNNING, RunState.NOT_ACTIVATED}:
        faults.append(f"I2: on {where} it is {run_state}")
    elif shown != {RunState.RUNNING: "Running", RunState.NOT_ACTIVATED: "Not Activated"}[run_state]:
        faults.append(f"I4: {where} shows it {shown}, and it is {run_state.value}")
    for console in CONSOLES:
        if tasks := running_tasks(stage, console):
            faults.append(f"I5: Monitor Tasks of {console} still has running: {', '.join(tasks)}")
    if world.adapters(other, NAME) or world.mappings(other, NAME):
        faults.append(f"I5: {other} still has adapters or mappings of it")
    if world.partition(other, NAME):
        faults.append(f"I5: {other} has a shell of it")
    if world.facts(other, NAME) is not None:
        faults.append(f"I5: the hypervisor of {other} still knows it")
    if run_state is not None:
        systems = {(word.system, word.state.value) for word in world.owner_words(where, NAME)}
        if systems != {(stage.lab.consoles[where].server.system, "owned")}:
            faults.append(f"I5: its LUNs say {sorted(systems)}")
    if ports := stage.listening_movers():
        faults.append(f"I5: ports {ports} are still open")
    for console in CONSOLES:
        faults += sums(stage, console)
    return faults


def running_tasks(stage: Stage, console: str) -> list[str]:
    rows = stage.world.query(console, "select name from monitor_monitortask where ended_at is null")
    return [row["name"] for row in rows if row["name"].startswith("Migrate Partition")]


def sums(stage: Stage, console: str) -> list[str]:
    """What is free, and what the partitions have, is what is installed."""
    sql = "select sum(memory_mb) as mb, sum(processing_units) as units from system_logicalpartition"
    used = stage.world.query(console, sql)[0]
    system = stage.world.query(console, "select * from system_managedsystem")[0]
    memory_mb = system["installed_memory_mb"] - system["firmware_memory_mb"] - used["mb"] - system["free_memory_mb"]
    units = round(system["installed_units"] - used["units"] - system["free_units"], 2)
    faults = [f"I5: {memory_mb} MB of {console} are nowhere"] if memory_mb else []
    return faults + ([f"I5: {units} processing units of {console} are nowhere"] if units else [])


def verdict(stage: Stage, migration: UUID, *, may_be_off_on: set[str]) -> list[str]:
    """When it is over."""
    states = stage.states(migration)
    faults = []
    if states not in KEPT | MOVED:
        faults.append(f"I4: final states do not match: {' / '.join(states)}")
    where = [console for console in CONSOLES if stage.world.partition(console, NAME)]
    if states in MOVED and was_stopped(stage, migration):
        faults.append("Stop was answered with yes, and it has moved")
    if where != ([stage.destination] if states in MOVED else [stage.source]):
        faults.append(f"I2: it is on {', '.join(where) or 'neither system'} after {' / '.join(states)}")
    if len(where) == 1:
        faults += left_over(stage, where[0])
    if not stage.world.running_on(NAME) and not set(where) & may_be_off_on:
        faults.append("I2: it runs nowhere, and the process that has its memory did not die")
    return faults + digest_faults(stage, migration) + page_faults(stage)


def was_stopped(stage: Stage, migration: UUID) -> bool:
    """Stop's column is set only where its press was in time, which is what the page then says."""
    row = stage.world.migration(stage.source, migration)
    return row is not None and bool(row["stop_requested"])


def stop_faults(stage: Stage, migration: UUID, fault: Fault, said: list[str]) -> list[str]:
    """What the page answered to Stop has to be what came of it, and what is recorded."""
    if fault.action not in STOPS:
        return []
    yes, too_late = has(said, IN_TIME) or has(said, ALREADY), has(said, TOO_LATE)
    faults = [] if yes or too_late else [f"Stop was not answered: {'; '.join(said) or 'nothing'}"]
    if yes and stage.states(migration) in MOVED:
        faults.append("the page said that Stop came in time, and it has moved")
    if yes and not was_stopped(stage, migration):
        faults.append("the page said that Stop came in time, and it is not recorded")
    if too_late and was_stopped(stage, migration):
        faults.append("the page said that Stop came too late, and it is recorded")
    return faults


def has(said: list[str], code: str) -> bool:
    return any(code in line for line in said)


def digest_faults(stage: Stage, migration: UUID) -> list[str]:
    """Those that are known by now: a hypervisor that died knows none."""
    rows: list[dict[str, Any] | None] = [stage.world.migration(console, migration) for console in CONSOLES]
    known = {row[name] for row in rows if row for name in ("local_digest", "partner_digest") if row[name]}
    return [f"I3: digests differ: {sorted(known)}"] if len(known) > 1 else []


def page_faults(stage: Stage) -> list[str]:
    """Of a guest that checks each page of its memory before it writes to it again."""
    known = [facts for console in CONSOLES if (facts := stage.world.facts(console, NAME))]
    wrong = sum(facts.page_errors or 0 for facts in known)
    return [f"I3: {wrong} pages of its memory were not as it had left them"] if wrong else []


def digests_known(stage: Stage, migration: UUID) -> bool:
    rows = [stage.world.migration(console, migration) for console in CONSOLES]
    return all(row is not None and row["local_digest"] and row["partner_digest"] for row in rows)
