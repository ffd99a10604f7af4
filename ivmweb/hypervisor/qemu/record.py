"""What is kept of a guest's run, so that a hypervisor process that starts anew finds it again."""

import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ivmweb.hypervisor.base import Definition
from ivmweb.hypervisor.qemu.process import ProcessId
from ivmweb.hypervisor.vmc.codec import from_json, to_json


@dataclass(frozen=True)
class Run:
    definition: Definition  # as its command line has it
    process: ProcessId | None = None  # None: it was about to be started
    is_incoming: bool = False  # it has not run here yet
    is_booted: bool = False
    booted_at: float = 0.0  # seconds since the epoch
    migration_id: str = ""  # of the stream that is or was last open
    stream_out: bool = False


class RunFile:
    """One file a partition, replaced as a whole."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "run.json"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def read(self) -> Run | None:
        with suppress(FileNotFoundError):
            run: Run = from_json(Run, json.loads(self._path.read_text()), "run")
            return run
        return None

    def write(self, run: Run) -> None:
        temporary = self._path.with_suffix(".new")
        with open(temporary, "w") as file:
            json.dump(to_json(run), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self._path)

    def forget(self) -> None:
        self._path.unlink(missing_ok=True)


def make_empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
