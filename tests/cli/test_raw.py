"""Raw bytes over a real SSH channel and at a real terminal, and the prompt as it was afterwards."""

import asyncio
import os
import pty
import socket
import sys
import termios
import threading
from concurrent.futures import ThreadPoolExecutor

import asyncssh
import pytest

from ivmweb.cli import session
from ivmweb.cli.management.commands.vios import OwnTerminal
from ivmweb.cli.raw import ERRORS
from ivmweb.cli.session import Conversation
from ivmweb.cli.terminal import Line
from ivmweb.system.rights import Operator

EVERY_BYTE = bytes(byte for byte in range(256) if byte not in b"~")


class Anybody(asyncssh.SSHServer):
    def begin_auth(self, username):
        return False


class CameIn:
    def user(self):
        return Operator()


class World:
    """A server whose only command opens a terminal to `partition`, or says what it was."""

    def __init__(self):
        self.console, self.partition = socket.socketpair()
        self.partition.settimeout(10)
        self.ended = threading.Event()
        self.executor = ThreadPoolExecutor(4)

    def run_line(self, line, caller, out, err, status):
        if line != "vt":
            out(f"<{line}>\n")
            return 0
        with caller.terminal.raw() as screen:
            ending = Line(self.console, screen, caller.interrupted, lambda: True).converse()
        self.ended.set()
        out(f"{ending.name}\n")
        return 0

    async def handle(self, process):
        conversation = Conversation(process, CameIn(), "here", {}, self.executor, 10)
        process.exit(await conversation.converse())

    async def open(self, process):
        self.partition.sendall(b"login: ")
        process.stdin.write(b"vt\r")
        await until(process, b"vt\r\nlogin: ")

    async def far(self, call, *arguments):
        return await asyncio.to_thread(call, *arguments)


@pytest.fixture
def world(monkeypatch):
    made = World()
    monkeypatch.setattr(session, "run_line", made.run_line)
    monkeypatch.setattr(session.Completion, "learn", lambda _: None)
    monkeypatch.setattr(session.login, "earlier", lambda _: [])
    yield made
    made.executor.shutdown(wait=False)
    made.console.close()
    made.partition.close()


def play(world, scene):
    async def whole():
        server = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=Anybody,
            process_factory=world.handle,
            server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
            errors=ERRORS,
        )
        async with asyncssh.connect(
            "127.0.0.1", server.get_port(), known_hosts=None, client_keys=None, agent_path=None, config=None
        ) as link:
            await scene(link)
        server.close()
        await server.wait_closed()

    asyncio.run(asyncio.wait_for(whole(), 30))


async def until(process, text):
    seen = b""
    while not seen.endswith(text):
        piece = await process.stdout.read(4096)
        assert piece, seen
        seen += piece
    return seen


def read_all(connection, size):
    data = b""
    while len(data) < size:
        piece = connection.recv(4096)
        assert piece, data
        data += piece
    return data


def test_every_byte_passes_a_channel_without_terminal(world):
    async def scene(link):
        process = await link.create_process("vt", encoding=None)
        process.stdin.write(EVERY_BYTE)
        assert await world.far(read_all, world.partition, len(EVERY_BYTE)) == EVERY_BYTE
        world.partition.sendall(EVERY_BYTE)
        assert await process.stdout.readexactly(len(EVERY_BYTE)) == EVERY_BYTE
        process.stdin.write(b"\r~.")
        assert await process.stdout.read() == b"LEFT\n"

    play(world, scene)


def test_a_terminal_sends_each_key_at_once_and_ctrl_c_too(world):
    async def scene(link):
        process = await link.create_process(term_type="xterm", encoding=None)
        await until(process, b"$ ")
        await world.open(process)
        for key in (b"r", b"\x03", b"\x04", b"\t", b"\x7f", b"\xff", b"\r"):
            process.stdin.write(key)
            assert await world.far(world.partition.recv, 4096) == key
        world.partition.sendall(b"a\nb\xfe")
        assert await process.stdout.readexactly(4) == b"a\nb\xfe"
        process.stdin.write(b"~.")
        assert await until(process, b"$ ") == b"LEFT\r\n$ "
        process.stdin.write(b"hello\r")  # edited and echoed as before
        assert await until(process, b"$ ") == b"hello\r\n<hello>\r\n$ "
        process.stdin.write(b"\x04")
        await process.wait()

    play(world, scene)


