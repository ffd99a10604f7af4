"""Small files in a console's state folder that its processes follow while they run."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def replace_file(file: Path, text: str) -> None:
    """Whoever reads it sees the old text or the new one."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


def reader(file: Path, parse: Callable[[str], T], default: T) -> Callable[[], T]:
    """Says what is in the file, and what was last in it while it cannot be read; reads it only once it has changed.

    `parse` raises ValueError for what it can't read.
    """
    last, seen = default, (0, 0)

    def read() -> T:
        nonlocal last, seen
        with suppress(OSError, ValueError):
            status = os.stat(file)
            if seen != (now := (status.st_ino, status.st_mtime_ns)):  # two changes may have one time
                last, seen = parse(file.read_text()), now
        return last

    return read
