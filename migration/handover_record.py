"""The hand-over record: a small JSON file, signed by both consoles, that a partition was given up and accepted.

Two parts. The source signs that it surrendered, the destination that it accepted, and with it the whole of the
source's part. Each part carries the console's certificate, which people have compared, and an Ed25519 key that this
certificate vouches for. docs/handover-record.md has the format; no Django here: `./ivm verify FILE` runs it anywhere.
"""

import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import Field, ValidationError

from ivmweb.common.certificates import fingerprint
from migration.peer.messages import PRINTABLE, Body, Identity, Name

FORMAT = "ivmweb hand-over record 1"
PART = b"ivmweb hand-over part 1\n"  # what a signature is for: none serves another purpose
VOUCHING = b"ivmweb signing key 1\n"
LONGEST_FILE = 64 * 1024

Hex = Annotated[str, Field(pattern=r"^[0-9a-f]*$", max_length=1024)]
Bytes32 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
HostName = Annotated[str, Field(min_length=1, max_length=63, pattern=PRINTABLE)]
Moment = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$")]


class NotProved(Exception):
    """The file does not prove what it says; the text is for people."""


class Memory(Body):
    """What was suspended, or loaded. `pages`: SHA-256 of all memory pages in order.

    `stream`: of the state stream, as it left the source's hypervisor and reached the destination's (mover/tally.py).
    """

    kind: Literal["pages", "stream"]
    sha256: Bytes32


class Statement(Body):
    """What one console says of itself."""

    role: Literal["source", "destination"]
    state: Literal["surrendered", "accepted"]
    recorded_at: Moment  # by that console's clock, UTC
    migration: UUID
    type: Literal["active", "inactive"]
    partition_name: Name
    partition_uuid: UUID
    lpar_id: Annotated[int, Field(ge=1, le=65535)]  # on its own system
    console: HostName
    system: Identity
    partner_system: Identity
    memory: Memory | None  # None: inactive, or the hypervisor that had it ended before it was read
    source_sha256: Bytes32 | None = None  # destination: of the source's part as it stands in the record


class Part(Body):
    """What is signed: the statement, and who signs."""

    statement: Statement
    certificate: Annotated[str, Field(max_length=8192, pattern=r"^-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n-]*")]
    key: Bytes32  # Ed25519, public
    key_signature: Hex  # by the certificate's key


class Signed(Part):
    signature: Hex  # by `key`, of all that `Part` has

    @property
    def part(self) -> Part:
        return Part.model_validate(self.model_dump(exclude={"signature"}))


class Record(Body):
    format: Literal["ivmweb hand-over record 1"] = FORMAT  # type: ignore[assignment]
    source: Signed
    destination: Signed


@dataclass(frozen=True)
class Signer:
    """A console's two keys; `certificate` is PEM."""

    key: Ed25519PrivateKey
    certificate: str
    certificate_key: str  # PEM, not encrypted

    def sign(self, statement: Statement) -> Signed:
        public = self.key.public_key().public_bytes_raw()
        part = Part(
            statement=statement,
            certificate=self.certificate,
            key=public.hex(),
            key_signature=vouch(self.certificate_key, public).hex(),
        )
        return Signed(**part.model_dump(), signature=self.key.sign(PART + canonical(part)).hex())


def canonical(body: Body) -> bytes:
    """The one spelling that is signed: sorted names, no spaces, UTF-8."""
    content = body.model_dump(mode="json")
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def as_file(record: Record) -> str:
    return json.dumps(record.model_dump(mode="json"), sort_keys=True, ensure_ascii=False, indent=1) + "\n"


def sha256_of(part: Signed) -> str:
    return hashlib.sha256(canonical(part)).hexdigest()


def vouch(certificate_key: str, public: bytes) -> bytes:
    """Raises ValueError for a kind of key that no browser takes either."""
    key = load_pem_private_key(certificate_key.encode(), None)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(VOUCHING + public, ec.ECDSA(hashes.SHA256()))
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(VOUCHING + public, PSS, hashes.SHA256())
    raise ValueError("the certificate's key is neither EC nor RSA")


PSS = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)


# Proof


