"""Each user's own key pair, and public keys as OpenSSH writes them."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.contrib.auth.models import User

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system import keys
from ivmweb.system.rights import Operator
from tests import factories

FINGERPRINT = "SHA256:dDTtOyhu5FQ3xfSO9A/ean/wcu0zGsAtZO0DrlyMLj0"  # ssh-keygen -lf


def public(user):
    return keys.line_of(keys.own_key(user).public_key())


def test_a_user_keeps_the_own_key_and_each_has_another(padmin, viewer):
    assert public(padmin) == public(User.objects.get(pk=padmin.pk))
    assert public(padmin) != public(viewer)


def test_another_secret_of_the_console_and_a_user_made_anew_give_another_key(padmin, settings):
    before = public(padmin)
    settings.SECRET_KEY = "another"
    assert public(padmin) != before
    settings.SECRET_KEY = "x"
    before = public(padmin)
    padmin.delete()
    again = factories.make_user("padmin", "View/Modify")
    assert public(again) != before


def test_the_public_line_names_user_and_console(padmin, uli13):
    algorithm, data, comment = keys.read(keys.own_public_line(padmin))
    assert (algorithm, comment) == ("ssh-ed25519", "padmin@uli13")
    assert keys.fingerprint_of(data).startswith("SHA256:")


def test_the_fingerprint_is_that_of_openssh():
    data = "AAAAC3NzaC1lZDI1NTE5AAAAIJqfWkFRlQrDkMGyGCOjhZFmmqOWkJYjdIlhUkUhPHLg"
    assert keys.fingerprint_of(data) == FINGERPRINT


def test_who_has_no_account_has_no_key():
    with pytest.raises(PrerequisiteFailed) as caught:
        keys.own_key(Operator())
    assert caught.value.key == "keys-need-account"


def test_a_key_that_is_there_already_is_no_more_one_too_many(padmin, uli13, monkeypatch):
    monkeypatch.setattr(keys, "MOST_KEYS", 1)
    line = keys.own_public_line(padmin)
    keys.add(line, user=padmin, origin="test")
    keys.add(line, user=padmin, origin="test")
    with pytest.raises(PrerequisiteFailed) as caught:
        keys.add(keys.line_of(Ed25519PrivateKey.generate().public_key()), user=padmin, origin="test")
    assert caught.value.key == "keys-full"
