"""Passwords, and the lock-out that both APIs and SSH share with the log-in page (django-axes)."""

from dataclasses import dataclass

from axes.helpers import get_client_ip_address, get_cool_off
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.http import HttpRequest


@dataclass(frozen=True)
class Locked:
    """After too many wrong passwords even the right one is refused."""

    minutes: int


def log_in(request: HttpRequest, user: str, password: str) -> User | Locked | None:
    """The user whose password it is; None where it is nobody's. Failures count, as those of the log-in page do."""
    found = authenticate(request, username=user, password=password)
    if isinstance(found, User):
        return found
    return Locked(cool_off_minutes()) if take_note(request) else None


def take_note(request: HttpRequest) -> bool:
    """Whether the attempt that just failed was refused, or made the next ones be, by the lock-out.

    Its mark is taken off the request: axes' middleware would put the page for browsers in place of the answer.
    """
    locked = bool(getattr(request, "axes_locked_out", False))
    request.axes_locked_out = False  # type: ignore[attr-defined]
    return locked


def cool_off_minutes() -> int:
    cool_off = get_cool_off()
    return max(1, round(cool_off.total_seconds() / 60)) if cool_off else 0


def address_of(request: HttpRequest) -> str:
    return str(get_client_ip_address(request) or "")
