"""A virtual terminal between whoever types and a partition's console: raw bytes both ways, and `~.` to leave."""

import os
import time
from collections.abc import Callable
from enum import Enum, auto
from select import POLLIN, poll
from socket import socket
from threading import Event

from ivmweb.cli.command import Screen

READ_BYTES = 4096
LOOK_S = 0.5  # how often it is seen that the connection is gone
CHECK_S = 15.0  # how often the user's account is looked at
# What was piped in has ended: answers still come, until the console is silent for so long, and at most for so long.
SILENT_S, LONGEST_REST_S = 1.0, 10.0
TILDE, DOT, LINE_ENDS = ord("~"), ord("."), b"\r\n"


class Ending(Enum):
    LEFT = auto()  # `~.`, or the end of what was piped in
    GONE = auto()  # nobody is there any more
    CLOSED = auto()  # by the hypervisor, which has said why
    REVOKED = auto()  # the user may not go on


class Escape:
    """Finds `~.` at the beginning of a line. A tilde there waits for what follows; all else passes as it is typed."""

    def __init__(self) -> None:
        self._at_beginning, self._tilde = True, False

    def feed(self, typed: bytes) -> tuple[bytes, bool]:
        """What is for the console, and whether the escape came; nothing after it is for the console."""
        passed = bytearray()
        for byte in typed:
            if self._tilde:
                self._tilde = False
                if byte == DOT:
                    return bytes(passed), True
                passed.append(TILDE)
            elif self._at_beginning and byte == TILDE:
                self._tilde = True
                continue
            passed.append(byte)
            self._at_beginning = byte in LINE_ENDS
        return bytes(passed), False


class Line:
    """One terminal's life; `converse` returns when it is over. Closing the console is the caller's."""

    def __init__(self, console: socket, screen: Screen, gone: Event, may_go_on: Callable[[], bool]) -> None:
        self.console, self.screen, self.gone, self.may_go_on = console, screen, gone, may_go_on
        self.escape = Escape()
        self.checked = time.monotonic()
        self.typing_ended: float | None = None  # when
        self.shown_at = time.monotonic()

    def converse(self) -> Ending:
        while True:
            if self.gone.is_set():
                return Ending.GONE
            if self.is_check_due() and not self.may_go_on():
                return Ending.REVOKED
            ending = self.turn()
            if ending is not None:
                return ending

    def is_check_due(self) -> bool:
        now = time.monotonic()
        if now - self.checked < CHECK_S:
            return False
        self.checked = now
        return True

    def turn(self) -> Ending | None:
        """Waits for either side for a moment. The console comes first: its last words are shown whatever is typed."""
        waiting = poll()  # not select(), which takes no descriptor above 1023
        waiting.register(self.console.fileno(), POLLIN)
        if not self.typing_ended:
            waiting.register(self.screen.fileno(), POLLIN)
        ready = {descriptor for descriptor, _event in waiting.poll(LOOK_S * 1000)}
        if self.console.fileno() in ready:
            return self.show()
        if ready:
            return self.take_keys()
        return Ending.LEFT if self.is_answered() else None

    def show(self) -> Ending | None:
        try:
            data = self.console.recv(READ_BYTES)
        except OSError:
            data = b""
        if not data:
            return Ending.CLOSED
        self.shown_at = time.monotonic()
        try:
            self.screen.write(data)
        except OSError:
            return Ending.GONE
        return Ending.LEFT if self.is_answered() else None

    def take_keys(self) -> Ending | None:
        typed = self.screen.read()
        if not typed:
            self.typing_ended = self.shown_at = time.monotonic()
            return None
        keys, is_left = self.escape.feed(typed)
        try:
            self.console.sendall(keys)
        except OSError:
            return None  # it was closed: its last words are still to be read
        return Ending.LEFT if is_left else None

    def is_answered(self) -> bool:
        if self.typing_ended is None:
            return False
        now = time.monotonic()
        return now - self.shown_at >= SILENT_S or now - self.typing_ended >= LONGEST_REST_S


class SocketScreen:
    """Of somebody behind a socket."""

    def __init__(self, connection: socket) -> None:
        self._connection = connection

    def fileno(self) -> int:
        return self._connection.fileno()

    def read(self) -> bytes:
        try:
            return self._connection.recv(READ_BYTES)
        except OSError:
            return b""

    def write(self, data: bytes) -> None:
        self._connection.sendall(data)


class FileScreen:
    """Of two open files, as standard input and output are."""

    def __init__(self, source: int, target: int) -> None:
        self._source, self._target = source, target

    def fileno(self) -> int:
        return self._source

    def read(self) -> bytes:
        try:
            return os.read(self._source, READ_BYTES)
        except OSError:
            return b""

    def write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._target, data) :]
