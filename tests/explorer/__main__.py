"""`python -m tests.explorer [RUN ...] [--short] [--mutations [NAME ...]]`."""

import argparse
import sys
from time import monotonic

from tests.explorer.model import Model
from tests.explorer.runs import RUNS, Run, described, short
from tests.explorer.search import explore
from tests.explorer.words import told


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="./ivm explore", description="Searches the hand-over for a fault that breaks it: every order of events."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"runs, of {', '.join(RUNS)}; all without one")
    parser.add_argument("--short", action="store_true", help="smaller bounds, seconds instead of minutes")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(RUNS):
        parser.error(f"there is no run {', '.join(sorted(unknown))}; there is: {', '.join(RUNS)}")
    return run_all([RUNS[name] for name in options.names or RUNS], is_short=options.short)


def run_all(runs: list[Run], *, is_short: bool) -> int:
    began, worlds, failed = monotonic(), 0, 0
    for run in runs:
        chosen = short(run) if is_short else run
        say(f"{run.name}: {run.summary}")
        for bounds in chosen.bounds:
            found = explore(Model(bounds))
            worlds += found.worlds
            result = "BROKEN" if found.broken else "holds"
            say(f"  {described(bounds)}: {found.worlds:,} worlds, {found.seconds:.1f} s, {result}")
            if found.broken:
                failed += 1
                say("\n".join(f"    {line}" for line in told(found.broken)))
            else:
                say("    " + "; ".join(f"{count:,} end: {how}" for how, count in sorted(found.ends.items())))
    say(f"{worlds:,} worlds in {monotonic() - began:.0f} s; {failed or 'no'} run{'s' * (failed > 1)} broken.")
    return 1 if failed else 0


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
