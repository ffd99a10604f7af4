"""What the hypervisor process tells the switch of its server: a file for each adapter, in a folder beside its socket.

The files are what counts, so that neither has to run when the other starts; a datagram tells the switch to look at
once. All of it is in the folder `net`, which belongs to one user:

    2-4.port     partition ID 2, slot 4: VLAN, MAC address, and whether the partition runs here
    2-4          the switch's socket for that adapter, to which its QEMU sends; QEMU's own is q2/net4
    bridged      the VLANs that are carried to other servers
    control      the switch's socket for everything else; `lock` says that a switch serves the folder
"""

import json
import logging
import os
import re
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ivmweb.hypervisor.base import EthernetAdapter
from ivmweb.hypervisor.qemu.switch.forwarding import Port
from ivmweb.hypervisor.qemu.switch.frames import ADDRESS_BYTES, is_group
from ivmweb.hypervisor.vmc.codec import Malformed, from_json, parse, to_json
from ivmweb.hypervisor.vmc.definitions import VLANS

logger = logging.getLogger(__name__)

NAME = re.compile(r"([1-9][0-9]{0,2})-([1-9][0-9]{0,2})")
SUFFIX, BRIDGED = ".port", "bridged"
LOOK = b"look"
Mark = list[tuple[str, int, int]]


@dataclass(frozen=True)
class BridgedFile:
    vlan_ids: tuple[int, ...]


@dataclass(frozen=True)
class PortFile:
    vlan_id: int
    mac_address: str  # 12 hex digits
    is_live: bool


def folder_of(run_dir: Path) -> Path:
    return run_dir / "net"


def control_socket(run_dir: Path) -> Path:
    return folder_of(run_dir) / "control"


def switch_socket(run_dir: Path, name: str) -> Path:
    return folder_of(run_dir) / name


def name_of(lpar_id: int, slot: int) -> str:
    return f"{lpar_id}-{slot}"


def guest_socket(run_dir: Path, name: str) -> Path:
    """QEMU's end. Nobody may send it an empty datagram: QEMU takes that for the end of the network, for good."""
    lpar_id, slot = name.split("-")
    return run_dir / f"q{lpar_id}" / f"net{slot}"


class GuestPorts:
    """The ports of one partition, as its hypervisor process tells them. What is told already is not told again."""

    def __init__(self, run_dir: Path, lpar_id: int) -> None:
        self._run_dir, self._lpar_id = run_dir, lpar_id
        self._told: dict[Path, PortFile] | None = None  # None: what an earlier process has told is not known

    def tell(self, adapters: Iterable[EthernetAdapter], *, is_live: bool) -> None:
        """These and no others; raises OSError."""
        folder = folder_of(self._run_dir)
        wanted = {
            folder / f"{name_of(self._lpar_id, one.slot)}{SUFFIX}": PortFile(one.vlan_id, one.mac_address, is_live)
            for one in adapters
        }
        if wanted == self._told:
            return
        if wanted:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in set(folder.glob(f"{self._lpar_id}-*{SUFFIX}")) - set(wanted):
            path.unlink(missing_ok=True)
        for path, port in wanted.items():
            _replace(path, to_json(port))
        self._told = wanted
        look_again(self._run_dir)

    def forget(self) -> None:
        """There is no such adapter any more. Where that can't be said, it is said again at the next start."""
        try:
            self.tell((), is_live=False)
        except OSError as exc:
            logger.error("the ports of partition ID %s are not removed: %s", self._lpar_id, exc)


def _replace(path: Path, content: Any) -> None:
    new = path.with_suffix(".new")
    new.write_text(json.dumps(content))
    os.replace(new, path)


def look_again(run_dir: Path) -> None:
    """A switch that does not run, or has too much to do, looks by itself a moment later."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell, suppress(OSError):
        bell.setblocking(False)
        bell.sendto(LOOK, str(control_socket(run_dir)))


def mark_of(run_dir: Path) -> Mark:
    """Another one as soon as any file is another."""
    with suppress(OSError), os.scandir(folder_of(run_dir)) as entries:
        found = [(entry.name, entry.stat()) for entry in entries if entry.name.endswith((SUFFIX, BRIDGED))]
        return sorted((name, status.st_ino, status.st_mtime_ns) for name, status in found)
    return []


def write_bridged(run_dir: Path, vlan_ids: Iterable[int]) -> None:
    """Raises OSError."""
    folder_of(run_dir).mkdir(mode=0o700, parents=True, exist_ok=True)
    _replace(folder_of(run_dir) / BRIDGED, to_json(BridgedFile(tuple(sorted(set(vlan_ids))))))
    look_again(run_dir)


def read_bridged(run_dir: Path) -> tuple[int, ...]:
    """None where nothing was told, or what was told is not understood; then it is told again."""
    path = folder_of(run_dir) / BRIDGED
    try:
        told: BridgedFile = from_json(BridgedFile, parse(path.read_bytes()), BRIDGED)
    except FileNotFoundError:
        return ()
    except (OSError, Malformed) as exc:
        logger.error("%s can't be used: %s", path, exc)
        return ()
    return told.vlan_ids


def read_ports(run_dir: Path) -> list[Port]:
    """Those that are told now; a file that is not understood is no port, and the log says so."""
    ports = []
    for path in sorted(folder_of(run_dir).glob(f"*{SUFFIX}")):
        try:
            ports.append(_read(path))
        except FileNotFoundError:
            continue  # removed just now
        except (OSError, Malformed, ValueError) as exc:
            logger.error("%s can't be used: %s", path, exc)
    return ports


def _read(path: Path) -> Port:
    name = path.name.removesuffix(SUFFIX)
    if not NAME.fullmatch(name):
        raise Malformed("its name is no partition ID and slot")
    told: PortFile = from_json(PortFile, parse(path.read_bytes()), "port")
    address = bytes.fromhex(told.mac_address)
    if told.vlan_id not in VLANS or len(address) != ADDRESS_BYTES or is_group(address):
        raise Malformed("no adapter has that VLAN or MAC address")
    return Port(name, told.vlan_id, address, told.is_live)
