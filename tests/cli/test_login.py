"""Who comes in over SSH with a password, and what the audit trail says of it."""

from django.contrib.auth.models import User

from ivmweb.cli import login
from ivmweb.system.models import AuditEvent

AT = "192.0.2.7"


def latest():
    event = AuditEvent.objects.first()
    return event.user, event.action, event.thing, event.outcome, event.code, event.origin


def test_the_right_password_lets_in(padmin):
    assert login.by_password("padmin", "padmin", AT).user() == padmin
    assert latest() == ("padmin", "log in", "SSH", "accepted", "", AT)


def test_a_wrong_password_and_an_unknown_user_are_refused_alike(padmin):
    for name in ("padmin", "nobody"):
        assert login.by_password(name, "wrong", AT) is None
        assert latest() == (name, "log in", "SSH", "refused", "VIOSE01049000-9001", AT)


def test_after_too_many_wrong_ones_the_right_one_is_refused_too(padmin, settings):
    settings.AXES_FAILURE_LIMIT = 2
    for password in ("wrong", "wrong", "padmin"):
        assert login.by_password("padmin", password, AT) is None
    assert latest() == ("padmin", "log in", "SSH", "refused", "VIOSE01049000-9002", AT)
    assert "2 wrong passwords were typed. Wait 6 min" in AuditEvent.objects.first().text


def test_an_account_without_a_role_is_refused_as_a_wrong_password(db):
    User.objects.create_user("guest", password="guest")
    assert login.by_password("guest", "guest", AT) is None
    assert latest() == ("guest", "log in", "SSH", "refused", "VIOSE01049000-9001", AT)
