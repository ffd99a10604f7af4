"""The source's end of a state stream: passes while the partition runs, then the rest, then the answer."""

import logging
import socket
import threading
import time
from typing import Protocol

from ivmweb.hypervisor.base import NextStep, Phase
from ivmweb.hypervisor.simulated.frames import (
    MAX_ANSWER_BYTES,
    FrameType,
    Header,
    encode_header,
    encode_json,
    encode_small,
    generations_hash,
)
from ivmweb.hypervisor.simulated.memory import PAGE_BYTES, runs
from ivmweb.hypervisor.simulated.transfer import Broken, StreamOwner, Transfer
from ivmweb.hypervisor.vmc.codec import Malformed, read_line
from ivmweb.hypervisor.vmc.connections import STREAM_IDLE_S, hang_up, set_deadlines

logger = logging.getLogger(__name__)

_SHORT_PASS_S = 0.05  # over less, a write rate is noise
_SAMPLE_S = 0.25  # over more, a page that is written again and again counts once, and the rate looks low
STALL_LOOK_S = 0.05
_ANSWER_S = 1.0  # how long a broken connection may still yield the destination's reason


class SourceOwner(StreamOwner, Protocol):
    def suspend_for_stream(self) -> bool:
        """Stop the workload for the last pages; false where the partition does not run any more."""
        ...

    def resume_after_stream(self) -> None: ...
    def complete_stream(self, migration_id: str) -> None: ...
    def device_state(self) -> dict[str, object]: ...


