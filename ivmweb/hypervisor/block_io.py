"""One block of a file or of a block device, read and written so that another server sees it.

A file goes through the page cache, which NFS and cluster file systems keep in order. A block device has one in each
server that nobody keeps in order, so it is read and written around it (O_DIRECT).
"""

import mmap
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BLOCK_BYTES = 4096  # also what O_DIRECT may want as a unit


def is_device(path: Path) -> bool:
    """Whether it is a block device, or a link to one; false where nothing is there."""
    try:
        return stat.S_ISBLK(os.stat(path).st_mode)
    except OSError:
        return False


@contextmanager
def opened(path: Path, flags: int = os.O_RDONLY) -> Iterator[int]:
    """A descriptor; raises OSError."""
    around_the_cache = os.O_DIRECT if is_device(path) else 0
    descriptor = os.open(path, flags | around_the_cache | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def size_of(descriptor: int) -> int:
    return os.lseek(descriptor, 0, os.SEEK_END)


def last_place(size_bytes: int) -> int:
    """Where the last whole block begins; negative where there is none."""
    return size_bytes // BLOCK_BYTES * BLOCK_BYTES - BLOCK_BYTES


def read_at(descriptor: int, offset: int, length: int = BLOCK_BYTES) -> bytes:
    """`length` bytes, fewer at the end; offset and length are multiples of a block. Raises OSError."""
    with mmap.mmap(-1, length) as buffer:  # O_DIRECT wants aligned memory
        return buffer[: os.preadv(descriptor, [buffer], offset)]


def write_block(descriptor: int, offset: int, block: bytes) -> None:
    """On the disk when it returns. Raises OSError."""
    with mmap.mmap(-1, BLOCK_BYTES) as buffer:
        buffer[:] = block
        written = os.pwritev(descriptor, [buffer], offset)
    if written != BLOCK_BYTES:
        raise OSError(5, f"{written} of {BLOCK_BYTES} bytes were written")
    os.fsync(descriptor)
