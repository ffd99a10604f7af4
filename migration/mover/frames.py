"""Frames of the return channel: written by one end under a lock, read by the other with a deadline."""

import select
import ssl
import time
from collections.abc import Callable
from threading import Lock

from migration.mover import wire
from migration.mover.link import Closed
from migration.mover.relay import RETURN_BUFFER_BYTES, send_all
from migration.mover.wire import FrameType

PING_EVERY_S = 1.0
SILENCE_TIMEOUT_S = 10.0


class FrameWriter:
    """Destination side. Whole frames only, from any thread."""

    def __init__(self, link: ssl.SSLSocket) -> None:
        self._link = link
        self._lock = Lock()

    def send(self, kind: FrameType, payload: bytes | memoryview = b"") -> None:
        with self._lock:
            send_all(self._link, memoryview(wire.pack_frame_header(kind, len(payload)) + bytes(payload)))


def read_frames(
    link: ssl.SSLSocket, on_frame: Callable[[FrameType, memoryview], None], silence_s: float = SILENCE_TIMEOUT_S
) -> None:
    """Call `on_frame` for each frame, its payload valid during the call. Ends by raising, at the latest `Closed`.

    Raises TimeoutError where no whole frame came for `silence_s`, WireError for what the protocol doesn't allow.
    """
    buffer = memoryview(bytearray(wire.FRAME_HEADER_BYTES + RETURN_BUFFER_BYTES))
    header_view, payload_view = buffer[: wire.FRAME_HEADER_BYTES], buffer[wire.FRAME_HEADER_BYTES :]
    while True:
        deadline = time.monotonic() + silence_s
        fill(link, header_view, deadline)
        header = wire.unpack_frame_header(bytes(header_view))
        payload = payload_view[: header.length]
        fill(link, payload, deadline)
        on_frame(header.type, payload)


def fill(link: ssl.SSLSocket, view: memoryview, deadline: float) -> None:
    """Read until `view` is full; the link is non-blocking."""
    poll = select.poll()
    poll.register(link, select.POLLIN)
    while view:
        try:
            received = link.recv_into(view)
        except ssl.SSLWantReadError:
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise TimeoutError("the other mover has been silent") from None
            continue
        if not received:
            raise Closed("the other mover closed the connection")
        view = view[received:]
