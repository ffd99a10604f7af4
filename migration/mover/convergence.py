"""Suspend, send another pass, or give up: decided at the end of each pass. Pure functions of plain values."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile

from ivmweb.hypervisor.base import NextStep, TransferStatus

RECENT_PASSES = 3
SHRINK = 0.9  # over RECENT_PASSES the rest must get below this share of what it was
SHRINK_AT_ALL = 0.99  # the same, where nothing more can be done for it
SHRINK_A_PASS = SHRINK ** (1 / RECENT_PASSES)
SOON_S = 1.0  # a pass that is over by then may be followed by the suspension without being asked about
SLOWER = (30, 60, 80, 90, 95)  # percent: how far a partition is slowed down, step by step
WORTH_HALVING = 0.2  # a rest that takes less than this share of the allowed suspension is small enough


@dataclass(frozen=True)
class Limits:
    """What the administrator allows. May change while the state is sent."""

    bandwidth_bytes_per_s: int | None = None  # None or 0: no limit
    allowed_suspension_ms: int = 100
    slow_partition: bool = False  # before anything else is done where the rest does not shrink
    suspend_anyway: bool = False
    max_passes: int = 30  # from then on a rest that still does not fit counts as one that shrinks no more
    patience_s: float = 30.0  # from when the rest shrinks no more: so long a person may change limits or load
    stall_timeout_s: float = 10.0


@dataclass(frozen=True)
class Pass:
    """One pass as it was at its end."""

    number: int
    bytes_sent: int
    seconds: float
    bytes_remaining: int  # written again meanwhile
    dirty_bytes_per_s: int
    ordered_percent: int = 0  # how far the partition was to be slowed down while it was sent
    slowed_percent: int = 0  # how far the hypervisor says that it is


def pass_of(status: TransferStatus, before: TransferStatus, ordered_percent: int = 0) -> Pass:
    """`status` at the end of the pass, `before` at the end of the one before it."""
    return Pass(
        number=status.pass_number,
        bytes_sent=status.bytes_sent - before.bytes_sent,
        seconds=status.pass_seconds,
        bytes_remaining=status.bytes_remaining,
        dirty_bytes_per_s=status.dirty_bytes_per_s,
        ordered_percent=ordered_percent,
        slowed_percent=status.slowed_percent,
    )


class Outlook(StrEnum):
    """Whether it will come to a suspension within the allowed time, as things stand."""

    UNKNOWN = ""  # no pass has ended under these limits
    CONVERGING = "converging"
    NOT_CONVERGING = "not converging"


@dataclass(frozen=True)
class Decision:
    step: NextStep | None  # None: give up
    outlook: Outlook
    rate_bytes_per_s: int
    fitting_bytes: int  # what the allowed suspension carries
    suspend_at_bytes: int = 0  # with PASS: so little left is to be followed by the suspension at once
    slow_percent: int = 0  # how far the partition is to be slowed down from now on


def decide(history: Sequence[Pass], limits: Limits) -> Decision:
    """`history`: the passes that ended under these limits, oldest first, at least one.

    Worked example: 1 GiB at 700 MB/s leaves 75 MB of a partition that writes 50 MB/s; 100 ms carry 70 MB, so another
    pass, which may suspend by itself at 5.4 MB: it takes 107 ms and leaves that, for about 8 ms of sending.
    """
    rate = link_rate(history, limits.bandwidth_bytes_per_s)
    fitting = rate * limits.allowed_suspension_ms // 1000
    step, seen = _step(history, limits, rate, fitting), outlook(history, rate, fitting)
    converges = step is NextStep.PASS and seen is Outlook.CONVERGING
    return Decision(
        step,
        seen,
        rate,
        fitting,
        suspend_at_bytes=suspend_at(history[-1], rate, fitting) if converges else 0,
        slow_percent=slow_down(history, limits, fitting),
    )


def _step(history: Sequence[Pass], limits: Limits, rate: int, fitting: int) -> NextStep | None:
    last_pass = history[-1].number >= limits.max_passes
    if history[-1].bytes_remaining <= fitting:
        return NextStep.PASS if not last_pass and another_pass_pays(history, rate, fitting) else NextStep.SUSPEND
    hopeless_for_s = (
        slowed_in_vain_for_s(history, limits)
        if limits.slow_partition
        else not_shrinking_for_s(history, limits.max_passes)
    )
    if not hopeless_for_s:
        return NextStep.PASS
    if limits.suspend_anyway:
        return NextStep.SUSPEND
    return None if hopeless_for_s >= limits.patience_s else NextStep.PASS


def slow_down(history: Sequence[Pass], limits: Limits, fitting: int) -> int:
    """By how many percent the partition is to be slowed down from now on: one step further where the rest does not
    shrink by a tenth over three passes that were sent under the last one.

    Not back, even where it shrinks: it would write as before.
    """
    ordered = history[-1].ordered_percent
    if not limits.slow_partition:
        return 0
    if history[-1].bytes_remaining <= fitting:
        return ordered
    if not ordered:
        return SLOWER[0] if not_shrinking_for_s(history, limits.max_passes) else 0
    heeded = passes_under(history, ordered)
    if len(heeded) < RECENT_PASSES or heeded[-1].bytes_remaining <= SHRINK * heeded[-RECENT_PASSES].bytes_remaining:
        return ordered
    return next((step for step in SLOWER if step > ordered), ordered)


def passes_under(history: Sequence[Pass], ordered: int) -> Sequence[Pass]:
    """The newest passes, at whose ends the hypervisor had slowed the partition down as far as that."""
    heeded = list(takewhile(lambda one: one.ordered_percent == ordered <= one.slowed_percent, reversed(history)))
    return heeded[::-1]


def slowed_in_vain_for_s(history: Sequence[Pass], limits: Limits) -> float:
    """How long the rest has not become less at all under the last step; 0 while it does, or a step is left.

    A hypervisor that does nothing of what was ordered for as long as the patience lasts does not help either.
    """
    ordered = history[-1].ordered_percent
    if ordered == SLOWER[-1] and (heeded := passes_under(history, ordered)):
        return not_shrinking_for_s(heeded, sys.maxsize, share=SHRINK_AT_ALL)
    waiting = takewhile(lambda one: one.slowed_percent < one.ordered_percent == ordered, reversed(history))
    waited_s = sum(one.seconds for one in waiting)
    return waited_s if waited_s >= limits.patience_s and not_shrinking_for_s(history, limits.max_passes) else 0.0


def outlook(history: Sequence[Pass], rate: int, fitting: int) -> Outlook:
    """Told passes before anything is given up, so that a person can still do something.

    After one pass the write rate decides: what is written as fast as it is sent never gets less. From the second on
    the rest itself does: a partition may write fast over little memory.
    """
    last = history[-1]
    if last.bytes_remaining <= fitting:
        return Outlook.CONVERGING
    if len(history) == 1:
        hopeless = last.dirty_bytes_per_s >= SHRINK_A_PASS * rate
    else:
        hopeless = last.bytes_remaining > SHRINK_A_PASS * history[-2].bytes_remaining
    return Outlook.NOT_CONVERGING if hopeless else Outlook.CONVERGING


def link_rate(history: Sequence[Pass], bandwidth: int | None) -> int:
    """Bytes per second over whole passes: the lower of the last three and of all of them.

    A short pass alone measures how fast buffers fill, not how fast the link is.
    """
    rate = min(_mean_rate(history[-RECENT_PASSES:]), _mean_rate(history))
    return min(rate, bandwidth) if bandwidth else rate


def _mean_rate(passes: Sequence[Pass]) -> int:
    return int(sum(one.bytes_sent for one in passes) / max(sum(one.seconds for one in passes), 0.001))


def is_shrinking(history: Sequence[Pass], share: float = SHRINK) -> bool:
    if len(history) <= RECENT_PASSES:
        return True
    return history[-1].bytes_remaining <= share * history[-1 - RECENT_PASSES].bytes_remaining


def not_shrinking_for_s(history: Sequence[Pass], max_passes: int, share: float = SHRINK) -> float:
    """Length of the newest passes at whose ends the rest had not shrunk, or that were too many; 0 while it does."""
    seconds = 0.0
    for end in range(len(history), 0, -1):
        if history[end - 1].number < max_passes and is_shrinking(history[:end], share):
            break
        seconds += max(history[end - 1].seconds, 0.001)
    return seconds


def suspend_at(last: Pass, rate: int, fitting: int) -> int:
    """What the next pass will leave, if it is short and that is as little as suspends in any case; else 0."""
    if last.bytes_remaining > SOON_S * rate:
        return 0
    expected = expected_rest(last, rate)
    return int(expected) if expected <= WORTH_HALVING * fitting else 0


def expected_rest(last: Pass, rate: int) -> float:
    """Bytes that are written while the rest of that pass is sent."""
    return last.dirty_bytes_per_s * last.bytes_remaining / max(rate, 1)


def another_pass_pays(history: Sequence[Pass], rate: int, fitting: int) -> bool:
    """The rest fits, but sending it while the partition runs would at least halve it."""
    rest = history[-1].bytes_remaining
    if rest <= WORTH_HALVING * fitting:
        return False
    halved_before = len(history) < 2 or rest <= history[-2].bytes_remaining / 2
    return halved_before and expected_rest(history[-1], rate) <= rest / 2
