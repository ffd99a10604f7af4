"""The client against a real TLS server on loopback, and against the real API in the same process."""

import json
import logging
import time
import traceback
import uuid

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.handlers.wsgi import WSGIHandler

from ivmweb.common.certificates import fingerprint, make_certificate
from ivmweb.common.errors import PeerError
from ivmweb.lab import data
from migration.models import RemoteSystem
from migration.peer import client as client_module
from migration.peer.auth import SIGNATURE_HEADER, sign
from migration.peer.client import Patience, PeerClient
from migration.peer.messages import (
    PROTOCOL_VERSION,
    Answered,
    Challenge,
    PrepareRequest,
    Refused,
    Told,
    ValidateRequest,
)
from migration.states import State
from tests.migration.conftest import hello_of
from tests.migration.scripted_console import (
    drips,
    hangs_up,
    http,
    in_two_parts,
    says_nothing,
    scripted_console,
    slowly,
)

PASSWORD = "correct horse battery staple"
TOKEN = "t" * 43
SECRET = bytes(range(32))


@pytest.fixture
def console(tmp_path):
    with scripted_console(tmp_path) as scripted:
        yield scripted


@pytest.fixture
def remote(uli13, console):
    """uli14, as the entry of this console knows it, at the scripted console's address."""
    uli13.address, uli13.certificate = console.address, console.pair.certificate
    uli13.fingerprint = fingerprint(console.pair.certificate)
    uli13.save()
    return uli13


@pytest.fixture
def peer(remote):
    with PeerClient(remote) as client:
        yield client


def message(migration_id=None):
    return Told(
        migration_id=migration_id or uuid.uuid4(),
        role="source",
        state=State.SURRENDERED,
        fact="parked",
        incarnation="i",
        sequence=7,
    )


def answered(**changes):
    return Answered(state=State.ACCEPTED, fact="loaded", incarnation="j", lpar_id=2, **changes)


def refused(key, code="VIOSE01049000-9126", text="no memory", **params):
    return Refused(code=code, message=text, key=key, params=params).model_dump_json()


def error_of(peer, call=None):
    with pytest.raises(PeerError) as caught:
        (call or peer.hello)()
    return caught.value


# What passes


def test_hello_is_noted_in_the_remote_systems_row(peer, console, remote):
    RemoteSystem.objects.update(system_identity="", system_name="")
    remote.refresh_from_db()
    console.answers = [http(hello_of(data.ULI14).model_dump_json())]
    peer.hello()
    row = RemoteSystem.objects.get()
    assert (row.system_name, row.system_identity) == (data.ULI14.name, data.ULI14.identity)
    assert row.last_heard_at is not None


def test_several_calls_share_one_connection(peer, console):
    console.answers = [http(hello_of(data.ULI14).model_dump_json())] * 3
    for _call in range(3):
        peer.hello()
    assert console.connections == 1


def test_tell_signs_what_it_sends_and_adds_the_token(peer, console):
    console.answers = [http(answered().model_dump_json())]
    told = message()
    assert peer.tell(SECRET, told, token=TOKEN) == answered()
    head, body = console.requests[0].split(b"\r\n\r\n")
    path = f"/api/v1/peer/migrations/{told.migration_id}/state"
    assert head.startswith(f"POST {path} HTTP/1.1\r\n".encode())
    assert f"{SIGNATURE_HEADER}: {sign(SECRET, 'POST', path, body)}".encode() in head
    assert f"Authorization: Bearer {TOKEN}".encode() in head
    assert Told.model_validate_json(body) == told


# Trust


def test_another_certificate_is_refused_with_both_fingerprints(peer, console, remote):
    remote.certificate = make_certificate("uli14").certificate
    remote.fingerprint = fingerprint(remote.certificate)
    with PeerClient(remote) as client:
        error = error_of(client)
    assert error.key == "peer-certificate-changed"
    assert error.permanent
    assert error.params["old"] == remote.fingerprint
    assert error.params["new"] == fingerprint(console.pair.certificate)
    assert "confirm it for the remote system uli14" in error.text
    assert console.requests == []


def test_a_damaged_entry_is_an_error_before_anything_is_sent(remote, console):
    remote.certificate = "damaged"
    with pytest.raises(PeerError) as caught:
        PeerClient(remote)
    assert caught.value.key == "peer-certificate-refused"
    assert console.connections == 0


def test_no_redirect_is_followed(peer, console):
    console.answers = [http("", "302 Found", f"Location: https://{console.address}/elsewhere\r\n")]
    assert error_of(peer).key == "peer-answer-malformed"
    assert len(console.requests) == 1


