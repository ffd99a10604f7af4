"""The runs of ./ivm explore: each a set of bounds, with both kinds of hypervisor."""

from dataclasses import dataclass, replace

from tests.explorer.world import Bounds


@dataclass(frozen=True)
class Run:
    name: str
    summary: str
    bounds: tuple[Bounds, ...]


def both_kinds(**bounds: object) -> tuple[Bounds, ...]:
    """Like QEMU, which resumes by itself whenever a stream breaks; and one that may stay suspended then."""
    return Bounds(qemu=True, **bounds), Bounds(qemu=False, **bounds)


RUNS = {
    run.name: run
    for run in (
        Run("one", "one migration", both_kinds()),
        Run("no-luns", "one migration of a partition without LUNs: no owner word helps", both_kinds(luns=False)),
        Run("two", "two migrations, there again or back", both_kinds(migrations=2)),
        Run("inactive", "two migrations of a partition that is off", (Bounds(inactive=True, migrations=2),)),
    )
}


def short(run: Run) -> Run:
    """Fewer deaths and no second way, for the tests: each kind of fault still comes once."""
    small = [replace(bounds, downs=1, migrations=1) for bounds in run.bounds[:1]]
    return replace(run, bounds=tuple(small))


def described(bounds: Bounds) -> str:
    kind = "" if bounds.inactive else "QEMU-like, " if bounds.qemu else "may stay suspended, "
    words = [
        f"{bounds.migrations} migration{'s' * (bounds.migrations > 1)}",
        f"{bounds.downs} deaths and {bounds.starts} start from disk a side",
        "a frozen worker a side" if bounds.stale else "no frozen worker",
        *([f"machines off or on {bounds.switches} times"] if bounds.switches else []),
        *([f"forced acts, claims {bounds.forces}"] if bounds.forces else []),
        *([f"restored: {bounds.restores}"] if bounds.restores else []),
    ]
    return kind + ", ".join(words)
