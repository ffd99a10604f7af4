"""An identity for a file or block device that becomes a LUN: by force where it looks used, never where it is."""

import errno
import fcntl
import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor import block_io, lun
from ivmweb.hypervisor.block_io import BLOCK_BYTES

LEAST_BYTES = 2**20
LOOKED_AT_BYTES = 2**20  # at each end: where tables, labels and file systems begin
# What begins with it, where on the disk.
SIGNATURES = (
    ("an image of the format qcow2, which is not raw", 0, b"QFI\xfb"),
    ("an XFS file system", 0, b"XFSB"),
    ("an encrypted volume (LUKS)", 0, b"LUKS\xba\xbe"),
    ("a GPT partition table", 512, b"EFI PART"),
    ("a GPT partition table", 4096, b"EFI PART"),
    ("an LVM physical volume", 512, b"LABELONE"),
    ("an ext2, ext3 or ext4 file system", 1080, b"\x53\xef"),
    ("swap space", 4086, b"SWAPSPACE2"),
    ("swap space", 65526, b"SWAPSPACE2"),
    ("a CD or DVD image", 32769, b"CD001"),
    ("a btrfs file system", 65600, b"_BHRfS_M"),
    ("a partition table or boot sector", 510, b"\x55\xaa"),
)
_FLOCK = struct.Struct("hhqqi4x")  # struct flock of Linux on 64 bits
_QEMU_LOCKS = (100, 300)  # the bytes of a file or device by which QEMU says what it may do with it


def make_identity(path: Path, unique_id: str, *, force: bool) -> lun.LunIdentity:
    """Make a free LUN of it; `force`: also where data or another identity is found.

    1. In use on this server, or owned by a partition: never (`lun-busy`, `lun-taken`).
    2. Data in the first or last MiB, or an identity: not without `force` (`lun-not-empty`).
    3. A file gets a block more, so that nothing in it changes; a device gives its last one.
    """
    is_device = _check_kind(path)
    with lun.locked(path):
        try:
            with _opened_alone(path, is_device=is_device) as descriptor:
                return _make(path, descriptor, unique_id, is_device=is_device, force=force)
        except OSError as exc:
            raise lun.unusable(path, exc) from exc


def _make(path: Path, descriptor: int, unique_id: str, *, is_device: bool, force: bool) -> lun.LunIdentity:
    size = block_io.size_of(descriptor)
    if size < LEAST_BYTES:
        raise _unfit(path, f"it has {size} bytes")
    has_block = _has_identity(path, descriptor, size, force=force)
    if not has_block and not force and (found := what_is_on(descriptor, size)):
        raise _not_empty(path, found)
    in_place = is_device or has_block
    place = block_io.last_place(size) if in_place else -(-size // BLOCK_BYTES) * BLOCK_BYTES
    identity = lun.LunIdentity(unique_id, place)
    block_io.write_block(descriptor, place, lun.first_block(identity))
    return identity


def _check_kind(path: Path) -> bool:
    """Whether it is a block device. Raises `lun-unfit` for what is neither that nor a file, or `lun-unusable`."""
    try:
        mode = os.stat(path).st_mode
    except OSError as exc:
        raise lun.unusable(path, exc) from exc
    if not (stat.S_ISBLK(mode) or stat.S_ISREG(mode)):
        raise _unfit(path, "it is neither a file nor a block device")
    return stat.S_ISBLK(mode)


@contextmanager
def _opened_alone(path: Path, *, is_device: bool) -> Iterator[int]:
    """A descriptor to write with; raises `lun-busy` where something else of this server has it, or OSError."""
    # Of a device the kernel refuses it while a file system, LVM, RAID or the like has it, or a part of it.
    flags = os.O_RDWR | os.O_CLOEXEC | (os.O_EXCL | os.O_DIRECT if is_device else 0)
    try:
        descriptor = os.open(path, flags)
    except OSError as exc:
        if is_device and exc.errno == errno.EBUSY:
            raise _in_use(path, "it is mounted, or part of a volume group or the like") from exc
        raise
    try:
        if loop := _loop_device_of(path):
            raise _in_use(path, f"it is behind the loop device {loop}")
        if _is_locked_by_qemu(descriptor):
            raise _in_use(path, "a QEMU process has it open")
        yield descriptor
    finally:
        os.close(descriptor)


def _loop_device_of(path: Path) -> str:
    """`loop3`, whose backing file it is; empty for none."""
    for backing in Path("/sys/block").glob("loop*/loop/backing_file"):
        with suppress(OSError):  # it has just been detached
            if os.path.samefile(backing.read_text().strip(), path):
                return backing.parts[3]
    return ""


def _is_locked_by_qemu(descriptor: int) -> bool:
    begin, end = _QEMU_LOCKS
    asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, begin, end - begin, 0)
    kind, *_ = _FLOCK.unpack(fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, asked))
    return bool(kind != fcntl.F_UNLCK)


def _has_identity(path: Path, descriptor: int, size: int, *, force: bool) -> bool:
    """Whether one is there, which `force` lets overwrite where it is free, or damaged."""
    block = block_io.read_at(descriptor, block_io.last_place(size))
    if not block.startswith(lun.MAGIC):
        return False
    try:
        there = lun.decode(path, block)
    except HypervisorError as exc:
        if not force:
            raise _not_empty(path, "a damaged identity") from exc
        return True
    if not there.word.is_free:
        owner = lun.describe_word(there.word)
        raise HypervisorError("lun-taken", path=str(path), unique_id=there.identity.unique_id, owner=owner)
    if not force:
        raise _not_empty(path, f"the identity {there.identity.unique_id}")
    return True


def what_is_on(descriptor: int, size: int) -> str:
    """What its first and last MiB look like, in words; empty where they hold zeros alone."""
    begin = block_io.read_at(descriptor, 0, min(size, LOOKED_AT_BYTES) // BLOCK_BYTES * BLOCK_BYTES)
    for words, place, signature in SIGNATURES:
        if begin[place : place + len(signature)] == signature:
            return words
    end = max(0, size - LOOKED_AT_BYTES) // BLOCK_BYTES * BLOCK_BYTES
    last = block_io.read_at(descriptor, end, LOOKED_AT_BYTES + BLOCK_BYTES)
    return "data" if any(begin) or any(last) else ""


def _unfit(path: Path, reason: str) -> HypervisorError:
    return HypervisorError("lun-unfit", path=str(path), reason=reason, least_mb=LEAST_BYTES // 2**20)


def _in_use(path: Path, reason: str) -> HypervisorError:
    return HypervisorError("lun-busy", path=str(path), reason=reason)


def _not_empty(path: Path, found: str) -> HypervisorError:
    return HypervisorError("lun-not-empty", path=str(path), found=found, block_bytes=BLOCK_BYTES)
