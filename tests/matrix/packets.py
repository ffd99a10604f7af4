"""Faults of the network as packets meet them, where root is: iptables drops in a network namespace of each lab's own.

A cut drops what one side sends, acknowledgements too, so both ends of a connection find out as they would on a
broken line: by silence, and after it is healed by TCP's own waits. A loss drops one segment in five, a slow link
what is above its rate. A delay needs a queue (netem) that not every kernel has, and stays the relay's.
"""

import ctypes
import fcntl
import functools
import os
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.matrix.relay import SHOWN, WAYS, Relay

CLONE_NEWNET = 0x4000_0000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
CONGESTION_CONTROL = Path("/proc/sys/net/ipv4/tcp_congestion_control")
DROPPING = ("cut", "loss", "slow")
SLOW_KB, BURST_KB = WAYS["slow"]["bytes_per_s"] // 1000, 256  # a burst holds more than one segment of 64 KB


class PacketNetwork(Relay):
    """The relay stands in between all the same, for the delays; packets are dropped on their way to and from it."""

    def met_by(self, way: str) -> str:
        return "packets" if way in DROPPING else super().met_by(way)

    def disturb(self, link: str, senders: Iterable[str], way: str) -> None:
        if way not in DROPPING:
            super().disturb(link, senders, way)
            return
        self.touched = 0
        for port in self._ports:
            for sender in senders if port.link == link else ():
                drop(port.number, way, to_port=sender == self.ends_of(port)[0], name=f"{link}-{sender}")

    def heal(self) -> None:
        super().heal()
        self.touched += dropped()
        iptables("-F", "INPUT")


def drop(port: int, way: str, *, to_port: bool, name: str = "any") -> None:
    """Packets to that port or from it; of a cut those of the relay's own connection behind it as well."""
    iptables("-A", "INPUT", *what(port, way, to_port=to_port), *how(way, name), "-j", "DROP")


def what(port: int, way: str, *, to_port: bool) -> list[str]:
    end = ["-p", "tcp", "--dport" if to_port else "--sport", str(port)]
    return end if way == "cut" else [*end, "-d" if to_port else "-s", SHOWN]


def how(way: str, name: str) -> list[str]:
    if way == "loss":
        return ["-m", "statistic", "--mode", "random", "--probability", str(WAYS[way]["loss"])]
    if way == "slow":
        rate = ["--hashlimit-above", f"{SLOW_KB}kb/s", "--hashlimit-burst", f"{BURST_KB}kb"]
        return ["-m", "hashlimit", "--hashlimit-name", name, *rate]
    return []


def dropped() -> int:
    """Packets, by all rules that are there now."""
    return sum(int(line.split()[0]) for line in iptables("-L", "INPUT", "-n", "-v", "-x").splitlines()[2:])


def iptables(*args: str) -> str:
    command = ["iptables", "-w", "5", *args]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def own_network() -> type[Relay]:
    """Of this thread, and of what it starts from now on; where that can't be had, all share the machine's network."""
    if not can_drop():
        return Relay
    leave_network()
    return PacketNetwork


@functools.cache
def can_drop() -> bool:
    """Tried, in a namespace that is gone afterwards."""
    if os.geteuid() != 0 or not shutil.which("iptables"):
        return False
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(tries).result()


def tries() -> bool:
    try:
        leave_network()
        for way in DROPPING:
            drop(9, way, to_port=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def leave_network() -> None:
    """Linux: a namespace is a thread's, and inherited by the threads and processes that it starts.

    Congestion control is Reno there, which every kernel has: BBR takes dropped segments for a policer's, and may keep
    to the rate of a slow link for half a minute after it is healed.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "no network namespace")
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
    CONGESTION_CONTROL.write_text("reno")  # of this thread's namespace
