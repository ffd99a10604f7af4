import pytest
from django.contrib.auth.models import User

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.monitor.models import MonitorTask
from ivmweb.system import users
from ivmweb.system.models import AuditEvent
from ivmweb.system.rights import PRIME_ADMINISTRATOR, VIEW_MODIFY, VIEW_ONLY, Right, rights_of, role_of

GOOD = "blue-Harbour-42"


def key_of(act):
    with pytest.raises(PrerequisiteFailed) as refused:
        act()
    return refused.value.key


def change(user, old, new, again=None):
    users.change_own_password(
        user, old, new, new if again is None else again, is_password=user.check_password, origin="127.0.0.1"
    )


def create(padmin, name="operator", role=VIEW_MODIFY, password=GOOD, again=None):
    return users.create(name, role, password, password if again is None else again, user=padmin, origin="127.0.0.1")


def test_everybody_changes_their_own_password(viewer):
    change(viewer, "viewer", GOOD)
    assert User.objects.get(pk=viewer.pk).check_password(GOOD)
    assert (AuditEvent.objects.get().action, MonitorTask.objects.get().name) == ("Change Password",) * 2


@pytest.mark.parametrize(
    ("old", "new", "again", "key"),
    [
        ("wrong", GOOD, GOOD, "password-old-wrong"),
        ("padmin", "padmin", "padmin", "password-same"),
        ("padmin", GOOD, GOOD + "x", "passwords-differ"),
        ("padmin", "short", "short", "password-refused"),
        ("padmin", "padmin12", "padmin12", "password-refused"),
        ("padmin", "password123", "password123", "password-refused"),
        ("padmin", "74926150382", "74926150382", "password-refused"),
    ],
)
def test_a_password_that_is_not_accepted_changes_nothing(padmin, old, new, again, key):
    assert key_of(lambda: change(padmin, old, new, again)) == key
    assert User.objects.get(pk=padmin.pk).check_password("padmin")
    assert MonitorTask.objects.get().status == "failed"


def test_no_record_holds_a_password(padmin):
    change(padmin, "padmin", GOOD)
    key_of(lambda: change(padmin, "very wrong", "short"))
    written = [str(row) for model in (AuditEvent, MonitorTask) for row in model.objects.values()]
    assert GOOD not in str(written)
    assert "very wrong" not in str(written)


def test_a_refusal_says_every_rule_that_is_broken(padmin):
    with pytest.raises(PrerequisiteFailed, match=r"too short.*entirely numeric"):
        change(padmin, "padmin", "1234567")


def test_a_created_user_has_the_role_and_may_do_all_but_user_maintenance(padmin):
    user = create(padmin)
    assert role_of(user) == VIEW_MODIFY
    assert rights_of(user) == frozenset(Right) - {Right.MANAGE_USERS}
    assert user.check_password(GOOD)


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"name": "1st"}, "user-id-wrong"),
        ({"name": "a b"}, "user-id-wrong"),
        ({"name": "x" * 33}, "user-id-wrong"),
        ({"name": ""}, "user-id-wrong"),
        ({"name": "padmin"}, "user-exists"),
        ({"name": "PADMIN"}, "user-exists-in-other-case"),
        ({"name": "zed", "password": "zedzedzed", "again": "zedzedzed"}, "password-refused"),
        ({"name": "zed", "password": "Zed1zed2zed", "again": "Zed1zed2zed"}, "password-refused"),
        ({"role": PRIME_ADMINISTRATOR}, "role-not-given"),
        ({"role": "root"}, "role-not-given"),
        ({"password": "short"}, "password-refused"),
        ({"again": "other"}, "passwords-differ"),
    ],
)
def test_a_user_who_cannot_be_created_is_refused(padmin, fields, key):
    assert key_of(lambda: create(padmin, **fields)) == key
    assert User.objects.count() == 1


def test_the_prime_administrator_gives_a_password_and_removes(padmin):
    user = create(padmin, role=VIEW_ONLY)
    users.set_password(user, "green-Harbour-43", "green-Harbour-43", user=padmin, origin="")
    assert User.objects.get(pk=user.pk).check_password("green-Harbour-43")
    users.remove(user, user=padmin, origin="")
    assert User.objects.count() == 1


def test_the_prime_administrator_cannot_be_removed(padmin, db):
    root = User.objects.create_superuser("root", password="x")
    for account in (padmin, root):
        assert key_of(lambda account=account: users.remove(account, user=padmin, origin="")) == (
            "prime-administrator-stays"
        )
    assert User.objects.count() == 2


def test_others_manage_no_users(padmin, viewer):
    operator = create(padmin)
    for user in (operator, viewer):
        assert key_of(lambda user=user: create(user, name="another")) == "no-right"
        assert key_of(lambda user=user: users.remove(viewer, user=user, origin="")) == "no-right"
        assert key_of(lambda user=user: users.set_password(padmin, GOOD, GOOD, user=user, origin="")) == "no-right"
    assert User.objects.count() == 3


def test_who_has_changed_or_lost_access_is_told_to_who_gave_tokens(padmin):
    told = []

    def hear(user, **_):
        told.append(user)

    users.access_changed.connect(hear)
    user = create(padmin)
    users.set_password(user, "green-Harbour-43", "green-Harbour-43", user=padmin, origin="")
    users.remove(user, user=padmin, origin="")
    assert told == ["operator", "operator"]
