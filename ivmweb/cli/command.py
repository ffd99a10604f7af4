"""What a command is, and what it gets: its arguments, and where its output goes."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Event
from typing import Protocol

from ivmweb.common.errors import IvmError, PrerequisiteFailed
from ivmweb.system.models import ManagedSystem
from ivmweb.system.rights import AnyUser, Right
from migration.credentials import Session

SUCCESS, FAILURE = 0, 1


class Interrupted(Exception):
    """Ctrl-C, or the connection is gone. What the command has begun goes on."""


class Leave(Exception):
    """The session ends, with this status."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(str(status))


def not_answered(prompt: str) -> PrerequisiteFailed:
    """Ctrl-D at a question."""
    return PrerequisiteFailed("cli-not-answered", question=prompt.splitlines()[-1].strip())


class Screen(Protocol):
    """Whoever types, without line editing and echo: bytes as they are."""

    def fileno(self) -> int:
        """Readable once something was typed."""

    def read(self) -> bytes:
        """What was typed; empty: nothing more will be."""

    def write(self, data: bytes) -> None:
        """Raises OSError where nobody is there any more."""


class Terminal(Protocol):
    """Whoever types: a person, or nobody."""

    def ask_hidden(self, prompt: str) -> str | None:
        """What was typed, not shown; None without a terminal. Raises PrerequisiteFailed (Ctrl-D), Interrupted."""

    def read_file(self, name: str) -> str:
        """Raises OSError or ValueError."""

    def raw(self) -> AbstractContextManager[Screen]:
        """For a conversation that is no command line; what was typed ahead comes first."""


@dataclass(frozen=True)
class Caller:
    """Who runs commands, from where, and what is remembered of them between two: mobility tokens."""

    user: AnyUser
    origin: str
    session: Session
    terminal: Terminal
    interrupted: Event = field(default_factory=Event)


@dataclass(frozen=True)
class Io:
    """One command's."""

    caller: Caller
    out: Callable[[str], None]
    err: Callable[[str], None]

    def line(self, text: str = "") -> None:
        self.out(f"{text}\n")

    def complain(self, error: IvmError) -> None:
        self.err(f"{error}\n")

    def read_file(self, name: str) -> str:
        """Raises PrerequisiteFailed."""
        try:
            return self.caller.terminal.read_file(name)
        except (OSError, ValueError) as exc:
            raise PrerequisiteFailed("cli-file-unreadable", file=name[:100], reason=str(exc)[:200]) from exc

    def wait(self, seconds: float) -> None:
        """Raises Interrupted."""
        if self.caller.interrupted.wait(seconds):
            raise Interrupted


@dataclass(frozen=True)
class Option:
    """`value` names what follows it (empty: nothing does); several words where `many`, none where `optional`.

    `repeats`: it may be given several times.
    """

    name: str
    value: str = ""
    help: str = ""
    many: bool = False
    optional: bool = False
    repeats: bool = False
    choices: tuple[str, ...] = ()

    @property
    def in_words(self) -> str:
        value = "|".join(self.choices) or self.value
        value = f"{value} ..." if self.many else value
        return " ".join(filter(None, [self.name, f"[{value}]" if value and self.optional else value]))


@dataclass(frozen=True)
class Arguments:
    """As typed, checked against the command's options: the words after each, in their order."""

    command: str
    given: Mapping[str, Sequence[str]] = field(default_factory=dict)
    operands: Sequence[str] = ()

    def has(self, option: str) -> bool:
        return option in self.given

    def words(self, option: str) -> tuple[str, ...]:
        """All that follow it; empty where it is not there."""
        return tuple(self.given.get(option, ()))

    def text(self, option: str, default: str = "") -> str:
        return next(iter(self.given.get(option, ())), default)

    def needed(self, option: str) -> str:
        """Raises PrerequisiteFailed where it is missing or empty."""
        found = self.text(option)
        if not found:
            raise PrerequisiteFailed("cli-parameter-missing", option=option)
        return found

    def number(self, option: str, default: int, *, least: int, most: int) -> int:
        text = self.text(option, str(default))
        if not (text.isascii() and text.isdigit() and least <= int(text[:9]) <= most):
            raise self.wrong(option, text, f"a number from {least} to {most}")
        return int(text)

    def wrong(self, option: str, value: str, needed: str) -> PrerequisiteFailed:
        return PrerequisiteFailed(
            "cli-value-wrong", option=option, command=self.command, value=value[:100] or '""', needed=needed
        )

    def not_there(self, kind: str, name: str) -> PrerequisiteFailed:
        """Of what a listing would show; storage is refused by ivmweb.system.pools, which tells what there is."""
        system = ManagedSystem.objects.get().host_name
        return PrerequisiteFailed("cli-not-there", command=self.command, kind=kind, name=name[:100], system=system)

    def operand_with(self, option: str) -> PrerequisiteFailed:
        """There is an operand, and an option that does not go with any."""
        return PrerequisiteFailed("cli-operand", command=self.command, value=f"{self.operands[0][:64]} with {option}")

    def one_of(self, first: str, second: str) -> None:
        """Both are refused, and none."""
        self.not_both(first, second)
        if not self.has(first) and not self.has(second):
            raise PrerequisiteFailed("cli-parameter-missing", option=first)

    def not_both(self, first: str, second: str) -> None:
        if self.has(first) and self.has(second):
            raise PrerequisiteFailed("cli-parameters-exclude", first=first, second=second)


class Family(StrEnum):
    """As IBM groups them; `ioscli` may stand before a command of the Virtual I/O Server."""

    LPAR = "Logical partitions and managed system"
    IOS = "Virtual I/O Server"
    SHELL = "Shell"


@dataclass(frozen=True)
class Command:
    """`run` answers the exit status. It raises IvmError where it fails; the dispatcher prints that."""

    name: str
    family: Family
    summary: str
    run: Callable[[Arguments, Io], int]
    options: tuple[Option, ...] = ()
    operand: str = ""  # what words without an option are, where there may be any
    most_operands: int | None = 1  # None: any number
    page: str = ""  # of the console, which shows or does the same
    api: str = ""
    changes: Right | None = None  # the right that changing by it takes
    also_needs: Mapping[str, Right] = field(default_factory=dict)  # where a part of it takes another one
    syntax: tuple[str, ...] = ()  # where the options alone do not tell it
    converses: bool = False  # with a person, so there is no output that could be piped

    @property
    def operand_in_words(self) -> str:
        return f"[{self.operand}]" if self.most_operands == 1 else f"[{self.operand} ...]"

    def option(self, name: str) -> Option | None:
        return next((option for option in self.options if option.name == name), None)


Commands = Mapping[str, Command]
