"""How many requests this web process is answering; what can wait, waits until it has little to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class InHand:
    """Counted by the threads that answer, also for a client that has gone away meanwhile."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = Lock()

    @contextmanager
    def one_more(self) -> Iterator[None]:
        self._add(1)
        try:
            yield
        finally:
            self._add(-1)

    def _add(self, number: int) -> None:
        with self._lock:
            self.count += number


requests = InHand()