def test_the_environments_proxy_is_not_used(peer, console, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("SSLKEYLOGFILE", "")
    console.answers = [http(hello_of(data.ULI14).model_dump_json())]
    with PeerClient(peer.remote) as client:
        assert client.hello().host_name == "uli14"


def test_another_system_behind_the_same_address_is_refused(peer, console):
    console.answers = [http(hello_of(data.ULI14, system_identity="7998-60X*OTHER").model_dump_json())]
    error = error_of(peer)
    assert (error.key, error.params["found"]) == ("peer-identity-changed", "7998-60X*OTHER")


def test_another_protocol_version_is_named_whatever_else_it_says(peer, console):
    console.answers = [http(json.dumps({"protocol": PROTOCOL_VERSION + 1, "new_field": []}))]
    error = error_of(peer)
    assert (error.key, error.params["theirs"]) == ("peer-protocol-differs", PROTOCOL_VERSION + 1)
    assert error.params["ours"] == PROTOCOL_VERSION


# Refusals


@pytest.mark.parametrize(("status", "permanent"), [("409 Conflict", True), ("503 Service Unavailable", False)])
def test_a_refusal_is_told_in_the_remotes_words_and_code(peer, console, status, permanent):
    console.answers = [http(refused("check-memory"), status)]
    error = error_of(peer)
    assert error.text == "uli14 says: [VIOSE01049000-9126] no memory"
    assert error.permanent is permanent
    assert error.params["remote_key"] == "check-memory"


@pytest.mark.parametrize(
    ("key", "status", "permanent"),
    [("peer-wrong-password", "401 Unauthorized", True), ("peer-locked-out", "429 Too Many Requests", False)],
)
def test_log_in_refusals_name_user_and_remote_system(peer, console, key, status, permanent):
    console.answers = [http(refused(key, user="someone", remote="else", minutes=6), status)]
    with pytest.raises(PeerError) as caught:
        peer.token("padmin", PASSWORD)
    error = caught.value
    assert (error.key, error.permanent, error.params["user"], error.params["remote"]) == (
        key,
        permanent,
        "padmin",
        "uli14",
    )


# What goes wrong


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff\xfe",
        b"[]",
        json.dumps({"protocol": PROTOCOL_VERSION}).encode(),
        b'{"protocol": "one"}',
        hello_of(data.ULI14).model_copy(update={"system_identity": ""}).model_dump_json().encode(),
        hello_of(data.ULI14).model_dump_json().replace("}", ', "more": 1}').encode(),
        hello_of(data.ULI14).model_dump_json().replace("uli14", "uli\\n14").encode(),
    ],
)
def test_a_malformed_answer_is_an_error(peer, console, body):
    console.answers = [http(body)]
    error = error_of(peer)
    assert error.key == "peer-answer-malformed"
    assert error.permanent


@pytest.mark.parametrize("suspension", ["NaN", "Infinity", "-1"])
def test_an_answer_with_a_number_that_is_none_is_malformed(peer, console, suspension):
    console.answers = [http(answered(suspension_ms=0.5).model_dump_json().replace("0.5", suspension))]
    with pytest.raises(PeerError) as caught:
        peer.tell(SECRET, message())
    assert caught.value.key == "peer-answer-malformed"


def test_an_answer_with_an_unknown_state_is_malformed(peer, console):
    console.answers = [http(answered().model_dump_json().replace("accepted", "elsewhere"))]
    with pytest.raises(PeerError) as caught:
        peer.tell(SECRET, message())
    assert caught.value.key == "peer-answer-malformed"


def test_a_server_error_without_our_message_may_be_tried_again(peer, console):
    console.answers = [http("<html>", "502 Bad Gateway")]
    error = error_of(peer)
    assert (error.key, error.permanent) == ("peer-answer-malformed", False)


def test_an_answer_over_1_mib_is_not_read_to_its_end(peer, console):
    console.answers = [http(b" " * (1024 * 1024 + 1))]
    error = error_of(peer)
    assert error.key == "peer-answer-malformed"
    assert "longer than 1048576 bytes" in error.text


def test_a_refused_connection_says_so(peer, console):
    console.close()
    error = error_of(peer)
    assert (error.key, error.permanent) == ("peer-unreachable", False)
    assert "Connection refused" in error.text


@pytest.mark.parametrize("answer", [says_nothing, drips])
def test_a_slow_answer_ends_at_the_time_limit(remote, console, settings, answer):
    settings.PEER_TIMEOUT_S = 0.4
    console.answers = [answer]
    began = time.monotonic()
    with PeerClient(remote) as client:
        error = error_of(client)
    assert (error.key, error.permanent) == ("peer-timeout", False)
    assert time.monotonic() - began < 5


def test_the_time_limit_is_one_for_head_and_body(remote, console, settings):
    """Each of them comes in time; the call does not."""
    settings.PEER_TIMEOUT_S = 0.6
    console.answers = [in_two_parts(http("<html>"), 0.4)]
    with PeerClient(remote) as client:
        error = error_of(client)
    assert (error.key, error.params["timeout_s"]) == ("peer-timeout", "0.6")


