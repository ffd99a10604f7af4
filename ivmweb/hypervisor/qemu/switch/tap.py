"""A tap device as an uplink: one that an administrator has made and given to our user; none is made here."""

import fcntl
import os
import struct
from pathlib import Path

from ivmweb.common.errors import HypervisorError

DEVICES = Path("/sys/class/net")
CLONE = "/dev/net/tun"
SET_INTERFACE, TAP, NO_HEADER = 0x400454CA, 0x0002, 0x1000
LONGEST_NAME = 15


def open_tap(name: str) -> int:
    """Its descriptor, which does not block. Raises HypervisorError `tap-unusable`."""
    # Looked for first: opening would make one that is missing, where we are root.
    if not 0 < len(name) <= LONGEST_NAME or "/" in name or not (DEVICES / name / "tun_flags").exists():
        raise HypervisorError("tap-unusable", tap=name, reason="there is no tap device of that name")
    descriptor = -1
    try:
        descriptor = os.open(CLONE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(descriptor, SET_INTERFACE, struct.pack("16sH22x", name.encode(), TAP | NO_HEADER))
    except OSError as exc:
        if descriptor >= 0:
            os.close(descriptor)
        raise HypervisorError("tap-unusable", tap=name, reason=exc.strerror or str(exc)) from exc
    return descriptor
