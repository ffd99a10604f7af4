import socket

import pytest

from ivmweb.hypervisor.vmc.terminal import KEPT_BYTES, Terminal
from tests.hypervisor.conftest import kept_by, read_all


@pytest.fixture
def terminal():
    return Terminal(lambda keys: None)


def test_output_never_waits_for_a_reader(terminal):
    ours, theirs = socket.socketpair()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    assert terminal.connect(theirs, lambda: None)
    for number in range(5000):
        terminal.write_line(f"line {number:4}")
    terminal.disconnect("the end")
    seen = read_all(ours)
    assert seen.endswith("line 4998\r\nline 4999\r\nthe end\r\n")
    assert seen.count("line") < 5000


def test_oldest_output_is_forgotten(terminal):
    terminal.write("too much")
    terminal.write("x" * (KEPT_BYTES - 4))
    assert kept_by(terminal) == "much" + "x" * (KEPT_BYTES - 4)


def test_last_words_are_for_the_connection_that_ends_only(terminal):
    ours, theirs = socket.socketpair()
    terminal.write("# ")
    assert terminal.connect(theirs, lambda: None)
    terminal.disconnect("closed")
    terminal.disconnect("closed again")
    assert read_all(ours) == "# \r\nclosed\r\n"
    assert kept_by(terminal) == "# "


def test_line_of_the_hypervisor_begins_at_the_left(terminal):
    terminal.write("# ")
    terminal.write_line("D2000080")
    terminal.write_line("D2001010")
    assert kept_by(terminal) == "# \r\nD2000080\r\nD2001010"


def test_caller_that_is_gone_before_it_is_answered_does_not_keep_the_place(terminal):
    def greet():
        raise BrokenPipeError

    _, theirs = socket.socketpair()
    with pytest.raises(BrokenPipeError):
        terminal.connect(theirs, greet)
    ours, theirs = socket.socketpair()
    assert terminal.connect(theirs, lambda: None)
    ours.close()
