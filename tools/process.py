"""One supervised process: started, kept running, stopped; it never outlives this one."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.paths import ROOT, ToolError
from tools.readiness import Check

CHILD = Path(__file__).resolve().parent / "child.py"
FIRST_DELAY_S = 0.5
LAST_DELAY_S = 5.0
SETTLED_S = 10.0  # one that lived this long is started again after the first delay
LOG_LIMIT = 5_000_000  # bytes; a longer log is put aside at the next start
POLL_S = 0.05
STOPS_WITHIN_S = 10.0
DONE = "ended by itself"


@dataclass(frozen=True)
class Spec:
    name: str  # "uli13/web"
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    check: Check
    ready_file: Path | None = None  # removed before each start


def wait_stopped(pid: int) -> None:
    """A signal is only sent when kill() returns; one that has ended meanwhile stands still as well."""
    deadline = time.monotonic() + STOPS_WITHIN_S
    with contextlib.suppress(ChildProcessError):
        while os.waitid(os.P_PID, pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            if time.monotonic() > deadline:
                raise ToolError(f"Process {pid} does not stop.")
            time.sleep(0.001)


class Process:
    """Keeps what `spec` describes running. `restart` says what follows its death and may be changed at any time."""

    def __init__(self, spec: Spec, say: Callable[[str], None]) -> None:
        self.spec = spec
        self.restart = False
        self._say = say
        self._stopping = threading.Event()
        self._died = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()  # held while the child is reaped: until then its number is nobody else's
        self._child: subprocess.Popen[bytes] | None = None
        self._last = "has not been started"

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def pid(self) -> int | None:
        """None while it does not run."""
        child = self._child
        return child.pid if child is not None else None

    def start(self) -> None:
        """Does nothing when it already runs or is about to be started again."""
        if self._thread is not None and self._thread.is_alive() and (self.restart or self.pid is not None):
            return
        if self._thread is not None:
            self._thread.join()
        self._stopping.clear()
        spawned = threading.Event()
        self._thread = threading.Thread(target=self._keep_running, args=(spawned,), name=self.name, daemon=True)
        self._thread.start()
        spawned.wait()

    def wait_ready(self, timeout_s: float = 60) -> None:
        """Returns once the check says yes; raises ToolError, with the end of the log, when that does not come."""
        deadline = time.monotonic() + timeout_s
        while self.pid is None or not self.spec.check():
            if self.pid is None and not self.restart:
                raise ToolError(f"{self.name} {self._last} before it was ready.\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise ToolError(f"{self.name} was not ready after {timeout_s:.0f} s.\n{self.log_tail()}")
            time.sleep(POLL_S)

    def wait_end(self, timeout_s: float = 120) -> None:
        """For one that does its work and ends: raises ToolError with the end of the log when that fails."""
        if self._thread is not None:
            self._thread.join(timeout_s)
        if self.pid is not None:
            raise ToolError(f"{self.name} did not end in {timeout_s:.0f} s.\n{self.log_tail()}")
        if self._last != DONE:
            raise ToolError(f"{self.name} {self._last}.\n{self.log_tail()}")

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Sends a signal. Returns after SIGKILL when it is gone, so that the next `wait_ready` means a new one; after
        SIGSTOP when all its threads stand still.
        """
        with self._lock:
            if self._child is None:
                raise ToolError(f"{self.name} does not run.")
            self._died.clear()
            os.kill(self._child.pid, number)
            if number == signal.SIGSTOP:
                wait_stopped(self._child.pid)
        if number == signal.SIGKILL:
            self._died.wait(10)

    def ask_to_stop(self) -> None:
        """The first half of `stop`, so that several can stop at the same time."""
        self._stopping.set()
        with self._lock:
            if self._child is not None:
                os.kill(self._child.pid, signal.SIGTERM)

    def stop(self, grace_s: float = 3) -> None:
        """Ends it and whatever it has started; a process that takes no notice for `grace_s` is killed."""
        self.ask_to_stop()
        if self._thread is None:
            return
        self._thread.join(grace_s)
        with self._lock:
            if self._child is not None:
                os.killpg(self._child.pid, signal.SIGKILL)
        self._thread.join()

    def log_tail(self, lines: int = 15) -> str:
        try:
            text = self.spec.log.read_text(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join([f"The end of {self.spec.log}:", *(f"  {line}" for line in text.splitlines()[-lines:])])

    def _keep_running(self, spawned: threading.Event) -> None:
        """The thread of this process. It starts the child itself and outlives it: see child.py."""
        delay = FIRST_DELAY_S
        while not self._stopping.is_set():
            started = time.monotonic()
            self._run_once(spawned)
            if self._stopping.is_set() or not self.restart:
                return
            if time.monotonic() - started >= SETTLED_S:
                delay = FIRST_DELAY_S
            self._say(f"{self.name} {self._last}; it is started again in {delay:.1f} s.")
            self._stopping.wait(delay)
            delay = min(2 * delay, LAST_DELAY_S)

    def _run_once(self, spawned: threading.Event) -> None:
        try:
            child = self._child = self._spawn()
        except OSError as exc:  # a full disk, for instance
            self._last = f"could not be started ({exc})"
            return
        finally:
            spawned.set()
        if self._stopping.is_set():  # asked between the caller's look and the start
            os.kill(child.pid, signal.SIGTERM)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        with self._lock:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)  # what it has started itself
            self._last = how_it_ended(child.wait())
            self._child = None
        self._died.set()

    def _spawn(self) -> subprocess.Popen[bytes]:
        if self.spec.ready_file is not None:
            self.spec.ready_file.unlink(missing_ok=True)
        log = self.spec.log
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > LOG_LIMIT:
            log.replace(log.with_suffix(".old"))
        command = [sys.executable, "-I", "-S", str(CHILD), str(os.getpid()), *self.spec.command]
        with log.open("ab") as output:
            return subprocess.Popen(
                command,
                cwd=ROOT,
                env=dict(self.spec.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


def how_it_ended(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return DONE if status == 0 else f"ended with status {status}"
