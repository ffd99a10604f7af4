"""Byte layouts: tables both ways, and each message cut at every byte."""

import json
from uuid import UUID

import pytest

from migration.mover import wire
from migration.mover.wire import Channel, Claim, FrameHeader, FrameType, Opening, WireError

MIGRATION = UUID("00112233-4455-6677-8899-aabbccddeeff")
NONCE, PROOF = bytes([0xA0] * 32), bytes([0xB1] * 32)

GREETING = "49564d4d4f5645520001" + "a0" * 32
CLAIMS = [
    (Claim(MIGRATION, Channel.STATE, NONCE, PROOF), "00112233445566778899aabbccddeeff01" + "a0" * 32 + "b1" * 32),
    (Claim(MIGRATION, Channel.RETURN, NONCE, PROOF), "00112233445566778899aabbccddeeff02" + "a0" * 32 + "b1" * 32),
]
HEADERS = [
    (FrameHeader(FrameType.STATE, 0), "0100000000"),
    (FrameHeader(FrameType.STATE, 65536), "0100010000"),
    (FrameHeader(FrameType.RECORDED, 0), "0200000000"),
    (FrameHeader(FrameType.ERROR, 300), "030000012c"),
    (FrameHeader(FrameType.PING, 0), "0400000000"),
]
MESSAGES = [
    (wire.unpack_greeting, GREETING),
    (wire.unpack_claim, CLAIMS[0][1]),
    (wire.unpack_frame_header, HEADERS[0][1]),
]


def test_greeting_reads_as_it_was_written():
    assert wire.pack_greeting(NONCE).hex() == GREETING
    assert len(bytes.fromhex(GREETING)) == wire.GREETING_BYTES
    assert wire.unpack_greeting(bytes.fromhex(GREETING)) == NONCE


@pytest.mark.parametrize(("claim", "text"), CLAIMS)
def test_claim_reads_as_it_was_written(claim, text):
    assert wire.pack_claim(claim).hex() == text
    assert len(bytes.fromhex(text)) == wire.CLAIM_BYTES
    assert wire.unpack_claim(bytes.fromhex(text)) == claim


@pytest.mark.parametrize(("header", "text"), HEADERS)
def test_frame_header_reads_as_it_was_written(header, text):
    assert wire.pack_frame_header(header.type, header.length).hex() == text
    assert wire.unpack_frame_header(bytes.fromhex(text)) == header


@pytest.mark.parametrize(("unpack", "text"), MESSAGES)
def test_a_message_cut_at_any_byte_is_refused(unpack, text):
    whole = bytes.fromhex(text)
    for count in range(len(whole)):
        with pytest.raises(WireError):
            unpack(whole[:count])
    with pytest.raises(WireError, match="too many"):
        unpack(whole + b"\0")


@pytest.mark.parametrize(
    ("unpack", "text", "reason"),
    [
        (wire.unpack_greeting, "485454502f312e310001" + "a0" * 32, "not a mover"),
        (wire.unpack_greeting, "49564d4d4f5645520002" + "a0" * 32, "version 2"),
        (wire.unpack_claim, "00" * 16 + "00" + "00" * 64, "channel 0"),
        (wire.unpack_claim, "00" * 16 + "03" + "00" * 64, "channel 3"),
        (wire.unpack_frame_header, "0000000000", "frame type 0"),
        (wire.unpack_frame_header, "0500000000", "frame type 5"),
        (wire.unpack_frame_header, "0100010001", "65537 bytes"),
        (wire.unpack_frame_header, "01ffffffff", "4294967295 bytes"),
        (wire.unpack_frame_header, "0200000001", "RECORDED frame of 1 bytes"),
        (wire.unpack_frame_header, "0400000001", "PING frame of 1 bytes"),
    ],
)
def test_what_the_protocol_does_not_allow_is_refused(unpack, text, reason):
    with pytest.raises(WireError, match=reason):
        unpack(bytes.fromhex(text))


def test_error_text_loses_control_characters_and_is_bounded_at_both_ends():
    assert wire.unpack_error(wire.pack_error("C-1", "line\nbell\a")) == ("C-1", "line bell ")
    code, text = wire.unpack_error(wire.pack_error("C" * 100, "t" * 5000))
    assert (len(code), len(text)) == (wire.MAX_ERROR_CODE, wire.MAX_ERROR_TEXT)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"[" * 60000,
        b"[]",
        b'{"code": "C"}',
        b'{"code": "C", "text": 5}',
        b'{"code": null, "text": "t"}',
        b'{"code": "C", "text": "t", "more": 1}',
        json.dumps({"code": "C" * 41, "text": "t"}).encode(),
        json.dumps({"code": "C", "text": "t" * 2001}).encode(),
    ],
)
def test_error_json_that_is_not_exactly_code_and_text_is_refused(payload):
    with pytest.raises(WireError):
        wire.unpack_error(payload)


def test_every_field_of_an_opening_changes_its_proof():
    opening = Opening(NONCE, PROOF, MIGRATION, Channel.STATE, bytes(32))
    others = [
        Opening(PROOF, PROOF, MIGRATION, Channel.STATE, bytes(32)),
        Opening(NONCE, NONCE, MIGRATION, Channel.STATE, bytes(32)),
        Opening(NONCE, PROOF, UUID(int=1), Channel.STATE, bytes(32)),
        Opening(NONCE, PROOF, MIGRATION, Channel.RETURN, bytes(32)),
        Opening(NONCE, PROOF, MIGRATION, Channel.STATE, bytes([1] * 32)),
    ]
    proofs = {other.proof(b"k" * 32, wire.SOURCE_LABEL) for other in [opening, *others]}
    proofs |= {opening.proof(b"K" * 32, wire.SOURCE_LABEL), opening.proof(b"k" * 32, wire.DESTINATION_LABEL)}
    assert len(proofs) == 8


def test_a_proof_is_the_documented_hmac():
    proof = Opening(NONCE, PROOF, MIGRATION, Channel.RETURN, bytes(32)).proof(bytes(32), wire.DESTINATION_LABEL)
    # Computed apart from this code, by openssl dgst -sha256 -mac HMAC.
    assert proof.hex() == "dd691e626b2bda7d87b55ff55ae477c8d90ae732b7024af4440eeedbf10aac5f"
