"""What is checked of every request of a user before its call begins: length, kind, and names of parameters."""

import functools
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from ninja import Router
from ninja.operation import Operation

from ivmweb.api.refusals import Refusal, on_error
from migration.peer.refusals import MAX_DIGITS, MAX_REQUEST_BYTES


def make_router(tag: str) -> Router:
    router = Router(tags=[tag])
    router.add_decorator(bounded, mode="view")
    router.add_decorator(knows_parameters, mode="operation")
    return router


def bounded(run: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Nothing is read of a body that is too long or something else than JSON. Answers are in English."""
    takes_body = "body" in sources(run.__self__)  # type: ignore[attr-defined]

    @functools.wraps(run)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with translation.override("en"):
            try:
                length = check_length(request)
                if takes_body and length and request.content_type != "application/json":
                    raise Refusal(
                        "api-media-type", status=415, content_type=str(request.content_type)[:64] or "not named"
                    )
            except Refusal as exc:
                return on_error(request, exc)
            return run(request, *args, **kwargs)

    return inner


def check_length(request: HttpRequest) -> int:
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length and "Transfer-Encoding" not in request.headers:
        return 0
    if not (length.isascii() and length.isdigit()):
        raise Refusal("api-length-missing", status=411)
    if len(length) > MAX_DIGITS or int(length) > MAX_REQUEST_BYTES:
        raise Refusal("api-request-too-large", status=413, size=length[:20], limit=MAX_REQUEST_BYTES)
    return int(length)


def knows_parameters(view: Callable[..., Any]) -> Callable[..., Any]:
    """A parameter in the address that the call does not have is refused: a filter that does nothing would lie."""
    operation: Operation = view._ninja_operation  # type: ignore[attr-defined]
    known = {name for model in operation.models for name in names(model)}

    @functools.wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        unknown = sorted(set(request.GET) - known)
        if unknown:
            raise Refusal("api-request-invalid", status=422, detail=f"query.{unknown[0][:64]}: extra_forbidden")
        return view(request, *args, **kwargs)

    return inner


def sources(operation: Operation) -> set[str | None]:
    return {model.__ninja_param_source__ for model in operation.models}


def names(model: Any) -> set[str]:
    return set(model.__ninja_flatten_map__) if model.__ninja_param_source__ == "query" else set()
