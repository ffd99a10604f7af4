"""The hand-over's decisions, row by row of docs/state-machine.md, and searched through in tests/explorer."""

import itertools
from dataclasses import replace

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
    announced,
    do,
    forced,
    leaves_tombstone,
    may_force,
    may_hear,
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
    "S13 a destination that was forced could yield even after it had started": (
        source(State.COMPLETING),
        Seen(Fact.NONE, None, says(State.STARTED, forced=True)),
        Wait.PARTNER,
    ),
    "S13 so could any that heard of a source that was forced back": (
        source(State.COMPLETING, forced=True),
        Seen(Fact.NONE, None, says(State.STARTED)),
        Wait.PARTNER,
    ),
    "S13 it does not once it has settled": (
        source(State.COMPLETING, forced=True),
        Seen(Fact.NONE, None, says(State.SETTLED)),
        do(Effect.QUIT, then=State.CLOSED_MOVED),
    ),
    "the source yields: its run ends before the LUNs are offered": (
        source(State.COMPLETING, forced=True),
        Seen(Fact.RUN, MINE, says(State.STARTED)),
        Effect.DROP,
    ),
    "the source yields: it runs on while nobody says that it is there": (
        source(State.COMPLETING, forced=True),
        Seen(Fact.RUN, MINE),
        Wait.PARTNER,
    ),
    "both yielded: it stays on the source": (
        source(State.COMPLETING, forced=True),
        Seen(Fact.RUN, MINE, says(State.YIELDED)),
        State.TAKEN_BACK,
    ),
    "both yielded: but an image is older than what ran there": (
        source(State.COMPLETING, forced=True),
        Seen(Fact.PARKED, OFFERED, says(State.YIELDED)),
        Effect.DROP,
    ),
    "the source has let go: the destination never yields from now on": (
        destination(State.STARTED, forced=True),
        Seen(Fact.RUN, MINE, says(State.COMPLETING)),
        do(Effect.TAKE_WORD, then=State.SETTLED),
    ),
    "the source that was forced back has let go": (
        destination(State.STARTED),
        Seen(Fact.DEAD, OFFERED, says(State.COMPLETING, forced=True)),
        do(Effect.TAKE_WORD, then=State.SETTLED),
    ),
    "settled: the LUNs are taken when they come": (
        destination(State.SETTLED),
        Seen(Fact.DEAD, OFFERED, says(State.CLOSED_MOVED)),
        Effect.TAKE_WORD,
    ),
    "settled: closes": (
        destination(State.SETTLED),
        Seen(Fact.RUN, MINE, says(State.CLOSED_MOVED)),
        State.CLOSED_MOVED,
    ),
    "settled: what is down waits": (destination(State.SETTLED), Seen(Fact.DEAD, MINE), Wait.PARTNER),
    "settled: from disk by order": (
        destination(State.SETTLED, order=Act.RESTART),
        Seen(Fact.DEAD, MINE),
        Effect.START,
    ),
    "settled: an order that is carried out ends": (
        destination(State.SETTLED, order=Act.RESTART),
        Seen(Fact.RUN, MINE),
        State.SETTLED,
    ),
    "settled: a source that was forced back again must yield itself": (
        destination(State.SETTLED),
        Seen(Fact.DEAD, MINE, says(State.FORCED_BACK, Fact.DEAD)),
        Wait.OPERATOR,
    ),
    "yield: its run ends first": (
        destination(State.FORCED_RUN, forced=True, order=Act.YIELD),
        Seen(Fact.RUN, MINE, says(State.FORCED_BACK, Fact.DEAD)),
        Effect.DROP,
    ),
    "yield: then the LUNs go back": (
        destination(State.FORCED_RUN, forced=True, order=Act.YIELD),
        Seen(Fact.DEAD, MINE, says(State.FORCED_BACK, Fact.RUN)),
        do(Effect.RETURN_WORD, then=State.YIELDED),
    ),
    "yield: LUNs that the source has already taken are not returned": (
        destination(State.FORCED_RUN, forced=True, order=Act.YIELD),
        Seen(Fact.DEAD, frozenset({Word.THEIRS}), says(State.FORCED_BACK, Fact.RUN)),
        do(Effect.DROP, then=State.YIELDED),
    ),
    "not settled before the source has offered the LUNs": (
        destination(State.STARTED, forced=True),
        Seen(Fact.DEAD, frozenset({Word.THEIRS}), says(State.COMPLETING)),
        Wait.PARTNER,
    ),
    "yield: not on silence": (
        destination(State.FORCED_RUN, forced=True, order=Act.YIELD),
        Seen(Fact.DEAD, MINE),
        Wait.PARTNER,
    ),
    "yield: not to a source that has an image": (
        destination(State.FORCED_RUN, forced=True, order=Act.YIELD),
        Seen(Fact.RUN, MINE, says(State.FORCED_BACK, Fact.PARKED)),
        Wait.OPERATOR,
    ),
    "yield: the source was first, what runs here goes on": (
        destination(State.FORCED_RUN, forced=True, order=Act.YIELD),
        Seen(Fact.RUN, MINE, says(State.COMPLETING, forced=True)),
        State.STARTED,
    ),
    "yield: the source was first, it stays here, down": (
        destination(State.FORCED_RUN, forced=True, order=Act.YIELD),
        Seen(Fact.DEAD, MINE, says(State.COMPLETING, forced=True)),
        State.STARTED,
    ),
    "D14": (destination(State.STARTED), Seen(Fact.RUN, MINE, says(State.COMPLETING)), Wait.PARTNER),
    "D15": (
        destination(State.STARTED),
        Seen(Fact.DEAD, MINE, says(State.FORCED_BACK, Fact.DEAD)),
        do(Effect.RETURN_WORD, then=State.YIELDED),
    ),
    "D15 not before the source has no image any more": (
        destination(State.STARTED),
        Seen(Fact.DEAD, MINE, says(State.FORCED_BACK, Fact.PARKED)),
        Wait.OPERATOR,
    ),
    "D15 both were forced": (
        destination(State.STARTED, forced=True),
        Seen(Fact.DEAD, MINE, says(State.FORCED_BACK, Fact.DEAD)),
        Wait.OPERATOR,
    ),
    "D5 a source in doubt asks for it": (
        destination(State.PREPARED),
        Seen(Fact.INCOMING, None, says(State.IN_DOUBT)),
        State.DECLINED,
    ),
    "S15 the LUN is taken back before anything starts": (
        source(State.FORCED_BACK, order=Act.RESTART),
        Seen(Fact.DEAD, OFFERED),
        do(Effect.RECLAIM_WORD, Effect.START),
    ),
    "S15 a restart drops the image first": (
        source(State.FORCED_BACK, order=Act.RESTART),
        Seen(Fact.PARKED, OFFERED),
        Effect.DROP,
    ),
    "S15 an order that is over starts nothing": (source(State.FORCED_BACK), Seen(Fact.DEAD, MINE), Wait.PARTNER),
    "S15 the destination has taken the LUNs": (
        source(State.FORCED_BACK, order=Act.RESTART),
        Seen(Fact.DEAD, frozenset({Word.THEIRS})),
        Wait.OPERATOR,
    ),
    "S15 it has run there since": (
        source(State.FORCED_BACK, order=Act.RUN_IMAGE),
        Seen(Fact.PARKED, OFFERED, says(State.YIELDED)),
        Effect.DROP,
    ),
    "S15 two opposite forces": (
        source(State.FORCED_BACK, order=Act.RESTART),
        Seen(Fact.DEAD, MINE, says(State.STARTED, forced=True)),
        Wait.OPERATOR,
    ),
    "S15 closes": (
        source(State.FORCED_BACK),
        Seen(Fact.RUN, MINE, says(State.YIELDED)),
        do(Effect.RECLAIM_WORD, then=State.CLOSED_KEPT),
    ),
    "given up here, and nobody had accepted it": (
        source(State.COMPLETING),
        Seen(Fact.NONE, None, says(State.DECLINED)),
        State.TAKEN_BACK,
    ),
    "given up before the LUNs were offered": (source(State.COMPLETING), Seen(Fact.PARKED, MINE), Effect.OFFER_WORD),
    "D19 the image by order": (
        destination(State.FORCED_RUN, order=Act.RUN_IMAGE),
        Seen(Fact.LOADED, OFFERED),
        do(Effect.TAKE_WORD, Effect.RESUME),
    ),
    "D19 from disk by order": (
        destination(State.FORCED_RUN, order=Act.RESTART),
        Seen(Fact.DEAD, OFFERED),
        do(Effect.TAKE_WORD, Effect.START),
    ),
    "D19 an order that is over starts nothing": (
        destination(State.FORCED_RUN),
        Seen(Fact.LOADED, OFFERED),
        Wait.OPERATOR,
    ),
    "D19 the source has ended it": (
        destination(State.FORCED_RUN),
        Seen(Fact.DEAD, MINE, says(State.COMPLETING)),
        State.STARTED,
    ),
    "restored: what runs was never surrendered": (
        source(State.TRANSFERRING, restored=True),
        Seen(Fact.RUN, MINE),
        State.ABORTING,
    ),
    "restored: a parked one asks": (
        source(State.ABORTING, restored=True),
        Seen(Fact.PARKED, MINE, READY),
        State.IN_DOUBT,
    ),
    "restored: adopt what runs": (
        destination(State.PREPARED, restored=True),
        Seen(Fact.RUN, MINE, says(State.SURRENDERED)),
        State.STARTED,
    ),
    "restored: not declined because it is down, it may have run": (
        destination(State.LOADED, restored=True),
        Seen(Fact.DEAD, OFFERED, says(State.SURRENDERED)),
        Wait.OPERATOR,
    ),
    "restored: the source kept it": (
        destination(State.PREPARED, restored=True),
        Seen(Fact.LOADED, OFFERED, says(State.TAKEN_BACK)),
        State.DECLINED,
    ),
    "restored: the new incarnation is announced": (
        destination(State.LOADED, restored=True),
        Seen(Fact.LOADED, OFFERED, says(State.SURRENDERED, knows_us=False)),
        Wait.PARTNER,
    ),
    "restored: and recorded over there": (
        destination(State.LOADED, restored=True),
        Seen(Fact.LOADED, OFFERED, says(State.SURRENDERED)),
        State.LOADED,
    ),
    "restored: its own LUNs prove that it had accepted": (
        destination(State.PREPARED, restored=True),
        Seen(Fact.DEAD, MINE, says(State.SURRENDERED)),
        State.ACCEPTED,
    ),
    "restored: a source that completes may still turn back on a decline of before": (
        destination(State.PREPARED, restored=True),
        Seen(Fact.LOADED, OFFERED, says(State.COMPLETING, knows_us=False)),
        Wait.PARTNER,
    ),
    "restored: a source that has let go leaves it here": (
        destination(State.PREPARED, restored=True),
        Seen(Fact.DEAD, OFFERED, says(State.COMPLETING)),
        State.ACCEPTED,
    ),
    "restored: one that was made to give it up has yet to offer its LUNs": (
        destination(State.PREPARED, restored=True),
        Seen(Fact.LOADED, frozenset({Word.THEIRS}), says(State.COMPLETING)),
        Wait.PARTNER,
    ),
    "restored: LUNs that were never offered or are returned are not run here": (
        destination(State.LOADED, restored=True),
        Seen(Fact.DEAD, frozenset({Word.THEIRS}), says(State.IN_DOUBT)),
        State.DECLINED,
    ),
    "restored: not before nobody hears an older word any more": (
        destination(State.PREPARED, restored=True),
        Seen(Fact.DEAD, OFFERED, says(State.SURRENDERED, knows_us=False)),
        Wait.PARTNER,
    ),
    "restored: one LUN of its own proves it as all do": (
        destination(State.PREPARED, restored=True),
        Seen(Fact.DEAD, OFFERED | MINE, says(State.SURRENDERED)),
        State.ACCEPTED,
    ),
    "restored: without LUNs nobody can tell": (
        destination(State.PREPARED, restored=True),
        Seen(Fact.DEAD, frozenset(), says(State.SURRENDERED)),
        Wait.OPERATOR,
    ),
    "restored: LUNs that cannot be read tell nothing": (
        destination(State.PREPARED, restored=True),
        Seen(Fact.DEAD, None, says(State.SURRENDERED)),
        Wait.HYPERVISOR,
    ),
    "restored: of one that was off nothing but the disks counts": (
        destination(State.PREPARED, restored=True, inactive=True),
        Seen(Fact.DEAD, OFFERED, says(State.SURRENDERED)),
        State.ACCEPTED,
    ),
    "restored: without a definition nobody sees the LUNs' words": (
        destination(State.PREPARED, restored=True),
        Seen(Fact.NONE, None, says(State.SURRENDERED)),
        Effect.DEFINE,
    ),
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
    facts = (Fact.LOADED, Fact.DEAD, Fact.UNKNOWN)
    answers = [None, *(says(state, fact, forced=fact is Fact.DEAD) for state in State for fact in facts)]
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
            assert record.state in {State.FORCED_BACK, State.FORCED_RUN, State.SETTLED}
            assert record.order is Act.RESTART
        if Effect.QUIT in effects:
            assert record.state in {State.COMPLETING, *GIVEN_UP}


