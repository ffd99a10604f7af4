import datetime as dt
import socket
import ssl
import stat
import threading
from contextlib import contextmanager

import pytest
from cryptography import x509

from ivmweb.common.certificates import (
    KeyPair,
    ensure_certificate,
    fetch_certificate,
    fingerprint,
    make_certificate,
    pinned_context,
)


@contextmanager
def tls_server(pair: KeyPair, folder):
    """Answers one handshake after the other on a free port of loopback."""
    (folder / "server.pem").write_text(pair.certificate + pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            while True:
                try:
                    plain, _ = listener.accept()
                except OSError:
                    return
                plain.settimeout(5)
                try:
                    with context.wrap_socket(plain, server_side=True) as secured:
                        secured.recv(1)
                except OSError:
                    plain.close()

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def connect(port: int, context: ssl.SSLContext) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as plain, context.wrap_socket(plain) as secured:
        return secured.version()


def test_a_pinned_connection_accepts_exactly_its_certificate(tmp_path):
    ours, other = make_certificate("uli14"), make_certificate("uli14")
    with tls_server(ours, tmp_path) as port:
        assert connect(port, pinned_context(ours.certificate)) == "TLSv1.3"
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(port, pinned_context(other.certificate))


def test_the_fetched_certificate_has_the_fingerprint_a_person_would_compare(tmp_path):
    pair = make_certificate("uli14")
    with tls_server(pair, tmp_path) as port:
        fetched = fetch_certificate("127.0.0.1", port, 5)
    der = ssl.PEM_cert_to_DER_cert(fetched)
    assert fingerprint(fetched) == fingerprint(pair.certificate) == fingerprint(der)
    assert len(fingerprint(der).split(":")) == 32


def test_a_certificate_names_the_console_its_public_address_and_loopback():
    loaded = x509.load_pem_x509_certificate(
        make_certificate("uli13", ["192.0.2.7", "uli13.example"]).certificate.encode()
    )
    names = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["uli13", "localhost", "uli13.example"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "192.0.2.7"]
    assert loaded.not_valid_after_utc - dt.datetime.now(dt.UTC) > dt.timedelta(days=3600)


def test_making_sure_of_a_certificate_hides_the_key_and_keeps_what_is_there(tmp_path):
    certificate, key = tmp_path / "console.crt", tmp_path / "console.key"
    key.write_text("left by a start that was cut short")
    ensure_certificate(certificate, key, "uli13")
    first = certificate.read_text(), key.read_text()
    ensure_certificate(certificate, key, "uli13")
    assert (certificate.read_text(), key.read_text()) == first
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
