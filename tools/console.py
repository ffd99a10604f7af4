"""One console of the lab: its addresses, folders, environment and processes."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ivmweb.hypervisor.qemu.switch.ports import control_socket
from tools import readiness
from tools.guest_kit import GuestKit
from tools.paths import PYTHON, ROOT
from tools.process import Spec

LOOPBACK = "127.0.0.1"
WORKERS = {"control": "control", "mover-out": "mover-out", "mover-in": "mover-in"}  # process: queue
MOVER_TLS = {"OPENSSL_CONF": str(ROOT / "migration" / "mover" / "openssl.cnf")}  # AES-128 first: a quarter cheaper
WORKER_OPTIONS = ("-P", "threads", "-c", "4", "--without-gossip", "--without-mingle", "--without-heartbeat")


@dataclass(frozen=True)
class Server:
    """What is fixed about one of the two servers of the lab."""

    name: str
    system: str  # type-model*serial of the managed system
    memory_mb: int
    processing_units: float
    http_port: int
    https_port: int
    ssh_port: int
    uplink_port: int  # UDP: of the virtual Ethernet between real guests


SERVERS = (
    Server("uli13", "7998-61X*100390A", 8192, 4.0, 8013, 8413, 2213, 4713),
    Server("uli14", "7998-60X*100E7DA", 4096, 2.0, 8014, 8414, 2214, 4714),
)


@dataclass(frozen=True)
class Console:
    server: Server
    lab: Path
    run: Path  # the lab's folder of sockets
    port_offset: int
    options: Mapping[str, str]  # environment that the lab was started with
    database_url: str = ""  # empty: SQLite in the console's folder
    has_ssh: bool = False
    guest: GuestKit | None = None  # its partitions are real guests of QEMU

    @property
    def name(self) -> str:
        return self.server.name

    @property
    def folder(self) -> Path:
        return self.lab / self.name

    @property
    def http_port(self) -> int:
        return self.server.http_port + self.port_offset

    @property
    def https_port(self) -> int:
        return self.server.https_port + self.port_offset

    @property
    def ssh_port(self) -> int:
        return self.server.ssh_port + self.port_offset

    @property
    def ports(self) -> tuple[int, ...]:
        return (self.http_port, self.https_port, *((self.ssh_port,) if self.has_ssh else ()))

    @property
    def udp_ports(self) -> tuple[int, ...]:
        return (self.server.uplink_port + self.port_offset,) if self.guest else ()

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.http_port}/"

    @property
    def public_address(self) -> str:
        return f"{LOOPBACK}:{self.https_port}"

    @property
    def hypervisor_socket(self) -> Path:
        return self.run / self.name / "hypervisor.sock"

    @property
    def valkey_socket(self) -> Path:
        return self.run / self.name / "valkey.sock"

    @property
    def secret_key(self) -> Path:
        return self.folder / "secret.key"

    def make_folders(self) -> None:
        for folder in (self.folder, self.folder / "valkey", self.folder / "hypervisor", self.lab / "san"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.run / self.name).mkdir(mode=0o700, exist_ok=True)
        if not self.secret_key.exists():
            new = self.secret_key.with_suffix(".new")
            new.unlink(missing_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(50))
            new.replace(self.secret_key)

    def environment(self) -> dict[str, str]:
        """Everything a process of this console is told. Our own settings come from here alone, never from outside."""
        outside = {
            name: value for name, value in os.environ.items() if not name.startswith(("IVM_", "DJANGO_", "PYTEST_"))
        }
        return {
            **outside,
            **self.options,
            "DJANGO_SETTINGS_MODULE": "ivmweb.settings",
            "PYTHONUNBUFFERED": "1",
            # Else the C library keeps the 19 MB of a password check once for each thread that has made one.
            "MALLOC_MMAP_THRESHOLD_": str(2**20),
            "PYTHONFAULTHANDLER": "1",  # a crash of the interpreter leaves its place in the log
            "CELERY_SKIP_CHECKS": "1",
            "IVM_CONSOLE": self.name,
            "IVM_STATE_DIR": str(self.folder),
            "IVM_SECRET_KEY_FILE": str(self.secret_key),
            "IVM_HTTP_BIND": f"{LOOPBACK}:{self.http_port}",
            "IVM_HTTPS_BIND": f"{LOOPBACK}:{self.https_port}",
            "IVM_SSH_BIND": f"{LOOPBACK}:{self.ssh_port}" if self.has_ssh else "",
            "IVM_PUBLIC_ADDRESS": self.public_address,
            "IVM_REDIS_URL": f"redis+socket://{self.valkey_socket}",
            "IVM_HYPERVISOR": "qemu" if self.guest else "simulated",
            "IVM_HYPERVISOR_SOCKET": str(self.hypervisor_socket),
            "IVM_LAB": "true",
            "IVM_LAB_DIR": str(self.lab),
            "IVM_LAB_SAN_DIR": str(self.lab / "san"),
            "IVM_LAB_PORT_OFFSET": str(self.port_offset),
            **({"IVM_DATABASE_URL": self.database_url} if self.database_url else {}),
        }

    def services(self) -> list[Spec]:
        """What has to be there before the console's records are set up."""
        return [
            self._spec("valkey", self._valkey(), readiness.answers_ping(self.valkey_socket)),
            self._spec("hypervisor", self._hypervisor(), readiness.accepts(self.hypervisor_socket)),
            *([self._switch()] if self.guest else []),
        ]

    def _switch(self) -> Spec:
        """The virtual Ethernet of real guests, bridged to that of the other server."""
        uplink = {server: f"{LOOPBACK}:{server.uplink_port + self.port_offset}" for server in SERVERS}
        own = uplink.pop(self.server)
        peers = [word for address in uplink.values() for word in ("--peer", address)]
        folder = self.hypervisor_socket.parent
        command = ("-m", "ivmweb.hypervisor.qemu.switch", "--folder", str(folder), "--uplink", own, *peers)
        control = control_socket(folder)
        return self._spec("switch", command, readiness.exists(control), control)

    def _hypervisor(self) -> tuple[str, ...]:
        server = self.server
        system = (
            "--system",
            server.system,
            "--memory-mb",
            str(server.memory_mb),
            "--units",
            str(server.processing_units),
        )
        places = ("--socket", str(self.hypervisor_socket), "--state-dir", str(self.folder / "hypervisor"))
        if self.guest:
            boot = ("--kernel", str(self.guest.kernel), "--initrd", str(self.guest.initrd))
            return ("-m", "ivmweb.hypervisor.qemu", *system, *places, *boot, "--end-guests")
        boot_step_ms = self.options.get("IVM_LAB_BOOT_STEP_MS")
        pace = ("--boot-step-ms", boot_step_ms) if boot_step_ms else ()
        return ("-m", "ivmweb.hypervisor.simulated", *system, *places, *pace)

    def _valkey(self) -> tuple[str, ...]:
        listen = ("--port", "0", "--unixsocket", str(self.valkey_socket), "--unixsocketperm", "700")
        keep = ("--dir", str(self.folder / "valkey"), "--appendonly", "yes", "--save", "")
        return ("-m", "tools.valkey", *listen, *keep)

    def setup(self) -> Spec:
        """Ends when the records are there, and what ran before runs again."""
        return self._spec("setup", ("manage.py", "lab_setup"), lambda: True)

    def applications(self) -> list[Spec]:
        web = self._spec("web", ("-m", "ivmweb.serve"), readiness.answers_ok(self.http_port, "/readyz"))
        ssh = [self._spec("sshd", ("manage.py", "sshd"), readiness.greets(self.ssh_port))] if self.has_ssh else []
        return [web, *(self._worker(name, queue) for name, queue in WORKERS.items()), self._beat(), *ssh]

    def _worker(self, name: str, queue: str) -> Spec:
        identity = ("-Q", queue, "-n", f"{name}@{self.name}")
        return self._celery(name, ("worker", *identity, *WORKER_OPTIONS), MOVER_TLS if "mover" in queue else {})

    def _beat(self) -> Spec:
        return self._celery("beat", ("beat", "--schedule", str(self.folder / "beat"), "--pidfile="))

    def _celery(self, name: str, command: tuple[str, ...], environment: Mapping[str, str] | None = None) -> Spec:
        ready = self.run / self.name / f"{name}.ready"
        arguments = ("-m", "celery", "-q", "-A", "ivmweb", *command, "-l", "INFO")
        return self._spec(name, arguments, readiness.exists(ready), ready, environment or {})

    def _spec(
        self,
        name: str,
        arguments: tuple[str, ...],
        check: readiness.Check,
        ready: Path | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> Spec:
        environment = {**self.environment(), **(extra or {}), **({"IVM_READY_FILE": str(ready)} if ready else {})}
        log = self.folder / "log" / f"{name}.log"
        return Spec(f"{self.name}/{name}", (str(PYTHON), *arguments), environment, log, check, ready)
