"""What is kept of a soak: lines of JSON, one a move; a later line of the same number adds what became known since."""

import json
import os
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.matrix import results
from tests.matrix.stage import Stage
from tools.paths import ROOT, VAR

FOLDER = VAR / "soak"
PLAYED = ("book", "growth", "plan", "play")  # of this package


def code_digest() -> str:
    """Of all that a move's result depends on."""
    return results.code_digest([ROOT / "tests" / "soak" / f"{name}.py" for name in PLAYED])


class Book:
    """Moves of one seed. Those of other code are not of this soak: its file is put aside."""

    def __init__(self, folder: Path, seed: int, code: str) -> None:
        self.folder, self.seed, self.code = folder, seed, code
        self.file = file_of(folder, seed)
        self.moves: dict[int, dict[str, Any]] = {}
        self.put_aside: Path | None = None
        folder.mkdir(parents=True, exist_ok=True)
        lines = read(self.file)
        if any(line["code"] != code for line in lines):
            self.put_aside = self.file.with_suffix(".old.jsonl")
            self.file.replace(self.put_aside)
            return
        for line in lines:
            self._take(line)

    def _take(self, line: dict[str, Any]) -> None:
        self.moves.setdefault(line["number"], {}).update(line)

    def add(self, number: int, **facts: Any) -> None:
        line = {"number": number, "code": self.code, **facts}
        self._take(line)
        with self.file.open("a") as lines:
            lines.write(json.dumps(line) + "\n")
            lines.flush()
            os.fsync(lines.fileno())

    def next_number(self) -> int:
        """The first one that did not hold, or was never played."""
        number = 1
        while self.moves.get(number, {}).get("ok"):
            number += 1
        return number

    def place(self, number: int, otherwise: str) -> str:
        """Where the partition was when that move began, or had to be when it was to begin."""
        before, now = self.moves.get(number - 1, {}), self.moves.get(number, {})
        return str(before.get("ended_on") or now.get("began_on") or otherwise)

    def keep_lab(self, stage: Stage, number: int) -> Path:
        """Logs and databases of a lab in which an invariant was broken."""
        kept = self.folder / f"seed-{self.seed}-move-{number}"
        shutil.rmtree(kept, ignore_errors=True)
        for console in stage.lab.consoles:
            shutil.copytree(stage.folder(console) / "log", kept / console)
            places = (folder / "console.sqlite3" for folder in (stage.folder(console), kept / console))
            database, copy = map(sqlite3.connect, places)
            with closing(database), closing(copy):
                database.backup(copy)
        return kept


def file_of(folder: Path, seed: int) -> Path:
    return folder / f"seed-{seed}.jsonl"


def read(file: Path) -> list[dict[str, Any]]:
    """Without a line that was cut off by a crash, which is ended here, so that the next one stands alone."""
    text = file.read_text() if file.exists() else ""
    if text and not text.endswith("\n"):
        file.write_text(text + "\n")
    return [json.loads(line) for line in text.splitlines() if re.fullmatch(r"\{.*\}", line)]
