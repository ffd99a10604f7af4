"""The peer API as other consoles call it; docs/peer-api.md. Each view: who is it, one call, answer."""

import logging
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.http import HttpRequest
from ninja import Router, Status
from ninja.security import HttpBearer

from ivmweb.common.errors import IvmError
from ivmweb.common.fault_points import reached
from ivmweb.system import audit, keys
from migration import admission, both_sides, destination, lost, record_exchange, recovery, tasks, telling, turns
from migration.handover_record import Record as HandoverRecord
from migration.handover_record import Signed
from migration.models import Migration, MobilityToken, RemoteSystem
from migration.peer import auth, key_login, lockout, questions, tombstones
from migration.peer.auth import Refusal
from migration.peer.local import own_hello, own_identity, own_mover, own_name
from migration.peer.messages import (
    Answered,
    Challenge,
    Hello,
    JournalAnswer,
    JournalRequest,
    KeyRequest,
    KeyTokenRequest,
    OpenAnswer,
    OpenQuestion,
    PrepareRequest,
    Refused,
    TicketRequest,
    TokenAnswer,
    TokenRequest,
    Told,
    TransferProgress,
    TurnAnswer,
    TurnRequest,
    ValidateAnswer,
    ValidateRequest,
)
from migration.peer.refusals import bounded
from migration.peer.remotes import known_by
from migration.states import Role, State, leaves_tombstone
from migration.validation import destination_findings

logger = logging.getLogger(__name__)


class MobilityBearer(HttpBearer):
    """A mobility token, good for validate and prepare."""

    openapi_description = "From POST /api/v1/peer/token: for another console, for mobility only; docs/peer-api.md."

    def authenticate(self, request: HttpRequest, token: str) -> MobilityToken:
        return auth.valid_token(token)


REFUSALS: dict[Any, Any] = dict.fromkeys((400, 401, 403, 404, 409, 411, 413, 422, 429, 503), Refused)
router = Router(tags=["peer"])
router.add_decorator(bounded, mode="view")


@router.get("hello", response={200: Hello, 503: Refused}, summary="Who this console is")
def hello(request: HttpRequest) -> Hello:
    return own_hello()


@router.post("token", response={200: TokenAnswer} | REFUSALS, summary="Log in for a mobility token")
def make_token(request: HttpRequest, body: TokenRequest) -> TokenAnswer:
    try:
        user = log_in(request, body)
    except Refusal as exc:
        audit_token(request, body, audit.REFUSED, exc)
        raise
    return new_token(request, body, user)


def new_token(request: HttpRequest, body: TokenRequest | KeyTokenRequest, user: User) -> TokenAnswer:
    token = auth.make_token(user, body.system_identity)
    audit_token(request, body, audit.ACCEPTED)
    row = auth.valid_token(token)
    life_s = round((row.expires_at - row.created_at).total_seconds())
    return TokenAnswer(token=token, expires_in_s=life_s, may_change=row.may_change, hello=own_hello())


@router.post("keys", response={204: None} | REFUSALS, summary="Let a user in by a key from now on")
def add_key(request: HttpRequest, body: KeyRequest) -> Status[None]:
    origin = lockout.address_of(request)
    try:
        user = log_in(request, body)
    except Refusal as exc:
        record(exc, body.user, keys.ADD, "SSH", audit.REFUSED, origin)
        raise
    keys.add(body.key, user=user, origin=origin)
    return Status(204, None)


@router.get("challenge", response={200: Challenge} | REFUSALS, summary="What a key has to sign to log in")
def give_challenge(request: HttpRequest) -> Challenge:
    return key_login.challenge()


@router.post("key-token", response={200: TokenAnswer} | REFUSALS, summary="Log in by a key for a mobility token")
def make_token_by_key(request: HttpRequest, body: KeyTokenRequest) -> TokenAnswer:
    try:
        user = key_login.user_let_in(body)
    except Refusal as exc:
        audit_token(request, body, audit.REFUSED, exc)
        raise
    return new_token(request, body, user)


