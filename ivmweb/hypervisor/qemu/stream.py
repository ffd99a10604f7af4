"""A state stream of QEMU, seen from outside: its phase, its passes and what it has been told.

QEMU does not wait at the end of a pass, and suspends a guest that has written nothing since. So it is held there:
next to nothing may be sent, until the mover has said what comes next. In the meantime the guest writes again: up to a
tenth of a second, which is how often QEMU looks at its limit. Where the mover has allowed the suspension, it is free.
"""

from dataclasses import dataclass
from typing import Any

from ivmweb.hypervisor.base import NextStep, Phase, TransferStatus
from ivmweb.hypervisor.qemu.facts import Answers, Counters, phase_in, phase_out

FINAL_PHASES = frozenset({Phase.COMPLETED, Phase.LOADED, Phase.FAILED, Phase.CANCELLED})
CAPABILITIES = [{"capability": name, "state": True} for name in ("events", "return-path", "pause-before-switchover")]
HELD_LOOKS = 2
HOLD = {"max-bandwidth": 1000}  # a page in a tenth of a second; 0 would be no limit
# The mover has decided that the rest may be sent now.
NOW = {"max-bandwidth": 0, "downtime-limit": 2_000_000, "avail-switchover-bandwidth": 0}


def go_on(suspend_at_bytes: int = 0) -> dict[str, int]:
    """Parameters for a pass. QEMU's threshold is bandwidth x limit, here a millisecond.

    Not 0 bytes where no suspension is allowed: then QEMU takes its estimate of what is left for the truth.
    """
    return {"max-bandwidth": 0, "downtime-limit": 1, "avail-switchover-bandwidth": max(suspend_at_bytes, 1) * 1000}


@dataclass
class _Pass:
    number: int = 0
    began: float = 0.0
    seconds: float = 0.0


class Stream:
    """Of one migration, at one end. Its owner's condition guards it."""

    def __init__(
        self, migration_id: str, *, is_out: bool, began: float, sequence: int, may_throttle: bool = False
    ) -> None:
        self.migration_id, self.is_out, self.may_throttle = migration_id, is_out, may_throttle
        self.phase = Phase.SETUP
        self.has_begun = False  # before QEMU was told, what it says is of an earlier stream
        self.was_told_to_suspend = False
        self.ordered_end: tuple[Phase, str] | None = None  # ours; else the reason is QEMU's
        self.error = ""
        self.sequence = sequence
        self._pass = _Pass(number=1 if is_out else 0, began=began)
        self._counters = Counters()
        self._dirty_bytes_per_s = 0
        self._slowed_percent = 0
        self._passes_ended = 0
        self._suspend_at_bytes = 0  # allowed by the mover; 0: only as it orders
        self._is_held = False
        self._held_looks = 0  # since it was held, at which no pass had ended that the mover has to answer
        self.moved_at = began  # when phase or counters last changed

    @property
    def is_over(self) -> bool:
        return self.phase in FINAL_PHASES

    def status(self) -> TransferStatus:
        done = self.phase in (Phase.COMPLETED, Phase.LOADED)
        return TransferStatus(
            phase=self.phase,
            migration_id=self.migration_id,
            sequence=self.sequence,
            pass_number=self._pass.number,
            bytes_total=self._counters.total,
            bytes_sent=self._counters.sent,
            bytes_remaining=0 if done else self._counters.remaining,
            dirty_bytes_per_s=self._dirty_bytes_per_s,
            pass_seconds=self._pass.seconds,
            error=self.error,
            slowed_percent=0 if self.is_over else self._slowed_percent,
        )

    def take(self, answers: Answers, now: float) -> bool:
        """True where phase or pass changed. A stream that is over stays as it ended."""
        if self.is_over or not self.has_begun:
            return False
        before, counted = (self.phase, self._pass.number), self._counters
        ended = self._take_counters(answers.counters, now) if answers.counters else False
        self._slowed_percent = answers.slowed_percent
        phase = phase_out(answers) if self.is_out else phase_in(answers)
        if phase in (Phase.FAILED, Phase.CANCELLED):
            phase, self.error = self.ordered_end or (phase, answers.error or "QEMU gave no reason")
        if phase is Phase.ACTIVE and (ended or self.phase is Phase.PASS_END) and not self.was_told_to_suspend:
            phase = Phase.PASS_END
        self.phase = phase
        is_new = ended or before != (self.phase, self._pass.number)
        if is_new or counted != self._counters:
            self.moved_at = now
        return is_new

    def _take_counters(self, counters: Counters, now: float) -> bool:
        """True where at least one pass has ended since; of several, the last one counts."""
        self._counters = counters
        number = counters.synchronizations - 1
        if not self.is_out or number <= self._passes_ended:
            return False
        passes = number - self._passes_ended
        self._passes_ended = number
        self._pass = _Pass(number, now, max(now - self._pass.began, 0.001) / passes)
        written = int(counters.remaining / self._pass.seconds)
        self._dirty_bytes_per_s = counters.dirty_bytes_per_s or written
        return True

    def continue_with(self, step: NextStep, suspend_at_bytes: int = 0) -> bool:
        """False where nothing waits for it. Asking again for what goes on already is fine."""
        if step is NextStep.SUSPEND:
            if self.phase in (Phase.PASS_END, Phase.ACTIVE):
                self.was_told_to_suspend, self.phase = True, Phase.ACTIVE
            return self.phase in (Phase.ACTIVE, Phase.DEVICE, Phase.COMPLETED)
        if self.phase is Phase.PASS_END:
            self.phase, self._is_held, self._suspend_at_bytes = Phase.ACTIVE, False, suspend_at_bytes
        # In *device* it was faster than the mover, who sees that now.
        goes_on = self.phase in (Phase.ACTIVE, Phase.DEVICE, Phase.COMPLETED)
        return goes_on and not self.was_told_to_suspend

    @property
    def is_held_at_pass_end(self) -> bool:
        can_be_held = self.is_out and self.has_begun and not self.is_over
        return can_be_held and not self.was_told_to_suspend and not self._suspend_at_bytes

    def hold(self) -> None:
        """It has been told to."""
        self._is_held, self._held_looks = True, 0

    def let_go(self) -> dict[str, int] | None:
        """After a look: what to tell a stream that is held, where nobody is asked what comes next; else None.

        So an order to hold that came after the mover's answer does not make a pass last for ever.
        """
        if not self._is_held or self.phase is not Phase.ACTIVE or self.was_told_to_suspend:
            return None
        self._held_looks += 1
        if self._held_looks <= HELD_LOOKS:  # the answers may be older than the end of the pass
            return None
        self._is_held = False
        return go_on(self._suspend_at_bytes)

    def finish(self, phase: Phase, error: str = "") -> bool:
        if self.is_over:
            return False
        self.phase, self.error = phase, error
        return True

    def lose(self, error: str) -> bool:
        """The process at this end has ended: an image that was loaded is lost with it."""
        if self.phase is Phase.LOADED:
            self.phase, self.error = Phase.FAILED, error
            return True
        return self.finish(Phase.FAILED, error)


def incoming_arguments(name: str, *, keeps_process: bool) -> dict[str, Any]:
    """Of `migrate-incoming`. A QEMU that stays after a failure can still say why."""
    return {"uri": f"fd:{name}", **({"exit-on-error": False} if keeps_process else {})}
