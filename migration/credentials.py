"""For whom the remote console does what is asked: a user there, and the token it gave for the typed password.

The token stays in the session (encrypted), bound to that remote system and user, so that Migrate after Validate needs
no password; for the API its token's row is the session. It is given back where it can serve no more: at log-out, and
when another one takes its place.
"""

import logging
import time
from dataclasses import dataclass
from typing import Any, Protocol

from django.contrib.auth.models import User

from ivmweb.common.errors import IvmError, PeerError, PrerequisiteFailed
from ivmweb.system.keys import own_key
from ivmweb.system.rights import AnyUser
from migration.models import Migration, RemoteSystem
from migration.peer.auth import SecretUnreadable, seal, unseal
from migration.peer.client import Patience, PeerClient
from migration.peer.messages import TokenAnswer
from migration.peer.remotes import find_remote
from migration.states import Role, State

logger = logging.getLogger(__name__)

SESSION_KEY = "mobility_token"
LOG_OUT_S = 3.0  # longest wait for the console of an old token: somebody waits for another thing


class Session(Protocol):
    """What is remembered of somebody between two requests: a browser's session, or an API token's row."""

    def get(self, key: str, default: Any, /) -> Any: ...

    def __setitem__(self, key: str, value: Any) -> None: ...

    def pop(self, key: str, default: Any, /) -> Any: ...


@dataclass(frozen=True)
class Credentials:
    """Whom the remote console will see: a user there, and the token it gave for the password."""

    remote: RemoteSystem
    remote_manager: str  # as typed
    user: str
    token: str


def authenticate(
    client: PeerClient,
    remote: RemoteSystem,
    remote_manager: str,
    remote_user: str,
    password: str,
    session: Session,
    user: AnyUser,
) -> Credentials:
    """A typed password is exchanged for a token at once; an empty one uses the token of this session, or the key of
    who asks.

    The token stays bound to remote system and user: another one drops it.
    """
    if not remote_user.strip():
        raise PrerequisiteFailed("remote-user-missing", remote=remote.name)
    if password:
        keep(session, client, remote_user, client.token(remote_user, password))
    token = usable_token(session, remote, remote_user)
    if not token:
        answer = token_by_key(client, remote_user, user)
        if answer is None:
            give_back(session, client.patience)
            raise PrerequisiteFailed("remote-password-missing", remote=remote.name, user=remote_user)
        keep(session, client, remote_user, answer)
        token = answer.token
    return Credentials(remote, remote_manager.strip(), remote_user, token)


def keep(session: Session, client: PeerClient, remote_user: str, answer: TokenAnswer) -> None:
    """In place of the one that the session had."""
    give_back(session, client.patience)
    session[SESSION_KEY] = {
        "remote": client.remote.name,
        "user": remote_user,
        "token": seal(answer.token.encode()).hex(),
        "until": time.time() + answer.expires_in_s,
    }


def token_by_key(client: PeerClient, remote_user: str, user: AnyUser) -> TokenAnswer | None:
    """None where that console does not let this user in by the own key: then a password is needed."""
    if not isinstance(user, User):
        return None
    try:
        return client.token_by_key(remote_user, own_key(user))
    except PeerError as exc:
        if exc.params.get("remote_key") == "peer-key-refused":
            return None
        raise


def needs_no_password(session: Session, remote: RemoteSystem, remote_user: str, user: AnyUser) -> bool:
    """Whether Migrate would need none; the token that a key gives is kept in the session. Raises PeerError."""
    if usable_token(session, remote, remote_user):
        return True
    with PeerClient(remote, patience=Patience()) as client:
        answer = token_by_key(client, remote_user, user)
        if answer is not None:
            keep(session, client, remote_user, answer)
        return answer is not None


def usable_token(session: Session, remote: RemoteSystem, remote_user: str) -> str:
    """Of this remote system and user; empty where the session has none."""
    kept = session.get(SESSION_KEY, None)
    return token_in(kept) if kept is not None and is_usable(kept, remote, remote_user) else ""


def token_in(kept: dict[str, Any]) -> str:
    """Empty where it can't be read any more: IVM_SECRET_KEY was changed, and the password has to be typed again."""
    return readable(bytes.fromhex(kept["token"]))


def readable(sealed: bytes) -> str:
    try:
        return unseal(sealed).decode()
    except SecretUnreadable:
        return ""


def is_usable(kept: dict[str, Any] | None, remote: RemoteSystem, remote_user: str) -> bool:
    return (
        kept is not None
        and kept["remote"] == remote.name
        and kept["user"] == remote_user
        and kept["until"] > time.time()
    )


def has_token(session: Session, remote_manager: str, remote_user: str) -> bool:
    """Whether Migrate would need no password for this remote system and user."""
    try:
        return bool(usable_token(session, find_remote(remote_manager), remote_user))
    except IvmError:
        return False


def give_back(session: Session, patience: Patience | None = None) -> None:
    """Forget the session's token, and log it out at its console; where that one is away it expires by itself.

    `patience`: that of the button which was pressed, where it was another one than Log out.
    """
    kept = session.pop(SESSION_KEY, None)
    if kept is None or kept["until"] <= time.time():
        return
    token = token_in(kept)
    remote = RemoteSystem.objects.known().filter(name=kept["remote"]).first()
    if remote is None or not token or is_needed(token):
        return
    try:
        with PeerClient(remote, timeout_s=LOG_OUT_S, patience=patience) as client:
            client.log_out(token)
    except PeerError as exc:
        logger.info("a mobility token was not logged out at %s: %s", remote.name, exc)


def keep_for_queue(client: PeerClient, migration: Migration) -> None:
    """A migration may wait longer than a token lasts: exchange it for one that prepares this migration only.

    Without an answer the old one stays; if it has expired when there is room, the migration says so.
    """
    token = unseal(bytes(migration.token)).decode()
    try:
        ticket = client.ticket(token, migration.pk)
    except PeerError as exc:
        logger.info("migration %s: no ticket for the queue: %s", migration.pk, exc)
        return
    Migration.objects.filter(pk=migration.pk, token=migration.token).update(token=seal(ticket.encode()))
    migration.refresh_from_db()


def is_needed(token: str) -> bool:
    """A migration that was just started has yet to prepare its destination with it."""
    waiting = Migration.objects.filter(role=Role.SOURCE, state=State.TRANSFERRING, mover_port=None)
    return any(readable(bytes(sealed)) == token for sealed in waiting.values_list("token", flat=True))
