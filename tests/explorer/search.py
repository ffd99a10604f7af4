"""Breadth first through every world, so that the first trace to a broken invariant is a shortest one."""

import gc
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic

from tests.explorer.model import Label, Model
from tests.explorer.settle import Settling
from tests.explorer.world import World


@dataclass(frozen=True)
class Broken:
    """An invariant that does not hold, with the shortest way there."""

    invariant: str
    start: World
    trace: tuple[tuple[Label, World], ...]
    recovering: int = 0  # how many of the last steps are recovery, after faults have ended


@dataclass
class Found:
    reached: dict[World, World | None]  # every world, and the one that it was reached from first
    seconds: float = 0.0
    broken: Broken | None = None
    ends: Counter[str] = field(default_factory=Counter)  # how the worlds settle

    @property
    def worlds(self) -> int:
        return len(self.reached)


def explore(model: Model, wanted: Callable[[World, str], bool] = lambda world, broken: True) -> Found:
    """Visit every world; from each, faults end and both recovery functions run to the end.

    Stops at the first world that breaks something and is `wanted`; nothing follows after one that is not.
    """
    with no_collection():
        return visit(model, wanted)


@contextmanager
def no_collection() -> Iterator[None]:
    """Millions of tuples without a cycle among them: looking for one takes a third of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def visit(model: Model, wanted: Callable[[World, str], bool]) -> Found:
    began = monotonic()
    start = model.start()
    settling = Settling(model)
    came_from: dict[World, World | None] = {start: None}
    queue = deque([start])
    found = Found(came_from)
    while queue and not found.broken:
        world = queue.popleft()
        end = settling.end_of(world)
        found.ends[end.how] += 1
        if end.broken and wanted(world, end.broken):
            last = [*settling.steps_from(world), *end.acts]
            found.broken = Broken(end.broken, start, (*trace_to(model, came_from, world), *last), len(last))
            break
        for _label, new in model.following(world):
            if new in came_from:
                continue
            came_from[new] = world
            if not new.broken:
                queue.append(new)
            elif wanted(new, new.broken):
                found.broken = Broken(new.broken, start, trace_to(model, came_from, new))
                break
    found.seconds = monotonic() - began
    return found


def trace_to(model: Model, came_from: dict[World, World | None], world: World) -> tuple[tuple[Label, World], ...]:
    steps: list[tuple[Label, World]] = []
    while (before := came_from[world]) is not None:
        label = next(label for label, new in model.following(before) if new == world)
        steps.append((label, world))
        world = before
    return tuple(reversed(steps))
