"""The destination's mover: relays the state of one partition from the source's mover into its own hypervisor."""

import logging
import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Event

from ivmweb.common.errors import HypervisorError, IvmError, PeerError
from ivmweb.common.fault_points import reached
from ivmweb.hypervisor.base import Fence, Hypervisor, Phase, TransferStatus
from migration.mover import wire
from migration.mover.errors import LinkLost, Stopped, StreamFailed, called
from migration.mover.frames import PING_EVERY_S, FrameWriter
from migration.mover.link import Closed, abort
from migration.mover.listener import Channels, Listener
from migration.mover.progress import MoverPhase, Progress, ProgressMeter
from migration.mover.relay import (
    RETURN_BUFFER_BYTES,
    HypervisorClosed,
    Relay,
    link_to_hypervisor,
    read_stream,
    reason_of,
)
from migration.mover.tally import Tally
from migration.mover.wire import FrameType

logger = logging.getLogger(__name__)

TICK_S = 0.2
PROGRESS_EVERY_S = 0.5
SOURCE_TIMEOUT_S = 60.0
HYPERVISOR_WORDS_S = 1.0  # how long a hypervisor that broke its stream may take to say why
JOIN_S = 1.0

ENDED = frozenset({Phase.LOADED, Phase.FAILED, Phase.CANCELLED})


@dataclass(frozen=True)
class Hooks:
    """All called in the caller's own thread; whatever one raises ends the transfer and is raised to the caller."""

    on_progress: Callable[[Progress], None]
    on_loaded: Callable[[], None]  # write the record *loaded*; what it raises is told to the source
    should_stop: Callable[[], bool]


@dataclass(frozen=True)
class Received:
    """The partition is loaded and recorded. `told`: RECORDED was sent over a link that still stood."""

    told: bool
    bytes_transmitted: int
    passes: int
    digest: str = ""  # of the stream (`tally.py`); empty where the link broke before its end


def receive_state(
    hypervisor: Hypervisor,
    lpar_id: int,
    fence: Fence,
    listener: Listener,
    hooks: Hooks,
    *,
    source_timeout_s: float = SOURCE_TIMEOUT_S,
) -> Received:
    """Receive a partition's state into an incoming one; returns when it is recorded and the source has closed.

    1. waits for both channels of the source (PeerError `mover-no-source` after the time-out);
    2. relays until this side's hypervisor is *loaded*, then calls `on_loaded` and sends RECORDED;
    3. stays until the source closes or `should_stop`; a link lost here is no error.
    Raises before *loaded* was recorded, with everything closed and the reason told to the source: `LinkLost`,
    `StreamFailed`, `Stopped`, HypervisorError, and whatever a hook raised.
    """
    receiver = Receiver(hypervisor, lpar_id, fence, listener, hooks)
    try:
        return receiver.run(source_timeout_s)
    finally:
        receiver.close()


