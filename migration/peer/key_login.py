"""Logging in to another console by a user's key instead of a password (mkauthkeys; docs/peer-api.md, section 3)."""

import secrets

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.contrib.auth.models import User

from ivmweb.system.keys import user_of
from ivmweb.system.rights import Right, can
from migration.handover_record import canonical
from migration.peer.auth import Refusal, seal, unseal_fresh
from migration.peer.local import own_identity, own_name
from migration.peer.messages import Challenge, KeyTokenRequest

PURPOSE = b"ivmweb key token 1\n"
CHALLENGE = b"challenge "
CHALLENGE_LIFE_S = 60


def challenge() -> Challenge:
    """Kept nowhere: it comes back sealed, with its time in it, and this console's own clock alone counts."""
    return Challenge(challenge=seal(CHALLENGE + secrets.token_bytes(16)).decode(), system_identity=own_identity())


def signed(key: Ed25519PrivateKey, user: str, given: Challenge) -> KeyTokenRequest:
    unsigned = KeyTokenRequest(
        user=user,
        system_identity=own_identity(),
        partner_identity=given.system_identity,
        challenge=given.challenge,
        key=key.public_key().public_bytes_raw().hex(),
        signature="",
    )
    return unsigned.model_copy(update={"signature": key.sign(content_of(unsigned)).hex()})


def content_of(request: KeyTokenRequest) -> bytes:
    return PURPOSE + canonical(request.model_copy(update={"signature": ""}))


def user_let_in(request: KeyTokenRequest) -> User:
    """Whom the key logs in; raises Refusal, the same whatever is wrong."""
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(request.key))
    is_mine = request.partner_identity == own_identity() and is_fresh(request.challenge)
    user = user_of(public, request.user) if is_mine and is_signed(request, public) else None
    if user is None or not can(user, Right.VIEW):
        raise Refusal("peer-key-refused", status=401, user=request.user, remote=own_name())
    return user


def is_fresh(challenge: str) -> bool:
    return unseal_fresh(challenge.encode(), CHALLENGE_LIFE_S).startswith(CHALLENGE)


def is_signed(request: KeyTokenRequest, public: Ed25519PublicKey) -> bool:
    try:
        public.verify(bytes.fromhex(request.signature), content_of(request))
    except InvalidSignature:
        return False
    return True
