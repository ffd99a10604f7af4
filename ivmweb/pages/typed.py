"""What was typed into a form survives the end of a session: its user logs in again and finds it there, not sent.

A form that arrives without a session has passed the CSRF check. Its values, never a password, wait in the new
anonymous session on this server, bounded in size and bound to the user who was logged in before (a signed cookie
says who; also after a log-out in another window). They are put into the form on the page that log-in leads back to,
as often as that is loaded before its button is pressed or another page opened; nothing is carried out by itself.
A view that is marked with `keeps_typed` takes them with `typed_before(request)` as its form's initial values. Of any
other button only the press is noted, so that its user hears that it was not carried out.
"""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponseBase

from ivmweb.pages.wording import coded
from ivmweb.system.rights import AnyUser

SESSION_KEY = "typed"
COOKIE = f"{settings.SESSION_COOKIE_NAME}_user"
LOGGED_OUT = " logged out"
MAX_FIELDS = 100
MAX_BYTES = 16 * 1024
NEVER = ("password", "secret", "token", "key")  # in a field's name; besides what a view marks as sensitive


def remember_user(response: HttpResponseBase, user: AnyUser, *, logged_out: bool = False) -> None:
    """Whose session it is, for when it is over; goes with the browser's window."""
    value = f"{user.pk}{LOGGED_OUT}" if logged_out else str(user.pk)
    response.set_signed_cookie(
        COOKIE, value, httponly=True, samesite="Strict", secure=bool(settings.SESSION_COOKIE_SECURE)
    )


def last_user(request: HttpRequest) -> str | None:
    """The key of the user who was logged in last in this browser; None where nobody was."""
    value: str | None = request.get_signed_cookie(COOKIE, default=None)
    return value.removesuffix(LOGGED_OUT) if value else None


def has_logged_out(request: HttpRequest) -> bool:
    return str(request.get_signed_cookie(COOKIE, default="")).endswith(LOGGED_OUT)


def has_ended(request: HttpRequest) -> bool:
    """A session ended by itself in this browser."""
    return last_user(request) is not None and not has_logged_out(request)


def keep(request: HttpRequest, path: str, *, with_fields: bool) -> None:
    """Note for its user that a form was refused, with its values where they are wanted and not too many.

    Nothing where that user is not known.
    """
    user = last_user(request)
    if user is None:
        return
    fields = fields_of(request) if with_fields else {}
    request.session[SESSION_KEY] = {"user": user, "path": path, "fields": fields}


def keep_for_language(request: HttpRequest, path: str) -> None:
    """Of a form whose page is shown again in another language: nothing was pressed, and nothing has ended."""
    kept = {"user": str(request.user.pk), "path": path, "fields": fields_of(request), "in_passing": True}
    request.session[SESSION_KEY] = kept


def fields_of(request: HttpRequest) -> dict[str, Any]:
    fields = {name: value for name, value in request.POST.items() if not is_secret(request, name)}
    size = sum(len(str(text).encode()) for pair in fields.items() for text in pair)
    return {} if len(fields) > MAX_FIELDS or size > MAX_BYTES else fields


def is_secret(request: HttpRequest, name: str) -> bool:
    marked = getattr(request, "sensitive_post_parameters", ())
    return marked == "__ALL__" or name in marked or any(word in name.lower() for word in NEVER)


def was_pressed(request: HttpRequest) -> bool:
    """A button was pressed without a session, and not carried out."""
    return SESSION_KEY in request.session


def are_kept(request: HttpRequest) -> bool:
    return bool(request.session.get(SESSION_KEY, {}).get("fields"))


def take(request: HttpRequest) -> None:
    """For pages after log-in, of that user: its form's values where it is that page, else they are gone.

    Where none come back, a message says that nothing was carried out; to another user, whose values are gone.
    """
    kept = request.session.get(SESSION_KEY)
    if not kept:
        return
    is_its_page = kept["path"] == request.path
    is_its_user = kept["user"] == str(request.user.pk)
    was_shown = kept.get("shown", False)
    if was_shown and request.method == "POST" and not is_its_page:
        return
    if is_its_user and kept["fields"] and is_its_page and request.method in {"GET", "HEAD"}:
        request.typed = kept["fields"]  # type: ignore[attr-defined]
        request.typed_in_passing = kept.get("in_passing", False)  # type: ignore[attr-defined]
        request.session[SESSION_KEY] = kept | {"shown": True}
        return
    del request.session[SESSION_KEY]
    if is_its_user and not was_shown and not kept.get("in_passing"):
        messages.info(request, coded("press-lost"))
    if not is_its_user and kept["fields"] and (owner := User.objects.filter(pk=kept["user"]).first()):
        messages.info(request, coded("typed-by-another", owner=owner.username, user=request.user.get_username()))


def typed_before(request: HttpRequest) -> dict[str, Any]:
    """What the user typed here before the session ended, with a message that says so; mostly nothing."""
    fields: dict[str, Any] = getattr(request, "typed", {})
    if fields and not getattr(request, "typed_in_passing", False):
        messages.info(request, coded("typed-kept"))
    return fields
