"""A small HTTPS server on loopback in another console's place: it answers what a test puts in."""

import socket
import ssl
import threading
from contextlib import contextmanager

from ivmweb.common.certificates import make_certificate

DEADLINE_S = 10


class ScriptedConsole:
    """Each connection gets the next answers, a request each; then it is closed. Requests are kept as bytes."""

    def __init__(self, tmp_path, name="uli14"):
        self.pair = make_certificate(name)
        self.answers = []
        self.requests = []
        self.connections = 0
        self.stopped = threading.Event()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*self._files(tmp_path, name))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.1)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def address(self):
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self):
        self.stopped.set()
        self._thread.join(DEADLINE_S)
        self._listener.close()

    def _files(self, tmp_path, name):
        certificate, key = tmp_path / f"{name}.crt", tmp_path / f"{name}.key"
        certificate.write_text(self.pair.certificate)
        key.write_text(self.pair.key)
        return certificate, key

    def _serve(self):
        while not self.stopped.is_set():
            try:
                plain, _ = self._listener.accept()
            except TimeoutError:
                continue
            plain.settimeout(DEADLINE_S)
            try:
                with self._context.wrap_socket(plain, server_side=True) as connection:
                    self.connections += 1
                    self._talk(connection)
            except OSError:
                plain.close()  # the client did not like what it saw

    def _talk(self, connection):
        reader = connection.makefile("rb")
        while self.answers and (request := read_request(reader)):
            self.requests.append(request)
            answer = self.answers.pop(0)
            if callable(answer):
                answer(connection, self.stopped)
            else:
                connection.sendall(answer)


def read_request(reader):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = reader.readline(65536)
        if not line:
            return b""
        head += line
    length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")
    return head + reader.read(int(length.split(b":")[1]))


def http(body, status="200 OK", headers=""):
    content = body if isinstance(body, bytes) else body.encode()
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\n{headers}\r\n".encode() + content


def says_nothing(connection, stopped):
    stopped.wait(DEADLINE_S)


def slowly(answer, seconds):
    def after_a_while(connection, stopped):
        stopped.wait(seconds)
        connection.sendall(answer)

    return after_a_while


def in_two_parts(answer, seconds):
    """Head and body, each after a while."""

    def one_after_the_other(connection, stopped):
        head, body = answer.split(b"\r\n\r\n", 1)
        for part in (head + b"\r\n\r\n", body):
            stopped.wait(seconds)
            connection.sendall(part)

    return one_after_the_other


def hangs_up(connection, stopped):
    """Without a byte."""


def drips(connection, stopped):
    """A byte at a time, so that no single read ever times out."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not stopped.wait(0.05):
        connection.sendall(b" ")


@contextmanager
def scripted_console(tmp_path, name="uli14"):
    console = ScriptedConsole(tmp_path, name)
    try:
        yield console
    finally:
        console.close()
