"""How many requests this web process is answering; what can wait, waits until it has little to do."""

from collections.abc import Iterator
from contextlib import contextmanager


class InHand:
    """Counted on the event loop only, so without a lock."""

    def __init__(self) -> None:
        self.count = 0

    @contextmanager
    def one_more(self) -> Iterator[None]:
        self.count += 1
        try:
            yield
        finally:
            self.count -= 1


requests = InHand()
