"""What was typed into a form survives the end of a session: its user logs in again and finds it there, not sent.

A form that arrives without a session has passed the CSRF check. Its values, never a password, wait in the new
anonymous session on this server, bounded in size and bound to the user who was logged in before (a signed cookie
says who). They are put into the form once, on the page that log-in leads back to; nothing is carried out by itself.
A view that is marked with `keeps_typed` takes them with `typed_before(request)` as its form's initial values. Of any
other button only the press is noted, so that its user hears that it was not carried out.
"""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponseBase

from ivmweb.pages.wording import coded

SESSION_KEY = "typed"
COOKIE = f"{settings.SESSION_COOKIE_NAME}_user"
MAX_FIELDS = 100
MAX_BYTES = 16 * 1024
NEVER = ("password", "secret", "token", "key")  # in a field's name; besides what a view marks as sensitive


def remember_user(response: HttpResponseBase, user: AbstractBaseUser) -> None:
    """Whose session it is, for when it is over; goes with the browser's window, and at log-out."""
    response.set_signed_cookie(
        COOKIE, str(user.pk), httponly=True, samesite="Strict", secure=bool(settings.SESSION_COOKIE_SECURE)
    )


def forget_user(response: HttpResponseBase) -> None:
    response.delete_cookie(COOKIE, samesite="Strict")


def last_user(request: HttpRequest) -> str | None:
    """The key of the user whose session ended by itself in this browser; None where nobody's did."""
    value: str | None = request.get_signed_cookie(COOKIE, default=None)
    return value


def keep(request: HttpRequest, path: str, *, with_fields: bool) -> None:
    """Note for its user that a form was refused, with its values where they are wanted and not too many.

    Nothing where that user is not known.
    """
    user = last_user(request)
    if user is None:
        return
    fields = fields_of(request) if with_fields else {}
    request.session[SESSION_KEY] = {"user": user, "path": path, "fields": fields}


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
    """For the first page after log-in, of that user: its form's values where it is that page, else they are gone.

    Where none come back, a message says that nothing was carried out.
    """
    kept = request.session.pop(SESSION_KEY, None)
    if not kept or kept["user"] != str(request.user.pk):
        return
    if kept["fields"] and kept["path"] == request.path and request.method == "GET":
        request.typed = kept["fields"]  # type: ignore[attr-defined]
    else:
        messages.info(request, coded("press-lost"))


def typed_before(request: HttpRequest) -> dict[str, Any]:
    """What the user typed here before the session ended, with a message that says so; mostly nothing."""
    fields: dict[str, Any] = getattr(request, "typed", {})
    if fields:
        messages.info(request, coded("typed-kept"))
    return fields
