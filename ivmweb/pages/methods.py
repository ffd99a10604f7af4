"""A page for whoever opens the address of a button, or sends something to a page that takes nothing."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import NoReverseMatch, reverse

from ivmweb.pages.access import is_fragment, refusal
from ivmweb.pages.wording import coded

# The page whose button it is, by the names of the addresses; of any other it is View/Modify Partitions.
PAGES = {
    "retrieve-capabilities": "partition-properties",
    "migration-stop": "migration",
    "migration-force": "migration-recover",
    "report-again": "report",
    "restored-ask": "restored-database",
    "restored-confirm": "restored-database",
    "restored-end": "restored-database",
    "restored-take": "restored-database",
}
FOR_MACHINES = frozenset({"healthz", "readyz", "events"})


class MethodsMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not isinstance(response, HttpResponseNotAllowed) or response.content or is_for_machines(request):
            return response
        page = explained(request, response.headers["Allow"])
        page.headers["Allow"] = response.headers["Allow"]
        return page


def is_for_machines(request: HttpRequest) -> bool:
    match = request.resolver_match
    return match is None or match.url_name in FOR_MACHINES or is_fragment(request)


def explained(request: HttpRequest, allowed: str) -> HttpResponse:
    is_page = "GET" in allowed
    key = "page-takes-nothing" if is_page else "address-of-a-button"
    text = coded(key, path=request.path, allowed=allowed, method=str(request.method)[:16])
    page = request.path if is_page else page_of_button(request)
    return refusal(request, text, status=405, page="" if page == reverse("partitions") else page)


def page_of_button(request: HttpRequest) -> str:
    match = request.resolver_match
    name = PAGES.get(match.url_name or "", "partitions") if match else "partitions"
    try:
        return reverse(name, kwargs=match.kwargs if match else {})
    except NoReverseMatch:  # the page is not about one thing
        return reverse(name)
