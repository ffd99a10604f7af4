"""What every page knows."""

from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from ivmweb.pages.nav import navigation
from ivmweb.system.rights import Right, rights_of
from migration import restored

# Pages whose form comes back filled after a session has ended (typed.py); a view says where there is no form.
KEEP_TYPED = frozenset(
    {"migrate", "shutdown", "partition-properties", "system-properties", "user-create", "remote-add"}
)


def console(request: HttpRequest) -> dict[str, Any]:
    """Names for the banner, the navigation, and what this user may do; a part of a page looks up what it shows."""
    match = request.resolver_match
    user = getattr(request, "user", None)

    @cache
    def rights() -> frozenset[Right]:
        return rights_of(user) if user is not None else frozenset()

    return {
        "console": settings.CONSOLE,
        "languages": settings.LANGUAGES,
        "navigation": lambda: navigation((match and match.url_name) or "") if Right.VIEW in rights() else [],
        "read_at": timezone.now,
        "idle_s": settings.SESSION_COOKIE_AGE,
        "can_change": lambda: Right.CHANGE in rights(),
        "keeps_typed": bool(match and match.url_name in KEEP_TYPED),
        "unsettled": lambda: restored.unsettled() if Right.VIEW in rights() else None,
    }
