"""A real connection to where the mover would wait: what proves something, and what does not."""

import socket

import pytest

from migration.peer.messages import MoverAddress
from migration.validation import link
from migration.validation.link import MoverLink, try_mover

CONSOLE = "127.0.0.1:8414"


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_a_mover_that_waits_already_answers(listening):
    address = MoverAddress(host="127.0.0.1", port=listening)
    assert try_mover(address, CONSOLE) == MoverLink(f"127.0.0.1:{listening}", answers=True)


def test_a_host_that_refuses_at_once_is_reached(monkeypatch):
    assert try_mover(MoverAddress(host="127.0.0.1", port=free_port()), CONSOLE).answers
    monkeypatch.setattr(link, "DISCARD_PORT", free_port())
    assert try_mover(MoverAddress(host="127.0.0.1", port=0), CONSOLE) == MoverLink(
        "any port of 127.0.0.1", answers=True
    )


def test_an_unknown_name_is_a_certain_problem():
    found = try_mover(MoverAddress(host="no-such-host.invalid", port=30100), CONSOLE)
    assert not found.answers
    assert "is not known here" in found.problem


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_destination_that_offers_its_loopback_address_is_not_mistaken_for_this_system(host, listening):
    found = try_mover(MoverAddress(host=host, port=listening), "uli14.example.com:8443")
    assert (found.answers, found.problem) == (False, "that address is this system itself")


@pytest.mark.parametrize(
    ("error", "problem"), [(TimeoutError("timed out"), ""), (OSError(113, "No route"), "No route")]
)
def test_silence_proves_nothing_and_a_missing_route_does(error, problem, monkeypatch):
    def fail(self, address):
        raise error

    monkeypatch.setattr(socket.socket, "connect", fail)
    found = try_mover(MoverAddress(host="127.0.0.1", port=30100), CONSOLE)
    assert (found.answers, found.problem) == (False, problem)
