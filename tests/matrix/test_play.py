"""How a cell ends that could not be played to the end."""

from types import SimpleNamespace
from uuid import UUID

import pytest

from tests.matrix.cells import FAULTS, Cell
from tests.matrix.judge import stop_faults, unexpected
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


def cell_of(fault):
    return Cell(None, next(one for one in FAULTS if one.name == fault))


MOVED, KEPT = ("closed, moved", "closed, moved"), ("closed, kept", "declined")
IN_TIME = "[VIOSI01049000-9016] Stop came in time: the migration of uli13lp1 is rolled back."
TOO_LATE = "[VIOSE01049000-9202] The migration of uli13lp1 can't be stopped any more: it is surrendered."
ALREADY = "[VIOSI01049000-9046] The migration of uli13lp1 was stopped already."


def stage_after(ends, *, recorded):
    world = SimpleNamespace(migration=lambda console, migration: {"stop_requested": recorded})
    return SimpleNamespace(states=lambda migration: ends, source="uli13", world=world)


@pytest.mark.parametrize("fault", ["Stop", "Stop and Recover at once"])
@pytest.mark.parametrize(
    ("said", "ends", "recorded", "holds"),
    [
        ([IN_TIME], KEPT, True, True),
        ([ALREADY], KEPT, True, True),
        ([TOO_LATE], MOVED, False, True),
        ([TOO_LATE], KEPT, False, True),  # for another reason
        ([IN_TIME], MOVED, True, False),
        ([IN_TIME], MOVED, False, False),
        ([IN_TIME], KEPT, False, False),
        ([TOO_LATE], KEPT, True, False),
        (["200"], KEPT, True, False),
        (["[VIOSE01049000-9999] Something else."], MOVED, False, False),
        ([], MOVED, False, False),
    ],
)
def test_what_was_answered_to_stop_is_what_came_of_it(fault, said, ends, recorded, holds):
    stage = stage_after(ends, recorded=recorded)
    assert (stop_faults(stage, UUID(int=7), cell_of(fault).fault, said) == []) is holds
    assert stop_faults(stage, UUID(int=7), cell_of("second migration started").fault, said) == []


def test_an_error_in_a_log_is_a_fault_where_what_was_done_does_not_explain_it():
    broker = "redis.exceptions.ConnectionError: Connection closed by server."
    full = "django.db.utils.OperationalError: disk I/O error"
    assert unexpected([broker], cell_of("kill source broker").fault.may_log) == set()
    assert unexpected([full], cell_of("disk full at source").fault.may_log) == set()
    assert unexpected([broker], cell_of("Stop").fault.may_log) == {f"an error in the logs: {broker}"}
    assert unexpected(["KeyError: 'x'"], cell_of("kill source broker").fault.may_log)
