"""How a switch is connected to other servers, from the words of its command line. Pure."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.qemu.switch.forwarding import Uplink
from ivmweb.hypervisor.vmc.definitions import VLANS

Address = tuple[str, int]
PORTS = range(1, 65536)


@dataclass(frozen=True)
class Cable:
    """An uplink with what is behind it: another server's switch, or a tap device here."""

    uplink: Uplink
    peer: Address | None = None
    tap: str = ""


@dataclass(frozen=True)
class Cabling:
    """`bind`: where datagrams of the peers arrive; None where there are no peers."""

    bind: Address | None = None
    cables: tuple[Cable, ...] = ()


def cabling(bind: str, peers: Iterable[str], taps: Iterable[str]) -> Cabling:
    """Raises HypervisorError `switch-option`."""
    own = _address("--uplink", bind) if bind else None
    others = [_address("--peer", peer) for peer in peers]
    by_tap = [_tap(text) for text in taps]
    _check_peers(own, others)
    _check_taps(by_tap)
    to_peers = tuple(Cable(Uplink(_written(*other)), peer=other) for other in others)
    to_taps = tuple(Cable(Uplink(tap, vlan), tap=tap) for vlan, tap in by_tap)
    return Cabling(own, to_peers + to_taps)


def _check_peers(own: Address | None, others: list[Address]) -> None:
    if bool(own) != bool(others):
        option = "--uplink" if own else "--peer"
        raise _wrong(option, "given alone", "given together with the other one, or not at all")
    if own in others or len(set(others)) != len(others):
        raise _wrong("--peer", _listed(others), "each other server's address once, and not our own --uplink")
    if own and any((":" in own[0]) != (":" in other[0]) for other in others):
        raise _wrong("--peer", _listed(others), f"addresses of the same family as --uplink {own[0]}")


def _check_taps(by_tap: list[tuple[int, str]]) -> None:
    """A VLAN with two ways out would carry every broadcast twice, where both ways meet."""
    vlans, names = ([each[part] for each in by_tap] for part in (0, 1))
    if len(set(vlans)) != len(vlans) or len(set(names)) != len(names):
        given = ", ".join(f"{vlan}:{tap}" for vlan, tap in by_tap)
        raise _wrong("--tap", given, "each VLAN and each device once")


def _address(option: str, text: str) -> Address:
    host, _colon, port = text.rpartition(":")
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
        number = int(port)
    except ValueError:
        address, number = ipaddress.ip_address(0), 0
    if address.is_unspecified or address.is_multicast or number not in PORTS:
        raise _wrong(option, text, "an IP address of one server and a port, such as 192.0.2.13:4713 or [::1]:4713")
    return str(address), number


def _vlan(option: str, text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number not in VLANS:
        raise _wrong(option, text, f"a VLAN ID from {VLANS.start} to {VLANS.stop - 1}")
    return number


def _tap(text: str) -> tuple[int, str]:
    vlan, _colon, name = text.partition(":")
    if not name:
        raise _wrong("--tap", text, "a VLAN ID and a tap device, such as 1:tap0")
    return _vlan("--tap", vlan), name


def _written(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _listed(addresses: Iterable[Address]) -> str:
    return ", ".join(_written(*address) for address in addresses)


def _wrong(option: str, value: Any, needed: str) -> HypervisorError:
    return HypervisorError("switch-option", option=option, value=value, needed=needed)
