"""Real guests: a move through both movers beside QEMU's own migration on the same machine, turn by turn.

Alike for all of them: memory is touched at the start of a QEMU. In a virtual machine whose host takes free memory
back it would else cost a second for each GB, whoever moves it. And a guest whose turn it is not writes nothing.
"""

import datetime as dt
import ipaddress
import socket
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ivmweb.hypervisor.base import Definition
from ivmweb.hypervisor.qemu import process
from ivmweb.hypervisor.qemu.agent import Agent, AgentSilent
from ivmweb.hypervisor.qemu.command_line import Kind, Model, Places, command_line
from ivmweb.hypervisor.qemu.qmp import Monitor, QmpClosed
from tests.bench.figures import Figures, Missing, Say, at_most, told
from tests.bench.half import LPAR_ID
from tests.bench.movers import cpu_per_gb, total
from tests.bench.rig import Rig, rig
from tools import qemu as programs

MEMORY_MB, DIRTY_BYTES_PER_S = 1024, 50 * 2**20
ROUNDS = 5
ALLOWED_MS = 100  # the console's own default
DEADLINE_S = 120
RATIO_GOAL, CPU_GOAL, BOOT_GOAL_S = 2.5, 1.7, 8
SUSPENSION_TIMES, SUSPENSION_MORE_MS = 2, 60


def qemu(say: Say) -> Figures:
    """Moves of a busy guest through both movers, by QEMU's own TCP, and by its TLS."""
    if not programs.is_here():
        raise Missing(f"{programs.NAME} is not installed")
    kit = programs.kit()
    model = Model(kernel=str(kit.kernel), initrd=str(kit.initrd), preallocates=True)
    options = ("--kernel", model.kernel, "--initrd", model.initrd, "--preallocate", "--end-guests")
    turns: dict[str, list[dict[str, Any]]] = {"movers": [], "tcp": [], "tls": []}
    kind = ("ivmweb.hypervisor.qemu", options)
    with tempfile.TemporaryDirectory(prefix="ivm-bench-") as name, rig(MEMORY_MB, DIRTY_BYTES_PER_S, kind) as pair:
        booted_s = boot_time(pair)
        with guest(Path(name), model) as own:
            for number in range(ROUNDS + 1):
                own.write(0)
                pair.write(DIRTY_BYTES_PER_S)
                measured = {"movers": total(*pair.move())}
                pair.write(0)
                own.write(DIRTY_BYTES_PER_S)
                measured |= {"tcp": own.move(""), "tls": own.move("tls0")}
                if number == 0:
                    continue  # memory that its host has never touched is slow the first time
                for name_, one in measured.items():
                    turns[name_].append(one)
                took = ", ".join(f"{name_} {one['seconds']:.2f} s" for name_, one in measured.items())
                say(f"round {number}: {took}")
    return figures_of(turns, booted_s)


def figures_of(turns: dict[str, list[dict[str, Any]]], booted_s: float) -> Figures:
    def median(name: str, what: str) -> float:
        return statistics.median(one[what] for one in turns[name])

    def ratio(other: str) -> float:
        pairs = zip(turns["movers"], turns[other], strict=True)
        return statistics.median(ours["seconds"] / theirs["seconds"] for ours, theirs in pairs)

    own_ms = median("tcp", "suspended_ms")
    limit_ms = max(SUSPENSION_TIMES * own_ms, own_ms + SUSPENSION_MORE_MS)
    return {
        "qemu.tcp_ratio": at_most(ratio("tcp"), "times QEMU's own migration over TCP", RATIO_GOAL),
        "qemu.tls_ratio": told(ratio("tls"), "times QEMU's own migration over TLS"),
        "qemu.seconds": told(median("movers", "seconds"), "s through both movers"),
        "qemu.tcp_seconds": told(median("tcp", "seconds"), "s by QEMU's TCP"),
        "qemu.tls_seconds": told(median("tls", "seconds"), "s by QEMU's TLS"),
        "qemu.suspension": at_most(median("movers", "suspended_ms"), "ms from the order to loaded", limit_ms),
        "qemu.tcp_suspension": told(own_ms, "ms of QEMU's own downtime over TCP"),
        "qemu.cpu": at_most(
            statistics.median(map(cpu_per_gb, turns["movers"])), "CPU-seconds per GB, both movers", CPU_GOAL
        ),
        "qemu.boot": at_most(booted_s, "s from Activate to Linux ppc64", BOOT_GOAL_S),
    }


def boot_time(pair: Rig) -> float:
    """Of the guest that the rig has started, by its reference codes."""
    codes = pair.source.reference_codes(LPAR_ID, 20)
    ends = {code.code: code.time for code in reversed(codes)}
    wait_for(lambda: pair.source.describe(LPAR_ID).heartbeat)  # type: ignore[union-attr]
    return ends["Linux ppc64"] - ends["C20081FF"]


