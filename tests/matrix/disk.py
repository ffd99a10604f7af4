"""A console's database on a disk of its own, which can lose power: what was not synced is gone.

An ext4 file system in a file, over a loop device. `ioctl(EXT4_IOC_SHUTDOWN)` without a flush of the journal stops it
as a power cut does; mounted again, it is what was on the disk. Only root can do so, with mkfs.ext4 and loop devices.
"""

import fcntl
import os
import shutil
import struct
import subprocess
import time
from pathlib import Path

from tools.paths import ToolError

SIZE_MB = 256
EXT4_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2
BUSY_S = 10.0  # others have the database open for moments


def is_possible() -> bool:
    return os.geteuid() == 0 and Path("/dev/loop-control").exists() and shutil.which("mkfs.ext4") is not None


class Disk:
    def __init__(self, folder: Path) -> None:
        self.image, self.mounted_at = folder.with_name(f"{folder.name}.img"), folder
        # Not the mount point itself: whoever opens a database there while the disk is away makes an empty file below
        # it, and SQLite deletes the log that it finds beside an empty database once the disk, and its log, are back.
        self.data = folder / "data"

    def make(self) -> None:
        self.mounted_at.mkdir(parents=True, mode=0o700)
        with self.image.open("wb") as file:
            file.truncate(SIZE_MB * 2**20)
        run("mkfs.ext4", "-q", "-F", str(self.image))
        self.mount()
        self.data.mkdir(mode=0o700)

    def mount(self) -> None:
        run("mount", "-o", "loop", str(self.image), str(self.mounted_at))

    def lose_power(self) -> None:
        """From now on every read and write fails, and what was not synced by now is lost."""
        descriptor = os.open(self.mounted_at, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(descriptor, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(descriptor)

    def unmount(self) -> None:
        """Once nobody has a file of it open; raises ToolError where somebody keeps one."""
        deadline = time.monotonic() + BUSY_S
        while True:
            try:
                return run("umount", str(self.mounted_at))
            except ToolError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.05)


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolError(f"{' '.join(command)}: {done.stderr.strip()}")
