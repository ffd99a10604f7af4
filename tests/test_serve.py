"""The web process as it is run: two listeners, one certificate, one stop."""

import asyncio
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from threading import Thread

import pytest
import uvicorn
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from ivmweb import serve
from ivmweb.common.certificates import fingerprint, make_certificate, pinned_context
from ivmweb.pages.terminal import LONGEST_MESSAGE
from ivmweb.serve import address
from tools.paths import ROOT

pytestmark = pytest.mark.timeout(40)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def web(tmp_path):
    """A web process: (process, HTTP port, HTTPS port, state folder), already answering."""
    plain, secured = free_port(), free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("IVM_")},
        "DJANGO_SETTINGS_MODULE": "ivmweb.settings",
        "IVM_SECRET_KEY": "a key for this test only",
        "IVM_STATE_DIR": str(tmp_path),
        "IVM_HTTP_BIND": f"127.0.0.1:{plain}",
        "IVM_HTTPS_BIND": f"127.0.0.1:{secured}",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "ivmweb.serve"], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    )
    up = 0
    for line in process.stderr:
        up += "Uvicorn running on" in line
        if up == 2:
            break
    assert up == 2, "the web process has ended"
    yield process, plain, secured, tmp_path
    process.kill()
    process.communicate()


def test_one_process_answers_http_and_https_with_its_own_certificate(web):
    _, plain, secured, state = web
    certificate = (state / "console.crt").read_text()
    connections = [
        http.client.HTTPConnection("127.0.0.1", plain, timeout=10),
        http.client.HTTPSConnection("127.0.0.1", secured, timeout=10, context=pinned_context(certificate)),
    ]
    for connection in connections:
        connection.request("GET", "/no-such-page")
        assert connection.getresponse().status == 404
    assert fingerprint(connections[1].sock.getpeercert(binary_form=True)) == fingerprint(certificate)
    for connection in connections:
        connection.close()


def test_a_request_to_stop_ends_both_listeners_although_a_browser_stays_connected(web):
    process, plain, secured, _ = web
    with socket.create_connection(("127.0.0.1", plain)), socket.create_connection(("127.0.0.1", secured)):
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_a_web_socket_is_refused_to_who_has_not_logged_in(web):
    _, plain, *_ = web
    for origin in (f"http://127.0.0.1:{plain}", "http://evil.example", None):
        with pytest.raises(InvalidStatus, match="403"):
            connect(f"ws://127.0.0.1:{plain}/terminal/", origin=origin, proxy=None)


@contextmanager
def running(config):
    server = serve.Server(config)

    def run():
        with asyncio.Runner(loop_factory=serve.Loop) as runner:
            runner.run(server.serve())

    thread = Thread(target=run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)


async def echo(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "bytes": message["bytes"]})


def test_a_message_that_is_too_long_ends_its_web_socket():
    port = free_port()
    config = serve.config(f"127.0.0.1:{port}")
    config.loaded_app = echo
    with running(config), connect(f"ws://127.0.0.1:{port}/", proxy=None) as client:
        client.send(b"x" * LONGEST_MESSAGE)
        assert client.recv(10) == b"x" * LONGEST_MESSAGE
        client.send(b"x" * (LONGEST_MESSAGE + 1))
        with pytest.raises(ConnectionClosed, match="1009"):
            client.recv(10)


@pytest.fixture
def hasty(monkeypatch, tmp_path):
    """A server with the protocol and the loop of the web process, and short times; its port and certificate."""
    made = make_certificate("uli13")
    (tmp_path / "crt").write_text(made.certificate)
    (tmp_path / "key").write_text(made.key)
    monkeypatch.setattr(serve, "HANDSHAKE_S", 0.5)
    monkeypatch.setattr(serve, "HEAD_S", 0.5)

    async def application(scope, receive, send):
        await asyncio.sleep(1.0)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    port = free_port()
    options = {"ssl_certfile": str(tmp_path / "crt"), "ssl_keyfile": str(tmp_path / "key"), "lifespan": "off"}
    config = uvicorn.Config(application, port=port, http=serve.Protocol, log_config=None, **options)
    with running(config):
        yield port, made.certificate


def ends_within_s(connection):
    began = time.monotonic()
    connection.settimeout(5)
    with suppress(ConnectionError):
        assert connection.recv(1) == b""
    return time.monotonic() - began


def test_a_connection_that_never_speaks_tls_is_ended(hasty):
    port, _ = hasty
    with socket.create_connection(("127.0.0.1", port)) as silent:
        assert ends_within_s(silent) < 3


@pytest.mark.parametrize("said", [b"", b"GET /", b"GET / HTTP/1.1\r\nHost: x\r\n"], ids=["none", "a word", "no end"])
def test_a_connection_without_a_whole_request_is_ended(hasty, said):
    port, certificate = hasty
    with pinned_context(certificate).wrap_socket(socket.create_connection(("127.0.0.1", port))) as link:
        link.sendall(said)
        assert ends_within_s(link) < 3


def test_a_slow_answer_is_waited_for(hasty):
    """Only the head of a request has to come in time; twice on the same connection."""
    port, certificate = hasty
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=pinned_context(certificate))
    for _ in range(2):
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (204, b"")
    connection.close()


def test_an_address_to_listen_on_is_host_and_port():
    assert address("127.0.0.1:8013") == ("127.0.0.1", 8013)
    assert address("[::1]:8013") == ("::1", 8013)
    with pytest.raises(ValueError, match="HOST:PORT"):
        address("8013")
