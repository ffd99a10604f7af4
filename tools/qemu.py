"""QEMU for the lab's real guests: whether it is new enough, and where Debian keeps one that is."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools import guest_kit
from tools.extras import apt, may_install, require_root
from tools.guest_kit import GuestKit
from tools.paths import VAR, ToolError

PROGRAM, PACKAGE = "qemu-system-ppc64", "qemu-system-ppc"
LEAST = (8, 2)  # as ivmweb/hypervisor/qemu/machine.py has it
COMPILER_PACKAGES = ("gcc-powerpc64le-linux-gnu", "libc6-dev-ppc64el-cross")


def version() -> tuple[int, ...]:
    """() where there is none."""
    if not shutil.which(PROGRAM):
        return ()
    said = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=False).stdout
    return parsed(said)


def parsed(text: str) -> tuple[int, ...]:
    found = re.search(r"(\d+)\.(\d+)", text)
    return tuple(int(part) for part in found.groups()) if found else ()


def is_here() -> bool:
    return version() >= LEAST and not guest_kit.missing_programs()


NAME = f"QEMU {'.'.join(map(str, LEAST))} or newer with a compiler for its guest"
LEFT_OUT = "no real guests are tried"


def provide(*, install: bool) -> bool:
    """Whether real guests can be tried; with `install`, or in CI, what is missing is installed before."""
    if not is_here() and may_install(asked=install):
        try:
            install_it()
        except ToolError as exc:  # the rest can be tried without it
            print(f"{NAME} can't be installed: {exc}", flush=True)
    if not is_here():
        print(
            f"{NAME} is not installed: {LEFT_OUT}. --with-extras installs it (apt, as root).",
            flush=True,
        )
    return is_here()


def kit() -> GuestKit:
    """The lab's guest, made where it was not; raises ToolError where something is missing."""
    if not is_here():
        has = ".".join(map(str, version())) or "none"
        missing = [*guest_kit.missing_programs(), *(() if version() >= LEAST else (f"{PROGRAM} (there is {has})",))]
        raise ToolError(
            f"Real guests need QEMU {'.'.join(map(str, LEAST))} or newer and a compiler; missing: "
            f"{', '.join(missing)}. ./ivm demo --qemu --with-extras installs them (apt, as root)."
        )
    return guest_kit.guest_kit(VAR / "kit")


def install_it() -> None:
    wanted = [] if version() >= LEAST else [PACKAGE]
    wanted += COMPILER_PACKAGES if guest_kit.missing_programs() else []
    require_root(wanted)
    print(f"Installing {', '.join(wanted)} with apt-get ...", flush=True)
    apt("update")
    if PACKAGE in wanted and candidate([]) < LEAST:
        with backports() as options:
            apt(*options, "update")
            apt(*options, "-y", "--no-install-recommends", "-t", f"{_codename()}-backports", "install", PACKAGE)
        wanted.remove(PACKAGE)
    if wanted:
        apt("-y", "--no-install-recommends", "install", *wanted)


def candidate(options: list[str]) -> tuple[int, ...]:
    """Version that apt would install."""
    said = subprocess.run(
        ["apt-cache", *options, "policy", PACKAGE], capture_output=True, text=True, check=False
    ).stdout
    found = re.search(r"Candidate: (?:\d+:)?(\S+)", said)
    return parsed(found[1]) if found else ()


@contextmanager
def backports() -> Iterator[list[str]]:
    """apt's options for this machine's sources and the backports beside them; nothing of the machine is changed."""
    said = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", f"Codename: {_codename()}", "Identifier: Packages"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    if not said:
        raise ToolError(f"apt has no source of {_codename()}; install {PACKAGE} {LEAST[0]}.{LEAST[1]} by hand.")
    with tempfile.TemporaryDirectory() as place:
        parts = Path(place) / "parts"
        (Path(place) / "lists" / "partial").mkdir(parents=True)
        shutil.copytree("/etc/apt/sources.list.d", parts)
        (parts / "backports.list").write_text(f"deb {said[0]} {_codename()}-backports main\n")
        yield ["-o", f"Dir::Etc::sourceparts={parts}", "-o", f"Dir::State::lists={Path(place) / 'lists'}"]


def _codename() -> str:
    found = re.search(r"^VERSION_CODENAME=(\S+)", Path("/etc/os-release").read_text(), re.MULTILINE)
    return found[1] if found else "unknown"
