"""What both ends of a state stream share: phase, counters, and the end that comes only once."""

import socket
import threading
from abc import ABC, abstractmethod
from typing import Protocol

from ivmweb.hypervisor.base import Phase, TransferStatus
from ivmweb.hypervisor.simulated.faults import Faults
from ivmweb.hypervisor.simulated.memory import Memory
from ivmweb.hypervisor.simulated.workload import Workload

FINAL_PHASES = frozenset({Phase.COMPLETED, Phase.LOADED, Phase.FAILED, Phase.CANCELLED})


class Broken(Exception):
    """The stream ended before its time; the text says why."""


class StreamOwner(Protocol):
    """The partition, as its streams see it. Its methods are called with `changed` held."""

    changed: threading.Condition

    @property
    def faults(self) -> Faults: ...
    @property
    def uuid(self) -> str: ...
    @property
    def memory(self) -> Memory: ...
    @property
    def workload(self) -> Workload: ...
    def next_sequence(self) -> int: ...


class Transfer(ABC):
    """A stream of one migration. The owner's condition guards everything that changes."""

    def __init__(self, owner: StreamOwner, connection: socket.socket | None, migration_id: str) -> None:
        self.migration_id = migration_id
        self.phase = Phase.SETUP
        self._connection = connection
        self._changed = owner.changed
        self._next_sequence = owner.next_sequence
        self._sequence = owner.next_sequence()
        self._pass_number = 0
        self._bytes_total = owner.memory.size_bytes
        self._bytes_sent = 0
        self._dirty_bytes_per_s = 0
        self._pass_seconds = 0.0
        self._error = ""
        self.slowed_percent = 0  # of the partition, while its state is sent

    @property
    def is_over(self) -> bool:
        return self.phase in FINAL_PHASES

    def status(self) -> TransferStatus:
        return TransferStatus(
            phase=self.phase,
            migration_id=self.migration_id,
            sequence=self._sequence,
            pass_number=self._pass_number,
            bytes_total=self._bytes_total,
            bytes_sent=self._bytes_sent,
            bytes_remaining=self._bytes_remaining(),
            dirty_bytes_per_s=self._dirty_bytes_per_s,
            pass_seconds=self._pass_seconds,
            error=self._error,
            slowed_percent=self.slowed_percent,
        )

    @abstractmethod
    def _bytes_remaining(self) -> int: ...

    def _enter(self, phase: Phase) -> None:
        """Needs the condition."""
        self.phase = phase
        self._sequence = self._next_sequence()
        self._changed.notify_all()

    def _finish(self, phase: Phase, error: str = "") -> bool:
        """Enter a final phase; False, and nothing changed, where another thread was first. Needs the condition."""
        if self.is_over:
            return False
        self._error = error
        self._enter(phase)
        return True

    def _raise_if_over(self) -> None:
        if self.is_over:
            raise Broken(self._error or self.phase.value)
