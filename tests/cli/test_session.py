"""What a person at the prompt of an SSH channel sees, key by key."""

import threading

import asyncssh
import pytest

from ivmweb.cli import session, shell, sshd
from ivmweb.cli.command import Interrupted
from ivmweb.cli.grammar import LONGEST_LINE
from ivmweb.cli.sshd import Connection, Place
from tests.cli.channel import CameIn, at_prompt, play, until


class LetIn(Connection):
    """Whoever comes."""

    def begin_auth(self, username):
        super().begin_auth(username)
        self.came_in = CameIn()
        return False


@pytest.fixture
def served(world, monkeypatch, tmp_path):
    """Plays a scene with the server as it is started, whose log-in lets in whoever comes."""
    monkeypatch.setattr(sshd, "Connection", LetIn)
    place = Place("127.0.0.1", 0, tmp_path / "key", 10)
    return lambda scene: play(world, scene, listen=lambda: sshd.listen(place))


def test_a_line_that_is_too_long_for_a_terminal_runs_in_no_part(served, monkeypatch):
    monkeypatch.setattr(session, "run_line", shell.run_line)

    async def scene(link):
        process = await at_prompt(link)
        process.stdin.write(b"echo " + b"x" * LONGEST_LINE + b"\r")
        said = await until(process, b"\r\n$ ")
        assert f"[VIOSE01049000-9561] The command line has more than {LONGEST_LINE} characters.".encode() in said
        process.stdin.write(b"echo $?\r")
        assert await until(process, b"$ ") == b"echo $?\r\n2\r\n$ "

    served(scene)


def asking(io):
    """A command that needs an answer."""
    io.line(f"<{io.caller.terminal.ask_hidden('Sure? ')}>")
    return 0


@pytest.fixture
def asks(world):
    world.commands["ask"] = lambda _arguments, io: asking(io)
    return world


async def at_question(link):
    process = await at_prompt(link)
    process.stdin.write(b"ask\r")
    await until(process, b"Sure? ")
    return process


NOT_ANSWERED = (
    b'[VIOSE01049000-9586] The question "Sure?" was not answered: the input ended there (Ctrl-D). Nothing was done. '
    b"Run the command again, and answer it.\r\n"
)


def test_ctrl_d_at_a_question_is_no_answer_and_the_prompt_lives(asks):
    async def scene(link):
        process = await at_question(link)
        process.stdin.write(b"\x04")
        assert await until(process, b"$ ") == b"\r\n" + NOT_ANSWERED + b"$ "
        process.stdin.write(b"$?\r")
        assert await until(process, b"$ ") == b"$?\r\n1\r\n$ "
        process.stdin.write(b"\x04")
        assert await process.stdout.read() == b"\r\n"

    play(asks, scene)


def test_a_client_that_will_type_no_more_ends_question_and_prompt(asks):
    async def scene(link):
        process = await at_question(link)
        process.stdin.write_eof()
        assert await process.stdout.read() == b"\r\n" + NOT_ANSWERED + b"$ \r\n"
        assert (await process.wait()).exit_status == 1

    play(asks, scene)


def test_without_a_terminal_nothing_is_asked(asks):
    async def scene(link):
        assert (await link.run("ask")).stdout == "<None>\n"

    play(asks, scene)


def test_who_types_nothing_for_long_is_told_why_the_session_ends(world):
    world.idle_s = 0.1

    async def scene(link):
        process = await at_prompt(link)
        assert await process.stdout.read() == session.ENDED.replace("\n", "\r\n").encode()

    play(world, scene)


def test_ctrl_c_at_a_question_interrupts_the_command(asks):
    async def scene(link):
        process = await at_question(link)
        process.stdin.write(b"half a secret\x03")
        assert await until(process, b"$ ") == b"\r\n^C\r\n$ "
        process.stdin.write(b"$?\r")
        assert await until(process, b"$ ") == b"$?\r\n130\r\n$ "

    play(asks, scene)


def test_ctrl_c_right_after_the_answer_leaves_no_line_for_the_prompt(asks):
    async def scene(link):
        process = await at_question(link)
        process.stdin.write(b"yes\r\x03")
        assert (await until(process, b"$ ")).endswith(b"^C\r\n$ ")
        process.stdin.write(b"$?\r")
        assert await until(process, b"$ ") == b"$?\r\n130\r\n$ "

    play(asks, scene)


def test_a_command_that_was_interrupted_asks_nothing_more(world):
    def twice(_arguments, io):
        assert io.caller.interrupted.wait(10)
        return asking(io)

    world.commands["ask"] = twice

    async def scene(link):
        process = await at_prompt(link)
        process.stdin.write(b"ask\r")
        await until(process, b"ask\r\n")
        process.stdin.write(b"\x03")
        assert await until(process, b"$ ") == b"^C\r\n$ "

    play(world, scene)


