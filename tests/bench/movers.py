"""The movers: bytes per second beside a bare TLS pair in turns, processor time, and what memory they need."""

import statistics
from typing import Any

from tests.bench.figures import Figures, Say, at_least, at_most, told
from tests.bench.rig import half, hear, rig

MEMORY_MB = 1024
PAIRS = 5
SMALL_MB, LARGE_MB = 256, 4096
GB = 1e9


def mover(say: Say) -> Figures:
    """Hypervisor to hypervisor through both movers, against two Python TLS sockets that copy as much."""
    moves, copies = [], []
    with rig(MEMORY_MB) as pair:
        pair.move()  # memory that its host has never touched is slow the first time
        for number in range(PAIRS):
            moves.append(total(*pair.move()))
            copies.append(bare_copy())
            say(f"pair {number + 1}: movers {rate(moves[-1]):.0f} MB/s, bare {rate(copies[-1]):.0f} MB/s")
    ratios = [rate(move) / rate(copy) for move, copy in zip(moves, copies, strict=True)]
    return {
        "mover.ratio": at_least(statistics.median(ratios), "of a bare TLS pair", 0.5),
        "mover.rate": told(statistics.median(map(rate, moves)), "MB/s"),
        "mover.bare_rate": told(statistics.median(map(rate, copies)), "MB/s"),
        "mover.cpu": told(statistics.median(map(cpu_per_gb, moves)), "CPU-seconds per GB, both movers"),
        "mover.bare_cpu": told(statistics.median(map(cpu_per_gb, copies)), "CPU-seconds per GB, both ends"),
    }


def bare_copy() -> dict[str, Any]:
    with half("bare-in", str(MEMORY_MB)) as receiving:
        port = str(hear(receiving)["port"])
        with half("bare-out", str(MEMORY_MB), port) as sending:
            sent = hear(sending)
        return total(sent, hear(receiving))


def total(sent: dict[str, Any], received: dict[str, Any]) -> dict[str, Any]:
    return {**sent, "cpu_s": sent["cpu_s"] + received["cpu_s"]}


def rate(measured: dict[str, Any]) -> float:
    return float(measured["bytes"] / measured["seconds"] / 1e6)


def cpu_per_gb(measured: dict[str, Any]) -> float:
    return float(measured["cpu_s"] / (measured["bytes"] / GB))


def memory(say: Say) -> Figures:
    """What a mover's process grows by, for a small and a large partition."""
    grown = {size_mb: growth(size_mb, say) for size_mb in (SMALL_MB, LARGE_MB)}
    return {
        "memory.growth": at_most(max(grown.values()), "MB beyond an idle mover, of 4 GB", 64),
        "memory.difference": at_most(abs(grown[LARGE_MB] - grown[SMALL_MB]), "MB between 256 MB and 4 GB", 8),
    }


def growth(size_mb: int, say: Say) -> float:
    """MB, of the end that grows more."""
    with rig(size_mb) as pair:
        grown = max(measured["grown_kb"] for measured in pair.move()) / 1024
    say(f"{size_mb} MB: {grown:.1f} MB")
    return grown
