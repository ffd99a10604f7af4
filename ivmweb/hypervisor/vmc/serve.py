"""What the entry points of all kinds of hypervisor process have in common."""

import argparse
import logging
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ivmweb.hypervisor import messages  # noqa: F401  (registers the texts of our errors)
from ivmweb.hypervisor.vmc.discovery import Places
from ivmweb.hypervisor.vmc.machine import Machine
from ivmweb.hypervisor.vmc.server import AlreadyRunning, Server, take_lock

logger = logging.getLogger("ivmweb.hypervisor")


class Unusable(Exception):
    """This server can't have such a hypervisor; the text says why."""


def parser(module: str, about: str | None) -> argparse.ArgumentParser:
    """With the arguments that all kinds take."""
    made = argparse.ArgumentParser(prog=f"python -m {module}", description=about)
    made.add_argument("--system", required=True, help="type-model*serial, as in 7998-61X*100390A")
    made.add_argument("--socket", required=True, type=Path)
    made.add_argument("--state-dir", required=True, type=Path)
    made.add_argument("--memory-mb", type=int, default=8192)
    made.add_argument("--units", type=float, default=4.0)
    devices = "block devices, by names or patterns with commas between"
    made.add_argument("--luns", action="append", default=[], type=absolute, metavar="FOLDER", help="of image files")
    made.add_argument(
        "--lun-devices", action="append", default=[], type=absolute_names, metavar="DEVICES", help=devices
    )
    made.add_argument("--disk-dir", type=Path, help="of virtual disks; without it a folder in the state folder")
    return made


def absolute(name: str) -> str:
    if not os.path.isabs(name):
        raise argparse.ArgumentTypeError(f"{name} is not an absolute path")
    return name


def absolute_names(names: str) -> list[str]:
    return [absolute(name) for name in names.split(",") if name]


def lun_places(arguments: argparse.Namespace) -> Places:
    """Where LUNs may be, of the parser's arguments."""
    devices = [name for names in arguments.lun_devices for name in names]
    return Places(tuple(map(Path, arguments.luns)), tuple(devices))


def serve(make: Callable[[], Machine[Any]], path: Path) -> int:
    """Until SIGTERM or SIGINT; the exit status."""
    os.umask(0o077)  # socket, folders and definitions are for this user only
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        lock = take_lock(path)  # before what a machine does: one that another process serves is not to be touched
        machine = make()
        server = Server(machine, path, lock)
        server.start()
    except (AlreadyRunning, Unusable, OSError) as exc:
        logger.error("the hypervisor does not start: %s", exc)
        return 1
    logger.info("%s listens at %s: %s", machine.system, path, machine.version)
    ended.wait()
    server.stop()
    logger.info("%s has ended", machine.system)
    return 0
