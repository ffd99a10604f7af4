"""Byte layouts between two movers (docs/mover-protocol.md 4 and 5). Pure: no socket in here.

Everything that arrives goes through `Reader`, which raises `WireError` on short or surplus input.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from enum import IntEnum
from uuid import UUID

MAGIC = b"IVMMOVER"
VERSION = 1
NONCE_BYTES = 32
KEY_BYTES = 32
PROOF_BYTES = 32
GREETING_BYTES = len(MAGIC) + 2 + NONCE_BYTES
CLAIM_BYTES = 16 + 1 + NONCE_BYTES + PROOF_BYTES
FRAME_HEADER_BYTES = 5
MAX_FRAME_BYTES = 65536
MAX_ERROR_CODE = 40
MAX_ERROR_TEXT = 2000

SOURCE_LABEL = b"ivmweb mover source 1\0"
DESTINATION_LABEL = b"ivmweb mover destination 1\0"


class WireError(Exception):
    """The other end broke the protocol; the text says how and quotes nothing secret."""


class Channel(IntEnum):
    STATE = 1
    RETURN = 2


class FrameType(IntEnum):
    STATE = 1
    RECORDED = 2
    ERROR = 3
    PING = 4


EMPTY_FRAMES = frozenset({FrameType.RECORDED, FrameType.PING})


class Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        if self._at + count > len(self._data):
            raise WireError(f"message of {len(self._data)} bytes is too short")
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "big")

    def end(self) -> None:
        if self._at != len(self._data):
            raise WireError(f"message of {len(self._data)} bytes has {len(self._data) - self._at} too many")


@dataclass(frozen=True)
class Claim:
    """A source's claim to one channel of one migration."""

    migration_id: UUID
    channel: Channel
    nonce: bytes
    proof: bytes = field(repr=False)


@dataclass(frozen=True)
class FrameHeader:
    type: FrameType
    length: int


def pack_greeting(nonce: bytes) -> bytes:
    return MAGIC + VERSION.to_bytes(2, "big") + nonce


def unpack_greeting(data: bytes) -> bytes:
    """The destination's nonce."""
    reader = Reader(data)
    if reader.take(len(MAGIC)) != MAGIC:
        raise WireError("this is not a mover")
    version = reader.number(2)
    if version != VERSION:
        raise WireError(f"it speaks version {version}, this mover version {VERSION}")
    nonce = reader.take(NONCE_BYTES)
    reader.end()
    return nonce


def pack_claim(claim: Claim) -> bytes:
    return claim.migration_id.bytes + claim.channel.to_bytes(1, "big") + claim.nonce + claim.proof


def unpack_claim(data: bytes) -> Claim:
    reader = Reader(data)
    migration_id = UUID(bytes=reader.take(16))
    channel = channel_from(reader.number(1))
    claim = Claim(migration_id, channel, reader.take(NONCE_BYTES), reader.take(PROOF_BYTES))
    reader.end()
    return claim


def channel_from(number: int) -> Channel:
    try:
        return Channel(number)
    except ValueError:
        raise WireError(f"channel {number} does not exist") from None


@dataclass(frozen=True)
class Opening:
    """What a proof covers: one channel of one migration between two ends that see the same certificate."""

    server_nonce: bytes
    client_nonce: bytes
    migration_id: UUID
    channel: Channel
    fingerprint: bytes

    def proof(self, key: bytes, label: bytes) -> bytes:
        parts = (
            label,
            self.server_nonce,
            self.client_nonce,
            self.migration_id.bytes,
            self.channel.to_bytes(1, "big"),
            self.fingerprint,
        )
        return hmac.digest(key, b"".join(parts), hashlib.sha256)


def pack_frame_header(kind: FrameType, length: int) -> bytes:
    return kind.to_bytes(1, "big") + length.to_bytes(4, "big")


def unpack_frame_header(data: bytes) -> FrameHeader:
    reader = Reader(data)
    kind = frame_type_from(reader.number(1))
    length = reader.number(4)
    reader.end()
    if length > MAX_FRAME_BYTES or (length and kind in EMPTY_FRAMES):
        raise WireError(f"a {kind.name} frame of {length} bytes is not allowed")
    return FrameHeader(kind, length)


def frame_type_from(number: int) -> FrameType:
    try:
        return FrameType(number)
    except ValueError:
        raise WireError(f"frame type {number} does not exist") from None


def pack_error(code: str, text: str) -> bytes:
    value = {"code": printable(code)[:MAX_ERROR_CODE], "text": printable(text)[:MAX_ERROR_TEXT]}
    return json.dumps(value).encode()


def unpack_error(payload: bytes) -> tuple[str, str]:
    """Code and text, bounded and without control characters."""
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        raise WireError("an ERROR frame is not JSON") from None
    if not isinstance(value, dict) or set(value) != {"code", "text"}:
        raise WireError("an ERROR frame has other fields than code and text")
    return bounded(value["code"], MAX_ERROR_CODE), bounded(value["text"], MAX_ERROR_TEXT)


def bounded(value: object, limit: int) -> str:
    if not isinstance(value, str) or len(value) > limit:
        raise WireError(f"an ERROR frame's field is not a text of at most {limit} characters")
    return printable(value)


def printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
