"""Who gets a channel: only the source that knows the key, whatever else knocks at the port."""

import secrets
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from uuid import UUID

import pytest

from ivmweb.common.errors import OperationFailed, PeerError, PrerequisiteFailed
from migration.mover import link as links
from migration.mover import listener as listeners
from migration.mover import wire
from migration.mover.certificate import make_certificate
from migration.mover.connector import Connector
from migration.mover.errors import Refused
from migration.mover.link import Closed, MoverAddress, client_context, receive_exactly, server_context
from migration.mover.listener import Listener, PortRange
from migration.mover.wire import Channel

pytestmark = pytest.mark.timeout(30)
MIGRATION = UUID("6f0c5a3e-9d0e-4f0e-8a53-0d5d4f2b7c11")
KEY = bytes(range(32))


@pytest.fixture
def listener():
    with Listener("127.0.0.1", PortRange(0, 0), KEY, MIGRATION) as listener:
        yield listener


@pytest.fixture
def accepting(listener):
    """The listener, waiting in a thread; the result is a Future."""
    ended = []
    with ThreadPoolExecutor(1) as pool:

        def tick():
            if ended:
                raise KeyboardInterrupt

        future = pool.submit(listener.wait_for_channels, 20, tick)
        yield future
        ended.append(True)


def address(listener, **changes):
    values = {"host": "127.0.0.1", "port": listener.port, "fingerprint": listener.fingerprint}
    return MoverAddress(**(values | {"key": KEY, "migration_id": MIGRATION} | changes))


def connect(address):
    connector = Connector(address)
    connector.start()
    assert connector.wait(15)
    try:
        return connector.channels()
    except Exception:
        connector.close()
        raise


def comes_through(listener, accepting):
    state, back = connect(address(listener))
    channels = accepting.result(timeout=5)
    state.setblocking(True)
    channels.back.setblocking(True)
    state.sendall(b"state")
    channels.back.sendall(b"back!")
    channels.state.settimeout(5)
    back.settimeout(5)
    assert (channels.state.recv(5), back.recv(5)) == (b"state", b"back!")
    channels.close()
    state.close()
    back.close()


def tls(listener, context=None):
    connection = socket.create_connection(("127.0.0.1", listener.port), timeout=5)
    return (context or client_context()).wrap_socket(connection)


def received(link):
    """One byte, or none where the other end is gone; without a farewell Pythons differ in how they say so."""
    try:
        return link.recv(1)
    except ssl.SSLError:
        return b""


def is_closed(connection):
    connection.settimeout(5)
    try:
        return received(connection) == b""
    except ConnectionError:
        return True


def test_a_source_that_knows_the_key_gets_both_channels(listener, accepting):
    comes_through(listener, accepting)


def test_both_ends_speak_tls_1_3_and_keep_no_session(listener, accepting):
    state, back = connect(address(listener))
    channels = accepting.result(timeout=5)
    assert state.version() == channels.state.version() == "TLSv1.3"
    assert state.session is None or not state.session.has_ticket
    for connection in (state, back, channels):
        connection.close()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"fingerprint": "00" * 32}, Refused),
        ({"key": bytes(32)}, PeerError),
        ({"migration_id": UUID(int=7)}, PeerError),
    ],
    ids=["certificate", "key", "migration"],
)
def test_a_wrong_source_gets_nothing_and_the_right_one_still_does(listener, accepting, monkeypatch, changes, error):
    monkeypatch.setattr("migration.mover.connector.OPENING_TIMEOUT_S", 0.7)
    with pytest.raises(error):
        connect(address(listener, **changes))
    assert not accepting.done()
    monkeypatch.undo()
    comes_through(listener, accepting)


