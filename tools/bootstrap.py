"""Makes .venv with what a lock file lists, once; does nothing when it already fits.

Works where Python has no ensurepip (Debian without python3-venv): pip is run from a wheel kept beside this file.
Where packages come from is the machine's own pip configuration; nothing of it is written down here.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.paths import PYTHON, REQUIREMENTS, ROOT, VAR, VENV, ToolError

PIP_WHEEL = Path(__file__).resolve().parent / "pip-26.3-py3-none-any.whl"
PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"
STAMP = "ivm-installed"
MARK = "ivm-installing"
SETS = ("runtime", "dev")  # each holds the one before it


def ensure(wanted: str) -> Path:
    """The path of a Python that has the packages of the set `wanted`; installs them when they are not there yet."""
    if fits(wanted, stamps(VENV)):
        return PYTHON
    with one_at_a_time():
        if not fits(wanted, stamps(VENV)):
            install(wanted)
    return PYTHON


def fits(wanted: str, found: dict[str, str]) -> bool:
    enough = SETS[SETS.index(wanted) :]
    return any(found.get(name) == fingerprint(name) for name in enough)


def fingerprint(name: str) -> str:
    """Changes with the lock file and with the Python that the packages were chosen for."""
    lock = (REQUIREMENTS / f"{name}.lock").read_bytes()
    return f"{hashlib.sha256(lock).hexdigest()} python-{sys.version_info.major}.{sys.version_info.minor}"


def stamps(venv: Path) -> dict[str, str]:
    """What finished installs have left in this folder: the set's name and its fingerprint."""
    if not (venv / "bin" / "python").exists() or (venv / MARK).exists():
        return {}
    try:
        lines = (venv / STAMP).read_text().splitlines()
    except FileNotFoundError:
        return {}
    return dict(line.split(" ", 1) for line in lines if " " in line)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two commands on a fresh clone must not install into one folder at the same time."""
    VAR.mkdir(exist_ok=True)
    with (VAR / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install(name: str) -> None:
    started = time.monotonic()
    lock = REQUIREMENTS / f"{name}.lock"
    packages = sum(line[:1].isalnum() for line in lock.read_text().splitlines())
    print(f"Installing the {packages} packages of {lock.relative_to(ROOT)} into .venv ...", flush=True)
    make_venv()
    (VENV / MARK).touch()
    (VENV / STAMP).unlink(missing_ok=True)
    pip("install", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-compile", "-r", str(lock))
    compile_packages()
    (VENV / STAMP).write_text(f"{name} {fingerprint(name)}\n")
    (VENV / MARK).unlink()
    print(f"Installed in {time.monotonic() - started:.0f} s.", flush=True)


def make_venv() -> None:
    """A virtual environment of this Python; one that was left half filled, or is of another Python, is made anew."""
    if (VENV / MARK).exists() or not is_of_this_python():
        shutil.rmtree(VENV, ignore_errors=True)
    if not PYTHON.exists():
        # _base_executable: this very process may run in a virtual environment, even in the one just removed.
        base = getattr(sys, "_base_executable", sys.executable)
        run([base, "-m", "venv", "--without-pip", str(VENV)], "The virtual environment .venv could not be made.")


def is_of_this_python() -> bool:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return PYTHON.exists() and (VENV / "lib" / version).is_dir()


def pip(*args: str) -> None:
    if hashlib.sha256(PIP_WHEEL.read_bytes()).hexdigest() != PIP_SHA256:
        raise ToolError(f"tools/{PIP_WHEEL.name} is not the file this project was checked with; restore it from git.")
    command = [str(PYTHON), f"{PIP_WHEEL}/pip", "-q", "--disable-pip-version-check", "--no-input", *args]
    run(
        command, "pip could not install the packages. Check the network and pip's configuration, then run this again."
    )


def compile_packages() -> None:
    """With both cores; pip would do it on one."""
    packages = next((VENV / "lib").glob("python3*/site-packages"))
    # A file that does not compile (a template, a test of another Python) is left for whoever imports it.
    subprocess.run(
        [str(PYTHON), "-m", "compileall", "-q", "-j", "0", str(packages)], capture_output=True, check=False
    )


def run(command: list[str], complaint: str) -> None:
    """Runs quietly; the command's own words are shown only when it fails, and kept nowhere."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, check=False
    )
    if done.returncode:
        raise ToolError(f"{done.stdout.strip()}\n{complaint}")
