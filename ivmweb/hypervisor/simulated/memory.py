"""A partition's memory: real pages, a dirty map, and a write generation for each page.

Who writes holds `lock`. A page is marked dirty after it was written: whoever clears the map and then reads the page
either gets the new content or finds the page dirty again.
"""

import mmap
import random
import threading
from array import array
from collections.abc import Iterator

from ivmweb.hypervisor.simulated.digest import ImageDigest

PAGE_BYTES = 4096
PAGES_PER_MB = 1024 * 1024 // PAGE_BYTES
MAX_RUN_PAGES = 256  # of one write and of one frame: 1 MiB
_WORDS_PER_PAGE = PAGE_BYTES // 8
_MAX_GENERATION = 0xFFFFFFFF

# Random content, from which each write takes a piece at another place.
_CONTENT = memoryview(random.Random(1).randbytes(2 * MAX_RUN_PAGES * PAGE_BYTES))


class Memory:
    def __init__(self, memory_mb: int) -> None:
        self.pages = memory_mb * PAGES_PER_MB
        self.size_bytes = self.pages * PAGE_BYTES
        self.lock = threading.Lock()
        # Private: shared anonymous memory would count as a file system and can't use huge pages.
        buffer = mmap.mmap(-1, self.size_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        buffer.madvise(mmap.MADV_HUGEPAGE)
        self.view = memoryview(buffer)
        self.generations = array("I", bytes(4 * self.pages))  # 0: never written
        self._words = self.view.cast("Q")
        self._dirty = bytearray(self.pages)
        self._digests: tuple[ImageDigest, ...] = ()

    def fill(self) -> None:
        """Content for every page, different in each; only before anything else uses the memory."""
        for first in range(0, self.pages, MAX_RUN_PAGES):
            self.write(first, MAX_RUN_PAGES, stamp=0)

    def write(self, first: int, count: int, stamp: int) -> None:
        """New content for `count` (up to 256) pages; `stamp` and the page number make it unique. Needs `lock`."""
        start, end = first * PAGE_BYTES, (first + count) * PAGE_BYTES
        offset = (first * 8 + stamp * 4096) % (MAX_RUN_PAGES * PAGE_BYTES)
        self._save_for_digests(start, end)
        self.view[start:end] = _CONTENT[offset : offset + end - start]
        numbers = array("Q", range((stamp & 0xFFFF) << 40 | first, ((stamp & 0xFFFF) << 40 | first) + count))
        self._words[start // 8 : end // 8 : _WORDS_PER_PAGE] = memoryview(numbers)
        self._mark(first, count)

    def write_bytes(self, offset: int, data: bytes) -> None:
        """Bytes within one page. Needs `lock`."""
        self._save_for_digests(offset, offset + len(data))
        self.view[offset : offset + len(data)] = data
        self._mark(offset // PAGE_BYTES, 1)

    def _mark(self, first: int, count: int) -> None:
        generations = self.generations
        for page in range(first, first + count):
            generations[page] = generations[page] % _MAX_GENERATION + 1
        self._dirty[first : first + count] = b"\1" * count

    def take_dirty(self) -> bytearray:
        """The map of pages written since the last call; from now on a new one is kept."""
        with self.lock:  # a writer between the two steps would mark a map that nobody reads
            taken, self._dirty = self._dirty, bytearray(self.pages)
        return taken

    def dirty_pages(self) -> int:
        return self._dirty.count(1)

    def start_digest(self) -> ImageDigest:
        """A digest of the content as it is now, which may be written to while the digest is computed."""
        with self.lock:
            digest = ImageDigest(self.view)
            self._digests = (*self._digests, digest)
        return digest

    def end_digest(self, digest: ImageDigest) -> None:
        with self.lock:
            self._digests = tuple(other for other in self._digests if other is not digest)

    def _save_for_digests(self, start: int, end: int) -> None:
        for digest in self._digests:
            digest.before_write(start, end)


def runs(dirty: bytearray) -> Iterator[tuple[int, int]]:
    """(first page, count) of the marked pages, at most `MAX_RUN_PAGES` at a time."""
    first = dirty.find(1)
    while first >= 0:
        end = dirty.find(0, first, first + MAX_RUN_PAGES)
        if end < 0:
            end = min(first + MAX_RUN_PAGES, len(dirty))
        yield first, end - first
        first = dirty.find(1, end)
