"""Log in for a token, and log out."""

from django.conf import settings
from django.http import HttpRequest
from ninja import Status

from ivmweb.api import schemas, tokens
from ivmweb.api.guard import make_router
from ivmweb.api.refusals import OF_BODIES, Refusal
from ivmweb.system import audit
from ivmweb.system.rights import rights_of
from migration.credentials import give_back
from migration.peer import lockout
from migration.peer.messages import Refused

router = make_router("log-in")


@router.post(
    "tokens",
    auth=None,
    response={201: schemas.Token, 401: Refused, 422: Refused, 429: Refused, 500: Refused, 503: Refused} | OF_BODIES,
    summary="Log in",
    description="A token for user and password. Wrong passwords are counted together with those of the log-in page.",
)
def log_in(request: HttpRequest, body: schemas.LogIn) -> Status[schemas.Token]:
    origin = lockout.address_of(request)
    try:
        user = tokens.log_in(request, body.user, body.password)
    except Refusal as exc:
        outcome = audit.REFUSED
        audit.record_error(exc, user=body.user, action="log in", thing="API", outcome=outcome, origin=origin)
        raise
    token, row = tokens.make_token(user)
    audit.record(user=str(user), action="log in", thing="API", outcome=audit.ACCEPTED, origin=origin)
    answer = schemas.Token(
        token=token,
        user=str(user),
        rights=tuple(sorted(right.value for right in rights_of(user))),
        idle_s=settings.SESSION_COOKIE_AGE,
        expires_at=row.expires_at,
    )
    return Status(201, answer)


@router.delete(
    "tokens",
    auth=tokens.UserToken(None),
    response={204: None, 401: Refused, 422: Refused, 500: Refused, 503: Refused},
    summary="Log out",
    description="Ends the token that the request carries.",
)
def log_out(request: HttpRequest) -> Status[None]:
    row = tokens.token_of(request)
    give_back(tokens.Memory(row))
    row.delete()
    origin = lockout.address_of(request)
    audit.record(user=str(row.user), action="log out", thing="API", outcome=audit.ACCEPTED, origin=origin)
    return Status(204, None)
