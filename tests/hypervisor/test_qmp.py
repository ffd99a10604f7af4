"""The QMP client against a monitor that the test plays."""

import json
import os
import socket
import threading

import pytest

from ivmweb.hypervisor.qemu import qmp
from ivmweb.hypervisor.qemu.qmp import Monitor, QmpClosed, QmpError
from tests.hypervisor.conftest import eventually

GREETING = {"QMP": {"version": {"qemu": {"major": 10, "minor": 0, "micro": 2}}, "capabilities": ["oob"]}}


class Peer:
    """QEMU's side of one connection; `script` is called with each command that is not the hand-shake."""

    def __init__(self, path, script, greeting):
        self.heard, self.script, self.greeting = [], script, greeting
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        try:
            self.connection, _ = self.listener.accept()
        except OSError:
            return
        self.say(self.greeting)
        for line in self.connection.makefile():
            message = json.loads(line)
            self.heard.append(message)
            if message.get("execute") == "qmp_capabilities":
                self.say({"return": {}, "id": message["id"]})
            else:
                self.script(self, message)

    def say(self, message):
        self.say_raw(json.dumps(message).encode() + b"\r\n")

    def say_raw(self, data):
        self.connection.sendall(data)

    def hang_up(self):
        self.connection.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listener.close()


def answer_at_once(peer, message):
    peer.say({"return": {"asked": message["execute"]}, "id": message["id"]})


@pytest.fixture
def play(tmp_path):
    """Starts a peer and a monitor that is connected to it."""
    opened = []

    def start(script=answer_at_once, greeting=GREETING, **options):
        peer = Peer(tmp_path / "qmp", script, greeting)
        opened.append(peer)
        opened.append(Monitor(tmp_path / "qmp", **options))
        return opened

    yield start
    for one in opened:
        one.close()


def test_a_command_is_answered(play):
    peer, monitor = play()
    assert monitor.execute("query-status") == {"asked": "query-status"}
    assert [message["execute"] for message in peer.heard] == ["qmp_capabilities", "query-status"]


def test_an_out_of_band_monitor_asks_for_it_once_and_uses_it(play):
    def script(peer, message):
        peer.say({"return": {}, "id": message["id"]})

    peer, monitor = play(script, out_of_band=True)
    monitor.execute("yank", {"instances": []})
    assert peer.heard[0]["arguments"] == {"enable": ["oob"]}
    assert "exec-oob" in peer.heard[1]


def test_a_refusal_has_qemus_words(play):
    def refuse(peer, message):
        peer.say({"error": {"class": "GenericError", "desc": 'Failed to get "write" lock'}, "id": message["id"]})

    _, monitor = play(refuse)
    with pytest.raises(QmpError, match='Failed to get "write" lock'):
        monitor.execute("cont")
    assert not monitor.is_closed


def test_no_answer_in_time_is_said_and_the_late_one_is_not_taken_for_the_next(play):
    held = []

    def late(peer, message):
        if message["execute"] == "cont":
            held.append(message["id"])
        else:
            peer.say({"return": "of cont", "id": held[0]})
            peer.say({"return": "of query-status", "id": message["id"]})

    _, monitor = play(late)
    with pytest.raises(QmpClosed, match=r"cont was not answered within 0\.05 s"):
        monitor.execute("cont", timeout_s=0.05)
    assert monitor.execute("query-status") == "of query-status"


def test_answers_in_another_order_find_their_commands(play):
    waiting = []

    def both(peer, message):
        waiting.append(message)
        if len(waiting) == 2:
            for one in reversed(waiting):
                peer.say({"return": one["execute"], "id": one["id"]})

    _, monitor = play(both)
    answers = {}
    threads = [
        threading.Thread(target=lambda name=name: answers.update({name: monitor.execute(name)}))
        for name in ("query-status", "query-migrate")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert answers == {"query-status": "query-status", "query-migrate": "query-migrate"}


def test_events_between_go_to_their_listener(play):
    def with_events(peer, message):
        peer.say({"event": "STOP", "data": {}})
        answer_at_once(peer, message)
        peer.say({"event": "RESUME", "data": {}})

    events = []
    _, monitor = play(with_events, on_event=lambda event: events.append(event["event"]))
    assert monitor.execute("stop") == {"asked": "stop"}
    eventually(lambda: events == ["STOP", "RESUME"], 10)


@pytest.mark.parametrize("half", [b"", b'{"return": {}, "id'])
def test_a_monitor_that_closes_in_the_middle_is_said_at_once(play, half):
    def vanish(peer, message):
        peer.say_raw(half)
        peer.hang_up()

    closed = threading.Event()
    _, monitor = play(vanish, on_close=closed.set)
    with pytest.raises(QmpClosed, match="the monitor was closed"):
        monitor.execute("quit", timeout_s=60)
    assert closed.wait(10)
    assert monitor.is_closed
    with pytest.raises(QmpClosed):
        monitor.execute("query-status", timeout_s=60)


@pytest.mark.parametrize("line", [b"x" * 2048 + b"\n", b"[1]\n", b"5\n", b"no json\n", b"\xff\n"])
def test_a_line_that_is_too_long_or_no_message_closes_the_monitor(play, line, monkeypatch):
    monkeypatch.setattr(qmp, "MAX_LINE_BYTES", 1024)
    _, monitor = play(lambda peer, message: peer.say_raw(line))
    with pytest.raises(QmpClosed, match="the monitor was closed"):
        monitor.execute("query-status", timeout_s=60)


@pytest.mark.parametrize("greeting", [{"hello": 1}, {}, [], 5])
def test_what_does_not_greet_like_a_monitor_is_none(play, greeting):
    with pytest.raises(QmpClosed, match="no greeting from qmp"):
        play(greeting=greeting)


def test_nobody_there_is_no_monitor(tmp_path):
    with pytest.raises(QmpClosed, match="No such file"):
        Monitor(tmp_path / "qmp")


def test_a_monitor_that_another_client_has_says_nothing_and_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(qmp, "CONNECT_TIMEOUT_S", 0.05)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "qmp"))
        listener.listen()
        with pytest.raises(QmpClosed, match="timed out"):
            Monitor(tmp_path / "qmp")


def test_a_descriptor_goes_with_its_command(tmp_path):
    got = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "qmp"))
        listener.listen()

        def serve():
            with listener.accept()[0] as connection:
                connection.sendall(json.dumps(GREETING).encode() + b"\n")
                for _ in range(2):
                    data, descriptors, *_ = socket.recv_fds(connection, 4096, 1)
                    got.extend(descriptors)
                    connection.sendall(json.dumps({"return": {}, "id": json.loads(data)["id"]}).encode() + b"\n")

        thread = threading.Thread(target=serve)
        thread.start()
        read, write = os.pipe()
        monitor = Monitor(tmp_path / "qmp")
        monitor.execute("getfd", {"fdname": "state"}, descriptor=write)
        thread.join(10)
    os.write(got[0], b"state")
    assert os.read(read, 16) == b"state"
    for descriptor in (read, write, *got):
        os.close(descriptor)
