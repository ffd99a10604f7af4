"""The sum that both ends of a state stream keep."""

import os

from migration.mover.tally import Tally

KEY = b"k" * 32


def tally_of(*pieces, key=KEY):
    tally = Tally(key)
    for piece in pieces:
        tally.add(memoryview(piece))
    tally.end()
    return tally


def test_it_is_the_same_however_the_stream_is_cut():
    data = os.urandom(100_000)
    whole = tally_of(data)
    for cut in (1, 15, 16, 17, 65_536):
        pieces = [data[at : at + cut] for at in range(0, len(data), cut)]
        assert tally_of(*pieces).digest == whole.digest
    assert (whole.value, len(whole.digest)) == (100_000, 64)


def test_it_differs_where_a_bit_a_byte_or_the_key_does():
    data = os.urandom(1000)
    changed = bytearray(data)
    changed[500] ^= 1
    others = [tally_of(bytes(changed)), tally_of(data[:-1]), tally_of(data, b"\0"), tally_of(data, key=b"x" * 32)]
    assert len({tally_of(data).digest, *(other.digest for other in others)}) == 5


def test_a_stream_that_did_not_end_has_none():
    tally = Tally(KEY)
    tally.add(memoryview(b"some"))
    assert tally.digest == ""
