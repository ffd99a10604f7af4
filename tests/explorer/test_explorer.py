"""The explorer's own claims, and a short search; the whole one is ./ivm explore."""

import itertools

import pytest

from migration.states import DESTINATION_STATES, SOURCE_STATES, Answer, Fact, Record, Role, Seen, State, Word, step
from tests.explorer.__main__ import main
from tests.explorer.model import Model
from tests.explorer.runs import RUNS, short
from tests.explorer.search import explore
from tests.explorer.world import Bounds


@pytest.mark.parametrize("name", RUNS)
def test_no_fault_leaves_two_copies_none_or_a_mess(name):
    for bounds in short(RUNS[name]).bounds:
        found = explore(Model(bounds))
        assert found.broken is None, found.broken
        assert found.complete
        assert found.worlds > 1_000  # the search really went everywhere
        assert {"kept", "moved"} <= set(found.ends)


def records(role, *, inactive):
    states = SOURCE_STATES if role is Role.SOURCE else DESTINATION_STATES
    return [
        Record(role, state, inactive=inactive, stop=stop, restored=restored)
        for state, stop, restored in itertools.product(states, (False, True), (False, True))
    ]


def looks(partner):
    words = (None, frozenset(), *(frozenset({word}) for word in Word))
    for fact, word, flag in itertools.product(Fact, words, (False, True)):
        yield Seen(fact, word, partner, working=flag, expired=flag)


@pytest.mark.parametrize("inactive", [False, True])
def test_of_the_partners_fact_the_decisions_read_no_more_than_the_model_says(inactive):
    """So that a world need not keep apart messages that nobody can tell apart."""
    telling = Fact.DEAD if inactive else Fact.LOADED
    alike = [fact for fact in Fact if fact is not telling]
    for record, state in itertools.product(records(Role.SOURCE, inactive=inactive), DESTINATION_STATES):
        seen = [[step(record, look) for look in looks(Answer(state, fact))] for fact in alike]
        assert all(decisions == seen[0] for decisions in seen)
    for record, state in itertools.product(records(Role.DESTINATION, inactive=inactive), SOURCE_STATES):
        if state is State.FORCED_BACK:
            continue
        seen = [[step(record, look) for look in looks(Answer(state, fact))] for fact in Fact]
        assert all(decisions == seen[0] for decisions in seen)


def test_a_stale_offer_of_the_lun_is_found_where_nothing_refuses_it():
    """What the search found: a frozen worker offered the LUN after the source had taken the partition back."""

    def careless(record, seen):
        if record.state is State.TAKEN_BACK and seen.fact is Fact.DEAD and seen.words == {Word.MINE}:
            return step(Record(Role.SOURCE, State.FORCED_BACK), Seen(Fact.DEAD, partner=Answer(State.DECLINED)))
        return step(record, seen)

    found = explore(Model(Bounds(inactive=True), decide=careless))
    assert found.broken.invariant == "I2: it stays, and its LUN belongs to offered"


def test_an_unknown_run_is_named_with_those_there_are(capsys):
    with pytest.raises(SystemExit):
        main(["three"])
    said = capsys.readouterr().err
    assert "three" in said
    assert all(name in said for name in RUNS)