def test_one_wrong_bit_anywhere_in_a_claim_ends_the_connection(listener, accepting):
    for position in range(0, wire.CLAIM_BYTES, 7):
        with tls(listener) as stranger:
            nonce = wire.unpack_greeting(receive_exactly(stranger, wire.GREETING_BYTES, time.monotonic() + 5))
            opening = wire.Opening(nonce, bytes(32), MIGRATION, Channel.STATE, bytes.fromhex(listener.fingerprint))
            proof = opening.proof(KEY, wire.SOURCE_LABEL)
            claim = bytearray(wire.pack_claim(wire.Claim(MIGRATION, Channel.STATE, bytes(32), proof)))
            claim[position] ^= 0x10
            stranger.sendall(claim)
            assert is_closed(stranger), position
    comes_through(listener, accepting)


def test_a_recorded_claim_is_worth_nothing_on_another_connection(listener, accepting):
    with tls(listener) as first:
        nonce = wire.unpack_greeting(receive_exactly(first, wire.GREETING_BYTES, time.monotonic() + 5))
    opening = wire.Opening(nonce, bytes(32), MIGRATION, Channel.STATE, bytes.fromhex(listener.fingerprint))
    claim = wire.Claim(MIGRATION, Channel.STATE, bytes(32), opening.proof(KEY, wire.SOURCE_LABEL))
    with tls(listener) as second:
        second.sendall(wire.pack_claim(claim))
        receive_exactly(second, wire.GREETING_BYTES, time.monotonic() + 5)
        assert is_closed(second)


def test_a_taken_channel_is_not_given_again(listener, accepting):
    deadline = time.monotonic() + 5
    with links.open_channel(address(listener), Channel.STATE, deadline, lambda _: None):
        with pytest.raises((OSError, Closed)):
            links.open_channel(address(listener), Channel.STATE, deadline, lambda _: None)
        links.open_channel(address(listener), Channel.RETURN, deadline, lambda _: None).close()
        accepting.result(timeout=5).close()


def test_a_channel_that_lost_its_place_once_it_was_proved_is_open_to_its_source_again(
    listener, accepting, monkeypatch
):
    """A crowd knocks between the answer and the moment when the channel is handed in."""
    hand_in, evicted = Listener._hand_in, []

    def after_a_crowd(self, channel, link):
        if not evicted:
            evicted.append(channel)
            self._pending.remove(link)
            links.abort(link)
        hand_in(self, channel, link)

    monkeypatch.setattr(Listener, "_hand_in", after_a_crowd)
    with links.open_channel(address(listener), Channel.STATE, time.monotonic() + 5, lambda _: None) as link:
        assert is_closed(link)
    assert evicted
    comes_through(listener, accepting)


@pytest.mark.parametrize(
    "greet",
    [
        lambda stranger: stranger.sendall(b"GET / HTTP/1.1\r\n\r\n"),
        lambda stranger: stranger.sendall(secrets.token_bytes(4096)),
        lambda stranger: stranger.sendall(bytes.fromhex("16030100")),
        lambda stranger: stranger.shutdown(socket.SHUT_RDWR),
        lambda stranger: None,
    ],
    ids=["http", "noise", "half a record", "gone", "silent"],
)
def test_strangers_that_come_first_disturb_nobody(listener, accepting, greet):
    with ExitStack() as strangers:
        for _ in range(5):
            connection = socket.create_connection(("127.0.0.1", listener.port))
            strangers.enter_context(connection)
            greet(connection)
        comes_through(listener, accepting)


def test_more_silent_strangers_than_places_do_not_keep_the_source_out(listener, accepting):
    with ExitStack() as strangers:
        crowd = [socket.create_connection(("127.0.0.1", listener.port)) for _ in range(3 * listeners.MAX_PENDING)]
        for connection in crowd:
            strangers.enter_context(connection)
        assert is_closed(crowd[0])  # the oldest made place
        comes_through(listener, accepting)


def test_a_stranger_that_drips_bytes_is_closed_at_the_deadline(listener, accepting, monkeypatch):
    monkeypatch.setattr(listeners, "OPENING_TIMEOUT_S", 0.5)
    with tls(listener) as stranger:
        receive_exactly(stranger, wire.GREETING_BYTES, time.monotonic() + 5)
        started = time.monotonic()
        with suppress(OSError):
            while time.monotonic() - started < 5:
                stranger.send(b"\0")
                time.sleep(0.05)
        assert time.monotonic() - started < 3


