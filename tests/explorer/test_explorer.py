"""The explorer's own claims, and a short search; the whole one is ./ivm explore."""

import itertools
import re
from pathlib import Path

import pytest

from migration.states import DESTINATION_STATES, SOURCE_STATES, Answer, Fact, Record, Role, Seen, State, Word, step
from tests.explorer.__main__ import main
from tests.explorer.model import Model
from tests.explorer.mutations import MUTATIONS
from tests.explorer.reports import mutated
from tests.explorer.runs import RUNS, short
from tests.explorer.search import explore
from tests.explorer.settle import KEPT, MOVED, OPERATOR


@pytest.mark.parametrize("name", RUNS)
def test_no_fault_leaves_two_copies_none_or_a_mess(name):
    for bounds in short(RUNS[name]).bounds:
        found = explore(Model(bounds))
        assert found.broken is None, found.broken
        assert found.worlds > 500  # the search really went everywhere
        assert set(found.ends) == {OPERATOR} or {KEPT, MOVED} <= set(found.ends)


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


QUICK = [
    "own-completed",
    "surrender-told-late",
    "commit-needed",
    "loaded-held",
    "take-first",
    "claim-true",
    "offer-refused",
]


@pytest.mark.parametrize("name", QUICK)
def test_a_guard_that_is_left_out_is_found_and_told_in_sentences(name):
    text, result = mutated(name)
    assert result == "found"
    assert re.search(r"^ +1\. [A-Z*].*\.$", text, re.MULTILINE)
    assert text.splitlines()[-1].strip().startswith("** ")


def test_a_guard_that_is_covered_is_named_with_the_second_one():
    text, result = mutated("take-back-compared")
    assert result == "covered"
    assert "covered by the guard that" in text
    assert MUTATIONS["decline-compared"].guard in text


def test_every_guard_is_left_out_by_something_that_the_model_knows():
    """A name that nothing looks at would leave out nothing."""
    code = "".join((Path(__file__).parent / name).read_text() for name in ("model.py", "unguarded.py"))
    by_pattern = ("compare-and-set: ", "id in the commands of the ", " is recorded first")
    for mutation in MUTATIONS.values():
        assert mutation.instead or mutation.without
        for name in mutation.without:
            assert f'"{name}"' in code or any(pattern in name for pattern in by_pattern), name


def test_an_unknown_run_is_named_with_those_there_are(capsys):
    with pytest.raises(SystemExit):
        main(["three"])
    said = capsys.readouterr().err
    assert "three" in said
    assert all(name in said for name in RUNS)