class StateOut(Transfer):
    def __init__(
        self, owner: SourceOwner, connection: socket.socket, migration_id: str, *, may_throttle: bool = False
    ) -> None:
        super().__init__(owner, connection, migration_id)
        self.may_throttle = may_throttle
        self._owner = owner
        self._connection: socket.socket = connection
        self._memory, self._workload = owner.memory, owner.workload
        self._next_step: NextStep | None = None
        self._suspend_at_bytes = 0  # allowed by the mover; 0: only as it orders
        self._pages_left = self._memory.pages  # of this pass
        self._pass_started = time.monotonic()
        self._is_sampled = False  # the write rate, in this pass
        self._expected_answer: str | None = None
        self._reader = threading.Thread(target=self._read_answer, name="state answer", daemon=True)

    def start(self) -> None:
        set_deadlines(self._connection, receive_s=0)
        self._reader.start()
        threading.Thread(target=self._run, name="state out", daemon=True).start()

    # Commands. Each needs the condition.

    def continue_with(self, step: NextStep, suspend_at_bytes: int) -> bool:
        """False where the stream does not wait for it. Asking again for what goes on already is fine."""
        if self.phase is Phase.PASS_END:
            if self._next_step is None:
                self._next_step, self._suspend_at_bytes = step, suspend_at_bytes
                self._changed.notify_all()
            return self._next_step is step
        if self.phase in (Phase.DEVICE, Phase.COMPLETED):
            return self._next_step is step or step is NextStep.SUSPEND  # by itself, after PASS, where it was allowed
        return self.phase is Phase.ACTIVE and step is NextStep.PASS

    def throttle(self, percent: int) -> None:
        self.slowed_percent = self._workload.slowed_percent = percent

    def _finish(self, phase: Phase, error: str = "") -> bool:
        is_first = super()._finish(phase, error)
        if is_first:
            self.throttle(0)  # it belongs to the stream
        return is_first

    def end(self, phase: Phase, error: str) -> None:
        """Break the stream off, unless it is over; a partition that it suspended runs on."""
        if self._finish(phase, error):
            hang_up(self._connection)
            self._owner.resume_after_stream()
            logger.info("migration %s: state out %s: %s", self.migration_id, phase.value, error)

    def _bytes_remaining(self) -> int:
        if self.phase is Phase.COMPLETED:
            return 0
        again = 0 if self.phase is Phase.DEVICE else self._memory.dirty_pages()
        return min(self._pages_left + again, self._memory.pages) * PAGE_BYTES  # one may be both yet to send and dirty

    # The sending thread.

    def _run(self) -> None:
        try:
            self._send_hello()
            self._send_passes()
            self._send_rest()
            self._wait_for_answer()
        except (Broken, OSError) as exc:
            self._reader.join(_ANSWER_S)  # the destination's own words are better than "broken pipe"
            self._fail(str(exc))
        finally:
            self._fail("the hypervisor's own error; its log has more")  # unless it is over already
            hang_up(self._connection)
            self._reader.join()
            self._connection.close()

    def _fail(self, reason: str) -> None:
        with self._changed:
            self.end(Phase.FAILED, reason)

    def _send_hello(self) -> None:
        hello = hello_of(self._owner.uuid, self._memory.pages, self.migration_id)
        self._connection.sendall(encode_json(FrameType.HELLO, hello))

    def _send_passes(self) -> None:
        self._memory.take_dirty()
        dirty = bytearray(b"\1" * self._memory.pages)  # pass 1: everything
        while True:
            self._begin_pass(dirty)
            self._send_pages(dirty)
            self._connection.sendall(encode_small(FrameType.PASS_END, first=self._pass_number))
            if self._wait_at_pass_end() is NextStep.SUSPEND:
                return
            dirty = self._memory.take_dirty()

    def _begin_pass(self, dirty: bytearray) -> None:
        with self._changed:
            self._raise_if_over()
            self._pass_number += 1
            self._pages_left = dirty.count(1)
            self._pass_started = time.monotonic()
            self._is_sampled = False
            self._enter(Phase.ACTIVE)

    def _wait_at_pass_end(self) -> NextStep:
        with self._changed:
            self._raise_if_over()
            self._measure_pass()
            if self._may_suspend():
                return NextStep.SUSPEND
            self._next_step = None
            self._enter(Phase.PASS_END)
            return self._wait_for_step()

    def _may_suspend(self) -> bool:
        """By itself, as the mover has allowed it."""
        return 0 < self._suspend_at_bytes >= self._memory.dirty_pages() * PAGE_BYTES

    def _wait_for_step(self) -> NextStep:
        while self._next_step is None:
            self._changed.wait()
            self._raise_if_over()
        return self._next_step

    def _measure_pass(self) -> None:
        self._pages_left = 0
        self._pass_seconds = time.monotonic() - self._pass_started
        if not self._is_sampled and (self._pass_seconds >= _SHORT_PASS_S or not self._dirty_bytes_per_s):
            self._sample_write_rate()

    def _sample_write_rate(self) -> None:
        written = self._memory.dirty_pages() * PAGE_BYTES
        self._dirty_bytes_per_s = int(written / max(time.monotonic() - self._pass_started, 0.001))
        self._is_sampled = True

    def _send_rest(self) -> None:
        """Suspend, then the last dirty pages and the processors' state."""
        self._workload.stop()  # not under the condition: it may wait for a LUN
        with self._changed:
            if self.is_over or not self._owner.suspend_for_stream():
                self._owner.resume_after_stream()
                raise Broken(self._error or "the partition does not run any more")
            dirty = self._memory.take_dirty()
            self._pages_left = dirty.count(1)
            self._enter(Phase.DEVICE)
        self._send_pages(dirty)
        self._expected_answer = generations_hash(self._memory.generations)
        self._connection.sendall(encode_json(FrameType.DEVICE, self._owner.device_state(), first=self._pass_number))
        end = bytes.fromhex(self._expected_answer)
        self._connection.sendall(encode_small(FrameType.END, end, first=self._memory.pages))

    def _send_pages(self, dirty: bytearray) -> None:
        for first, count in runs(dirty):
            self._stall_if_told()
            self._connection.sendall(self._head(first, count))
            self._connection.sendall(self._memory.view[first * PAGE_BYTES : (first + count) * PAGE_BYTES])
            self._bytes_sent += count * PAGE_BYTES
            self._pages_left -= count
            if not self._is_sampled and time.monotonic() - self._pass_started >= _SAMPLE_S:
                self._sample_write_rate()

    def _head(self, first: int, count: int) -> bytes:
        """What stands before the pages, read first: data may be newer than its generation (and is sent again), never
        older. The pages themselves go out from where they are, while the partition writes on.
        """
        generations = bytes(memoryview(self._memory.generations).cast("B")[4 * first : 4 * (first + count)])
        return encode_header(Header(FrameType.PAGES, count, first), generations) + generations

    def _stall_if_told(self) -> None:
        """Until the fault switch is off again."""
        while self._is_told_to_stall():
            with self._changed:
                self._changed.wait_for(lambda: self.is_over, STALL_LOOK_S)
                self._raise_if_over()

    def _is_told_to_stall(self) -> bool:
        limit = self._owner.faults.now().stall_out_after_bytes
        return limit is not None and self._bytes_sent >= limit

    def _wait_for_answer(self) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self.is_over, STREAM_IDLE_S):
                raise Broken(f"the destination did not acknowledge the state within {STREAM_IDLE_S} s")

    # The thread of the return path. It also notices a broken stream while nothing is being sent.

    def _read_answer(self) -> None:
        try:
            answer = read_line(self._connection, MAX_ANSWER_BYTES)
        except (Malformed, OSError) as exc:
            return self._fail(f"the return path broke: {exc}")
        with self._changed:
            loaded = answer.get("loaded") if isinstance(answer, dict) else None
            if loaded is not None and loaded == self._expected_answer:
                if self._finish(Phase.COMPLETED):
                    self._owner.complete_stream(self.migration_id)
            elif answer is None:
                self.end(Phase.FAILED, "the stream was closed before the destination had acknowledged the state")
            else:
                self.end(Phase.FAILED, _reason(answer))


def hello_of(uuid: str, pages: int, migration_id: str) -> dict[str, object]:
    """Both ends make it from what they know; the destination takes no stream whose hello differs."""
    return {"version": 1, "page_bytes": PAGE_BYTES, "pages": pages, "uuid": uuid, "migration_id": migration_id}


def _reason(answer: object) -> str:
    error = answer.get("error") if isinstance(answer, dict) else None
    return f"the destination refused the state: {error}" if error else "the destination's answer is not understood"
