"""A question that a console asks of another one outside any migration, signed with its own keys.

The Ed25519 key is vouched for by the console's certificate, which the other console has pinned (handover_record.py).
"""

from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ivmweb.common.certificates import fingerprint
from migration.handover_record import NotProved, Signer, canonical, check_vouching, vouch
from migration.models import RemoteSystem
from migration.peer.auth import Refusal
from migration.peer.local import own_identity, own_name
from migration.peer.messages import OpenQuestion

QUESTION = b"ivmweb open migrations 1\n"


def sign(signer: Signer, said: dict[str, Any]) -> OpenQuestion:
    public = signer.key.public_key().public_bytes_raw()
    unsigned = OpenQuestion(
        **said,
        certificate=signer.certificate,
        key=public.hex(),
        key_signature=vouch(signer.certificate_key, public).hex(),
        signature="",
    )
    return unsigned.model_copy(update={"signature": signer.key.sign(content_of(unsigned)).hex()})


def content_of(question: OpenQuestion) -> bytes:
    return QUESTION + canonical(question.model_copy(update={"signature": ""}))


def asker(question: OpenQuestion) -> RemoteSystem:
    """The remote system that signed it, for this console; raises Refusal."""
    remote = RemoteSystem.objects.filter(system_identity=question.system, removed_at=None).first()
    try:
        known = remote is not None and fingerprint(question.certificate) == remote.fingerprint
    except ValueError:
        known = False
    if remote is None or not known:
        names = {"system_identity": question.system, "host_name": question.system, "remote": own_name()}
        raise Refusal("peer-source-unknown", status=403, **names)
    public = bytes.fromhex(question.key)
    try:
        check_vouching(question.certificate, public, question.key_signature, question.system)
        Ed25519PublicKey.from_public_bytes(public).verify(bytes.fromhex(question.signature), content_of(question))
    except (NotProved, ValueError, InvalidSignature):
        raise Refusal("peer-question-unsigned", status=401, remote=own_name()) from None
    if question.partner_system != own_identity():
        raise Refusal("peer-question-unsigned", status=401, remote=own_name())
    return remote
