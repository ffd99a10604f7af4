"""The machine side under attack: noise, floods and made-up frames are refused in bounded time, memory and words."""

import itertools
import logging
import resource
import socket
import ssl
import struct
import threading
import time
from collections import deque
from contextlib import suppress
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivmweb.hypervisor.simulated import frames as state_frames
from ivmweb.hypervisor.vmc.codec import Malformed
from migration.mover import link as links
from migration.mover import wire
from migration.mover.frames import read_frames
from migration.mover.link import Closed
from migration.mover.listener import MAX_PENDING, MAX_TOLD
from migration.mover.wire import Channel, FrameType, WireError
from tests.mover.test_opening import (  # noqa: F401 (two are fixtures)
    accepting,
    address,
    comes_through,
    listener,
)

pytestmark = pytest.mark.timeout(60)
FUZZ = settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
KINDS = [kind.value for kind in FrameType]


class Link:
    """In a TLS connection's place: gives what arrived, in pieces, then its end."""

    def __init__(self, content, piece):
        self.content, self.piece = memoryview(content), piece
        self.socket, self.other = socket.socketpair()

    def fileno(self):
        return self.socket.fileno()

    def recv_into(self, view):
        taken = self.content[: min(self.piece, len(view))]
        view[: len(taken)] = taken
        self.content = self.content[len(taken) :]
        return len(taken)

    def close(self):
        self.socket.close()
        self.other.close()


def frames_in(content, piece=7):
    """What a reader makes of it, and how it ended."""
    link, seen = Link(content, piece), []
    try:
        read_frames(link, lambda kind, payload: seen.append((kind, len(payload))), silence_s=1)
    except (WireError, Closed, TimeoutError) as exc:
        return seen, exc
    finally:
        link.close()
    raise AssertionError("the reader came back without a word")


@FUZZ
@given(st.binary(max_size=4096), st.integers(1, 600))
def test_noise_ends_the_reader_with_a_named_error(content, piece):
    frames_in(content, piece)


@FUZZ
@given(
    st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 300)), max_size=8),
    st.integers(0, 255),
    st.integers(0, 2**32 - 1),
    st.integers(0, 400),
)
def test_good_frames_before_a_bad_one_are_read_and_no_length_is_believed(good, kind, length, cut):
    written = b""
    for one, size in good:
        size = 0 if FrameType(one) in wire.EMPTY_FRAMES else size
        written += wire.pack_frame_header(FrameType(one), size) + b"x" * size
    bad = struct.pack(">BI", kind, length) + b"y" * cut
    seen, exc = frames_in(written + bad, 64)
    assert len(seen) >= len(good)
    assert all(size <= wire.MAX_FRAME_BYTES for _, size in seen)
    assert isinstance(exc, WireError | Closed)


def test_a_frame_cut_at_any_byte_is_an_end_and_no_frame():
    whole = wire.pack_frame_header(FrameType.ERROR, 20) + b"e" * 20
    for length in range(len(whole)):
        seen, exc = frames_in(whole[:length])
        assert seen == []
        assert isinstance(exc, Closed)


@FUZZ
@given(st.binary(max_size=400))
def test_an_error_frame_gives_bounded_words_or_is_refused(payload):
    with suppress(WireError):
        code, text = wire.unpack_error(payload)
        assert len(code) <= wire.MAX_ERROR_CODE
        assert len(text) <= wire.MAX_ERROR_TEXT


@FUZZ
@given(st.binary(min_size=state_frames.HEADER_BYTES, max_size=state_frames.HEADER_BYTES), st.integers(1, 2**20))
def test_no_header_of_a_state_stream_reaches_beyond_the_partition(data, pages):
    with suppress(Malformed):
        header = state_frames.decode_header(data, pages)
        if header.type is state_frames.FrameType.PAGES:
            assert header.first + header.count <= pages
        else:
            assert header.count <= state_frames.MAX_PAYLOAD_BYTES


@FUZZ
@given(
    st.sampled_from([kind.value for kind in state_frames.FrameType]),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**64 - 1),
    st.integers(1, 4096),
)
def test_no_well_formed_header_of_a_state_stream_does_either(kind, count, first, pages):
    data = struct.pack("<HBBIQ16s", 0x5649, kind, 0, count, first, b"")
    with suppress(Malformed):
        header = state_frames.decode_header(data, pages)
        if header.type is state_frames.FrameType.PAGES:
            assert header.first + header.count <= pages


class Crowd:
    """Connects again and again until it is told to end; half of it says nothing, the rest something else than TLS."""

    def __init__(self, port):
        self.port = port
        self.made = 0  # connections that the port took
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join(10)

    def _run(self):
        kept = deque()
        for number in itertools.count():
            if self.ended.is_set():
                break
            with suppress(OSError):
                stranger = socket.create_connection(("127.0.0.1", self.port), timeout=1)
                kept.append(stranger)
                if number % 4 > 1:
                    stranger.sendall(b"\x16\x03\x01" if number % 4 == 2 else b"GET / HTTP/1.1\r\n\r\n")
                self.made += 1
            time.sleep(0.001)  # else the kernel keeps it waiting, and few arrive
            if len(kept) > 200:
                kept.popleft().close()
        for stranger in kept:
            stranger.close()


def wait_until(condition, timeout_s=20):
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert condition()


def test_a_thousand_connections_keep_the_source_out_for_moments_only(listener, accepting, caplog):  # noqa: F811
    """They go on while the source opens its channels; the port remembers eight, and the log a handful of lines."""
    caplog.set_level(logging.WARNING)
    before, threads = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, threading.active_count()
    with Crowd(listener.port) as crowd:
        wait_until(lambda: crowd.made >= 1000)
        assert not accepting.done()
        began = time.monotonic()
        comes_through(listener, accepting)
        took = time.monotonic() - began
    listener.close()
    assert took < 12
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
    assert len([record for record in caplog.records if "refused" in record.getMessage()]) <= MAX_TOLD + 3
    wait_until(lambda: threading.active_count() <= threads + MAX_PENDING)


def test_the_log_says_how_many_more_were_refused(listener, accepting, caplog):  # noqa: F811
    caplog.set_level(logging.WARNING)
    for _ in range(MAX_TOLD + 4):
        with socket.create_connection(("127.0.0.1", listener.port)) as stranger:
            stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with suppress(OSError):
                while stranger.recv(4096):
                    pass
    comes_through(listener, accepting)
    said = [record.getMessage() for record in caplog.records if "mover port" in record.getMessage()]
    assert len(said) == MAX_TOLD + 1
    assert "4 more connections to the mover port were refused" in said[-1]


def test_the_right_key_of_another_migration_opens_nothing(listener, accepting):  # noqa: F811
    """Each migration has its own key and its own id; one of both is not enough."""
    for changes in ({"migration_id": uuid4()}, {"key": bytes(32)}):
        with pytest.raises((OSError, Closed, WireError, ssl.SSLError)):
            links.open_channel(address(listener, **changes), Channel.STATE, time.monotonic() + 5, lambda _: None)
    comes_through(listener, accepting)
