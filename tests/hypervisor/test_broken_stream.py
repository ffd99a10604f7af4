"""Streams that end badly: the source runs on by itself, and the destination is never loaded."""

import contextlib
import hashlib
import random
import socket
import time

import pytest

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import NextStep, Phase, RunState
from ivmweb.hypervisor.simulated.frames import (
    HEADER_BYTES,
    FrameType,
    decode_header,
    encode_json,
    encode_small,
)
from ivmweb.hypervisor.simulated.state_out import hello_of
from tests.hypervisor.conftest import FENCE, LPAR, MB, OPERATOR, Move, both_kinds, eventually


def assert_runs_on(console):
    console.wait_for(RunState.RUNNING)
    beat = console.describe(LPAR).heartbeat
    eventually(lambda: console.describe(LPAR).heartbeat > beat + 2)


def frames_of(stream, pages):
    """(offset, header) of each frame of a whole stream."""
    offset, found = 0, []
    while offset < len(stream):
        header = decode_header(stream[offset : offset + HEADER_BYTES], pages)
        found.append((offset, header))
        length = header.count * (4 + 4096) if header.type is FrameType.PAGES else header.count
        offset += HEADER_BYTES + length
    assert offset == len(stream)
    return found


@pytest.fixture
def whole_stream(uli13, define, move):
    """A partition, and the bytes of a stream of it that was loaded; both ends are free again."""
    uli13.boot(definition := define(memory_mb=1))
    one = move(definition, keep=True)
    left, right = one.finish()
    assert (left.phase, right.phase) == (Phase.COMPLETED, Phase.LOADED)
    one.destination.discard(LPAR, FENCE)
    return definition, bytes(one.relay.carried)


def replay(uli14, definition, stream):
    """What the destination makes of these bytes: its answer and its status."""
    uli14.create_incoming(definition, FENCE)
    with uli14.open_state_in(LPAR, FENCE) as connection:
        with contextlib.suppress(OSError):  # it may be refused before its end
            connection.sendall(stream)
            connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile().readline()
    status = uli14.wait_for_phase(Phase.LOADED, Phase.FAILED)
    state = uli14.run_state()
    with pytest.raises(HypervisorError):
        uli14.activate(LPAR, FENCE)
    uli14.discard(LPAR, FENCE)
    return answer, status, state


def test_replayed_stream_is_loaded(uli14, whole_stream):
    definition, stream = whole_stream
    answer, status, state = replay(uli14, definition, stream)
    assert '"loaded"' in answer
    assert (status.phase, state) == (Phase.LOADED, RunState.LOADED)


def test_stream_cut_anywhere_is_never_loaded(uli14, whole_stream):
    definition, stream = whole_stream
    starts = [offset for offset, _ in frames_of(stream, 256)]
    around = {start + delta for start in starts for delta in (0, 1, 31, 32, 33)}
    inside = set(random.Random(5).sample(range(len(stream)), 20))
    for length in sorted(cut for cut in around | inside | {len(stream) - 1} if cut < len(stream)):
        answer, status, state = replay(uli14, definition, stream[:length])
        assert (status.phase, state) == (Phase.FAILED, RunState.FAILED_INCOMING), f"cut at {length}"
        assert status.error
        assert '"error"' in answer


def test_damaged_stream_is_never_loaded(uli14, whole_stream):
    definition, stream = whole_stream
    starts = [offset for offset, _ in frames_of(stream, 256)]
    around = {start + delta for start in starts for delta in (0, 2, 3, 4, 8, 15, 16, 31)}
    generations = {
        start + 32 + delta
        for start, header in frames_of(stream, 256)
        for delta in (0, 3)
        if header.type is FrameType.PAGES
    }
    for offset in sorted(around | generations | {len(stream) - 1}):
        damaged = bytearray(stream)
        damaged[offset] ^= 1 << (offset % 8)
        _, status, state = replay(uli14, definition, damaged)
        assert (status.phase, state) == (Phase.FAILED, RunState.FAILED_INCOMING), f"damaged at {offset}"


def test_damaged_page_shows_in_the_digest(uli14, whole_stream):
    definition, stream = whole_stream
    replay(uli14, definition, stream)
    sound = eventually(lambda: uli14.digest(LPAR, FENCE.migration_id))
    start, header = [frame for frame in frames_of(stream, 256) if frame[1].type is FrameType.PAGES][-1]
    damaged = bytearray(stream)
    damaged[start + 32 + 4 * header.count + 77] ^= 1
    _, status, _ = replay(uli14, definition, damaged)
    assert status.phase is Phase.LOADED
    eventually(lambda: uli14.digest(LPAR, FENCE.migration_id) != sound)


