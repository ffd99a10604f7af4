"""Scenarios by name: one function each, whose docstring is its help line, and one that undoes it."""

from collections.abc import Callable
from typing import Any

from django.db import transaction

from ivmweb.monitor import notices

Action = Callable[[], None]


class NotPossible(Exception):
    """The situation can't be made here; the text says why, and where it can."""


class Scenario:
    def __init__(self, make: Callable[..., None], value: str = "") -> None:
        self.name = make.__name__.replace("_", "-")
        self.help = (make.__doc__ or "").strip()
        self.value = value  # what its number means; empty: it takes none
        self._make = make
        self._undo: Action | None = None

    def undone_by(self, undo: Action) -> Action:
        self._undo = undo
        return undo

    def make(self, value: float | None) -> None:
        if bool(self.value) != (value is not None):
            needs = f"a number: {self.value}" if self.value else "no number"
            raise NotPossible(f"{self.name} takes {needs}.")
        self._make(*([value] if self.value else []))

    def undo(self) -> None:
        if self._undo:
            self._undo()


SCENARIOS: dict[str, Scenario] = {}


def scenario(make: Callable[..., None]) -> Scenario:
    return _register(Scenario(make))


def scenario_with(value: str) -> Callable[[Callable[..., None]], Scenario]:
    return lambda make: _register(Scenario(make, value))


def _register(made: Scenario) -> Scenario:
    SCENARIOS[made.name] = made
    return made


def run(name: str, value: float | None = None) -> None:
    """Make the situation; again is harmless. Raises NotPossible with nothing changed."""
    _in_one_transaction(SCENARIOS[name].make, value)


def undo(name: str) -> None:
    """As it was at the first start; harmless where the scenario was not made."""
    _in_one_transaction(SCENARIOS[name].undo)


def undo_all() -> None:
    for name in SCENARIOS:
        undo(name)


def _in_one_transaction(act: Callable[..., None], *args: Any) -> None:
    with transaction.atomic():
        act(*args)
        notices.publish(notices.PARTITIONS, notices.SYSTEM)
