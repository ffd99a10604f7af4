"""Who may do what: the one place that decides."""

from enum import StrEnum

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Group, User
from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import PrerequisiteFailed

# Who acts: an account, somebody without one, or the Operator below.
AnyUser = AbstractBaseUser | AnonymousUser

PRIME_ADMINISTRATOR = _("Prime administrator")
VIEW_MODIFY = _("View/Modify")
VIEW_ONLY = _("View Only")
GIVEN_ROLES = (VIEW_MODIFY, VIEW_ONLY)  # to those whom the prime administrator creates


class Right(StrEnum):
    VIEW = "view"
    CHANGE = "change"  # partitions, storage, networks, properties
    MIGRATE = "migrate"  # validate (it logs in to another console), migrate, stop, recover
    MANAGE_USERS = "manage users"


IN_WORDS = {  # after "may not"
    Right.VIEW: _("look at this console"),
    Right.CHANGE: _("change partitions and settings"),
    Right.MIGRATE: _("migrate partitions"),
    Right.MANAGE_USERS: _("manage users"),
}
RIGHTS: dict[str, frozenset[Right]] = {
    PRIME_ADMINISTRATOR: frozenset(Right),
    VIEW_MODIFY: frozenset(Right) - {Right.MANAGE_USERS},
    VIEW_ONLY: frozenset({Right.VIEW}),
}


class Operator(AnonymousUser):
    """Whoever has a shell on the console's machine and runs `manage.py`: the database is theirs to change anyway."""

    def get_username(self) -> str:
        return "(manage.py)"


def rights_of(user: AnyUser) -> frozenset[Right]:
    if isinstance(user, Operator):
        return frozenset(Right)
    if not isinstance(user, User) or not user.is_active:
        return frozenset()
    if user.is_superuser:
        return frozenset(Right)
    groups = user.groups.values_list("name", flat=True)
    return frozenset[Right]().union(*(RIGHTS.get(group, frozenset()) for group in groups))


def role_of(user: User) -> str:
    """The role that a user has; empty where there is none. `manage.py createsuperuser` makes prime administrators."""
    if user.is_superuser:
        return PRIME_ADMINISTRATOR
    return next((group.name for group in user.groups.all() if group.name in RIGHTS), "")


def can(user: AnyUser, right: Right) -> bool:
    return right in rights_of(user)


def require(user: AnyUser, right: Right) -> None:
    """Raises PrerequisiteFailed `no-right` unless the user has it."""
    if not can(user, right):
        raise PrerequisiteFailed("no-right", user=user.get_username() or "(nobody)", right=IN_WORDS[right])


def give_role(user: User, role: str) -> None:
    """The user has this role and no other."""
    if role not in RIGHTS:
        raise ValueError(f"role {role!r} is unknown; there is: {', '.join(RIGHTS)}")
    user.groups.set([Group.objects.get(name=role)])
