"""QEMU processes of a lab with real guests, found by what their hypervisor has kept of them."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from ivmweb.hypervisor.qemu import process
from ivmweb.hypervisor.qemu.process import ProcessId
from ivmweb.hypervisor.qemu.record import RunFile

ENDS_WITHIN_S = 10.0


def of_partition(state_dir: Path, name: str) -> ProcessId | None:
    """That holds the partition's memory; None where none runs. `state_dir`: of the hypervisor."""
    for folder in (state_dir / "guests").glob("*"):
        run = RunFile(folder).read()
        if run and run.definition.name == name and run.process and process.is_alive(run.process):
            return run.process
    return None


def tell(guest: ProcessId, number: int) -> None:
    """A signal; after SIGKILL it is gone when this returns."""
    with suppress(ProcessLookupError):
        os.kill(guest.pid, number)
    if number == signal.SIGKILL:
        process.wait_for_end(guest, ENDS_WITHIN_S)
