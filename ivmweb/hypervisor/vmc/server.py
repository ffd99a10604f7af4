"""The Unix socket of a hypervisor process: a thread for each connection, a bound on their number."""

import contextlib
import fcntl
import logging
import os
import socket
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

from ivmweb.common.errors import HypervisorError, IvmError
from ivmweb.hypervisor.vmc.codec import Malformed, from_json, read_line, send_line, to_json
from ivmweb.hypervisor.vmc.machine import Machine

logger = logging.getLogger(__name__)

MAX_CONNECTIONS = 64
REQUEST_TIMEOUT_S = 10


class AlreadyRunning(Exception):
    """Another process serves this socket."""


class Server:
    def __init__(self, machine: Machine[Any], path: Path, lock: int | None = None) -> None:
        """`lock`: of `take_lock`, where it is held already."""
        self._machine = machine
        self._path = path
        self._slots = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._owner_lock = lock

    def start(self) -> None:
        """Listen; raises AlreadyRunning where another process does. What an ended one left behind is replaced."""
        if self._owner_lock is None:
            self._owner_lock = take_lock(self._path)
        self._path.unlink(missing_ok=True)
        self._listener.bind(str(self._path))
        os.chmod(self._path, 0o600)
        self._listener.listen(MAX_CONNECTIONS)
        threading.Thread(target=self._accept, name="accept", daemon=True).start()

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._path.unlink(missing_ok=True)
        self._machine.stop()
        if self._owner_lock is not None:
            os.close(self._owner_lock)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed by `stop`
            threading.Thread(target=self._serve, args=(connection,), name="vmc", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        handed_over = False
        try:
            connection.settimeout(REQUEST_TIMEOUT_S)
            handed_over = self._answer(connection)
        except (Malformed, OSError) as exc:
            logger.info("a connection ended early: %s", exc)
        finally:
            if not handed_over:
                connection.close()

    def _answer(self, connection: socket.socket) -> bool:
        """Serve one request; true where the connection now belongs to a stream, which takes no slot."""
        if not self._slots.acquire(blocking=False):
            return _send_error(connection, HypervisorError("hypervisor-busy", limit=MAX_CONNECTIONS))
        try:
            request = read_line(connection)
            if request is None or self._machine.is_silent:
                return False
            command, arguments = _split(request)
            if command in self._machine.STREAMS:
                self._open_stream(connection, command, arguments)
                return True
            send_line(connection, {"ok": self._execute(command, arguments)})
        except Malformed as exc:
            _send_error(connection, HypervisorError("hypervisor-refused", command="a request", reason=str(exc)))
        except IvmError as exc:
            logger.info("refused: %s", exc)
            _send_error(connection, exc)
        finally:
            self._slots.release()
        return False

    def _execute(self, command: str, arguments: dict[str, Any]) -> Any:
        if command not in self._machine.COMMANDS:
            raise Malformed(f"there is no command {command[:40]!r}")
        method = getattr(type(self._machine), command)
        return to_json(method(self._machine, **_decode(command, _parameters(method), arguments)))

    def _open_stream(self, connection: socket.socket, command: str, arguments: dict[str, Any]) -> None:
        method = getattr(type(self._machine), command)
        decoded = _decode(command, _parameters(method), arguments)
        method(self._machine, connection, greet=lambda: send_line(connection, {"ok": None}), **decoded)


def _split(request: Any) -> tuple[str, dict[str, Any]]:
    if not isinstance(request, dict) or not isinstance(request.get("command"), str):
        raise Malformed("a request is an object with a command")
    return request["command"], {key: value for key, value in request.items() if key != "command"}


@cache
def _parameters(method: Callable[..., Any]) -> dict[str, Any]:
    """Those that a request names."""
    ours = {"return", "connection", "greet"}
    return {name: hint for name, hint in get_type_hints(method).items() if name not in ours}


def _decode(command: str, parameters: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    if set(arguments) != set(parameters):
        raise Malformed(f"{command} needs exactly: {', '.join(parameters)}")
    return {key: from_json(parameters[key], value, key) for key, value in arguments.items()}


def _send_error(connection: socket.socket, error: IvmError) -> bool:
    send_line(connection, {"error": {"key": error.key, "params": error.params}})
    return False


def take_lock(path: Path) -> int:
    """A descriptor that says, while it is open, that this process serves the socket; raises AlreadyRunning."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        os.close(lock)
        raise AlreadyRunning(f"{path} is served by another process") from exc
    return lock
