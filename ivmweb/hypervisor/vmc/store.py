"""What a hypervisor process keeps over a restart: definitions, epochs, its incarnation."""

import json
import os
import uuid
from pathlib import Path
from typing import Any

from ivmweb.hypervisor.base import Definition
from ivmweb.hypervisor.vmc.codec import from_json, to_json


class Store:
    """The state folder. Damaged files raise: a hypervisor that forgot an epoch would obey a stale worker."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.incarnation = self._read_or_make_incarnation()
        self.epochs: dict[int, int] = {int(key): int(epoch) for key, epoch in self._load("epochs.json", {}).items()}

    def definitions(self) -> list[Definition]:
        return [from_json(Definition, item, "definition") for item in self._load("partitions.json", [])]

    def save_definitions(self, definitions: list[Definition]) -> None:
        self._save("partitions.json", to_json(definitions))

    def save_epoch(self, lpar_id: int, epoch: int) -> None:
        self._save("epochs.json", {**self.epochs, lpar_id: epoch})
        self.epochs[lpar_id] = epoch

    def _read_or_make_incarnation(self) -> str:
        path = self._folder / "incarnation"
        if not path.exists():
            self._write(path, uuid.uuid4().hex)
        return path.read_text().strip()

    def _load(self, name: str, default: Any) -> Any:
        path = self._folder / name
        return json.loads(path.read_text()) if path.exists() else default

    def _save(self, name: str, value: Any) -> None:
        self._write(self._folder / name, json.dumps(value, indent=1))

    def _write(self, path: Path, text: str) -> None:
        """The old content or the new one, whatever happens meanwhile."""
        temporary = path.with_suffix(".new")
        with open(temporary, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
