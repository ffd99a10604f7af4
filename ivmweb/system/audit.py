"""The audit trail: who did what, from where, with which outcome."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db.models import QuerySet

from ivmweb.common.errors import IvmError, PrerequisiteFailed
from ivmweb.common.sentence import Sentence
from ivmweb.system.models import AuditEvent
from ivmweb.system.rights import AnyUser, Right, can

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


def visible_to(user: AnyUser) -> QuerySet[AuditEvent]:
    """Newest first. As IVM's global command log for whoever manages users; for others what they did themselves."""
    if can(user, Right.MANAGE_USERS):
        return AuditEvent.objects.all()
    return AuditEvent.objects.filter(user=user.get_username())


@dataclass
class Attempt:
    refusal: Sentence | None = None


@contextmanager
def attempt(user: AnyUser, origin: str, action: str, thing: str) -> Iterator["Attempt"]:
    """Record how the action inside ended: accepted, or refused with the error's code; errors pass through.

    An action that is refused without an error says so by `refusal` of what it is given.
    """
    name, made = user.get_username() or "(nobody)", Attempt()
    try:
        yield made
    except PrerequisiteFailed as exc:
        record_error(exc, user=name, action=action, thing=thing, outcome=REFUSED, origin=origin)
        raise
    except IvmError as exc:
        record_error(exc, user=name, action=action, thing=thing, outcome=FAILED, origin=origin)
        raise
    said = made.refusal
    outcome, code, text = (REFUSED, said.code, said.bare) if said else (ACCEPTED, "", "")
    record(user=name, action=action, thing=thing, outcome=outcome, origin=origin, code=code, text=text)
