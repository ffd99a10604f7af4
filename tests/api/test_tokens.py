"""Logging in over the API, and how long a token is worth something."""

import datetime as dt

import pytest
from django.contrib.auth import authenticate
from django.test import RequestFactory
from django.utils import timezone

from ivmweb.api import tokens
from ivmweb.api.models import ApiToken
from ivmweb.system import rights
from ivmweb.system.models import AuditEvent
from migration.models import MobilityToken
from tests.api.conftest import REMOTE, Script, refusal


def age(**fields):
    ApiToken.objects.update(**{name: timezone.now() - age for name, age in fields.items()})


def test_the_right_password_gives_a_token_of_which_only_the_hash_is_kept(nobody, padmin):
    answer = nobody.log_in("padmin", "padmin")
    body = answer.json()
    row = ApiToken.objects.get()
    assert answer.status_code == 201
    assert body["token"] not in (row.hash, row.password_stamp)
    assert (body["user"], body["idle_s"]) == ("padmin", 1800)
    assert body["rights"] == sorted(rights.Right)
    assert Script(nobody.client, body["token"]).get("system").status_code == 200


def test_a_wrong_password_and_an_unknown_user_are_refused_alike(nobody, padmin):
    answers = [nobody.log_in("padmin", "wrong"), nobody.log_in("nobody", "wrong")]
    assert [refusal(answer) for answer in answers] == [(401, "login-refused")] * 2
    assert answers[0].json() == answers[1].json()
    assert answers[0].headers["WWW-Authenticate"] == "Bearer"


def test_log_in_and_log_out_are_audited(nobody, padmin):
    nobody.log_in("padmin", "wrong")
    nobody.logged_in("padmin").call("DELETE", "tokens")
    events = AuditEvent.objects.order_by("pk").values_list("user", "action", "outcome", "code", "origin")
    assert list(events) == [
        ("padmin", "log in", "refused", "VIOSE01049000-9001", "127.0.0.1"),
        ("padmin", "log in", "accepted", "", "127.0.0.1"),
        ("padmin", "log out", "accepted", "", "127.0.0.1"),
    ]


def test_the_lock_out_is_shared_with_the_log_in_page(nobody, padmin, settings):
    settings.AXES_FAILURE_LIMIT = 2
    assert authenticate(RequestFactory().post("/login/"), username="padmin", password="wrong") is None
    assert refusal(nobody.log_in("padmin", "wrong")) == (429, "login-locked")
    answer = nobody.log_in("padmin", "padmin")
    assert refusal(answer) == (429, "login-locked")
    assert "Wait 6 min" in answer.json()["message"]
    assert answer.headers["Retry-After"] == "360"
    assert authenticate(RequestFactory().post("/login/"), username="padmin", password="padmin") is None


def test_a_token_that_was_logged_out_is_nothing_any_more(script):
    assert script.call("DELETE", "tokens").status_code == 204
    assert refusal(script.get("system")) == (401, "api-token-invalid")


def test_logging_out_gives_the_mobility_token_back(script, partner, uli13lp1):
    script.post("partitions/2/validate", REMOTE)
    script.call("DELETE", "tokens")
    assert partner.logged_out == ["x" * 43]


def test_a_token_ends_by_inactivity(script, settings):
    age(last_used_at=dt.timedelta(seconds=settings.SESSION_COOKIE_AGE + 1))
    assert refusal(script.get("system")) == (401, "api-token-invalid")


def test_a_call_keeps_a_token_alive_but_not_for_ever(script):
    age(last_used_at=dt.timedelta(minutes=20))
    assert script.get("system").status_code == 200
    assert timezone.now() - ApiToken.objects.get().last_used_at < dt.timedelta(minutes=1)
    age(expires_at=dt.timedelta())
    assert refusal(script.get("system")) == (401, "api-token-invalid")


def test_a_new_password_ends_the_tokens_of_the_old_one(script, padmin):
    padmin.set_password("another")
    padmin.save()
    assert refusal(script.get("system")) == (401, "api-token-invalid")


def test_a_user_who_is_locked_loses_the_tokens(script, padmin):
    padmin.is_active = False
    padmin.save()
    assert refusal(script.get("system")) == (401, "api-token-invalid")


def test_rights_are_those_of_now(script, padmin):
    rights.give_role(padmin, rights.VIEW_ONLY)
    assert refusal(script.post("partitions/2/activate")) == (403, "no-right")


def test_of_too_many_tokens_the_one_unused_for_longest_ends(nobody, padmin, monkeypatch):
    monkeypatch.setattr(tokens, "TOKENS_OF_A_USER", 2)
    first = nobody.logged_in("padmin")
    second = nobody.logged_in("padmin")
    age(last_used_at=dt.timedelta(minutes=5))
    first.get("system")  # used, so it is not the oldest any more
    nobody.logged_in("padmin")
    assert first.get("system").status_code == 200
    assert refusal(second.get("system")) == (401, "api-token-invalid")


def test_ended_tokens_are_swept_at_the_next_log_in(nobody, script, viewer):
    age(expires_at=dt.timedelta())
    nobody.logged_in("viewer")
    assert [row.user for row in ApiToken.objects.all()] == [viewer]


def test_a_session_cookie_opens_nothing(nobody, padmin):
    nobody.client.force_login(padmin)
    assert nobody.client.get("/tasks/").status_code == 200
    assert refusal(nobody.get("system")) == (401, "api-token-missing")


@pytest.mark.parametrize("header", ["", "Basic cGFkbWluOnBhZG1pbg==", "Bearer", "Bearer invented"])
def test_without_a_token_nothing_is_answered(nobody, header):
    assert refusal(nobody.get("partitions", Authorization=header))[0] == 401


def test_tokens_of_users_and_of_consoles_are_two_things(script, nobody, uli14):
    """Neither opens the other's calls."""
    peer = {"user": "padmin", "password": "padmin", "system_identity": uli14.system_identity}
    mobility = nobody.post("peer/token", peer).json()["token"]
    assert refusal(Script(nobody.client, mobility).get("partitions")) == (401, "api-token-invalid")
    assert refusal(script.call("DELETE", "peer/token")) == (401, "peer-token-unknown")
    assert MobilityToken.objects.get().expires_at > timezone.now()
