"""The destination's end of a state stream: takes nothing on trust, and is loaded only with a complete image."""

import contextlib
import logging
import socket
import threading
from typing import Protocol

from ivmweb.common.errors import IvmError
from ivmweb.hypervisor.base import Phase
from ivmweb.hypervisor.simulated.frames import (
    HEADER_BYTES,
    FrameType,
    Header,
    decode_header,
    decode_json,
    generations_hash,
    verify,
)
from ivmweb.hypervisor.simulated.memory import MAX_RUN_PAGES, PAGE_BYTES
from ivmweb.hypervisor.simulated.state_out import hello_of
from ivmweb.hypervisor.simulated.transfer import Broken, StreamOwner, Transfer
from ivmweb.hypervisor.vmc.codec import Malformed, send_line
from ivmweb.hypervisor.vmc.connections import STREAM_IDLE_S, hang_up, set_deadlines

logger = logging.getLogger(__name__)

_ANSWER_S = 10


class DestinationOwner(StreamOwner, Protocol):
    def check_device_state(self, device: dict[str, object]) -> float:
        """The boot time in it; raises Malformed."""
        ...

    def show_progress(self, received_pages: int) -> None: ...
    def load_stream(self, migration_id: str, boot_time: float) -> None: ...
    def fail_stream(self) -> None: ...


class StateIn(Transfer):
    def __init__(self, owner: DestinationOwner, migration_id: str) -> None:
        super().__init__(owner, None, migration_id)
        self._owner = owner
        self._memory = owner.memory
        self._arrived = bytearray(self._memory.pages)
        self._generations = bytearray(4 * MAX_RUN_PAGES)
        self._header = bytearray(HEADER_BYTES)

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    def start(self, connection: socket.socket) -> None:
        set_deadlines(connection, receive_s=STREAM_IDLE_S, send_s=_ANSWER_S)
        self._connection = connection
        threading.Thread(target=self._run, args=(connection,), name="state in", daemon=True).start()

    def end(self, phase: Phase, error: str) -> None:
        """Give the stream up, unless it is over; the image is useless then. Needs the condition."""
        if self._finish(phase, error):
            self._owner.fail_stream()
            if self._connection:
                hang_up(self._connection)
            logger.info("migration %s: state in %s: %s", self.migration_id, phase.value, error)

    def _bytes_remaining(self) -> int:
        return 0 if self.phase is Phase.LOADED else self._arrived.count(0) * PAGE_BYTES

    def _run(self, connection: socket.socket) -> None:
        try:
            self._check_hello(connection)
            boot_time = self._receive(connection)
            answer = {"loaded": self._check_image(connection, boot_time)}
        except BlockingIOError:
            answer = self._refuse(f"the stream stood still for {STREAM_IDLE_S} s")
        except (Malformed, Broken, OSError, IvmError) as exc:
            answer = self._refuse(str(exc))
        finally:
            self._refuse("the hypervisor's own error; its log has more")  # unless all is said already
        with contextlib.suppress(OSError):  # who is gone asks the hypervisor
            send_line(connection, answer)
        hang_up(connection)
        connection.close()

    def _refuse(self, reason: str) -> dict[str, str]:
        with self._changed:
            if self._finish(Phase.FAILED, reason):
                self._owner.fail_stream()
                logger.info("migration %s: state in failed: %s", self.migration_id, reason)
            return {"error": self._error}

    def _check_hello(self, connection: socket.socket) -> None:
        header = self._read_header(connection)
        if header.type is not FrameType.HELLO:
            raise Malformed("the stream does not begin with its hello")
        hello = decode_json(self._read_payload(connection, header))
        expected = hello_of(self._owner.uuid, self._memory.pages, self.migration_id)
        if hello != expected:
            differing = [key for key in expected if hello.get(key) != expected[key]] or ["fields"]
            raise Malformed(f"the stream is for another partition or system: {', '.join(differing)} differ")
        with self._changed:
            self._raise_if_over()
            self._pass_number = 1
            self._enter(Phase.ACTIVE)

    def _receive(self, connection: socket.socket) -> float:
        """All passes and the last pages; the boot time from the processors' state."""
        while True:
            header = self._read_header(connection)
            if header.type is FrameType.PAGES:
                self._receive_pages(connection, header)
            elif header.type is FrameType.PASS_END:
                self._end_pass(self._read_payload(connection, header), header.first)
            elif header.type is FrameType.DEVICE:
                return self._receive_device(self._read_payload(connection, header), header.first)
            else:
                raise Malformed(f"a frame of type {header.type.name.lower()} comes out of order")

    def _receive_pages(self, connection: socket.socket, header: Header) -> None:
        first, end = header.first, header.first + header.count
        generations = memoryview(self._generations)[: 4 * header.count]
        pages = self._memory.view[first * PAGE_BYTES : end * PAGE_BYTES]
        read_exactly(connection, generations)
        verify(header, generations)
        read_exactly(connection, pages)
        memoryview(self._memory.generations).cast("B")[4 * first : 4 * end] = generations
        self._arrived[first:end] = b"\1" * header.count
        self._bytes_sent += len(pages)
        self._owner.show_progress(self._bytes_sent // PAGE_BYTES)
        limit = self._owner.faults.now().fail_incoming_after_bytes
        if limit is not None and self._bytes_sent >= limit:
            raise Broken(f"fault switch: broken off after {self._bytes_sent} bytes")
        self._raise_if_over()

    def _end_pass(self, payload: bytes, number: int) -> None:
        if payload or number != self._pass_number:
            raise Malformed(f"the end of pass {number} comes in pass {self._pass_number}")
        with self._changed:
            self._raise_if_over()
            self._pass_number += 1
            self._enter(Phase.ACTIVE)

    def _receive_device(self, payload: bytes, passes: int) -> float:
        if passes != self._pass_number - 1:
            raise Malformed(f"the source sent {passes} passes, {self._pass_number - 1} arrived")
        self._pass_number = passes  # the last pages are no pass of their own
        return self._owner.check_device_state(decode_json(payload))

    def _check_image(self, connection: socket.socket, boot_time: float) -> str:
        """Loaded, if every page is here as the source had it last; the hash that says so."""
        header = self._read_header(connection)
        payload = self._read_payload(connection, header)
        if header.type is not FrameType.END or header.first != self._memory.pages:
            raise Malformed("the stream does not end as it should")
        if missing := self._arrived.count(0):
            raise Malformed(f"{missing} of {self._memory.pages} pages did not arrive")
        found = generations_hash(self._memory.generations)
        if bytes.fromhex(found) != payload:
            raise Malformed("some pages are not the source's last ones: the write generations differ")
        if self._owner.faults.now().fail_load:
            raise Broken("fault switch: the image is not loaded")
        with self._changed:
            self._raise_if_over()
            self._owner.load_stream(self.migration_id, boot_time)
            self._finish(Phase.LOADED)
        return found

    def _read_header(self, connection: socket.socket) -> Header:
        read_exactly(connection, memoryview(self._header))
        return decode_header(self._header, self._memory.pages)

    def _read_payload(self, connection: socket.socket, header: Header) -> bytes:
        if header.type is FrameType.PAGES:
            raise Malformed("a frame of pages comes out of order")
        payload = bytearray(header.count)
        read_exactly(connection, memoryview(payload))
        verify(header, payload)
        return bytes(payload)


def read_exactly(connection: socket.socket, buffer: memoryview) -> None:
    while buffer:
        received = connection.recv_into(buffer, len(buffer), socket.MSG_WAITALL)
        if not received:
            raise Malformed("the stream was cut off")
        buffer = buffer[received:]
