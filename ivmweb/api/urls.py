"""Everything below /api/v1/, with its description for machines at /api/v1/openapi.json; docs/api.md."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, path, re_path
from ninja import NinjaAPI

from ivmweb.api.calls import log_in, migrations, partitions, properties, system
from ivmweb.api.refusals import MEANINGS, Refusal, add_error_handlers, on_error
from migration.peer.auth import SIGNATURE_HEADER
from migration.peer.refusals import no_such_call
from migration.peer.views import router as peer

DESCRIPTION = """One console of ivmweb: what its pages can do, for scripts. Log in with POST /api/v1/tokens.

The calls below /api/v1/peer/ are for other consoles and take their own tokens; a user's token is none of these, and a
mobility token is no user's. Every answer that is not 2xx is a `Refused`, with the code that pages and commands show.
"""


class ConsoleApi(NinjaAPI):
    def get_openapi_schema(self, **options: Any) -> Any:
        schema = super().get_openapi_schema(**options)
        schema["components"]["securitySchemes"]["MigrationSignature"] = {
            "type": "apiKey",
            "in": "header",
            "name": SIGNATURE_HEADER,
            "description": "HMAC with the secret that the two consoles share for one migration; docs/peer-api.md.",
        }
        for operations in schema["paths"].values():
            for operation in operations.values():
                describe(operation["responses"])
        return schema


def describe(responses: dict[int, dict[str, Any]]) -> None:
    for status, response in responses.items():
        response["description"] = MEANINGS.get(status, response["description"])
        if status == 202:
            response["headers"] = {"Location": {"description": "Where to look on.", "schema": {"type": "string"}}}


def coded(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A method that a path does not have is refused in the words of the API."""

    @functools.wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        if response.status_code != 405:
            return response
        allowed = response.headers["Allow"]
        where = {"method": str(request.method)[:16], "path": request.path[:200], "allowed": allowed}
        return on_error(request, Refusal("api-method", status=405, headers={"Allow": allowed}, **where))

    return inner


def with_coded_methods(patterns: Iterable[URLResolver | URLPattern]) -> list[URLPattern]:
    return [
        URLPattern(found.pattern, coded(found.callback), found.default_args, found.name)
        for found in patterns
        if isinstance(found, URLPattern)
    ]


api = ConsoleApi(
    title="ivmweb",
    version="1",
    description=DESCRIPTION,
    urls_namespace="api",
    docs_url=None,
    openapi_url="openapi.json",
)
add_error_handlers(api)
for calls in (log_in, system, partitions, properties, migrations):
    api.add_router("", calls.router)
api.add_router("peer/", peer)
calls_and_description, app, namespace = api.urls  # `include` would take a name app_name for this file's own

urlpatterns = [
    path("api/v1/", no_such_call),  # before the library's own root, which answers with a page
    path("api/v1/", (with_coded_methods(calls_and_description), app, namespace)),
    re_path("^api/", no_such_call),
]
