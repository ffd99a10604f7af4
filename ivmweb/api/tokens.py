"""Tokens of users: made for a password, found again by their hash, ended by time, log-out or a changed user."""

import datetime as dt
import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from ninja.security import HttpBearer

from ivmweb.api.models import ApiToken
from ivmweb.api.refusals import Refusal
from ivmweb.system.rights import Right, require
from migration.peer import lockout
from migration.peer.auth import hash_of

TOKENS_OF_A_USER = 20
NOTED_EVERY = dt.timedelta(minutes=1)


class UserToken(HttpBearer):
    """A user's token, and the right that the call needs; `request.auth` is its row then."""

    openapi_description = "From POST /api/v1/tokens: a user of this console, with the rights that the pages give."

    def __init__(self, right: Right | None) -> None:
        self.right = right
        super().__init__()

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken:
        row = valid_token(token)
        if self.right is not None:
            require(row.user, self.right)
        return row


def log_in(request: HttpRequest, user: str, password: str) -> User:
    """The user; failures are refused in the words of the log-in page."""
    found = lockout.log_in(request, user, password)
    if found is None:
        raise Refusal("login-refused", status=401)
    if isinstance(found, lockout.Locked):
        raise Refusal(
            "login-locked",
            status=429,
            headers={"Retry-After": str(60 * found.minutes)},
            user=user,
            address=str(request.META.get("REMOTE_ADDR", "")),
            limit=settings.AXES_FAILURE_LIMIT,
            minutes=found.minutes,
        )
    return found


def make_token(user: User) -> tuple[str, ApiToken]:
    """A new token; of too many the one that was unused for longest ends."""
    forget_ended()
    token, now = secrets.token_urlsafe(32), timezone.now()
    row = ApiToken.objects.create(
        hash=hash_of(token),
        user=user,
        password_stamp=user.get_session_auth_hash(),
        created_at=now,
        last_used_at=now,
        expires_at=now + dt.timedelta(seconds=settings.API_TOKEN_LIFE_S),
    )
    latest = user.api_tokens.order_by("-last_used_at", "-created_at").values_list("pk", flat=True)[:TOKENS_OF_A_USER]
    user.api_tokens.exclude(pk__in=list(latest)).delete()
    return token, row


def valid_token(token: str) -> ApiToken:
    """The token's row; raises Refusal where it is unknown, old, or its user is locked or has a new password."""
    now = timezone.now()
    row = ApiToken.objects.select_related("user").filter(hash=hash_of(token)).exclude(ended(now)).first()
    if row is None or not row.user.is_active or not has_same_password(row):
        raise Refusal(
            "api-token-invalid",
            status=401,
            idle_minutes=round(settings.SESSION_COOKIE_AGE / 60),
            life_minutes=round(settings.API_TOKEN_LIFE_S / 60),
        )
    if now - row.last_used_at > min(NOTED_EVERY, idle() / 4):
        ApiToken.objects.filter(pk=row.pk).update(last_used_at=now)
    return row


def has_same_password(row: ApiToken) -> bool:
    return constant_time_compare(row.password_stamp, row.user.get_session_auth_hash())


def idle() -> dt.timedelta:
    return dt.timedelta(seconds=settings.SESSION_COOKIE_AGE)


def ended(now: dt.datetime) -> Q:
    return Q(expires_at__lte=now) | Q(last_used_at__lte=now - idle())


def forget_ended() -> None:
    ApiToken.objects.filter(ended(timezone.now())).delete()


def token_of(request: HttpRequest) -> ApiToken:
    token: ApiToken = request.auth  # type: ignore[attr-defined]
    return token


def user_of(request: HttpRequest) -> User:
    return token_of(request).user


class Memory:
    """What a token remembers between calls, as a browser's session does for pages; written at once."""

    def __init__(self, token: ApiToken) -> None:
        self._token = token

    def get(self, key: str, default: Any = None) -> Any:
        return self._token.kept.get(key, default)

    def __setitem__(self, key: str, value: Any) -> None:
        self._token.kept[key] = value
        self._write()

    def pop(self, key: str, default: Any = None) -> Any:
        if key not in self._token.kept:
            return default
        value = self._token.kept.pop(key)
        self._write()
        return value

    def _write(self) -> None:
        ApiToken.objects.filter(pk=self._token.pk).update(kept=self._token.kept)