def test_a_final_record_never_changes():
    for record, seen in itertools.product(every_record(), every_look()):
        if record.state in FINAL_STATES:
            assert step(record, seen).state is None


# What an operator may order

FORCEABLE = {
    Act.DISCARD: (destination(State.LOADED), Seen(Fact.LOADED, OFFERED), State.DECLINED),
    Act.GIVE_UP: (source(State.SURRENDERED), Seen(Fact.PARKED, OFFERED), State.COMPLETING),
    Act.RESTART: (source(State.SURRENDERED), Seen(Fact.DEAD, OFFERED), State.FORCED_BACK),
    Act.RUN_IMAGE: (destination(State.LOADED), Seen(Fact.LOADED, OFFERED), State.FORCED_RUN),
    Act.YIELD: (
        destination(State.STARTED, forced=True),
        Seen(Fact.RUN, MINE, says(State.FORCED_BACK, Fact.DEAD)),
        State.FORCED_RUN,
    ),
    Act.RESTART_RESTORED: (
        destination(State.LOADED, restored=True),
        Seen(Fact.DEAD, OFFERED, says(State.SURRENDERED)),
        State.FORCED_RUN,
    ),
    Act.CLOSE: (source(State.ABORTING), Seen(Fact.RUN, MINE), State.ABORTING),
}
ORDERS = {act: act for act in (Act.RESTART, Act.RUN_IMAGE, Act.YIELD, Act.CLOSE)} | {
    Act.RESTART_RESTORED: Act.RESTART
}


