"""What runs in a simulated partition: a heartbeat, writes to memory, and a record a second on the first LUN.

Everything it counts is kept in the partition's page 0, and so travels as memory.
"""

import logging
import struct
import threading
import time
from dataclasses import dataclass, replace

from ivmweb.hypervisor.base import Definition
from ivmweb.hypervisor.simulated.memory import MAX_RUN_PAGES, PAGE_BYTES, PAGES_PER_MB, Memory
from ivmweb.hypervisor.simulated.records import Record, RecordLog

logger = logging.getLogger(__name__)

TICK_S = 0.01
RECORD_S = 1.0
_MAX_CATCH_UP_S = 0.25  # after a long wait for the processor the missed writes are not all made up for
_PAGE0 = struct.Struct("<QddQdQ")


@dataclass(frozen=True)
class Counters:
    """Content of page 0."""

    heartbeat: int = 0
    last_beat: float = 0.0  # wall clock: the next beat may happen on another machine
    longest_gap_ms: float = 0.0
    last_record: int = 0
    last_record_at: float = 0.0
    writes: int = 0  # pages written; where the next write goes follows from it


def after_beat(counters: Counters, now: float, pages: int) -> Counters:
    """The counters after one more beat and `pages` more writes. A clock that went back makes no gap."""
    gap_ms = max(0.0, now - counters.last_beat) * 1000 if counters.heartbeat else 0.0
    return replace(
        counters,
        heartbeat=counters.heartbeat + 1,
        last_beat=now,
        longest_gap_ms=max(counters.longest_gap_ms, gap_ms),
        writes=counters.writes + pages,
    )


class Workload:
    def __init__(self, memory: Memory, definition: Definition, system: str, record_log: RecordLog | None) -> None:
        self.bytes_per_s = definition.workload_bytes_per_s  # at full speed
        self.slowed_percent = 0
        self._memory = memory
        self._uuid, self._system = definition.uuid, system
        set_pages = definition.workload_set_mb * PAGES_PER_MB
        self._set_pages = min(set_pages or memory.pages, memory.pages - 1)  # page 0 is ours
        self._records = record_log
        self._record_lock = threading.Lock()  # taken before the memory's lock, so that no beat waits for the disk
        self._stopped = threading.Event()
        self._stopped.set()

    @property
    def written_bytes_per_s(self) -> int:
        return self.bytes_per_s * (100 - self.slowed_percent) // 100

    @property
    def is_stopped(self) -> bool:
        return self._stopped.is_set()

    def boot(self) -> None:
        """Fresh counters; the records go on after the last one on the LUN."""
        last = self._records.last_number() if self._records else 0
        with self._memory.lock:
            self._store(Counters(last_record=last))

    def start(self) -> None:
        stopped = threading.Event()  # one for each start: a thread of an earlier one never goes on
        self._stopped = stopped
        threading.Thread(target=self._beat, args=(stopped,), name="heartbeat", daemon=True).start()
        if self._records:
            threading.Thread(target=self._record, args=(stopped, self._records), name="records", daemon=True).start()

    def stop(self) -> None:
        """When this returns, nothing is written any more, neither memory nor LUN."""
        with self._record_lock, self._memory.lock:
            self._stopped.set()

    def close(self) -> None:
        """End it for good."""
        self.stop()
        with self._record_lock:
            if self._records:
                self._records.close()
                self._records = None

    def counters(self) -> Counters:
        return Counters(*_PAGE0.unpack_from(self._memory.view))

    def reset_gap(self) -> None:
        with self._memory.lock:
            self._store(replace(self.counters(), longest_gap_ms=0.0))

    def _store(self, counters: Counters) -> None:
        values = (counters.heartbeat, counters.last_beat, counters.longest_gap_ms)
        records = (counters.last_record, counters.last_record_at)
        self._memory.write_bytes(0, _PAGE0.pack(*values, *records, counters.writes))

    def _beat(self, stopped: threading.Event) -> None:
        owed_pages = 0.0
        last = due = time.monotonic()
        while not stopped.wait(max(0.0, due - time.monotonic())):
            now = time.monotonic()
            owed_pages += self.written_bytes_per_s * min(now - last, _MAX_CATCH_UP_S) / PAGE_BYTES
            last, due = now, max(due + TICK_S, now)
            with self._memory.lock:
                if stopped.is_set():
                    return
                self._tick(int(owed_pages))
            owed_pages %= 1

    def _tick(self, pages: int) -> None:
        counters = self.counters()
        self._write_pages(counters.writes, pages)
        self._store(after_beat(counters, time.time(), pages))

    def _write_pages(self, written: int, pages: int) -> None:
        """Go round the working set, so that each page of it is written as often as every other."""
        while pages > 0:
            lap, position = divmod(written, self._set_pages)
            count = min(pages, MAX_RUN_PAGES, self._set_pages - position)
            self._memory.write(1 + position, count, stamp=lap + 1)
            written, pages = written + count, pages - count

    def _record(self, stopped: threading.Event, records: RecordLog) -> None:
        while not stopped.wait(self._seconds_to_next_record()):
            with self._record_lock:
                if stopped.is_set():
                    return
                try:
                    if not self._append_record(records):
                        return
                except OSError as exc:
                    logger.error("partition %s: no record on its first LUN: %s", self._uuid, exc)

    def _seconds_to_next_record(self) -> float:
        since = time.time() - self.counters().last_record_at
        return min(max(RECORD_S - since, 0.02), RECORD_S)

    def _append_record(self, records: RecordLog) -> bool:
        counters, now = self.counters(), time.time()
        number = counters.last_record + 1
        if not records.append(Record(number, self._uuid, self._system, counters.heartbeat, now)):
            logger.warning("partition %s: its first LUN is full after %s records", self._uuid, number - 1)
            return False
        with self._memory.lock:
            self._store(replace(self.counters(), last_record=number, last_record_at=now))
        return True
