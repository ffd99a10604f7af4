"""QEMU processes: started so that they outlive us, found again by pid and start time, ended by their record only."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LOOK_S = 0.02
KEPT_WORDS_BYTES = 4096


@dataclass(frozen=True)
class ProcessId:
    """A pid alone may be another process's by now."""

    pid: int
    started: int  # clock ticks since the machine's start
    boot_id: str  # of the machine


def start(command: list[str], log: Path) -> ProcessId:
    """Detached: a session of its own, nothing of ours inherited. What it says goes to the log, which begins anew."""
    with open(log, "wb") as words:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=words, stderr=subprocess.STDOUT, start_new_session=True
        )
    return ProcessId(process.pid, _fields(process.pid)[19] if _fields(process.pid) else 0, _boot_id())


def is_alive(process: ProcessId) -> bool:
    _reap(process.pid)
    fields = _fields(process.pid)
    return bool(fields) and fields[19] == process.started and _boot_id() == process.boot_id


def wait_for_end(process: ProcessId, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while is_alive(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_S)
    return True


def kill(process: ProcessId) -> None:
    if is_alive(process):
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


def processor_seconds(process: ProcessId) -> float | None:
    """That it has used so far; None where it has ended."""
    fields = _fields(process.pid)
    return (fields[11] + fields[12]) / os.sysconf("SC_CLK_TCK") if fields else None


def last_words(log: Path) -> str:
    """The last lines of its log, in one."""
    with suppress(OSError), open(log, "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - KEPT_WORDS_BYTES))
        lines = file.read().decode(errors="replace").split("\n")
        return "; ".join(line.strip() for line in lines[-4:] if line.strip())
    return ""


def _fields(pid: int) -> list[int]:
    """Those of /proc/PID/stat after name and state, as proc(5) numbers them from 4; none for one that has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    state, *numbers = text.rpartition(")")[2].split()
    return [] if state in "ZX" else [0, *(int(number) for number in numbers)]


def _reap(pid: int) -> None:
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def find(argument: str) -> list[ProcessId]:
    """Processes with exactly this argument."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        with suppress(OSError):
            arguments = (folder / "cmdline").read_bytes().split(b"\0")
            if argument.encode() in arguments and (fields := _fields(int(folder.name))):
                found.append(ProcessId(int(folder.name), fields[19], _boot_id()))
    return found
