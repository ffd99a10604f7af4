"""One SSH channel: a command, or a prompt. Commands run in threads; what is typed then waits, Ctrl-C does not."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from threading import Event
from typing import Any, TypeVar

import asyncssh

from ivmweb.cli import login
from ivmweb.cli.command import SUCCESS, Caller, Interrupted, Leave, Screen, not_answered
from ivmweb.cli.completion import Completion, in_columns
from ivmweb.cli.grammar import LONGEST_LINE
from ivmweb.cli.keys import MOVES, Edit, History, Kills, bind, wrap
from ivmweb.cli.login import Login
from ivmweb.cli.raw import AS_TEXT, RawChannel, readable
from ivmweb.cli.shell import INTERRUPTED, run_line
from ivmweb.cli.terminal import SocketScreen
from ivmweb.cli.threads import alone
from ivmweb.common.errors import PrerequisiteFailed
from migration.credentials import Session

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

PROMPT = "$ "
CTRL_D = "\x04"
ENTER = ("\r", "\n", "\x1bOM")  # the last one on the number pad
INTERRUPT, SEARCH, CLEAR, TAB = "\x03", "\x12", "\x0c", "\t"
# The new line comes first, since only what is after one is counted by the line editor; the mode is what ends the
# escape sequences for it.
CLEAR_SCREEN = f"\n\x1b[H\x1b[2J\x1b[m{PROMPT}"
WITHOUT_SCREEN = frozenset({"", "dumb", "unknown"})  # terminals that can only print
INPUT_NAMES = frozenset({"-", "/dev/stdin"})
LARGEST_INPUT = 1_048_576
LINES_AHEAD = 100
END_S = 30  # for what is still to be shown
ENDED = "Nothing was typed for a long time: the session is ended.\n"


class Gone(Exception):
    """Ctrl-D, or nothing more will be typed."""


class Conversation:
    """With one client. `remembered`: between the commands of a connection; `idle_s`: how long a prompt waits."""

    def __init__(
        self,
        process: "asyncssh.SSHServerProcess[str]",
        came_in: Login,
        origin: str,
        remembered: Session,
        executor: Executor,
        idle_s: float,
    ) -> None:
        self.process, self.came_in, self.origin = process, came_in, origin
        self.remembered, self.executor, self.idle_s = remembered, executor, idle_s
        self.loop = asyncio.get_running_loop()
        self.interrupted = Event()
        self.typed: asyncio.Queue[str | None] = asyncio.Queue(LINES_AHEAD)
        self.reader: asyncio.Task[None] | None = None
        self.has_terminal = process.term_type is not None
        self.echoes = self.has_terminal and process.channel.get_terminal_mode(asyncssh.PTY_ECHO) != 0
        self.waits = False  # somebody, for a line
        self.is_at_prompt = False
        self.completion = Completion()
        self.rang: tuple[str, int] | None = None  # where Tab left a line that may go on in several ways
        self.history = History()
        self.searches = False  # what is typed is looked for in the history
        self.hides = False  # what is typed
        self.shown_interrupts = 0  # those of the keyboard that read() has not come to yet
        self.has_ended = False  # what the client sends; Ctrl-D ends one question or one prompt only
        self.is_over = False

    async def converse(self) -> int:
        """Until it ends; the exit status."""
        gone = self.loop.create_task(self.watch())
        if self.has_terminal:
            self.bind_keys()
        try:
            if self.process.command is not None:
                return await self.run(self.process.command, SUCCESS)
            return await self.prompt()
        except Leave as left:
            return left.status
        finally:
            self.is_over = True
            self.interrupted.set()
            for task in (gone, self.reader):
                if task is not None:
                    task.cancel()
            await asyncio.sleep(0)  # last words are written in the loop's next turn, and then the channel is closed

    def bind_keys(self) -> None:
        channel: Any = self.process.channel  # asyncssh puts its line editor around it
        wrap(channel)
        bind(channel, {**MOVES, **Kills(lambda: self.hides).keys, INTERRUPT: self.interrupt_key})
        if not self.echoes:
            # Not the end of a line either, which the line editor shows whatever its mode: so it never sees one.
            channel.set_echo(False)
            bind(channel, dict.fromkeys(ENTER, self.take_unseen))

    def take_unseen(self, line: str, _position: int) -> Edit:
        self.process.data_received(f"{line}\n", None)
        return "", 0

    def interrupt_key(self, line: str, _position: int) -> Edit:
        """Seen at once, with what was typed of the line; read() comes to it after the lines before it."""
        channel: Any = self.process.channel
        channel.clear_input()
        self.process.stdout.write(f"{'' if self.hides else line}^C\n" if self.echoes else "\n")
        self.shown_interrupts += 1
        return "INT", -1

    async def watch(self) -> None:
        """A command that waits ends with its channel; what it has begun goes on."""
        await self.process.channel.wait_closed()
        self.interrupted.set()

    # What is typed

    def listen(self) -> None:
        if self.reader is None:
            self.reader = self.loop.create_task(self.read())

    async def read(self) -> None:
        while True:
            try:
                line = await self.process.stdin.readline()
            except asyncssh.TerminalSizeChanged:
                continue
            except (asyncssh.DisconnectError, OSError):
                self.interrupted.set()  # before anybody takes half of an input for all of it
                line = ""
            except (asyncssh.BreakReceived, asyncssh.SignalReceived):
                self.interrupt()
                if self.waits:
                    await self.typed.put("")
                continue
            if not line:
                self.has_ended = self.process.stdin.at_eof()
                await self.typed.put(None)
                if self.has_ended:
                    return
                continue
            await self.typed.put(line.rstrip("\r\n"))

    def interrupt(self) -> None:
        """Lines that nobody has read are forgotten, and half a line, which else stands behind the next prompt."""
        self.interrupted.set()
        if not self.has_terminal:
            return
        while not self.typed.empty():
            self.typed.get_nowait()
        if self.shown_interrupts:
            self.shown_interrupts -= 1
            return
        channel: Any = self.process.channel
        channel.clear_input()
        self.write("^C\n" if self.echoes else "\n")

    async def line(self) -> str:
        self.listen()
        self.waits = True
        try:
            line = await self.typed.get()
        finally:
            self.waits = False
        if line is None:
            if self.has_ended:
                self.typed.put_nowait(None)  # for whoever asks next
            raise Gone
        return readable(line)

    async def answer(self) -> str:
        """A line for a command. Raises Interrupted, also where that came before, and Gone."""
        if self.interrupted.is_set():
            raise Interrupted
        try:
            line = await self.line()
        except Gone:
            if self.interrupted.is_set():
                raise Interrupted from None
            raise
        if self.interrupted.is_set():
            raise Interrupted
        return line

    # The prompt

    async def prompt(self) -> int:
        status = SUCCESS
        if self.has_terminal:
            await self.greet()
        while True:
            self.is_at_prompt, self.rang, self.searches = True, None, False
            if self.has_terminal:
                self.write(PROMPT)
            self.interrupted.clear()
            try:
                line = await asyncio.wait_for(self.line(), self.idle_s)
            except Gone:
                self.write("\n" if self.has_terminal else "")
                return status
            except TimeoutError:
                self.complain(ENDED)
                return INTERRUPTED
            if self.interrupted.is_set():
                continue
            if self.searches:
                self.put_found(line)
                continue
            self.is_at_prompt = False
            if line.strip():
                self.history.add(line)
                status = await self.run(line, status)
                await self.learn()

    async def greet(self) -> None:
        bind(self.process.channel, {TAB: self.tab, SEARCH: self.search, CLEAR: self.clear_screen})
        name = self.process.get_extra_info("username")
        for line in await self.in_thread(lambda: login.earlier(name)):
            self.write(f"{line}\n")
        await self.learn()

    async def learn(self) -> None:
        if self.has_terminal:
            await self.in_thread(self.completion.learn)

    def search(self, line: str, _position: int) -> Edit:
        """An earlier line with what is typed, or with what will be: as in a Korn shell that then ends in Enter."""
        if not self.is_at_prompt or not self.history.lines:
            return False
        if not line:
            if self.searches:
                return False
            self.searches = True
            self.process.stdout.write("^R" if self.echoes else "")
            return line, 0
        found = self.history.back(line)
        if found is None:
            return False
        if self.searches:
            self.searches = False
            self.process.stdout.write(f"{line if self.echoes else ''}\n{PROMPT}")
        return found, len(found)

    def put_found(self, wanted: str) -> None:
        """At the next prompt, to be changed or run."""
        found = self.history.back(wanted) if wanted else None
        if found is None:
            self.write("\a")
            return
        channel: Any = self.process.channel
        channel.set_input(found, len(found))

    def clear_screen(self, line: str, position: int) -> Edit:
        if not self.is_at_prompt or self.process.term_type in WITHOUT_SCREEN:
            return False
        self.searches = False
        self.process.stdout.write(CLEAR_SCREEN)
        return line, position

    def tab(self, line: str, position: int) -> Edit:
        """The line as it is then; False: the bell. Pressed again where it rang, it lists what may follow."""
        if not self.is_at_prompt or self.searches:
            return False
        made = self.completion.complete(line, position)
        if not isinstance(made, bool):
            self.rang = made
            return made
        names = self.completion.fitting(line, position)
        if self.rang != (line, position) or not names:
            self.rang = line, position
            return False
        listed = in_columns(names, self.process.term_size[0])
        self.process.stdout.write(f"{line if self.echoes else ''}\n{listed}{PROMPT}")
        return line, position

    # Commands

    async def run(self, line: str, status: int) -> int:
        if self.has_terminal:
            self.listen()  # else Ctrl-C would not be heard
        return await self.in_thread(lambda: self.carry_out(line, status))

    def carry_out(self, line: str, status: int) -> int:
        """In a thread. The account is looked at each time."""
        user = self.came_in.user()
        if user is None:
            self.complain(f"{PrerequisiteFailed('cli-account-changed')}\n")
            raise Leave(INTERRUPTED)
        caller = Caller(user, self.origin, self.remembered, self, self.interrupted)
        return run_line(line, caller, self.write, self.complain, status)

    async def in_thread(self, act: Callable[[], Result]) -> Result:
        return await self.loop.run_in_executor(self.executor, alone(act))

    # Terminal, for commands in their threads

    def write(self, text: str) -> None:
        self.send(self.process.stdout, text)

    def complain(self, text: str) -> None:
        """A terminal has one stream."""
        self.send(self.process.stdout if self.has_terminal else self.process.stderr, text)

    def send(self, stream: "asyncssh.SSHWriter[str]", text: str) -> None:
        if not text:
            return

        def now() -> None:
            with contextlib.suppress(BrokenPipeError, OSError):
                stream.write(text)

        self.loop.call_soon_threadsafe(now)

    def ask_hidden(self, prompt: str) -> str | None:
        if not self.has_terminal:
            return None
        return asyncio.run_coroutine_threadsafe(self.ask(prompt), self.loop).result()

    async def ask(self, prompt: str) -> str:
        if self.interrupted.is_set():
            raise Interrupted  # and nothing is asked
        channel: Any = self.process.channel
        self.process.stdout.write(prompt)
        channel.set_echo(False)
        self.hides = True
        was_ahead = not self.typed.empty()
        is_line_ended = False
        try:
            answer = await self.answer()
            is_line_ended = self.echoes and not was_ahead  # by the line editor, as the answer was typed
            return answer
        except Gone:
            raise not_answered(prompt) from None
        finally:
            channel.set_echo(self.echoes)
            self.hides = False
            self.write("" if is_line_ended or self.interrupted.is_set() else "\n")

    @contextlib.contextmanager
    def raw(self) -> Iterator[Screen]:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            channel = RawChannel(self.process, theirs)
            asyncio.run_coroutine_threadsafe(self.begin_raw(channel), self.loop).result(END_S)
            try:
                yield SocketScreen(ours)
            finally:
                ours.close()
                if not self.is_over:  # else the server itself ends, and nobody would answer
                    asyncio.run_coroutine_threadsafe(self.end_raw(channel), self.loop).result(END_S)

    async def begin_raw(self, channel: RawChannel) -> None:
        """Lines that were typed ahead are for whoever reads now, as at any terminal."""
        if self.reader is not None:
            self.reader.cancel()
            await asyncio.wait([self.reader])
            self.reader = None
        ahead: list[str | None] = []
        while not self.typed.empty():
            ahead.append(self.typed.get_nowait())
        if self.has_ended and ahead:
            ahead.pop()
        text = "".join(CTRL_D if line is None else f"{line}\r" for line in ahead)
        channel.start(text.encode(*AS_TEXT), is_all=self.has_ended)

    async def end_raw(self, channel: RawChannel) -> None:
        await channel.stop()
        if self.has_terminal:
            self.listen()

    def read_file(self, name: str) -> str:
        """There are no files here but what is piped in or typed. Raises Interrupted as well."""
        if name not in INPUT_NAMES:
            raise FileNotFoundError("there are no files on this server; pipe it in, and name it -")
        read = self.read_piped if self.reader is None else self.read_lines
        return asyncio.run_coroutine_threadsafe(read(), self.loop).result()

    async def read_lines(self) -> str:
        """Up to Ctrl-D. All of them, even where they are refused: what is left would be run as commands."""
        kept: list[str] = []
        size, longest = 0, 0
        with contextlib.suppress(Gone):
            while True:
                line = await self.answer()
                size, longest = size + len(line) + 1, max(longest, len(line))
                if size <= LARGEST_INPUT:
                    kept.append(f"{line}\n")
        if longest > LONGEST_LINE:  # the line editor has cut it
            raise ValueError(f"a line has more than {LONGEST_LINE} characters")
        if size > LARGEST_INPUT:
            raise ValueError(f"it has more than {LARGEST_INPUT} characters")
        return "".join(kept)

    async def read_piped(self) -> str:
        text = await self.process.stdin.read(LARGEST_INPUT + 1)
        if len(text) > LARGEST_INPUT:
            raise ValueError(f"it has more than {LARGEST_INPUT} characters")
        return readable(text)
