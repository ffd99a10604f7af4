"""LUNs: the space that a partition sees, then one block with identity and owner word. Files, or block devices.

All systems that see a file take the same lock beside it, so the compare-and-set under it holds between them, as a
SAN's reservations do. The lock of a block device is the device's, and holds inside one server: there the word alone
keeps servers apart (docs/hypervisor.md says from what it does not).
"""

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor import block_io
from ivmweb.hypervisor.base import OwnerState, OwnerWord
from ivmweb.hypervisor.block_io import BLOCK_BYTES

MAGIC = b"IVMLUN01"
_HASH_BYTES = 32
_LENGTH_BYTES = 4
_HEADER_BYTES = len(MAGIC) + _HASH_BYTES + _LENGTH_BYTES
LOCK_TIMEOUT_S = 5.0
LOCK_SUFFIX = ".lock"
MAX_TEXT = 200


@dataclass(frozen=True)
class LunIdentity:
    unique_id: str
    size_bytes: int  # as the partition sees it


@dataclass(frozen=True)
class Content:
    """Of the block. The mark is the id of the migration that was prepared last: of a copied LUN it is another one."""

    identity: LunIdentity
    word: OwnerWord
    mark: str = ""


@dataclass(frozen=True)
class Space:
    """What a partition gets of a LUN, and of which kind it is on this server."""

    size_bytes: int
    is_device: bool = False


def create_lun(path: Path, unique_id: str, size_bytes: int) -> None:
    """A free LUN; raises HypervisorError `lun-unusable` where the file is there already."""
    if size_bytes <= 0 or size_bytes % BLOCK_BYTES or not 0 < len(unique_id) <= MAX_TEXT:
        raise ValueError(f"a LUN needs a unique id and a multiple of {BLOCK_BYTES} bytes, not {size_bytes}")
    block = first_block(LunIdentity(unique_id, size_bytes))
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temporary, "xb") as file:
            file.truncate(size_bytes)
            file.seek(size_bytes)
            file.write(block)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)  # fails where the LUN is there; its readers never see half of a block
    except OSError as exc:
        raise unusable(path, exc) from exc
    finally:
        temporary.unlink(missing_ok=True)


def first_block(identity: LunIdentity) -> bytes:
    """Of a LUN that is free."""
    return _encode(Content(identity, OwnerWord()))


def read(path: Path) -> Content:
    """Raises `lun-damaged` or `lun-unusable`."""
    return _read(path)


def read_identity(path: Path) -> LunIdentity:
    return _read(path).identity


def space_of(path: Path) -> Space:
    """Raises `lun-damaged` or `lun-unusable`."""
    return Space(read_identity(path).size_bytes, block_io.is_device(path))


def read_word(path: Path) -> OwnerWord:
    """The owner word now; raises `lun-damaged` or `lun-unusable`."""
    return _read(path).word


def peek(path: Path) -> Content | None:
    """None: it has no identity. For many LUNs: takes a lock only of one in change.

    Raises `lun-damaged` or `lun-unusable`.
    """
    block = _last_block(path)[0]
    if not block.startswith(MAGIC):
        return None
    try:
        return _read(path, under_lock=True)
    except HypervisorError:  # half of a change, maybe
        return _read(path)


def change_word(path: Path, expected: OwnerWord, new: OwnerWord) -> OwnerWord:
    """Compare-and-set; durable when it returns. The word found before; it was changed only if that is `expected`."""
    with locked(path):
        found = _read(path, under_lock=True)
        if found.word == expected:
            _write(path, replace(found, word=new))
        return found.word


def set_mark(path: Path, mark: str) -> None:
    """Durable when it returns; the owner word stays."""
    with locked(path):
        found = _read(path, under_lock=True)
        if found.mark != mark:
            _write(path, replace(found, mark=mark))


def describe_word(word: OwnerWord) -> str:
    """For messages: `free`, or who owns it."""
    if word.is_free:
        return "free"
    migration = f", migration {word.migration_id}" if word.migration_id else ""
    return f"{word.state.value} by {word.system} for partition {word.partition_uuid}{migration}"


