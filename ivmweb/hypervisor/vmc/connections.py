"""What all streams do with their sockets."""

import contextlib
import socket
import struct

STREAM_IDLE_S = 60


def set_deadlines(connection: socket.socket, *, receive_s: int, send_s: int = STREAM_IDLE_S) -> None:
    """By the kernel, 0 for none: two threads use the socket, and a Python time-out would be one for both."""
    connection.settimeout(None)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", receive_s, 0))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", send_s, 0))


def hang_up(connection: socket.socket) -> None:
    """End the connection; a thread that is blocked on it wakes up."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
