"""A soak from its first move, or the one after the last, to its end or the first broken invariant; on one lab."""

import signal
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.matrix.play import wait_until
from tests.matrix.session import port_offset
from tests.matrix.stage import Stage, running_stage
from tests.soak import growth
from tests.soak.book import Book
from tests.soak.plan import plan
from tests.soak.play import Played, Player
from tests.soak.summary import line, summary, trace
from tools.paths import ToolError

LAST_FIGURES_S = 30
LOG_LINES = 6


@dataclass
class Soak:
    book: Book
    first: int
    last: int
    stopping: bool = False

    def run(self, at: str) -> int:
        """Exit status. A signal lets the move that is being played be the last."""
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            with tempfile.TemporaryDirectory(prefix="ivm-soak-") as folder:
                holds = self._on_a_lab(Path(folder) / "lab", at)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        return 1 if not holds else 130 if self.stopping else 0

    def _stop(self, *_: object) -> None:
        print("The move that is being played is the last; the same command goes on after it.", flush=True)
        self.stopping = True

    def _on_a_lab(self, folder: Path, at: str) -> bool:
        with running_stage(folder, port_offset()) as stage:
            bring_to(stage, at)
            player = Player(stage)
            holds = all(self._move(player, number) for number in self._numbers())
            if holds:
                holds = self._last_figures(player)
            self._tell_end(player)
        return holds

    def _last_figures(self, player: Player) -> bool:
        """Of the last moves, which the consoles are still collecting; false where digests differ."""
        found: list[str] = []

        def are_there() -> bool:
            found.extend(self._collect(player, self.last))
            return bool(found) or not player.owed

        wait_until(are_there, LAST_FIGURES_S)
        if found:
            print(f"BROKEN after the last move: {'; '.join(found)}", flush=True)
            self.book.add(self.last, ok=False, found=found)
        return not found

    def _numbers(self) -> Iterator[int]:
        for number in range(self.first, self.last + 1):
            if self.stopping:
                return
            yield number

    def _move(self, player: Player, number: int) -> bool:
        """False where an invariant is broken: that is the end."""
        stage, move = player.stage, plan(self.book.seed, number)
        played = player.play(move)
        played.result.found += self._collect(player, number)
        played.result.ok = not played.result.found
        self.book.add(
            number,
            **played.result.as_dict() | {"code": self.book.code},
            kind=move.kind,
            began_on=stage.source,
            ended_on=played.ended_on,
        )
        print(line(self.book.moves[number], self.last), flush=True)
        if not played.result.ok:
            self._tell_broken(player, number, played)
            return False
        stage.face(played.ended_on)
        return True

    def _collect(self, player: Player, number: int) -> list[str]:
        known, found = player.collect(number)
        for earlier, facts in known:
            self.book.add(earlier, **facts)
        return found

    def _tell_broken(self, player: Player, number: int, played: Played) -> None:
        stage = player.stage
        kept = self.book.keep_lab(stage, number)
        tails = [process.log_tail(LOG_LINES) for process in stage.lab.processes.values()]
        move = self.book.moves[number]
        print("\n".join(trace(move, self.book.seed, played.ran_on, tails, str(kept))), flush=True)

    def _tell_end(self, player: Player) -> None:
        moves = [move for number, move in sorted(self.book.moves.items()) if number <= self.last]
        print("\n".join(["", *summary(moves, self.book.seed, self.last)]))
        print("  processes of this lab, with their children:")
        print("\n".join(f"    {one}" for one in player.growth.lines()))
        with suppress(OSError, ToolError, sqlite3.Error):
            more = growth.more_rows(player.rows_before, growth.rows(player.stage.world))
            print(f"  rows more than at this lab's start: {', '.join(f'{n} {more[n]}' for n in more) or 'none'}")
        print(f"  a line a move: {self.book.file}", flush=True)


def bring_to(stage: Stage, at: str) -> None:
    """On a new lab it is on uli13; a move that is not counted brings it to where the soak goes on."""
    stage.face(at)
    stage.bring_home()
