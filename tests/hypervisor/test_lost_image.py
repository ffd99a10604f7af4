"""An image that had arrived is lost with its QEMU: the partition is off, and not for ever incoming."""

import pytest

from ivmweb.hypervisor.base import Phase, RunState
from ivmweb.hypervisor.qemu import process
from ivmweb.hypervisor.qemu.process import ProcessId
from ivmweb.hypervisor.qemu.record import Run, RunFile
from tests.hypervisor.conftest import LPAR, OPERATOR, ULI13

pytestmark = pytest.mark.qemu


@pytest.fixture
def kind():
    return "qemu"


def record_of(console):
    return RunFile(console.state_dir / "guests" / str(LPAR))


def test_a_loaded_partition_whose_qemu_dies_is_off_and_its_stream_has_failed(uli13, uli14, define, move):
    uli13.boot(definition := define())
    move(definition).finish()
    assert uli14.run_state() is RunState.LOADED
    process.kill(record_of(uli14).read().process)
    uli14.wait_for(RunState.NOT_ACTIVATED)
    status = uli14.wait_transfer(LPAR, -1, 0)
    assert status.phase is Phase.FAILED
    assert "QEMU has ended" in status.error


def test_an_incoming_one_that_died_while_nobody_looked_is_off(serve, define):
    definition = define()
    with serve("uli15", ULI13) as console:
        console.create(definition, OPERATOR)
        record = record_of(console)
    record.write(Run(definition, ProcessId(1, 1, "an earlier start of the machine"), is_incoming=True))
    with serve("uli15", ULI13) as console:
        assert console.run_state() is RunState.NOT_ACTIVATED
