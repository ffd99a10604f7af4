"""Raw bytes over a real SSH channel and at a real terminal, and the prompt as it was afterwards."""

import os
import pty
import socket
import sys
import termios

import pytest

from ivmweb.cli.management.commands.vios import OwnTerminal
from tests.cli.channel import at_prompt, play, until

EVERY_BYTE = bytes(byte for byte in range(256) if byte not in b"~")


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
        process = await at_prompt(link)
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
        process = await at_prompt(link)
        process.stdin.write("vt\rroot\rh\u00e9".encode())
        expected = "root\rh\u00e9".encode()
        assert await world.far(read_all, world.partition, len(expected)) == expected
        process.stdin.write(b"\r~.")
        await until(process, b"LEFT\r\n$ ")

    play(world, scene)


def test_a_client_that_goes_ends_the_terminal(world):
    async def scene(link):
        process = await at_prompt(link)
        await world.open(process)
        process.stdin.write(b"x")
        assert await world.far(world.partition.recv, 4096) == b"x"
        link.abort()
        assert await world.far(world.ended.wait, 10)

    play(world, scene)


def test_a_server_that_ends_ends_the_terminal(world):
    async def scene(link):
        process = await at_prompt(link)
        await world.open(process)
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        play(world, scene)
    assert world.ended.wait(30)
    world.executor.shutdown()


def test_a_hypervisor_that_closes_gives_the_prompt_back(world):
    async def scene(link):
        process = await at_prompt(link)
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


def test_ctrl_d_that_was_typed_ahead_is_for_the_partition(world):
    async def scene(link):
        process = await at_prompt(link)
        process.stdin.write(b"vt\rroot\r\x04")
        assert await world.far(read_all, world.partition, 6) == b"root\r\x04"
        process.stdin.write(b"\r~.")
        await until(process, b"LEFT\r\n$ ")

    play(world, scene)
