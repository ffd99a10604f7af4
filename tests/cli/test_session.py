"""What a person at the prompt of an SSH channel sees, key by key."""

import re
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
        assert await until(process, b"$ ") == b"^C\r\n$ "
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


# Terminals


async def at_terminal(link, name, size):
    process = await link.create_process(term_type=name, request_pty="force", term_size=size, encoding=None)
    assert await until(process, b"$ ") == b"$ "
    return process


@pytest.mark.parametrize("name", ["", "dumb", "xterm", "tmux-256color"])
@pytest.mark.parametrize("size", [(80, 24), (0, 0), (3, 1), (4_294_967_295, 0)])
def test_any_terminal_edits_what_is_typed_and_runs_it(served, name, size):
    async def scene(link):
        process = await at_terminal(link, name, size)
        process.stdin.write(b"hel\x1b[Dx\x7flo\r")
        said = await until(process, b"\n$ ")
        assert said.replace(b" \b", b"").endswith(b"\r\n<helol>\r\n$ ")

    served(scene)


@pytest.mark.parametrize("name", ["", "dumb", "xterm"])
def test_a_line_that_is_only_typed_is_echoed_as_it_is(served, name):
    async def scene(link):
        process = await at_terminal(link, name, (0, 0))
        process.stdin.write(b"hello\r")
        assert await until(process, b"\r\n$ ") == b"hello\r\n<hello>\r\n$ "

    served(scene)


@pytest.mark.parametrize("name", ["", "xterm"])
def test_a_line_wider_than_the_terminal_is_edited_while_that_changes_its_size(served, name):
    wide = "lsmap -all 分区 " * 12

    async def scene(link):
        process = await at_terminal(link, name, (20, 5))
        process.stdin.write(wide.encode())
        for width in (3, 80, 1, 0, 200):
            process.change_terminal_size(width, 24)
            process.stdin.write(b"\x01\x1b[C\x1b[C\x05\x1b[D\x7f")
        process.stdin.write(b"\x05!\r")
        assert b"!>" in await until(process, b"\r\n$ ")

    served(scene)


@pytest.mark.parametrize("size", [(0, 0), (100, 50)])
def test_a_command_that_waits_is_not_disturbed_by_a_new_size(served, asks, size):
    async def scene(link):
        process = await at_question(link)
        process.change_terminal_size(*size)
        process.stdin.write(b"yes\r")
        assert await until(process, b"$ ") == b"\r\n<yes>\r\n$ "

    served(scene)


# What there is beside commands


ONLY_COMMANDS = (
    "[VIOSE01049000-9637] {} is not possible here: this SSH server runs commands of the Virtual I/O Server, and "
    "nothing else. Log in without it; help lists the commands."
)


def test_forwarding_is_refused_in_words(served):
    async def scene(link):
        for what, opened in (
            ("Port forwarding", link.open_connection("127.0.0.1", 22)),
            ("Forwarding of sockets", link.open_unix_connection("/run/socket")),
            ("A tunnel", link.open_tun(0)),
            ("A tunnel", link.open_tap(0)),
        ):
            with pytest.raises(asyncssh.ChannelOpenError) as refused:
                await opened
            assert refused.value.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED
            assert refused.value.reason == ONLY_COMMANDS.format(what)
        with pytest.raises(asyncssh.ChannelListenError):
            await link.forward_remote_port("", 0, "127.0.0.1", 22)
        assert (await link.run("hello")).stdout == "<hello>\n"

    served(scene)


@pytest.mark.parametrize("name", ["sftp", "netconf"])
def test_a_subsystem_is_refused_in_words(served, monkeypatch, name):
    said = []  # by the server: OpenSSH's client shows it, this one does not
    write = asyncssh.SSHServerChannel.write_stderr

    def write_stderr(channel, data):
        said.append(data)
        write(channel, data)

    monkeypatch.setattr(asyncssh.SSHServerChannel, "write_stderr", write_stderr)

    async def scene(link):
        with pytest.raises(asyncssh.ChannelOpenError):
            await link.create_process(subsystem=name)
        assert (await link.run("hello")).stdout == "<hello>\n"

    served(scene)
    assert said == [ONLY_COMMANDS.format(f"The subsystem {name}") + "\n"]


def test_agent_and_x11_are_not_there_for_a_command(served):
    async def scene(link):
        with pytest.raises(asyncssh.ChannelOpenError):
            await link.create_process("hello", x11_forwarding=True, x11_display="127.0.0.1:0")
        assert (await link.run("hello")).stdout == "<hello>\n"

    served(scene)


# Keys


