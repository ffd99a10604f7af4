"""The source's mover: relays the state of one partition to the destination's mover and decides when to suspend."""

import logging
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Event

from ivmweb.common.errors import HypervisorError, IvmError, OperationFailed
from ivmweb.common.fault_points import reached
from ivmweb.hypervisor.base import Fence, Hypervisor, NextStep, Phase, TransferStatus
from migration.mover import wire
from migration.mover.connector import Connector
from migration.mover.convergence import Decision, Limits, Outlook, Pass, decide, pass_of
from migration.mover.errors import DestinationFailed, LinkLost, NotConverging, Stopped, StreamFailed, called
from migration.mover.frames import read_frames
from migration.mover.limiter import Limiter
from migration.mover.link import Closed, MoverAddress, abort
from migration.mover.progress import MoverPhase, Progress, ProgressMeter
from migration.mover.relay import (
    HypervisorClosed,
    Relay,
    end_stream,
    hypervisor_to_link,
    reason_of,
    write_stream,
)
from migration.mover.tally import Tally
from migration.mover.wire import FrameType

logger = logging.getLogger(__name__)

MB = 2**20
TICK_S = 0.2  # how often `should_stop` is asked
PROGRESS_EVERY_S = 0.5
LAST_WORDS_S = 2.0  # how long an ERROR frame is waited for after the link broke
JOIN_S = 1.0


@dataclass(frozen=True)
class Hooks:
    """What the caller wants to hear, all called in the caller's own thread.

    Whatever one of them raises ends the transfer and is raised to the caller.
    """

    on_progress: Callable[[Progress], None]
    should_stop: Callable[[], bool]
    may_suspend: Callable[[], bool] = lambda: True  # asked before each suspension; while it says no, it is put off


class Loaded:
    """The destination has everything and has recorded so; the link stays open until `close`."""

    def __init__(self, sender: "Sender", progress: Progress) -> None:
        self._sender = sender
        self.progress = progress  # 100 percent; not given to `on_progress`, which would cost suspended time

    def close(self) -> None:
        self._sender.close()

    @property
    def digest(self) -> str:
        """Of the stream, once this side's hypervisor has ended it (`tally.py`); empty before."""
        return self._sender.digest

    def __enter__(self) -> "Loaded":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def send_state(
    hypervisor: Hypervisor,
    lpar_id: int,
    fence: Fence,
    address: MoverAddress,
    limits: Callable[[], Limits],
    hooks: Hooks,
) -> Loaded:
    """Send a running partition's state; returns when this side's hypervisor is *completed* and the destination has
    recorded *loaded*, with the partition suspended here.

    Raises, with both streams closed and no command given to the hypervisor besides `continue_transfer`:
    - `PeerError` (`mover-unreachable`, `Refused`): nothing was begun;
    - `LinkLost`, `DestinationFailed`, `StreamFailed`, OperationFailed `mover-stalled`, `NotConverging`, `Stopped`;
    - HypervisorError, and whatever a hook raised.
    Unless its hypervisor is *completed* the partition then runs on by itself.
    """
    sender = Sender(hypervisor, lpar_id, fence, address, limits, hooks)
    try:
        return sender.run()
    except BaseException:
        sender.close()
        raise


