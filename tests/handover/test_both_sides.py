"""Both journals of one migration: asked, set on one time line, and never in the way of anything."""

import time

import pytest

from migration import both_sides
from migration.models import Migration
from migration.peer.messages import Answered, HistoryLine, JournalAnswer
from migration.states import Fact, State
from tests.handover.conftest import fetch
from tests.handover.partner import ScriptedClient


@pytest.fixture
def told(partner, monkeypatch):
    """What uli14's journal says; a test changes the list."""
    lines, asked = [], []

    class Client(ScriptedClient):
        clock = 0.0

        def journal(self, secret, request):
            self.partner.answer_or_not()
            asked.append(request)
            now = Answered(state=self.partner.state, fact=self.partner.fact, incarnation="uli14")
            return JournalAnswer(now=now, clock=time.time() + Client.clock, lines=tuple(lines))

    monkeypatch.setattr(both_sides, "PeerClient", lambda remote, timeout_s: Client(partner))
    Client.lines, Client.asked = lines, asked
    return Client


def test_the_partners_answer_is_remembered_and_its_lines_stand_between_ours(start, uli13lp1, partner, told):
    migration = start(uli13lp1, State.SURRENDERED)
    partner.state, partner.fact = State.LOADED, Fact.LOADED
    told.lines.append(HistoryLine(time=1.0, to_state="prepared", text="prepared for uli13"))
    other = both_sides.ask(migration)
    assert (other.answer.state, other.answer.fact) == (State.LOADED, Fact.LOADED)
    assert fetch(migration).partner_state == State.LOADED
    lines = both_sides.time_line(migration, other)
    assert [line.ours for line in lines] == [False, True]
    assert fetch(migration).state == State.SURRENDERED


def test_a_clock_that_differs_is_taken_out_of_its_times(start, uli13lp1, told):
    migration = start(uli13lp1, State.SURRENDERED)
    told.clock = 3600.0
    told.lines.append(HistoryLine(time=time.time() + 3600, text="just now"))
    other = both_sides.ask(migration)
    assert other.clock_ahead_s == pytest.approx(3600, abs=1)
    assert abs(other.lines[0].time.timestamp() - time.time()) < 5


@pytest.mark.parametrize("moment", [0.0, 1e11])
def test_a_time_that_no_page_can_show_is_shown_at_the_end_of_time(start, uli13lp1, told, moment):
    told.lines.append(HistoryLine(time=moment, text="never"))
    other = both_sides.ask(start(uli13lp1, State.SURRENDERED))
    assert 1970 <= other.lines[0].time.year <= 9999


def test_a_text_with_fields_is_shown_as_it_came(start, uli13lp1, told):
    told.lines.append(HistoryLine(time=1.0, text="{0.__class__} {x}"))
    other = both_sides.ask(start(uli13lp1, State.SURRENDERED))
    assert str(other.lines[0].sentence) == "{0.__class__} {x}"


def test_a_silent_partner_leaves_our_own_lines_and_the_cause(start, uli13lp1, partner, told):
    migration = start(uli13lp1, State.SURRENDERED)
    partner.is_silent = True
    other = both_sides.ask(migration)
    assert other.answer is None
    assert other.error.key == "peer-timeout"
    assert [line.ours for line in both_sides.time_line(migration, other)] == [True, True]  # the second: that silence
    assert "9301" in fetch(migration).partner_error


def test_a_migration_whose_secret_is_erased_is_not_asked_about(start, uli13lp1, told):
    migration = start(uli13lp1, State.CLOSED_KEPT)
    Migration.objects.update(secret=b"")
    assert both_sides.ask(fetch(migration)) == both_sides.Other()
    assert told.asked == []