@pytest.mark.parametrize("act", Act)
def test_each_act_leads_to_its_record(act):
    record, seen, state = FORCEABLE[act]
    assert may_force(record, seen, act)
    after = forced(record, act)
    assert after.state is state
    assert after.order is ORDERS.get(act)
    assert after.forced == (act not in {Act.DISCARD, Act.GIVE_UP, Act.CLOSE})


@pytest.mark.parametrize("fact", [Fact.RUN, Fact.DEAD])
@pytest.mark.parametrize(
    ("record", "command", "end"),
    [
        (source(State.ABORTING), Effect.RECLAIM_WORD, State.CLOSED_KEPT),
        (source(State.FORCED_BACK, forced=True), Effect.RECLAIM_WORD, State.CLOSED_KEPT),
        (destination(State.STARTED), Effect.TAKE_WORD, State.CLOSED_MOVED),
        (destination(State.SETTLED, forced=True), Effect.TAKE_WORD, State.CLOSED_MOVED),
    ],
)
def test_a_side_closes_without_a_partner_that_never_comes_back(record, command, end, fact):
    after = forced(record, Act.CLOSE)
    assert may_force(record, Seen(fact, MINE), Act.CLOSE)
    assert (after.state, after.order, after.forced) == (record.state, Act.CLOSE, record.forced)
    assert step(after, Seen(fact, MINE)) == Step(end, (command,))


