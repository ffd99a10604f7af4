"""Test-made machines on a virtual Ethernet: they answer to ARP, and ping. Ethernet, ARP, IPv4 and ICMP by hand."""

import contextlib
import ipaddress
import os
import socket
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import EthernetAdapter
from ivmweb.hypervisor.qemu.switch import ports, serve
from tests.hypervisor.conftest import eventually

ARP, IPV4 = b"\x08\x06", b"\x08\x00"
REQUEST, REPLY = 1, 2
ECHO, ECHO_REPLY = 8, 0
ETHERNET_IPV4 = bytes.fromhex("0001 0800 06 04")


def address_of(mac_address):
    """That the lab's guest gives itself."""
    return ipaddress.ip_address(f"10.{'.'.join(map(str, bytes.fromhex(mac_address)[3:]))}").packed


def arp(operation, mac, address, to_mac, to_address):
    target = to_mac if operation == REPLY else bytes(6)
    body = ETHERNET_IPV4 + operation.to_bytes(2, "big") + mac + address + target + to_address
    return ((to_mac if operation == REPLY else b"\xff" * 6) + mac + ARP + body).ljust(60, b"\0")


def echo(mac, address, to_mac, to_address, number, kind=ECHO):
    message = bytes([kind, 0]) + b"\0\0" + (1).to_bytes(2, "big") + number.to_bytes(2, "big") + b"ping" * 8
    message = message[:2] + checksum(message) + message[4:]
    head = bytes.fromhex("4500") + (20 + len(message)).to_bytes(2, "big") + bytes.fromhex("0000 0000 4001 0000")
    head += address + to_address
    return to_mac + mac + IPV4 + head[:10] + checksum(head) + head[12:] + message


def checksum(data):
    total = sum(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return (~total & 0xFFFF).to_bytes(2, "big")


def free_udp_addresses(count):
    """On loopback."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    addresses = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()
    return addresses


class Station:
    """A machine in a port of its own at a switch. `heard`: all frames."""

    def __init__(self, run_dir, lpar_id, mac_address, vlan_id=1):
        name = ports.name_of(lpar_id, 2)
        self.mac, self.address = bytes.fromhex(mac_address), address_of(mac_address)
        self.heard = []
        self._switch = str(ports.switch_socket(run_dir, name))
        place = ports.guest_socket(run_dir, name)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(place))
        self._known = {}  # hardware address by address
        self._echoes = {}  # number: time of the answer
        self._ends = threading.Event()
        self._number = 0
        self._thread = threading.Thread(target=self._hear, daemon=True)
        self._thread.start()
        ports.GuestPorts(run_dir, lpar_id).tell([EthernetAdapter(2, mac_address, vlan_id)], is_live=True)

    def send(self, frame):
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):  # no switch, no network
            self._socket.sendto(frame, self._switch)

    def stand_still(self):
        """What arrives from now on is not taken."""
        self._ends.set()
        self._socket.sendto(b"wake up", self._socket.getsockname())
        self._thread.join(5)

    def close(self):
        self._ends.set()
        with contextlib.suppress(OSError):  # it is closed
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._socket.close()

    def reaches(self, mac_address, timeout_s=0.5):
        """Whether it answers to ARP and ping now. A question is asked again, as any frame may be lost."""
        to = address_of(mac_address)
        self._known.pop(to, None)
        question = arp(REQUEST, self.mac, self.address, b"", to)
        return self._is_answered(lambda: self.send(question), lambda: to in self._known, timeout_s) and (
            self._is_answered(lambda: self.ping(to), lambda: self._echoes.get(self._number), timeout_s)
        )

    def _is_answered(self, ask, answered, timeout_s):
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            ask()
            with contextlib.suppress(AssertionError):
                return bool(eventually(answered, 0.2))
        return False

    def ping(self, to):
        self._number += 1
        self.send(echo(self.mac, self.address, self._known[to], to, self._number))
        return self._number

    def pings_steadily(self, mac_address, every_s=0.05):
        """Until it is stopped: see Pings."""
        return Pings(self, address_of(mac_address), every_s)

    def answered(self, number):
        return self._echoes.get(number)

    def _hear(self):
        with contextlib.suppress(OSError):
            while not self._ends.is_set():
                self._take(self._socket.recv(65536))

    def _take(self, frame):
        self.heard.append(frame)
        kind, body = frame[12:14], frame[14:]
        if kind == ARP and body[:6] == ETHERNET_IPV4:
            self._take_arp(body)
        elif kind == IPV4 and body[9] == 1 and body[20] == ECHO_REPLY:
            self._echoes[int.from_bytes(body[26:28], "big")] = time.monotonic()
        elif kind == IPV4 and body[9] == 1 and body[20] == ECHO and frame[:6] == self.mac:
            number = int.from_bytes(body[26:28], "big")
            self.send(echo(self.mac, self.address, frame[6:12], body[12:16], number, ECHO_REPLY))

    def _take_arp(self, body):
        mac, address, wanted = body[8:14], body[14:18], body[24:28]
        self._known[address] = mac
        if int.from_bytes(body[6:8], "big") == REQUEST and wanted == self.address:
            self.send(arp(REPLY, self.mac, self.address, mac, address))


class Pings:
    """One each twentieth of a second, by an address that is not asked for again."""

    def __init__(self, station, to, every_s):
        self._station, self._to, self._every_s = station, to, every_s
        self.sent = []
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._ends.wait(self._every_s):
            self.sent.append((time.monotonic(), self._station.ping(self._to)))

    def stop(self):
        self._ends.set()
        self._thread.join(5)
        time.sleep(0.5)  # answers on their way

    def is_answered_again(self):
        """The last ping but a few."""
        return bool(self.sent[-4:]) and any(self._station.answered(number) for _time, number in self.sent[-4:])

    def longest_silence_s(self):
        """Between two pings that were answered, as they were sent."""
        times = [time for time, number in self.sent if self._station.answered(number)]
        return max(later - earlier for earlier, later in pairwise(times))

    def lost(self):
        return sum(not self._station.answered(number) for _time, number in self.sent)


class SwitchProcess:
    """A switch as a process of its own, as servers have it."""

    def __init__(self, run_dir, *options):
        self.run_dir = run_dir
        self.command = [sys.executable, "-m", "ivmweb.hypervisor.qemu.switch", "--folder", str(run_dir), *options]
        self.process = None

    def start(self):
        self.process = subprocess.Popen(self.command, stderr=subprocess.DEVNULL)
        eventually(self.is_there)
        return self

    def is_there(self):
        with contextlib.suppress(HypervisorError):
            return bool(self.shown())
        return False

    def shown(self):
        return serve.ask(self.run_dir)

    def option(self, name):
        return self.command[self.command.index(name) + 1]

    def processor_seconds(self):
        return sum(map(int, Path(f"/proc/{self.process.pid}/stat").read_text().split()[13:15])) / os.sysconf(
            "SC_CLK_TCK"
        )

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def stop(self):
        self.process.terminate()
        assert self.process.wait(10) == 0