def test_ctrl_c_at_a_question_of_a_single_command_is_its_status(asks):
    async def scene(link):
        process = await link.create_process("ask", term_type="xterm", encoding=None)
        await until(process, b"Sure? ")
        process.stdin.write(b"\x03")
        assert (await process.wait()).exit_status == 130

    play(asks, scene)


@pytest.fixture
def reads(world):
    """A command that reads lines from -, as mksyscfg -f - does."""

    def read(_arguments, io):
        io.line(repr(io.read_file("-")))
        return 0

    world.commands["read"] = read
    return world


def test_what_is_typed_up_to_ctrl_d_is_the_file_of_a_command(reads):
    async def scene(link):
        process = await at_prompt(link)
        process.stdin.write("read\rname=a\u00e4,b\r\r$?\r\x04".encode())
        said = await until(process, b"$ ")
        assert said.endswith("'name=a\u00e4,b\\n\\n$?\\n'\r\n$ ".encode())
        process.stdin.write(b"$?\r")
        assert await until(process, b"$ ") == b"$?\r\n0\r\n$ "

    play(reads, scene)


def test_a_single_command_at_a_terminal_reads_what_is_typed(reads):
    async def scene(link):
        process = await link.create_process("read", term_type="xterm", encoding=None)
        process.stdin.write(b"one\rtwo\r\x04")
        assert await process.stdout.read() == b"one\r\ntwo\r\n'one\\ntwo\\n'\r\n"

    play(reads, scene)


def test_ctrl_c_ends_what_is_typed_for_a_command_at_once(reads):
    read = reads.commands["read"]
    reads.commands["read"] = lambda arguments, io: io.line("now") or read(arguments, io)

    async def scene(link):
        process = await at_prompt(link)
        process.stdin.write(b"read\r")
        await until(process, b"now\r\n")
        process.stdin.write(b"one\rtw\x03")
        assert (await until(process, b"$ ")).endswith(b"^C\r\n$ ")
        process.stdin.write(b"$?\r")
        assert await until(process, b"$ ") == b"$?\r\n130\r\n$ "

    play(reads, scene)


def test_lines_of_which_one_is_too_long_are_refused_and_none_of_them_is_run(served, reads):
    async def scene(link):
        process = await at_prompt(link)
        process.stdin.write(b"read\r" + b"x" * (LONGEST_LINE + 5) + b"\rtwo\r\x04")
        said = await until(process, b"\r\n$ ")
        assert said.endswith(f"- can't be read: a line has more than {LONGEST_LINE} characters.\r\n$ ".encode())

    served(scene)


def test_more_than_can_be_read_is_refused_and_none_of_it_is_run(reads, monkeypatch):
    monkeypatch.setattr(session, "LARGEST_INPUT", 6)

    async def scene(link):
        process = await at_prompt(link)
        process.stdin.write(b"read\rone\rtwo\rthree\r\x04")
        assert (await until(process, b"$ ")).endswith(b"- can't be read: it has more than 6 characters.\r\n$ ")

    play(reads, scene)


def test_a_script_that_is_piped_in_ends_with_the_file_of_its_last_command(reads):
    async def scene(link):
        process = await link.create_process(encoding=None)
        process.stdin.write(b"hello\nread\none\ntwo")
        process.stdin.write_eof()
        assert await process.stdout.read() == b"<hello>\n'one\\ntwo\\n'\n"

    play(reads, scene)


def test_a_single_command_without_a_terminal_reads_what_is_piped_in(reads):
    async def scene(link):
        assert (await link.run("read", input="one\ntwo")).stdout == "'one\\ntwo'\n"

    play(reads, scene)


@pytest.mark.parametrize("line", ["ask", "read"])
def test_a_connection_that_breaks_while_a_command_waits_for_a_line_interrupts_it(asks, reads, line):
    ended, what, inner = threading.Event(), [], asks.commands[line]

    def run(arguments, io):
        io.line("now")
        try:
            what.append(inner(arguments, io))
        except Interrupted:
            what.append("interrupted")
        ended.set()
        return 0

    asks.commands[line] = run

    async def scene(link):
        process = await at_prompt(link)
        process.stdin.write(f"{line}\r".encode())
        await until(process, b"now\r\n" if line == "read" else b"Sure? ")
        process.stdin.write(b"one\rtw" if line == "read" else b"tw")
        await until(process, b"tw" if line == "read" else b"")
        link.abort()
        assert await asks.far(ended.wait, 5)
        assert what == ["interrupted"]

    play(asks, scene)


