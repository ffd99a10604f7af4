"""Moving bytes between a hypervisor's stream and a TLS channel, with one fixed buffer a direction.

TLS sockets are non-blocking: `recv_into` yields one 16 KiB record a call, so the reader drains what there is and then
does one write to the hypervisor; the writer saves the poll that a socket with a time-out does before every record.
"""

import select
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Lock, Thread

from migration.mover.limiter import Limiter
from migration.mover.link import Closed, abort
from migration.mover.tally import Tally
from migration.mover.wire import MAX_FRAME_BYTES

STATE_BUFFER_BYTES = 1024 * 1024
RETURN_BUFFER_BYTES = MAX_FRAME_BYTES
SEND_TIMEOUT_S = 10.0
CAUSE_S = 0.3


class HypervisorClosed(Exception):
    """The hypervisor's end of the stream broke, not the link."""


class Relay:
    """The threads of one mover. The first failure wins, is kept, and ends the connections it was given."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._threads: list[Thread] = []
        self.failure: Exception | None = None
        self.failed = Event()

    def start(self, name: str, work: Callable[[], None], *ends: socket.socket) -> None:
        """Run `work` in a thread; should it raise, `ends` are closed at once, in this order.

        The link comes before the hypervisor's stream, whose end would else be passed on as a good one.
        """

        def run() -> None:
            try:
                work()
            except Exception as exc:
                self.fail(exc, *ends)

        thread = Thread(target=run, name=f"mover-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def fail(self, exc: Exception, *ends: socket.socket) -> None:
        with self._lock:
            self.failure = self.failure or exc
        for end in ends:
            abort(end)
        self.failed.set()

    def cause(self) -> Exception | None:
        """The first failure, once a stream has ended; a thread that is about to see it is waited for shortly."""
        self.failed.wait(CAUSE_S)
        return self.failure

    def join(self, timeout_s: float) -> None:
        for thread in self._threads:
            thread.join(timeout_s)


def wait_ready(link: ssl.SSLSocket, event: int, timeout_s: float | None) -> None:
    poll = select.poll()
    poll.register(link, event)
    if not poll.poll(None if timeout_s is None else int(timeout_s * 1000)):
        raise TimeoutError(f"the other mover took nothing for {timeout_s:g} s")


def send_all(link: ssl.SSLSocket, data: memoryview) -> None:
    """Raises OSError where the link broke or took nothing for 10 s."""
    while data:
        try:
            data = data[link.send(data) :]
        except ssl.SSLWantWriteError:
            wait_ready(link, select.POLLOUT, SEND_TIMEOUT_S)


def send_end(link: ssl.SSLSocket) -> None:
    """Tell the reader that this was all, so that it can tell an end from a broken connection."""
    while True:
        try:
            link.unwrap()
        except ssl.SSLWantWriteError:
            wait_ready(link, select.POLLOUT, SEND_TIMEOUT_S)
            continue
        except ssl.SSLWantReadError:
            pass  # sent; the reader's own farewell is not waited for
        return


def drain(link: ssl.SSLSocket, view: memoryview) -> tuple[int, bool]:
    """What is there now, at most the buffer; and whether the other end has said that this was all."""
    filled = 0
    while filled < len(view):
        try:
            received = link.recv_into(view[filled:])
        except ssl.SSLWantReadError:
            return filled, False
        if not received:
            return filled, True
        filled += received
    return filled, False


def hypervisor_to_link(stream: socket.socket, link: ssl.SSLSocket, limiter: Limiter, tally: Tally) -> None:
    """State bytes, source side. Returns when the hypervisor has ended its stream."""
    view = memoryview(bytearray(STATE_BUFFER_BYTES))
    poll = select.poll()
    poll.register(stream, select.POLLIN)
    poll.register(link, select.POLLIN)
    while True:
        # The destination never sends on this link: anything to read is its end.
        if any(descriptor == link.fileno() for descriptor, _ in poll.poll()):
            raise Closed("the other mover closed the connection")
        count = read_stream(stream, view[: limiter.chunk(STATE_BUFFER_BYTES)])
        if not count:
            break
        limiter.take(count)
        send_all(link, view[:count])
        tally.add(view[:count])
    tally.end()
    send_end(link)


def link_to_hypervisor(link: ssl.SSLSocket, stream: socket.socket, tally: Tally) -> None:
    """State bytes, destination side. Returns when the source has ended them."""
    view = memoryview(bytearray(STATE_BUFFER_BYTES))
    ended = False
    while not ended:
        filled, ended = drain(link, view)
        if filled:
            write_stream(stream, view[:filled])
            tally.add(view[:filled])
        elif not ended:
            wait_ready(link, select.POLLIN, None)
    tally.end()
    end_stream(stream)


def read_stream(stream: socket.socket, view: memoryview) -> int:
    try:
        return stream.recv_into(view)
    except OSError as exc:
        raise HypervisorClosed(reason_of(exc)) from exc


def write_stream(stream: socket.socket, view: memoryview) -> None:
    try:
        stream.sendall(view)
    except OSError as exc:
        raise HypervisorClosed(reason_of(exc)) from exc


def end_stream(stream: socket.socket) -> None:
    with suppress(OSError):  # gone already
        stream.shutdown(socket.SHUT_WR)


def reason_of(exc: BaseException) -> str:
    """In words for a message: no class names, no OpenSSL file names."""
    if isinstance(exc, ssl.SSLEOFError) or getattr(exc, "reason", "") == "UNEXPECTED_EOF_WHILE_READING":
        return "the connection ended without a farewell"
    if isinstance(exc, ssl.SSLError):
        return f"TLS: {(exc.reason or 'error').replace('_', ' ').lower()}"
    if isinstance(exc, Closed):
        return str(exc)
    if isinstance(exc, OSError) and exc.strerror:
        return exc.strerror.lower()
    return str(exc) or "no reason given"
