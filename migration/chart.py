"""The curve of memory left over time as a drawing: coordinates for an SVG, and the same in words. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from ivmweb.pages import formats
from migration.curve import Point

WIDTH, HEIGHT = 400, 150
LEFT, RIGHT, TOP, BOTTOM = 64, 8, 10, 22  # room around the plot: labels of the axes
ROWS = 8  # of the table


@dataclass(frozen=True)
class Tick:
    at: float
    label: str
    anchor: str = "middle"


@dataclass(frozen=True)
class Chart:
    line: str  # points of a polyline
    area: str  # the same, closed along the axis
    times: tuple[Tick, ...]  # along the bottom
    amounts: tuple[Tick, ...]  # along the left
    description: str
    rows: tuple[tuple[str, str, str], ...]  # time, left, sent
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM


def chart(points: Sequence[Point], bytes_total: int) -> Chart | None:
    """None while there is nothing to draw."""
    if len(points) < 2 or not bytes_total:
        return None
    whole_s = max(points[-1].seconds, 0.1)
    most = max(bytes_total, *(point.bytes_remaining for point in points))
    line = [(x_of(point.seconds, whole_s), y_of(point.bytes_remaining, most)) for point in points]
    closed = [*line, (line[-1][0], HEIGHT - BOTTOM), (line[0][0], HEIGHT - BOTTOM)]
    return Chart(
        line=joined(line),
        area=joined(closed),
        times=tuple(
            Tick(x_of(part * whole_s, whole_s), formats.span(part * whole_s), anchor)
            for part, anchor in ((0, "start"), (0.5, "middle"), (1, "end"))
        ),
        amounts=tuple(Tick(y_of(part * most, most), formats.amount(int(part * most))) for part in (0, 0.5, 1)),
        description=description(points),
        rows=tuple(row(point) for point in some(points)),
    )


def x_of(seconds: float, whole_s: float) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * seconds / whole_s, 1)


def y_of(amount: float, most: float) -> float:
    return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * amount / most, 1)


def joined(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in places)


def description(points: Sequence[Point]) -> str:
    first, last = points[0], points[-1]
    return _("%(first)s were left after %(from)s, %(last)s after %(to)s.") % {
        "first": formats.amount(first.bytes_remaining),
        "from": formats.span(first.seconds),
        "last": formats.amount(last.bytes_remaining),
        "to": formats.span(last.seconds),
    }


def some(points: Sequence[Point]) -> list[Point]:
    """As many as the table shows, the last one among them."""
    step = -(-len(points) // ROWS)
    return list(points[::-1][::step][::-1])


def row(point: Point) -> tuple[str, str, str]:
    return formats.span(point.seconds), formats.amount(point.bytes_remaining), formats.amount(point.bytes_sent)
