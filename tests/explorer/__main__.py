"""`python -m tests.explorer [NAME ...] [--short] [--mutations] [--jobs N]`."""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from time import monotonic

from tests.explorer.mutations import MUTATIONS
from tests.explorer.reports import mutated, searched
from tests.explorer.runs import RUNS, short


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="./ivm explore", description="Searches the hand-over for a fault that breaks it: every order of events."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"runs, of {', '.join(RUNS)}; all without one")
    parser.add_argument("--short", action="store_true", help="smaller bounds, seconds instead of minutes")
    parser.add_argument("--mutations", action="store_true", help="leave out one guard at a time, all or those named")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="searches side by side (%(default)s)")
    options = parser.parse_args(arguments)
    known = MUTATIONS if options.mutations else RUNS
    if unknown := set(options.names) - set(known):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there is: {', '.join(known)}")
    names = options.names or list(known)
    if options.mutations:
        return leave_out(names, options.jobs)
    return search(
        [(name, index, options.short) for name in names for index in kinds(name, is_short=options.short)],
        options.jobs,
    )


def kinds(name: str, *, is_short: bool) -> range:
    return range(len((short(RUNS[name]) if is_short else RUNS[name]).bounds))


def search(jobs: list[tuple[str, int, bool]], side_by_side: int) -> int:
    began, worlds, failed = monotonic(), 0, 0
    for text, count, is_broken in each(searched, jobs, side_by_side):
        say(text)
        worlds += count
        failed += is_broken
    say(f"{worlds:,} worlds in {monotonic() - began:.0f} s; {failed or 'no'} search{'es' * (failed > 1)} broken.")
    return 1 if failed else 0


def leave_out(names: list[str], side_by_side: int) -> int:
    """Zero where each guard's absence was found, alone or together with that of the one that covers it."""
    began, counts = monotonic(), Counter()
    for text, result in each(mutated, names, side_by_side):
        say(text)
        counts[result] += 1
    say(
        f"{len(names)} guards in {monotonic() - began:.0f} s: {counts['found']} found, "
        f"{counts['covered']} covered by a second one, {counts['missed']} missed."
    )
    return 1 if counts["missed"] else 0


def each(function, jobs: list, side_by_side: int) -> Iterator:
    """In order, whichever is ready first."""
    if side_by_side < 2 or len(jobs) < 2:
        yield from map(function, jobs)
        return
    # A process for each: what one search held is given back at its end.
    with ProcessPoolExecutor(side_by_side, get_context("spawn"), max_tasks_per_child=1) as processes:
        yield from processes.map(function, jobs)


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