def _read(path: Path, *, under_lock: bool = False) -> Content:
    if not under_lock:  # a reader without the lock could see half of a change
        with locked(path, fcntl.LOCK_SH):
            return _read(path, under_lock=True)
    block, place = _last_block(path)
    if place < 0:
        raise _damaged(path, f"it has less than the block of {BLOCK_BYTES} bytes")
    content = decode(path, block)
    if content.identity.size_bytes != place:
        raise _damaged(path, f"it says {content.identity.size_bytes} bytes, and there are {place}")
    return content


def _last_block(path: Path) -> tuple[bytes, int]:
    """What stands there, and where; nothing, at a negative place, of what is too small."""
    try:
        with block_io.opened(path) as descriptor:
            place = block_io.last_place(block_io.size_of(descriptor))
            return (block_io.read_at(descriptor, place) if place >= 0 else b""), place
    except OSError as exc:
        raise unusable(path, exc) from exc


def _write(path: Path, content: Content) -> None:
    try:
        with block_io.opened(path, os.O_RDWR) as descriptor:
            block_io.write_block(descriptor, content.identity.size_bytes, _encode(content))
    except OSError as exc:
        raise unusable(path, exc) from exc


def _encode(content: Content) -> bytes:
    word = content.word
    for text in (word.partition_uuid, word.system, word.migration_id, content.mark):
        if len(text) > MAX_TEXT:
            raise ValueError(f"an owner word holds texts of up to {MAX_TEXT} characters, not {len(text)}")
    body = json.dumps(asdict(content)).encode()
    filled = len(body).to_bytes(_LENGTH_BYTES, "little") + body.ljust(BLOCK_BYTES - _HEADER_BYTES, b"\0")
    return MAGIC + hashlib.sha256(filled).digest() + filled


def decode(path: Path, block: bytes) -> Content:
    digest, filled = block[len(MAGIC) : len(MAGIC) + _HASH_BYTES], block[len(MAGIC) + _HASH_BYTES :]
    if not block.startswith(MAGIC):
        raise _damaged(path, "there is no identity at its end")
    if hashlib.sha256(filled).digest() != digest:
        raise _damaged(path, "the checksum is wrong")
    length = int.from_bytes(filled[:_LENGTH_BYTES], "little")
    try:
        body: dict[str, Any] = json.loads(filled[_LENGTH_BYTES : _LENGTH_BYTES + length])
        word = {**body["word"], "state": OwnerState(body["word"]["state"])}
        return Content(LunIdentity(**body["identity"]), OwnerWord(**word), str(body.get("mark", "")))
    except (ValueError, KeyError, TypeError) as exc:
        raise _damaged(path, f"its content is not understood ({exc})") from exc


@contextmanager
def locked(path: Path, mode: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Nobody else changes identity or word meanwhile; of a block device, nobody on this server."""
    try:
        if not path.exists():  # else a mistyped path would leave a lock file behind
            raise FileNotFoundError(2, "no such file")
        lock = _open_lock(path)
    except OSError as exc:
        raise unusable(path, exc) from exc
    try:
        _wait_for_lock(path, lock, mode)
        yield
    finally:
        os.close(lock)


def _open_lock(path: Path) -> int:
    """The same for all names that lead to it by links."""
    real = Path(os.path.realpath(path))
    if block_io.is_device(real):
        return os.open(real, os.O_RDONLY | os.O_CLOEXEC)
    # Beside a file, not on it: over NFS a lock on it would be QEMU's as well.
    return os.open(f"{real}{LOCK_SUFFIX}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _wait_for_lock(path: Path, lock: int, mode: int) -> None:
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    while True:
        try:
            return fcntl.flock(lock, mode | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            if time.monotonic() > deadline:
                reason = f"its lock was not free within {LOCK_TIMEOUT_S:g} s"
                raise HypervisorError("lun-unusable", path=str(path), reason=reason) from exc
            time.sleep(0.002)


def _damaged(path: Path, reason: str) -> HypervisorError:
    return HypervisorError("lun-damaged", path=str(path), reason=reason)


def unusable(path: Path, exc: OSError) -> HypervisorError:
    return HypervisorError("lun-unusable", path=str(path), reason=exc.strerror or str(exc))
