"""TLS connections between movers, and proving at both ends that they belong to one migration."""

import hmac
import secrets
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

from migration.mover import wire
from migration.mover.certificate import Certificate, fingerprint_of, load_into
from migration.mover.errors import Refused

OPENING_TIMEOUT_S = 10.0
USER_TIMEOUT_MS = 10_000
UNSENT_BYTES = 512 * 1024


class Closed(Exception):
    """The other end ended the connection."""


@dataclass(frozen=True)
class MoverAddress:
    """Where the source finds the destination's mover, and how each knows the other. From *prepare*."""

    host: str
    port: int
    fingerprint: str  # SHA-256, hexadecimal
    key: bytes = field(repr=False)
    migration_id: UUID

    def __post_init__(self) -> None:
        check_key(self.key)


def check_key(key: bytes) -> None:
    if len(key) != wire.KEY_BYTES:
        raise ValueError(f"a mover key has {wire.KEY_BYTES} bytes, not {len(key)}")


def strict_end(context: ssl.SSLContext) -> None:
    """A connection that ends without TLS's farewell is an error: some Pythons take it for a good end otherwise."""
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF


def server_context(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0  # a client that only writes would never read them, and closing then resets the tail
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    load_into(context, certificate)
    strict_end(context)
    return context


def client_context() -> ssl.SSLContext:
    """No authority is asked: `open_channel` compares the fingerprint before anything is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    strict_end(context)
    return context


def tune(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        (socket.TCP_NODELAY, 1),
        (socket.TCP_KEEPIDLE, 5),
        (socket.TCP_KEEPINTVL, 2),
        (socket.TCP_KEEPCNT, 3),
        (socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS),
        (socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES),
    ):
        connection.setsockopt(socket.IPPROTO_TCP, option, value)


def abort(connection: socket.socket) -> None:
    """End a connection at once, also under a thread that waits in it; that thread's owner closes it."""
    with suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def receive_exactly(connection: socket.socket, count: int, deadline: float) -> bytes:
    """`count` bytes before `deadline` (monotonic), however slowly they drip."""
    data = bytearray(count)
    view, filled = memoryview(data), 0
    while filled < count:
        connection.settimeout(remaining(deadline))
        received = connection.recv_into(view[filled:])
        if not received:
            raise Closed("the connection was closed")
        filled += received
    return bytes(data)


def remaining(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time is over")
    return left


def open_channel(
    address: MoverAddress, channel: wire.Channel, deadline: float, adopt: Callable[[socket.socket], None]
) -> ssl.SSLSocket:
    """Connect, compare the certificate, prove the key both ways.

    `adopt` is told the connection as soon as there is one, so that another thread can abort it.
    Raises `Refused` where trying again can't help, else OSError, `Closed` or WireError.
    """
    connection = socket.create_connection((address.host, address.port), timeout=remaining(deadline))
    try:
        tune(connection)
        link = client_context().wrap_socket(connection, do_handshake_on_connect=False, suppress_ragged_eofs=False)
    except BaseException:
        connection.close()
        raise
    adopt(link)
    try:
        link.settimeout(remaining(deadline))
        link.do_handshake()
        check_fingerprint(link, address)
        prove_as_source(link, address, channel, deadline)
    except BaseException:
        link.close()
        raise
    return link


def check_fingerprint(link: ssl.SSLSocket, address: MoverAddress) -> None:
    seen = fingerprint_of(link.getpeercert(binary_form=True) or b"")
    if not hmac.compare_digest(seen, address.fingerprint.lower()):
        raise Refused(address.host, address.port, "its certificate is not the one that the destination announced")


def prove_as_source(link: ssl.SSLSocket, address: MoverAddress, channel: wire.Channel, deadline: float) -> None:
    server_nonce = wire.unpack_greeting(receive_exactly(link, wire.GREETING_BYTES, deadline))
    nonce = secrets.token_bytes(wire.NONCE_BYTES)
    fingerprint = bytes.fromhex(address.fingerprint)
    opening = wire.Opening(server_nonce, nonce, address.migration_id, channel, fingerprint)
    proof = opening.proof(address.key, wire.SOURCE_LABEL)
    link.sendall(wire.pack_claim(wire.Claim(address.migration_id, channel, nonce, proof)))
    answer = receive_exactly(link, wire.PROOF_BYTES, deadline)
    if not hmac.compare_digest(answer, opening.proof(address.key, wire.DESTINATION_LABEL)):
        raise Refused(address.host, address.port, "it does not know the key of this migration")


@dataclass(frozen=True)
class Expected:
    """What a claim must match at the destination."""

    migration_id: UUID
    fingerprint: str
    key: bytes = field(repr=False)


def read_claim(link: ssl.SSLSocket, expected: Expected, deadline: float) -> tuple[wire.Channel, bytes]:
    """Greet and check the claim; the channel and the answer that accepts it. WireError where it is not proved."""
    server_nonce = secrets.token_bytes(wire.NONCE_BYTES)
    link.sendall(wire.pack_greeting(server_nonce))
    claim = wire.unpack_claim(receive_exactly(link, wire.CLAIM_BYTES, deadline))
    fingerprint = bytes.fromhex(expected.fingerprint)
    opening = wire.Opening(server_nonce, claim.nonce, expected.migration_id, claim.channel, fingerprint)
    if not hmac.compare_digest(claim.proof, opening.proof(expected.key, wire.SOURCE_LABEL)):
        raise wire.WireError("the claim is not proved")
    if claim.migration_id != expected.migration_id:
        raise wire.WireError("the claim is for another migration")
    return claim.channel, opening.proof(expected.key, wire.DESTINATION_LABEL)