def screen_of(shown):
    """The last line on a terminal that was shown this, and where its cursor is."""
    line, at = [], 0
    for control, text in re.findall(rb"(\x1b\[\d*[A-Za-z]|[\r\n\b\a])|([^\x1b\r\n\b\a]+)", shown):
        if control == b"\n":
            line, at = [], 0
        elif control == b"\r":
            at = 0
        elif control == b"\b":
            at -= 1
        elif control.endswith((b"C", b"D")):
            steps = int(control[2:-1] or 1)
            at += steps if control.endswith(b"C") else -steps
        elif control.endswith((b"H", b"J")):
            line, at = [], 0
        for character in text.decode():
            line[at : at + 1] = [character]
            at += 1
    return "".join(line).rstrip(), at


async def shown(process, keys):
    """The last line of the screen once these were typed at a new prompt; a key that only rings tells when."""
    process.stdin.write(keys + b"\x1b[E")
    seen = b"$ "
    while b"\a" not in seen:
        seen += await process.stdout.read(4096)
    return screen_of(seen)


@pytest.mark.parametrize(
    ("keys", "run"),
    [
        (b"one two  three\x17four", "one two  four"),  # Ctrl-W
        (b"one two \x17\x17\x17.", "."),
        (b"one two\x01\x17.", ".one two"),
        (b"one\x15two", "two"),  # Ctrl-U
        (b"one two\x01\x0bthree", "three"),  # Ctrl-A Ctrl-K
        (b"one\x01x\x05y", "xoney"),  # Ctrl-E
        (b"one two\x17\x19\x19", "one twotwo"),  # Ctrl-Y
        (b"one two\x01\x0b\x19", "one two"),
        (b"one\x1b[Dx\x1b[Cy", "onxey"),  # arrows
        (b"one\x1b[Hx\x1b[Fy", "xoney"),  # Home, End
        (b"one\x1bOHx\x1bOFy", "xoney"),
        (b"one\x1b[1~x\x1b[4~y", "xoney"),
        (b"one\x1b[7~x\x1b[8~y", "xoney"),
        (b"one\x01\x1b[3~", "ne"),  # Delete
        (b"one two\x1bbx\x1bfy", "one xtwoy"),  # Alt-B, Alt-F
        (b"one two\x1b[1;5Dx\x1b[1;5Cy", "one xtwoy"),  # Ctrl and an arrow
        (b"one two\x01\x1bfx", "onex two"),
        (b"one\x1b[5~\x1b[6~\x1b[2~\x1bOP\x1b[15~\x1b[24~\x1b[1;2A\x1b[Z", "one"),  # Page Up and others
        ("Größe 分区\x17x".encode(), "Größe x"),
        (b"one\x0c", "one"),  # Ctrl-L
    ],
)
def test_keys_edit_the_line(world, keys, run):
    async def scene(link):
        process = await at_prompt(link)
        process.stdin.write(keys + b"\r")
        assert (await until(process, b"\r\n$ ")).endswith(f"\r\n<{run}>\r\n$ ".encode())

    play(world, scene)


def test_ctrl_l_clears_the_screen_and_draws_the_line_again(world):
    async def scene(link):
        process = await at_prompt(link)
        assert await shown(process, b"lsmap -all\x1b[D\x1b[D") == ("$ lsmap -all", 10)
        process.stdin.write(b"\x0c")
        seen = await until(process, b"\x1b[8Dlsmap -all\x1b[2D")
        assert b"\x1b[H\x1b[2J\x1b[m$ lsmap -all" in seen
        assert screen_of(seen) == ("$ lsmap -all", 10)
        process.stdin.write(b"x\r")
        assert (await until(process, b"\r\n$ ")).endswith(b"<lsmap -axll>\r\n$ ")

    play(world, scene)


def test_ctrl_l_of_a_terminal_that_can_only_print_rings(world):
    async def scene(link):
        process = await link.create_process(term_type="dumb", encoding=None)
        await until(process, b"$ ")
        process.stdin.write(b"\x0c")
        assert await process.stdout.read(100) == b"\a"

    play(world, scene)


def test_ctrl_c_at_the_prompt_shows_what_was_typed_and_a_new_prompt(world):
    async def scene(link):
        process = await at_prompt(link)
        process.stdin.write(b"lsmap\x03hello\r")
        assert b"lsmap^C\r\n" in await until(process, b"<hello>\r\n$ ")
        process.stdin.write(b"\x03\x03$?\r")
        assert (await until(process, b"0\r\n$ ")).count(b"^C\r\n") == 2

    play(world, scene)