def test_a_command_line_that_is_no_utf_8_is_shown_as_such(world):
    async def scene(link):
        process = await link.create_process(encoding=None)
        process.stdin.write(b"h\xc3\xa9 \xff\n")
        process.stdin.write_eof()
        assert await process.stdout.read() == "<h\u00e9 \ufffd>\n".encode()

    play(world, scene)


def test_what_was_typed_ahead_is_for_the_partition(world):
    async def scene(link):
        process = await link.create_process(term_type="xterm", encoding=None)
        await until(process, b"$ ")
        process.stdin.write("vt\rroot\rh\u00e9".encode())
        expected = "root\rh\u00e9".encode()
        assert await world.far(read_all, world.partition, len(expected)) == expected
        process.stdin.write(b"\r~.")
        await until(process, b"LEFT\r\n$ ")

    play(world, scene)


def test_a_client_that_goes_ends_the_terminal(world):
    async def scene(link):
        process = await link.create_process(term_type="xterm", encoding=None)
        await until(process, b"$ ")
        await world.open(process)
        process.stdin.write(b"x")
        assert await world.far(world.partition.recv, 4096) == b"x"
        link.abort()
        assert await world.far(world.ended.wait, 10)

    play(world, scene)


def test_a_server_that_ends_ends_the_terminal(world):
    async def scene(link):
        process = await link.create_process(term_type="xterm", encoding=None)
        await until(process, b"$ ")
        await world.open(process)
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        play(world, scene)
    assert world.ended.wait(5)
    world.executor.shutdown()


def test_a_hypervisor_that_closes_gives_the_prompt_back(world):
    async def scene(link):
        process = await link.create_process(term_type="xterm", encoding=None)
        await until(process, b"$ ")
        await world.open(process)
        world.partition.sendall(b"The console is closed.\r\n")
        world.partition.shutdown(socket.SHUT_RDWR)
        assert await until(process, b"$ ") == b"The console is closed.\r\nCLOSED\r\n$ "

    play(world, scene)


def test_own_terminal_is_raw_for_the_while_and_then_as_before(monkeypatch):
    person, own = pty.openpty()
    with open(own, "r+b", buffering=0) as file, monkeypatch.context() as patched:
        patched.setattr(sys, "stdin", os.fdopen(os.dup(own), "r"))
        patched.setattr(sys, "stdout", os.fdopen(os.dup(own), "w"))
        before = termios.tcgetattr(file.fileno())
        with OwnTerminal().raw() as screen:
            os.write(person, b"\x03")
            assert screen.read() == b"\x03"  # no signal, no echo, no line
            screen.write(b"a\nb\xff")
            assert os.read(person, 100) == b"a\nb\xff"
        assert termios.tcgetattr(file.fileno()) == before
        sys.stdin.close()
        sys.stdout.close()
    os.close(person)


def test_a_pipe_is_read_as_it_is(monkeypatch):
    source, typed = os.pipe()
    shown, target = os.pipe()
    monkeypatch.setattr(sys, "stdin", os.fdopen(source, "r"))
    monkeypatch.setattr(sys, "stdout", os.fdopen(target, "w"))
    os.write(typed, EVERY_BYTE)
    os.close(typed)
    with OwnTerminal().raw() as screen:
        assert (screen.read(), screen.read()) == (EVERY_BYTE, b"")
        screen.write(b"\xff")
    sys.stdin.close()
    sys.stdout.close()
    assert os.read(shown, 10) == b"\xff"
    os.close(shown)
