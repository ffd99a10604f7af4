"""Virtual disks: image files in a folder of this server, each a LUN with identity and owner word of its own.

A file is called after its disk and its unique id, so that one that a lost order has left behind is never taken for
another disk of the same name. It is sparse; what all of the folder's files may still grow by stays free for them.
"""

import os
import re
from pathlib import Path

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor import lun

MB = 2**20
LONGEST_NAME = 15
SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def make(folder: Path, name: str, unique_id: str, size_mb: int) -> str:
    """Its path. One that is there with this identity and size is a success, so that an order may come twice.

    Raises HypervisorError `volume-not-made`, and no file of that disk is there then.
    """
    if not (len(name) <= LONGEST_NAME and SAFE.fullmatch(name) and SAFE.fullmatch(unique_id) and size_mb > 0):
        raise _not_made(name, "its name, its unique ID or its size can't be used")
    path, size = folder / f"{name}.{unique_id}", size_mb * MB
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists() and lun.read_identity(path) == lun.LunIdentity(unique_id, size):
            return str(path)
        free = room(folder)
    except OSError as exc:
        raise _not_made(name, exc.strerror or str(exc)) from exc
    if size > free:
        raise HypervisorError(
            "volume-folder-full", name=name, folder=str(folder), needed_mb=size_mb, free_mb=max(free, 0) // MB
        )
    lun.create_lun(path, unique_id, size)
    return str(path)


def room(folder: Path) -> int:
    """Bytes that nothing has and that no sparse file of the folder may still come to need."""
    promised = 0
    for entry in os.scandir(folder):
        status = entry.stat()
        promised += max(0, status.st_size - status.st_blocks * 512)
    space = os.statvfs(folder)
    return space.f_bavail * space.f_frsize - promised


def remove(folder: Path, unique_id: str, path: Path) -> None:
    """Gone is gone: asked again it is a success. Raises HypervisorError where the file is not this disk's."""
    if path.parent != folder or not path.name.endswith(f".{unique_id}"):
        raise HypervisorError("lun-unusable", path=str(path), reason=f"it is no virtual disk of {folder}")
    if not path.exists():
        return
    found = lun.read_identity(path).unique_id
    if found != unique_id:
        raise HypervisorError("lun-mismatch", path=str(path), found=found, unique_id=unique_id)
    try:
        path.unlink(missing_ok=True)
        path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
    except OSError as exc:
        raise HypervisorError("lun-unusable", path=str(path), reason=exc.strerror or str(exc)) from exc


def _not_made(name: str, reason: str) -> HypervisorError:
    return HypervisorError("volume-not-made", name=name[:64], reason=reason)
