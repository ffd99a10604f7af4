from django.contrib.auth.hashers import Argon2PasswordHasher, check_password

from ivmweb.system.hashers import PasswordHasher


def test_a_hash_of_other_parameters_still_checks_and_is_made_anew(settings):
    settings.PASSWORD_HASHERS = ["ivmweb.system.hashers.PasswordHasher"]
    older = Argon2PasswordHasher().encode("padmin", "a salt of its own, with entropy enough")
    renewed = []
    assert check_password("padmin", older, renewed.append)
    assert not check_password("other", older)
    assert renewed == ["padmin"]
    ours = PasswordHasher().encode("padmin", "a salt of its own, with entropy enough")
    assert "m=19456,t=2,p=1" in ours
    assert check_password("padmin", ours, renewed.append)
    assert renewed == ["padmin"]
