"""Who is logged in: on the pages, by their sessions on record; over SSH, as the server in this very process knows."""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import constant_time_compare

SSH, WEB = "ssh", "web"


@dataclass(frozen=True)
class LoggedIn:
    user: str
    by: str  # SSH or WEB
    since: datetime | None = None  # a page's session does not tell
    origin: str = ""


_over_ssh: dict[Hashable, LoggedIn] = {}  # by connection


def begin(connection: Hashable, user: str, origin: str) -> None:
    _over_ssh[connection] = LoggedIn(user, SSH, timezone.now(), origin)


def end(connection: Hashable) -> None:
    _over_ssh.pop(connection, None)


def logged_in() -> list[LoggedIn]:
    """Two queries, whatever their number; a session whose account has changed since counts no more."""
    over_ssh = sorted(_over_ssh.copy().values(), key=lambda one: (one.user, one.since or timezone.now()))
    return [*over_ssh, *sorted(on_pages(), key=lambda one: one.user)]


def on_pages() -> list[LoggedIn]:
    users = {str(user.pk): user for user in User.objects.filter(is_active=True)}
    found = []
    for session in Session.objects.filter(expire_date__gt=timezone.now()):
        said = session.get_decoded()
        user = users.get(said.get(SESSION_KEY, ""))
        if user and constant_time_compare(said.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()):
            found.append(LoggedIn(user.get_username(), WEB))
    return found