@router.delete("token", auth=MobilityBearer(), response={204: None} | REFUSALS, summary="Log out")
def end_token(request: HttpRequest) -> Status[None]:
    auth.revoke(token_of(request))
    return Status(204, None)


@router.post(
    "migrations/{uuid:migration_id}/ticket",
    auth=MobilityBearer(),
    response={200: TokenAnswer} | REFUSALS,
    summary="A token for one migration that waits in the queue",
)
def make_ticket(request: HttpRequest, migration_id: UUID, body: TicketRequest) -> TokenAnswer:
    token = token_of(request)
    check_purpose(token, migration_id)
    check_origin(token, body.system_identity)
    if not token.may_change:
        raise Refusal("peer-view-only", status=403, user=token.user, remote=own_name())
    ticket = auth.make_ticket(token, migration_id)
    life_s = round(auth.TICKET_LIFE.total_seconds())
    return TokenAnswer(token=ticket, expires_in_s=life_s, may_change=True, hello=own_hello())


@router.post("validate", auth=MobilityBearer(), response={200: ValidateAnswer} | REFUSALS, summary="Validate")
def validate(request: HttpRequest, body: ValidateRequest) -> ValidateAnswer:
    token = token_of(request)
    check_purpose(token, None)
    check_origin(token, body.hello.system_identity)
    return ValidateAnswer(hello=own_hello(), mover=own_mover(), findings=destination_findings(body, token))


@router.post("migrations", auth=MobilityBearer(), response={200: Answered} | REFUSALS, summary="Prepare")
def prepare(request: HttpRequest, body: PrepareRequest) -> Answered:
    """Makes everything the partition needs, once; sent again, the same answer."""
    token = token_of(request)
    reached("destination", "hear", "prepare", "before")
    is_again = Migration.objects.filter(pk=body.migration_id).exists()
    try:
        answer = destination.prepare(body, token, may_prepare(token, body))
    except IvmError as exc:
        audit_prepare(token, body, audit.REFUSED, exc)
        raise
    if not is_again:
        audit_prepare(token, body, audit.ACCEPTED)
        tasks.ring_wanted(Migration.objects.get(pk=body.migration_id))
    reached("destination", "hear", "prepare", "after")
    return answer


@router.post(
    "migrations/{uuid:migration_id}/state",
    response={200: Answered} | REFUSALS,
    summary="Tell a state, hear the own one",
    description="Authorised by the header X-IVM-Signature, or by the token where the migration is unknown here.",
    openapi_extra={"security": [{"MigrationSignature": []}, {"MobilityBearer": []}]},
)
def tell_state(request: HttpRequest, migration_id: UUID, body: Told) -> Answered:
    check_named(body.migration_id, migration_id)
    migration = Migration.objects.select_related("remote").filter(pk=migration_id).first()
    if migration is not None and migration.secret:
        check_signature(request, migration)
        remote = migration.remote
    else:
        token, remote = token_and_remote(request, migration_id)
    if migration is None:
        return told_unknown(body, token, remote)
    check_role(migration, remote, body)
    reached(migration.role, "hear", body.state, "before")
    answered = recovery.told(body, migration)
    reached(migration.role, "hear", body.state, "after")
    return answered


@router.post(
    "migrations/{uuid:migration_id}/record",
    response={200: HandoverRecord} | REFUSALS,
    summary="Sign the hand-over record",
    description="The source's part for the whole record. Authorised by the header X-IVM-Signature.",
    openapi_extra={"security": [{"MigrationSignature": []}]},
)
def sign_record(request: HttpRequest, migration_id: UUID, body: Signed) -> HandoverRecord:
    migration = signed_for(request, migration_id, body.statement.migration)
    reached("destination", "hear", "record", "before")
    record = record_exchange.countersign(migration, body)
    reached("destination", "hear", "record", "after")
    return record


