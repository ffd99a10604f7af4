"""Breadth first through every world, so that the first trace to a broken invariant is a shortest one."""

from collections import deque
from collections.abc import Callable
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


@dataclass
class Found:
    worlds: int = 0
    seconds: float = 0.0
    broken: Broken | None = None
    ends: dict[str, int] = field(default_factory=dict)  # how the worlds settle, counted
    complete: bool = True


def explore(model: Model, *, most: int | None = None, beat: Callable[[int], None] | None = None) -> Found:
    """Visit every world, or the first `most`; from each, faults end and both recovery functions run to the end."""
    began = monotonic()
    start = model.start()
    settling = Settling(model)
    came_from: dict[World, World | None] = {start: None}
    queue = deque([start])
    found = Found()
    while queue:
        world = queue.popleft()
        end = settling.end_of(world)
        found.ends[end.how] = found.ends.get(end.how, 0) + 1
        if end.broken:
            steps = settling.steps_from(world)
            found.broken = Broken(end.broken, start, (*trace_to(model, came_from, world), *steps))
            break
        for _label, new in model.following(world):
            if new not in came_from:
                came_from[new] = world
                if new.broken:
                    found.broken = Broken(new.broken, start, trace_to(model, came_from, new))
                    queue.clear()
                    break
                queue.append(new)
        if most is not None and len(came_from) >= most and not found.broken:
            found.complete = not queue
            break
    found.worlds, found.seconds = len(came_from), monotonic() - began
    return found


def trace_to(model: Model, came_from: dict[World, World | None], world: World) -> tuple[tuple[Label, World], ...]:
    steps: list[tuple[Label, World]] = []
    while (before := came_from[world]) is not None:
        label = next(label for label, new in model.following(before) if new == world)
        steps.append((label, world))
        world = before
    return tuple(reversed(steps))
