"""Whether this system reaches the place where the destination's mover would wait: a real connection, once."""

import ipaddress
import socket
from dataclasses import dataclass

from ivmweb.common.addresses import host_of
from migration.peer.messages import MoverAddress

TIMEOUT_S = 1.5
DISCARD_PORT = 9  # where the mover will take any free port: a host that is there refuses this one at once


@dataclass(frozen=True)
class MoverLink:
    """What came of trying. Nobody waits there before a migration, so a refusal at once is as good as an answer."""

    address: str
    answers: bool = False
    problem: str = ""  # certain: a migration could not connect either
    # Neither: silence. A firewall may drop what it will let through once somebody listens, so it proves nothing.


def try_mover(mover: MoverAddress, console_address: str) -> MoverLink:
    """Connects, sends nothing, hangs up. `console_address` is the destination's console, as this one reaches it."""
    address = f"{mover.host}:{mover.port}" if mover.port else f"any port of {mover.host}"
    try:
        found = socket.getaddrinfo(mover.host, mover.port or DISCARD_PORT, type=socket.SOCK_STREAM)
    except OSError as exc:
        return MoverLink(address, problem=f"its name is not known here: {exc.strerror or exc}")
    family, kind, protocol, _name, target = found[0]
    if is_loopback(str(target[0])) and not is_loopback(host_of(console_address)):
        return MoverLink(address, problem="that address is this system itself")
    try:
        with socket.socket(family, kind, protocol) as probe:
            probe.settimeout(TIMEOUT_S)
            probe.connect(target)
    except ConnectionRefusedError:
        return MoverLink(address, answers=True)
    except TimeoutError:
        return MoverLink(address)
    except OSError as exc:
        return MoverLink(address, problem=exc.strerror or str(exc))
    return MoverLink(address, answers=True)


def is_loopback(host: str) -> bool:
    """Of an address, or the name every system has for itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