def check_part(signed: Signed) -> None:
    """Both signatures of one part; raises NotProved."""
    who = signed.statement.console
    public = bytes.fromhex(signed.key)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(
            bytes.fromhex(signed.signature), PART + canonical(signed.part)
        )
    except (ValueError, InvalidSignature):
        raise NotProved(f"What {who} says is not what it signed.") from None
    check_vouching(signed.certificate, public, signed.key_signature, who)


def check_vouching(certificate: str, public: bytes, signature: str, who: str) -> None:
    """The certificate stands for the signing key; raises NotProved."""
    try:
        key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(bytes.fromhex(signature), VOUCHING + public, ec.ECDSA(hashes.SHA256()))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(bytes.fromhex(signature), VOUCHING + public, PSS, hashes.SHA256())
        else:
            raise NotProved(f"The certificate of {who} has a key of another kind than EC or RSA.")
    except (ValueError, UnsupportedAlgorithm):
        raise NotProved(f"The certificate or a signature of {who} can't be read.") from None
    except InvalidSignature:
        raise NotProved(f"The signing key of {who} is not vouched for by its certificate.") from None


def check(record: Record) -> None:
    """Both parts, and that they speak of the same move; raises NotProved."""
    source, destination = record.source.statement, record.destination.statement
    check_part(record.source)
    check_part(record.destination)
    if (source.role, source.state) != ("source", "surrendered"):
        raise NotProved("The first part is not a source's that surrendered.")
    if (destination.role, destination.state) != ("destination", "accepted"):
        raise NotProved("The second part is not a destination's that accepted.")
    if destination.source_sha256 != sha256_of(record.source):
        raise NotProved(f"{destination.console} accepted another surrender than the one in this file.")
    for field in ("migration", "type", "partition_name", "partition_uuid"):
        if getattr(source, field) != getattr(destination, field):
            raise NotProved(f"The two parts differ in {field}.")
    if (source.system, source.partner_system) != (destination.partner_system, destination.system):
        raise NotProved("The two parts name different systems.")
    if source.memory and destination.memory and source.memory != destination.memory:
        raise NotProved("The memory that was loaded is not the memory that was suspended: the digests differ.")


def read(content: bytes) -> Record:
    """Of a file; raises NotProved. Only the one spelling is read, so that no byte of it may change."""
    if len(content) > LONGEST_FILE:
        raise NotProved(f"The file is longer than {LONGEST_FILE} bytes, so it is no hand-over record.")
    try:
        record = Record.model_validate_json(content)
    except ValidationError as exc:
        fault = exc.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in fault["loc"]) or "the file"
        raise NotProved(f"This is no hand-over record: {place}: {fault['msg']}.") from None
    if as_file(record).encode() != content:
        raise NotProved("The file was changed after it had been written: its spelling is not the one of a record.")
    return record


def in_words(record: Record) -> list[str]:
    source, destination = record.source.statement, record.destination.statement
    return [
        f"partition    {source.partition_name}, {source.partition_uuid}",
        f"migration    {source.migration}, {source.type}",
        f"surrendered  {source.recorded_at} by {place(source)}",
        f"             certificate {fingerprint(record.source.certificate)}",
        f"accepted     {destination.recorded_at} by {place(destination)}",
        f"             certificate {fingerprint(record.destination.certificate)}",
        f"memory       {memory_in_words(source, destination)}",
    ]


def place(statement: Statement) -> str:
    return f"{statement.console}, {statement.system}, partition ID {statement.lpar_id}"


def memory_in_words(source: Statement, destination: Statement) -> str:
    if source.type == "inactive":
        return "none travelled: the partition was off"
    if source.memory and destination.memory:
        return f"equal on both sides: {source.memory.kind}, SHA-256 {source.memory.sha256}"
    silent = [one.console for one in (source, destination) if one.memory is None]
    return f"not compared: no digest from {' and '.join(silent)}"


def verify(path: str, say: Callable[[str], None] = print) -> int:
    """Exit status 0 where the file proves the hand-over."""
    try:
        with Path(path).open("rb") as file:
            record = read(file.read(LONGEST_FILE + 1))
        check(record)
    except OSError as exc:
        say(f"{path} can't be read: {exc.strerror}.")
        return 2
    except NotProved as exc:
        say(f"NOT PROVED: {exc}")
        return 1
    for line in in_words(record):
        say(line)
    say("Both consoles signed this. Compare the two fingerprints with those that their administrators know.")
    return 0


if __name__ == "__main__":
    sys.exit(verify(sys.argv[1]))