def test_a_destination_that_comes_back_yields_to_a_source_that_was_closed_without_it():
    seen = Seen(Fact.DEAD, frozenset({Word.THEIRS}), says(State.CLOSED_KEPT, Fact.RUN))
    assert step(destination(State.STARTED), seen) == Step(State.YIELDED, (Effect.DROP,))
    assert step(destination(State.STARTED), replace(seen, fact=Fact.RUN)).wait is Wait.OPERATOR


YIELDS = {
    "the source, to a destination that runs it": (source(State.FORCED_BACK), says(State.STARTED, Fact.RUN)),
    "the source, to one where it is down": (source(State.FORCED_BACK), says(State.SETTLED, Fact.DEAD)),
    "the source that never gave it up, to one that was forced": (
        source(State.ABORTING),
        says(State.STARTED, Fact.RUN, forced=True),
    ),
    "the destination, to a source that was forced back": (
        destination(State.FORCED_RUN, forced=True),
        says(State.FORCED_BACK, Fact.RUN),
    ),
    "the destination that has accepted": (destination(State.ACCEPTED), says(State.FORCED_BACK, Fact.DEAD)),
    "the destination, to a source that has kept it": (
        destination(State.STARTED, forced=True),
        says(State.CLOSED_KEPT, Fact.RUN),
    ),
}


