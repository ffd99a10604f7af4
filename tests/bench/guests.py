"""With two whole consoles: a real guest moves to and fro, and says what it found of its memory, disk and clock."""

import statistics
from itertools import pairwise

from ivmweb.hypervisor.base import PartitionFacts
from tests.bench.figures import Figures, Missing, Say, at_least, at_most, told
from tests.bench.lab import move, run, two_consoles, where_is
from tests.e2e.world import World, wait_for
from tools import qemu as programs

MEMORY_MB = 512
WRITES_MB_PER_S = (50, 200)
MOVES = 20
GAP_GOAL_MS = 200
PAGES_TO_CHECK = 2 * 64 * 256  # twice its working set


def guests(say: Say) -> Figures:
    """20 moves of a real guest that writes 50, then 200 MB/s, and is slowed down where that is too much."""
    if not programs.is_here():
        raise Missing(f"{programs.NAME} is not installed")
    figures: Figures = {}
    with two_consoles(guest=programs.kit(), memory_mb=MEMORY_MB) as world:
        world.slow_partition()
        wait_for("the guest", lambda: facts(world).heartbeat, 60)
        for writes in WRITES_MB_PER_S:
            run(world, where_is(world), "lab-scenario", "hot-workload", str(writes))
            felt = [move(world) for _number in range(MOVES)]
            say(f"{writes} MB/s of writes: {', '.join(f'{gap:.0f}' for gap in felt)} ms")
            name = f"guests.at_{writes}_mb_per_s"
            figures[name] = at_most(statistics.median(felt), "ms of suspension felt, median", GAP_GOAL_MS)
            figures[f"{name}.worst"] = told(max(felt), "ms")
        figures |= health(world)
    return figures


def health(world: World) -> Figures:
    """After all moves, when each page of the working set has been looked at once more."""
    since = facts(world).pages_checked or 0
    wait_for("all pages to be checked", lambda: (facts(world).pages_checked or 0) > since + PAGES_TO_CHECK, 60)
    numbers = world.records("uli13lp1")
    gaps = sum(1 for one, two in pairwise(numbers) if two != one + 1)
    return {
        "guests.pages": at_least(facts(world).pages_checked or 0, "pages that the guest has checked", PAGES_TO_CHECK),
        "guests.page_errors": at_most(facts(world).page_errors or 0, "of them not as it had left them", 0),
        "guests.record_gaps": at_most(gaps, f"gaps in the {len(numbers)} records of its disk", 0),
    }


def facts(world: World) -> PartitionFacts:
    found = world.facts(where_is(world), "uli13lp1")
    assert found is not None
    return found
