"""Who may come in over SSH with a password, what whoever may not is told, and what the audit trail says."""

import asyncio

import asyncssh
import pytest
from django.contrib.auth.models import User

from ivmweb.cli import login, sshd
from ivmweb.cli.login import LOCKED, WRONG, by_password
from ivmweb.cli.sshd import Place
from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system.models import AuditEvent

AT = "192.0.2.7"
PARAMS = {"address": "10.0.0.1", "limit": 3, "minutes": 6}


def refusals(name, times):
    return [by_password(name, "wrong", "10.0.0.1") for _number in range(times)]


@pytest.mark.parametrize("name", ["padmin", "nobody", "Grüße, 'x' \"y\""])
def test_the_lock_out_is_told_of_any_name_and_says_for_how_long(padmin, settings, name):
    settings.AXES_FAILURE_LIMIT = 3
    *wrong, locked, again = refusals(name, 4)
    assert [error.key for error in wrong] == [WRONG] * 2
    assert (locked.key, locked.params) == (LOCKED, {"user": name, **PARAMS})
    assert (again.key, again.params) == (LOCKED, {"user": name, **PARAMS})
    assert by_password("padmin", "padmin", "10.0.0.2").user() == padmin


@pytest.fixture
def knocked(monkeypatch, tmp_path):
    """Everything that a client is shown while its password is refused so."""

    def knock(error):
        monkeypatch.setattr(login, "by_password", lambda name, password, address: error)
        shown = []

        class Client(asyncssh.SSHClient):
            def auth_banner_received(self, msg, lang):
                shown.append(msg)

        async def scene():
            server = await sshd.listen(Place("127.0.0.1", 0, tmp_path / "key", 10))
            with pytest.raises(asyncssh.PermissionDenied):
                await asyncssh.connect(
                    "127.0.0.1",
                    server.get_port(),
                    client_factory=Client,
                    username="padmin",
                    password="x",
                    preferred_auth="password",
                    known_hosts=None,
                    client_keys=None,
                    agent_path=None,
                    config=None,
                )
            server.close()
            await server.wait_closed()

        asyncio.run(asyncio.wait_for(scene(), 30))
        return shown

    return knock


def test_who_is_locked_out_is_shown_it(knocked):
    error = PrerequisiteFailed(LOCKED, user="padmin", **PARAMS)
    said = (
        "[VIOSE01049000-9002] Logging in as padmin from 10.0.0.1 is refused: 3 wrong passwords were typed. Wait 6 "
        "min, then log in with the right password.\n"
    )
    assert knocked(error) == [said]


def test_a_wrong_password_alone_shows_nothing(knocked):
    assert knocked(PrerequisiteFailed(WRONG)) == []


def latest():
    event = AuditEvent.objects.first()
    return event.user, event.action, event.thing, event.outcome, event.code, event.origin


def test_the_right_password_lets_in(padmin):
    assert login.by_password("padmin", "padmin", AT).user() == padmin
    assert latest() == ("padmin", "log in", "SSH", "accepted", "", AT)


def test_a_wrong_password_and_an_unknown_user_are_refused_alike(padmin):
    for name in ("padmin", "nobody"):
        assert login.by_password(name, "wrong", AT).key == WRONG
        assert latest() == (name, "log in", "SSH", "refused", "VIOSE01049000-9001", AT)


def test_after_too_many_wrong_ones_the_right_one_is_refused_too(padmin, settings):
    settings.AXES_FAILURE_LIMIT = 2
    refused = [login.by_password("padmin", password, AT).key for password in ("wrong", "wrong", "padmin")]
    assert refused == [WRONG, LOCKED, LOCKED]
    assert latest() == ("padmin", "log in", "SSH", "refused", "VIOSE01049000-9002", AT)
    assert "2 wrong passwords were typed. Wait 6 min" in AuditEvent.objects.first().text


def test_an_account_without_a_role_is_refused_as_a_wrong_password(db):
    User.objects.create_user("guest", password="guest")
    assert login.by_password("guest", "guest", AT).key == WRONG
    assert latest() == ("guest", "log in", "SSH", "refused", "VIOSE01049000-9001", AT)
