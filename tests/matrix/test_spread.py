"""A spread of the fault matrix with every run of the tests; `./ivm test --matrix` plays all of it."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.matrix.cells import spread
from tests.matrix.packets import own_network
from tests.matrix.play import play
from tests.matrix.session import port_offset
from tests.matrix.stage import running_stage

pytestmark = pytest.mark.e2e


class Labs:
    """One lab for all cells, until one of them fails: nobody knows what state it leaves.

    All of it is one thread's, whose network it has.
    """

    def __init__(self, folder):
        self._folder, self._open = folder, ExitStack()
        self._thread = ThreadPoolExecutor(1)
        self._stage = None

    def play(self, cell):
        return self._thread.submit(self._play, cell).result()

    def _play(self, cell):
        if self._stage is None:
            self._stage = self._open.enter_context(running_stage(self._folder, port_offset(), own_network()))
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
    made = Labs(tmp_path_factory.mktemp("matrix") / "lab")
    yield made
    made.close()


@pytest.mark.parametrize("cell", spread(), ids=lambda cell: cell.name)
def test_the_invariants_hold(labs, cell):
    result = labs.play(cell)
    assert result.found == [], "\n".join(result.journal)
