"""Public keys with which users log in to the command line: the only writer of them."""

import asyncssh
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.utils.translation import gettext_noop as _

from ivmweb.cli.models import AuthorizedKey
from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system.actions import action
from ivmweb.system.rights import Right

MOST_KEYS = 50
LONGEST_KEY = 16_384
LONGEST_COMMENT = 128

By = AbstractBaseUser | AnonymousUser


def add(text: str, *, user: By, origin: str) -> None:
    """As one line of an OpenSSH key file. One that is there already stays as it is."""
    key = read(text)
    comment = (key.get_comment() or "")[:LONGEST_COMMENT]
    with action(user, origin, Right.VIEW, _("Add SSH Key"), comment or key.get_fingerprint()):
        account = account_of(user)
        rows = AuthorizedKey.objects.filter(user=account)
        if rows.count() >= MOST_KEYS:
            raise PrerequisiteFailed("cli-keys-full", user=account.get_username(), most=MOST_KEYS)
        algorithm, data = key.export_public_key().decode().split()[:2]
        rows.get_or_create(
            user=account,
            fingerprint=key.get_fingerprint(),
            defaults={"algorithm": algorithm, "data": data, "comment": comment},
        )


def remove(named: str, *, user: By, origin: str) -> None:
    """The key itself, its comment, or its fingerprint."""
    with action(user, origin, Right.VIEW, _("Remove SSH Key"), named[:LONGEST_COMMENT]):
        account = account_of(user)
        rows = AuthorizedKey.objects.filter(user=account)
        found = [row for row in rows if is_named(row, named.strip())]
        if not found:
            raise PrerequisiteFailed("cli-key-unknown", named=named[:64], user=account.get_username())
        rows.filter(pk__in=[row.pk for row in found]).delete()


def is_named(row: AuthorizedKey, named: str) -> bool:
    key = f"{row.algorithm} {row.data}"
    return named in {row.comment, row.fingerprint, key} or named.startswith(f"{key} ")


def account_of(user: By) -> User:
    if not isinstance(user, User):
        raise PrerequisiteFailed("cli-keys-need-account")
    return user


def read(text: str) -> asyncssh.SSHKey:
    try:
        if len(text) > LONGEST_KEY:
            raise ValueError("it is too long")
        return asyncssh.import_public_key(text.strip())
    except (asyncssh.KeyImportError, ValueError) as exc:
        raise PrerequisiteFailed("cli-key-wrong", given=text.strip()[:40] or '""', reason=str(exc)[:100]) from exc
