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
        Run("one", "one migration", (*both_kinds(), Bounds(acknowledged=False))),
        Run("no-luns", "one migration of a partition without LUNs: no owner word helps", both_kinds(luns=False)),
        Run("two", "two migrations, there again or back", both_kinds(migrations=2)),
        Run("inactive", "two migrations of a partition that is off", (Bounds(inactive=True, migrations=2),)),
        Run(
            "forced",
            "machines off and on, operators force with claims that are true",
            (
                Bounds(luns=False, downs=1, switches=2, forces="true", stale=False),
                *both_kinds(luns=False, downs=0, switches=2, forces="true"),
            ),
        ),
        Run(
            "forced-luns",
            "the same, with owner words; two migrations",
            (
                Bounds(downs=0, switches=2, forces="true"),
                Bounds(downs=1, switches=1, forces="true", migrations=2, stale=False),
                Bounds(downs=0, switches=2, forces="true", migrations=2, stale=False),
            ),
        ),
        Run(
            "untrue",
            "operators force with claims that are not true",
            (Bounds(downs=1, forces="untrue", stale=False), *both_kinds(downs=0, forces="untrue")),
        ),
        Run("restored-source", "the source's database is restored", both_kinds(restores="source")),
        Run(
            "restored-destination",
            "the destination's database is restored",
            (
                Bounds(restores="destination"),
                Bounds(qemu=False, luns=False, restores="destination"),
                Bounds(inactive=True, restores="destination"),
                Bounds(inactive=True, luns=False, restores="destination"),
            ),
        ),
        Run(
            "restored-both",
            "both databases are restored",
            (
                *both_kinds(restores="both", stale=False),
                Bounds(inactive=True, restores="both", stale=False),
                Bounds(inactive=True, luns=False, restores="both", stale=False),
            ),
        ),
        Run(
            "restored-two",
            "a restored database has lost the second of two migrations, there again or back",
            (
                *both_kinds(migrations=2, downs=1, restores="source", stale=False),
                Bounds(migrations=2, downs=1, luns=False, restores="destination", stale=False),
                Bounds(migrations=2, downs=0, restores="both", stale=False),
                Bounds(inactive=True, migrations=2, downs=1, restores="both", stale=False),
            ),
        ),
        Run(
            "restored-forced",
            "a restored destination, and operators force",
            (
                Bounds(downs=0, luns=False, restores="destination", forces="true"),
                Bounds(luns=False, restores="destination", forces="true", stale=False),
                Bounds(downs=1, restores="destination", forces="true", stale=False),
            ),
        ),
    )
}


def short(run: Run) -> Run:
    """One kind of hypervisor, fewer deaths, one migration, and frozen workers only where nothing else is added."""
    bounds = run.bounds[0]
    is_large = bool(bounds.forces or bounds.restores)
    downs, switches = min(bounds.downs, 0 if bounds.restores else 1), min(bounds.switches, 1)
    small = replace(bounds, downs=downs, migrations=1, switches=switches, stale=not is_large)
    return replace(run, bounds=(small,))


def described(bounds: Bounds) -> str:
    kind = "" if bounds.inactive else "QEMU-like, " if bounds.qemu else "may stay suspended, "
    deaths = f"{bounds.downs} death{'s' * (bounds.downs != 1)}"
    words = [
        f"{bounds.migrations} migration{'s' * (bounds.migrations > 1)}",
        f"{deaths} and {bounds.starts} start from disk a side",
        *(["no LUNs"] if not bounds.luns else []),
        *(["no acknowledgement"] if not bounds.acknowledged else []),
        "a frozen worker a side" if bounds.stale else "no frozen worker",
        *([f"machines switched off {bounds.switches} time{'s' * (bounds.switches != 1)}"] if bounds.switches else []),
        *([f"forced acts, claims {bounds.forces}"] if bounds.forces else []),
        *([f"restored: {bounds.restores}"] if bounds.restores else []),
    ]
    return kind + ", ".join(words)
