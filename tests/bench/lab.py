"""With two whole consoles: the suspension that a partition feels, event streams under load, and the start."""

import asyncio
import os
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from tests.bench.figures import Figures, Say, at_most, percentile, told
from tests.e2e.world import World, wait_for
from tools.lab import Lab, LabOptions
from tools.paths import ROOT

PORT_OFFSET = 15_000  # below the ports that the kernel gives out by itself
WRITES_MB_PER_S = (0, 50, 200)
MOVES = 10
STREAMS, WATCHERS = 200, 20
STREAMED_AT = 80_000_000  # bytes per second: the move lasts a quarter of a minute
OPENED_WITHIN_S = 30
PAUSE_S = 0.4  # a page fetches a part at most so often
START_GOAL_S = 12


@contextmanager
def two_consoles(**options: object) -> Iterator[World]:
    """In a folder of their own, at ports of their own."""
    offset = int(os.environ.get("IVM_LAB_PORT_OFFSET") or PORT_OFFSET)
    chosen = LabOptions(fast=True, **options)  # type: ignore[arg-type]
    with (
        tempfile.TemporaryDirectory(prefix="ivm-bench-") as folder,
        Lab(Path(folder) / "lab", offset, chosen) as lab,
    ):
        yield World(lab)


def suspension(say: Say) -> Figures:
    """The longest gap between two heartbeats of the partition itself, from one console to the other."""
    figures: Figures = {}
    with two_consoles() as world:
        move(world)  # both servers have had the memory in hand once
        for writes in WRITES_MB_PER_S:
            run(world, where_is(world), "lab-scenario", "hot-workload", str(writes))
            felt = [move(world) for _number in range(MOVES)]
            say(f"{writes} MB/s of writes: {', '.join(f'{gap:.0f}' for gap in felt)} ms")
            median = statistics.median(felt)
            name = f"suspension.at_{writes}_mb_per_s"
            figures[name] = at_most(median, "ms, median", 200) if writes <= 50 else told(median, "ms, median")
            figures[f"{name}.worst"] = told(max(felt), "ms")
    return figures


def where_is(world: World) -> str:
    return next(console for console in ("uli13", "uli14") if world.partition(console, "uli13lp1"))


def other(console: str) -> str:
    return "uli14" if console == "uli13" else "uli13"


def run(world: World, console: str, *command: str) -> None:
    done = world.lab.manage(console, *command)
    if done.returncode:
        raise RuntimeError(f"manage.py {' '.join(command)}: {done.stderr}")


def begin_move(world: World) -> tuple[UUID, str]:
    """The migration, and the console that the partition leaves."""
    source = where_is(world)
    return world.visitor(source).migrate(world.partition(source, "uli13lp1")["lpar_id"], other(source)), source


def move(world: World) -> float:
    """To the other console; milliseconds of suspension felt."""
    migration, source = begin_move(world)
    if world.wait_ended(migration, 120) != ("closed, moved", "closed, moved"):
        raise RuntimeError("\n".join(world.why(migration)))
    wait_for(
        "the partition to be free",
        lambda: (world.partition(other(source), "uli13lp1") or {"hold": "x"})["hold"] == "",
    )
    return float(wait_for("the gap", lambda: (world.migration(other(source), migration) or {})["suspension_ms"]))


# Streams


@dataclass
class Watch:
    """One open page: it hears events, and fetches the part that each one is for."""

    port: int
    cookie: str
    topic: str
    address: str
    delays_s: list[float] = field(default_factory=list)
    heard: int = 0
    is_open: bool = False

    async def watch(self) -> None:
        reader, writer = await self._ask("/events/", accept="text/event-stream")
        try:
            await reader.readline()
            self.is_open = True
            while line := await reader.readline():
                if line.strip() == f"event: {self.topic}".encode():
                    self.heard += 1
                    began = time.monotonic()
                    await self._fetch()
                    self.delays_s.append(time.monotonic() - began)
                    await asyncio.sleep(PAUSE_S)
        finally:
            writer.close()

    async def _fetch(self) -> None:
        reader, writer = await self._ask(self.address, fragment=True)
        answer = await reader.read()
        writer.close()
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{self.address} answered {answer[:60]!r}")

    async def _ask(
        self, path: str, *, accept: str = "text/html", fragment: bool = False
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            f"Cookie: {self.cookie}",
            f"Accept: {accept}",
        ]
        lines += ["HX-Request: true", "Connection: close"] if fragment else []
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        await writer.drain()
        return reader, writer


