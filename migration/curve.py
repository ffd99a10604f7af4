"""Memory left over time, as points that stay few however long the transfer takes. Pure."""

from typing import NamedTuple

MOST_POINTS = 200
CLOSEST_S = 0.4


class Point(NamedTuple):
    seconds: float  # since the transfer began
    bytes_remaining: int
    bytes_sent: int


def with_point(points: list[Point], new: Point) -> list[Point]:
    """With `new` at the end, in the place of the last one where that is too close to be kept beside it.

    Past MOST_POINTS every second one is dropped, and from then on points must stand twice as far apart.
    """
    gap = spacing(points)
    kept = points[:-1] if len(points) > 1 and points[-1].seconds - points[-2].seconds < gap else points
    grown = [*kept, new]
    return grown if len(grown) <= MOST_POINTS else [*grown[:-1:2], grown[-1]]


def spacing(points: list[Point]) -> float:
    """Nine tenths of the mean distance, so that a thinned curve does not fill up again at once."""
    if len(points) < MOST_POINTS // 2:
        return CLOSEST_S
    return max(CLOSEST_S, 0.9 * (points[-1].seconds - points[0].seconds) / (len(points) - 1))
