"""User accounts: the only writer of them once a console is set up.

The prime administrator alone creates users, gives them passwords and removes them; everybody changes their own
password. A role is given at creation and stays. There is one prime administrator, who cannot be removed.
"""

import re
from collections.abc import Callable

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.dispatch import Signal
from django.utils import translation
from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system.actions import action
from ivmweb.system.rights import GIVEN_ROLES, PRIME_ADMINISTRATOR, AnyUser, Right, give_role, role_of
from ivmweb.transactions import serialized

USER_ID = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,31}")

# Sent with `user`, a name: what was given to that user before (mobility tokens) is void.
access_changed = Signal()


def accounts() -> list[tuple[User, str]]:
    """All users with their roles, by name."""
    return [(user, role_of(user)) for user in User.objects.prefetch_related("groups").order_by("username")]


def change_own_password(
    user: User, old: str, new: str, again: str, *, is_password: Callable[[str], bool], origin: str
) -> None:
    """Sessions of that user end, since Django ties them to the password. Raises PrerequisiteFailed.

    `is_password` says whether the old one is right, and counts wrong ones as a log-in does.
    """
    with action(user, origin, Right.VIEW, _("Change Password"), user.get_username()):
        if not is_password(old):
            raise PrerequisiteFailed("password-old-wrong", user=user.get_username())
        if new == old:
            raise PrerequisiteFailed("password-same", user=user.get_username())
        check(new, again, user)
        store(user, new)


def set_password(account: User, new: str, again: str, *, user: AnyUser, origin: str) -> None:
    """For a user who has forgotten it; one's own needs the old one (change_own_password)."""
    with action(user, origin, Right.MANAGE_USERS, _("Change Password"), account.get_username()):
        check(new, again, account)
        store(account, new)


def create(name: str, role: str, password: str, again: str, *, user: AnyUser, origin: str) -> User:
    name = name.strip()
    with action(user, origin, Right.MANAGE_USERS, _("Create User"), name):
        if not USER_ID.fullmatch(name):
            raise PrerequisiteFailed("user-id-wrong", user=name[:32])
        if role not in GIVEN_ROLES:
            raise PrerequisiteFailed("role-not-given", role=role[:32], roles=", ".join(GIVEN_ROLES))
        check(password, again, User(username=name))
        account = User(username=name, password=make_password(password))  # slow, so not while others wait for the lock
        with serialized():
            if (same := User.objects.filter(username__iexact=name).first()) is not None:
                key = "user-exists" if same.username == name else "user-exists-in-other-case"
                raise PrerequisiteFailed(key, user=same.username)
            account.save(force_insert=True)
            give_role(account, role)
    return account


def remove(account: User, *, user: AnyUser, origin: str) -> None:
    """Sessions and tokens of that user end; what the user has done stays on record."""
    with action(user, origin, Right.MANAGE_USERS, _("Remove User"), account.get_username()):
        check_removable(account)
        account.delete()
        access_changed.send(sender=User, user=account.get_username())


def check_removable(account: User) -> None:
    """Raises PrerequisiteFailed for the prime administrator."""
    if role_of(account) == PRIME_ADMINISTRATOR:
        raise PrerequisiteFailed("prime-administrator-stays", user=account.get_username())


def check(new: str, again: str, user: User) -> None:
    """Raises PrerequisiteFailed with every rule that the new password breaks."""
    if new != again:
        raise PrerequisiteFailed("passwords-differ")
    try:
        with translation.override("en"):  # it is kept in the task's row, translated nowhere
            validate_password(new, user)
            return
    except ValidationError as exc:
        reasons = " ".join(exc.messages)
        raise PrerequisiteFailed("password-refused", user=user.get_username(), reasons=reasons) from exc


def store(user: User, password: str) -> None:
    user.set_password(password)
    user.save(update_fields=["password"])
    access_changed.send(sender=User, user=user.get_username())
