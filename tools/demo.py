"""`./ivm demo`, `stop`, `reset` and `manage`."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from tools import bootstrap, qemu, variables
from tools.console import LOOPBACK
from tools.guest_kit import GuestKit
from tools.lab import Lab, LabOptions, Running, facts, is_running, remove, stop_running
from tools.paths import PYTHON, ROOT, VAR, ToolError

# Of the product's settings, those that both consoles may have alike; the others are the lab's.
PASSED_ON = (
    *("IVM_LEASE_S", "IVM_RECOVERY_GRACE_S", "IVM_SCHEDULE_S", "IVM_PEER_TIMEOUT_S", "IVM_TOKEN_LIFE_S"),
    *("IVM_SESSION_S", "IVM_API_TOKEN_LIFE_S", "IVM_MOVER_SLOTS", "IVM_MOVER_HOST", "IVM_LOG_LEVEL", "IVM_DEBUG"),
)
DEMO_OPTIONS = ("--fast", "--detach", "--qemu", "--with-extras")
LAB_OWN = ("IVM_LAB_DIR", "IVM_LAB_SAN_DIR", "IVM_LAB_PORT_OFFSET")
REPORT_FD = "IVM_REPORT_FD"  # where a detached supervisor says that it is ready


def lab_folder() -> Path:
    return Path(os.environ.get("IVM_LAB_DIR") or VAR / "lab").resolve()


def options(*, fast: bool, guest: GuestKit | None = None) -> LabOptions:
    """What a person may set from outside: the lab's own variables and the product's times. Raises ToolError."""
    variables.check(os.environ, real_guests=guest is not None)
    chosen = {
        name: value
        for name, value in os.environ.items()
        if value and (name in PASSED_ON or (name.startswith("IVM_LAB_") and name not in LAB_OWN))
    }
    return LabOptions(fast=fast, environment=chosen, ssh=True, guest=guest)


def tell(text: str) -> None:
    """To the terminal; when that is gone the lab goes on, or stops in order, without it."""
    with contextlib.suppress(OSError):
        print(text, flush=True)


def say(line: str) -> None:
    tell(f"{time.strftime('%H:%M:%S')} {line}")


def demo(args: list[str]) -> int:
    if unknown := set(args) - set(DEMO_OPTIONS):
        known = " and ".join([", ".join(DEMO_OPTIONS[:-1]), DEMO_OPTIONS[-1]])
        raise ToolError(f"./ivm demo does not know {', '.join(sorted(unknown))}; it takes {known}.")
    guest = real_guest(install="--with-extras" in args) if "--qemu" in args else None
    lab = Lab(lab_folder(), variables.port_offset(os.environ), options(fast="--fast" in args, guest=guest), say)
    bootstrap.ensure("runtime")
    return detach(lab, args) if "--detach" in args else foreground(lab)


def real_guest(*, install: bool) -> GuestKit:
    qemu.provide(install=install)
    return qemu.kit()


def foreground(lab: Lab) -> int:
    stop = threading.Event()
    started = time.monotonic()
    on_signals(_interrupt)
    try:
        tell(f"Starting two consoles in {lab.folder} ...")
        lab.start()
        on_signals(lambda number, frame: stop.set())
        tell(welcome(lab, time.monotonic() - started))
        report_ready()
        stop.wait()
        return 0
    except KeyboardInterrupt:
        return 130
    finally:
        on_signals(signal.SIG_IGN)
        if lab.processes:
            tell("Stopping ...")
        lab.stop()


def on_signals(handler: Callable[[int, FrameType | None], object] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def welcome(lab: Lab, seconds: float) -> str:
    lines = [
        f"  {console.name}  {console.url}   (https://{console.public_address}/, "
        f"ssh -p {console.ssh_port} padmin@{LOOPBACK})"
        for console in lab.consoles.values()
    ]
    return "\n".join(
        [
            *lines,
            "  Log in as padmin/padmin (may do everything) or viewer/viewer (View Only).",
            f"  Logs: {lab.folder}/<console>/log/. Ctrl-C or ./ivm stop ends it, ./ivm reset starts over.",
            f"ready in {seconds:.1f} s",
        ]
    )


def report_ready() -> None:
    if fd := os.environ.get(REPORT_FD):
        with os.fdopen(int(fd), "w") as report:
            report.write("ready")


def detach(lab: Lab, args: list[str]) -> int:
    """Starts a supervisor in a session of its own, and returns when that one is ready or has failed."""
    if is_running(lab.folder):
        raise Running(lab.folder)
    lab.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = lab.folder / "demo.log"
    reader, writer = os.pipe()
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "tools", "demo", *(arg for arg in args if arg != "--detach")],
            cwd=ROOT,
            env={**os.environ, REPORT_FD: str(writer)},
            pass_fds=(writer,),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    os.close(writer)
    with os.fdopen(reader) as report:
        ready = report.read() == "ready"
    print(log.read_text(), end="", flush=True)
    return 0 if ready else child.wait()


def stop(args: list[str]) -> int:
    _no_arguments("stop", args)
    print("Stopped." if stop_running(lab_folder()) else f"No lab is running in {lab_folder()}.")
    return 0


def reset(args: list[str]) -> int:
    """Back to the first state: the next demo makes everything anew."""
    _no_arguments("reset", args)
    stop_running(lab_folder())
    remove(lab_folder())
    print("The lab is as new; ./ivm demo starts it.")
    return 0


def manage(args: list[str]) -> int:
    folder = lab_folder()
    offset = facts(folder).get("port_offset", variables.port_offset(os.environ))
    consoles = Lab(folder, offset, options(fast=False)).consoles
    if not args or args[0] not in consoles:
        problem = f"There is no console {args[0]!r} in the lab." if args else "Say which console."
        raise ToolError(f"{problem} The command is: ./ivm manage {'|'.join(consoles)} COMMAND ...")
    console = consoles[args[0]]
    if not console.secret_key.exists():
        raise ToolError(f"There is no lab in {folder} yet; ./ivm demo makes one.")
    bootstrap.ensure("runtime")
    os.chdir(ROOT)
    kind = {"IVM_HYPERVISOR": "qemu"} if facts(folder).get("real_guests") else {}
    os.execve(PYTHON, [str(PYTHON), "manage.py", *args[1:]], console.environment() | kind)


def _no_arguments(name: str, args: list[str]) -> None:
    if args:
        raise ToolError(f"./ivm {name} takes no arguments.")
