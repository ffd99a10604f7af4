"""Both consoles as they really are: asked from the hypervisors, the LUNs and the databases, past every page."""

import json
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import Fence, PartitionFacts, RunState
from ivmweb.hypervisor.simulated.client import SimulatedHypervisor
from ivmweb.hypervisor.simulated.records import Record, read_records
from tests.e2e.browse import Visitor
from tools.lab import Lab
from tools.paths import ToolError

CONSOLES = ("uli13", "uli14")
ENDED = {"closed, kept", "closed, moved", "declined", "yielded"}
RUNS = {RunState.RUNNING, RunState.STARTING, RunState.SHUTTING_DOWN}
T = TypeVar("T")


def wait_for(what: str, condition: Callable[[], T], timeout_s: float = 30, every_s: float = 0.05) -> T:
    """The first true answer; AssertionError, naming `what` and the last answer, after the time-out."""
    deadline = time.monotonic() + timeout_s
    answer = condition()
    while not answer:
        assert time.monotonic() < deadline, f"{what}: not within {timeout_s} s; last answer {answer!r}"
        time.sleep(every_s)
        answer = condition()
    return answer


def ask_sqlite(path: Path, sql: str, values: tuple[Any, ...]) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(path, timeout=20)) as connection:
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute(sql, values)]
        connection.commit()
        return rows


def ask_postgres(url: str, sql: str, values: tuple[Any, ...]) -> list[dict[str, Any]]:
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        answer = connection.execute(sql.replace("?", "%s"), values)
        return answer.fetchall() if answer.description else []


