"""The hypervisor's end of a virtual terminal: the last output of a console, and at most one connection to it."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from ivmweb.hypervisor.vmc.connections import hang_up, set_deadlines

KEPT_BYTES = 16 * 1024
READ_BYTES = 256  # at a time, so that an answer to a flood holds nobody up for long
_READ_PAUSE_S = 0.005  # 50 kB/s, a fast line: a flood waits in the sender's buffer
_SEND_LOOK_S = 5  # how often a thread whose reader stands still looks whether the connection is over


@dataclass(eq=False)
class _Link:
    """A connection; it is over once it is not the terminal's any more."""

    connection: socket.socket
    last_words: bytes = b""


class Terminal:
    """Output is kept whether anybody reads or not, and never waits: who reads too slowly misses the oldest of it.

    `on_keys` is called by the connection's thread, with no lock held.
    """

    def __init__(self, on_keys: Callable[[bytes], None]) -> None:
        self._on_keys = on_keys
        # Taken by writers who hold the partition's `changed`, so never held while that is taken, or a socket is used.
        self._changed = threading.Condition()
        self._kept = b""
        self._written = 0  # bytes, since the beginning; the last of them are kept
        self._link: _Link | None = None

    def write(self, text: str) -> None:
        self.write_bytes(text.encode())

    def write_bytes(self, data: bytes) -> None:
        with self._changed:
            self._kept = (self._kept + data)[-KEPT_BYTES:]
            self._written += len(data)
            self._changed.notify_all()

    def write_line(self, text: str) -> None:
        with self._changed:
            self.write(self._on_its_own_line(text))

    def _on_its_own_line(self, text: str) -> str:
        begin = "" if not self._kept or self._kept.endswith(b"\n") else "\r\n"
        return f"{begin}{text}\r\n"

    def connect(self, connection: socket.socket, greet: Callable[[], None]) -> bool:
        """False where the place is taken. `greet` answers the caller, just before the first byte of what is kept."""
        link = _Link(connection)
        with self._changed:
            if self._link:
                return False
            self._link = link
        try:
            greet()
            set_deadlines(connection, receive_s=0, send_s=_SEND_LOOK_S)
            threading.Thread(target=self._serve, args=(link,), name="console", daemon=True).start()
        except BaseException:
            self._leave(link)
            raise
        return True

    def disconnect(self, last_line: str) -> bool:
        """Free the place. A connection there ends as soon as it has the output and, for itself alone, this line.

        False where it was free.
        """
        with self._changed:
            if not self._link:
                return False
            self._link.last_words = self._on_its_own_line(last_line).encode()
            self._free()
            return True

    def _free(self) -> None:
        self._link = None
        self._changed.notify_all()

    def _leave(self, link: _Link) -> None:
        with self._changed:
            if self._link is link:
                self._free()
        hang_up(link.connection)

    def _serve(self, link: _Link) -> None:
        sender = threading.Thread(target=self._send, args=(link,), name="console out", daemon=True)
        try:
            sender.start()
            self._receive(link.connection)
        finally:
            self._leave(link)
            sender.join()
            link.connection.close()

    def _receive(self, connection: socket.socket) -> None:
        with suppress(OSError):  # who is gone needs no answer
            while keys := connection.recv(READ_BYTES):
                self._on_keys(keys)
                time.sleep(_READ_PAUSE_S)

    def _send(self, link: _Link) -> None:
        position, is_over = 0, False
        with suppress(OSError):
            while not is_over:
                position, data, is_over = self._wait_for_output(link, position)
                if is_over:
                    link.connection.sendall(data + link.last_words)
                else:
                    position += _send_some(link.connection, data)
        hang_up(link.connection)  # also wakes the thread that receives

    def _wait_for_output(self, link: _Link, position: int) -> tuple[int, bytes, bool]:
        """What is kept of the output from `position` on, and where it begins; True where it is the last."""
        with self._changed:
            self._changed.wait_for(lambda: self._written > position or self._link is not link)
            oldest = self._written - len(self._kept)
            position = max(position, oldest)
            return position, self._kept[position - oldest :], self._link is not link


def _send_some(connection: socket.socket, data: bytes) -> int:
    """How many bytes went; none after a while without a reader, so that the thread can look round."""
    try:
        return connection.send(data)
    except BlockingIOError:
        return 0
