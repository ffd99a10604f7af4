"""A virtual terminal's line: bytes both ways, the escape, and every way in which it ends."""

import socket
import threading
from contextlib import contextmanager

import pytest

from ivmweb.cli import terminal
from ivmweb.cli.terminal import Ending, Escape, FileScreen, Line, SocketScreen


@pytest.mark.parametrize(
    ("typed", "passed", "is_left"),
    [
        (b"~.", b"", True),
        (b"ls\r~.rest", b"ls\r", True),
        (b"ls\n~.", b"ls\n", True),
        (b"ls ~.", b"ls ~.", False),
        (b"~x\r", b"~x\r", False),
        (b"~~.", b"~~.", False),
        (b"~\r~.", b"~\r", True),
        (b"~", b"", False),
        (bytes(range(256)), bytes(range(256)), False),
    ],
)
def test_the_escape_is_a_tilde_and_a_dot_that_begin_a_line(typed, passed, is_left):
    assert Escape().feed(typed) == (passed, is_left)
    one_by_one, escape = [], Escape()
    for at in range(len(typed)):
        keys, left = escape.feed(typed[at : at + 1])
        one_by_one.append(keys)
        if left:
            break
    assert (b"".join(one_by_one), left) == (passed, is_left)


class Held:
    """A line that is held in a thread: `person` and `partition` are the far ends of it."""

    def __init__(self, may_go_on):
        self.console, self.partition = socket.socketpair()
        self.near, self.person = socket.socketpair()
        for one in (self.partition, self.person):
            one.settimeout(10)
        self.gone, self.endings = threading.Event(), []
        line = Line(self.console, SocketScreen(self.near), self.gone, may_go_on)
        self.thread = threading.Thread(target=lambda: self.endings.append(line.converse()), daemon=True)
        self.thread.start()

    def ending(self):
        self.thread.join(10)
        return self.endings[0]


@contextmanager
def held(may_go_on=lambda: True):
    line = Held(may_go_on)
    try:
        yield line
    finally:
        line.gone.set()
        for one in (line.console, line.partition, line.near, line.person):
            one.close()


def test_every_byte_passes_both_ways():
    with held() as line:
        line.person.sendall(bytes(range(256)))
        assert line.partition.recv(4096) == bytes(range(256))
        line.partition.sendall(bytes(range(255, -1, -1)))
        assert line.person.recv(4096) == bytes(range(255, -1, -1))
        line.person.sendall(b"\r~.")
        assert line.ending() is Ending.LEFT
        assert line.partition.recv(4096) == b"\r"


def test_last_words_of_the_hypervisor_are_shown_before_it_is_over():
    with held() as line:
        line.partition.sendall(b"x" * 9000 + b"closed\r\n")
        line.partition.close()
        assert line.ending() is Ending.CLOSED
        line.near.close()
        shown = b"".join(iter(lambda: line.person.recv(4096), b""))
        assert shown.endswith(b"xclosed\r\n")


def test_it_ends_with_the_connection():
    with held() as line:
        line.gone.set()
        assert line.ending() is Ending.GONE


def test_what_was_piped_in_is_answered_before_it_ends(monkeypatch):
    monkeypatch.setattr(terminal, "SILENT_S", 0.2)
    with held() as line:
        line.person.sendall(b"hostname\r")
        line.person.shutdown(socket.SHUT_WR)
        assert line.partition.recv(4096) == b"hostname\r"
        line.partition.sendall(b"uli13lp1\r\n")
        assert line.person.recv(4096) == b"uli13lp1\r\n"
        assert line.ending() is Ending.LEFT


def test_a_console_that_is_never_silent_does_not_keep_it_open(monkeypatch):
    monkeypatch.setattr(terminal, "LONGEST_REST_S", 0.2)
    with held() as line:
        line.person.shutdown(socket.SHUT_WR)
        while line.thread.is_alive():
            line.partition.sendall(b".")
            line.thread.join(0.05)
        assert line.ending() is Ending.LEFT


def test_who_may_not_go_on_is_stopped(monkeypatch):
    monkeypatch.setattr(terminal, "CHECK_S", 0.0)
    with held(lambda: False) as line:
        assert line.ending() is Ending.REVOKED


def test_files_are_a_screen_too(tmp_path):
    source, target = tmp_path / "in", tmp_path / "out"
    source.write_bytes(b"\x00\xff")
    with source.open("rb") as ours, target.open("wb") as theirs:
        screen = FileScreen(ours.fileno(), theirs.fileno())
        assert (screen.read(), screen.read()) == (b"\x00\xff", b"")
        screen.write(b"\xfe" * 9)
    assert target.read_bytes() == b"\xfe" * 9
