"""A clock that is off, for scenarios and tests of the laboratory: what a console reads of the time of day is shifted.

The file `clock-offset` in the console's state folder says by how many seconds, and may be changed at any time. Only
the time of day: leases and time-outs count monotonic seconds.
"""

import datetime as dt
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from django.utils import timezone

NAME = "clock-offset"
HOUR_S = 3600


def shift(folder: Path) -> None:
    """From now on `time.time()` and Django's `timezone.now()` are off by what the file says, where there is one."""
    offset_s = reader(folder / NAME)
    true_time, true_now = time.time, timezone.now
    time.time = lambda: true_time() + offset_s()
    timezone.now = lambda: true_now() + dt.timedelta(seconds=offset_s())


def set_offset(folder: Path, seconds: int) -> None:
    """Of every process of the console, at once."""
    new = folder / f"{NAME}.new"
    new.write_text(str(seconds))
    new.replace(folder / NAME)


def reader(file: Path) -> Callable[[], float]:
    """Says the number in the file, and the last one while it cannot be read; reads it only once it has changed."""
    last, changed_at = 0.0, 0

    def read() -> float:
        nonlocal last, changed_at
        with suppress(OSError, ValueError):
            if changed_at != (now := os.stat(file).st_mtime_ns):
                last, changed_at = float(file.read_text()), now
        return last

    return read
