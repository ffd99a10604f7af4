"""`python -m tests.bench [NAME ...] [--json]`."""

import argparse
import dataclasses
import json
import os
import sys

from tests.bench.figures import Benchmark, Figure, Figures, Missing


def benchmarks() -> dict[str, Benchmark]:
    from tests.bench import cli, guests, lab, movers, pages, qemu

    return {
        "mover": movers.mover,
        "memory": movers.memory,
        "suspension": lab.suspension,
        "pages": pages.pages,
        "streams": lab.streams,
        "start": lab.start,
        "cli": cli.cli,
        "qemu": qemu.qemu,
        "guests": guests.guests,
    }


def main() -> int:
    known = benchmarks()
    parser = argparse.ArgumentParser(prog="./ivm bench", description="Measures speed and memory.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}; all without one")
    parser.add_argument("--json", action="store_true", help="print {name: {value, unit, goal, ok}}")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(known):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there is: {', '.join(known)}")
    figures: Figures = {}
    is_whole = True
    for name in arguments.names or known:
        say(f"{name}: {(known[name].__doc__ or '').splitlines()[0]}")
        try:
            figures |= known[name](lambda line: say(f"  {line}"))
        except Missing as missing:
            say(f"  not measured: {missing}")
            is_whole = False
    print(as_json(figures) if arguments.json else as_table(figures))
    return 0 if is_whole and all(figure.ok is not False for figure in figures.values()) else 1


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def as_json(figures: Figures) -> str:
    return json.dumps({name: dataclasses.asdict(figure) for name, figure in figures.items()}, indent=2)


def as_table(figures: Figures) -> str:
    width = max(map(len, figures), default=0)
    return "\n".join(f"{name:<{width}}  {line_of(figure)}" for name, figure in figures.items())


def line_of(figure: Figure) -> str:
    verdict = {None: "", True: f"  ({figure.goal}: met)", False: f"  ({figure.goal}: MISSED)"}[figure.ok]
    return f"{figure.value:>10g} {figure.unit}{verdict}"


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    sys.exit(main())
