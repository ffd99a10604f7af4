"""Who may open a page, and what an expected error looks like there."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django_htmx.http import HttpResponseClientRefresh, trigger_client_event

from ivmweb.common.errors import IvmError
from ivmweb.pages import typed
from ivmweb.pages.wording import words_of
from ivmweb.system.rights import Right, require

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
SESSION_OVER = "session-over"
STATUSES = {"no-right": 403, "migration-unknown": 404, "report-unknown": 404}


def page_for(right: Right, *, keeps_typed: bool = False) -> Callable[[View[P]], View[P]]:
    """For logged-in users with that right. Expected errors, the missing right too, become a page with their code.

    `keeps_typed`: the view puts back what was typed (`typed_before`) when the session ended before it was sent; a
    part of its page that refreshes itself then leaves the page as it stands.
    """

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return to_login(request, keeps_typed=keeps_typed)
            if not is_fragment(request):
                request.session.modified = True  # a person is here; a fragment that refreshes itself proves nothing
                typed.take(request)
            try:
                require(request.user, right)
                return view(request, *args, **kwargs)
            except IvmError as error:
                return refusal(request, words_of(error), status=STATUSES.get(error.key, 409))

        return guarded

    return decorate


page = page_for(Right.VIEW)


def is_fragment(request: HttpRequest) -> bool:
    return bool(getattr(request, "htmx", False))


def to_login(request: HttpRequest, *, keeps_typed: bool = False) -> HttpResponse:
    if is_fragment(request) and keeps_typed:
        return trigger_client_event(HttpResponse(status=204), SESSION_OVER)  # idle.js says so beside what is typed
    if is_fragment(request):
        return HttpResponseClientRefresh()  # a log-in form inside a table helps nobody: load the whole page
    if request.method == "GET":
        return redirect_to_login(request.get_full_path())
    page_address = page_of_form(request)
    typed.keep(request, urlsplit(page_address).path, with_fields=keeps_typed)
    return redirect_to_login(page_address)


def page_of_form(request: HttpRequest) -> str:
    """Where a form was sent from, on this console: after the log-in it is shown again, never sent again."""
    referrer = urlsplit(request.headers.get("Referer", ""))
    if referrer.netloc != request.get_host():
        return reverse("partitions")
    return f"{referrer.path}?{referrer.query}" if referrer.query else referrer.path


def refusal(request: HttpRequest, text: str, *, status: int, page: str = "") -> HttpResponse:
    """`page`: where to go on, besides the partition list."""
    return render(request, "refusal.html", {"text": text, "page": page, "keeps_typed": False}, status=status)


def origin_of(request: HttpRequest) -> str:
    """For the audit: where a command came from."""
    return str(request.META.get("REMOTE_ADDR", ""))
