"""A move through both movers, over TLS, for each kind of hypervisor."""

from concurrent.futures import ThreadPoolExecutor

from ivmweb.hypervisor.base import RunState
from tests.hypervisor.conftest import LPAR, MB, both_kinds, eventually
from tests.mover.test_two_hypervisors import Move


@both_kinds
def test_what_left_one_hypervisor_is_what_reached_the_other(uli13, uli14, define, kind):
    uli13.boot(definition := define(workload_bytes_per_s=20 * MB))
    move = Move(uli13, uli14, definition)
    with ThreadPoolExecutor(2) as pool:
        sending, receiving = move.run(pool)
        loaded = sending.result(timeout=60)
        assert (uli13.run_state(), uli14.run_state()) == (RunState.COMPLETED, RunState.LOADED)
        digest = eventually(lambda: loaded.digest)  # once the source has ended its stream
        loaded.close()
        received = receiving.result(timeout=10)
    assert received.digest == digest
    assert received.bytes_transmitted == loaded.progress.bytes_transmitted > definition.memory_mb * MB / 2
    uli14.discard(LPAR, move.fence)
    uli13.resume(LPAR, move.fence)
    eventually(lambda: uli13.describe(LPAR).heartbeat)
    assert uli13.describe(LPAR).page_errors == {"simulated": None, "qemu": 0}[kind]  # a guest checks its own
    uli13.discard(LPAR, move.fence)