class Sender:
    def __init__(
        self,
        hypervisor: Hypervisor,
        lpar_id: int,
        fence: Fence,
        address: MoverAddress,
        limits: Callable[[], Limits],
        hooks: Hooks,
    ) -> None:
        self._hypervisor = hypervisor
        self._lpar_id = lpar_id
        self._fence = fence
        self._address = address
        self._limits = limits
        self._hooks = hooks
        self._limiter = Limiter()
        self._relay = Relay()
        self._sent = Tally(address.key)
        self._returned = 0
        self._recorded = Event()
        self._reader_ended = Event()
        self._destination_error: tuple[str, str] | None = None
        self._allowed = Limits()
        self._may_throttle = False  # whether the stream was opened for it
        self._ordered_percent = 0  # how far the partition is to be slowed down
        self._decided: Decision | None = None  # at the last pass's end, while the limits are still the same
        self._connector = Connector(address)
        self._stream: socket.socket | None = None
        self._meter = ProgressMeter()
        self._status = TransferStatus(Phase.NONE)
        self._phase = MoverPhase.CONNECTING
        self._suspended_at: float | None = None
        self._reported_at = float("-inf")
        self._moved_at = time.monotonic()
        self._moved_to: tuple[int, ...] = ()

    # The order of one transfer, in the caller's thread

    def run(self) -> Loaded:
        state, back = self._connect()
        reached("mover-out", "connected")
        self._may_throttle = self._limits().slow_partition
        stream = self._stream = self._hypervisor.open_state_out(
            self._lpar_id, self._fence, may_throttle=self._may_throttle
        )
        stream.settimeout(None)  # `_watch` ends it when nothing moves
        self._read_limits()
        self._relay.start(
            "state", lambda: hypervisor_to_link(stream, state, self._limiter, self._sent), state, stream
        )
        self._relay.start("return", lambda: self._read_return(back, stream), state, stream)
        self._enter(MoverPhase.TRANSFERRING)
        reached("mover-out", "first pass")
        self._send_passes()
        self._await_completed()
        reached("mover-out", "completed")
        self._await_recorded()
        reached("mover-out", "recorded")
        return Loaded(self, self._measure(MoverPhase.LOADED))

    def close(self) -> None:
        """Close both channels and the hypervisor's stream; safe at any time, twice too."""
        self._connector.abort()  # before the stream, whose end would else be passed on as a good one
        if self._stream is not None:
            abort(self._stream)
        self._limiter.set_rate(None)  # wakes the thread that waits for its turn
        self._relay.join(JOIN_S)
        self._connector.close()
        if self._stream is not None:
            self._stream.close()

    @property
    def digest(self) -> str:
        return self._sent.digest

    def _connect(self) -> tuple[ssl.SSLSocket, ssl.SSLSocket]:
        self._connector.start()
        while not self._connector.wait(TICK_S):
            self._tick()
        return self._connector.channels()

    # The return channel (in its own thread)

    def _read_return(self, back: ssl.SSLSocket, stream: socket.socket) -> None:
        try:
            read_frames(back, lambda kind, payload: self._take_frame(kind, payload, stream))
        except (OSError, Closed):
            if not self._recorded.is_set():
                raise  # afterwards the hypervisor may still be reading the last answer: leave its stream open
        finally:
            self._reader_ended.set()

    def _take_frame(self, kind: FrameType, payload: memoryview, stream: socket.socket) -> None:
        if kind is FrameType.STATE and payload:
            write_stream(stream, payload)
            self._returned += len(payload)
        elif kind is FrameType.STATE:
            end_stream(stream)
        elif kind is FrameType.RECORDED:
            self._recorded.set()
        elif kind is FrameType.ERROR:
            self._destination_error = wire.unpack_error(bytes(payload))
            raise Closed("the destination gave up")

    # The control loop (in the caller's thread)

    def _send_passes(self) -> None:
        """Until the suspension is ordered. Changed limits begin a new history: the old one proves nothing."""
        before, history = TransferStatus(Phase.NONE), list[Pass]()
        while True:
            status = self._watch()
            if status.phase in (Phase.DEVICE, Phase.COMPLETED):
                return self._show_suspended()  # a hypervisor that suspends by its own rules
            if status.phase is Phase.PASS_END and status.pass_number > before.pass_number:
                self._read_limits()
                history = [*(history if self._decided else ()), pass_of(status, before, self._ordered_percent)]
                before = status
                if self._end_pass(history) is NextStep.SUSPEND:
                    return

    def _end_pass(self, history: list[Pass]) -> NextStep:
        decision = self._decided = decide(history, self._allowed)
        logger.info(
            "migration %s: pass %d left %d bytes at %d bytes/s: %s",
            self._address.migration_id,
            history[-1].number,
            history[-1].bytes_remaining,
            decision.rate_bytes_per_s,
            decision.step or "no convergence",
        )
        if decision.step is None:
            self._report()
            raise not_converging(self._lpar_id, history[-1], decision, self._allowed)
        step = decision.step
        if step is NextStep.SUSPEND and self._await_permission():
            step = NextStep.PASS  # the partition has written on meanwhile
        self._throttle(decision.slow_percent)
        if step is NextStep.SUSPEND:
            self._hypervisor.continue_transfer(self._lpar_id, step, self._fence)
            self._show_suspended()
        else:
            may_suspend = decision.suspend_at_bytes > 0 and self._hooks.may_suspend()
            suspend_at_bytes = decision.suspend_at_bytes if may_suspend else 0
            reached("mover-out", "later pass")
            self._hypervisor.continue_transfer(self._lpar_id, step, self._fence, suspend_at_bytes)
        return step

    def _show_suspended(self) -> None:
        """The partition waits for the little that is left: no limit, and it is the next tick that reports."""
        self._limiter.set_rate(None)
        self._suspended_at = self._reported_at = time.monotonic()
        self._phase = MoverPhase.SUSPENDED
        reached("mover-out", "suspended")

    def _throttle(self, percent: int) -> None:
        """It ends with the stream: nobody has to lift it where this mover dies."""
        if percent != self._ordered_percent:
            logger.info("migration %s: slow the partition down by %d percent", self._address.migration_id, percent)
            self._hypervisor.throttle(self._lpar_id, percent, self._fence)
            self._ordered_percent = percent

    def _await_permission(self) -> bool:
        """While the caller does not allow a suspension the partition runs on here; true if that took time."""
        waited = False
        while not self._hooks.may_suspend():
            waited = True
            self._check_link()
            self._tick()
            time.sleep(TICK_S)
        return waited

    def _await_completed(self) -> None:
        while self._status.phase is not Phase.COMPLETED:
            if self._status.phase is Phase.DEVICE:
                reached("mover-out", "device")
            self._watch()

    def _await_recorded(self) -> None:
        while not self._recorded.wait(TICK_S if self._relay.failure is None else 0):
            self._check_link()
            self._check_stall()
            self._tick()

    def _watch(self) -> TransferStatus:
        """One step of the loop: the hypervisor's news, at the latest after a tick."""
        self._tick()
        status = self._hypervisor.wait_transfer(self._lpar_id, self._status.sequence, TICK_S)
        if status.phase in (Phase.FAILED, Phase.CANCELLED):
            raise self._stream_error(status)
        self._status = status
        if status.phase is not Phase.COMPLETED:
            self._check_link()
            self._check_stall()
        return status

    def _tick(self) -> None:
        if self._hooks.should_stop():
            told = self._report()  # so that the last counters shown are those of the end
            raise Stopped(self._lpar_id, told.bytes_transmitted)
        if time.monotonic() - self._reported_at >= PROGRESS_EVERY_S:
            if self._phase is MoverPhase.TRANSFERRING:
                self._read_limits()
            self._report()

    def _read_limits(self) -> None:
        allowed = self._limits()
        allowed = replace(allowed, slow_partition=allowed.slow_partition and self._may_throttle)
        if allowed != self._allowed:
            self._allowed, self._decided = allowed, None
            self._limiter.set_rate(allowed.bandwidth_bytes_per_s)

    def _enter(self, phase: MoverPhase) -> None:
        self._phase = phase
        self._report()

    def _report(self) -> Progress:
        self._reported_at = time.monotonic()
        progress = self._measure(self._phase)
        self._hooks.on_progress(progress)
        return progress

    def _measure(self, phase: MoverPhase) -> Progress:
        progress = self._meter.measure(phase, self._status, self._sent.value, self._suspended_at)
        return replace(
            progress,
            outlook=self._decided.outlook if self._decided else Outlook.UNKNOWN,
            fitting_bytes=self._decided.fitting_bytes if self._decided else 0,
            bandwidth_limit_bytes_per_s=self._allowed.bandwidth_bytes_per_s or 0,
            allowed_suspension_ms=self._allowed.allowed_suspension_ms,
            slow_partition=self._allowed.slow_partition,
        )

    # What went wrong

    def _check_link(self) -> None:
        if self._relay.failure is not None and not self._recorded.is_set():
            raise self._link_error(self._relay.failure)

    def _link_error(self, failure: Exception) -> IvmError:
        """The destination's own words, if they come; else whether this side's hypervisor was through."""
        self._reader_ended.wait(LAST_WORDS_S)
        if self._destination_error is not None:
            return DestinationFailed(self._lpar_id, *self._destination_error)
        return LinkLost(self._lpar_id, reason_of(failure), completed=self._is_completed())

    def _is_completed(self) -> bool:
        with suppress(HypervisorError):
            self._status = self._hypervisor.wait_transfer(self._lpar_id, self._status.sequence, 0)
        return self._status.phase is Phase.COMPLETED

    def _stream_error(self, status: TransferStatus) -> IvmError:
        """A hypervisor whose stream we closed says *failed* as well: then the link is the cause."""
        failure = self._relay.cause()
        if failure is not None:
            self._reader_ended.wait(LAST_WORDS_S)
        if self._destination_error is not None:
            return DestinationFailed(self._lpar_id, *self._destination_error)
        if failure is not None and not isinstance(failure, HypervisorClosed):
            return LinkLost(self._lpar_id, reason_of(failure))
        return StreamFailed(self._lpar_id, status.error or status.phase.value)

    def _check_stall(self) -> None:
        now = time.monotonic()
        moved_to = (self._sent.value, self._returned, self._status.sequence, self._status.bytes_sent)
        if moved_to != self._moved_to:
            self._moved_at, self._moved_to = now, moved_to
        timeout_s = self._allowed.stall_timeout_s
        if now - self._moved_at > timeout_s:
            raise OperationFailed(
                "mover-stalled", partition=called(self._lpar_id), timeout_s=timeout_s, phase=self._phase.value
            )


def not_converging(lpar_id: int, last: Pass, decision: Decision, limits: Limits) -> NotConverging:
    return NotConverging(
        "no-convergence-slowed" if last.slowed_percent else "no-convergence",
        **({"percent": last.slowed_percent} if last.slowed_percent else {}),
        partition=called(lpar_id),
        dirty_mb_per_s=round(last.dirty_bytes_per_s / MB, 1),
        rate_mb_per_s=round(decision.rate_bytes_per_s / MB, 1),
        passes=last.number,
        rest_mb=round(last.bytes_remaining / MB, 1),
        fit_mb=round(decision.fitting_bytes / MB, 1),
        allowed_ms=limits.allowed_suspension_ms,
        needed_ms=round(last.bytes_remaining * 1000 / max(decision.rate_bytes_per_s, 1)),
    )
