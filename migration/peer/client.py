"""Calls to another console: pinned certificate, bounded answers, time limits; docs/peer-api.md.

Whatever goes wrong leaves here as PeerError with a message for people. No password, token or secret is in it.
"""

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from pydantic import ValidationError

from ivmweb.common.addresses import host_of, port_of
from ivmweb.common.certificates import fetch_certificate, fingerprint, pinned_context
from ivmweb.common.errors import PeerError
from ivmweb.common.fault_points import reached
from migration.handover_record import Record as HandoverRecord
from migration.handover_record import Signed
from migration.models import RemoteSystem
from migration.peer.auth import SIGNATURE_HEADER, sign
from migration.peer.key_login import signed
from migration.peer.local import own_identity
from migration.peer.messages import (
    PROTOCOL_VERSION,
    Answered,
    Body,
    Challenge,
    Hello,
    JournalAnswer,
    JournalRequest,
    KeyRequest,
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
from migration.peer.remotes import remember

ROOT = "/api/v1/peer/"
CONNECT_TIMEOUT_S = 3.0
SHORTEST_WAIT_S = 0.001  # none at all would mean not to wait, which is another error
PERSON_WAITS_S = 10.0  # for all quick answers of one console to one press of a button
MAX_ANSWER_BYTES = 1024 * 1024
TRY_AGAIN = frozenset({429, 502, 503, 504})
# Nothing answers there. Any other error of a call was said by something that runs, or the call was not made.
NO_ANSWER = frozenset({"peer-unreachable", "peer-timeout", "peer-connection-lost"})

Answer = TypeVar("Answer", bound=Body)


class Patience:
    """What is left of the time that a person is made to wait for one console, over any number of questions."""

    def __init__(self, total_s: float = PERSON_WAITS_S) -> None:
        self.total_s = total_s
        self._spent_s = 0.0

    @property
    def left_s(self) -> float:
        return max(0.0, self.total_s - self._spent_s)

    @contextmanager
    def spending(self) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self._spent_s += time.monotonic() - began


class PeerClient:
    """The console of one remote system, for one use by one thread; the connection is kept between calls."""

    def __init__(
        self,
        remote: RemoteSystem,
        transport: httpx.BaseTransport | None = None,
        *,
        timeout_s: float | None = None,
        patience: Patience | None = None,
    ) -> None:
        """`transport` takes the network's place, e.g. the other console in the same process.

        `timeout_s`: shorter than usual where a person waits for the answer. `patience`: shared by all calls for one
        press of a button, so that a console that is silent is not waited for again and again; what takes its time
        there, as its checks do, is not counted.
        """
        self.remote = remote
        self.patience = patience
        self.timeout_s = min(timeout_s or settings.PEER_TIMEOUT_S, settings.PEER_TIMEOUT_S)
        self._client = httpx.Client(
            transport=transport,
            base_url=f"https://{remote.address}",
            verify=self._context(),
            headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "ivmweb"},
            follow_redirects=False,
            trust_env=False,
        )

    def _context(self) -> ssl.SSLContext:
        try:
            return pinned_context(self.remote.certificate)
        except ssl.SSLError as exc:
            raise self._error("peer-certificate-refused", reason="the stored one is damaged", permanent=True) from exc

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def hello(self) -> Hello:
        """Who answers there, noted in the remote system's row; raises PeerError for another system or protocol."""
        reached("send", "hello", "before")
        _, content = self._call("GET", "hello")
        reached("send", "hello", "after")
        self._check_protocol(content)
        hello = self._read(Hello, content)
        remember(self.remote, hello)
        return hello

    def token(self, user: str, password: str) -> TokenAnswer:
        """A mobility token for user and password; neither is kept here."""
        request = TokenRequest(user=user, password=password, system_identity=own_identity())
        answer = self._post("token", request, TokenAnswer, user=user)
        remember(self.remote, answer.hello)
        return answer

    def add_key(self, user: str, password: str, key: str) -> None:
        """Have that console let the user in by this key."""
        request = KeyRequest(user=user, password=password, key=key)
        self._call("POST", "keys", body=request.model_dump_json().encode(), user=user)

    def token_by_key(self, user: str, key: Ed25519PrivateKey) -> TokenAnswer:
        """A mobility token for a key that the user there has let in.

        Signed for the system that is known there and no other: a challenge that it has from another console, and
        passes on, would log it in over there.
        """
        known = self.remote.system_identity or self.hello().system_identity
        _, content = self._call("GET", "challenge")
        given = self._read(Challenge, content)
        if given.system_identity != known:
            raise self._error("peer-identity-changed", permanent=True, found=given.system_identity, known=known)
        answer = self._post("key-token", signed(key, user, given), TokenAnswer)
        remember(self.remote, answer.hello)
        return answer

    def log_out(self, token: str) -> None:
        self._call("DELETE", "token", token=token)

    def ticket(self, token: str, migration_id: UUID) -> str:
        """A token for one migration, good for longer than the one it is asked for with."""
        request = TicketRequest(system_identity=own_identity())
        return self._post(f"migrations/{migration_id}/ticket", request, TokenAnswer, token=token).token

    def validate(self, token: str, request: ValidateRequest) -> ValidateAnswer:
        """Its checks ask its hypervisor and the partition's disks, so they have a time limit of their own."""
        return self._post("validate", request, ValidateAnswer, token=token, is_quick=False)

    def prepare(self, token: str, request: PrepareRequest) -> Answered:
        return at_points("source", "prepare", lambda: self._post("migrations", request, Answered, token=token))

    def tell(self, secret: bytes, told: Told, *, token: str = "") -> Answered:
        """The partner's state for ours. The token counts where the partner has never seen the migration."""
        path = f"migrations/{told.migration_id}/state"
        return at_points(told.role, told.state, lambda: self._post(path, told, Answered, token=token, secret=secret))

    def journal(self, secret: bytes, request: JournalRequest) -> JournalAnswer:
        return self._post(f"migrations/{request.migration_id}/journal", request, JournalAnswer, secret=secret)

    def tell_progress(self, secret: bytes, progress: TransferProgress) -> None:
        path = f"migrations/{progress.migration_id}/progress"
        self._call("POST", path, body=progress.model_dump_json().encode(), secret=secret)

    def turn(self, secret: bytes, request: TurnRequest, answer_s: float) -> bool:
        """Whether this migration may suspend its partition now."""
        path = f"migrations/{request.migration_id}/turn"
        reached("source", "send", "turn", "before")
        answered = self._post(path, request, TurnAnswer, secret=secret, answer_s=answer_s)
        reached("source", "send", "turn", "after")
        return answered.granted

    def open_migrations(self, question: OpenQuestion) -> OpenAnswer:
        return self._post("open-migrations", question, OpenAnswer)

    def exchange_record(self, secret: bytes, part: Signed) -> HandoverRecord:
        """The source's part of the hand-over record for the whole of it."""
        path = f"migrations/{part.statement.migration}/record"
        reached("source", "send", "record", "before")
        record = self._post(path, part, HandoverRecord, secret=secret)
        reached("source", "send", "record", "after")
        return record

    def _post(
        self,
        path: str,
        message: Body,
        kind: type[Answer],
        *,
        token: str = "",
        secret: bytes = b"",
        user: str = "",
        is_quick: bool = True,
        answer_s: float | None = None,
    ) -> Answer:
        body = message.model_dump_json().encode()
        _, content = self._call(
            "POST", path, body=body, token=token, secret=secret, user=user, is_quick=is_quick, answer_s=answer_s
        )
        return self._read(kind, content)

    def _call(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        token: str = "",
        secret: bytes = b"",
        user: str = "",
        is_quick: bool = True,
        answer_s: float | None = None,
    ) -> tuple[int, bytes]:
        patience = self.patience if is_quick else None
        timeout_s = min(answer_s or self.timeout_s, self.timeout_s)
        with patience.spending() if patience else nullcontext():
            limit_s = min(timeout_s, patience.left_s) if patience else timeout_s
            if patience and limit_s <= 0:
                raise self._timeout(patience.total_s)
            return self._exchange(method, path, limit_s, body=body, token=token, secret=secret, user=user)

    def _exchange(
        self, method: str, path: str, limit_s: float, *, body: bytes, token: str, secret: bytes, user: str
    ) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"} if body else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if secret:
            headers[SIGNATURE_HEADER] = sign(secret, method, ROOT + path, body)
        deadline = time.monotonic() + limit_s
        with (
            self._translated(limit_s),
            self._client.stream(
                method, ROOT + path, content=body, headers=headers, extensions=waits_until(deadline)
            ) as response,
        ):
            content = self._content(response, deadline, limit_s)
        if not response.is_success:
            raise self._refusal(response.status_code, content, user)
        return response.status_code, content

    def _content(self, response: httpx.Response, deadline: float, limit_s: float) -> bytes:
        """The whole body, within its limit of bytes and what is left of the call's time."""
        content = bytearray()
        for part in response.iter_raw():
            content += part
            if len(content) > MAX_ANSWER_BYTES:
                raise self._malformed(f"it is longer than {MAX_ANSWER_BYTES} bytes")
            if time.monotonic() > deadline:
                raise self._timeout(limit_s)
        return bytes(content)

    def _read(self, kind: type[Answer], content: bytes) -> Answer:
        try:
            return kind.model_validate_json(content)
        except ValidationError as exc:
            # Only what kind of fault it is: the value could be anything, also a secret.
            fault = exc.errors(include_input=False, include_url=False, include_context=False)[0]
            place = ".".join(str(part) for part in fault["loc"])
            raise self._malformed(f"{kind.__name__} {place}: {fault['type']}") from None

    def _check_protocol(self, content: bytes) -> None:
        """Before anything else is looked at: another version's hello may have other fields."""
        try:
            theirs = _Version.model_validate_json(content).protocol
        except ValidationError:
            raise self._malformed("Hello says no protocol version") from None
        if theirs != PROTOCOL_VERSION:
            raise PeerError(
                "peer-protocol-differs", permanent=True, remote=self.remote.name, theirs=theirs, ours=PROTOCOL_VERSION
            )

    def _refusal(self, status: int, content: bytes, user: str) -> PeerError:
        """What the other console said, in its own words where they are no special case."""
        try:
            refused = Refused.model_validate_json(content)
        except ValidationError:
            return self._malformed(f"HTTP status {status}", permanent=status not in TRY_AGAIN)
        if refused.key == "peer-wrong-password":
            return PeerError("peer-wrong-password", permanent=True, remote=self.remote.name, user=user)
        if refused.key == "peer-locked-out":
            minutes = refused.params.get("minutes", "some")
            return PeerError("peer-locked-out", permanent=False, remote=self.remote.name, user=user, minutes=minutes)
        return PeerError(
            "peer-refused",
            permanent=status not in TRY_AGAIN,
            remote=self.remote.name,
            remote_code=refused.code,
            remote_message=refused.message,
            remote_key=refused.key,
            status=status,
        )

    @contextmanager
    def _translated(self, limit_s: float) -> Iterator[None]:
        try:
            yield
        except httpx.ConnectTimeout as exc:
            raise self._timeout(min(CONNECT_TIMEOUT_S, limit_s)) from exc
        except httpx.TimeoutException as exc:
            raise self._timeout(limit_s) from exc
        except httpx.ConnectError as exc:
            raise self._not_connected(exc) from exc
        except httpx.HTTPError as exc:
            raise self._error("peer-connection-lost", reason=_reason(exc)) from exc
        except httpx.InvalidURL as exc:
            raise self._error("peer-unreachable", reason="the address is not valid", permanent=True) from exc

    def _not_connected(self, exc: httpx.ConnectError) -> PeerError:
        cause = _cause(exc)
        if isinstance(cause, ssl.SSLCertVerificationError):
            return self._certificate_error(cause)
        return self._error("peer-unreachable", reason=_reason(exc))

    def _certificate_error(self, cause: ssl.SSLCertVerificationError) -> PeerError:
        """Says both fingerprints, so that a person can compare them."""
        try:
            shown = fetch_certificate(host_of(self.remote.address), port_of(self.remote.address), CONNECT_TIMEOUT_S)
            new = fingerprint(shown)
        except (OSError, ValueError):
            new = "not known, it did not answer again"
        if new == self.remote.fingerprint:
            return self._error("peer-certificate-refused", reason=cause.verify_message, permanent=True)
        return self._error("peer-certificate-changed", old=self.remote.fingerprint, new=new, permanent=True)

    def _timeout(self, timeout_s: float) -> PeerError:
        return self._error("peer-timeout", timeout_s=f"{round(timeout_s, 1):g}")

    def _error(self, key: str, *, permanent: bool = False, **params: str) -> PeerError:
        return PeerError(key, permanent=permanent, remote=self.remote.name, address=self.remote.address, **params)

    def _malformed(self, detail: str, *, permanent: bool = True) -> PeerError:
        return PeerError("peer-answer-malformed", permanent=permanent, remote=self.remote.name, detail=detail[:200])


