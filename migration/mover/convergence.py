"""Suspend, send another pass, or give up: decided at the end of each pass. Pure functions of plain values."""

from collections.abc import Sequence
from dataclasses import dataclass

from ivmweb.hypervisor.base import NextStep, TransferStatus

RECENT_PASSES = 3
SHRINK = 0.9  # over RECENT_PASSES the rest must get below this share of what it was
WORTH_HALVING = 0.2  # a rest that takes less than this share of the allowed suspension is small enough


@dataclass(frozen=True)
class Limits:
    """What the administrator allows. May change while the state is sent."""

    bandwidth_bytes_per_s: int | None = None  # None or 0: no limit
    allowed_suspension_ms: int = 100
    suspend_anyway: bool = False
    max_passes: int = 30
    stall_timeout_s: float = 10.0


@dataclass(frozen=True)
class Decision:
    step: NextStep | None  # None: give up
    rate_bytes_per_s: int
    fitting_bytes: int  # what the allowed suspension carries


def decide(history: Sequence[TransferStatus], limits: Limits) -> Decision:
    """`history`: the status at the end of each pass, oldest first, at least one.

    Worked example: 1 GiB at 700 MB/s leaves 75 MB of a partition that writes 50 MB/s; 100 ms carry 70 MB, so another
    pass; it takes 107 ms and leaves 5.4 MB, less than a fifth of 70 MB: suspend, for about 8 ms of sending.
    """
    rate = link_rate(history, limits.bandwidth_bytes_per_s)
    fitting = rate * limits.allowed_suspension_ms // 1000
    return Decision(_step(history, limits, rate, fitting), rate, fitting)


def _step(history: Sequence[TransferStatus], limits: Limits, rate: int, fitting: int) -> NextStep | None:
    last_pass = history[-1].pass_number >= limits.max_passes
    if history[-1].bytes_remaining <= fitting:
        return NextStep.PASS if not last_pass and another_pass_pays(history, rate, fitting) else NextStep.SUSPEND
    if last_pass or not is_shrinking(history):
        return NextStep.SUSPEND if limits.suspend_anyway else None
    return NextStep.PASS


def link_rate(history: Sequence[TransferStatus], bandwidth: int | None) -> int:
    """Bytes per second over whole passes: the lower of the last three and of all of them.

    A short pass alone measures how fast buffers fill, not how fast the link is.
    """
    rate = min(_mean_rate(history, RECENT_PASSES), _mean_rate(history, len(history)))
    return min(rate, bandwidth) if bandwidth else rate


def _mean_rate(history: Sequence[TransferStatus], passes: int) -> int:
    recent = history[-passes:]
    before = history[-passes - 1].bytes_sent if len(history) > passes else 0
    seconds = sum(status.pass_seconds for status in recent)
    return int((recent[-1].bytes_sent - before) / max(seconds, 0.001))


def is_shrinking(history: Sequence[TransferStatus]) -> bool:
    if len(history) <= RECENT_PASSES:
        return True
    return history[-1].bytes_remaining <= SHRINK * history[-1 - RECENT_PASSES].bytes_remaining


def another_pass_pays(history: Sequence[TransferStatus], rate: int, fitting: int) -> bool:
    """The rest fits, but sending it while the partition runs would at least halve it."""
    rest = history[-1].bytes_remaining
    if rest <= WORTH_HALVING * fitting:
        return False
    expected = history[-1].dirty_bytes_per_s * rest / max(rate, 1)
    halved_before = len(history) < 2 or rest <= history[-2].bytes_remaining / 2
    return halved_before and expected <= rest / 2
