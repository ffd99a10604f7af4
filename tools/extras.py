"""Optional parts: what is left out without them, and how they are installed where that is asked for."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

from tools import postgres
from tools.paths import ToolError


@dataclass(frozen=True)
class Extra:
    name: str
    programs: tuple[str, ...]  # any one of these will do
    packages: tuple[str, ...]  # Debian's
    left_out: str
    find: Callable[[], object] | None = None  # where looking on the PATH is not enough

    def is_here(self) -> bool:
        if self.find is not None:
            return self.find() is not None
        return any(shutil.which(program) for program in self.programs)


CHROMIUM = Extra(
    "Chromium", (os.environ.get("CHROMIUM", "chromium"), "chromium"), ("chromium",), "the browser tests are skipped"
)
POSTGRESQL = Extra("PostgreSQL", ("postgres",), ("postgresql",), "nothing is tested on it", postgres.find)
# Only root can drop packets, and whoever is not has nothing to install.
IPTABLES = Extra(
    "iptables",
    ("iptables",),
    ("iptables",),
    "the fault matrix disturbs the network with a relay, not with lost packets",
    lambda: True if os.geteuid() else shutil.which("iptables"),
)


def provide(*extras: Extra, install: bool) -> None:
    """Names each missing part in one line; with `install`, or in CI, gets it from Debian's packages first."""
    missing = [extra for extra in extras if not extra.is_here()]
    if missing and may_install(asked=install):
        apt_install([package for extra in missing for package in extra.packages])
        missing = [extra for extra in missing if not extra.is_here()]
    for extra in missing:
        print(
            f"{extra.name} is not installed: {extra.left_out}. --with-extras installs it (apt, as root).", flush=True
        )


def may_install(*, asked: bool) -> bool:
    return asked or os.environ.get("CI") == "true"


def apt_install(packages: list[str]) -> None:
    require_root(packages)
    print(f"Installing {', '.join(packages)} with apt-get ...", flush=True)
    apt("update")
    apt("-y", "--no-install-recommends", "install", *packages)


def require_root(packages: list[str]) -> None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise ToolError(
            f"Only root can install {', '.join(packages)} with apt-get; run: apt-get install {' '.join(packages)}"
        )


def apt(*arguments: str) -> None:
    command = ["apt-get", "-qq", *arguments]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise ToolError(f"{' '.join(command)} ended with status {done.returncode}.")
