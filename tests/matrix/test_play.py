"""How a cell ends that could not be played to the end."""

from types import SimpleNamespace
from uuid import UUID

import pytest

from tests.matrix.play import Result, until_it_breaks

STAGE = SimpleNamespace(world=SimpleNamespace(why=lambda migration: [f"journal of {migration}"]))


@pytest.mark.parametrize("error", [AssertionError("not within 40 s"), TypeError("no row"), IndexError("no row")])
def test_a_cell_that_breaks_off_does_not_hold_and_keeps_the_journals(error):
    result = Result("a cell", "begun", "Stop", migration=str(UUID(int=7)))
    with until_it_breaks(STAGE, result):
        raise error
    assert not result.ok
    assert "not played to the end" in result.found[0]
    assert result.journal == [f"journal of {UUID(int=7)}"]


def test_a_cell_in_which_nothing_was_found_holds():
    result = Result("a cell", "begun", "Stop")
    with until_it_breaks(STAGE, result):
        pass
    assert result.ok
    assert result.journal == []
