"""Refusals of the API: every answer that is not 2xx is `Refused`, with the codes of pages and commands."""

import logging
from collections.abc import Callable
from typing import Any

from django.core.signals import got_request_exception
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError
from ninja.errors import ValidationError as InvalidRequest

from ivmweb.common.errors import IvmError, PeerError, PrerequisiteFailed
from migration.peer import refusals as peer
from migration.peer.messages import Refused, as_params, as_text

logger = logging.getLogger(__name__)

ROOT = "/api/v1/"
PEER_ROOT = f"{ROOT}peer/"
RETRY_AFTER_S = 5
STATUS_OF_KEY = {
    "no-right": 403,
    "chosen-partition-gone": 404,
    "chosen-partition-moved": 404,
    "partition-not-here": 404,
    "hypervisor-unreachable": 503,
}
MEANINGS = {
    400: "The body is not JSON.",
    401: "No valid token, or a wrong user ID or password.",
    403: "The user does not have the right.",
    404: "There is no such thing on this console.",
    405: "Another method is needed here.",
    409: "Refused by the state of things, or by the other console; nothing was changed.",
    411: "The request does not say its length.",
    413: "The body is longer than 1 MiB.",
    415: "The body is not application/json.",
    422: "A field is missing, unknown or out of its bounds; or the Idempotency-Key belongs to another request.",
    429: "Locked out after too many wrong passwords.",
    500: "A fault of the console; its log has the details.",
    503: "The hypervisor, the other console or the database does not answer; try again.",
}
REFUSALS: dict[Any, Any] = dict.fromkeys((401, 403, 404, 422, 500, 503), Refused)
OF_BODIES: dict[Any, Any] = dict.fromkeys((400, 411, 413, 415), Refused)


class Refusal(PrerequisiteFailed):
    """A request that is refused before anything is done."""

    def __init__(self, key: str, *, status: int, headers: dict[str, str] | None = None, **params: Any) -> None:
        self.status, self.headers = status, headers or {}
        super().__init__(key, **params)


def status_of(error: IvmError) -> int:
    if isinstance(error, Refusal):
        return error.status
    if isinstance(error, PeerError) and not error.permanent:
        return 503
    return STATUS_OF_KEY.get(error.key, 409)


def body_of(error: IvmError) -> dict[str, Any]:
    """The fields of `Refused`."""
    return {
        "code": error.code,
        "message": as_text(error.text, 1024),
        "key": error.key,
        "params": as_params(error.params),
    }


def on_error(request: HttpRequest, error: IvmError) -> HttpResponse:
    status = status_of(error)
    content = Refused(**body_of(error)).model_dump_json()
    headers = dict(error.headers) if isinstance(error, Refusal) else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status == 503:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    response = HttpResponse(content, status=status, headers=headers, content_type="application/json")
    return response if status == 500 else peer.logged(request, error, response)


def on_invalid(request: HttpRequest, error: InvalidRequest) -> HttpResponse:
    """Says where and what kind of fault, never the value: it could be a password."""
    fault = error.errors[0]
    where, *path = fault.get("loc", ("request",))
    place = ".".join(map(str, (where, *path[1:]) if where == "body" else (where, *path)))  # ninja's name of the body
    expected = fault.get("ctx", {}).get("expected", "")
    needed = f", needed: {expected}" if expected else ""
    return on_error(
        request, Refusal("api-request-invalid", status=422, detail=f"{place}: {fault.get('type')}{needed}"[:200])
    )


def on_http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    if isinstance(error, AuthenticationError):
        return on_error(request, Refusal("api-token-missing", status=401))
    if error.status_code == 400:
        return on_error(request, Refusal("api-not-json", status=400))
    return on_error(request, Refusal("api-request-invalid", status=error.status_code, detail=str(error)[:200]))


def on_busy(request: HttpRequest, error: OperationalError) -> HttpResponse:
    logger.warning("API: the database did not answer: %s", error)
    return on_error(request, Refusal("api-busy", status=503))


def on_bug(request: HttpRequest, error: Exception) -> HttpResponse:
    logger.exception("API: %s %s", request.method, request.path)
    got_request_exception.send(sender=on_bug, request=request)
    return on_error(request, Refusal("internal-error", status=500))


def on_peer_bug(request: HttpRequest, error: Exception) -> HttpResponse:
    raise error


Handler = Callable[[HttpRequest, Any], HttpResponse]
OURS: dict[type[Exception], Handler] = {
    IvmError: on_error,
    InvalidRequest: on_invalid,
    HttpError: on_http_error,
    OperationalError: on_busy,
    Exception: on_bug,
}


def add_error_handlers(api: NinjaAPI) -> None:
    """Each part speaks its own words: another console's fault is not explained like a script's."""
    theirs = dict(peer.HANDLERS) | {Exception: on_peer_bug}
    for kind, ours in OURS.items():
        api.add_exception_handler(kind, either(theirs[kind], ours))


def either(theirs: Handler, ours: Handler) -> Handler:
    def handle(request: HttpRequest, error: Any) -> HttpResponse:
        return (theirs if request.path.startswith(PEER_ROOT) else ours)(request, error)

    return handle
