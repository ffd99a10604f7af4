"""A simulated partition's console: what shows there as the partition lives, and who answers what is typed."""

import threading
import time
from collections.abc import Callable
from socket import socket
from typing import Protocol

from ivmweb.hypervisor.base import Definition, PartitionFacts, RunState
from ivmweb.hypervisor.simulated.shell import Shell, boot_text
from ivmweb.hypervisor.vmc.terminal import Terminal

HELD_BYTES = 1024


class ConsoleOwner(Protocol):
    """The partition, as its console sees it."""

    changed: threading.Condition
    definition: Definition
    run_state: RunState

    @property
    def is_paused(self) -> bool: ...
    def facts(self) -> PartitionFacts: ...


class Console:
    """Its output belongs to the partition on this server; nothing of it is memory that a migration carries."""

    def __init__(self, owner: ConsoleOwner) -> None:
        self._owner = owner
        self._terminal = Terminal(self.take_keys)
        self._shell: Shell | None = None  # of the run; it outlives the terminals that come and go
        self._held = b""  # typed while the partition was paused

    def open(self, connection: socket, greet: Callable[[], None]) -> bool:
        """False where a terminal is connected already."""
        return self._terminal.connect(connection, greet)

    def close(self, reason: str) -> bool:
        """False where no terminal is connected."""
        return self._terminal.disconnect(f"The console is closed: {reason}.")

    def show_code(self, code: str) -> None:
        self._terminal.write_line(code)

    # Each of these needs the owner's condition.

    def boot(self) -> None:
        self._terminal.write_line(boot_text(self._owner.definition))

    def run_on(self) -> None:
        """The operating system runs, again or for the first time on this server; there it asks for a log-in."""
        if self._shell is None:
            self._shell = Shell()
            self._terminal.write(self._shell.prompt(self._owner.definition.name))
        held, self._held = self._held, b""
        self._answer(self._shell, held)

    def end_run(self) -> None:
        self._shell, self._held = None, b""

    def take_keys(self, keys: bytes) -> None:
        """Answered while the partition runs, kept for later while it is paused, else lost. Takes the condition."""
        with self._owner.changed:
            if self._owner.is_paused:
                self._held = (self._held + keys)[:HELD_BYTES]
            elif self._owner.run_state is RunState.RUNNING and self._shell:
                self._answer(self._shell, keys)

    def _answer(self, shell: Shell, keys: bytes) -> None:
        self._terminal.write(shell.feed(keys, self._owner.facts(), time.time()))
