"""The audit trail: who did what, from where, with which outcome."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from ivmweb.common.errors import IvmError, PrerequisiteFailed
from ivmweb.system.models import AuditEvent

logger = logging.getLogger(__name__)

ACCEPTED = "accepted"
REFUSED = "refused"
FAILED = "failed"
REPAIRED = "repaired"  # by the inventory


def record(
    *, user: str, action: str, thing: str, outcome: str, origin: str = "", code: str = "", text: str = ""
) -> None:
    AuditEvent.objects.create(
        user=user, origin=origin, action=action, thing=thing, outcome=outcome, code=code, text=text
    )
    logger.info("%s by %s %s: %s %s %s", action, user, thing, outcome, code, text)


def record_error(error: IvmError, *, user: str, action: str, thing: str, outcome: str, origin: str = "") -> None:
    record(user=user, action=action, thing=thing, outcome=outcome, origin=origin, code=error.code, text=error.text)


@contextmanager
def attempt(user: AbstractBaseUser | AnonymousUser, origin: str, action: str, thing: str) -> Iterator[None]:
    """Record how the action inside ended: accepted, or refused with the error's code; errors pass through."""
    name = user.get_username() or "(nobody)"
    try:
        yield
    except PrerequisiteFailed as exc:
        record_error(exc, user=name, action=action, thing=thing, outcome=REFUSED, origin=origin)
        raise
    except IvmError as exc:
        record_error(exc, user=name, action=action, thing=thing, outcome=FAILED, origin=origin)
        raise
    record(user=name, action=action, thing=thing, outcome=ACCEPTED, origin=origin)