def test_ctrl_c_is_seen_before_what_the_command_says_of_it_and_nothing_after(world):
    def wait(_arguments, io):
        io.line("now")
        assert io.caller.interrupted.wait(10)
        io.line("Interrupted.")
        raise Interrupted

    world.commands["wait"] = wait

    async def scene(link):
        process = await at_prompt(link)
        process.stdin.write(b"wait\r")
        await until(process, b"now\r\n")
        process.stdin.write(b"\x03")
        assert await until(process, b"$ ") == b"^C\r\nInterrupted.\r\n$ "

    play(world, scene)


def test_ctrl_c_that_comes_as_a_signal_is_seen_as_well(world):
    async def scene(link):
        process = await at_prompt(link)
        process.stdin.write(b"half")
        await until(process, b"half")
        process.send_signal("INT")
        assert screen_of(await until(process, b"^C\r\n$ ")) == ("$", 2)
        process.stdin.write(b"$?\r")
        assert await until(process, b"$ ") == b"$?\r\n0\r\n$ "

    play(world, scene)


def test_ctrl_c_of_a_terminal_without_echo_is_not_shown(world):
    async def scene(link):
        process = await at_prompt(link, **NO_ECHO)
        process.stdin.write(b"half\x03")
        assert await until(process, b"$ ") == b"\r\n$ "
        process.stdin.write(b"hello\r")
        assert await until(process, b"$ ") == b"<hello>\r\n$ "

    play(world, scene)


def test_a_secret_that_was_killed_can_not_be_put_in_sight(asks):
    async def scene(link):
        process = await at_question(link)
        process.stdin.write(b"secret\x15yes\r")
        await until(process, b"<yes>\r\n$ ")
        process.stdin.write(b"\x19\r")
        assert await until(process, b"$ ") == b"\a\r\n$ "

    play(asks, scene)


async def with_history(link):
    process = await at_prompt(link)
    for line in (b"lsmap -all", b"lspv", b"lsmap -net", b"lsmap -net"):
        process.stdin.write(line + b"\r")
        await until(process, b"\r\n$ ")
    return process


def test_ctrl_r_looks_back_for_what_is_typed_and_further_each_time(world):
    async def scene(link):
        process = await with_history(link)
        assert await shown(process, b"map\x12") == ("$ lsmap -net", 12)
        process.stdin.write(b"\x03")
        await until(process, b"^C\r\n$ ")
        assert await shown(process, b"map\x12\x12") == ("$ lsmap -all", 12)
        process.stdin.write(b"\x12")  # there is no other
        await until(process, b"\a")
        process.stdin.write(b" -fmt :\r")
        assert (await until(process, b"\r\n$ ")).endswith(b"<lsmap -all -fmt :>\r\n$ ")

    play(world, scene)


def test_ctrl_r_on_an_empty_line_takes_what_to_look_for(world):
    async def scene(link):
        process = await with_history(link)
        process.stdin.write(b"\x12")
        assert await until(process, b"^R") == b"^R"
        process.stdin.write(b"pv\r")
        assert screen_of(await until(process, b"$ lspv")) == ("$ lspv", 6)
        process.stdin.write(b" -size\r")
        assert (await until(process, b"\r\n$ ")).endswith(b"<lspv -size>\r\n$ ")
        process.stdin.write(b"\x12all\x12\r")
        assert (await until(process, b"\r\n$ ")).endswith(b"<lsmap -all>\r\n$ ")

    play(world, scene)


def test_ctrl_r_that_finds_nothing_rings_and_ctrl_c_ends_it(world):
    async def scene(link):
        process = await with_history(link)
        process.stdin.write(b"\x12nothing\r")
        assert await until(process, b"$ ") == b"^Rnothing\r\n\a$ "
        process.stdin.write(b"\x12ls\x03")
        await until(process, b"^C\r\n$ ")
        process.stdin.write(b"lspv\r")
        assert await until(process, b"\r\n$ ") == b"lspv\r\n<lspv>\r\n$ "

    play(world, scene)


def test_ctrl_r_never_finds_an_answer(asks):
    async def scene(link):
        process = await at_question(link)
        process.stdin.write(b"secret\r")
        await until(process, b"<secret>\r\n$ ")
        process.stdin.write(b"sec\x12")
        assert await until(process, b"\a") == b"sec\a"

    play(asks, scene)


def test_an_account_that_has_changed_is_told_with_a_code_and_the_session_ends(world, monkeypatch):
    monkeypatch.setattr(CameIn, "user", lambda _self: None)

    async def scene(connection):
        done = await connection.run("hostname")
        refused = (
            "[VIOSE01049000-9614] Your account has changed since you logged in. Nothing was run. Log in again.\n"
        )
        assert (done.exit_status, done.stdout, done.stderr) == (130, "", refused)

    play(world, scene)
