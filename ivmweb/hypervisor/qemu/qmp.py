"""A QEMU monitor over its Unix socket: commands with a time-out, events to a listener.

QEMU serves one client a monitor at a time. docs/qemu.md says which command is sent when.
"""

import array
import itertools
import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

CONNECT_TIMEOUT_S = 5.0
MAX_LINE_BYTES = 8 * 2**20

Event = dict[str, Any]


class QmpError(Exception):
    """QEMU refused a command; the text is its own."""


class QmpClosed(Exception):
    """The monitor does not answer: QEMU has ended, or has not within the time-out."""


class Monitor:
    """Safe for several threads. `on_event` is called by the reading thread and has to be quick; so is `on_close`."""

    def __init__(
        self,
        path: Path,
        on_event: Callable[[Event], None] = lambda event: None,
        on_close: Callable[[], None] = lambda: None,
        *,
        out_of_band: bool = False,
    ) -> None:
        """Raises QmpClosed where nobody answers there in time."""
        self._on_event, self._on_close = on_event, on_close
        self._out_of_band = out_of_band
        self._ids = itertools.count(1)
        self._answered = threading.Condition()
        self._answers: dict[int, Any] = {}
        self._waiting: set[int] = set()
        self._closed = False
        self._sending = threading.Lock()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._greet(path)
        except (OSError, ValueError) as exc:
            self._socket.close()
            raise QmpClosed(f"no greeting from {path.name}: {exc}") from exc
        threading.Thread(target=self._read, name="qmp", daemon=True).start()
        try:
            self.execute("qmp_capabilities", {"enable": ["oob"]} if out_of_band else {})
        except QmpError as exc:
            self.close()
            raise QmpClosed(str(exc)) from exc

    def _greet(self, path: Path) -> None:
        self._socket.settimeout(CONNECT_TIMEOUT_S)
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("rb")
        if "QMP" not in _message(self._lines.readline(MAX_LINE_BYTES) or b"{}"):
            raise ValueError("it is no monitor")
        self._socket.settimeout(None)

    def execute(
        self,
        command: str,
        arguments: dict[str, Any] | None = None,
        *,
        timeout_s: float = 5.0,
        descriptor: int | None = None,
    ) -> Any:
        """The answer. Raises QmpError where QEMU refuses, QmpClosed where no answer comes in time.

        With an out-of-band monitor each command is answered even while QEMU's main loop is blocked.
        """
        number = next(self._ids)
        verb = "exec-oob" if self._out_of_band and command != "qmp_capabilities" else "execute"
        line = json.dumps({verb: command, "arguments": arguments or {}, "id": number}).encode() + b"\n"
        with self._answered:
            self._waiting.add(number)
        try:
            self._send(line, descriptor)
            answer = self._wait_for(number, timeout_s)
        except OSError as exc:
            raise QmpClosed(f"{command}: {exc}") from exc
        finally:
            with self._answered:
                self._waiting.discard(number)
                self._answers.pop(number, None)
        if answer is None and self._closed:
            raise QmpClosed(f"{command} was not answered: the monitor was closed")
        if answer is None:
            raise QmpClosed(f"{command} was not answered within {timeout_s:g} s")
        if "error" in answer:
            raise QmpError(str(answer["error"].get("desc", answer["error"])))
        return answer.get("return")

    def post(self, command: str, arguments: dict[str, Any]) -> None:
        """Without waiting for the answer, which nobody hears; for listeners, who must not wait."""
        line = json.dumps({"execute": command, "arguments": arguments, "id": next(self._ids)}).encode() + b"\n"
        with suppress(OSError):
            self._send(line, None)

    def _send(self, line: bytes, descriptor: int | None) -> None:
        rights = [] if descriptor is None else [_rights(descriptor)]
        with self._sending:
            sent = self._socket.sendmsg([line], rights)
            if rest := line[sent:]:  # nothing is sent after an answer that may have ended QEMU
                self._socket.sendall(rest)

    def _wait_for(self, number: int, timeout_s: float) -> Any:
        with self._answered:
            self._answered.wait_for(lambda: number in self._answers or self._closed, timeout_s)
            return self._answers.get(number)

    @property
    def is_closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _read(self) -> None:
        try:
            while line := self._lines.readline(MAX_LINE_BYTES):
                self._take(_message(line))
        except (OSError, ValueError):
            pass
        finally:
            with self._answered:
                self._closed = True
                self._answered.notify_all()
            self._lines.close()
            self._socket.close()
            self._on_close()

    def _take(self, message: dict[str, Any]) -> None:
        if "event" in message:
            self._on_event(message)
            return
        with self._answered:
            if message.get("id") in self._waiting:
                self._answers[message["id"]] = message
                self._answered.notify_all()


def _message(line: bytes) -> dict[str, Any]:
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("no object")
    return message


def _rights(descriptor: int) -> tuple[int, int, bytes]:
    return (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]).tobytes())
