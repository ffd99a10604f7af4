"""How a switch is connected to other servers, from the words of its command line. Pure."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.qemu.switch.forwarding import Uplink
from ivmweb.hypervisor.qemu.switch.frames import VLANS

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


def cabling(bind: str, peers: Iterable[str], bridged: Iterable[str], taps: Iterable[str]) -> Cabling:
    """Raises HypervisorError `switch-option`."""
    own = _address("--uplink", bind) if bind else None
    others = [_address("--peer", peer) for peer in peers]
    vlans = frozenset(_vlan("--bridged", vlan) for vlan in bridged)
    by_tap = [_tap(text) for text in taps]
    _check_peers(own, others, vlans)
    _check_taps(by_tap, vlans)
    to_peers = tuple(Cable(Uplink(f"{host}:{port}", vlans), peer=(host, port)) for host, port in others)
    to_taps = tuple(Cable(Uplink(tap, frozenset({vlan}), is_tagged=False), tap=tap) for vlan, tap in by_tap)
    return Cabling(own, to_peers + to_taps)


def _check_peers(own: Address | None, others: list[Address], vlans: frozenset[int]) -> None:
    if bool(own) != bool(others) or bool(own) != bool(vlans):
        given = [name for name, value in (("--uplink", own), ("--peer", others), ("--bridged", vlans)) if value]
        raise _wrong(" and ".join(given), "alone", "all three of --uplink, --peer and --bridged, or none of them")
    if own in others or len(set(others)) != len(others):
        raise _wrong("--peer", _written(others), "each other server's address once, and not our own --uplink")
    if own and any((":" in own[0]) != (":" in other[0]) for other in others):
        raise _wrong("--peer", _written(others), f"addresses of the same family as --uplink {own[0]}")


def _check_taps(by_tap: list[tuple[int, str]], vlans: frozenset[int]) -> None:
    """A VLAN with two ways out would carry every broadcast twice, where both ways meet."""
    own = [vlan for vlan, _tap in by_tap]
    names = [tap for _vlan, tap in by_tap]
    if vlans & set(own) or len(set(own)) != len(own) or len(set(names)) != len(names):
        given = ", ".join(f"{vlan}:{tap}" for vlan, tap in by_tap)
        raise _wrong("--tap", given, "each VLAN and each device once, and no VLAN that is --bridged to peers")


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


def _written(addresses: Iterable[Address]) -> str:
    return ", ".join(f"{host}:{port}" for host, port in addresses)


def _wrong(option: str, value: Any, needed: str) -> HypervisorError:
    return HypervisorError("switch-option", option=option, value=value, needed=needed)
