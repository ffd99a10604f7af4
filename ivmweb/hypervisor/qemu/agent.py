"""What the operating system says of itself: the guest agent's port, which is this hypervisor's RMC.

The protocol is qemu-ga's, one JSON object a line. The lab's guest knows the commands that begin with `ivm-` as well.
"""

import json
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MAX_LINE_BYTES = 64 * 1024
MAX_COUNT = 2**63
MAX_WORDS = 400  # of a refusal: whoever administers the guest writes it


class AgentSilent(Exception):
    """No answer in time: no agent, or one that hangs."""


class AgentRefused(Exception):
    """The agent's own words."""


class Agent:
    """One conversation at a time. What an earlier one left in the channel is skipped by `guest-sync`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._buffer = b""
        self._deadline = 0.0  # of the conversation

    def ask(
        self, command: str, arguments: dict[str, Any] | None = None, *, timeout_s: float, with_time: bool = False
    ) -> Any:
        """The answer; raises AgentSilent or AgentRefused. `with_time`: `host-ns` is the time of sending."""
        with self._conversation(timeout_s):
            told = {"host-ns": time.time_ns()} if with_time else {}
            self._send({"execute": command, "arguments": {**(arguments or {}), **told}})
            return _returned(self._receive())

    def tell(self, command: str, arguments: dict[str, Any], *, timeout_s: float) -> None:
        """For commands that are not answered where they succeed; raises AgentSilent where nobody is there."""
        with self._conversation(timeout_s):
            self._send({"execute": "guest-ping", "arguments": {}})
            _returned(self._receive())
            self._send({"execute": command, "arguments": arguments})

    def close(self) -> None:
        with self._lock:
            self._hang_up()

    @contextmanager
    def _conversation(self, timeout_s: float) -> Iterator[None]:
        """With an agent that has answered; it all takes no longer than that, however much the guest talks."""
        with self._lock:
            self._deadline = time.monotonic() + timeout_s
            try:
                self._connect()
                self._synchronize()
                yield
            except (OSError, ValueError, RecursionError) as exc:
                self._hang_up()
                raise AgentSilent(str(exc) or type(exc).__name__) from exc

    def _connect(self) -> None:
        if self._socket is None:
            self._buffer = b""
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._limit(self._socket)
            self._socket.connect(str(self._path))

    def _limit(self, connection: socket.socket) -> None:
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        connection.settimeout(left_s)

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _synchronize(self) -> None:
        number = random.randrange(1, 2**31)
        self._send({"execute": "guest-sync", "arguments": {"id": number}})
        while self._receive().get("return") != number:
            pass

    def _send(self, message: dict[str, Any]) -> None:
        if self._socket is not None:
            self._limit(self._socket)
            self._socket.sendall(json.dumps(message).encode() + b"\n")

    def _receive(self) -> dict[str, Any]:
        while b"\n" not in self._buffer:
            if self._socket is None or len(self._buffer) > MAX_LINE_BYTES:
                raise ValueError("too long a line")
            self._limit(self._socket)
            data = self._socket.recv(4096)
            if not data:
                raise ValueError("the channel was closed")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        message = json.loads(line)
        if not isinstance(message, dict):
            raise ValueError("no object")
        return message


def _returned(answer: dict[str, Any]) -> Any:
    """Raises AgentRefused."""
    if "error" in answer:
        error = answer["error"]
        raise AgentRefused(str(error.get("desc", error) if isinstance(error, dict) else error)[:MAX_WORDS])
    return answer.get("return")


def counts_in(said: Any) -> dict[str, int]:
    """Those of an answer that are counts; whoever administers the guest may say anything."""
    counts = said if isinstance(said, dict) else {}
    return {name: value for name, value in counts.items() if type(value) is int and 0 <= value < MAX_COUNT}
