"""A partition that is slowed down while its state is sent, and never longer than that."""

import time

import pytest

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import Fence, Phase, RunState
from tests.hypervisor.conftest import FENCE, LPAR, MB, both_kinds, eventually, slow_down

BUSY = 100 * MB  # a second


def cut(under_way):
    """What the death of either mover does."""
    under_way.relay.close()
    under_way.source.wait_for_phase(Phase.FAILED)


def cancel(under_way):
    under_way.source.cancel_transfer(LPAR, FENCE)


def take_back(under_way):
    assert [status.phase for status in under_way.finish()] == [Phase.COMPLETED, Phase.LOADED]
    assert under_way.source.describe(LPAR).slowed_percent == 0
    under_way.source.resume(LPAR, FENCE)


def arrive(under_way):
    under_way.finish()
    under_way.hand_over()
    under_way.source.discard(LPAR, FENCE)


def qemu(end):
    return pytest.param("qemu", end, marks=pytest.mark.qemu)


@pytest.mark.parametrize(
    ("kind", "end"), [*(("simulated", end) for end in (cut, cancel, take_back)), qemu(cut), qemu(take_back)]
)
def test_a_partition_is_slowed_down_until_its_stream_ends_whichever_way(uli13, define, move, kind, end):
    uli13.boot(definition := define(workload_bytes_per_s=BUSY))
    under_way = move(definition, may_throttle=True)
    slow_down(under_way, 90)
    assert uli13.wait_transfer(LPAR, -1, 0).slowed_percent == 90
    end(under_way)
    eventually(lambda: uli13.run_state() is RunState.RUNNING and uli13.describe(LPAR).slowed_percent == 0)
    assert uli13.wait_transfer(LPAR, -1, 0).slowed_percent == 0
    with pytest.raises(HypervisorError, match="9427"):
        uli13.throttle(LPAR, 30, FENCE)


@both_kinds
def test_one_that_has_moved_runs_at_full_speed_there(uli13, uli14, define, move):
    uli13.boot(definition := define(workload_bytes_per_s=BUSY))
    under_way = move(definition, may_throttle=True)
    slow_down(under_way, 80)
    arrive(under_way)
    eventually(lambda: uli14.describe(LPAR).heartbeat)
    assert (uli14.run_state(), uli14.describe(LPAR).slowed_percent) == (RunState.RUNNING, 0)
    assert uli14.describe(LPAR).page_errors in (None, 0)


def test_a_slowed_partition_writes_that_much_less(uli13, define, move):
    uli13.boot(definition := define(memory_mb=128, workload_bytes_per_s=BUSY))
    under_way = move(definition, may_throttle=True).to_pass_end()
    full = written_in_half_a_second(uli13)
    under_way.next_pass()
    under_way.to_pass_end()
    uli13.throttle(LPAR, 90, FENCE)
    assert 0 < written_in_half_a_second(uli13) < full / 3
    uli13.throttle(LPAR, 0, FENCE)
    assert written_in_half_a_second(uli13) > full / 3


def written_in_half_a_second(console):
    before = console.wait_transfer(LPAR, -1, 0).bytes_remaining
    time.sleep(0.5)
    return console.wait_transfer(LPAR, -1, 0).bytes_remaining - before


def test_a_slow_down_that_nobody_may_order_is_refused(uli13, define, move):
    uli13.boot(definition := define())
    with pytest.raises(HypervisorError, match="9427"):
        uli13.throttle(LPAR, 30, FENCE)
    move(definition).to_pass_end()
    with pytest.raises(HypervisorError, match="9428"):
        uli13.throttle(LPAR, 30, FENCE)
    with pytest.raises(HypervisorError, match="9409"):
        uli13.throttle(LPAR, 30, Fence(epoch=1, migration_id="another"))
    for percent in (-1, 100):
        with pytest.raises(HypervisorError, match="not between 0 and 99"):
            uli13.throttle(LPAR, percent, FENCE)
    assert uli13.describe(LPAR).slowed_percent == 0


@pytest.mark.qemu
@pytest.mark.parametrize("kind", ["qemu"])
def test_a_later_stream_that_was_not_opened_for_it_slows_nothing_down(uli13, uli14, define, move, kind):
    """QEMU keeps the capability and its parameters from one stream to the next."""
    uli13.boot(definition := define(workload_bytes_per_s=BUSY))
    under_way = move(definition, may_throttle=True)
    slow_down(under_way, 60)
    cut(under_way)
    uli13.wait_for(RunState.RUNNING)
    uli14.discard(LPAR, FENCE)
    second = move(definition)
    with pytest.raises(HypervisorError, match="9428"):
        uli13.throttle(LPAR, 30, FENCE)
    began = time.monotonic()
    while time.monotonic() - began < 3:  # QEMU decides within two spans of a second
        second.to_pass_end()
        time.sleep(0.3)
        second.next_pass()
    assert uli13.describe(LPAR).slowed_percent == 0


@pytest.mark.qemu
@pytest.mark.parametrize("kind", ["qemu"])
def test_a_guest_that_is_slowed_down_uses_less_of_its_processor(uli13, define, move, kind):
    uli13.boot(definition := define(workload_bytes_per_s=BUSY))
    time.sleep(3)  # three samples of its processor
    before = uli13.describe(LPAR).utilized_units
    under_way = move(definition, may_throttle=True)
    slow_down(under_way, 90)
    under_way.to_pass_end()  # nothing is sent
    eventually(lambda: uli13.describe(LPAR).utilized_units < before / 2)