def test_a_connection_has_as_many_sessions_as_there_are_threads_and_says_so_to_one_more(served):
    async def scene(link):
        opened = [await link.create_process() for _number in range(sshd.THREADS)]
        for process in opened:
            process.stdin.write("hello\n")
        assert [await process.stdout.readline() for process in opened] == ["<hello>\n"] * sshd.THREADS
        refused = (
            "[VIOSE01049000-9587] This connection has 80 sessions, which is the most. "
            "End one of them, or open another connection.\n"
        )
        done = await link.run("hello")
        assert (done.exit_status, done.stdout, done.stderr) == (255, "", refused)
        done = await link.run("hello", term_type="xterm")  # a terminal has one stream
        assert (done.exit_status, done.stdout, done.stderr) == (255, refused.replace("\n", "\r\n"), "")
        opened[0].stdin.write_eof()
        await opened[0].wait()
        assert (await link.run("hello")).stdout == "<hello>\n"

    served(scene)


NO_ECHO = {"term_modes": {asyncssh.PTY_ECHO: 0}}


def test_a_terminal_without_echo_shows_nothing_of_what_is_typed(asks):
    async def scene(link):
        process = await at_prompt(link, **NO_ECHO)
        process.stdin.write(b"hello\r")
        assert await until(process, b"$ ") == b"<hello>\r\n$ "
        process.stdin.write(b"hel\x7flo\n")
        assert await until(process, b"$ ") == b"<helo>\r\n$ "
        process.stdin.write(b"ask\r")
        assert await until(process, b"? ") == b"Sure? "
        process.stdin.write(b"secret\r")
        assert await until(process, b"$ ") == b"\r\n<secret>\r\n$ "

    play(asks, scene)


def test_a_single_command_at_a_terminal_without_echo_shows_nothing_of_what_is_typed(reads):
    async def scene(link):
        process = await link.create_process("read", term_type="xterm", encoding=None, **NO_ECHO)
        process.stdin.write(b"one\r\x04")
        assert await process.stdout.read() == b"'one\\n'\r\n"

    play(reads, scene)


def test_a_hidden_answer_ends_its_line_once(asks):
    async def scene(link):
        process = await at_question(link)
        process.stdin.write(b"secret\r")
        assert await until(process, b"$ ") == b"\r\n<secret>\r\n$ "
        process.stdin.write(b"hello\r")
        assert await until(process, b"$ ") == b"hello\r\n<hello>\r\n$ "

    play(asks, scene)


def test_an_answer_that_was_typed_ahead_ends_the_line_of_the_question(world):
    typed = threading.Event()

    def late(_arguments, io):
        assert typed.wait(10)
        return asking(io)

    world.commands["ask"] = late

    async def scene(link):
        process = await at_prompt(link)
        process.stdin.write(b"ask\ryes\r")
        await until(process, b"ask\r\nyes\r\n")
        typed.set()
        assert await until(process, b"$ ") == b"Sure? \r\n<yes>\r\n$ "

    play(world, scene)


@pytest.fixture
def names(world, monkeypatch):
    def learn(completion):
        completion.partitions = [("uli13lp1", 2), ("uli13lp2", 3)]

    monkeypatch.setattr(session.Completion, "learn", learn)
    return world


def test_a_second_tab_lists_what_may_follow_and_the_line_goes_on(names):
    async def scene(link):
        process = await at_prompt(link)
        process.stdin.write(b"rmsyscfg -n u\t")
        await until(process, b"li13lp")
        process.stdin.write(b"\t")
        said = await until(process, b"\x1b[19Drmsyscfg -n uli13lp")
        assert b"rmsyscfg -n uli13lp\r\nuli13lp1  uli13lp2\r\n$ " in said
        process.stdin.write(b"2\r")
        assert await until(process, b"\r\n$ ") == b"2\r\n<rmsyscfg -n uli13lp2>\r\n$ "

    play(names, scene)


def test_the_first_tab_only_rings_where_nothing_is_certain(names):
    async def scene(link):
        process = await at_prompt(link)
        process.stdin.write(b"mkvt -id \t")
        assert await until(process, b"\a") == b"mkvt -id \a"
        process.stdin.write(b"\t")
        assert b"\r\n2  3\r\n$ " in await until(process, b"\x1b[9Dmkvt -id ")

    play(names, scene)


def test_tab_is_a_character_that_does_nothing_in_a_hidden_answer(names):
    names.commands["ask"] = lambda _arguments, io: asking(io)

    async def scene(link):
        process = await at_question(link)
        process.stdin.write(b"rmsys\t\t\r")
        assert await until(process, b"$ ") == b"\a\r\n<rmsys>\r\n$ "

    play(names, scene)
