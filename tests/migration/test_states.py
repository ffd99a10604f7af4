"""The hand-over's decisions, row by row of docs/state-machine.md, and searched through in tests/explorer."""

import itertools

import pytest

from migration.states import (
    ABORTS,
    DESTINATION_STATES,
    FINAL_STATES,
    GIVEN_UP,
    LET_GO,
    SOURCE_STATES,
    TAKEN_OVER,
    Act,
    Answer,
    Effect,
    Fact,
    Record,
    Role,
    Seen,
    State,
    Step,
    Wait,
    Word,
    allowed,
    do,
    step,
)

OFFERED = frozenset({Word.OFFERED})
MINE = frozenset({Word.MINE})
NO_LUNS = frozenset()


def source(state, **options):
    return Record(Role.SOURCE, state, **options)


def destination(state, **options):
    return Record(Role.DESTINATION, state, **options)


def says(state, fact=Fact.UNKNOWN, **options):
    return Answer(state, fact, **options)


READY = says(State.LOADED, Fact.LOADED)

ROWS = {
    "S1 both hold the whole image": (source(State.TRANSFERRING), Seen(Fact.PARKED, MINE, READY), State.SURRENDERED),
    "S1 inactive: everything is made there": (
        source(State.TRANSFERRING, inactive=True),
        Seen(Fact.DEAD, MINE, says(State.PREPARED, Fact.DEAD)),
        State.SURRENDERED,
    ),
    "S2 inactive: reserved there, but not defined": (
        source(State.TRANSFERRING, inactive=True),
        Seen(Fact.DEAD, MINE, says(State.PREPARED, Fact.NONE)),
        State.ABORTING,
    ),
    "Stop wins over the surrender": (
        source(State.TRANSFERRING, stop=True),
        Seen(Fact.PARKED, MINE, READY),
        State.ABORTING,
    ),
    "not surrendered before the own hypervisor has completed": (
        source(State.TRANSFERRING),
        Seen(Fact.HELD, MINE, READY),
        State.ABORTING,
    ),
    "not surrendered when the partner's hypervisor has died since": (
        source(State.TRANSFERRING),
        Seen(Fact.PARKED, MINE, says(State.LOADED, Fact.DEAD)),
        State.ABORTING,
    ),
    "the mover is at work": (source(State.TRANSFERRING), Seen(Fact.ACTIVE, MINE, working=True), Wait.MOVER),
    "Stop ends the mover's work": (
        source(State.TRANSFERRING, stop=True),
        Seen(Fact.ACTIVE, MINE, working=True),
        State.ABORTING,
    ),
    "S2 nobody drives it": (source(State.TRANSFERRING), Seen(Fact.ACTIVE, MINE), State.ABORTING),
    "S2 the hypervisor is away as well": (source(State.TRANSFERRING), Seen(Fact.UNKNOWN), State.ABORTING),
    "S4 the partner was forced while this machine was off": (
        source(State.ABORTING),
        Seen(Fact.DEAD, MINE, says(State.STARTED, forced=True)),
        State.COMPLETING,
    ),
    "S3 a stream is cancelled without asking": (source(State.ABORTING), Seen(Fact.ACTIVE), Effect.CANCEL),
    "S3 a held one is cancelled": (source(State.ABORTING), Seen(Fact.HELD), Effect.CANCEL),
    "S3 a parked one is resumed": (source(State.ABORTING), Seen(Fact.PARKED), Effect.RESUME),
    "S5 closed on declined": (source(State.ABORTING), Seen(Fact.RUN, MINE, says(State.DECLINED)), State.CLOSED_KEPT),
    "S6 no time-out closes an abort": (source(State.ABORTING), Seen(Fact.RUN, MINE), Wait.PARTNER),
    "S7": (source(State.SURRENDERED), Seen(Fact.PARKED, OFFERED, says(State.DECLINED)), State.TAKEN_BACK),
    "S8": (source(State.SURRENDERED), Seen(Fact.PARKED, OFFERED, says(State.ACCEPTED)), State.COMPLETING),
    "the LUNs are offered before the partner is asked": (
        source(State.SURRENDERED),
        Seen(Fact.PARKED, MINE),
        Effect.OFFER_WORD,
    ),
    "S9 silence proves nothing": (source(State.SURRENDERED), Seen(Fact.PARKED, OFFERED), Wait.PARTNER),
    "S9 not yet proves nothing": (source(State.SURRENDERED), Seen(Fact.PARKED, OFFERED, READY), Wait.PARTNER),
    "S9 restored: never offered anew": (source(State.IN_DOUBT), Seen(Fact.PARKED, MINE), Wait.PARTNER),
    "S10 the offer is taken back first": (
        source(State.TAKEN_BACK),
        Seen(Fact.PARKED, OFFERED, says(State.DECLINED)),
        Effect.RECLAIM_WORD,
    ),
    "S10": (source(State.TAKEN_BACK), Seen(Fact.PARKED, MINE), Effect.RESUME),
    "S11 an offer that was decided earlier is refused from now on": (
        source(State.TAKEN_BACK),
        Seen(Fact.DEAD, MINE),
        do(Effect.RECLAIM_WORD, then=State.CLOSED_KEPT),
    ),
    "S11 without a definition the LUNs could stay offered": (
        source(State.TAKEN_BACK),
        Seen(Fact.NONE),
        Effect.DEFINE,
    ),
    "S12": (source(State.COMPLETING), Seen(Fact.PARKED, OFFERED, says(State.ACCEPTED)), Effect.QUIT),
    "S13": (source(State.COMPLETING), Seen(Fact.NONE, None, says(State.STARTED)), State.CLOSED_MOVED),
    "S14 accepted is not started": (
        source(State.COMPLETING),
        Seen(Fact.NONE, None, says(State.ACCEPTED)),
        Wait.PARTNER,
    ),
    "S14 inactive: accepted is enough": (
        source(State.COMPLETING, inactive=True),
        Seen(Fact.NONE, None, says(State.ACCEPTED)),
        State.CLOSED_MOVED,
    ),
    "D3": (destination(State.PREPARED), Seen(Fact.LOADED, OFFERED), State.LOADED),
    "D4": (destination(State.PREPARED), Seen(Fact.DEAD, frozenset({Word.THEIRS})), State.DECLINED),
    "D5 abort": (destination(State.PREPARED), Seen(Fact.INCOMING, None, says(State.ABORTING)), State.DECLINED),
    "D5 timer": (destination(State.PREPARED), Seen(Fact.INCOMING, expired=True), State.DECLINED),
    "D6": (destination(State.PREPARED), Seen(Fact.INCOMING), Wait.MOVER),
    "D7": (destination(State.LOADED), Seen(Fact.LOADED, OFFERED, says(State.ABORTING)), State.DECLINED),
    "D8": (destination(State.LOADED), Seen(Fact.LOADED, OFFERED, says(State.SURRENDERED)), State.ACCEPTED),
    "D8 without LUNs": (
        destination(State.LOADED),
        Seen(Fact.LOADED, NO_LUNS, says(State.SURRENDERED)),
        State.ACCEPTED,
    ),
    "surrendered, but one LUN not offered yet": (
        destination(State.LOADED),
        Seen(Fact.LOADED, frozenset({Word.OFFERED, Word.THEIRS}), says(State.SURRENDERED)),
        Wait.PARTNER,
    ),
    "D9 a dead image is declined even when surrendered": (
        destination(State.LOADED),
        Seen(Fact.DEAD, OFFERED, says(State.SURRENDERED)),
        State.DECLINED,
    ),
    "D10 no timer throws the image away": (destination(State.LOADED), Seen(Fact.LOADED, expired=True), Wait.PARTNER),
    "accepted: LUNs before the run": (destination(State.ACCEPTED), Seen(Fact.LOADED, OFFERED), Effect.TAKE_WORD),
    "D11": (destination(State.ACCEPTED), Seen(Fact.LOADED, MINE), Effect.RESUME),
    "D12 running": (destination(State.ACCEPTED), Seen(Fact.RUN, MINE), State.STARTED),
    "D12 down": (destination(State.ACCEPTED), Seen(Fact.DEAD, MINE), State.STARTED),
    "D9 inactive: surrendered, but the definition is lost here": (
        destination(State.PREPARED, inactive=True),
        Seen(Fact.NONE, None, says(State.SURRENDERED)),
        State.DECLINED,
    ),
    "inactive: accepted starts nothing": (
        destination(State.ACCEPTED, inactive=True),
        Seen(Fact.DEAD, MINE),
        State.STARTED,
    ),
    "D13": (destination(State.STARTED), Seen(Fact.RUN, MINE, says(State.CLOSED_MOVED)), State.CLOSED_MOVED),
    "D14": (destination(State.STARTED), Seen(Fact.RUN, MINE, says(State.COMPLETING)), Wait.PARTNER),
    "D15": (destination(State.STARTED), Seen(Fact.DEAD, MINE, says(State.FORCED_BACK)), State.YIELDED),
    "D16": (destination(State.DECLINED), Seen(Fact.LOADED, OFFERED), Effect.QUIT),
    "D17 a shell that was ordered earlier is refused from now on": (
        destination(State.DECLINED),
        Seen(Fact.NONE),
        do(Effect.QUIT, Effect.RELEASE),
    ),
    "nothing is released twice": (destination(State.DECLINED, released=True), Seen(Fact.NONE), Wait.NOTHING),
}


