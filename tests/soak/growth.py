"""What the lab's long-lived processes hold, move by move, and whether it only grows."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from tests.e2e.world import CONSOLES, World
from tools.lab import Lab

PROC = Path("/proc")
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20
WARM_UP = 10  # moves: until then pools fill and modules are loaded
LEAST_SAMPLES = 40  # of one life of a process: fewer show nothing
# Between the first and the last third of a life; what a leak of one a move passes soon, and nothing else.
MORE_FILES, MORE_THREADS, MORE_MB = 12, 8, 40.0
# Rows of what a server has: a migration leaves as many as it found. All others are a history.
INVENTORY = "system_"
HISTORY = ("system_auditevent", "system_referencecode", "system_utilizationsample", "system_partitionutilization")


@dataclass(frozen=True)
class Size:
    rss_mb: float
    threads: int
    files: int

    def __str__(self) -> str:
        return f"{self.rss_mb:.0f} MB, {self.threads} threads, {self.files} files"


@dataclass
class Life:
    """One process from its start to its end, with what it has started itself."""

    pid: int
    sizes: list[Size] = field(default_factory=list)


@dataclass
class Growth:
    lives: dict[str, list[Life]] = field(default_factory=dict)  # by the process's name

    def look(self, lab: Lab) -> None:
        sessions = sizes_by_session()
        for name, process in lab.processes.items():
            if process.pid in sessions:
                self.add(name, process.pid, sessions[process.pid])

    def add(self, name: str, pid: int, size: Size) -> None:
        lives = self.lives.setdefault(name, [])
        if not lives or lives[-1].pid != pid:
            lives.append(Life(pid))
        lives[-1].sizes.append(size)

    def faults(self) -> list[str]:
        return [f"growth of {name}: {one}" for name, lives in self.lives.items() for one in grown(lives[-1].sizes)]

    def lines(self) -> list[str]:
        """Of each process its longest life: at the beginning, at the end."""
        longest = {name: max(lives, key=lambda life: len(life.sizes)) for name, lives in self.lives.items()}
        return [
            f"{name}: {life.sizes[0]} -> {life.sizes[-1]} "
            f"({len(life.sizes)} moves, the longest of {len(self.lives[name])})"
            for name, life in sorted(longest.items())
        ]


def grown(sizes: list[Size]) -> list[str]:
    """What is clearly more in the last third than in the first one; a peak alone is not.

    Threads and files are compared by their medians, memory by its upper quartile: the simulated hypervisor has the
    partition's in one move and not in the next, and now and then is seen while it still digests an earlier image.
    """
    steady = sizes[WARM_UP:]
    if len(steady) < LEAST_SAMPLES:
        return []
    third = len(steady) // 3
    first, last = steady[:third], steady[-third:]
    faults = []
    for what, more in (("files", MORE_FILES), ("threads", MORE_THREADS)):
        was, now = (median(getattr(size, what) for size in part) for part in (first, last))
        if now - was > more:
            faults.append(f"{was:g} {what} became {now:g} in {len(steady)} moves")
    was, now = (quantiles([size.rss_mb for size in part], n=4)[-1] for part in (first, last))
    if now - was > MORE_MB:
        faults.append(f"{was:.0f} MB became {now:.0f} in {len(steady)} moves")
    return faults


def sizes_by_session() -> dict[int, Size]:
    """Each process of the lab leads a session; a worker's children are in it."""
    found: dict[int, list[Size]] = {}
    for folder in PROC.glob("[0-9]*"):
        try:
            found.setdefault(os.getsid(int(folder.name)), []).append(size_of(folder))
        except OSError:  # it has ended, or is somebody else's
            continue
    return {leader: total(sizes) for leader, sizes in found.items()}


def size_of(folder: Path) -> Size:
    resident = int((folder / "statm").read_text().split()[1])
    threads, files = (sum(1 for _ in (folder / name).iterdir()) for name in ("task", "fd"))
    return Size(resident * PAGE_MB, threads, files)


def total(sizes: Iterable[Size]) -> Size:
    parts = list(sizes)
    return Size(
        sum(size.rss_mb for size in parts), sum(size.threads for size in parts), sum(size.files for size in parts)
    )


def rows(world: World, prefix: str = "") -> dict[str, int]:
    """How many there are, by `console.table`, in tables whose names begin like that."""
    found = {}
    sql = "select name from sqlite_master where type = 'table' and name like ?"
    for console in CONSOLES:
        tables = [row["name"] for row in world.query(console, sql, f"{prefix}%")]
        for table in tables:
            found[f"{console}.{table}"] = world.query(console, f'select count(*) as n from "{table}"')[0]["n"]
    return found


def more_rows(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    return {name: after[name] - before[name] for name in sorted(before) if after[name] > before[name]}


def inventory(counts: Mapping[str, int]) -> dict[str, int]:
    """Over both consoles, by table: a partition that has moved is a row of the other one."""
    summed: dict[str, int] = {}
    for name, number in counts.items():
        table = name.partition(".")[2]
        if table.startswith(INVENTORY) and table not in HISTORY:
            summed[table] = summed.get(table, 0) + number
    return summed
