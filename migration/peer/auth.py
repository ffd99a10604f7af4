"""Who may speak for another console: mobility tokens, message signatures, and secrets at rest (docs/peer-api.md)."""

import base64
import datetime as dt
import hashlib
import hmac
import secrets
from functools import cache
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from ivmweb.common.errors import IvmError, PeerError
from ivmweb.system import rights
from ivmweb.system.epochs import next_epoch
from ivmweb.system.rights import Right
from ivmweb.transactions import serialized
from migration.models import MobilityToken

SIGNATURE_HEADER = "X-IVM-Signature"
SECRET_BYTES = 32
# As long as a token may still leave a tombstone, closed migrations and tombstones must be kept.
TOMBSTONE_LIFE = dt.timedelta(days=30)
TICKET_LIFE = dt.timedelta(days=1)


class Refusal(IvmError):
    """A request of another console is refused; nothing was changed by it."""

    def __init__(self, key: str, *, status: int, **params: str | int | float) -> None:
        self.status = status
        super().__init__(key, **params)


class SecretUnreadable(PeerError):
    """A secret kept here can't be read, so the other console can't be spoken with about that migration.

    Neither its silence nor its refusal: it was not asked.
    """

    def __init__(self) -> None:
        super().__init__("peer-secret-unreadable", permanent=False)


# Tokens


def make_token(user: User, system_identity: str) -> str:
    """A new token for that console; only its hash is kept."""
    return keep(
        MobilityToken(
            user=user.get_username(),
            system_identity=system_identity,
            may_change=rights.can(user, Right.MIGRATE),
            expires_at=timezone.now() + dt.timedelta(seconds=settings.TOKEN_LIFE_S),
        )
    )


def make_ticket(row: MobilityToken, migration_id: UUID) -> str:
    """A token of the same user and system that prepares one migration, which waits in its queue for longer."""
    return keep(
        MobilityToken(
            user=row.user,
            system_identity=row.system_identity,
            may_change=row.may_change,
            migration_id=migration_id,
            expires_at=timezone.now() + TICKET_LIFE,
        )
    )


def keep(row: MobilityToken) -> str:
    """Its token, with which an abort may be told: a backup of before it has a smaller epoch, which is noticed."""
    token = secrets.token_urlsafe(32)
    row.hash = hash_of(token)
    with serialized():
        next_epoch()
        row.save(force_insert=True)
    return token


def hash_of(token: str) -> str:
    """No slow hash: a token has 256 random bits, nobody can search them."""
    return hashlib.sha256(token.encode()).hexdigest()


def valid_token(token: str) -> MobilityToken:
    """The token's row, good for validate and prepare; raises Refusal where it is unknown, old or its user is gone.

    `may_change` of the answer says what the user may do now, not when the token was given out.
    """
    row = known_token(token)
    if row.expires_at <= timezone.now():
        raise Refusal("peer-token-expired", status=401, user=row.user)
    user = User.objects.filter(username=row.user, is_active=True).first()
    if user is None or not rights.can(user, Right.VIEW):
        raise Refusal("peer-token-unknown", status=401)
    row.may_change = row.may_change and rights.can(user, Right.MIGRATE)
    return row


def known_token(token: str) -> MobilityToken:
    """The token's row, also past its 15 minutes: good for telling the state of an id that has no secret here."""
    row = MobilityToken.objects.filter(hash=hash_of(token), created_at__gt=timezone.now() - TOMBSTONE_LIFE).first()
    if row is None:
        raise Refusal("peer-token-unknown", status=401)
    return row


def revoke(row: MobilityToken) -> None:
    """Validates and prepares nothing from now on. The row stays: an abort of what it prepared must still get in."""
    MobilityToken.objects.filter(pk=row.pk, expires_at__gt=timezone.now()).update(expires_at=timezone.now())


def revoke_all_of(user: str, **_: object) -> None:
    """The password was changed, or the user removed: what the old one opened is closed."""
    MobilityToken.objects.filter(user=user, expires_at__gt=timezone.now()).update(expires_at=timezone.now())


def forget_tokens() -> None:
    """Throw away those past any use."""
    now = timezone.now()
    MobilityToken.objects.filter(created_at__lt=now - TOMBSTONE_LIFE, expires_at__lt=now).delete()


# Signatures


def sign(secret: bytes, method: str, path: str, body: bytes) -> str:
    """Binds the body, which names migration, role and sequence, to one call. An empty secret signs nothing."""
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a migration's secret has {SECRET_BYTES} bytes, not {len(secret)}")
    text = f"{method}\n{path}\n{hashlib.sha256(body).hexdigest()}"
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def is_signed(signature: str, secret: bytes, method: str, path: str, body: bytes) -> bool:
    return hmac.compare_digest(signature.encode(), sign(secret, method, path, body).encode())


# Secrets at rest


def seal(secret: bytes) -> bytes:
    """Encrypted under a key that only this console's IVM_SECRET_KEY gives; nothing stays nothing."""
    return _fernet(settings.SECRET_KEY).encrypt(secret) if secret else b""


def unseal(sealed: bytes) -> bytes:
    """What was sealed; raises SecretUnreadable where IVM_SECRET_KEY was changed since."""
    try:
        return _fernet(settings.SECRET_KEY).decrypt(sealed) if sealed else b""
    except InvalidToken:
        raise SecretUnreadable from None


def unseal_fresh(sealed: bytes, life_s: int) -> bytes:
    """What was sealed within so many seconds, by this console's clock; empty where it was not."""
    try:
        return _fernet(settings.SECRET_KEY).decrypt(sealed, ttl=life_s)
    except InvalidToken:
        return b""


@cache
def _fernet(secret_key: str) -> Fernet:
    derived = HKDF(hashes.SHA256(), 32, salt=None, info=b"ivmweb: peer secrets at rest").derive(secret_key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
