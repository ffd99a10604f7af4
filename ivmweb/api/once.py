"""Requests that act, each at most once: the same Idempotency-Key gets the same answer.

The key is claimed by a row before anything is done, and a unique constraint lets one of two claims win. A console
that dies in between leaves a row without an answer; such a request is never carried out again under that key, since
nobody knows how far it came. Clocks choose the words for that, nothing else.
"""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from ninja import Header
from ninja.responses import NinjaJSONEncoder
from pydantic import BaseModel

from ivmweb.api.models import KeptAnswer
from ivmweb.api.refusals import Refusal, on_error
from ivmweb.api.tokens import user_of
from ivmweb.common.errors import IvmError

KEPT_FOR = dt.timedelta(hours=24)
KEPT_OF_A_USER = 2000
MAY_TAKE = dt.timedelta(minutes=2)  # longer than all time limits of a request together
REPLAYED_HEADER = "Idempotency-Replayed"

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9_.:-]+$",
        description=(
            "Any text of your choice, new for each request that shall be carried out. Sent again with the same "
            "request it gets the same answer for 24 hours, and nothing is done twice. After an answer 5xx look what "
            "was done, then take another key."
        ),
        examples=["4e6b1a0c-activate"],
    ),
]


@dataclass(frozen=True)
class Answer:
    status: int
    body: BaseModel
    location: str = ""

    def as_response(self) -> HttpResponse:
        content = json.dumps(self.body.model_dump(), cls=NinjaJSONEncoder)  # as answers of GET are written
        return response_of(self.status, content, self.location)


def response_of(status: int, content: str, location: str) -> HttpResponse:
    headers = {"Location": location} if location else {}
    return HttpResponse(content, status=status, headers=headers, content_type="application/json")


def once(request: HttpRequest, key: str | None, act: Callable[[], Answer]) -> HttpResponse:
    """The answer of `act`, or the one that this key got before; raises Refusal where it can't have either."""
    if key is None:
        return act().as_response()
    row = claim(user_of(request), key, digest_of(request))
    if row.status is not None:
        return replay(row)
    try:
        response = act().as_response()
    except IvmError as exc:
        response = on_error(request, exc)
    except BaseException:
        leave_unknown(row)
        raise
    keep(row, response)
    return response


def claim(user: User, key: str, digest: str) -> KeptAnswer:
    """A new row, or an old one with its answer; raises Refusal for any other old row."""
    forget_old(user)
    try:
        with transaction.atomic():
            return KeptAnswer.objects.create(user=user, key=key, request=digest, created_at=timezone.now())
    except IntegrityError:
        row = KeptAnswer.objects.filter(user=user, key=key).first()
    if row is None:  # forgotten in this moment
        raise in_progress()
    if row.request != digest:
        raise Refusal("api-key-reused", status=422)
    if row.status is None and timezone.now() - row.created_at < MAY_TAKE:
        raise in_progress()
    if row.status is None:
        raise Refusal("api-key-outcome-unknown", status=409)
    return row


def in_progress() -> Refusal:
    return Refusal("api-key-in-progress", status=409, headers={"Retry-After": "1"})


def keep(row: KeptAnswer, response: HttpResponse) -> None:
    """After an answer 5xx nobody knows whether a command that was sent is still carried out."""
    if response.status_code >= 500:
        leave_unknown(row)
        return
    KeptAnswer.objects.filter(pk=row.pk).update(
        status=response.status_code,
        location=response.headers.get("Location", ""),
        body=response.content.decode(),
    )


def leave_unknown(row: KeptAnswer) -> None:
    """It is not in progress any more, and is not carried out again under this key."""
    KeptAnswer.objects.filter(pk=row.pk).update(created_at=row.created_at - MAY_TAKE)


def replay(row: KeptAnswer) -> HttpResponse:
    response = response_of(row.status or 0, row.body, row.location)
    response.headers[REPLAYED_HEADER] = "true"
    return response


def digest_of(request: HttpRequest) -> str:
    """Keyed, since a body may hold a password: a copy of the database alone must not let anybody search for it."""
    text = f"{request.method}\n{request.get_full_path()}\n".encode() + request.body
    return salted_hmac("ivmweb.api.once", text, algorithm="sha256").hexdigest()


def forget_old(user: User) -> None:
    KeptAnswer.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()
    kept = KEPT_OF_A_USER - 1  # and the new one
    oldest = KeptAnswer.objects.filter(user=user).order_by("-pk").values("pk")[kept - 1 : kept]
    KeptAnswer.objects.filter(user=user, pk__lt=oldest).delete()
