"""Certificates that consoles and movers make for themselves, and connections that accept exactly one of them.

Nobody signs these certificates: a person compares the fingerprint once, and from then on it is pinned.
"""

import datetime as dt
import hashlib
import ipaddress
import os
import socket
import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

YEARS = 10
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class KeyPair:
    certificate: str  # PEM
    key: str  # PEM, not encrypted


def make_certificate(name: str, hosts: Iterable[str] = (), life: dt.timedelta = 365 * YEARS * _DAY) -> KeyPair:
    """A self-signed EC P-256 certificate for `name`, this machine's loopback names and `hosts` (names or addresses).

    It is not a certificate authority: who holds its key cannot make others that pass for it.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    now = dt.datetime.now(dt.UTC)
    names = dict.fromkeys([name, "localhost", "127.0.0.1", *hosts])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)  # the other console's clock may be behind
        .not_valid_after(now + life)
        .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    certificate = builder.sign(key, hashes.SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return KeyPair(certificate.public_bytes(Encoding.PEM).decode(), private.decode())


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def ensure_certificate(certificate: Path, key: Path, name: str, hosts: Iterable[str] = ()) -> None:
    """Makes both files where there is no certificate yet; one that an administrator put there is left alone.

    The certificate is written last, so a start that was cut short leaves none and the next start makes both.
    """
    if certificate.exists():
        return
    pair = make_certificate(name, hosts)
    _write(key, pair.key, 0o600)
    _write(certificate, pair.certificate, 0o644)


def _write(path: Path, content: str, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def fingerprint(certificate: str | bytes) -> str:
    """SHA-256 of a certificate (PEM text or DER bytes) as people compare it: "AA:BB:...", 32 pairs."""
    if isinstance(certificate, str):
        certificate = ssl.PEM_cert_to_DER_cert(certificate)
    return hashlib.sha256(certificate).digest().hex(":").upper()


def pinned_context(certificate: str) -> ssl.SSLContext:
    """A client context that accepts the server holding exactly this certificate (PEM), at whatever address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Partial chain: the pinned certificate is trusted as it stands, also where a company's authority signed it.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=certificate)
    return context


def fetch_certificate(host: str, port: int, timeout_s: float) -> str:
    """The certificate (PEM) that a server shows, trusted by nobody yet. Raises OSError.

    `timeout_s` is for the connection and what is said over it together.
    """
    deadline = time.monotonic() + timeout_s
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection((host, port), timeout=timeout_s) as plain:
        plain.settimeout(max(0.1, deadline - time.monotonic()))
        with context.wrap_socket(plain, server_hostname=host) as secured:
            der = secured.getpeercert(binary_form=True)
    if der is None:
        raise ssl.SSLError(f"{host}:{port} showed no certificate")
    return ssl.DER_cert_to_PEM_cert(der)
