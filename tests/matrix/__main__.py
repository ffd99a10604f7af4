"""`./ivm test --matrix`: play the cells of the fault matrix; `python -m tests.matrix report` writes the document, and
`points` lists the fault points.

run [--qemu] [--sample N] [--seed S] [--again] [--only TEXT] [--jobs N]
"""

import argparse
import random
import sys

from tests.matrix import report, results
from tests.matrix.cells import QEMU, SIMULATED, Cell, all_cells
from tests.matrix.points import all_points
from tests.matrix.session import play_all


def main(args: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./ivm test --matrix", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run")
    run.add_argument("--sample", type=int, metavar="N", help="so many cells, chosen at random")
    run.add_argument("--seed", type=int, metavar="S", help="the same choice again")
    run.add_argument("--again", action="store_true", help="also cells that this code has passed")
    run.add_argument("--only", default="", metavar="TEXT", help="cells with this in their name")
    run.add_argument("--jobs", type=int, default=2, metavar="N", help="labs side by side")
    report_parser = commands.add_parser("report")
    for parser_of_kind in (run, report_parser):
        parser_of_kind.add_argument(
            "--qemu", dest="kind", action="store_const", const=QEMU, default=SIMULATED, help="of real guests"
        )
    commands.add_parser("points")
    options = parser.parse_args(args)
    if options.command == "points":
        print("\n".join(all_points()))
        return 0
    if options.command == "report":
        return report.write(options.kind)
    seed = options.seed if options.seed is not None else random.randrange(10_000)
    asked, file = wanted(options.sample, seed, options.only, options.kind), results.FILES[options.kind]
    cells = asked if options.again else results.to_do(asked, results.code_of(options.kind), file)
    if options.sample:
        print(f"{len(asked)} of {len(all_cells(options.kind))} cells, --seed {seed}")
    if not asked:
        listed = report.DOCUMENTS[options.kind].name
        print(f"No cell has {options.only!r} in its name; docs/{listed} lists them.")
        return 2
    if passed := len(asked) - len(cells):
        print(f"{passed} of these {len(asked)} have been passed by this code already; --again plays them.")
    if not cells:
        return 0
    return play_all(cells, options.jobs, options.kind)


def wanted(sample: int | None, seed: int, only: str, kind: str = SIMULATED) -> list[Cell]:
    cells = [cell for cell in all_cells(kind) if only in cell.name]
    if sample is not None and sample < len(cells):
        picked = set(random.Random(seed).sample(range(len(cells)), sample))
        cells = [cell for number, cell in enumerate(cells) if number in picked]
    return cells


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