def streams(say: Say) -> Figures:
    """200 open pages and one migration: how long after an event a page has its new part."""
    with two_consoles() as world:
        world.limit_bandwidth(STREAMED_AT)
        visitor = world.visitor("uli13")
        cookie = "; ".join(f"{name}={value}" for name, value in visitor.http.cookies.items())
        source = where_is(world)
        port, pid = world.lab.consoles[source].http_port, world.lab.processes[f"{source}/web"].pid
        lists = [Watch(port, cookie, "partitions", "/") for _number in range(STREAMS - WATCHERS)]
        watched, cores = asyncio.run(watch_a_move(world, lists, port, cookie, lambda: cpu_s(pid)))
    delays = [1000 * delay for watch in watched for delay in watch.delays_s]
    say(f"{len(delays)} parts of Status, {sum(watch.heard for watch in lists)} of the list were fetched")
    return {
        "streams.p99": at_most(percentile(delays, 0.99), "ms from event to part", 250),
        "streams.p50": told(percentile(delays, 0.5), "ms from event to part"),
        "streams.cpu": told(cores, "cores of the web process"),
    }


async def watch_a_move(
    world: World, lists: list[Watch], port: int, cookie: str, used_cpu_s: Callable[[], float]
) -> tuple[list[Watch], float]:
    """The pages of its Status, and what the web process needed; they and the lists are open before they count."""
    tasks = await opened(lists)
    before, began = used_cpu_s(), time.monotonic()
    migration, _source = await asyncio.to_thread(begin_move, world)
    address = f"/migrations/{migration}/?seen=x"
    watched = [Watch(port, cookie, f"migration-{migration}", address) for _number in range(WATCHERS)]
    tasks += await opened(watched)
    while not await asyncio.to_thread(world.has_ended, migration):
        await asyncio.sleep(0.5)
        for task in tasks:
            if task.done():
                task.result()
    cores = (used_cpu_s() - before) / (time.monotonic() - began)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return watched, cores


async def opened(watches: list[Watch]) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(watch.watch()) for watch in watches]
    async with asyncio.timeout(OPENED_WITHIN_S):
        while not all(watch.is_open for watch in watches):
            await asyncio.sleep(0.05)
    return tasks


def cpu_s(pid: int | None) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def start(say: Say) -> Figures:
    """`./ivm demo` until it is ready: the first time with everything installed, and again."""
    with tempfile.TemporaryDirectory(prefix="ivm-bench-") as folder:
        seconds = [demo(Path(folder) / "lab") for _number in range(3)]
    say(", ".join(f"{one:.1f} s" for one in seconds))
    return {
        "start.first": told(seconds[0], "s"),
        "start.again": at_most(statistics.mean(seconds[1:]), "s", START_GOAL_S),
    }


def demo(folder: Path) -> float:
    offset = os.environ.get("IVM_LAB_PORT_OFFSET") or str(PORT_OFFSET)
    environment = {**os.environ, "IVM_LAB_DIR": str(folder), "IVM_LAB_PORT_OFFSET": offset}
    try:
        shown = subprocess.run(
            [ROOT / "ivm", "demo", "--detach"], env=environment, stdout=subprocess.PIPE, text=True, check=True
        ).stdout
        found = re.search(r"ready in ([\d.]+) s", shown)
        if found is None:
            raise RuntimeError(shown)
        return float(found[1])
    finally:
        subprocess.run([ROOT / "ivm", "stop"], env=environment, stdout=subprocess.DEVNULL, check=True)