def wait_for(claim: Any) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not claim():
        if time.monotonic() > deadline:
            raise TimeoutError(f"it did not come about within {DEADLINE_S} s")
        time.sleep(0.05)


@dataclass
class Own:
    """A guest of the same kind that is moved by QEMU alone."""

    folder: Path
    model: Model
    definition: Definition
    monitor: Monitor
    agent: Agent

    def write(self, bytes_per_s: int) -> None:
        self.agent.ask("ivm-workload", {"set-mb": 0, "bytes-per-s": bytes_per_s}, timeout_s=DEADLINE_S)

    def move(self, credentials: str) -> dict[str, Any]:
        """To a second process, which is thrown away; then it runs on as before."""
        place = self.folder / f"to-{uuid4().hex[:6]}"
        with started(place, self.definition, self.model, is_incoming=True, extra=tls(self.folder, "server")) as there:
            port = free_port()
            uri = f"tcp:127.0.0.1:{port}"
            parameters = {"tls-creds": credentials, "tls-hostname": "127.0.0.1" if credentials else ""}
            for monitor in (there, self.monitor):
                monitor.execute("migrate-set-capabilities", {"capabilities": RETURN_PATH})
                monitor.execute("migrate-set-parameters", parameters)
            limits = {"max-bandwidth": 0, "downtime-limit": ALLOWED_MS}
            self.monitor.execute("migrate-set-parameters", limits)
            there.execute("migrate-incoming", {"uri": uri})
            began = time.monotonic()
            self.monitor.execute("migrate", {"uri": uri})
            wait_for_migration(self.monitor)
            seconds = time.monotonic() - began
            found = self.monitor.execute("query-migrate")
            there.execute("quit")
        self.monitor.execute("cont")
        return {"seconds": seconds, "bytes": found["ram"]["transferred"], "suspended_ms": float(found["downtime"])}


RETURN_PATH = [{"capability": "return-path", "state": True}]


def wait_for_migration(monitor: Monitor) -> None:
    while (status := monitor.execute("query-migrate").get("status")) != "completed":
        if status == "failed":
            raise RuntimeError(f"QEMU's own migration failed: {monitor.execute('query-migrate').get('error-desc')}")
        time.sleep(0.005)


@contextmanager
def guest(folder: Path, model: Model) -> Iterator[Own]:
    make_certificates(folder)
    definition = Definition(
        lpar_id=LPAR_ID,
        uuid=str(uuid4()),
        name="bench",
        memory_mb=MEMORY_MB,
        processing_units=0.2,
        virtual_processors=2,
        workload_bytes_per_s=DIRTY_BYTES_PER_S,
    )
    place = folder / "own"
    with started(place, definition, model, is_incoming=False, extra=tls(folder, "client")) as monitor:
        agent = Agent(Places(place).agent)

        def answers() -> bool:
            with suppress(AgentSilent):
                return bool(agent.ask("ivm-status", timeout_s=1)["filled"])
            return False

        wait_for(answers)
        yield Own(folder, model, definition, monitor, agent)
        agent.close()


@contextmanager
def started(
    place: Path, definition: Definition, model: Model, *, is_incoming: bool, extra: list[str]
) -> Iterator[Monitor]:
    place.mkdir()
    kind = Kind(model, "bench", is_incoming=is_incoming)
    running = process.start([*command_line(definition, [], kind, Places(place)), *extra], place / "log")
    try:
        deadline = time.monotonic() + DEADLINE_S
        while True:
            try:
                monitor = Monitor(Places(place).monitor)
                break
            except QmpClosed:
                if time.monotonic() > deadline or not process.is_alive(running):
                    raise RuntimeError(process.last_words(place / "log")) from None
                time.sleep(0.02)
        yield monitor
    finally:
        process.kill(running)
        process.wait_for_end(running, 5)


def tls(folder: Path, endpoint: str) -> list[str]:
    return ["-object", f"tls-creds-x509,id=tls0,dir={folder},endpoint={endpoint},verify-peer=off"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_certificates(folder: Path) -> None:
    """An authority, and one certificate of it for both ends, where QEMU looks for them."""
    authority = ec.generate_private_key(ec.SECP256R1())
    key = ec.generate_private_key(ec.SECP256R1())
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    own = certificate("bench", key, authority, x509.BasicConstraints(ca=False, path_length=None), address)
    of_authority = certificate("authority", authority, authority, x509.BasicConstraints(ca=True, path_length=None))
    (folder / "ca-cert.pem").write_bytes(of_authority)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for end in ("server", "client"):
        (folder / f"{end}-cert.pem").write_bytes(own)
        (folder / f"{end}-key.pem").write_bytes(private)


def certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    authority: ec.EllipticCurvePrivateKey,
    *extensions: x509.ExtensionType,
) -> bytes:
    """PEM."""
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return builder.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
