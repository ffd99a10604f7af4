import pytest

from migration.peer import auth

SECRET = bytes(range(32))
PATH = "/api/v1/peer/migrations/1/state"


def test_a_sealed_secret_comes_back_and_is_not_seen_in_what_is_stored():
    sealed = auth.seal(SECRET)
    assert auth.unseal(sealed) == SECRET
    assert SECRET not in sealed
    assert SECRET.hex().encode() not in sealed
    assert auth.seal(SECRET) != sealed


def test_an_erased_secret_stays_erased():
    assert auth.seal(b"") == auth.unseal(b"") == b""


def test_another_secret_key_opens_nothing(settings):
    sealed = auth.seal(SECRET)
    settings.SECRET_KEY = "another key"
    with pytest.raises(auth.SecretUnreadable, match=r"9317.*Set IVM_SECRET_KEY"):
        auth.unseal(sealed)


def test_a_sealed_secret_that_was_changed_is_refused():
    sealed = bytearray(auth.seal(SECRET))
    sealed[20] ^= 1
    with pytest.raises(auth.SecretUnreadable):
        auth.unseal(bytes(sealed))


def test_a_signature_is_the_documented_hmac():
    # Computed by openssl: dgst -sha256 -mac HMAC -macopt hexkey:000102...1f
    expected = "dfd46daba0e3efdab2a08ecd0b4482eee182cc0f72c81a9076d4f75f8877d077"
    assert auth.sign(SECRET, "POST", PATH, b"{}") == expected


@pytest.mark.parametrize(
    "changed",
    [
        {"secret": bytes(32)},
        {"method": "PUT"},
        {"path": PATH.replace("1", "2")},
        {"body": b"{ }"},
    ],
)
def test_a_signature_is_good_for_one_secret_method_path_and_body(changed):
    call = {"secret": SECRET, "method": "POST", "path": PATH, "body": b"{}"}
    signature = auth.sign(**call)
    assert auth.is_signed(signature, **call)
    assert not auth.is_signed(signature, **call | changed)


@pytest.mark.parametrize("secret", [b"", b"short"])
def test_no_signature_is_made_or_believed_without_a_whole_secret(secret):
    with pytest.raises(ValueError, match="32 bytes"):
        auth.is_signed("", secret, "POST", PATH, b"")
