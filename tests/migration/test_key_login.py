"""Logging in to another console by a user's key, at uli14: what mkauthkeys makes, and what is refused."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.contrib.auth import authenticate
from django.test import RequestFactory

from ivmweb.lab import data
from ivmweb.monitor.models import MonitorTask
from ivmweb.system import keys
from ivmweb.system.models import AuditEvent, AuthorizedKey
from migration.models import MobilityToken
from migration.peer import auth
from migration.peer.key_login import content_of
from migration.peer.messages import Challenge, KeyRequest, KeyTokenRequest
from tests.migration.test_peer_api import post, refusal

pytestmark = [pytest.mark.django_db, pytest.mark.urls("ivmweb.api.urls")]
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))


@pytest.fixture
def console(uli14):
    return uli14


@pytest.fixture
def let_in(client, console):
    def let_in(password="padmin", key=None):
        line = key or f"{keys.line_of(KEY.public_key())} padmin@uli13"
        return post(client, "keys", KeyRequest(user="padmin", password=password, key=line))

    return let_in


@pytest.fixture
def log_in(client, console):
    """By the key, with what may be changed before and after it is signed."""

    def log_in(user="padmin", key=KEY, altered=None, **changed):
        given = Challenge.model_validate_json(client.get("/api/v1/peer/challenge").content)
        fields = {
            "user": user,
            "system_identity": data.ULI13.identity,
            "partner_identity": given.system_identity,
            "challenge": given.challenge,
            "key": key.public_key().public_bytes_raw().hex(),
            "signature": "",
        } | changed
        request = KeyTokenRequest(**fields)
        signed = request.model_copy(update={"signature": key.sign(content_of(request)).hex()} | (altered or {}))
        return post(client, "key-token", signed)

    return log_in


def test_a_key_that_the_user_has_let_in_gives_a_token_of_that_user(let_in, log_in):
    assert let_in().status_code == 204
    answer = log_in()
    assert answer.status_code == 200
    row = auth.valid_token(answer.json()["token"])
    assert (row.user, row.system_identity, row.may_change) == ("padmin", data.ULI13.identity, True)
    assert [(e.action, e.outcome) for e in AuditEvent.objects.filter(action="mobility token")] == [
        ("mobility token", "accepted")
    ]


def test_letting_a_key_in_twice_is_one_key_with_the_name_of_its_owner(let_in):
    let_in()
    assert let_in().status_code == 204
    [row] = AuthorizedKey.objects.all()
    assert (row.user.username, row.comment) == ("padmin", "padmin@uli13")
    assert {task.name for task in MonitorTask.objects.all()} == {"Add SSH Key"}


def test_a_wrong_password_lets_no_key_in_and_counts_with_the_log_in_page(let_in, settings):
    for _attempt in range(settings.AXES_FAILURE_LIMIT):
        let_in("wrong")
    assert refusal(let_in("wrong")) == (429, "peer-locked-out")
    assert authenticate(RequestFactory().post("/login/"), username="padmin", password="padmin") is None
    assert not AuthorizedKey.objects.exists()


def test_what_is_no_key_is_refused(let_in):
    assert refusal(let_in(key="nonsense"))[1] == "key-wrong"
    assert not AuthorizedKey.objects.exists()


OTHER = Ed25519PrivateKey.from_private_bytes(bytes([1] * 32))
WRONG = {
    "another key": {"key": OTHER},
    "another user": {"user": "viewer"},
    "nobody": {"user": "nobody"},
    "signed for another console": {"partner_identity": data.ULI13.identity},
    "a challenge of its own": {"challenge": "gAAAAA"},
    "a changed user": {"altered": {"user": "padmin", "system_identity": "1234-567*7654321"}},
    "no signature": {"altered": {"signature": ""}},
    "a signature by another key": {"altered": {"key": OTHER.public_key().public_bytes_raw().hex()}},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_anything_else_is_refused_in_the_same_words(let_in, log_in, wrong):
    let_in()
    answer = log_in(**wrong)
    assert refusal(answer) == (401, "peer-key-refused")
    assert not MobilityToken.objects.exists()


def test_a_challenge_lasts_a_minute_by_the_clock_of_who_gave_it(let_in, log_in, monkeypatch):
    let_in()
    now = __import__("time").time
    given = auth.seal(b"challenge " + bytes(16)).decode()
    monkeypatch.setattr("time.time", lambda: now() + 59)
    assert log_in(challenge=given).status_code == 200
    monkeypatch.setattr("time.time", lambda: now() + 62)
    assert refusal(log_in(challenge=given)) == (401, "peer-key-refused")


def test_other_secrets_of_the_console_are_no_challenges(let_in, log_in):
    let_in()
    assert refusal(log_in(challenge=auth.seal(b"something else").decode()))[1] == "peer-key-refused"


def test_a_removed_key_and_a_locked_user_come_in_no_more(let_in, log_in):
    let_in()
    user = AuthorizedKey.objects.get().user
    user.is_active = False
    user.save()
    assert refusal(log_in())[1] == "peer-key-refused"
    user.is_active = True
    user.save()
    assert log_in().status_code == 200
    keys.remove("padmin@uli13", user=user, origin="test")
    assert refusal(log_in())[1] == "peer-key-refused"


def test_hostile_bodies_are_refused_in_words(client, console):
    for path in ("keys", "key-token"):
        for body in ({}, {"user": "x" * 200}, {"key": "zz", "signature": "é"}, []):
            assert refusal(post(client, path, json.dumps(body).encode()))[0] == 422
