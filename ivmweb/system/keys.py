"""Public keys with which users come in, over SSH or from another console, and the key each user has here.

The only writer of the public ones. A user's own key pair is derived, not stored: from IVM_SECRET_KEY and the account.
So a copy of the database does not give it away, and an account made anew under the same name has another one.
"""

import base64
import hashlib

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.contrib.auth.models import User
from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system.actions import action
from ivmweb.system.epochs import next_epoch
from ivmweb.system.models import AuthorizedKey, ManagedSystem
from ivmweb.system.rights import AnyUser, Right
from ivmweb.transactions import serialized

MOST_KEYS = 50
LONGEST_KEY = 16_384
LONGEST_COMMENT = 128
ALGORITHMS = ("ssh-ed25519", "ecdsa-sha2-", "ssh-rsa", "sk-ssh-ed25519@", "sk-ecdsa-sha2-")

ADD = _("Add SSH Key")


def add(text: str, *, user: AnyUser, origin: str) -> None:
    """As one line of an OpenSSH key file. One that is there already stays as it is."""
    algorithm, data, comment = read(text)
    fingerprint = fingerprint_of(data)
    with action(user, origin, Right.VIEW, ADD, comment or fingerprint):
        account = account_of(user)
        with serialized():
            next_epoch()  # whoever adds another one at the same time waits here
            rows = AuthorizedKey.objects.filter(user=account)
            if rows.filter(fingerprint=fingerprint).exists():
                return
            if rows.count() >= MOST_KEYS:
                raise PrerequisiteFailed("keys-full", user=account.get_username(), most=MOST_KEYS)
            rows.create(user=account, fingerprint=fingerprint, algorithm=algorithm, data=data, comment=comment)


def remove(named: str, *, user: AnyUser, origin: str) -> None:
    """The key itself, its comment, or its fingerprint."""
    with action(user, origin, Right.VIEW, _("Remove SSH Key"), named[:LONGEST_COMMENT]):
        account = account_of(user)
        rows = AuthorizedKey.objects.filter(user=account)
        found = [row for row in rows if is_named(row, named.strip())]
        if not found:
            raise PrerequisiteFailed("key-unknown", named=named[:64], user=account.get_username())
        rows.filter(pk__in=[row.pk for row in found]).delete()


def is_named(row: AuthorizedKey, named: str) -> bool:
    key = f"{row.algorithm} {row.data}"
    return named in {row.comment, row.fingerprint, key} or named.startswith(f"{key} ")


def account_of(user: AnyUser) -> User:
    if not isinstance(user, User):
        raise PrerequisiteFailed("keys-need-account")
    return user


def read(text: str) -> tuple[str, str, str]:
    """Algorithm, base64 and comment of an OpenSSH public key line. Raises PrerequisiteFailed."""
    line = text.strip()
    try:
        if len(line) > LONGEST_KEY:
            raise ValueError("it is too long")
        if not line.startswith(ALGORITHMS):
            raise ValueError("its kind is not known here")
        algorithm, data, comment = [*line.split(None, 2), "", ""][:3]
        serialization.load_ssh_public_key(f"{algorithm} {data}".encode())
    except (ValueError, UnsupportedAlgorithm) as exc:
        reason = str(exc).partition("\n")[0][:100]
        raise PrerequisiteFailed("key-wrong", given=line[:40] or '""', reason=reason) from exc
    return algorithm, data, comment[:LONGEST_COMMENT]


def fingerprint_of(data: str) -> str:
    """As OpenSSH writes it, of a key's base64."""
    digest = hashlib.sha256(base64.b64decode(data)).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def user_of(public: Ed25519PublicKey, name: str) -> User | None:
    """The active user of that name whom this key lets in."""
    fingerprint = fingerprint_of(line_of(public).split()[1])
    rows = AuthorizedKey.objects.filter(user__username=name, user__is_active=True, fingerprint=fingerprint)
    found = rows.select_related("user").first()
    return found.user if found else None


# The own one


def own_key(user: AnyUser) -> Ed25519PrivateKey:
    """The key pair of this user of this console. Raises PrerequisiteFailed for who has no account."""
    account = account_of(user)
    who = f"{account.pk} {account.get_username()} {account.date_joined.isoformat()}"
    derived = HKDF(hashes.SHA256(), 32, salt=None, info=f"ivmweb: key of user {who}".encode())
    return Ed25519PrivateKey.from_private_bytes(derived.derive(settings.SECRET_KEY.encode()))


def own_public_line(user: AnyUser) -> str:
    """`ssh-ed25519 AAAA... padmin@uli13`, as a line of an OpenSSH public key file."""
    host = ManagedSystem.objects.get().host_name
    return f"{line_of(own_key(user).public_key())} {user.get_username()}@{host}"


def line_of(public: Ed25519PublicKey) -> str:
    openssh = serialization.PublicFormat.OpenSSH
    return public.public_bytes(serialization.Encoding.OpenSSH, openssh).decode()
