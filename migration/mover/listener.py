"""The destination's port: one listener serves one migration, strangers don't disturb it."""

import logging
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Condition, Thread
from uuid import UUID

from ivmweb.common.errors import OperationFailed, PrerequisiteFailed
from migration.mover import messages  # noqa: F401 (registers the texts)
from migration.mover.certificate import make_certificate
from migration.mover.link import (
    OPENING_TIMEOUT_S,
    Closed,
    Expected,
    abort,
    check_key,
    read_claim,
    remaining,
    server_context,
    tune,
)
from migration.mover.wire import Channel, WireError

logger = logging.getLogger(__name__)

MAX_PENDING = 8
MAX_TOLD = 3  # refused connections that get a line of the log each; the rest get one together
POLL_S = 0.2


@dataclass(frozen=True)
class PortRange:
    low: int
    high: int

    @classmethod
    def parse(cls, text: str) -> "PortRange":
        """`0` is any free port, `30100` one, `30100-30107` a range."""
        low, _, high = text.strip().partition("-")
        if low.isdecimal() and (not high or high.isdecimal()):
            ports = cls(int(low), int(high or low))
            if ports.low <= ports.high <= 65535 and (ports.low > 0 or ports.high == 0):
                return ports
        raise PrerequisiteFailed("mover-bad-ports", ports=text)

    def __str__(self) -> str:
        return str(self.low) if self.low == self.high else f"{self.low}-{self.high}"


@dataclass(frozen=True)
class Channels:
    """Both connections of a source that has proved the key."""

    state: ssl.SSLSocket
    back: ssl.SSLSocket

    def close(self) -> None:
        for link in (self.state, self.back):
            abort(link)
            link.close()


class Listener:
    """Bound from its construction: `port` and `fingerprint` are for *prepare*'s answer."""

    def __init__(self, bind_host: str, ports: PortRange, key: bytes, migration_id: UUID) -> None:
        check_key(key)
        certificate = make_certificate()
        self.fingerprint = certificate.fingerprint
        self.migration_id = migration_id
        self.key = key
        self._context = server_context(certificate)
        self._expected = Expected(migration_id, certificate.fingerprint, key)
        self._socket = bind_first_free(bind_host, ports)
        self.host, self.port = self._socket.getsockname()[:2]
        self._pending: deque[socket.socket] = deque()
        self._claimed: set[Channel] = set()
        self._taken: dict[Channel, ssl.SSLSocket] = {}  # proved and answered
        self._changed = Condition()
        self._refused, self._told = 0, MAX_TOLD

    def close(self) -> None:
        """Stop listening and drop whatever is not handed out."""
        self._socket.close()
        with self._changed:
            leftovers = [*self._pending, *self._taken.values()]
            self._taken.clear()
            untold, self._told = self._refused - self._told, max(self._told, self._refused)
        if untold > 0:
            text = "migration %s: %d more connections to the mover port were refused"
            logger.warning(text, self.migration_id, untold)
        for connection in leftovers:
            abort(connection)

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait_for_channels(self, timeout_s: float, on_tick: Callable[[], None]) -> Channels | None:
        """Both channels, or None after the time-out. `on_tick` is called at least every 0.2 s and may raise.

        Stops listening in each case.
        """
        deadline = time.monotonic() + timeout_s
        self._socket.settimeout(POLL_S)
        try:
            while not self._is_complete() and time.monotonic() < deadline:
                on_tick()
                self._accept_one()
            return self._hand_out()
        finally:
            self.close()

    def _is_complete(self) -> bool:
        return len(self._taken) == len(Channel)

    def _accept_one(self) -> None:
        try:
            connection, _ = self._socket.accept()
        except TimeoutError:
            return
        except OSError as exc:  # woken because both channels are there; or, rarely, no descriptor is free
            with self._changed:
                if self._changed.wait_for(self._is_complete, timeout=POLL_S):
                    return
            logger.warning("migration %s: mover port: %s", self.migration_id, exc)
            return
        with self._changed:
            self._pending.append(connection)
            oldest = self._pending.popleft() if len(self._pending) > MAX_PENDING else None
        if oldest is not None:
            abort(oldest)
        Thread(target=self._open, args=(connection,), name="mover-opening", daemon=True).start()

    def _open(self, connection: socket.socket) -> None:
        """The opening of one connection, in a thread of its own."""
        deadline = time.monotonic() + OPENING_TIMEOUT_S
        link: socket.socket = connection
        try:
            tune(connection)
            link = self._wrap(connection)
            self._prove(link, deadline)
        except (OSError, WireError, Closed) as exc:
            self._tell_refused(exc)
            link.close()
        finally:
            self._forget(link)

    def _tell_refused(self, exc: Exception) -> None:
        with self._changed:
            self._refused += 1
            is_told = self._refused <= MAX_TOLD
        if is_told:
            logger.warning("migration %s: a connection to the mover port was refused: %s", self.migration_id, exc)

    def _wrap(self, connection: socket.socket) -> ssl.SSLSocket:
        """The TLS form takes the descriptor over, so it also takes the place among the pending ones."""
        with self._changed:
            if connection not in self._pending:
                raise Closed("newer connections took its place")
            link = self._context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=False
            )
            self._pending[self._pending.index(connection)] = link
        return link

    def _prove(self, link: ssl.SSLSocket, deadline: float) -> None:
        link.settimeout(remaining(deadline))
        link.do_handshake()
        channel, answer = read_claim(link, self._expected, deadline)
        with self._changed:
            if channel in self._claimed:
                raise WireError(f"channel {channel.name} is taken")
            self._claimed.add(channel)
        try:
            link.sendall(answer)
            self._hand_in(channel, link)
        except (OSError, Closed):  # its source is gone, or newer connections took its place; it may come again
            with self._changed:
                self._claimed.discard(channel)
            raise

    def _hand_in(self, channel: Channel, link: ssl.SSLSocket) -> None:
        with self._changed:
            if self._socket.fileno() < 0 or link not in self._pending:
                raise Closed("the destination no longer waits")
            self._pending.remove(link)  # a channel now: `close` must not take it for a stranger
            self._taken[channel] = link
            if self._is_complete():
                abort(self._socket)  # wakes `accept`

    def _forget(self, link: socket.socket) -> None:
        with self._changed:
            with suppress(ValueError):
                self._pending.remove(link)
            self._changed.notify_all()

    def _hand_out(self) -> Channels | None:
        with self._changed:
            if not self._is_complete():
                return None
            channels = Channels(self._taken[Channel.STATE], self._taken[Channel.RETURN])
            self._taken.clear()
        return channels


def bind_first_free(host: str, ports: PortRange) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    reason = ""
    for port in range(ports.low, ports.high + 1):
        try:
            return socket.create_server((host, port), family=family, backlog=2 * MAX_PENDING)
        except OSError as exc:
            reason = exc.strerror or str(exc)
    raise OperationFailed("mover-no-port", host=host, ports=str(ports), reason=reason)
