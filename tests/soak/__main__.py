"""`./ivm soak`: one partition moves to and fro, with a random fault on one of four moves."""

import argparse
import random
import sys
from pathlib import Path

from tests.matrix.cells import BOTH, SOURCE
from tests.soak import book
from tests.soak.book import Book
from tests.soak.session import Soak
from tools.paths import ToolError

DESCRIPTION = """One partition moves to and fro between two consoles, with a random fault on one of four moves, until
so many moves are done or an invariant breaks. The same command goes on where it ended."""


def main(args: list[str]) -> int:
    options = parsed(args)
    folder = options.folder.absolute()
    if options.start is not None:  # a part, beside the whole
        folder = folder / "again"
        book.file_of(folder, options.seed).unlink(missing_ok=True)
    kept = Book(folder, options.seed, book.code_digest())
    if kept.put_aside:
        print(f"The code has changed since: the moves until now are in {kept.put_aside}; this begins anew.")
    first = options.start or kept.next_number()
    last = options.start + options.migrations - 1 if options.start else options.migrations
    if first > last:
        print(f"All {last} moves of seed {options.seed} have been played and hold: {kept.file}")
        return 0
    print(f"Moves {first} to {last} of --seed {options.seed}", flush=True)
    try:
        return Soak(kept, first, last).run(options.at or kept.place(first, SOURCE))
    except ToolError as exc:
        print(f"ivm: {exc}", file=sys.stderr)
        return 1


def parsed(args: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./ivm soak", description=DESCRIPTION)
    parser.add_argument("--migrations", type=number, default=1000, metavar="N", help="so many moves (%(default)s)")
    parser.add_argument("--seed", type=int, metavar="S", help="the same moves and faults again; without it, any")
    parser.add_argument("--from", dest="start", type=number, metavar="K", help="N moves from number K on, beside")
    parser.add_argument("--at", choices=BOTH, help="where the partition is before the first move")
    parser.add_argument("--folder", type=Path, default=book.FOLDER, help="what is kept goes there (%(default)s)")
    options = parser.parse_args(args)
    if options.seed is None:
        options.seed = random.randrange(10_000)
    return options


def number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
