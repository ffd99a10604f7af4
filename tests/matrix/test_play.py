"""How a cell ends that could not be played to the end."""

from types import SimpleNamespace
from uuid import UUID

import pytest

from tests.matrix.cells import FAULTS, Cell
from tests.matrix.judge import unexpected
from tests.matrix.play import Result, stop_faults, until_it_breaks

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


def cell_of(fault):
    return Cell(None, next(one for one in FAULTS if one.name == fault))


@pytest.mark.parametrize(
    ("said", "ends", "holds"),
    [
        (["200"], ("closed, kept", "declined"), True),
        (["[VIOSE01049000-9202] can't be stopped any more"], ("closed, moved", "closed, moved"), True),
        (["200"], ("closed, moved", "closed, moved"), False),
        ([], ("closed, moved", "closed, moved"), False),
    ],
)
def test_a_stop_that_was_not_refused_has_to_stop(said, ends, holds):
    assert (stop_faults(cell_of("Stop"), ends, said) == []) is holds
    assert stop_faults(cell_of("second migration started"), ends, said) == []


def test_an_error_in_a_log_is_a_fault_where_what_was_done_does_not_explain_it():
    broker = "redis.exceptions.ConnectionError: Connection closed by server."
    full = "django.db.utils.OperationalError: disk I/O error"
    assert unexpected([broker], cell_of("kill source broker").fault.may_log) == set()
    assert unexpected([full], cell_of("disk full at source").fault.may_log) == set()
    assert unexpected([broker], cell_of("Stop").fault.may_log) == {f"an error in the logs: {broker}"}
    assert unexpected(["KeyError: 'x'"], cell_of("kill source broker").fault.may_log)
