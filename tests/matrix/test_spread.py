"""A spread of the fault matrix with every run of the tests, of each kind; `./ivm test --matrix` plays all of it."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.matrix.cells import QEMU, SIMULATED, spread
from tests.matrix.packets import own_network
from tests.matrix.play import play
from tests.matrix.session import port_offset
from tests.matrix.stage import running_stage
from tests.real_guests import kit_or_skip

pytestmark = pytest.mark.e2e


class Labs:
    """One lab for all cells, until one of them fails: nobody knows what state it leaves.

    All of it is one thread's, whose network it has.
    """

    def __init__(self, folder, kind):
        self._folder, self._kind, self._open = folder, kind, ExitStack()
        self._thread = ThreadPoolExecutor(1)
        self._stage = None

    def play(self, cell):
        return self._thread.submit(self._play, cell).result()

    def _play(self, cell):
        if self._stage is None:
            stage = running_stage(self._folder, port_offset(), own_network(), self._kind)
            self._stage = self._open.enter_context(stage)
        result = play(self._stage, cell)
        if not result.ok:
            self._close()
        return result

    def close(self):
        self._thread.submit(self._close).result()
        self._thread.shutdown()

    def _close(self):
        self._open.close()
        self._stage = None
        shutil.rmtree(self._folder, ignore_errors=True)


@pytest.fixture(scope="module")
def labs(tmp_path_factory):
    made = Labs(tmp_path_factory.mktemp("matrix") / "lab", SIMULATED)
    yield made
    made.close()


@pytest.fixture(scope="module")
def labs_of_guests(tmp_path_factory):
    kit_or_skip()
    made = Labs(tmp_path_factory.mktemp("guests") / "lab", QEMU)
    yield made
    made.close()


@pytest.mark.parametrize("cell", spread(), ids=lambda cell: cell.name)
def test_the_invariants_hold(labs, cell):
    result = labs.play(cell)
    assert result.found == [], "\n".join(result.journal)


@pytest.mark.qemu
@pytest.mark.parametrize("cell", spread(QEMU), ids=lambda cell: cell.name)
def test_the_invariants_hold_of_real_guests(labs_of_guests, cell):
    result = labs_of_guests.play(cell)
    assert result.found == [], "\n".join(result.journal)
