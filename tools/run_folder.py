"""The folder of a lab's Unix sockets: short, because such a path ends at 107 bytes, and nobody's but ours."""

import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path

from ivmweb.hypervisor.qemu import process
from ivmweb.hypervisor.qemu.command_line import Places, monitor_argument
from tools.paths import ToolError

END_S = 5.0


def path_for(lab: Path) -> Path:
    """The same folder for the same lab each time; different labs have different ones."""
    name = hashlib.sha256(str(lab.resolve()).encode()).hexdigest()[:10]
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime and is_private(Path(runtime)):
        return Path(runtime) / f"ivm-{name}"
    return Path(tempfile.gettempdir()) / f"ivm-{os.getuid()}-{name}"


def make(folder: Path) -> None:
    """Raises ToolError when somebody else has made a thing of that name: /tmp is everybody's."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if not is_private(folder):
            raise ToolError(f"{folder} is not a folder of yours that only you can open; remove it.") from None


def is_private(folder: Path) -> bool:
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and stat.S_IMODE(status.st_mode) == 0o700


def remove(folder: Path) -> None:
    """With the real guests that were left there by a supervisor that was killed: nobody could find them again."""
    if is_private(folder):
        end_guests(folder)
        shutil.rmtree(folder, ignore_errors=True)


def end_guests(folder: Path) -> None:
    for place in folder.glob("*/q*"):
        for guest in process.find(monitor_argument(Places(place))):
            process.kill(guest)
            process.wait_for_end(guest, END_S)
