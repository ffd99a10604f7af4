"""Frames of the state stream; docs/hypervisor.md, "State stream"."""

import hashlib
import json
import struct
from array import array
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from cryptography.hazmat.primitives.poly1305 import Poly1305

from ivmweb.hypervisor.simulated.memory import MAX_RUN_PAGES
from ivmweb.hypervisor.vmc.codec import Malformed, parse

VERSION = 1
HEADER_BYTES = 32
MAX_PAYLOAD_BYTES = 64 * 1024  # of frames other than pages
MAX_ANSWER_BYTES = 4096
_MAGIC = 0x5649
_HEADER = struct.Struct("<HBBIQ16s")
_CHECKED = struct.Struct("<HBBIQ")
_CHECK_KEY = hashlib.sha256(b"ivmweb state stream").digest()  # finds damage only; no secret


class FrameType(IntEnum):
    HELLO = 1
    PAGES = 2
    PASS_END = 3
    DEVICE = 4
    END = 5


@dataclass(frozen=True)
class Header:
    type: FrameType
    count: int
    first: int
    check: bytes = b""


def encode_header(header: Header, *payload: bytes | bytearray | memoryview) -> bytes:
    checked = _CHECKED.pack(_MAGIC, header.type, 0, header.count, header.first)
    return checked + _tag(checked, payload)


def decode_header(data: bytes | bytearray, pages: int) -> Header:
    """Raises Malformed for anything that a partition of `pages` pages can't have sent."""
    magic, kind, zero, count, first, check = _HEADER.unpack(data)
    if magic != _MAGIC or zero or kind not in FrameType._value2member_map_:
        raise Malformed("a frame does not begin as one")
    header = Header(FrameType(kind), count, first, check)
    if header.type is FrameType.PAGES:
        if not 0 < count <= MAX_RUN_PAGES or first + count > pages:
            raise Malformed(f"a frame of {count} pages from page {first} does not fit {pages} pages")
    elif count > MAX_PAYLOAD_BYTES:
        raise Malformed(f"a frame of {count} bytes is longer than {MAX_PAYLOAD_BYTES}")
    return header


def verify(header: Header, *payload: bytes | bytearray | memoryview) -> None:
    checked = _CHECKED.pack(_MAGIC, header.type, 0, header.count, header.first)
    if _tag(checked, payload) != header.check:
        raise Malformed(f"a {header.type.name.lower()} frame was damaged on its way")


def _tag(checked: bytes, payload: tuple[bytes | bytearray | memoryview, ...]) -> bytes:
    poly = Poly1305(_CHECK_KEY)
    poly.update(checked)
    for part in payload:
        poly.update(part)
    return poly.finalize()


def encode_small(kind: FrameType, payload: bytes = b"", first: int = 0) -> bytes:
    """A whole frame of any type but pages."""
    return encode_header(Header(kind, len(payload), first), payload) + payload


def encode_json(kind: FrameType, value: dict[str, Any], first: int = 0) -> bytes:
    return encode_small(kind, json.dumps(value).encode(), first)


def decode_json(payload: bytes) -> dict[str, Any]:
    value = parse(payload)
    if not isinstance(value, dict):
        raise Malformed("an object was expected")
    return value


def generations_hash(generations: "array[int]") -> str:
    return hashlib.sha256(generations).hexdigest()