def waits_until(deadline: float) -> dict[str, Any]:
    """What makes httpx give each phase of a call (connect, send, head, body) only the time that is left of it all."""
    waits: dict[str, float] = {}

    def shorten(_phase: str, _details: object) -> None:
        left_s = max(deadline - time.monotonic(), SHORTEST_WAIT_S)
        waits.update(connect=min(CONNECT_TIMEOUT_S, left_s), pool=left_s, write=left_s, read=left_s)

    shorten("", None)
    return {"timeout": waits, "trace": shorten}


def at_points(role: str, what: str, send: Callable[[], Answered]) -> Answered:
    """Send between two fault points; a second time where the test of the laboratory wants a duplicate."""
    reached(role, "send", what, "before")
    answered = send()
    return send() if reached(role, "send", what, "after") else answered


class _Version(Body):
    """The one field of every Hello there will ever be."""

    model_config = {"extra": "ignore"}

    protocol: int


def _cause(error: BaseException) -> BaseException:
    """The first error of the chain: httpx and httpcore wrap the operating system's."""
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    return error


def _reason(error: BaseException) -> str:
    """Short words for people; the first error of the chain has the operating system's."""
    cause = _cause(error)
    strerror = cause.strerror if isinstance(cause, OSError) else None
    return str(strerror or cause or type(cause).__name__).strip().rstrip(".")[:200]