@dataclass
class World:
    lab: Lab
    visitors: dict[tuple[str, str], Visitor] = field(default_factory=dict)

    def visitor(self, console: str, user: str = "padmin") -> Visitor:
        if (console, user) not in self.visitors:
            self.visitors[console, user] = Visitor(self.lab.consoles[console].url, user)
        return self.visitors[console, user]

    def processes_back(self, timeout_s: float = 30) -> None:
        """All of the lab run, none is frozen, and each answers."""
        for name, process in self.lab.processes.items():
            wait_for(f"{name} to be started again", lambda one=process: one.pid is not None, timeout_s)
            with suppress(ToolError):
                process.kill(signal.SIGCONT)
        for process in self.lab.processes.values():
            process.wait_ready(timeout_s)

    # Hypervisors

    def hypervisor(self, console: str) -> SimulatedHypervisor:
        return SimulatedHypervisor(self.lab.consoles[console].hypervisor_socket)

    def facts(self, console: str, name: str) -> PartitionFacts | None:
        try:
            partitions = self.hypervisor(console).describe_system().partitions
        except HypervisorError:
            return None
        return next((facts for facts in partitions if facts.name == name), None)

    def answers(self, console: str) -> bool:
        """Its hypervisor is up; what it holds may be gone at the next look, since the schedule goes on."""
        try:
            self.hypervisor(console).describe_system()
        except HypervisorError:
            return False
        return True

    def running_on(self, name: str) -> list[str]:
        return [c for c in CONSOLES if (facts := self.facts(c, name)) and facts.run_state in RUNS]

    def set_fault(self, console: str, **faults: Any) -> None:
        """Faults by configuration of the simulated hypervisor; none clears them."""
        folder = self.lab.consoles[console].folder / "hypervisor"
        temporary = folder / "faults.json.new"
        temporary.write_text(json.dumps(faults))
        temporary.rename(folder / "faults.json")

    # Databases

    def query(self, console: str, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Rows by column; values stand for `?`. Booleans are 0 and 1 in SQLite."""
        place = self.lab.consoles[console]
        if place.database_url:
            return ask_postgres(place.database_url, sql, values)
        return ask_sqlite(place.folder / "console.sqlite3", sql, values)

    def migration(self, console: str, migration: UUID) -> dict[str, Any] | None:
        rows = self.query(console, "select * from migration_migration where id = ?", migration.hex)
        return rows[0] if rows else None

    def states(self, migration: UUID) -> tuple[str, str]:
        """What both consoles record, source or destination whichever they are; "-" for nothing."""
        rows = [self.migration(console, migration) for console in CONSOLES]
        return tuple(row["state"] if row else "-" for row in rows)  # type: ignore[return-value]

    def partition(self, console: str, name: str) -> dict[str, Any] | None:
        rows = self.query(console, "select * from system_logicalpartition where name = ?", name)
        return rows[0] if rows else None

    def mappings(self, console: str, name: str) -> dict[str, str]:
        """vtscsi → hdisk of a partition."""
        rows = self.query(
            console,
            "select d.name as vtscsi, v.name as hdisk from system_virtualtargetdevice d "
            "join system_virtualserveradapter a on a.id = d.adapter_id "
            "join system_logicalpartition p on p.id = a.partition_id "
            "join system_physicalvolume v on v.id = d.physical_volume_id where p.name = ? order by d.lun_number",
            name,
        )
        return {row["vtscsi"]: row["hdisk"] for row in rows}

    def adapters(self, console: str, name: str) -> dict[str, int]:
        rows = self.query(
            console,
            "select a.name, a.slot from system_virtualserveradapter a "
            "join system_logicalpartition p on p.id = a.partition_id where p.name = ?",
            name,
        )
        return {row["name"]: row["slot"] for row in rows}

    def free(self, console: str) -> tuple[int, str]:
        row = self.query(console, "select free_memory_mb, free_units from system_managedsystem")[0]
        return row["free_memory_mb"], f"{row['free_units']:.2f}"

    def can_write(self, console: str) -> bool:
        """Nobody holds the database's write lock; on PostgreSQL there is none for the whole."""
        path = self.lab.consoles[console].folder / "console.sqlite3"
        if not path.exists():
            return True
        with closing(sqlite3.connect(path, timeout=0.3, isolation_level=None)) as connection:
            try:
                connection.execute("begin immediate")
            except sqlite3.OperationalError:
                return False
            connection.execute("rollback")
        return True

    def limit_bandwidth(self, bytes_per_s: int) -> None:
        for console in CONSOLES:
            self.query(console, "update system_managedsystem set migration_bandwidth_bytes_per_s = ?", bytes_per_s)

    def allow_suspension(self, milliseconds: int = 100) -> None:
        for console in CONSOLES:
            self.query(console, "update system_managedsystem set allowed_suspension_ms = ?", milliseconds)

    def slow_partition(self, *, slow: bool = True) -> None:
        """Where its memory does not converge."""
        for console in CONSOLES:
            self.query(console, "update system_managedsystem set slow_partition = ?", slow)

    def tasks(self, console: str) -> int:
        return int(self.query(console, "select count(*) as number from monitor_monitortask")[0]["number"])

    # What must always hold

    def has_ended(self, migration: UUID) -> bool:
        rows = [self.migration(console, migration) for console in CONSOLES]
        return all(
            row is None or (row["state"] in ENDED and (row["state"] != "declined" or row["released"])) for row in rows
        )

    def wait_ended(self, migration: UUID, timeout_s: float = 30) -> tuple[str, str]:
        wait_for(f"end of migration {migration}", lambda: self.has_ended(migration), timeout_s)
        return self.states(migration)

    def why(self, migration: UUID) -> list[str]:
        """Both journals, for a test that fails."""
        columns = "time, to_state, worker, text, params"
        sql = f"select {columns} from migration_migrationevent where migration_id = ? order by id"
        return [f"{c} {' '.join(map(str, e.values()))}" for c in CONSOLES for e in self.query(c, sql, migration.hex)]

    def reached(self, migration: UUID, percent: int, console: str = "uli13") -> bool:
        row = self.migration(console, migration)
        return row is not None and row["percent"] >= percent

    def check_clean(self, name: str, where: str) -> None:
        """The partition is on just one system, and nothing of it is left on the other (I2, I4, I5)."""
        other = next(console for console in CONSOLES if console != where)
        assert self.partition(where, name) is not None
        assert self.partition(where, name)["hold"] == ""
        assert self.partition(other, name) is None
        assert self.adapters(other, name) == {}
        assert self.mappings(other, name) == {}
        assert self.facts(other, name) is None
        systems = {word.system for word in self.owner_words(where, name)}
        has_disks = bool(self.mappings(where, name))
        assert systems == ({self.lab.consoles[where].server.system} if has_disks else set())
        used = self.query(other, "select sum(memory_mb) as mb from system_logicalpartition")[0]["mb"]
        system = self.query(other, "select * from system_managedsystem")[0]
        assert system["installed_memory_mb"] - system["firmware_memory_mb"] - used == system["free_memory_mb"]

    def owner_words(self, console: str, name: str) -> tuple[Any, ...]:
        return self.hypervisor(console).owner_words(self.partition(console, name)["lpar_id"])

    def records(self, name: str) -> list[int]:
        """Numbers of the records that the partition's workload has written to its first LUN."""
        return [record.number for record in self.written(name)]

    def written(self, name: str) -> list[Record]:
        console = next(c for c in CONSOLES if self.partition(c, name))
        path = self.query(
            console,
            "select v.path from system_physicalvolume v join system_virtualtargetdevice d "
            "on d.physical_volume_id = v.id join system_virtualserveradapter a on a.id = d.adapter_id "
            "join system_logicalpartition p on p.id = a.partition_id where p.name = ? order by d.lun_number limit 1",
            name,
        )[0]["path"]
        return read_records(Path(path))

    @contextmanager
    def watched(self, name: str) -> Iterator["Watch"]:
        """Looks at both hypervisors all the time; a moment with two running copies fails the test."""
        watch = Watch(self, name)
        thread = Thread(target=watch.run, daemon=True)
        thread.start()
        try:
            yield watch
        finally:
            watch.ended.set()
            thread.join(5)
        assert watch.twice == [], f"{name} ran twice: {watch.twice[:3]}"


@dataclass
class Watch:
    world: World
    name: str
    ended: Event = field(default_factory=Event)
    twice: list[Any] = field(default_factory=list)
    seen: set[tuple[str, ...]] = field(default_factory=set)

    def run(self) -> None:
        """Asks A, then B, then A again: running on A both times and on B in between is two copies."""
        first, second = CONSOLES
        while not self.ended.wait(0.01):
            before = self._runs(first)
            there = self._runs(second)
            after = self._runs(first)
            self.seen.add(tuple(c for c, runs in ((first, before), (second, there)) if runs))
            if before and there and after:
                self.twice.append(time.monotonic())

    def _runs(self, console: str) -> bool:
        facts = self.world.facts(console, self.name)
        return facts is not None and facts.run_state in RUNS


OPERATOR = Fence(epoch=2**40)