def outcome(answer: Step):
    return answer.state or answer.wait or answer.effects[0]


@pytest.mark.parametrize("row", ROWS, ids=ROWS.keys())
def test_each_row_of_the_table_decides_as_written(row):
    record, seen, expected = ROWS[row]
    answer = step(record, seen)
    assert (answer if isinstance(expected, Step) else outcome(answer)) == expected


def every_look():
    answers = [None, *(says(state, fact) for state in State for fact in (Fact.LOADED, Fact.DEAD, Fact.UNKNOWN))]
    words = [None, NO_LUNS, MINE, OFFERED, frozenset({Word.THEIRS}), frozenset({Word.MINE, Word.OFFERED})]
    for fact, word, answer, working, expired in itertools.product(Fact, words, answers, (False, True), (False, True)):
        yield Seen(fact, word, answer, working, expired)


def every_record():
    for role, states in ((Role.SOURCE, SOURCE_STATES), (Role.DESTINATION, DESTINATION_STATES)):
        for state, inactive, stop in itertools.product(states, (False, True), (False, True)):
            yield Record(role, state, inactive, stop)
        for state, order, restored in itertools.product(states, (None, *Act), (False, True)):
            yield Record(role, state, order=order, restored=restored)


def test_every_situation_has_one_answer_and_only_known_transitions():
    for record, seen in itertools.product(every_record(), every_look()):
        answer = step(record, seen)
        assert bool(answer.wait) != bool(answer.state or answer.effects)
        if answer.state:
            assert answer.state in allowed(record)


