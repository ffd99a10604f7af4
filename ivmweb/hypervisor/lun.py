"""LUNs as sparse files: the space that a partition sees, then one block with identity and owner word.

All systems that see a LUN open the same file, so the lock beside it and the compare-and-set under it are what a SAN's
reservations are in a real one.
"""

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import OwnerState, OwnerWord

BLOCK_BYTES = 4096
MAGIC = b"IVMLUN01"
_HASH_BYTES = 32
_LENGTH_BYTES = 4
_HEADER_BYTES = len(MAGIC) + _HASH_BYTES + _LENGTH_BYTES
LOCK_TIMEOUT_S = 5.0
MAX_TEXT = 200


@dataclass(frozen=True)
class LunIdentity:
    unique_id: str
    size_bytes: int  # as the partition sees it


def create_lun(path: Path, unique_id: str, size_bytes: int) -> None:
    """A free LUN; raises HypervisorError `lun-unusable` where the file is there already."""
    if size_bytes <= 0 or size_bytes % BLOCK_BYTES or not 0 < len(unique_id) <= MAX_TEXT:
        raise ValueError(f"a LUN needs a unique id and a multiple of {BLOCK_BYTES} bytes, not {size_bytes}")
    block = _encode(LunIdentity(unique_id, size_bytes), OwnerWord())
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
        raise _unusable(path, exc) from exc
    finally:
        temporary.unlink(missing_ok=True)


def read_identity(path: Path) -> LunIdentity:
    return _read(path)[0]


def read_word(path: Path) -> OwnerWord:
    """The owner word now; raises `lun-damaged` or `lun-unusable`."""
    return _read(path)[1]


def change_word(path: Path, expected: OwnerWord, new: OwnerWord) -> OwnerWord:
    """Compare-and-set; durable when it returns. The word found before; it was changed only if that is `expected`."""
    with _locked(path):
        identity, found = _read(path, locked=True)
        if found == expected:
            _write(path, identity, new)
        return found


def describe_word(word: OwnerWord) -> str:
    """For messages: `free`, or who owns it."""
    if word.is_free:
        return "free"
    migration = f", migration {word.migration_id}" if word.migration_id else ""
    return f"{word.state.value} by {word.system} for partition {word.partition_uuid}{migration}"


def _read(path: Path, *, locked: bool = False) -> tuple[LunIdentity, OwnerWord]:
    if not locked:  # a reader without the lock could see half of a change
        with _locked(path, fcntl.LOCK_SH):
            return _read(path, locked=True)
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            if size < BLOCK_BYTES:
                raise _damaged(path, f"the file has {size} bytes, less than the block of {BLOCK_BYTES}")
            file.seek(size - BLOCK_BYTES)
            block = file.read(BLOCK_BYTES)
    except OSError as exc:
        raise _unusable(path, exc) from exc
    identity, word = _decode(path, block)
    if identity.size_bytes != size - BLOCK_BYTES:
        raise _damaged(path, f"it says {identity.size_bytes} bytes, the file holds {size - BLOCK_BYTES}")
    return identity, word


def _write(path: Path, identity: LunIdentity, word: OwnerWord) -> None:
    try:
        with open(path, "r+b") as file:
            file.seek(identity.size_bytes)
            file.write(_encode(identity, word))
            file.flush()
            os.fsync(file.fileno())
    except OSError as exc:
        raise _unusable(path, exc) from exc


def _encode(identity: LunIdentity, word: OwnerWord) -> bytes:
    for text in (word.partition_uuid, word.system, word.migration_id):
        if len(text) > MAX_TEXT:
            raise ValueError(f"an owner word holds texts of up to {MAX_TEXT} characters, not {len(text)}")
    body = json.dumps({"identity": asdict(identity), "word": asdict(word)}).encode()
    filled = len(body).to_bytes(_LENGTH_BYTES, "little") + body.ljust(BLOCK_BYTES - _HEADER_BYTES, b"\0")
    return MAGIC + hashlib.sha256(filled).digest() + filled


def _decode(path: Path, block: bytes) -> tuple[LunIdentity, OwnerWord]:
    digest, filled = block[len(MAGIC) : len(MAGIC) + _HASH_BYTES], block[len(MAGIC) + _HASH_BYTES :]
    if not block.startswith(MAGIC):
        raise _damaged(path, "there is no identity at its end")
    if hashlib.sha256(filled).digest() != digest:
        raise _damaged(path, "the checksum is wrong")
    length = int.from_bytes(filled[:_LENGTH_BYTES], "little")
    try:
        body: dict[str, Any] = json.loads(filled[_LENGTH_BYTES : _LENGTH_BYTES + length])
        word = {**body["word"], "state": OwnerState(body["word"]["state"])}
        return LunIdentity(**body["identity"]), OwnerWord(**word)
    except (ValueError, KeyError, TypeError) as exc:
        raise _damaged(path, f"its content is not understood ({exc})") from exc


@contextmanager
def _locked(path: Path, mode: int = fcntl.LOCK_EX) -> Iterator[None]:
    try:
        if not path.exists():  # else a mistyped path would leave a lock file behind
            raise FileNotFoundError(2, "no such file")
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise _unusable(path, exc) from exc
    try:
        _wait_for_lock(path, lock, mode)
        yield
    finally:
        os.close(lock)


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


def _unusable(path: Path, exc: OSError) -> HypervisorError:
    return HypervisorError("lun-unusable", path=str(path), reason=exc.strerror or str(exc))
