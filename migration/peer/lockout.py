"""The lock-out that the peer API shares with the log-in page (django-axes)."""

from axes.helpers import get_client_ip_address, get_cool_off
from django.http import HttpRequest


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
