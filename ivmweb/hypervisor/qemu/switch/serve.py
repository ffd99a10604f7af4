"""The switch's sockets, and the loop that carries frames between them.

It keeps nothing that counts: one that is started anew reads the ports and learns the addresses again. A sender is
never waited for, nor a receiver: a frame that one does not take at once is lost, and counted, as on a real network.
"""

import fcntl
import json
import logging
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.qemu.switch import ports
from ivmweb.hypervisor.qemu.switch.forwarding import Forwarding, Out
from ivmweb.hypervisor.qemu.switch.frames import MAX_FRAME_BYTES, TAG_BYTES
from ivmweb.hypervisor.qemu.switch.options import Address, Cabling
from ivmweb.hypervisor.qemu.switch.tap import open_tap

logger = logging.getLogger(__name__)

MOST_BYTES = MAX_FRAME_BYTES + TAG_BYTES + 1  # so that a longer one shows as too long
AT_ONCE = 64  # frames of one sender, before the others get their turn
LOOK_S = 1.0
ANNOUNCE_S = (0.0, 0.05, 0.2, 0.5, 1.0)  # after a port came: one of them may be lost, as any frame
BUFFER_BYTES = 1024 * 1024
SHOW = b"show"
SHOWN_ADDRESSES = 500
ANSWER_S = 2.0


