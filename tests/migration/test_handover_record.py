"""The hand-over record as a file: what it proves, and that no byte of it may change."""

from functools import cache
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ivmweb.common.certificates import fingerprint, make_certificate
from migration import handover_record
from migration.handover_record import Memory, NotProved, Record, Signer, Statement

SAME, OTHER = Memory(kind="pages", sha256="a" * 64), Memory(kind="pages", sha256="b" * 64)
SYSTEMS = {"source": "7998-61X*100390A", "destination": "7998-60X*100E7DA"}


@cache
def signer(console):
    pair = make_certificate(console)
    return Signer(Ed25519PrivateKey.generate(), pair.certificate, pair.key)


def statement(role, /, **changes):
    partner = "destination" if role == "source" else "source"
    fields = {
        "role": role,
        "state": "surrendered" if role == "source" else "accepted",
        "recorded_at": "2026-11-26T10:00:00.000Z",
        "migration": UUID(int=1),
        "type": "active",
        "partition_name": "uli13lp1",
        "partition_uuid": UUID(int=2),
        "lpar_id": 2,
        "console": "uli13" if role == "source" else "uli14",
        "system": SYSTEMS[role],
        "partner_system": SYSTEMS[partner],
        "memory": SAME,
    }
    return Statement(**fields | changes)


def record(source=None, destination=None):
    first = signer("uli13").sign(statement("source", **source or {}))
    chained = {"source_sha256": handover_record.sha256_of(first)} | (destination or {})
    return Record(source=first, destination=signer("uli14").sign(statement("destination", **chained)))


def refusal_of(made):
    with pytest.raises(NotProved) as refused:
        handover_record.check(made)
    return str(refused.value)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "hand-over.json"
    path.write_text(handover_record.as_file(record()))
    return path


def test_a_record_proves_the_hand_over_and_says_it_in_words(file):
    said = []
    assert handover_record.verify(str(file), said.append) == 0
    text = "\n".join(said)
    for console in ("uli13", "uli14"):
        assert fingerprint(signer(console).certificate) in text
    assert "equal on both sides: pages, SHA-256 aaaa" in text
    assert str(UUID(int=1)) in text


def test_any_changed_byte_fails(file):
    content = file.read_bytes()
    for place in range(len(content)):
        for byte in {content[place] ^ 1, ord("0")} - {content[place]}:
            changed = content[:place] + bytes([byte]) + content[place + 1 :]
            with pytest.raises(NotProved):
                handover_record.check(handover_record.read(changed))


@pytest.mark.parametrize("change", [lambda c: c + b"\n", lambda c: c[:-1], lambda c: c.replace(b" ", b"  ", 1)])
def test_a_byte_more_or_less_fails_too(file, change):
    with pytest.raises(NotProved):
        handover_record.read(change(file.read_bytes()))


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b"{" * 1000, b" " * 70_000, b"null"])
def test_what_is_no_record_is_refused_in_words(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    said = []
    assert handover_record.verify(str(path), said.append) == 1
    assert said[0].startswith("NOT PROVED: ")


def test_a_file_that_is_not_there_is_said():
    said = []
    assert handover_record.verify("/nowhere/at/all", said.append) == 2
    assert "can't be read" in said[0]


@pytest.mark.parametrize(
    ("source", "destination", "words"),
    [
        ({}, {"memory": OTHER}, "the digests differ"),
        ({}, {"migration": UUID(int=9)}, "differ in migration"),
        ({}, {"partition_uuid": UUID(int=9)}, "differ in partition_uuid"),
        ({}, {"type": "inactive"}, "differ in type"),
        ({}, {"system": "8203-E4A*0000001"}, "different systems"),
        ({"partner_system": "8203-E4A*0000001"}, {}, "different systems"),
        ({}, {"source_sha256": "0" * 64}, "accepted another surrender"),
        ({}, {"source_sha256": None}, "accepted another surrender"),
        ({"state": "accepted"}, {}, "not a source's that surrendered"),
        ({}, {"role": "source"}, "not a destination's that accepted"),
    ],
)
def test_two_signed_parts_that_do_not_fit_prove_nothing(source, destination, words):
    assert words in refusal_of(record(source, destination))


def test_a_part_of_another_record_does_not_fit():
    """Both signed in earnest, of two moves of the same partition at the same moment."""
    first, second = record(), record(source={"lpar_id": 7})
    assert "another surrender" in refusal_of(Record(source=first.source, destination=second.destination))


def test_a_key_that_the_certificate_does_not_vouch_for_proves_nothing():
    made = record()
    stranger = Signer(Ed25519PrivateKey.generate(), signer("uli14").certificate, make_certificate("x").key)
    forged = stranger.sign(made.destination.statement)
    assert "not vouched for" in refusal_of(made.model_copy(update={"destination": forged}))


def test_without_digests_nothing_is_said_to_be_equal():
    assert "no digest from uli13" in "\n".join(handover_record.in_words(record(source={"memory": None})))
    inactive = record({"type": "inactive", "memory": None}, {"type": "inactive", "memory": None})
    assert "the partition was off" in "\n".join(handover_record.in_words(inactive))