class Receiver:
    def __init__(self, hypervisor: Hypervisor, lpar_id: int, fence: Fence, listener: Listener, hooks: Hooks) -> None:
        self._hypervisor = hypervisor
        self._lpar_id = lpar_id
        self._fence = fence
        self._listener = listener
        self._hooks = hooks
        self._relay = Relay()
        self._received = Tally(listener.key)
        self._channels: Channels | None = None
        self._stream: socket.socket | None = None
        self._finished = Event()
        self._source_closed = Event()
        self._meter = ProgressMeter()
        self._status = TransferStatus(Phase.NONE)
        self._phase = MoverPhase.CONNECTING
        self._reported_at = float("-inf")

    def run(self, source_timeout_s: float) -> Received:
        channels = self._await_source(source_timeout_s)
        reached("mover-in", "connected")
        writer = FrameWriter(channels.back)
        try:
            self._relay_until_loaded(channels, writer)
            reached("mover-in", "loaded")
            self._hooks.on_loaded()
            reached("mover-in", "recorded")
        except BaseException as exc:
            self._tell(channels, writer, exc)
            raise
        told = self._send_recorded(channels, writer)
        reached("mover-in", "told")
        self._enter(MoverPhase.LOADED)
        self._await_close()
        return Received(told, self._received.value, self._status.pass_number, self._received.digest)

    def close(self) -> None:
        """Close both channels and the hypervisor's stream; safe at any time."""
        self._finished.set()
        self._listener.close()
        if self._stream is not None:
            abort(self._stream)
        if self._channels is not None:
            abort(self._channels.state)
            abort(self._channels.back)
        self._relay.join(JOIN_S)
        if self._channels is not None:
            self._channels.close()
        if self._stream is not None:
            self._stream.close()

    # Connecting

    def _await_source(self, timeout_s: float) -> Channels:
        channels = self._listener.wait_for_channels(timeout_s, self._tick)
        if channels is None:
            tried = {"port": self._listener.port, "timeout_s": round(timeout_s, 1)}
            raise PeerError("mover-no-source", permanent=False, partition=called(self._lpar_id), **tried)
        self._channels = channels
        channels.state.setblocking(False)
        channels.back.setblocking(False)
        return channels

    # Relaying

    def _relay_until_loaded(self, channels: Channels, writer: FrameWriter) -> None:
        stream = self._stream = self._hypervisor.open_state_in(self._lpar_id, self._fence)
        stream.settimeout(None)  # a hypervisor that takes nothing is the source's stall time-out
        state = channels.state
        self._relay.start("state", lambda: link_to_hypervisor(state, stream, self._received), stream, state)
        self._relay.start("return", lambda: self._relay_return(stream, writer), stream, state)
        self._relay.start("watch", lambda: self._watch_source(channels, stream, writer), stream, state)
        self._enter(MoverPhase.TRANSFERRING)
        reached("mover-in", "first pass")
        while self._status.phase is not Phase.LOADED:
            self._tick()
            self._status = self._hypervisor.wait_transfer(self._lpar_id, self._status.sequence, TICK_S)
            self._check(self._relay.failure)

    def _relay_return(self, stream: socket.socket, writer: FrameWriter) -> None:
        view = memoryview(bytearray(RETURN_BUFFER_BYTES))
        while count := read_stream(stream, view):
            writer.send(FrameType.STATE, view[:count])
        if self._relay.failure is None and not self._finished.is_set():
            writer.send(FrameType.STATE)  # the hypervisor's own end, not one that we made by closing its stream

    def _watch_source(self, channels: Channels, stream: socket.socket, writer: FrameWriter) -> None:
        """PING each second."""
        try:
            while not self._finished.is_set():
                if has_ended(channels.back, PING_EVERY_S):
                    raise Closed("the source closed the connection")
                writer.send(FrameType.PING)
        finally:
            self._source_closed.set()

    def _check(self, failure: Exception | None) -> None:
        """Raise what ended the stream; once *loaded*, nothing that happened to the link matters."""
        if failure is None and self._status.phase in ENDED - {Phase.LOADED}:
            failure = self._relay.cause()
        if failure is not None and self._status.phase not in ENDED:
            self._await_last_words(failure)
        if self._status.phase is not Phase.LOADED and (failure is not None or self._status.phase in ENDED):
            raise self._error(self._status, failure)

    def _await_last_words(self, failure: Exception) -> None:
        """What the hypervisor says of a stream that it broke; where the link broke, a last look is enough."""
        wait_s = HYPERVISOR_WORDS_S if isinstance(failure, HypervisorClosed) else 0.0
        deadline = time.monotonic() + wait_s
        while self._status.phase not in ENDED:
            left = deadline - time.monotonic()
            self._status = self._hypervisor.wait_transfer(self._lpar_id, self._status.sequence, max(left, 0.0))
            if left <= 0:
                return

    def _error(self, status: TransferStatus, failure: Exception | None) -> IvmError:
        if failure is not None and not isinstance(failure, HypervisorClosed):
            return LinkLost(self._lpar_id, reason_of(failure))
        return StreamFailed(self._lpar_id, status.error or (reason_of(failure) if failure else status.phase.value))

    # After loaded

    def _send_recorded(self, channels: Channels, writer: FrameWriter) -> bool:
        """Looks before it sends: a source that hears RECORDED closes at once, and was told all the same."""
        if has_ended(channels.back, 0):
            return False
        try:
            writer.send(FrameType.RECORDED)
        except OSError as exc:
            logger.warning("migration %s: RECORDED was not sent: %s", self._listener.migration_id, reason_of(exc))
            return False
        return True

    def _await_close(self) -> None:
        """Until the source has closed; a stop only ends the waiting, the record stands."""
        with suppress(Stopped):
            while not self._source_closed.wait(TICK_S):
                self._tick()

    def _tell(self, channels: Channels, writer: FrameWriter, exc: BaseException) -> None:
        """End the state channel at once, then say why on the return channel, if it still stands."""
        self._finished.set()
        if self._stream is not None:
            abort(self._stream)
        abort(channels.state)
        if isinstance(exc, LinkLost):
            return  # the source sees that by itself
        code, text = words_for(exc, self._lpar_id)
        with suppress(OSError, ValueError):
            writer.send(FrameType.ERROR, wire.pack_error(code, text))

    def _tick(self) -> None:
        if self._hooks.should_stop():
            raise Stopped(self._lpar_id, self._received.value)
        if time.monotonic() - self._reported_at >= PROGRESS_EVERY_S:
            self._report()

    def _enter(self, phase: MoverPhase) -> None:
        self._phase = phase
        self._report()

    def _report(self) -> None:
        self._reported_at = time.monotonic()
        self._hooks.on_progress(self._meter.measure(self._phase, self._status, self._received.value))


def has_ended(back: socket.socket, wait_s: float) -> bool:
    """The source never sends on the return channel, so anything to read is its end."""
    poll = select.poll()
    poll.register(back, select.POLLIN)
    return bool(poll.poll(int(wait_s * 1000)))


def words_for(exc: BaseException, lpar_id: int) -> tuple[str, str]:
    """Code and text for the other system: an expected error in full, of a bug its kind only."""
    if isinstance(exc, IvmError):
        return exc.code, exc.text
    internal = HypervisorError("mover-internal", kind=type(exc).__name__, partition=called(lpar_id))
    return internal.code, internal.text
