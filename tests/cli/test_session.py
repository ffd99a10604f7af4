"""What a person at the prompt of an SSH channel sees, key by key."""

import pytest

from ivmweb.cli import session, shell, sshd
from ivmweb.cli.grammar import LONGEST_LINE
from ivmweb.cli.sshd import Connection, Place
from tests.cli.channel import CameIn, play, until


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


async def at_prompt(link, **options):
    process = await link.create_process(term_type="xterm", encoding=None, **options)
    await until(process, b"$ ")
    return process


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
