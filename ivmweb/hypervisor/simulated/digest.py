"""SHA-256 of a memory image while the partition already writes to it again: copy on write, by hand, by chunk."""

import hashlib
import os
import threading
import time
from collections.abc import Callable

CHUNK_BYTES = 64 * 1024
DELAY_S = 1.0  # hashing waits until the hand-over, which the partition feels, is over
_NICE = 5  # more, and a busy server takes minutes: then no digest is there when the two sides are compared


class ImageDigest:
    """Created while nobody writes. From then on each writer calls `before_write`, until `compute` has returned.

    At worst, a partition that writes faster than we hash, the saved chunks grow to the size of the image.
    """

    def __init__(self, image: memoryview) -> None:
        self._image = image
        self._lock = threading.Lock()
        self._next = 0  # chunks before this one are hashed
        self._saved: dict[int, bytes] = {}

    def before_write(self, start: int, end: int) -> None:
        with self._lock:
            for chunk in range(max(self._next, start // CHUNK_BYTES), (end - 1) // CHUNK_BYTES + 1):
                if chunk not in self._saved:
                    self._saved[chunk] = self._copy(chunk)

    def compute(self) -> str:
        digest = hashlib.sha256()
        for chunk in range(len(self._image) // CHUNK_BYTES):
            digest.update(self._take(chunk))
        return digest.hexdigest()

    def _take(self, chunk: int) -> bytes:
        with self._lock:
            self._next = chunk + 1
            saved = self._saved.pop(chunk, None)
            return self._copy(chunk) if saved is None else saved

    def _copy(self, chunk: int) -> bytes:
        return bytes(self._image[chunk * CHUNK_BYTES : (chunk + 1) * CHUNK_BYTES])


def compute_in_background(digest: ImageDigest, keep: Callable[[str], None]) -> None:
    """Hand the digest to `keep`, in a thread of low priority."""

    def work() -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)  # this thread only
        time.sleep(DELAY_S)
        keep(digest.compute())

    threading.Thread(target=work, name="digest", daemon=True).start()
