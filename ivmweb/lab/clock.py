"""A clock that is off, for scenarios and tests of the laboratory: what a console reads of the time of day is shifted.

The file `clock-offset` in the console's state folder says by how many seconds, and may be changed at any time. Only
the time of day: leases and time-outs count monotonic seconds.
"""

import datetime as dt
import time
from pathlib import Path

from django.utils import timezone

from ivmweb.lab.following import reader, replace_file

NAME = "clock-offset"
HOUR_S = 3600


def shift(folder: Path) -> None:
    """From now on `time.time()` and Django's `timezone.now()` are off by what the file says, where there is one."""
    offset_s = reader(folder / NAME, float, 0.0)
    true_time, true_now = time.time, timezone.now
    time.time = lambda: true_time() + offset_s()
    timezone.now = lambda: true_now() + dt.timedelta(seconds=offset_s())


def set_offset(folder: Path, seconds: int) -> None:
    """Of every process of the console, at once."""
    replace_file(folder / NAME, str(seconds))
