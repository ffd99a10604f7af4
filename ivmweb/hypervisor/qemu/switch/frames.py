"""Ethernet frames as bytes, without their check sequence. Pure.

A frame of a port has no VLAN tag: the port says to which VLAN it belongs. Between two switches it has one of IEEE
802.1Q, four bytes behind the two addresses.
"""

ADDRESS_BYTES = 6
HEADER_BYTES = 14
MAX_FRAME_BYTES = HEADER_BYTES + 9000
LEAST_FRAME_BYTES = 60
TAG_BYTES = 4
BROADCAST = b"\xff" * ADDRESS_BYTES
_TAG = b"\x81\x00"
_TAGS = (_TAG, b"\x88\xa8", b"\x91\x00")  # also those of tags in tags
_RARP = b"\x80\x35"
_REQUEST_REVERSE = bytes.fromhex("0001 0800 06 04 0003")  # Ethernet, IPv4, their lengths, the operation
_RESERVED = bytes.fromhex("0180c20000")  # of bridges among themselves: spanning tree, pause, LLDP


def destination(frame: bytes) -> bytes:
    return frame[:ADDRESS_BYTES]


def source(frame: bytes) -> bytes:
    return frame[ADDRESS_BYTES : 2 * ADDRESS_BYTES]


def is_group(address: bytes) -> bool:
    return bool(address[0] & 1)


def problem(frame: bytes) -> str:
    """Why no switch carries it; empty where it is an untagged frame of a reasonable size."""
    if len(frame) < HEADER_BYTES:
        return "too short"
    if len(frame) > MAX_FRAME_BYTES:
        return "too long"
    if frame[12:14] in _TAGS:
        return "tagged"
    if is_group(source(frame)):
        return "sent by a group"
    if frame[:5] == _RESERVED and frame[5] <= 0x0F:
        return "for the bridge itself"
    return ""


def tagged(frame: bytes, vlan_id: int) -> bytes:
    return frame[:12] + _TAG + vlan_id.to_bytes(2, "big") + frame[12:]


def untagged(frame: bytes) -> tuple[int, bytes]:
    """VLAN and the frame without its tag; 0 where it has none. Priorities are not carried on."""
    if frame[12:14] != _TAG or len(frame) < HEADER_BYTES + TAG_BYTES:
        return 0, frame
    return int.from_bytes(frame[14:16], "big") & 0x0FFF, frame[:12] + frame[16:]


def announcement(address: bytes) -> bytes:
    """A broadcast from that address, by which switches learn where it is: RARP, as QEMU sends it after a move."""
    body = _REQUEST_REVERSE + (address + bytes(4)) * 2
    return (BROADCAST + address + _RARP + body).ljust(LEAST_FRAME_BYTES, b"\0")
