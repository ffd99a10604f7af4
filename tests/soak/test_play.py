"""What a soak demands of a move besides what the matrix does; no lab."""

import time
from types import SimpleNamespace
from uuid import UUID

import pytest

from ivmweb.hypervisor.base import RunState
from tests.matrix import judge
from tests.matrix.cells import all_cells
from tests.matrix.stage import Stage
from tests.soak import growth, play
from tests.soak.plan import Move
from tests.soak.play import PATIENCE, Owed, Player, facing

MIGRATION = UUID(int=7)
MOVED, KEPT = ("closed, moved", "closed, moved"), ("closed, kept", "declined")
CELL = next(cell for cell in all_cells() if cell.name == "begun / kill source web")


class World:
    def __init__(self):
        self.rows, self.runs_on, self.secrets, self.tokens = {}, [], [], []

    def migration(self, console, migration):
        return self.rows.get(console)

    def running_on(self, name):
        return self.runs_on

    def query(self, console, sql):
        return self.secrets if sql == play.SECRETS else self.tokens


@pytest.fixture
def counts(monkeypatch):
    counted = {"uli13.system_logicalpartition": 3, "uli14.system_logicalpartition": 1}
    monkeypatch.setattr(growth, "rows", lambda world, prefix="": dict(counted))
    return counted


@pytest.fixture
def player(monkeypatch, counts):
    monkeypatch.setattr(judge, "verdict", lambda stage, migration, may_be_off_on: [])
    stage = SimpleNamespace(world=World(), source="uli13", destination="uli14", ends=MOVED)
    stage.states = lambda migration: stage.ends
    return Player(stage)


def judged(player, move, cell=None):
    return player._judged(move, cell, MIGRATION)


def test_a_move_to_which_nothing_was_done_has_to_move(player):
    assert judged(player, Move(1)) == []
    player.stage.ends = KEPT
    assert judged(player, Move(1)) == ["I4: nothing was done to it, and it has not moved"]
    assert judged(player, Move(1, cell=CELL), CELL) == []


def test_an_inactive_move_starts_nothing(player):
    assert judged(player, Move(1, inactive=True)) == []
    player.stage.world.runs_on = ["uli14"]
    assert judged(player, Move(1, inactive=True)) == ["I2: it was off, and nobody has activated it; it runs on uli14"]


def test_an_inactive_partition_may_be_off_and_an_active_one_only_where_the_fault_says_so(player, monkeypatch):
    asked = []
    monkeypatch.setattr(judge, "verdict", lambda stage, migration, may_be_off_on: asked.append(may_be_off_on) or [])
    for move in (Move(1), Move(1, cell=CELL), Move(1, inactive=True)):
        judged(player, move, move.cell)
    assert asked == [set(), set(), {"uli13", "uli14"}]


def test_a_row_that_is_left_over_is_found(player, counts):
    assert player._too_much() == []
    counts["uli13.system_logicalpartition"] -= 1
    counts["uli14.system_logicalpartition"] += 1
    assert player._too_much() == []
    counts["uli14.system_logicalpartition"] += 1
    assert player._too_much() == ["I5: system_logicalpartition has 5 rows, and had 4"]


def test_keys_that_should_be_erased_and_too_many_tokens_are_found(player, monkeypatch):
    player.stage.world.secrets = [{"id": "a"}, {"id": "b"}, {"id": "of another clock"}]
    player.ended = {"a": time.monotonic() - 61, "b": time.monotonic()}
    monkeypatch.setattr(play, "SECRETS_S", 60.0)
    player.stage.world.tokens = [{"hash": n} for n in range(play.MOST_TOKENS + 1)]
    found = player._too_much()
    assert "I5: uli13 still has keys of 1 migrations that are long over" in found
    assert len(found) == 4


def test_a_wrong_clock_says_nothing_of_when_keys_have_to_be_erased(player):
    off = next(cell for cell in all_cells() if cell.fault.action == "set_clock")
    player._note_end(MIGRATION, None)
    player._note_end(UUID(int=8), CELL)
    assert set(player.ended) == {MIGRATION.hex, UUID(int=8).hex}
    player._note_end(UUID(int=9), off)
    assert player.ended == {}


def owed(player, **destination):
    row = {"local_digest": "", "partner_digest": "", "suspension_ms": None}
    player.owed = [Owed(5, MIGRATION, "uli14")]
    player.stage.world.rows = {"uli13": {**row, **destination}, "uli14": {**row, **destination}}


def test_figures_that_come_later_are_kept_with_their_move(player):
    owed(player)
    assert player.collect(6) == ([], [])
    owed(player, local_digest="a", partner_digest="a", suspension_ms=300.0)
    assert player.collect(7) == ([(5, {"suspension_ms": 300.0, "digests_compared": True})], [])
    assert player.owed == []


def test_figures_that_never_come_are_not_waited_for_and_not_said_to_be_equal(player):
    owed(player)
    known, found = player.collect(5 + PATIENCE)
    assert known == [(5, {"suspension_ms": None, "digests_compared": False})]
    assert (found, player.owed) == ([], [])


def test_digests_that_differ_break_the_soak_moves_later(player):
    owed(player, local_digest="a", partner_digest="b")
    _, found = player.collect(9)
    assert found == ["I3: digests differ: ['a', 'b'] (of move 5)"]


def test_a_cell_is_mirrored_for_a_move_back():
    relay = SimpleNamespace(mirrored=False)
    stage = Stage(SimpleNamespace(consoles={}, processes={}), relay, range(0))
    assert facing(stage, CELL).fault.targets == ("uli13/web",)
    stage.face("uli14")
    assert (stage.destination, relay.mirrored) == ("uli13", True)
    assert facing(stage, CELL).fault.targets == ("uli14/web",)
    assert facing(stage, None) is None


def test_where_it_is_is_said_only_where_it_is_in_one_place(player):
    world = player.stage.world
    places = {"uli13": {"state": "Running"}, "uli14": None}
    world.partition = lambda console, name: places[console]
    assert play.place_of(player.stage) == "uli13"
    places["uli14"] = {"state": "Running"}
    assert play.place_of(player.stage) == ""


def test_off_is_waited_for_at_the_hypervisor_and_in_the_records(player):
    done = []
    states = iter([RunState.RUNNING, RunState.NOT_ACTIVATED])
    records = iter([{"lpar_id": 2}, {"state": "Running"}, {"state": "Not Activated"}])
    player.stage.run_state = lambda console: next(states)
    player.stage.world.partition = lambda console, name: next(records)
    player.stage.world.hypervisor = lambda console: SimpleNamespace(shut_down_from_inside=done.append)
    play.shut_down(player.stage)
    assert done == [2]
    assert next(records, None) is None