def test_a_person_waits_once_for_a_console_that_is_silent_however_often_it_is_asked(remote, console):
    console.answers = [says_nothing]
    patience, began = Patience(0.4), time.monotonic()
    for _question in range(3):  # each over a connection of its own, as Recover asks
        with PeerClient(remote, patience=patience) as client:
            error = error_of(client)
        assert (error.key, error.params["timeout_s"]) == ("peer-timeout", "0.4")
        assert error.params["remote"] == "uli14"
    assert time.monotonic() - began < 3
    assert console.connections <= 1  # the others were not even tried


def test_what_takes_its_time_there_is_not_counted(remote, console):
    """The checks of Validate ask a hypervisor; they have the usual limit."""
    patience = Patience(0.4)
    console.answers = [slowly(http("<html>"), 0.6), http("<html>")]
    with PeerClient(remote, patience=patience) as client:
        assert error_of(client, lambda: client.validate("x" * 43, validate_request())).key == "peer-answer-malformed"
        assert patience.left_s == 0.4
        assert error_of(client).key == "peer-answer-malformed"
    assert patience.left_s < 0.4


def test_a_lost_connection_may_be_tried_again(peer, console):
    console.answers = [hangs_up]
    error = error_of(peer)
    assert (error.key, error.permanent) == ("peer-connection-lost", False)


# Secrets


@pytest.mark.parametrize(
    "answer",
    [
        http("<html>"),
        http(refused("check-memory"), "409 Conflict"),
        http(json.dumps({"token": PASSWORD, "expires_in_s": PASSWORD})),
        hangs_up,
    ],
)
def test_no_password_token_or_key_is_in_an_error_or_a_log(peer, console, caplog, answer):
    caplog.set_level(logging.DEBUG)
    calls = [
        lambda: peer.token("padmin", PASSWORD),
        lambda: peer.validate(TOKEN, validate_request()),
        lambda: peer.prepare(TOKEN, prepare_request()),
        lambda: peer.tell(SECRET, message(), token=TOKEN),
    ]
    for call in calls:
        console.answers = [answer]
        with pytest.raises(PeerError) as caught:
            call()
        shown = "".join(traceback.format_exception(caught.value)) + caplog.text
        for secret in (PASSWORD, TOKEN, SECRET.hex(), repr(SECRET)):
            assert secret not in shown


def validate_request():
    return ValidateRequest.model_construct(hello=hello_of(data.ULI13), inactive=True)


def prepare_request():
    return PrepareRequest.model_construct(migration_id=uuid.uuid4(), secret=SECRET.hex())


# Against the real API


@pytest.mark.urls("ivmweb.api.urls")
@pytest.mark.usefixtures("kept_connection")
def test_client_and_api_agree_on_every_call(uli14, configuration, monkeypatch):
    """The whole conversation, with the console uli14 in this process instead of behind a network."""
    monkeypatch.setattr(client_module, "own_identity", lambda: data.ULI13.identity)
    certificate = make_certificate("uli14").certificate
    there = RemoteSystem.objects.create(name="uli14", address="127.0.0.1:8414", certificate=certificate)
    with PeerClient(there, httpx.WSGITransport(app=WSGIHandler())) as client:
        assert client.hello() == hello_of(data.ULI14)
        token = client.token("padmin", "padmin").token
        hello = hello_of(data.ULI13)
        request = ValidateRequest(hello=hello, inactive=False, configuration=configuration, clock=time.time())
        assert all(finding.outcome == "passed" for finding in client.validate(token, request).findings)
        request = PrepareRequest(
            migration_id=uuid.uuid4(),
            hello=hello,
            inactive=False,
            secret=SECRET.hex(),
            remote_user="padmin",
            user="padmin",
            configuration=configuration,
        )
        assert client.prepare(token, request).state == State.PREPARED
        told = message(request.migration_id).model_copy(update={"state": State.ABORTING})
        assert client.tell(SECRET, told, token=token).state == State.DECLINED
        client.log_out(token)
        with pytest.raises(PeerError, match="token of user padmin has expired"):
            client.prepare(token, request)


# Logging in by a key


KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))


def given(identity):
    return http(Challenge(challenge="abc", system_identity=identity).model_dump_json())


def test_nothing_is_signed_for_another_system_than_the_one_that_is_known(peer, console, remote):
    """Else a console could have this user's key log it in at another one, with a challenge from there."""
    remote.system_identity = data.ULI14.identity
    console.answers = [given("1234-567*7654321")]
    error = error_of(peer, lambda: peer.token_by_key("padmin", KEY))
    assert (error.key, error.params["found"]) == ("peer-identity-changed", "1234-567*7654321")
    assert len(console.requests) == 1


def test_a_system_that_is_not_known_yet_is_asked_who_it_is_before_anything_is_signed(peer, console, remote):
    remote.system_identity = ""
    console.answers = [http(hello_of(data.ULI14).model_dump_json()), given("1234-567*7654321")]
    assert error_of(peer, lambda: peer.token_by_key("padmin", KEY)).key == "peer-identity-changed"
    assert len(console.requests) == 2