@pytest.mark.parametrize("case", YIELDS, ids=YIELDS.keys())
def test_a_side_may_yield_what_both_have(case):
    record, answer = YIELDS[case]
    after = forced(record, Act.YIELD)
    assert may_force(record, Seen(Fact.RUN, MINE, answer), Act.YIELD)
    assert after.forced
    assert (after.state, after.order) == (
        (State.COMPLETING, None) if record.role is Role.SOURCE else (State.FORCED_RUN, Act.YIELD)
    )


REFUSED = {
    "nothing to discard once accepted": (Act.DISCARD, destination(State.ACCEPTED), Seen(Fact.LOADED, MINE)),
    "a restored row proves nothing": (
        Act.DISCARD,
        destination(State.LOADED, restored=True),
        Seen(Fact.LOADED, OFFERED),
    ),
    "the source still has it": (Act.GIVE_UP, source(State.TRANSFERRING), Seen(Fact.RUN, MINE)),
    "it runs": (Act.RESTART, source(State.ABORTING), Seen(Fact.RUN, MINE)),
    "nobody knows whether it runs": (Act.RESTART, source(State.ABORTING), Seen(Fact.UNKNOWN)),
    "the LUNs are the partner's": (
        Act.RESTART,
        destination(State.PREPARED),
        Seen(Fact.DEAD, frozenset({Word.THEIRS})),
    ),
    "the LUNs were not read": (Act.RESTART, destination(State.PREPARED), Seen(Fact.NONE)),
    "the image is gone": (Act.RUN_IMAGE, source(State.SURRENDERED), Seen(Fact.DEAD, OFFERED)),
    "an image that may be stale": (Act.RUN_IMAGE, source(State.IN_DOUBT), Seen(Fact.PARKED, OFFERED)),
    "inactive: there is nothing to run": (
        Act.RESTART,
        destination(State.PREPARED, inactive=True),
        Seen(Fact.DEAD, OFFERED),
    ),
    "yield: nobody knows whether it is there": (
        Act.YIELD,
        source(State.FORCED_BACK),
        Seen(Fact.RUN, MINE),
    ),
    "yield: the destination has given it up": (
        Act.YIELD,
        source(State.FORCED_BACK),
        Seen(Fact.RUN, MINE, says(State.YIELDED, Fact.NONE)),
    ),
    "yield: the destination's image may be older than the disks": (
        Act.YIELD,
        source(State.FORCED_BACK),
        Seen(Fact.RUN, MINE, says(State.ACCEPTED, Fact.LOADED)),
    ),
    "yield: what the destination's hypervisor holds is not known": (
        Act.YIELD,
        source(State.FORCED_BACK),
        Seen(Fact.RUN, MINE, says(State.FORCED_RUN, Fact.UNKNOWN, forced=True)),
    ),
    "yield: a source that rolls back, and nobody was forced": (
        Act.YIELD,
        source(State.ABORTING),
        Seen(Fact.RUN, MINE, says(State.STARTED, Fact.RUN)),
    ),
    "yield: the source has an image": (
        Act.YIELD,
        destination(State.STARTED, forced=True),
        Seen(Fact.RUN, MINE, says(State.FORCED_BACK, Fact.PARKED)),
    ),
    "yield: the source has let go": (
        Act.YIELD,
        destination(State.STARTED, forced=True),
        Seen(Fact.RUN, MINE, says(State.COMPLETING, Fact.NONE)),
    ),
    "yield: the source has kept it once, and has it no more": (
        Act.YIELD,
        destination(State.STARTED, forced=True),
        Seen(Fact.RUN, MINE, says(State.CLOSED_KEPT, Fact.NONE)),
    ),
    "yield: the source was told that this side never does": (
        Act.YIELD,
        destination(State.SETTLED, forced=True),
        Seen(Fact.RUN, MINE, says(State.FORCED_BACK, Fact.DEAD)),
    ),
    "it is over": (Act.RESTART, source(State.CLOSED_KEPT), Seen(Fact.DEAD, MINE)),
    "close: no LUN keeps the partner from it": (Act.CLOSE, source(State.FORCED_BACK), Seen(Fact.RUN, NO_LUNS)),
    "close: the LUNs are offered": (Act.CLOSE, source(State.FORCED_BACK), Seen(Fact.DEAD, OFFERED)),
    "close: the image may be the newest": (Act.CLOSE, source(State.FORCED_BACK), Seen(Fact.PARKED, MINE)),
    "close: it was given up": (Act.CLOSE, source(State.SURRENDERED), Seen(Fact.DEAD, MINE)),
    "close: nobody knows whether it runs": (Act.CLOSE, destination(State.STARTED), Seen(Fact.UNKNOWN, MINE)),
}


