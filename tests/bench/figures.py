"""What a benchmark says: named figures with their units and goals."""

from collections.abc import Callable
from dataclasses import dataclass


class Missing(Exception):
    """What a benchmark compares with is not on this machine; the text says what to install."""


@dataclass(frozen=True)
class Figure:
    """`ok` is None where there is no goal: the figure is told for what it is."""

    value: float
    unit: str
    goal: str = ""
    ok: bool | None = None


def at_most(value: float, unit: str, limit: float) -> Figure:
    return Figure(rounded(value), unit, f"at most {limit:g}", value <= limit)


def at_least(value: float, unit: str, limit: float) -> Figure:
    return Figure(rounded(value), unit, f"at least {limit:g}", value >= limit)


def told(value: float, unit: str) -> Figure:
    return Figure(rounded(value), unit)


def rounded(value: float) -> float:
    return float(f"{value:.4g}")


Figures = dict[str, Figure]
Say = Callable[[str], None]  # what goes on, for whoever waits
Benchmark = Callable[[Say], Figures]


def percentile(values: list[float], share: float) -> float:
    """The smallest value that `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
