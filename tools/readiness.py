"""Is a process doing its work yet? Each check asks once, briefly, and answers yes or no."""

import http.client
import socket
from collections.abc import Callable
from pathlib import Path

Check = Callable[[], bool]
TIMEOUT_S = 2


def accepts(path: Path) -> Check:
    """Somebody listens on this Unix socket."""

    def check() -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(TIMEOUT_S)
            return client.connect_ex(str(path)) == 0

    return check


def answers_ping(path: Path) -> Check:
    """A Valkey server has read its data and takes commands."""

    def check() -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(TIMEOUT_S)
                client.connect(str(path))
                client.sendall(b"PING\r\n")
                return client.recv(7) == b"+PONG\r\n"
        except OSError:
            return False

    return check


def answers_ok(port: int, path: str) -> Check:
    """GET on loopback gives 200."""

    def check() -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return check


def greets(port: int) -> Check:
    """An SSH server on loopback says what it is."""

    def check() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as client:
                return client.recv(8) == b"SSH-2.0-"
        except OSError:
            return False

    return check


def exists(path: Path) -> Check:
    """The process has touched its file; the file is removed before each start."""
    return path.exists
