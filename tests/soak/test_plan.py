"""The plan is a function of seed and number only, and has everything in it in the end."""

import subprocess
import sys
from collections import Counter

from tests.matrix.cells import DESTINATION, PHASES, SIMULATED, SOURCE, all_cells, faults_of
from tests.soak.plan import INACTIVE_PHASES, plan
from tools.paths import ROOT

THOUSAND = [plan(7, number) for number in range(1, 1001)]


def test_a_move_is_the_same_wherever_the_soak_begins_and_in_every_process():
    assert [plan(7, number) for number in range(500, 520)] == THOUSAND[499:519]
    told = "from tests.soak.plan import plan; print([plan(7, number).trouble for number in range(1, 41)])"
    printed = subprocess.check_output([sys.executable, "-c", told], cwd=ROOT, text=True)
    assert printed.strip() == str([move.trouble for move in THOUSAND[:40]])


def test_another_seed_is_another_soak():
    assert [move.trouble for move in THOUSAND[:40]] != [plan(8, number).trouble for number in range(1, 41)]


def test_of_each_four_moves_one_has_a_fault_and_not_always_the_same_one():
    fours = [THOUSAND[begin : begin + 4] for begin in range(0, 1000, 4)]
    assert {sum(move.cell is not None for move in four) for four in fours} == {1}
    places = Counter(next(place for place, move in enumerate(four) if move.cell) for four in fours)
    assert min(places[place] for place in range(4)) > 30


def test_every_kind_of_fault_and_every_phase_comes_within_a_thousand_moves():
    cells = [move.cell for move in THOUSAND if move.cell]
    often = Counter(cell.fault.name for cell in cells)
    assert set(often) == {fault.name for fault in faults_of(SIMULATED)}
    assert min(often.values()) >= 2
    assert {cell.phase.name for cell in cells} == {phase.name for phase in PHASES}


def test_only_cells_of_the_matrix_are_played():
    known = {cell.name for cell in all_cells()}
    assert {move.cell.name for move in THOUSAND if move.cell} <= known


def test_some_moves_are_inactive_and_are_disturbed_only_at_moments_that_they_have():
    inactive = [move for move in THOUSAND if move.inactive]
    assert 50 < len(inactive) < 150
    assert {move.cell.phase.name for move in inactive if move.cell} <= set(INACTIVE_PHASES)
    assert any(move.cell for move in inactive)


def test_a_mirrored_cell_is_the_same_of_a_move_back():
    for cell in all_cells():
        back = cell.mirrored()
        assert back.name == cell.name
        assert back.mirrored() == cell
        assert back.phase.holder != cell.phase.holder
        said = (*cell.fault.targets, *cell.fault.senders)
        swapped = [name.replace(SOURCE, "?").replace(DESTINATION, SOURCE).replace("?", DESTINATION) for name in said]
        assert [*back.fault.targets, *back.fault.senders] == swapped
