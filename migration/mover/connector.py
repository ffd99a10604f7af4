"""The source's side of opening both channels: in a thread, so that the caller can go on doing other things."""

import socket
import ssl
import time
from contextlib import suppress
from threading import Event, Thread

from ivmweb.common.errors import PeerError
from migration.mover.errors import Refused
from migration.mover.link import OPENING_TIMEOUT_S, Closed, MoverAddress, abort, open_channel
from migration.mover.relay import reason_of
from migration.mover.wire import Channel, WireError

RETRY_S = 0.1


class Connector:
    def __init__(self, address: MoverAddress) -> None:
        self._address = address
        self._opened: list[ssl.SSLSocket] = []
        self._attempts: list[socket.socket] = []
        self._error: Exception | None = None
        self._closing = Event()
        self._thread = Thread(target=self._run, name="mover-connect", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wait(self, timeout_s: float) -> bool:
        """Whether it is over, well or badly."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def channels(self) -> tuple[ssl.SSLSocket, ssl.SSLSocket]:
        """State and return, non-blocking. Raises PeerError where they could not be opened. Only once it is over."""
        if self._error is not None:
            raise self._explain(self._error) from self._error
        for link in self._opened:
            link.setblocking(False)
        return self._opened[0], self._opened[1]

    def abort(self) -> None:
        """End both connections at once, under whoever uses them."""
        self._closing.set()
        for connection in list(self._attempts):
            abort(connection)

    def close(self) -> None:
        self.abort()
        for connection in list(self._attempts):
            with suppress(OSError):
                connection.close()

    def _run(self) -> None:
        deadline = time.monotonic() + OPENING_TIMEOUT_S
        try:
            for channel in (Channel.STATE, Channel.RETURN):
                self._opened.append(self._open_with_retries(channel, deadline))
        except Exception as exc:
            self._error = exc

    def _open_with_retries(self, channel: Channel, deadline: float) -> ssl.SSLSocket:
        """A flooded destination may drop a connection before it has answered: try again while there is time."""
        while True:
            try:
                return open_channel(self._address, channel, deadline, self._adopt)
            except (OSError, Closed):
                if deadline - time.monotonic() < 2 * RETRY_S or self._closing.wait(RETRY_S):
                    raise

    def _adopt(self, connection: socket.socket) -> None:
        self._attempts.append(connection)
        if self._closing.is_set():
            abort(connection)

    def _explain(self, exc: Exception) -> Exception:
        host, port = self._address.host, self._address.port
        if isinstance(exc, WireError):
            return Refused(host, port, str(exc))
        if isinstance(exc, OSError | Closed):
            return PeerError(
                "mover-unreachable",
                permanent=False,
                host=host,
                port=port,
                timeout_s=int(OPENING_TIMEOUT_S),
                reason=reason_of(exc),
            )
        return exc