@router.post(
    "migrations/{uuid:migration_id}/journal",
    response={200: JournalAnswer} | REFUSALS,
    summary="The latest lines of a migration's journal",
    description="For people: nothing is decided or changed by it. Authorised by the header X-IVM-Signature.",
    openapi_extra={"security": [{"MigrationSignature": []}]},
)
def tell_journal(request: HttpRequest, migration_id: UUID, body: JournalRequest) -> JournalAnswer:
    migration = signed_for(request, migration_id, body.migration_id)
    check_role(migration, migration.remote, body)
    return both_sides.own_journal(migration)


@router.post(
    "migrations/{uuid:migration_id}/progress",
    response={204: None} | REFUSALS,
    summary="How far the source is with the transfer",
    description="For people: nothing is decided by it. Authorised by the header X-IVM-Signature.",
    openapi_extra={"security": [{"MigrationSignature": []}]},
)
def tell_progress(request: HttpRequest, migration_id: UUID, body: TransferProgress) -> Status[None]:
    migration = signed_for(request, migration_id, body.migration_id)
    check_role(migration, migration.remote, body)
    telling.hear(migration, body)
    return Status(204, None)


@router.post(
    "migrations/{uuid:migration_id}/turn",
    response={200: TurnAnswer} | REFUSALS,
    summary="Whether the source may suspend now",
    description="A courtesy between partitions on one link. Authorised by the header X-IVM-Signature.",
    openapi_extra={"security": [{"MigrationSignature": []}]},
)
def take_turn(request: HttpRequest, migration_id: UUID, body: TurnRequest) -> TurnAnswer:
    migration = signed_for(request, migration_id, body.migration_id)
    check_role(migration, migration.remote, body)
    return TurnAnswer(granted=turns.answer(migration))


@router.post(
    "open-migrations",
    response={200: OpenAnswer} | REFUSALS,
    summary="What a restored database should know",
    description="Open and recently closed migrations with the console that asks, which signs the question.",
)
def tell_open_migrations(request: HttpRequest, body: OpenQuestion) -> OpenAnswer:
    return lost.answer(questions.asker(body), body)


def log_in(request: HttpRequest, body: TokenRequest | KeyRequest) -> User:
    found = lockout.log_in(request, body.user, body.password)
    if found is None:
        raise Refusal("peer-wrong-password", status=401, user=body.user, remote=own_name())
    if isinstance(found, lockout.Locked):
        raise Refusal("peer-locked-out", status=429, user=body.user, remote=own_name(), minutes=found.minutes)
    return found


def token_of(request: HttpRequest) -> MobilityToken:
    token: MobilityToken = request.auth  # type: ignore[attr-defined]
    return token


def refuse_itself(system_identity: str) -> None:
    """Validate reports it; a migration would meet its own row here."""
    if system_identity == own_identity():
        raise Refusal("peer-is-itself", status=409, system_identity=system_identity, remote=own_name())


def check_origin(token: MobilityToken, identity: str) -> None:
    if token.system_identity != identity:
        raise Refusal("peer-token-of-another", status=403, issued_to=token.system_identity, used_by=identity)


def check_purpose(token: MobilityToken, migration_id: UUID | None) -> None:
    """A ticket serves the migration that it was made for, and nothing else."""
    if token.migration_id not in (None, migration_id):
        raise Refusal("peer-token-unknown", status=401)


def may_prepare(token: MobilityToken, body: PrepareRequest) -> RemoteSystem:
    """The source as the remote system that this console can ask back; raises Refusal otherwise."""
    check_purpose(token, body.migration_id)
    check_origin(token, body.hello.system_identity)
    refuse_itself(body.hello.system_identity)
    if not token.may_change:
        raise Refusal("peer-view-only", status=403, user=token.user, remote=own_name())
    remote = known_source(body.hello)
    other = Migration.objects.filter(pk=body.migration_id).exclude(remote=remote).select_related("remote").first()
    if other is not None:
        issued_to = other.remote.system_identity
        raise Refusal("peer-token-of-another", status=403, issued_to=issued_to, used_by=token.system_identity)
    return remote


