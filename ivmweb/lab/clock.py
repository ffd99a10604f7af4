"""A clock that is off, for a test of the laboratory: what a console reads of the time of day is shifted.

Used where the console's state folder holds a file `clock-offset` when the process starts; it says by how many
seconds, and may be changed at any time. Only the time of day: leases and time-outs count monotonic seconds.
"""

import datetime as dt
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from django.utils import timezone

NAME = "clock-offset"


def shift(folder: Path) -> None:
    """From now on `time.time()` and Django's `timezone.now()` are off by what the file says, where there is one."""
    file = folder / NAME
    if not file.exists():
        return
    offset_s = reader(file)
    true_time, true_now = time.time, timezone.now
    time.time = lambda: true_time() + offset_s()
    timezone.now = lambda: true_now() + dt.timedelta(seconds=offset_s())


def reader(file: Path) -> Callable[[], float]:
    """Says the number in the file, and the last one while it cannot be read."""
    last = 0.0

    def read() -> float:
        nonlocal last
        with suppress(OSError, ValueError):
            last = float(file.read_text())
        return last

    return read
