"""Results of cells, a line of JSON each; one with the same code need not be had again."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from tests.matrix.cells import QEMU, SIMULATED, Cell
from tools.paths import ROOT, VAR

FILE = VAR / "fault-matrix.jsonl"
FILES = {SIMULATED: FILE, QEMU: VAR / "fault-matrix-qemu.jsonl"}
PRODUCT = ("ivmweb", "migration")
CODE = (*PRODUCT, "tools")
PLAYED = ("cells", "disk", "faults", "guests", "judge", "packets", "play", "relay", "stage")  # of this package


def code_digest(more: Iterable[Path] = ()) -> str:
    """Of every Python file that a result depends on, and of more."""
    return digest_of([*files_of(CODE), *(ROOT / "tests" / "matrix" / f"{name}.py" for name in PLAYED), *more])


def code_of(kind: str) -> str:
    """That results of that kind of lab depend on: of real guests, on what they are made of as well."""
    return code_digest(sorted((ROOT / "tools" / "guest").iterdir())) if kind == QEMU else code_digest()


def product_digest() -> str:
    """Of the product alone, without tools and tests."""
    return digest_of(files_of(PRODUCT))


def files_of(folders: Iterable[str]) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def digest_of(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def append(result: dict, file: Path = FILE) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as lines:
        lines.write(json.dumps(result) + "\n")


def newest(file: Path = FILE) -> dict[str, dict]:
    """The last result of each cell; a line that was cut off by a crash is left out."""
    found: dict[str, dict] = {}
    for line in file.read_text().splitlines() if file.exists() else ():
        try:
            result = json.loads(line)
        except ValueError:
            continue
        found[result["cell"]] = result
    return found


def to_do(cells: Iterable[Cell], code: str, file: Path = FILE) -> list[Cell]:
    """Without those that this code has passed."""
    done = {name for name, result in newest(file).items() if result["code"] == code and result["ok"]}
    return [cell for cell in cells if cell.name not in done]
