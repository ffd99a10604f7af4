"""The guest agent's port against an agent that the test plays: it belongs to whoever administers the partition."""

import contextlib
import json
import socket
import threading
import time

import pytest

from ivmweb.hypervisor.qemu.agent import MAX_WORDS, Agent, AgentRefused, AgentSilent, counts_in

SHORT_S = 0.2


class Port:
    """The host's end of the port, as QEMU listens there; `script` answers each command but `guest-sync`."""

    def __init__(self, path, script, *, stale=b""):
        self.heard, self.script, self.stale = [], script, stale
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                self.answer(connection)

    def answer(self, connection):
        connection.sendall(self.stale)
        with contextlib.suppress(OSError):  # the host has hung up
            for line in connection.makefile():
                message = json.loads(line)
                self.heard.append(message)
                if message["execute"] == "guest-sync":
                    say(connection, {"return": message["arguments"]["id"]})
                else:
                    self.script(connection, message)


def say(connection, message):
    connection.sendall(json.dumps(message).encode() + b"\n")


def echo(connection, message):
    say(connection, {"return": message["execute"]})


@pytest.fixture
def play(tmp_path):
    ports = []

    def start(script=echo, **options):
        ports.append(Port(tmp_path / "rmc", script, **options))
        ports.append(Agent(tmp_path / "rmc"))
        return ports

    yield start
    for port in ports[:1]:
        port.listener.close()
    for agent in ports[1:]:
        agent.close()


def test_an_answer_is_the_agents(play):
    _, agent = play()
    assert agent.ask("guest-ping", timeout_s=5) == "guest-ping"
    assert agent.ask("ivm-status", timeout_s=5) == "ivm-status"


def test_what_an_earlier_conversation_left_is_skipped(play):
    left = b'{"return": "old"}\n{"return": 17}\n{"error": {"desc": "old"}}\n'
    _, agent = play(stale=left)
    assert agent.ask("guest-ping", timeout_s=5) == "guest-ping"


def test_an_answer_that_came_too_late_is_not_taken_for_the_next(play):
    def slow(connection, message):
        if message["execute"] == "guest-ping":
            time.sleep(SHORT_S * 1.5)
        echo(connection, message)

    _, agent = play(slow)
    with pytest.raises(AgentSilent):
        agent.ask("guest-ping", timeout_s=SHORT_S)
    assert agent.ask("ivm-status", timeout_s=5) == "ivm-status"


def test_one_that_says_nothing_is_silent(play):
    _, agent = play(lambda connection, message: None)
    began = time.monotonic()
    with pytest.raises(AgentSilent, match="timed out"):
        agent.ask("guest-ping", timeout_s=SHORT_S)
    assert time.monotonic() - began < 5


def test_nobody_there_is_silent(tmp_path):
    with pytest.raises(AgentSilent, match="No such file"):
        Agent(tmp_path / "rmc").ask("guest-ping", timeout_s=SHORT_S)


def test_one_that_talks_without_end_is_silent_in_time(play, monkeypatch):
    def talk(connection):
        with contextlib.suppress(OSError):  # the host has hung up
            while True:
                say(connection, {"return": 0})
                time.sleep(0.001)

    port, agent = play()
    monkeypatch.setattr(port, "answer", talk)
    began = time.monotonic()
    with pytest.raises(AgentSilent, match="timed out"):
        agent.ask("guest-ping", timeout_s=SHORT_S)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "line",
    [b"x" * (70 * 1024), b"no json\n", b"[]\n", b"\xff\xfe\n", b"[" * 50_000 + b"\n", b"9" * 5000 + b"\n"],
)
def test_nonsense_is_silence_and_the_next_conversation_begins_anew(play, line):
    said = []

    def nonsense_once(connection, message):
        if said:
            echo(connection, message)
        else:
            said.append(line)
            connection.sendall(line)

    _, agent = play(nonsense_once)
    with pytest.raises(AgentSilent):
        agent.ask("guest-ping", timeout_s=5)
    assert agent.ask("guest-ping", timeout_s=5) == "guest-ping"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ({"class": "CommandNotFound", "desc": "not known"}, "not known"),
        ({}, "{}"),
        ("no", "no"),
        ({"desc": "x" * 5000}, "x" * MAX_WORDS),
    ],
)
def test_a_refusal_has_the_agents_words(play, error, words):
    _, agent = play(lambda connection, message: say(connection, {"error": error}))
    with pytest.raises(AgentRefused) as refused:
        agent.ask("guest-ping", timeout_s=5)
    assert str(refused.value) == words
    with pytest.raises(AgentRefused):  # and the conversation goes on
        agent.ask("guest-ping", timeout_s=5)


def test_an_order_without_answer_is_given_to_one_who_listens_only(play):
    port, agent = play()
    agent.tell("guest-shutdown", {"mode": "powerdown"}, timeout_s=5)
    assert agent.ask("guest-ping", timeout_s=5) in ("guest-ping", "guest-shutdown")
    assert [m["arguments"] for m in port.heard if m["execute"] == "guest-shutdown"] == [{"mode": "powerdown"}]


def test_a_question_about_time_tells_ours(play):
    port, agent = play()
    before = time.time_ns()
    agent.ask("ivm-status", timeout_s=5, with_time=True)
    assert before <= port.heard[-1]["arguments"]["host-ns"] <= time.time_ns()


@pytest.mark.parametrize(
    "said", [None, [], "9", {"uptime": -1}, {"uptime": 10**400}, {"uptime": True}, {"uptime": 1.5}]
)
def test_what_is_no_count_is_left_out(said):
    assert counts_in(said) == {}


def test_counts_are_taken_from_among_the_rest():
    assert counts_in({"uptime": 7, "heartbeat": 0, "name": "x"}) == {"uptime": 7, "heartbeat": 0}
