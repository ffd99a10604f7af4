"""The bad network does what its ways say."""

import socket
import time
from contextlib import closing, suppress
from threading import Thread

import pytest

from tests.matrix import relay
from tests.matrix.relay import REAL, SHOWN, Port, Relay


@pytest.fixture
def server():
    """Sends back what it gets, until the other side has ended."""
    with socket.create_server((REAL, 0)) as listener:

        def serve():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                Thread(target=echo, args=(connection,), daemon=True).start()

        Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def echo(connection):
    with closing(connection):
        while data := connection.recv(65536):
            connection.sendall(data)


@pytest.fixture
def network(server):
    with Relay([Port(server, "consoles", "uli13", "uli14")]) as made:
        yield made


@pytest.fixture
def link(network, server):
    with socket.create_connection((SHOWN, server), timeout=5) as made:
        yield made


def ask(link, text=b"a message"):
    link.sendall(text)
    got = b""
    while len(got) < len(text):
        piece = link.recv(65536)
        assert piece
        got += piece
    return got


def test_an_undisturbed_link_passes_everything_both_ways_and_its_end(link):
    assert ask(link, bytes(1_000_000)) == bytes(1_000_000)
    link.shutdown(socket.SHUT_WR)
    assert link.recv(10) == b""


@pytest.mark.parametrize("senders", [("uli13",), ("uli14",), ("uli13", "uli14")])
def test_a_cut_keeps_bytes_back_and_gives_them_out_when_it_is_healed(network, link, senders):
    network.disturb("consoles", senders, "cut")
    link.sendall(b"kept back")
    link.settimeout(0.2)
    with pytest.raises(TimeoutError):
        link.recv(10)
    network.heal()
    link.settimeout(5)
    assert link.recv(20) == b"kept back"


def test_a_fault_of_one_link_leaves_the_other_alone(network, link):
    network.disturb("movers", ("uli13", "uli14"), "cut")
    assert ask(link) == b"a message"


@pytest.mark.parametrize("way", ["cut", "delay", "slow"])
def test_what_a_fault_met_is_counted_and_what_passes_beside_it_is_not(network, link, way):
    network.disturb("movers", ("uli13", "uli14"), way)
    ask(link)
    assert network.touched == 0
    network.disturb("consoles", ("uli14",), way)
    link.sendall(b"a message")  # the answer meets it
    deadline = time.monotonic() + 5
    while not network.touched and time.monotonic() < deadline:
        time.sleep(0.01)
    assert network.touched > 0
    network.heal()


def test_of_a_loss_only_what_was_lost_is_counted(network, link, monkeypatch):
    monkeypatch.setattr(relay.random, "random", lambda: 0.9)
    network.disturb("consoles", ("uli13", "uli14"), "loss")
    ask(link)
    assert network.touched == 0
    monkeypatch.setattr(relay.random, "random", lambda: 0.0)
    ask(link)
    assert network.touched == 2


def test_a_delay_is_felt_both_ways(network, link):
    network.disturb("consoles", ("uli13", "uli14"), "delay")
    began = time.monotonic()
    ask(link)
    assert time.monotonic() - began >= 0.3


def test_a_loss_delays_and_loses_nothing(network, link, monkeypatch):
    monkeypatch.setattr(relay.random, "random", lambda: 0.0)
    monkeypatch.setattr(relay.random, "uniform", lambda low, high: low)
    network.disturb("consoles", ("uli13",), "loss")
    began = time.monotonic()
    assert ask(link) == b"a message"
    assert time.monotonic() - began >= 0.2


def test_a_slow_link_takes_its_time(network, link):
    network.disturb("consoles", ("uli13",), "slow")
    began = time.monotonic()
    ask(link, bytes(131_072))
    assert time.monotonic() - began >= 0.3


def test_a_broken_end_ends_the_other():
    with socket.create_server((REAL, 0)) as listener:
        port = listener.getsockname()[1]
        with Relay([Port(port, "consoles", "uli13", "uli14")]):
            link = socket.create_connection((SHOWN, port), timeout=5)
            link.sendall(b"x")
            there, _ = listener.accept()
            there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            there.close()
            link.settimeout(5)
            with suppress(ConnectionResetError):
                assert link.recv(10) == b""
            link.close()