def known_source(hello: Hello) -> RemoteSystem:
    remote = known_by(hello.system_identity)
    if remote is None:
        raise source_unknown(hello.system_identity, hello.host_name)
    return remote


def source_unknown(system_identity: str, host_name: str) -> Refusal:
    return Refusal(
        "peer-source-unknown",
        status=403,
        system_identity=system_identity,
        host_name=host_name,
        remote=own_name(),
    )


def check_named(named: UUID, addressed: UUID) -> None:
    if named != addressed:
        raise Refusal("peer-migration-differs", status=422, named=str(named), addressed=str(addressed))


def signed_for(request: HttpRequest, migration_id: UUID, named: UUID) -> Migration:
    """The migration of the address, which the message names too and whose secret signs it; raises Refusal."""
    check_named(named, migration_id)
    migration = Migration.objects.select_related("remote").filter(pk=migration_id).first()
    if migration is None or not migration.secret:
        raise Refusal("peer-migration-unknown", status=404, migration=str(migration_id))
    check_signature(request, migration)
    return migration


def check_signature(request: HttpRequest, migration: Migration) -> None:
    signature = request.headers.get(auth.SIGNATURE_HEADER, "")
    secret = auth.unseal(bytes(migration.secret))
    if not auth.is_signed(signature, secret, request.method or "", request.path, request.body):
        logger.warning("migration %s: a message with a wrong signature was refused", migration.pk)
        raise Refusal("peer-signature-wrong", status=401, migration_id=str(migration.pk))


def told_unknown(body: Told, token: MobilityToken, remote: RemoteSystem) -> Answered:
    """An abort leaves a note, which no list shows. How many a token or a system may leave is bounded."""
    is_abort = body.role == Role.SOURCE.value and leaves_tombstone(
        State(body.state), restored=admission.was_restored()
    )
    if is_abort and not token.may_change:  # it prepares nothing, whatever comes late
        return destination.decline_unwritten(body.migration_id, remote, body.incarnation)
    if is_abort:
        tombstones.refuse_too_many(token, remote)
    answered = recovery.told_unknown(body, remote)
    tombstones.sign(body.migration_id, token)
    return answered


def token_and_remote(request: HttpRequest, migration_id: UUID) -> tuple[MobilityToken, RemoteSystem]:
    """For an id without a secret here: who sends the token it was given, and is a remote system."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refusal("peer-migration-unknown", status=404, migration=str(migration_id))
    row = auth.known_token(token)
    check_purpose(row, migration_id)
    remote = RemoteSystem.objects.filter(system_identity=row.system_identity).first()
    if remote is None:
        raise source_unknown(row.system_identity, row.system_identity)
    return row, remote


def check_role(
    migration: Migration, remote: RemoteSystem, told: Told | JournalRequest | TransferProgress | TurnRequest
) -> None:
    """A message must come from the partner: neither this side's own one sent back, nor another system's."""
    if told.role == migration.role:
        raise Refusal(
            "peer-role-wrong", status=409, migration_id=str(migration.pk), role=told.role, remote=own_name()
        )
    if migration.remote_id != remote.pk:
        raise Refusal(
            "peer-token-of-another",
            status=403,
            issued_to=remote.system_identity,
            used_by=migration.remote.system_identity,
        )


def audit_token(
    request: HttpRequest, body: TokenRequest | KeyTokenRequest, outcome: str, error: IvmError | None = None
) -> None:
    record(error, body.user, "mobility token", f"system {body.system_identity}", outcome, lockout.address_of(request))


def audit_prepare(token: MobilityToken, body: PrepareRequest, outcome: str, error: IvmError | None = None) -> None:
    record(
        error, token.user, "prepare", f"partition {body.configuration.name}", outcome, f"peer {body.hello.host_name}"
    )


def record(error: IvmError | None, user: str, action: str, thing: str, outcome: str, origin: str) -> None:
    code, text = (error.code, error.text) if error else ("", "")
    audit.record(user=user, action=action, thing=thing, outcome=outcome, origin=origin[:64], code=code, text=text)
