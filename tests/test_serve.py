"""The web process as it is run: two listeners, one certificate, one stop."""

import http.client
import os
import signal
import socket
import subprocess
import sys

import pytest

from ivmweb.common.certificates import fingerprint, pinned_context
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


def test_an_address_to_listen_on_is_host_and_port():
    assert address("127.0.0.1:8013") == ("127.0.0.1", 8013)
    assert address("[::1]:8013") == ("::1", 8013)
    with pytest.raises(ValueError, match="HOST:PORT"):
        address("8013")
