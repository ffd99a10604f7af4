"""Dropped packets do what the faults say, each test in a thread with a network of its own."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Thread

import pytest

from tests.matrix.packets import PacketNetwork, can_drop, own_network
from tests.matrix.relay import REAL, SHOWN, Port

pytestmark = pytest.mark.skipif(not can_drop(), reason="needs root and iptables")
CALLER, CALLED = "uli13", "uli14"


@pytest.fixture
def apart():
    """Runs a function of a network and of a connection through it, to a server that sends back what it gets."""
    with ThreadPoolExecutor(1) as thread:
        yield lambda play: thread.submit(in_network, play).result(60)


def in_network(play):
    assert own_network() is PacketNetwork
    with socket.create_server((REAL, 0)) as server:
        Thread(target=echo, args=(server,), daemon=True).start()
        port = server.getsockname()[1]
        with PacketNetwork([Port(port, "movers", CALLER, CALLED)]) as network, connected(port) as link:
            assert ask(link) == b"a message"
            return play(network, link)


def echo(server):
    connection, _ = server.accept()
    with closing(connection):
        while data := connection.recv(65536):
            connection.sendall(data)


def connected(port):
    return socket.create_connection((SHOWN, port), timeout=0.5)


def ask(link):
    link.sendall(b"a message")
    return link.recv(65536)


@pytest.mark.parametrize("sender", [CALLER, CALLED])
def test_a_cut_of_either_direction_keeps_the_answer_away_and_healed_it_comes(apart, sender):
    def play(network, link):
        network.disturb("movers", [sender], "cut")
        with pytest.raises(TimeoutError):
            ask(link)
        network.heal()
        link.settimeout(10)
        return link.recv(65536)

    assert apart(play) == b"a message"


def test_a_cut_leaves_the_other_link_alone(apart):
    def play(network, link):
        network.disturb("consoles", [CALLER, CALLED], "cut")
        answer = ask(link)
        network.heal()
        return answer, network.touched

    assert apart(play) == (b"a message", 0)


def test_dropped_packets_are_counted_of_the_last_fault_only(apart):
    def play(network, link):
        network.disturb("movers", [CALLER], "cut")
        link.sendall(b"x")
        time.sleep(0.5)  # TCP has sent it again
        network.heal()
        first = network.touched
        network.disturb("consoles", [CALLER], "cut")
        network.heal()
        return first, network.touched

    first, second = apart(play)
    assert first >= 2
    assert second == 0


def test_a_connection_is_not_had_while_it_is_cut(apart):
    def play(network, link):
        network.disturb("movers", [CALLED], "cut")
        with pytest.raises(TimeoutError):
            connected(link.getpeername()[1])

    apart(play)


def test_of_a_move_the_other_way_the_other_one_is_the_caller(apart):
    def play(network, link):
        network.mirrored = True
        network.disturb("movers", [CALLED], "slow")
        return seconds_for(link, 1_000_000)

    assert apart(play) > 2


def test_of_what_is_lost_nothing_is_missing_at_the_end(apart):
    def play(network, link):
        network.disturb("movers", [CALLER], "loss")
        link.settimeout(30)
        began = time.monotonic()
        assert [ask(link) for _ in range(60)] == [b"a message"] * 60
        return time.monotonic() - began

    assert apart(play) > 0.1  # with one in five lost, and each wait for it some 0.2 s


def test_a_slow_link_takes_its_time(apart):
    def play(network, link):
        network.disturb("movers", [CALLER], "slow")
        return seconds_for(link, 1_000_000)

    assert apart(play) > 2


def seconds_for(link, size):
    """To send so much, in small pieces, and have it back."""
    link.settimeout(60)
    began = time.monotonic()
    Thread(target=send, args=(link, size), daemon=True).start()
    got = 0
    while got < size:
        piece = link.recv(65536)
        assert piece
        got += len(piece)
    return time.monotonic() - began


def send(link, size):
    for _ in range(size // 10_000):
        link.sendall(b"x" * 10_000)