class Switch:
    """Of one server: `start`, then `run` until `stop`."""

    def __init__(self, run_dir: Path, cabling: Cabling) -> None:
        self.forwarding = Forwarding(cable.uplink for cable in cabling.cables)
        self._run_dir, self._cabling = run_dir, cabling
        self._selector = selectors.DefaultSelector()
        self._sender = _datagrams()
        self._ports: dict[str, socket.socket] = {}
        self._peers = {cable.peer: cable.uplink.name for cable in cabling.cables if cable.peer}
        self._addresses = {name: peer for peer, name in self._peers.items()}
        self._taps: dict[str, int] = {}
        self._udp: socket.socket | None = None
        self._mark: ports.Mark | None = None
        self._bridged: tuple[int, ...] = ()
        self._due: list[tuple[float, str]] = []  # announcements
        self._ended = threading.Event()

    def start(self) -> None:
        """Raises HypervisorError `switch-runs`, `switch-address` or `tap-unusable`, and OSError."""
        folder = ports.folder_of(self._run_dir)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _take_lock(folder)
        for cable in self._cabling.cables:
            if cable.tap:
                self._open_tap(cable.tap)
        if self._cabling.bind:
            self._open_uplink(self._cabling.bind)
        self._look()
        control = _bound(ports.control_socket(self._run_dir))  # last: whoever sees it is served
        self._listen(control, lambda: self._hear_control(control))

    def run(self) -> None:
        looked = 0.0
        while not self._ended.is_set():
            wait_s = min([LOOK_S, *(due - time.monotonic() for due, _name in self._due)])
            for key, _events in self._selector.select(max(wait_s, 0)):
                key.data()
            if time.monotonic() - looked >= LOOK_S:
                self._look()
                looked = time.monotonic()
            self._announce()

    def stop(self) -> None:
        """From another thread, or from a signal's handler."""
        self._ended.set()
        ports.look_again(self._run_dir)

    def close(self) -> None:
        ports.control_socket(self._run_dir).unlink(missing_ok=True)
        for name in list(self._ports):
            self._close_port(name)
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        for tap in self._taps.values():
            os.close(tap)
        self._selector.close()
        self._sender.close()
        os.close(self._lock)

    def _listen(self, connection: socket.socket | int, hear: Callable[[], None]) -> None:
        self._selector.register(connection, selectors.EVENT_READ, hear)

    # Ports.

    def _look(self) -> None:
        """At what the hypervisor process tells; at no more than the names where nothing has changed."""
        mark: ports.Mark | None = ports.mark_of(self._run_dir)
        if mark == self._mark:
            return
        found = ports.read_ports(self._run_dir)
        now = time.monotonic()
        for name in self._ports.keys() - {port.name for port in found}:
            self._close_port(name)
        for name in {port.name for port in found} - self._ports.keys():
            try:
                self._open_port(name)
            except OSError as exc:  # the others are served, and this one is tried again
                logger.error("port %s can't be served: %s", name, exc)
                mark = None
        changed = self.forwarding.set_ports(found)
        self._bridged = ports.read_bridged(self._run_dir)
        self.forwarding.set_bridged(self._bridged)
        self._due = [(due, name) for due, name in self._due if name not in changed]
        self._due += [(now + later, name) for name in changed for later in ANNOUNCE_S]
        self._mark = mark
        vlans = ", ".join(map(str, self._bridged)) or "none"
        logger.info("bridged VLANs: %s; ports: %s", vlans, ", ".join(map(str, found)) or "none")

    def _open_port(self, name: str) -> None:
        connection = _bound(ports.switch_socket(self._run_dir, name))
        self._ports[name] = connection
        self._listen(connection, lambda: self._hear_port(name, connection))

    def _close_port(self, name: str) -> None:
        connection = self._ports.pop(name)
        self._selector.unregister(connection)
        connection.close()
        ports.switch_socket(self._run_dir, name).unlink(missing_ok=True)

    def _announce(self) -> None:
        now = time.monotonic()
        ready = [name for due, name in self._due if due <= now]
        self._due = [(due, name) for due, name in self._due if due > now]
        for name in ready:
            self._send(self.forwarding.announce(name, now))

    # Frames.

    def _hear_port(self, name: str, connection: socket.socket) -> None:
        for _turn in range(AT_ONCE):
            try:
                frame = connection.recv(MOST_BYTES)
            except OSError:
                return
            self._send(self.forwarding.from_port(name, frame, time.monotonic()))

    def _hear_peers(self) -> None:
        assert self._udp is not None  # noqa: S101 (it is what was heard)
        for _turn in range(AT_ONCE):
            try:
                data, sender = self._udp.recvfrom(MOST_BYTES)
            except OSError:
                return
            name = self._peers.get(sender[:2])
            if name is None:
                self.forwarding.dropped["from a server that is no peer"] += 1
            else:
                self._send(self.forwarding.from_uplink(name, data, time.monotonic()))

    def _hear_tap(self, name: str) -> None:
        for _turn in range(AT_ONCE):
            try:
                frame = os.read(self._taps[name], MOST_BYTES)
            except OSError:
                return
            self._send(self.forwarding.from_uplink(name, frame, time.monotonic()))

    def _send(self, outs: list[Out]) -> None:
        for out in outs:
            try:
                self._send_one(out)
            except OSError as exc:
                self.forwarding.dropped[f"not taken: {exc.strerror or exc}"] += 1

    def _send_one(self, out: Out) -> None:
        if out.place in self._taps:
            os.write(self._taps[out.place], out.frame)
        elif (peer := self._addresses.get(out.place)) and self._udp is not None:
            self._udp.sendto(out.frame, peer)
        else:
            self._sender.sendto(out.frame, str(ports.guest_socket(self._run_dir, out.place)))

    # Uplinks.

    def _open_uplink(self, bind: Address) -> None:
        family = socket.AF_INET6 if ":" in bind[0] else socket.AF_INET
        self._udp = _datagrams(family)
        try:
            self._udp.bind(bind)
        except OSError as exc:
            reason = exc.strerror or str(exc)
            raise HypervisorError("switch-address", address=f"{bind[0]}:{bind[1]}", reason=reason) from exc
        self._listen(self._udp, self._hear_peers)

    def _open_tap(self, name: str) -> None:
        self._taps[name] = open_tap(name)
        self._listen(self._taps[name], lambda: self._hear_tap(name))

    # Control.

    def _hear_control(self, control: socket.socket) -> None:
        for _turn in range(AT_ONCE):
            try:
                words, sender = control.recvfrom(MOST_BYTES)
            except OSError:
                return
            if words == SHOW and sender:
                with suppress(OSError):  # who asked has gone
                    self._sender.sendto(json.dumps(self._shown()).encode(), sender)
            else:
                self._look()

    def _shown(self) -> dict[str, Any]:
        known = self.forwarding.known(time.monotonic())
        shown = sorted((vlan_id, address.hex(":"), place) for (vlan_id, address), place in known.items())
        return {
            "ports": [
                {"name": one.name, "vlan": one.vlan_id, "address": one.address.hex(":"), "is_live": one.is_live}
                for one in self.forwarding.ports
            ],
            "uplinks": [cable.uplink.name for cable in self._cabling.cables],
            "bridged_vlans": self._bridged,
            "addresses_known": len(shown),
            "addresses": shown[:SHOWN_ADDRESSES],
            "dropped": dict(self.forwarding.dropped),
        }


def ask(run_dir: Path) -> dict[str, Any]:
    """What the switch that serves this folder knows. Raises HypervisorError `switch-silent`."""
    folder = ports.folder_of(run_dir)
    place = folder / f"ask-{os.getpid()}"
    try:
        asking = _bound(place)
        try:
            asking.settimeout(ANSWER_S)
            asking.sendto(SHOW, str(ports.control_socket(run_dir)))
            shown: dict[str, Any] = json.loads(asking.recv(BUFFER_BYTES))
        finally:
            asking.close()
            place.unlink(missing_ok=True)
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc)
        raise HypervisorError("switch-silent", folder=str(run_dir), reason=reason) from exc
    return shown


def _datagrams(family: int = socket.AF_UNIX) -> socket.socket:
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.setblocking(False)
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        made.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
    return made


def _bound(path: Path) -> socket.socket:
    """Replaces what an ended process has left behind there."""
    path.unlink(missing_ok=True)
    made = _datagrams()
    made.bind(str(path))
    os.chmod(path, 0o600)
    return made


def _take_lock(folder: Path) -> int:
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        os.close(lock)
        raise HypervisorError("switch-runs", folder=str(folder)) from exc
    return lock
