"""Media made of ISO images that somebody has put into the import folder of the server (IVM_IMPORT_DIR).

The copy is made before the transaction, as it may take minutes, under a name that no medium can have. Who dies
meanwhile leaves it; the next import removes what nobody has written to for an hour.
"""

import hashlib
import os
import shutil
import stat
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.common.printable import printable
from ivmweb.monitor import notices
from ivmweb.system import media
from ivmweb.system.actions import action
from ivmweb.system.models import ManagedSystem
from ivmweb.system.rights import AnyUser, Right
from ivmweb.transactions import serialized

UNFINISHED = ".import."
STALE_S = 3600.0
CHUNK_BYTES = 2**20


def add(name: str, file_name: str, *, read_only: bool, user: AnyUser, origin: str) -> None:
    """A medium with the content of that file. Raises PrerequisiteFailed with nothing changed."""
    with action(user, origin, Right.CHANGE, media.ADD, name) as report, image(file_name) as source:
        size_mb = max(1, -(-os.fstat(source.fileno()).st_size // media.BYTES_OF_MB))
        media.check_can_come(name, size_mb)  # before the copy, and once more after it
        copy = media.folder() / f"{UNFINISHED}{uuid.uuid4().hex}"
        try:
            sha256 = write(source, copy, name, read_only=read_only)
            with serialized():
                report.lines.append(media.record(name, size_mb, read_only=read_only, sha256=sha256))
                replace(copy, name)
                notices.publish(notices.SYSTEM)
        finally:
            copy.unlink(missing_ok=True)


@contextmanager
def image(file_name: str) -> Iterator[BinaryIO]:
    """The file, open. It is in the import folder itself and no link: a medium is read by a partition of anybody."""
    folder = Path(settings.IMPORT_DIR)
    name = file_name.removeprefix(f"{folder}/")
    try:
        if Path(name).name != name:
            raise FileNotFoundError(2, "it is in another folder")
        file = open(os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")  # noqa: SIM115
    except (OSError, ValueError) as exc:
        raise not_importable(file_name, getattr(exc, "strerror", None) or str(exc)) from exc
    with file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise not_importable(file_name, "it is no file")
        yield file


def write(source: BinaryIO, copy: Path, name: str, *, read_only: bool) -> str:
    """SHA-256 of what was written."""
    try:
        media.make_folder()
        remove_unfinished()
        with open(os.open(copy, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as target:
            shutil.copyfileobj(source, target, CHUNK_BYTES)
            target.flush()
            target.seek(0)
            sha256 = hashlib.file_digest(target, "sha256").hexdigest()
            os.fsync(target.fileno())
        copy.chmod(0o400 if read_only else 0o600)
        return sha256
    except OSError as exc:
        raise media.file_failed(name, exc) from exc


def replace(copy: Path, name: str) -> None:
    try:
        copy.replace(media.folder() / name)
    except OSError as exc:
        raise media.file_failed(name, exc) from exc


def remove_unfinished() -> None:
    for left in media.folder().glob(f"{UNFINISHED}*"):
        if time.time() - left.stat().st_mtime > STALE_S:
            left.unlink(missing_ok=True)


def not_importable(file_name: str, reason: str) -> PrerequisiteFailed:
    names = {"file": printable(file_name[:255]) or '""', "reason": reason, "folder": str(settings.IMPORT_DIR)}
    return PrerequisiteFailed("image-not-importable", system=ManagedSystem.objects.get().host_name, **names)