def test_no_silence_and_no_answer_that_can_turn_back_decides_after_the_surrender():
    undecided = {None, *State} - TAKEN_OVER - GIVEN_UP
    for record, seen in itertools.product(every_record(), every_look()):
        state = seen.partner.state if seen.partner else None
        if record.restored:
            continue
        if record.state in {State.SURRENDERED, State.IN_DOUBT} and state in undecided:
            assert step(record, seen).state is None
        loaded = record.state is State.LOADED and not record.inactive and seen.fact is Fact.LOADED
        if loaded and state not in LET_GO | ABORTS:
            assert step(record, seen).state is None


def test_a_run_is_ordered_only_under_a_record_that_allows_it():
    may_resume = {State.ABORTING, State.TAKEN_BACK, State.ACCEPTED}
    for record, seen in itertools.product(every_record(), every_look()):
        effects = step(record, seen).effects
        if Effect.RESUME in effects:
            assert record.state in may_resume or record.order is Act.RUN_IMAGE
        if Effect.START in effects:
            assert record.state in {State.FORCED_BACK, State.FORCED_RUN}
            assert record.order is Act.RESTART
        if Effect.QUIT in effects:
            assert record.state in {State.COMPLETING, *GIVEN_UP}


def test_a_final_record_never_changes():
    for record, seen in itertools.product(every_record(), every_look()):
        if record.state in FINAL_STATES:
            assert step(record, seen).state is None
