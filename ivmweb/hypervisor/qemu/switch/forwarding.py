"""Where a frame goes. Pure: no socket and no clock in here; times are seconds of any clock that only goes on.

1. Ports are the adapters of partitions. Each belongs to one VLAN and has one address, from which alone it may send.
2. Uplinks are the way to other servers. What comes from one goes to ports and to no other uplink: no loop is
   possible, and every two servers need an uplink between them.
3. Addresses are learned from what is sent. A frame for an address goes where that one was last; where that is not
   known, to the uplinks, and to the port that has it, to no other port. Broadcasts and multicasts go everywhere in
   the VLAN.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ivmweb.hypervisor.qemu.switch import frames

AGE_S = 300.0
MOST_ADDRESSES = 4096


@dataclass(frozen=True)
class Port:
    """An adapter of a partition here."""

    name: str
    vlan_id: int
    address: bytes
    is_live: bool = True  # false: its partition does not run here (yet, or any more)

    def __str__(self) -> str:
        return f"{self.name} VLAN {self.vlan_id} {self.address.hex(':')}{'' if self.is_live else ' (not live)'}"


@dataclass(frozen=True)
class Uplink:
    """A way out for VLANs that are bridged: for one, whose frames it carries as they are, or for all the others."""

    name: str
    vlan_id: int = 0  # 0: all that are no other uplink's own, with a tag


@dataclass(frozen=True)
class Out:
    """`frame` is as the place takes it, with a tag or without."""

    place: str
    frame: bytes


class Forwarding:
    def __init__(
        self, uplinks: Iterable[Uplink] = (), *, age_s: float = AGE_S, most_addresses: int = MOST_ADDRESSES
    ) -> None:
        self.dropped: Counter[str] = Counter()  # by reason
        self._uplinks = {uplink.name: uplink for uplink in uplinks}
        self._ports: dict[str, Port] = {}
        self._bridged: frozenset[int] = frozenset()
        self._age_s, self._most = age_s, most_addresses
        self._learned: dict[tuple[int, bytes], tuple[str, float]] = {}  # place and time; the oldest first

    @property
    def ports(self) -> list[Port]:
        return list(self._ports.values())

    def set_ports(self, ports: Iterable[Port]) -> list[str]:
        """The ports that there are now. Answers those that are new in any way: they are to be announced."""
        before, self._ports = self._ports, {port.name: port for port in ports}
        changed = [name for name in {**before, **self._ports} if before.get(name) != self._ports.get(name)]
        self._learned = {key: seen for key, seen in self._learned.items() if seen[0] not in changed}
        return [name for name in changed if name in self._ports]

    def set_bridged(self, vlan_ids: Iterable[int]) -> None:
        """The VLANs that uplinks carry from now on."""
        self._bridged = frozenset(vlan_ids)
        self._learned = {
            (vlan_id, address): (place, seen)
            for (vlan_id, address), (place, seen) in self._learned.items()
            if place not in self._uplinks or self.carries(self._uplinks[place], vlan_id)
        }

    def carries(self, uplink: Uplink, vlan_id: int) -> bool:
        if uplink.vlan_id:
            return vlan_id == uplink.vlan_id and vlan_id in self._bridged
        return vlan_id in self._bridged and all(vlan_id != other.vlan_id for other in self._uplinks.values())

    def announce(self, name: str, now: float) -> list[Out]:
        """Tell everybody that this port's address is here; nothing where it is not live."""
        port = self._ports.get(name)
        return self.from_port(name, frames.announcement(port.address), now) if port and port.is_live else []

    def from_port(self, name: str, frame: bytes, now: float) -> list[Out]:
        port = self._ports.get(name)
        if reason := self._refusal(port, frame):
            return self._drop(reason)
        assert port is not None  # noqa: S101 (it would have been refused)
        self._learn(port.vlan_id, port.address, name, now)
        return self._forward(frame, port.vlan_id, name, self._uplinks.values(), now)

    def _refusal(self, port: Port | None, frame: bytes) -> str:
        if port is None or not port.is_live:
            return "from a partition that does not run here"
        if reason := frames.problem(frame):
            return reason
        return "" if frames.source(frame) == port.address else "from an address of another adapter"

    def from_uplink(self, name: str, data: bytes, now: float) -> list[Out]:
        uplink = self._uplinks[name]
        vlan_id, frame = (uplink.vlan_id, data) if uplink.vlan_id else frames.untagged(data)
        if reason := frames.problem(frame):
            return self._drop(reason)
        if not self.carries(uplink, vlan_id):
            return self._drop("of a VLAN that is not bridged")
        self._learn(vlan_id, frames.source(frame), name, now)
        return self._forward(frame, vlan_id, name, (), now)

    def known(self, now: float) -> dict[tuple[int, bytes], str]:
        """Where addresses were last: by VLAN and address the name of a port or an uplink."""
        return {key: place for key, (place, seen) in self._learned.items() if now - seen <= self._age_s}

    def _forward(
        self, frame: bytes, vlan_id: int, came_from: str, uplinks: Iterable[Uplink], now: float
    ) -> list[Out]:
        wanted = frames.destination(frame)
        place = None if frames.is_group(wanted) else self._place_of(vlan_id, wanted, now)
        ports = [
            Out(port.name, frame)
            for port in self._ports.values()
            if port.vlan_id == vlan_id
            and port.is_live
            and port.name != came_from
            and place in (None, port.name)
            and (frames.is_group(wanted) or port.address == wanted)
        ]
        return ports + [
            Out(uplink.name, frame if uplink.vlan_id else frames.tagged(frame, vlan_id))
            for uplink in uplinks
            if place in (None, uplink.name) and self.carries(uplink, vlan_id)
        ]

    def _place_of(self, vlan_id: int, address: bytes, now: float) -> str | None:
        place, seen = self._learned.get((vlan_id, address), (None, 0.0))
        return place if place is not None and now - seen <= self._age_s else None

    def _learn(self, vlan_id: int, address: bytes, place: str, now: float) -> None:
        key = (vlan_id, address)
        self._learned.pop(key, None)
        while len(self._learned) >= self._most:
            del self._learned[next(iter(self._learned))]
        self._learned[key] = (place, now)

    def _drop(self, reason: str) -> list[Out]:
        self.dropped[reason] += 1
        return []
