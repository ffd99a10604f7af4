"""The reference codes that a partition has shown."""

import time
from collections import deque
from collections.abc import Callable

from ivmweb.hypervisor.base import ReferenceCode

ENDED = "00000000"
_KEPT = 200


class Panel:
    """The codes that a partition has shown, the newest last; its owner sees to it that one thread shows at a time."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        """`tell` is called with each code as it appears."""
        self._shown: deque[ReferenceCode] = deque(maxlen=_KEPT)
        self._tell = tell
        self.show(ENDED)

    @property
    def code(self) -> str:
        return self._shown[-1].code

    def show(self, code: str) -> None:
        if not self._shown or self.code != code:
            self._shown.append(ReferenceCode(code, time.time()))
            self._tell(code)

    def newest(self, count: int) -> list[ReferenceCode]:
        """The newest first."""
        return list(reversed(self._shown))[: max(0, count)]
