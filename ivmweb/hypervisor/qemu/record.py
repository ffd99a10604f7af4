"""What is kept of a guest's run, so that a hypervisor process that starts anew finds it again."""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from ivmweb.hypervisor.base import Definition
from ivmweb.hypervisor.qemu.process import ProcessId
from ivmweb.hypervisor.vmc.codec import Malformed, from_json, parse, to_json


@dataclass(frozen=True)
class Run:
    definition: Definition  # as its command line has it
    process: ProcessId | None = None  # None: it was about to be started
    is_incoming: bool = False  # it has not run here yet
    is_booted: bool = False
    booted_at: float = 0.0  # seconds since the epoch
    migration_id: str = ""  # of the stream that is or was last open
    stream_out: bool = False
    may_throttle: bool = False  # that stream
    started_as: str = ""  # the hypervisor's version text then, with all settings that both ends of a move need equal
    accelerator: str = ""


class Damaged(Exception):
    """A record that is not understood; the text says which and why."""


class RunFile:
    """One file a partition, replaced as a whole. What is damaged is no reason to guess whether a guest runs."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "run.json"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def read(self) -> Run | None:
        """None where nothing runs; raises Damaged."""
        try:
            run: Run = from_json(Run, parse(self.path.read_bytes()), "run")
        except FileNotFoundError:
            return None
        except (Malformed, OSError) as exc:
            raise Damaged(f"{self.path} can't be used: {exc}") from exc
        return run

    def write(self, run: Run) -> None:
        temporary = self.path.with_suffix(".new")
        with open(temporary, "w") as file:
            json.dump(to_json(run), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self.path)

    def forget(self) -> None:
        self.path.unlink(missing_ok=True)


def make_empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
