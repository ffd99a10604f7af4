"""What QEMU's answers mean. Pure: `query-status` and `query-migrate` in, run state, phase and counters out."""

from dataclasses import dataclass
from typing import Any

from ivmweb.hypervisor.base import Phase, RunState

PAGE_BYTES = 4096

_RUNNING = {"running"}
_BROKEN = {"guest-panicked", "internal-error", "io-error", "watchdog"}
_OUT = {
    "none": Phase.SETUP,
    "setup": Phase.SETUP,
    "active": Phase.ACTIVE,
    "wait-unplug": Phase.ACTIVE,
    "pre-switchover": Phase.DEVICE,
    "device": Phase.DEVICE,
    "completed": Phase.COMPLETED,
    "failed": Phase.FAILED,
    "cancelling": Phase.CANCELLED,
    "cancelled": Phase.CANCELLED,
}
_IN = {"none": Phase.SETUP, "setup": Phase.SETUP, "active": Phase.ACTIVE, "completed": Phase.LOADED}


@dataclass(frozen=True)
class Answers:
    """What QEMU said last: `run` of query-status, `migration` and `counters` of query-migrate."""

    run: str
    migration: str = "none"
    counters: "Counters | None" = None
    error: str = ""
    slowed_percent: int = 0


@dataclass(frozen=True)
class Counters:
    synchronizations: int = 0  # of the dirty bitmap: 1 at the begin, one more at each end of a pass
    total: int = 0
    sent: int = 0
    remaining: int = 0
    dirty_bytes_per_s: int = 0


def answers_of(status: dict[str, Any], migrate: dict[str, Any]) -> Answers:
    ram = migrate.get("ram") or {}
    counters = Counters(
        synchronizations=int(ram.get("dirty-sync-count", 0)),
        total=int(ram.get("total", 0)),
        sent=int(ram.get("transferred", 0)),
        remaining=int(ram.get("remaining", 0)),
        dirty_bytes_per_s=int(ram.get("dirty-pages-rate", 0)) * int(ram.get("page-size", PAGE_BYTES)),
    )
    return Answers(
        run=str(status.get("status", "")),
        migration=str(migrate.get("status", "none")),
        counters=counters if ram else None,
        error=str(migrate.get("error-desc", "")),
        slowed_percent=int(migrate.get("cpu-throttle-percentage", 0)),
    )


def run_state_of(answers: Answers, *, is_booted: bool) -> RunState:
    """`is_booted`: the operating system has shown itself, here or before it came."""
    if answers.run == "inmigrate":
        return RunState.FAILED_INCOMING if answers.migration in ("failed", "cancelled") else RunState.INCOMING
    if answers.run == "postmigrate":
        return RunState.COMPLETED
    if answers.run in _BROKEN:
        return RunState.ERROR
    if answers.run in _RUNNING:
        return RunState.RUNNING if is_booted else RunState.STARTING
    if answers.run == "paused" and answers.migration == "completed":
        return RunState.LOADED
    return RunState.SUSPENDED  # finish-migrate; or stopped by somebody, which nothing of ours does


def phase_out(answers: Answers) -> Phase:
    """Of a stream that has begun. *Completed* is held only by what is stopped for good."""
    phase = _OUT.get(answers.migration, Phase.ACTIVE)
    return Phase.DEVICE if phase is Phase.COMPLETED and answers.run != "postmigrate" else phase


def has_stream_out(answers: Answers) -> bool:
    """Whether what QEMU says of a migration can be of a stream from here that is open, or has just ended.

    A guest that runs and says *none* has begun none; *completed*, that it came by one or was taken back after it.
    """
    return not (answers.run in _RUNNING and answers.migration in ("none", "completed"))


def phase_in(answers: Answers) -> Phase:
    phase = _IN.get(answers.migration, Phase.FAILED)
    return Phase.ACTIVE if phase is Phase.LOADED and answers.run == "inmigrate" else phase