def test_tls_1_2_is_refused(listener, accepting):
    context = client_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        tls(listener, context)
    comes_through(listener, accepting)


def test_an_impostor_with_the_certificate_but_without_the_key_is_refused():
    """The fingerprint alone does not make a mover: the destination proves the key as well."""
    certificate = make_certificate()
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:

        def impersonate():
            with server_context(certificate).wrap_socket(server.accept()[0], server_side=True) as link:
                link.sendall(wire.pack_greeting(bytes(32)))
                receive_exactly(link, wire.CLAIM_BYTES, time.monotonic() + 5)
                link.sendall(bytes(32))

        running = pool.submit(impersonate)
        with pytest.raises(Refused, match="does not know the key"):
            connect(MoverAddress("127.0.0.1", server.getsockname()[1], certificate.fingerprint, KEY, MIGRATION))
        running.result(timeout=5)


def test_nothing_is_sent_to_a_wrong_certificate():
    certificate, other = make_certificate(), make_certificate()
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:

        def listen():
            with server_context(certificate).wrap_socket(
                server.accept()[0], server_side=True, suppress_ragged_eofs=True
            ) as link:
                link.settimeout(5)
                return received(link)

        running = pool.submit(listen)
        with pytest.raises(Refused, match="certificate"):
            connect(MoverAddress("127.0.0.1", server.getsockname()[1], other.fingerprint, KEY, MIGRATION))
        assert running.result(timeout=5) == b""


def test_nobody_listening_is_said_with_address_and_reason(monkeypatch):
    monkeypatch.setattr("migration.mover.connector.OPENING_TIMEOUT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(PeerError) as caught:
        connect(MoverAddress("127.0.0.1", port, "00" * 32, KEY, MIGRATION))
    assert caught.value.key == "mover-unreachable"
    assert not caught.value.permanent
    assert f"127.0.0.1:{port}" in caught.value.text
    assert "connection refused" in caught.value.text


def test_a_listener_takes_the_first_free_port_of_its_range_and_says_when_none_is(listener):
    taken = PortRange(listener.port, listener.port)
    with pytest.raises(OperationFailed) as caught:
        Listener("127.0.0.1", taken, KEY, MIGRATION)
    assert caught.value.key == "mover-no-port"
    wider = PortRange(listener.port, listener.port + 20)
    with Listener("127.0.0.1", wider, KEY, MIGRATION) as second:
        assert wider.low < second.port <= wider.high


@pytest.mark.parametrize(
    ("text", "ports"), [("0", (0, 0)), ("30100", (30100, 30100)), (" 30100-30107 ", (30100, 30107))]
)
def test_port_ranges_are_read(text, ports):
    assert PortRange.parse(text) == PortRange(*ports)


@pytest.mark.parametrize("text", ["", "-", "x", "30107-30100", "0-10", "65535-65536", "-5", "1-2-3"])
def test_port_ranges_that_make_no_sense_are_refused(text):
    with pytest.raises(PrerequisiteFailed, match="9461"):
        PortRange.parse(text)


def test_the_port_is_closed_once_both_channels_are_taken(listener, accepting):
    comes_through(listener, accepting)
    with pytest.raises(OSError):  # noqa: PT011
        socket.create_connection(("127.0.0.1", listener.port), timeout=1)


def test_the_key_is_in_no_text(listener):
    expected = address(listener)
    assert KEY.hex() not in repr(expected)
    assert repr(KEY)[2:-1] not in repr(expected)
    assert "PRIVATE" not in repr(make_certificate())
    with pytest.raises(ValueError, match="32 bytes, not 5"):
        address(listener, key=b"short")


def test_each_certificate_is_new():
    assert len({make_certificate().fingerprint for _ in range(3)}) == 3