@pytest.mark.parametrize("case", REFUSED, ids=REFUSED.keys())
def test_an_act_is_refused_where(case):
    act, record, seen = REFUSED[case]
    assert not may_force(record, seen, act)


# What is heard


@pytest.mark.parametrize(
    ("told", "restored"), [(State.ABORTING, True), (State.IN_DOUBT, False), (State.CLOSED_KEPT, False)]
)
def test_an_abort_of_an_unknown_id_leaves_a_tombstone(told, restored):
    assert leaves_tombstone(told, restored=restored)


@pytest.mark.parametrize(
    ("told", "restored"), [(State.SURRENDERED, False), (State.IN_DOUBT, True), (State.CLOSED_KEPT, True)]
)
def test_what_may_have_been_accepted_leaves_none(told, restored):
    assert not leaves_tombstone(told, restored=restored)


@pytest.mark.parametrize("state", State)
def test_a_side_says_what_it_is_but_no_restored_source_that_it_has_surrendered(state):
    assert announced(state, restored=False) is state
    assert announced(state, restored=True) is (State.IN_DOUBT if state is State.SURRENDERED else state)


def test_of_a_partner_whose_database_was_restored_only_the_newest_word_counts():
    assert may_hear("first", ["first"])
    assert may_hear("second", ["first"])  # new, to be recorded
    assert may_hear("second", ["first", "second"])
    assert not may_hear("first", ["first", "second"])


BEHIND = destination(State.PREPARED, restored=True)


@pytest.mark.parametrize("state", [State.SURRENDERED, State.IN_DOUBT])
def test_a_restored_destination_may_be_restarted_beside_a_source_that_has_given_it_up(state):
    seen = Seen(Fact.DEAD, frozenset(), says(state))
    assert may_force(BEHIND, seen, Act.RESTART_RESTORED)
    after = forced(BEHIND, Act.RESTART_RESTORED)
    assert (after.state, after.order, after.forced, after.restored) == (State.FORCED_RUN, Act.RESTART, True, False)


@pytest.mark.parametrize(
    ("record", "answer"),
    [
        (BEHIND, None),
        (BEHIND, Answer(State.SURRENDERED, knows_us=False)),  # it may still hear that this side had declined
        (BEHIND, Answer(State.FORCED_BACK)),
        (BEHIND, Answer(State.TRANSFERRING)),
        (destination(State.PREPARED), Answer(State.SURRENDERED)),
        (destination(State.PREPARED, restored=True, inactive=True), Answer(State.SURRENDERED)),
        (destination(State.ACCEPTED, restored=True), Answer(State.SURRENDERED)),
        (source(State.SURRENDERED, restored=True), Answer(State.LOADED)),
    ],
)
def test_nothing_else_is_restarted_beside_a_partner_that_answers(record, answer):
    assert not may_force(record, Seen(Fact.DEAD, frozenset(), answer), Act.RESTART_RESTORED)
