"""uli13's console as a script meets it: records, a scripted hypervisor, and uli14's console as a script."""

import json

import pytest

from tests.handover.conftest import fresh_version, partner, uli14  # noqa: F401 (fixtures)

ROOT = "/api/v1/"


class Script:
    """A client of the API with one user's token, or none."""

    def __init__(self, client, token=""):
        self.client, self.token = client, token

    def call(self, method, path, body=None, key="", **headers):
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if key:
            headers["Idempotency-Key"] = key
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        kind = headers.pop("content_type", "application/json")
        return self.client.generic(method, ROOT + path, content, content_type=kind, headers=headers)

    def get(self, path, **more):
        return self.call("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.call("POST", path, body, **more)

    def log_in(self, user, password):
        return self.post("tokens", {"user": user, "password": password})

    def logged_in(self, user):
        return Script(self.client, self.log_in(user, user).json()["token"])


def refusal(response):
    """(status, key) of a refusal; checks that it is one, with a code."""
    body = response.json()
    assert body["code"].startswith("VIOS")
    assert body["message"]
    assert {"code", "message", "key", "params"} <= set(body)
    return response.status_code, body["key"]


@pytest.fixture
def nobody(client, uli13):
    return Script(client)


@pytest.fixture
def script(nobody, padmin):
    return nobody.logged_in("padmin")


@pytest.fixture
def view_only(nobody, viewer):
    return nobody.logged_in("viewer")


REMOTE = {"remote_manager": "uli14", "remote_user": "padmin", "password": "very secret"}