def test_stream_without_one_of_its_frames_is_never_loaded(uli14, whole_stream):
    definition, stream = whole_stream
    frames = frames_of(stream, 256)
    ends = [offset for offset, _ in frames[1:]] + [len(stream)]
    for (start, header), end in zip(frames, ends, strict=True):
        rest = stream[:start] + stream[end:]
        # A page written just before it is sent comes again, as it is, in the next pass: such a frame is not missed.
        is_missed = header.type is not FrameType.PAGES or generations_after(rest) != generations_after(stream)
        _, status, _ = replay(uli14, definition, rest)
        assert (status.phase is Phase.FAILED) == is_missed, f"without the {header.type.name} frame at {start}"


def generations_after(stream):
    """By page, what a destination holds that has taken all page frames of this stream."""
    held = {}
    for start, header in frames_of(stream, 256):
        if header.type is FrameType.PAGES:
            generations = stream[start + HEADER_BYTES : start + HEADER_BYTES + 4 * header.count]
            held |= {header.first + at: generations[4 * at : 4 * at + 4] for at in range(header.count)}
    return held


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        (["device", "end"], "passes"),
        (["pass 1", "device", "end"], "256 of 256 pages did not arrive"),
        (["pass 2", "device", "end"], "the end of pass 2 comes in pass 1"),
        (["pass 1", "pass 1"], "the end of pass 1 comes in pass 2"),
        (["pass 1", "end"], "out of order"),
        (["pass 1", "hello"], "out of order"),
        (["pass 1", "device", "pass 2"], "does not end"),
        (["pass 1", "odd device"], "not understood"),
    ],
)
def test_stream_that_is_well_formed_but_senseless_is_never_loaded(uli14, define, frames, words):
    definition = define(memory_mb=1)
    hello = encode_json(FrameType.HELLO, hello_of(definition.uuid, 256, FENCE.migration_id))
    forged = {
        "hello": hello,
        "pass 1": encode_small(FrameType.PASS_END, first=1),
        "pass 2": encode_small(FrameType.PASS_END, first=2),
        "device": encode_json(FrameType.DEVICE, {"boot_time": 1.5, "name": "uli13lp1"}, first=1),
        "odd device": encode_json(FrameType.DEVICE, {"boot_time": "now", "name": "uli13lp1"}, first=1),
        "end": encode_small(FrameType.END, hashlib.sha256(bytes(4 * 256)).digest(), first=256),
    }
    answer, status, _ = replay(uli14, definition, hello + b"".join(forged[frame] for frame in frames))
    assert status.phase is Phase.FAILED
    assert words in answer


def test_stream_of_another_partition_is_refused(uli14, define, whole_stream):
    _, stream = whole_stream
    uli14.remove(LPAR, FENCE)
    answer, status, _ = replay(uli14, define(lpar_id=LPAR, luns=0, memory_mb=1), stream)
    assert "uuid differ" in answer
    assert status.phase is Phase.FAILED


@pytest.mark.parametrize("cut_at", [1, 100, 5 * MB, 16 * MB])
def test_source_runs_on_when_the_stream_breaks_in_a_pass(uli13, define, move, cut_at):
    uli13.boot(definition := define())
    left, right = move(definition, cut_at=cut_at).finish()
    assert (left.phase, right.phase) == (Phase.FAILED, Phase.FAILED)
    assert left.error
    assert_runs_on(uli13)


@both_kinds
def test_source_notices_a_break_while_it_waits_at_the_end_of_a_pass(uli13, uli14, define, move):
    uli13.boot(definition := define())
    move(definition).to_pass_end().relay.close()
    assert uli13.wait_for_phase(Phase.FAILED).error
    assert uli14.wait_for_phase(Phase.FAILED).error
    assert_runs_on(uli13)


class WithoutReader:
    """A source whose mover reads nothing beyond pass 1: it stands still in *device*."""

    def __init__(self, source, definition):
        source.boot(definition)
        self.connection = source.open_state_out(LPAR, FENCE)
        while source.wait_transfer(LPAR, -1, 0).phase is not Phase.PASS_END:
            self.connection.settimeout(0.05)
            with contextlib.suppress(TimeoutError):
                self.connection.recv(MB)
        # More than the socket holds is dirty now, so the last pages can't all be sent.
        eventually(lambda: source.wait_transfer(LPAR, -1, 0).bytes_remaining > 4 * MB)
        source.continue_transfer(LPAR, NextStep.SUSPEND, FENCE)
        while source.wait_transfer(LPAR, -1, 0).phase is Phase.ACTIVE:  # QEMU first sends on in its pass
            with contextlib.suppress(TimeoutError):
                self.connection.recv(64 * 1024)
        source.wait_for_phase(Phase.DEVICE)


