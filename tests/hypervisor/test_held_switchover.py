"""A fault by configuration of QEMU: a suspended partition waits before the last of its state is sent."""

import time

import pytest

from ivmweb.hypervisor.base import Phase, RunState
from tests.hypervisor.conftest import FENCE, LPAR

pytestmark = pytest.mark.qemu
LONG_S = 1.0  # without the fault it is over in a tenth


@pytest.fixture
def kind():
    return "qemu"


def test_a_partition_stays_suspended_as_long_as_the_fault_is_there(uli13, uli14, define, move):
    uli13.boot(definition := define())
    uli13.set_faults(hold_switchover=True)
    move(definition).to_pass_end().suspend()
    uli13.wait_for_phase(Phase.DEVICE)
    time.sleep(LONG_S)
    assert uli13.wait_transfer(LPAR, -1, 0).phase is Phase.DEVICE
    assert (uli13.run_state(), uli14.run_state()) == (RunState.SUSPENDED, RunState.INCOMING)
    uli13.set_faults()
    uli13.wait_for_phase(Phase.COMPLETED)
    uli14.wait_for_phase(Phase.LOADED)
    uli14.discard(LPAR, FENCE)
    uli13.resume(LPAR, FENCE)
    assert uli13.run_state() is RunState.RUNNING
