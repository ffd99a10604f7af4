"""Scenarios by name: one function each, whose docstring is its help line, and one that undoes it."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from ivmweb.common.errors import IvmError
from ivmweb.monitor import notices
from ivmweb.transactions import serialized

Action = Callable[[], None]


class NotPossible(Exception):
    """The situation can't be made here; the text says why, and where it can."""


class Where(StrEnum):
    """The console to run it on, as the list says it."""

    SOURCE = "where the partition is"
    DESTINATION = "where it should move to"
    EITHER = "either"


class Scenario:
    """`shows`: names of the checks of Validate that notice it, and no other does; none: it is about speed."""

    def __init__(self, make: Callable[..., None], where: Where, shows: tuple[str, ...], value: str = "") -> None:
        self.name = make.__name__.replace("_", "-")
        self.help = (make.__doc__ or "").strip()
        self.where, self.shows = where, shows
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


def scenario(where: Where = Where.EITHER, *shows: str, value: str = "") -> Callable[[Callable[..., None]], Scenario]:
    return lambda make: _register(Scenario(make, where, shows, value))


def _register(made: Scenario) -> Scenario:
    SCENARIOS[made.name] = made
    return made


def run(name: str, value: float | None = None) -> None:
    """Make the situation; again is harmless. Raises NotPossible with nothing changed."""
    _in_one_transaction(SCENARIOS[name].make, value)


def undo(name: str) -> None:
    """As it was at the first start; harmless where the scenario was not made."""
    _in_one_transaction(SCENARIOS[name].undo)


WAKES = "hypervisor-silent"  # its end comes first: others ask the hypervisor


def undo_all() -> None:
    """Each is tried; then NotPossible says what could not be ended, and why."""
    left = []
    for name in sorted(SCENARIOS, key=lambda name: name != WAKES):
        try:
            undo(name)
        except (NotPossible, IvmError) as exc:
            left.append(f"{name}: {exc}")
    if left:
        raise NotPossible(f"Not ended: {' '.join(left)}")


def _in_one_transaction(act: Callable[..., None], *args: Any) -> None:
    with serialized():
        act(*args)
        notices.publish(notices.PARTITIONS, notices.SYSTEM)