@pytest.fixture
def suspended(uli13, define):
    one = WithoutReader(uli13, define(workload_bytes_per_s=100 * MB))
    assert uli13.run_state() is RunState.SUSPENDED
    yield one
    one.connection.close()


@both_kinds
def test_suspended_source_runs_on_when_the_stream_breaks(uli13, suspended):
    suspended.connection.close()
    uli13.wait_for_phase(Phase.FAILED)
    assert_runs_on(uli13)


def test_suspended_source_runs_on_when_the_destination_refuses(uli13, suspended):
    suspended.connection.sendall(b'{"error":"no room"}\n')
    assert "no room" in uli13.wait_for_phase(Phase.FAILED).error
    assert_runs_on(uli13)


@pytest.mark.parametrize("answer", [b'{"loaded":"00"}\n', b'{"loaded":null}\n', b"[]\n", b"\xff\n", b"x" * 5000])
def test_answer_that_does_not_fit_the_image_breaks_the_stream(uli13, suspended, answer):
    suspended.connection.sendall(answer)
    assert uli13.wait_for_phase(Phase.FAILED).error
    assert_runs_on(uli13)


@both_kinds
def test_cancel_frees_a_source_that_is_blocked_in_sending(uli13, suspended):
    began = time.monotonic()
    uli13.cancel_transfer(LPAR, FENCE)
    assert time.monotonic() - began < 2
    assert uli13.wait_transfer(LPAR, -1, 0).phase is Phase.CANCELLED
    assert_runs_on(uli13)


@both_kinds
def test_discarded_source_does_not_run_on(uli13, suspended):
    uli13.discard(LPAR, FENCE)
    suspended.connection.close()
    assert uli13.run_state() is RunState.NOT_ACTIVATED
    assert uli13.wait_transfer(LPAR, -1, 0).phase is Phase.NONE


@pytest.mark.parametrize("at_pass_end", [False, True])
def test_cancel_leaves_the_source_running_and_the_destination_failed(uli13, uli14, define, move, at_pass_end):
    uli13.set_faults(**({} if at_pass_end else {"stall_out_after_bytes": 5 * MB}))
    uli13.boot(definition := define())
    one = move(definition)
    uli13.wait_for_phase(Phase.PASS_END if at_pass_end else Phase.ACTIVE)
    uli13.cancel_transfer(LPAR, FENCE)
    uli13.cancel_transfer(LPAR, FENCE)
    one.relay.join()
    assert uli13.wait_transfer(LPAR, -1, 0).phase is Phase.CANCELLED
    assert uli14.wait_for_phase(Phase.FAILED).error
    assert_runs_on(uli13)


@both_kinds
def test_after_a_failure_another_migration_succeeds(uli13, uli14, define, move):
    uli13.boot(definition := define())
    move(definition, cut_at=MB).finish()
    uli14.discard(LPAR, FENCE)
    left, right = Move(uli13, uli14, definition).finish()
    assert (left.phase, right.phase) == (Phase.COMPLETED, Phase.LOADED)


@pytest.mark.parametrize(
    ("faults", "words"), [({"fail_incoming_after_bytes": 4 * MB}, "broken off"), ({"fail_load": True}, "not loaded")]
)
def test_destination_tells_the_source_why_it_fails(uli13, uli14, define, move, faults, words):
    uli14.set_faults(**faults)
    uli13.boot(definition := define())
    left, right = move(definition).finish()
    assert words in left.error
    assert words in right.error
    assert uli14.run_state() is RunState.FAILED_INCOMING
    assert_runs_on(uli13)


def test_partition_that_shuts_down_while_it_moves_stays_down(uli13, uli14, define, move):
    uli13.boot(definition := define())
    move(definition).to_pass_end()
    uli13.shut_down_from_inside(LPAR)
    uli13.wait_for(RunState.NOT_ACTIVATED)
    assert "shutting down" in uli13.wait_transfer(LPAR, -1, 0).error
    assert uli14.wait_for_phase(Phase.FAILED)


@both_kinds
def test_incoming_partition_can_be_neither_activated_nor_resumed(uli14, define):
    uli14.create_incoming(define(), FENCE)
    for command in (uli14.activate, uli14.resume):
        with pytest.raises(HypervisorError, match="9407"):
            command(LPAR, OPERATOR)
    uli14.cancel_transfer(LPAR, FENCE)
    assert uli14.run_state() is RunState.FAILED_INCOMING
    with pytest.raises(HypervisorError, match="9407"):
        uli14.resume(LPAR, OPERATOR)
