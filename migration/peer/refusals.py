"""Refusals of the peer API: every answer that is not 2xx is `Refused`, whatever went wrong."""

import functools
import logging
from collections.abc import Callable
from typing import Any

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError
from ninja.errors import ValidationError as InvalidRequest

from ivmweb.common.errors import HypervisorError, IvmError, PeerError
from ivmweb.common.repeats import Repeats
from migration.peer.auth import Refusal
from migration.peer.lockout import address_of
from migration.peer.messages import PROTOCOL_VERSION, Refused, as_params, as_text

logger = logging.getLogger(__name__)
repeats = Repeats(logger)

MAX_REQUEST_BYTES = 1024 * 1024
MAX_DIGITS = 12  # of a length; more is too much, whatever the number
STATUS_OF_KEY = {"peer-migration-unknown": 404}


def bounded(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Nothing is read of a body that is too long or does not say how long it is."""

    @functools.wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            check_length(request)
        except Refusal as exc:
            return on_error(request, exc)
        return view(request, *args, **kwargs)

    return inner


def check_length(request: HttpRequest) -> None:
    if request.method != "POST":
        return
    length = request.META.get("CONTENT_LENGTH") or ""
    if not (length.isascii() and length.isdigit()):
        raise Refusal("peer-length-missing", status=411)
    if len(length) > MAX_DIGITS or int(length) > MAX_REQUEST_BYTES:
        raise Refusal("peer-request-too-large", status=413, size=length[:20], limit=MAX_REQUEST_BYTES)


def refused(request: HttpRequest, error: IvmError, status: int) -> HttpResponse:
    body = Refused(code=error.code, message=as_text(error.text, 1024), key=error.key, params=as_params(error.params))
    return logged(
        request, error, HttpResponse(body.model_dump_json(), status=status, content_type="application/json")
    )


def logged(request: HttpRequest, error: IvmError, response: HttpResponse) -> HttpResponse:
    """In place of Django's line for each, which names no address: anyone can reach the port."""
    level = logging.ERROR if response.status_code >= 500 else logging.WARNING
    text = f"{request.method} {request.path} was refused: {response.status_code} {error.key}"
    repeats.tell(level, address_of(request) or "no address", error.key, as_text(text))
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def on_error(request: HttpRequest, error: IvmError) -> HttpResponse:
    if isinstance(error, Refusal):
        return refused(request, error, error.status)
    unavailable = isinstance(error, HypervisorError | PeerError)
    return refused(request, error, STATUS_OF_KEY.get(error.key, 503 if unavailable else 409))


def on_invalid(request: HttpRequest, error: InvalidRequest) -> HttpResponse:
    """Says where and what kind of fault, never the value: it could be a password."""
    fault = error.errors[0]
    place = ".".join(str(part) for part in fault.get("loc", ()))
    detail = f"{place}: {fault.get('type')}"[:200]
    return on_error(request, Refusal("peer-request-invalid", status=422, protocol=PROTOCOL_VERSION, detail=detail))


def on_http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    if isinstance(error, AuthenticationError):
        return on_error(request, Refusal("peer-token-missing", status=401))
    if error.status_code == 400:
        return on_error(request, Refusal("peer-not-json", status=400))
    return on_error(request, Refusal("peer-http", status=error.status_code, detail=str(error)[:200]))


@csrf_exempt
def no_such_call(request: HttpRequest) -> HttpResponse:
    """Below /api/ a path that leads nowhere is answered like any other refusal, not with a page."""
    return on_error(request, Refusal("peer-not-found", status=404, path=request.path[:200]))


def on_busy(request: HttpRequest, error: OperationalError) -> HttpResponse:
    logger.warning("peer API: the database did not answer: %s", error)
    return on_error(request, Refusal("peer-busy", status=503))


HANDLERS: tuple[tuple[type[Exception], Callable[[HttpRequest, Any], HttpResponse]], ...] = (
    (IvmError, on_error),
    (InvalidRequest, on_invalid),
    (HttpError, on_http_error),
    (OperationalError, on_busy),
)


def add_error_handlers(api: NinjaAPI) -> None:
    for kind, handler in HANDLERS:
        api.add_exception_handler(kind, handler)
