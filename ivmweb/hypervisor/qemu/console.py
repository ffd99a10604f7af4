"""A guest's console: what it shows is kept and searched for what happened, what is typed goes to it."""

import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ivmweb.hypervisor.vmc.terminal import Terminal

READ_BYTES = 4096
LINE_BYTES = 512  # of an unfinished line that is searched

# What firmware and kernels say, and the reference code that means it (docs/qemu.md, "Reference codes").
SIGNS = (
    (re.compile(rb"SLOF\S* \*\*"), "CA000000"),  # escape sequences between them
    (re.compile(rb"Trying to load:|Booting from"), "CA00E134"),
    # Of E3404 and E3405 the next device is tried; at its prompt the firmware has tried all.
    (re.compile(rb"E3407|No bootable device|^\r?0 > ", re.MULTILINE), "AA00E158"),
    (re.compile(rb"Linux ppc64"), "Linux ppc64"),
    (re.compile(rb"Linux version|login:"), "Linux ppc64"),
)
NOTHING_TO_BOOT = "AA00E158"
BOOTED = "Linux ppc64"


def sign_in(text: bytes, known: int = 0) -> str:
    """The code of the last sign in it that does not lie in the first `known` bytes; empty where there is none."""
    found = [(m.start(), code) for sign, code in SIGNS for m in sign.finditer(text) if m.end() > known]
    return max(found)[1] if found else ""


class GuestConsole:
    def __init__(self, on_sign: Callable[[str], None]) -> None:
        self._terminal = Terminal(self._type)
        self._on_sign = on_sign
        self._socket: socket.socket | None = None
        self._line = b""

    def open(self, connection: socket.socket, greet: Callable[[], None]) -> bool:
        return self._terminal.connect(connection, greet)

    def close(self, reason: str) -> bool:
        return self._terminal.disconnect(f"The console is closed: {reason}.")

    def attach(self, path: Path) -> None:
        """To a guest that has started, or is found again; raises OSError where nobody listens."""
        self.detach()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(str(path))
        except OSError:
            connection.close()
            raise
        self._socket, self._line = connection, b""
        threading.Thread(target=self._read, args=(connection,), name="guest console", daemon=True).start()

    def detach(self) -> None:
        connection, self._socket = self._socket, None
        if connection is not None:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _type(self, keys: bytes) -> None:
        connection = self._socket
        if connection is not None:
            with suppress(OSError):
                connection.sendall(keys)

    def _read(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while data := connection.recv(READ_BYTES):
                self._terminal.write_bytes(data)
                self._search(data)

    def _search(self, data: bytes) -> None:
        text = self._line + data
        if code := sign_in(text, len(self._line)):  # one that was told is no news after a restart
            self._on_sign(code)
        self._line = text.rpartition(b"\n")[2][-LINE_BYTES:]
