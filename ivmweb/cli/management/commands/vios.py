"""`manage.py vios -- lsmap -all`: the command line without SSH, for whoever has a shell on the console's machine."""

import getpass
import logging
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandParser

from ivmweb.cli.command import Caller, Interrupted, Leave, Screen, not_answered
from ivmweb.cli.shell import run_words
from ivmweb.cli.terminal import FileScreen
from ivmweb.system.rights import Operator

LARGEST_FILE = 1_048_576


class OwnTerminal:
    """Of the person who runs manage.py, with the rights that they have on this machine anyway."""

    def ask_hidden(self, prompt: str) -> str | None:
        if not sys.stdin.isatty():
            return None
        with ctrl_c_interrupts():
            try:
                return getpass.getpass(prompt)
            except EOFError as exc:
                end_line()
                raise not_answered(prompt) from exc
            except Interrupted:
                end_line()
                raise

    def read_file(self, name: str) -> str:
        with ctrl_c_interrupts(), Path("/dev/stdin" if name == "-" else name).open(encoding="utf-8") as file:
            text = file.read(LARGEST_FILE + 1)
        if len(text) > LARGEST_FILE:
            raise ValueError(f"it has more than {LARGEST_FILE} characters")
        return text

    @contextmanager
    def raw(self) -> Iterator[Screen]:
        """The terminal gets its mode back however this ends, also by a signal."""
        source, target = sys.stdin.fileno(), sys.stdout.fileno()
        sys.stdout.flush()
        if not sys.stdin.isatty():
            yield FileScreen(source, target)
            return
        mode = termios.tcgetattr(source)
        handlers = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
        try:
            tty.setraw(source)
            yield FileScreen(source, target)
        finally:
            termios.tcsetattr(source, termios.TCSADRAIN, mode)
            for number, handler in handlers.items():
                signal.signal(number, handler)


def end_line() -> None:
    """Of a question: getpass does it after an answer only."""
    sys.stderr.write("\n")


@contextmanager
def ctrl_c_interrupts() -> Iterator[None]:
    """At once: else whoever waits for a line would wait on, and see Ctrl-C only then."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise Interrupted

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


class Command(BaseCommand):
    help = "Run a command of the Virtual I/O Server: vios -- lsmap -all. `vios -- help` lists them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("words", nargs="+", metavar="WORD")

    def handle(self, *_args: Any, **options: Any) -> None:
        logging.disable(logging.INFO)  # a person or a program reads what this prints
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `vios -- lsdev | head`
        interrupted = Event()

        def interrupt(_number: int, _frame: FrameType | None) -> None:
            interrupted.set()

        signal.signal(signal.SIGINT, interrupt)
        caller = Caller(Operator(), "manage.py", {}, OwnTerminal(), interrupted)
        try:
            status = run_words(options["words"], caller, self.write_out, self.write_err)
        except Leave as left:
            status = left.status
        sys.exit(status)

    def write_out(self, text: str) -> None:
        self.stdout.write(text, ending="")

    def write_err(self, text: str) -> None:
        self.stderr.write(text, lambda line: line, ending="")
