"""The console's own certificate."""

from cryptography import x509

from ivmweb.system.certificate import ensure_own_certificate


def names_in(path):
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in alternatives}


def test_certificate_is_for_the_address_that_others_use(settings, tmp_path):
    settings.CERTIFICATE, settings.CERTIFICATE_KEY = tmp_path / "console.crt", tmp_path / "console.key"
    settings.CONSOLE, settings.PUBLIC_ADDRESS = "uli13", "[2001:db8::13]:8413"
    ensure_own_certificate()
    assert names_in(settings.CERTIFICATE) == {"uli13", "localhost", "127.0.0.1", "2001:db8::13"}


def test_certificate_that_is_there_stays(settings, tmp_path):
    settings.CERTIFICATE, settings.CERTIFICATE_KEY = tmp_path / "console.crt", tmp_path / "console.key"
    settings.CERTIFICATE.write_text("an administrator's own")
    ensure_own_certificate()
    assert settings.CERTIFICATE.read_text() == "an administrator's own"
    assert not settings.CERTIFICATE_KEY.exists()
