"""Reference codes that a partition shows, in order, and what its processors are said to use."""

import time
from collections import deque
from collections.abc import Callable

from ivmweb.hypervisor.base import ReferenceCode

RUNNING = "Linux ppc64"

BOOT = (
    *("C2001000", "C2001010", "C20011FF", "C20012FF", "C20013FF", "C20014FF", "C20021FF", "C20022FF", "C20023FF"),
    *("C20024FF", "C20025FF", "C2003100", "C2006040", "C20080FF", "C2008120", "C20081FF", "C20082FF", "CA000000"),
    *(f"CA00D0{step:02X}" for step in range(0x01, 0x13)),
    *("CA00E1F1", "CA00E139", "CA00E14D", "CA00E134"),
)
SHUTDOWN = ("D2000080", "D2001010", "D20010FF", "D20080FF", "D200A200")
IMMEDIATE_SHUTDOWN = ("D20080FF", "D200A200")
ENDED = "00000000"
BOOT_FAILED = "AA060011"

# Shown by an incoming partition while its memory arrives.
INCOMING = ("C2001010", "C20011FF", "C20012FF", "C20021FF", "C20022FF", "C20023FF", "C20024FF", "C20080FF")
LOADED = "C20082FF"

_IDLE_UNITS = 0.03
_IDLE_BYTES_PER_S = 4 * 2**20
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


def incoming_code(received_pages: int, pages: int) -> str:
    step = received_pages * len(INCOMING) // max(pages, 1)
    return INCOMING[min(step, len(INCOMING) - 1)]


def utilized_units(entitled_units: float, bytes_per_s: int) -> float:
    """Simulated: 0.03 up to 4 MB/s of writes, in proportion above, at most ten times the entitlement.

    An uncapped partition of 0.2 units that writes 40 MB/s is said to use 0.3.
    """
    wanted = _IDLE_UNITS * max(1.0, bytes_per_s / _IDLE_BYTES_PER_S)
    return round(min(wanted, 10 * entitled_units), 2)
