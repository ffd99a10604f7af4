"""The numbered records that a partition appends to its first LUN: a gap or a second writer shows."""

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from ivmweb.hypervisor.lun import read_identity

RECORD_BYTES = 128
_FIELDS = struct.Struct("<8sQ16s32sQd")  # magic, number, partition, system, heartbeat, time; then CRC-32
_MAGIC = b"IVMREC01"
_CHECK = struct.Struct("<I")


@dataclass(frozen=True)
class Record:
    number: int
    partition_uuid: str
    system: str
    heartbeat: int
    time: float


def encode(record: Record) -> bytes:
    identity = UUID(record.partition_uuid).bytes
    body = _FIELDS.pack(_MAGIC, record.number, identity, record.system.encode(), record.heartbeat, record.time)
    return (body + _CHECK.pack(zlib.crc32(body))).ljust(RECORD_BYTES, b"\0")


def decode(data: bytes) -> Record | None:
    """None where there is no whole record."""
    body = data[: _FIELDS.size]
    if len(data) < RECORD_BYTES or data[_FIELDS.size : _FIELDS.size + 4] != _CHECK.pack(zlib.crc32(body)):
        return None
    magic, number, identity, system, heartbeat, time = _FIELDS.unpack(body)
    if magic != _MAGIC:
        return None
    return Record(number, str(UUID(bytes=identity)), system.rstrip(b"\0").decode(), heartbeat, time)


class RecordLog:
    """An open LUN; raises HypervisorError for one without identity, OSError for one that can't be opened."""

    def __init__(self, path: Path) -> None:
        self._slots = read_identity(path).size_bytes // RECORD_BYTES
        self._file = open(path, "r+b", buffering=0)  # noqa: SIM115  (stays open while the partition runs)

    def last_number(self) -> int:
        """Of the records on the LUN, 0 where there is none; they have no gap, so halving finds it."""
        low, high = 0, self._slots - 1
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.read(middle) else (low, middle - 1)
        return low

    def read(self, number: int) -> Record | None:
        record = decode(os.pread(self._file.fileno(), RECORD_BYTES, number * RECORD_BYTES))
        return record if record and record.number == number else None

    def append(self, record: Record) -> bool:
        """False where the LUN is full; the record is on the disk where it returns True."""
        if record.number >= self._slots:
            return False
        os.pwrite(self._file.fileno(), encode(record), record.number * RECORD_BYTES)
        os.fsync(self._file.fileno())
        return True

    def close(self) -> None:
        self._file.close()


def read_records(path: Path) -> list[Record]:
    """All records of a LUN, for tests and for people who look for a gap."""
    log = RecordLog(path)
    try:
        found = [log.read(number) for number in range(1, log.last_number() + 1)]
        return [record for record in found if record]
    finally:
        log.close()
