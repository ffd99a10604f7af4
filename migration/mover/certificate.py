"""A self-signed certificate for one migration. The private key stays in memory."""

import datetime
import hashlib
import os
import ssl
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LIFETIME = datetime.timedelta(days=30)  # nobody checks it: the fingerprint is the trust
CLOCK_SKEW = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Certificate:
    pem: bytes = field(repr=False)  # key and certificate
    fingerprint: str  # SHA-256 of the DER form, hexadecimal


def fingerprint_of(der: bytes) -> str:
    return hashlib.sha256(der).hexdigest()


def make_certificate() -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ivmweb mover")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + LIFETIME)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    return Certificate(pem, fingerprint_of(certificate.public_bytes(serialization.Encoding.DER)))


def load_into(context: ssl.SSLContext, certificate: Certificate) -> None:
    """`ssl` loads keys from files only: this one exists in memory, under a descriptor, while it is read."""
    descriptor = os.memfd_create("mover-certificate", os.MFD_CLOEXEC)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(certificate.pem)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
