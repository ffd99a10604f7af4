"""The lab: two consoles with all their processes on one machine, for `./ivm demo` and the end-to-end tests."""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tools import run_folder
from tools.console import LOOPBACK, SERVERS, Console
from tools.guest_kit import GuestKit
from tools.paths import PYTHON, ROOT, ToolError
from tools.process import Process, Spec

LOCK = "lab.lock"
FACTS = "lab.json"
# The order of stopping: nobody asks for what is gone already.
STOP_ORDER = (
    ("setup", "web", "sshd"),
    ("control", "mover-out", "mover-in"),
    ("beat",),
    ("hypervisor",),
    ("switch", "valkey"),
)


@dataclass(frozen=True)
class LabOptions:
    """What a lab may be started with; None leaves the product's own value."""

    fast: bool = False  # no bandwidth limit
    memory_mb: int | None = None  # of uli13lp1 and uli13lp2
    workload: float | None = None  # MB written per second by uli13lp1
    boot_step_ms: int | None = None
    lease_s: float | None = None
    recovery_grace_s: float | None = None
    schedule_s: float | None = None
    environment: Mapping[str, str] = field(default_factory=dict)  # for every process of both consoles
    databases: Mapping[str, str] = field(default_factory=dict)  # console: URL of a database that is not SQLite
    ssh: bool = False  # with the command line over SSH
    guest: GuestKit | None = None  # partitions are real guests of QEMU

    def variables(self) -> dict[str, str]:
        named = {
            "IVM_LAB_FAST": "true" if self.fast else None,
            "IVM_LAB_MEMORY_MB": self.memory_mb,
            "IVM_LAB_WORKLOAD": self.workload,
            "IVM_LAB_BOOT_STEP_MS": self.boot_step_ms,
            "IVM_LEASE_S": self.lease_s,
            "IVM_RECOVERY_GRACE_S": self.recovery_grace_s,
            "IVM_SCHEDULE_S": self.schedule_s,
        }
        return {**self.environment, **{name: str(value) for name, value in named.items() if value is not None}}


class Lab:
    """Two consoles in `folder`. `processes` are found by name: "uli13/web", "uli14/mover-in"."""

    def __init__(
        self,
        folder: Path,
        port_offset: int = 0,
        options: LabOptions | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.folder = folder.resolve()
        self.run = run_folder.path_for(self.folder)
        self.port_offset = port_offset
        options = options or LabOptions()
        self._has_real_guests = options.guest is not None
        self.consoles = {
            server.name: Console(
                server,
                self.folder,
                self.run,
                port_offset,
                options.variables(),
                options.databases.get(server.name, ""),
                options.ssh,
                options.guest,
            )
            for server in SERVERS
        }
        self.processes: dict[str, Process] = {}
        self._say = say
        self._lock: IO[str] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, timeout_s: float = 90) -> None:
        """Returns when everything answers. Raises ToolError, with what ran still running: call `stop`."""
        self._claim()
        self._check_ports()
        run_folder.make(self.run)
        for console in self.consoles.values():
            console.make_folders()
        consoles = self.consoles.values()
        self._start_all((spec for console in consoles for spec in console.services()), timeout_s)
        self._run_all([console.setup() for console in consoles], timeout_s)
        self._start_all((spec for console in consoles for spec in console.applications()), timeout_s)

    def stop(self) -> None:
        """Ends every process, in order, and leaves nothing but the lab's folder. May be called twice."""
        for kinds in STOP_ORDER:
            group = [process for name, process in self.processes.items() if name.partition("/")[2] in kinds]
            for process in group:
                process.ask_to_stop()
            for process in group:
                process.stop()
        self.processes.clear()
        if self._lock is not None:
            run_folder.remove(self.run)
            self._lock.close()
            self._lock = None

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        self.processes[name].kill(number)

    def manage(self, console: str, *command: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        """Runs manage.py with that console's environment and captures what it prints."""
        return subprocess.run(
            [str(PYTHON), "manage.py", *command],
            cwd=ROOT,
            env=self.consoles[console].environment(),
            text=True,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )

    def _claim(self) -> None:
        """One supervisor a folder; the lock goes when the process goes, however it ends."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = claim(self.folder)
        told = {"pid": os.getpid(), "port_offset": self.port_offset, "real_guests": int(self._has_real_guests)}
        (self.folder / FACTS).write_text(json.dumps(told))

    def _check_ports(self) -> None:
        for console in self.consoles.values():
            kinds = {socket.SOCK_STREAM: console.ports, socket.SOCK_DGRAM: console.udp_ports}
            for port in (port for kind, ports in kinds.items() for port in ports if not is_free(port, kind)):
                raise ToolError(
                    f"Port {port} of console {console.name} is used by another program. Set IVM_LAB_PORT_OFFSET, "
                    f"which is added to every port (now {self.port_offset}), or stop that program."
                )

    def _start_all(self, specs: Iterable[Spec], timeout_s: float) -> None:
        """All at once; started again from the moment they were ready, as one that cannot start is an error."""
        made = [self._add(spec) for spec in specs]
        deadline = time.monotonic() + timeout_s
        for process in made:
            process.wait_ready(max(deadline - time.monotonic(), 1))
            process.restart = True

    def _run_all(self, specs: Iterable[Spec], timeout_s: float) -> None:
        for process in [self._add(spec) for spec in specs]:
            process.wait_end(timeout_s)
            del self.processes[process.name]

    def _add(self, spec: Spec) -> Process:
        process = self.processes[spec.name] = Process(spec, self._say)
        process.start()
        return process


class Running(ToolError):
    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"The lab in {folder} is running already (process {supervisor(folder)}). "
            "./ivm stop stops it; IVM_LAB_DIR and IVM_LAB_PORT_OFFSET start another one beside it."
        )


def claim(folder: Path) -> IO[str]:
    """The folder's lock, held until it is closed; raises Running when a supervisor holds it."""
    lock = (folder / LOCK).open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise Running(folder) from None
    return lock


def is_running(folder: Path) -> bool:
    if not (folder / LOCK).exists():
        return False
    try:
        claim(folder).close()
    except Running:
        return True
    return False


def facts(folder: Path) -> dict[str, int]:
    """What the last supervisor of this folder has written down: its process, port offset, and 1 for real guests."""
    try:
        found = json.loads((folder / FACTS).read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return {name: int(value) for name, value in found.items()}


def supervisor(folder: Path) -> int:
    return facts(folder).get("pid", 0)


def is_free(port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> bool:
    with socket.socket(type=kind) as listener:
        if kind == socket.SOCK_STREAM:  # with it, two programs could have the same port for datagrams
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def stop_running(folder: Path, timeout_s: float = 30) -> bool:
    """Stops the lab of this folder and waits until it is gone; False when none is running."""
    if not is_running(folder):
        return False
    os.kill(supervisor(folder), signal.SIGTERM)
    deadline = time.monotonic() + timeout_s
    while is_running(folder):
        if time.monotonic() > deadline:
            raise ToolError(f"Process {supervisor(folder)} has not stopped the lab in {timeout_s:.0f} s.")
        time.sleep(0.1)
    return True


def remove(folder: Path) -> None:
    """Deletes a stopped lab; refuses a running one, and a folder that is no lab."""
    if not folder.exists():
        return
    if not (folder / LOCK).exists():
        raise ToolError(f"{folder} holds no lab; nothing was deleted.")
    with claim(folder):
        run_folder.remove(run_folder.path_for(folder))
        shutil.rmtree(folder)
