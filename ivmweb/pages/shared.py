"""A part that many pages fetch at the same moment, made once: twenty watchers of a migration hear of it together.

What was made counts only until this process hears of any change, and for LIFE_S after it was made. It is noted as of
what had been heard before it was looked up, so a change that it may have missed always makes it old.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")
LIFE_S = 1.0  # parts also say how long ago something was
MOST = 32  # kept at a time


@dataclass
class Place(Generic[T]):
    """One key's: whoever comes while it is made waits for it."""

    lock: Lock = field(default_factory=Lock)
    made: T | None = None
    heard: int = -1
    until: float = 0.0

    def get(self, heard: int, make: Callable[[], T]) -> T:
        with self.lock:
            if self.made is None or self.heard < heard or time.monotonic() >= self.until:
                self.made, self.heard = make(), heard
                self.until = time.monotonic() + LIFE_S  # from now: who has waited must not make it once more
            return self.made


class Shared(Generic[T]):
    def __init__(self) -> None:
        self._places: OrderedDict[Hashable, Place[T]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, heard: int | None, make: Callable[[], T]) -> T:
        """`heard`: how many changes this process has heard of; None where it may miss some, and nothing is shared."""
        return make() if heard is None else self._place(key).get(heard, make)

    def _place(self, key: Hashable) -> Place[T]:
        with self._lock:
            place = self._places.setdefault(key, Place())
            self._places.move_to_end(key)
            if len(self._places) > MOST:
                self._places.popitem(last=False)
            return place
