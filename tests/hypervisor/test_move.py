"""A partition goes from one simulated hypervisor to another, with everything that a move must keep."""

import time
from itertools import pairwise
from pathlib import Path

import pytest

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import NextStep, Phase, RunState
from ivmweb.hypervisor.simulated.records import read_records
from tests.hypervisor.conftest import FENCE, LPAR, MB, ULI13, ULI14, Move, both_kinds, eventually


def test_busy_partition_arrives_page_for_page_and_goes_on(uli13, uli14, define, move):
    definition = define(memory_mb=64, workload_bytes_per_s=100 * MB, workload_set_mb=4)
    uli13.boot(definition)
    eventually(lambda: uli13.describe(LPAR).last_record)

    under_way = move(definition)
    for _ in range(3):
        under_way.to_pass_end().next_pass()
    left, right = under_way.finish()
    parked = uli13.describe(LPAR)
    under_way.hand_over()
    eventually(lambda: uli14.describe(LPAR).last_record >= parked.last_record + 2)

    assert (left.phase, right.phase) == (Phase.COMPLETED, Phase.LOADED)
    assert left.pass_number == right.pass_number > 3
    assert left.bytes_sent == right.bytes_sent > 64 * MB
    assert uli13.digest_when_ready() == uli14.digest_when_ready()
    assert uli14.describe(LPAR).heartbeat > parked.heartbeat + 100
    assert uli14.describe(LPAR).uptime_s > 1
    records = read_records(Path(definition.luns[0].path))
    assert [record.number for record in records] == list(range(1, len(records) + 1))
    assert [record.system for record in records] == sorted((r.system for r in records), key=[ULI13, ULI14].index)
    assert all(one.heartbeat < two.heartbeat for one, two in pairwise(records))


def test_digest_is_kept_when_its_image_is_given_up(uli13, uli14, define, move):
    uli13.boot(definition := define())
    move(definition).finish()
    uli14.discard(LPAR, FENCE)
    uli14.remove(LPAR, FENCE)
    kept = uli14.digest_when_ready()
    uli13.resume(LPAR, FENCE)
    assert kept == uli13.digest_when_ready()
    assert kept.pages * 4096 == 16 * MB
    assert uli14.digest(LPAR, "another") is None


@both_kinds
def test_heartbeat_gap_contains_the_suspension(uli13, uli14, define, move):
    definition = define()
    uli13.boot(definition)
    uli13.reset_heartbeat_gap(LPAR)
    under_way = move(definition)
    under_way.finish()
    last_beat = uli13.describe(LPAR).heartbeat
    time.sleep(0.3)  # the suspension that is to be seen
    under_way.hand_over()
    gap_ms = eventually(
        lambda: f.longest_gap_ms if ((f := uli14.describe(LPAR)).heartbeat or 0) > last_beat else None
    )
    assert gap_ms >= 300


def test_status_counts_what_is_left_and_how_fast_it_grows(uli13, define, move):
    uli13.boot(definition := define(memory_mb=32, workload_bytes_per_s=20 * MB))
    before = uli13.wait_transfer(LPAR, -1, 0)
    move(definition).to_pass_end()
    first = uli13.wait_transfer(LPAR, -1, 0)
    later = eventually(lambda: s if (s := uli13.wait_transfer(LPAR, -1, 0)).bytes_remaining >= 4 * MB else None)
    assert (before.phase, before.bytes_total) == (Phase.NONE, 0)
    assert first.bytes_total == first.bytes_sent == 32 * MB
    assert later.sequence == first.sequence
    assert later.dirty_bytes_per_s > 0


@both_kinds
def test_wait_transfer_returns_as_soon_as_the_pass_ends(uli13, define, move):
    uli13.boot(definition := define())
    under_way = move(definition).to_pass_end()
    sequence = uli13.wait_transfer(LPAR, -1, 0).sequence
    uli13.continue_transfer(LPAR, NextStep.PASS, FENCE)
    assert uli13.wait_transfer(LPAR, sequence, 30).sequence > sequence
    under_way.finish()


@both_kinds
def test_pass_that_may_be_followed_by_the_suspension_is_when_little_enough_is_left(uli13, uli14, define, move):
    uli13.boot(definition := define(workload_bytes_per_s=20 * MB))
    under_way = move(definition).to_pass_end()
    under_way.next_pass()
    under_way.wait_for_pass_end()
    assert uli13.run_state() is RunState.RUNNING
    under_way.next_pass(suspend_at_bytes=definition.memory_mb * MB)
    assert uli13.wait_for_phase(Phase.COMPLETED)
    assert uli14.wait_for_phase(Phase.LOADED)
    uli13.continue_transfer(LPAR, NextStep.PASS, FENCE)  # by a mover that has not seen it yet
    assert uli13.run_state() is RunState.COMPLETED
    under_way.hand_over()
    eventually(lambda: uli14.run_state() is RunState.RUNNING)
    uli13.discard(LPAR, FENCE)


@pytest.mark.parametrize("step", list(NextStep))
def test_continue_is_refused_where_no_stream_waits(uli13, define, step):
    uli13.boot(define())
    with pytest.raises(HypervisorError, match="9417"):
        uli13.continue_transfer(LPAR, step, FENCE)


@both_kinds
def test_completed_source_is_stable_until_it_is_told(uli13, uli14, define, move):
    uli13.boot(definition := define())
    move(definition).finish()
    beat = uli13.describe(LPAR).heartbeat
    with pytest.raises(HypervisorError, match="9416"):
        uli13.cancel_transfer(LPAR, FENCE)
    with pytest.raises(HypervisorError, match="9406"):
        uli13.activate(LPAR, FENCE)
    uli14.discard(LPAR, FENCE)
    assert uli13.run_state() is RunState.COMPLETED
    assert uli13.describe(LPAR).heartbeat == beat
    uli13.resume(LPAR, FENCE)
    eventually(lambda: uli13.describe(LPAR).heartbeat > beat)


@both_kinds
def test_loaded_destination_stays_loaded_when_the_source_is_gone(uli13, uli14, define, move, kind):
    uli13.boot(definition := define())
    move(definition).finish()
    uli13.discard(LPAR, FENCE)
    uli13.remove(LPAR, FENCE)
    assert uli14.run_state() is RunState.LOADED
    assert uli13.describe(LPAR) is None
    if kind == "simulated":  # QEMU hashes no pages
        assert uli13.digest_when_ready() == uli14.digest_when_ready()


def test_incoming_partition_shows_progress_by_its_reference_codes(uli13, uli14, define, move):
    uli13.boot(definition := define(memory_mb=32))
    move(definition).finish()
    codes = [entry.code for entry in uli14.reference_codes(LPAR, 50)]
    assert len(set(codes)) > 3
    assert all(code.startswith("C2") for code in codes[:-1])


@both_kinds
def test_partition_moves_there_and_back(uli13, uli14, define, move):
    uli13.boot(definition := define(workload_bytes_per_s=8 * MB))
    there = move(definition)
    there.finish()
    there.hand_over()
    uli13.discard(LPAR, FENCE)
    back = Move(uli14, uli13, definition)
    left, _ = back.finish()
    back.hand_over()
    assert left.phase is Phase.COMPLETED
    assert uli13.run_state() is RunState.RUNNING
