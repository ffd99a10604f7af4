"""Who may come in over SSH. The users, roles and lock-out of the console; every attempt is in the audit trail."""

from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from ivmweb.common.errors import IvmError, PrerequisiteFailed
from ivmweb.system import audit
from ivmweb.system.models import AuditEvent, AuthorizedKey
from ivmweb.system.rights import Right, can
from migration.peer import lockout

ACTION, THING = "log in", "SSH"
LOCKED, WRONG = "login-locked", "login-refused"
LONGEST_NAME = 150


@dataclass(frozen=True)
class Login:
    """A user who has come in. `stamp` changes with the password: what was let in before is void then."""

    user_id: int
    stamp: str

    def user(self) -> User | None:
        """As the records have the user now; None where the account is gone, locked or has a new password."""
        user = User.objects.filter(pk=self.user_id, is_active=True).first()
        if user is None or not constant_time_compare(user.get_session_auth_hash(), self.stamp):
            return None
        return user


def by_password(name: str, password: str, address: str) -> Login | IvmError:
    """Or why not: LOCKED or WRONG, and whether there is such a user makes no difference."""
    request = HttpRequest()
    request.META["REMOTE_ADDR"] = address
    request.path = "/ssh"
    found = lockout.log_in(request, name, password)
    if isinstance(found, User) and can(found, Right.VIEW):
        return let_in(found, address, "password")
    error: IvmError = PrerequisiteFailed(WRONG)
    if isinstance(found, lockout.Locked):
        names = {"limit": settings.AXES_FAILURE_LIMIT, "minutes": found.minutes}
        error = PrerequisiteFailed(LOCKED, user=name, address=address, **names)
    turn_away(name, address, error)
    return error


def by_key(name: str, fingerprint: str) -> Login | None:
    """That the key is really the caller's is for the protocol to see; a wrong one is no attempt, clients try many."""
    rows = AuthorizedKey.objects.filter(user__username=name, user__is_active=True, fingerprint=fingerprint)
    found = rows.select_related("user").first()
    if found is None or not can(found.user, Right.VIEW):
        return None
    return Login(found.user.pk, found.user.get_session_auth_hash())


def let_in(user: User, address: str, text: str) -> Login:
    audit.record(
        user=user.get_username(), action=ACTION, thing=THING, outcome=audit.ACCEPTED, origin=address, text=text
    )
    return Login(user.pk, user.get_session_auth_hash())


def turn_away(name: str, address: str, error: IvmError) -> None:
    user = name[:LONGEST_NAME]
    audit.record_error(error, user=user, action=ACTION, thing=THING, outcome=audit.REFUSED, origin=address)


def earlier(name: str) -> list[str]:
    """What AIX says after a log-in: the last one that failed, and the last one before this."""
    lines = []
    for outcome, words in ((audit.REFUSED, "Last unsuccessful login"), (audit.ACCEPTED, "Last login")):
        rows = AuditEvent.objects.filter(user=name, action=ACTION, thing=THING, outcome=outcome)
        event = rows.order_by("-time")[1 if outcome == audit.ACCEPTED else 0 :].first()
        if event is not None:
            lines.append(f"{words}: {event.time:%a %b %e %H:%M:%S} UTC {event.time:%Y} on ssh from {event.origin}")
    return lines
