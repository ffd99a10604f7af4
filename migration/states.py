"""The hand-over as a pure state machine: which record follows which, and what may be done under it.

`step()` looks at one side's durable record and at what that side sees now, and says either one record to write or
the commands that the record allows, or what is waited for. It has no clock, no database and no socket; source.py
and destination.py carry its answers out, and an exhaustive search can drive it. docs/state-machine.md has the
tables and the reasons; rows are cited here by their names there (S1..., D1...).

Three choices are durable and exclusive, each one compare-and-set on one row:
source surrendered or aborting; destination accepted or declined; source taken back or completing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from ivmweb.common.sentence import NOTHING_SAID, Sentence


class Role(StrEnum):
    SOURCE = "source"
    DESTINATION = "destination"


class State(StrEnum):
    # Source. The partition is the source's until the destination has accepted it.
    TRANSFERRING = "transferring"  # the source owns; the destination may hold a copy and must not run it
    ABORTING = "aborting"  # never surrendered in this migration, so the destination can never accept
    SURRENDERED = "surrendered"  # the source promised not to run it by itself; its image is kept
    TAKEN_BACK = "taken back"  # the destination declined and can never accept
    COMPLETING = "completing"  # the destination accepted; the source's image is worthless
    CLOSED_KEPT = "closed, kept"  # final
    FORCED_BACK = "forced back"  # an operator said that the partner's machine is off
    IN_DOUBT = "in doubt"  # the database was restored; never runs it, obeys the destination's answer
    # Destination.
    PREPARED = "prepared"  # reservations and shell exist; pages may be arriving
    LOADED = "loaded"  # the hypervisor was seen to hold the whole image, paused
    ACCEPTED = "accepted"  # the real commit: the partition may have run here from now on
    STARTED = "started"  # the partition is the destination's, running or down
    DECLINED = "declined"  # will never run this migration; also the tombstone of an id never seen
    FORCED_RUN = "forced run"  # an operator said that the partner's machine is off
    YIELDED = "yielded"  # the source was forced back, and the partition is left to it; final
    SETTLED = "settled"  # as started, and a source that was forced too has let go: it yields no more
    # Both: the partition has moved and the partner's final answer is recorded.
    CLOSED_MOVED = "closed, moved"


SOURCE_STATES = frozenset(
    {
        State.TRANSFERRING,
        State.ABORTING,
        State.SURRENDERED,
        State.TAKEN_BACK,
        State.COMPLETING,
        State.CLOSED_KEPT,
        State.CLOSED_MOVED,
        State.FORCED_BACK,
        State.IN_DOUBT,
    }
)
DESTINATION_STATES = frozenset(
    {
        State.PREPARED,
        State.LOADED,
        State.ACCEPTED,
        State.STARTED,
        State.DECLINED,
        State.FORCED_RUN,
        State.YIELDED,
        State.SETTLED,
        State.CLOSED_MOVED,
    }
)
FINAL_STATES = frozenset({State.CLOSED_KEPT, State.CLOSED_MOVED, State.DECLINED, State.YIELDED})
# Destination states after which the source's copy must never run, and those after which it may.
TAKEN_OVER = frozenset({State.ACCEPTED, State.STARTED, State.CLOSED_MOVED, State.FORCED_RUN, State.SETTLED})
GIVEN_UP = frozenset({State.DECLINED, State.YIELDED})
# Source states that prove that the source will not run its copy, and those that prove that it will keep it.
LET_GO = frozenset({State.SURRENDERED, State.COMPLETING, State.CLOSED_MOVED})
KEPT = frozenset({State.ABORTING, State.TAKEN_BACK, State.CLOSED_KEPT})
# Source states that ask the destination to decline where it has not accepted; the last two obey its answer.
ABORTS = KEPT | {State.FORCED_BACK, State.IN_DOUBT}

# Every durable change there is, by role; journal.advance() refuses any other.
TRANSITIONS: dict[Role, dict[State, frozenset[State]]] = {
    Role.SOURCE: {
        State.TRANSFERRING: frozenset({State.SURRENDERED, State.ABORTING, State.COMPLETING}),
        State.ABORTING: frozenset({State.CLOSED_KEPT, State.COMPLETING}),
        State.SURRENDERED: frozenset({State.TAKEN_BACK, State.COMPLETING}),
        State.IN_DOUBT: frozenset({State.TAKEN_BACK, State.COMPLETING}),
        State.TAKEN_BACK: frozenset({State.CLOSED_KEPT}),
        State.COMPLETING: frozenset({State.CLOSED_MOVED, State.TAKEN_BACK}),  # taken back: given up, or both yielded
        State.FORCED_BACK: frozenset({State.CLOSED_KEPT, State.TAKEN_BACK}),
    },
    Role.DESTINATION: {
        State.PREPARED: frozenset({State.LOADED, State.ACCEPTED, State.DECLINED}),  # accepted: inactive only
        State.LOADED: frozenset({State.ACCEPTED, State.DECLINED}),
        State.ACCEPTED: frozenset({State.STARTED}),
        State.FORCED_RUN: frozenset({State.STARTED, State.YIELDED}),  # yielded: by an operator's order only
        State.STARTED: frozenset({State.CLOSED_MOVED, State.YIELDED, State.SETTLED}),
        State.SETTLED: frozenset({State.CLOSED_MOVED, State.SETTLED}),  # itself: an order is carried out
    },
}
# Once, from any open state, where the row is older than the database's present incarnation.
AFTER_RESTORE: dict[Role, frozenset[State]] = {
    Role.SOURCE: frozenset({State.ABORTING, State.IN_DOUBT}),
    Role.DESTINATION: frozenset({State.STARTED, State.ACCEPTED, State.LOADED, State.DECLINED}),
}


class Act(StrEnum):
    """What an operator may order: the first four while the partner is silent, the others by what it answers."""

    DISCARD = "discard"  # destination: decline; no claim. May throw away the last memory image
    GIVE_UP = "give up"  # source: complete without the destination's answer; no claim. May lose the configuration
    RESTART = "restart from disk"  # here; claim: the other machine is off
    RUN_IMAGE = "run the memory image"  # here; claims: it is off, and its copy has not run since the suspension
    YIELD = "yield"  # both sides have it: end it here, and leave it to the partner
    RESTART_RESTORED = (
        "restart after restore"  # destination: from disk, where nobody can tell whether it has run here
    )
    CLOSE = "close without partner"  # the partition stays here; claim: the other machine is off, for good


BY_ANSWER = frozenset({Act.YIELD, Act.RESTART_RESTORED})
SOURCE_OPEN = SOURCE_STATES - FINAL_STATES
# What each act makes of which record; any other record refuses it.
FORCES: dict[Act, dict[State, State]] = {
    Act.DISCARD: {State.PREPARED: State.DECLINED, State.LOADED: State.DECLINED},
    Act.GIVE_UP: {State.SURRENDERED: State.COMPLETING, State.IN_DOUBT: State.COMPLETING},
    Act.RESTART: {
        **dict.fromkeys(SOURCE_OPEN, State.FORCED_BACK),
        **dict.fromkeys((State.PREPARED, State.LOADED, State.STARTED, State.FORCED_RUN), State.FORCED_RUN),
        State.SETTLED: State.SETTLED,
    },
    Act.RUN_IMAGE: {State.SURRENDERED: State.FORCED_BACK, State.LOADED: State.FORCED_RUN},
    Act.YIELD: {
        **dict.fromkeys((State.FORCED_BACK, State.ABORTING), State.COMPLETING),
        **dict.fromkeys((State.ACCEPTED, State.STARTED, State.FORCED_RUN), State.FORCED_RUN),
    },
    Act.RESTART_RESTORED: dict.fromkeys((State.PREPARED, State.LOADED), State.FORCED_RUN),
    # The record stays; the order ends it, with a command of its own.
    Act.CLOSE: {state: state for state in (State.ABORTING, State.FORCED_BACK, State.STARTED, State.SETTLED)},
}
NEEDS_NO_IMAGE = frozenset({Act.DISCARD, Act.GIVE_UP, Act.CLOSE})  # of inactive migrations as well


class Fact(StrEnum):
    """What the hypervisor says when asked now."""

    UNKNOWN = "unknown"  # the hypervisor does not answer
    NONE = "none"  # no such partition is defined there
    DEAD = "dead"  # defined, not running, no image
    ACTIVE = "active"  # source: runs, and its state stream is open
    RUN = "run"  # runs, no stream
    HELD = "held"  # source: suspended, the stream not completed
    PARKED = "parked"  # source: completed; stable until told
    INCOMING = "incoming"  # destination
    LOADED = "loaded"  # destination: the whole image, paused


class Word(StrEnum):
    """What the owner word of one of the partition's LUNs says, seen from one side."""

    MINE = "mine"
    OFFERED = "offered"  # by the source, under this migration
    THEIRS = "theirs"


ACCEPTABLE = frozenset({Word.MINE, Word.OFFERED})


class Effect(StrEnum):
    """Commands that a record allows. Each may be carried out twice."""

    CANCEL = "cancel"  # end the state stream; the partition runs on
    RESUME = "resume"
    QUIT = "quit"  # end the run and forget the partition in the hypervisor; records stay
    OFFER_WORD = "offer word"
    RECLAIM_WORD = "reclaim word"
    TAKE_WORD = "take word"
    RELEASE = "release"  # destination: give back every reservation, in one transaction
    RETURN_WORD = "return word"  # destination: offered again, for the source to take back
    DROP = "drop"  # end the run or discard the image; the definition stays
    DEFINE = "define"  # give the hypervisor the definition of a partition that is off
    START = "start"  # from the disk; only by an operator's order


class Wait(StrEnum):
    """Why nothing more can be done now."""

    MOVER = "mover"  # the transfer is at work
    PARTNER = "partner"  # the partner's answer is needed
    HYPERVISOR = "hypervisor"
    OPERATOR = "operator"  # nobody else can know; a forced act, or a choice between two of them
    NOTHING = "nothing"  # final


@dataclass(frozen=True)
class Record:
    """The durable part of one side that decides; everything else in the row is for people."""

    role: Role
    state: State
    inactive: bool = False
    stop: bool = False  # Stop was pressed in time: set only while transferring
    forced: bool = False  # an operator ordered it to run here, or to yield
    released: bool = False  # destination: reservations are gone
    order: Act | None = None  # an operator's, to start, run or end it here; it dies when this machine restarts
    restored: bool = False  # the row was written under an earlier incarnation of the database


@dataclass(frozen=True)
class Answer:
    """What the partner said of itself. Only states that never turn back prove anything a second later.

    Where it has a new incarnation on record for its partner, `may_hear` has taken out what the old one had said.
    """

    state: State
    fact: Fact = Fact.UNKNOWN
    forced: bool = False
    knows_us: bool = True  # it has recorded our present incarnation, and hears no older one any more


@dataclass(frozen=True)
class Seen:
    """One look: own hypervisor, owner words, and the partner's answer (None: not asked or no answer)."""

    fact: Fact
    words: frozenset[Word] | None = None  # of all LUNs together, empty without LUNs; None: could not be read
    partner: Answer | None = None
    working: bool = False  # our own transfer task is at work; nothing to recover
    expired: bool = False  # destination: the reservation's time is over
    trouble: Sentence = NOTHING_SAID  # why the own fact is unknown; for people, decides nothing


@dataclass(frozen=True)
class Step:
    """Effects to carry out, then a record to write, either or both; or a reason to wait."""

    state: State | None = None
    effects: tuple[Effect, ...] = ()
    wait: Wait | None = None


def write(state: State) -> Step:
    return Step(state=state)


def do(*effects: Effect, then: State | None = None) -> Step:
    return Step(state=then, effects=effects)


def wait(reason: Wait) -> Step:
    return Step(wait=reason)


def step(record: Record, seen: Seen) -> Step:
    """The next thing for one side: used by the running migration, worker start, schedule and Recover alike."""
    if record.restored and record.state in MAY_BE_BEHIND:
        return AFTER_RESTORE_STEPS[record.role](record, seen)
    table = SOURCE_STEPS if record.role is Role.SOURCE else DESTINATION_STEPS
    return table[record.state](record, seen)


def allowed(record: Record) -> frozenset[State]:
    """Every state that may follow this record without an operator's act."""
    following = TRANSITIONS[record.role].get(record.state, frozenset())
    if record.restored and record.state in MAY_BE_BEHIND:
        return following | AFTER_RESTORE[record.role]
    return following


def leaves_tombstone(told: State, *, restored: bool) -> bool:
    """Whether the destination declines a migration whose id it has never seen, on hearing this state of its source.

    Not after a surrender: the source surrenders to a destination that has loaded everything, so one that does not
    know the id has lost its records, and may have accepted and run the partition. A database that was `restored` may
    have lost them after an accept, so there only a source counts that never surrendered. One that is closed
    as kept was closed without the destination: else that had declined.
    """
    without_it = told in {State.FORCED_BACK, State.IN_DOUBT, State.CLOSED_KEPT}
    return told is State.ABORTING or (without_it and not restored)


def superseded_end(role: Role, partner: State | None) -> State:
    """How a migration ended that a later one of the same partition followed, by what its partner says of it.

    One that the partner does not know never came so far that anything had to be handed over.
    """
    if role is Role.SOURCE:
        return State.CLOSED_MOVED if partner in TAKEN_OVER else State.CLOSED_KEPT
    return State.CLOSED_MOVED if partner in {State.COMPLETING, State.CLOSED_MOVED} else State.DECLINED


def are_opposite(source: str, destination: str, *, forced: bool) -> bool:
    """Both sides have it by their records, and an operator ordered that. `forced`: on the destination.

    A source closes as kept beside a destination that has taken over only where it was closed without it.
    """
    kept = source in {State.FORCED_BACK, State.CLOSED_KEPT} or (forced and source in KEPT)
    return destination in TAKEN_OVER and kept


def announced(state: State, *, restored: bool) -> State:
    """What a side says that it is: the destination does not take over from a source whose row may be behind.

    It is going to be in doubt, or finds the partition running and aborts; *in doubt* promises no more than both do.
    """
    return State.IN_DOUBT if restored and state is State.SURRENDERED else state


def may_hear(said_under: str, known: Sequence[str]) -> bool:
    """Whether an answer counts, by the incarnation of the partner's database that gave it.

    `known`: the partner's incarnations on record here, oldest first. One that is not among them is new: record it,
    then hear it. What an older one had said is void, since the partner has forgotten it.
    """
    return said_under not in known[:-1]


# What an operator may order


def may_force(record: Record, seen: Seen, act: Act) -> bool:
    """Whether the record and what is seen here allow this act; that the partner is silent is for the caller to see.

    Two are the reverse: only what the partner said just now allows them.
    The owner words overrule the claims: a LUN that says that the partner may run the partition refuses to start it.
    So they have to be read for this, also where the hypervisor has no definition of the partition.
    """
    if record.state not in FORCES[act] or (record.inactive and act not in NEEDS_NO_IMAGE):
        return False
    if act is Act.DISCARD:  # a row that may be behind proves no more that the partition has not run here
        return not record.restored
    if act is Act.GIVE_UP:
        return True
    if act is Act.YIELD:
        return may_yield(record, seen.partner)
    if act is Act.RESTART_RESTORED and not may_restart_restored(record, seen.partner):
        return False
    if seen.words is None or Word.THEIRS in seen.words:
        return False
    if act is Act.CLOSE:
        return may_close(seen)
    if act is Act.RUN_IMAGE:
        return seen.fact is (Fact.PARKED if record.role is Role.SOURCE else Fact.LOADED)
    return seen.fact in {Fact.DEAD, Fact.NONE, Fact.PARKED, Fact.INCOMING, Fact.LOADED}


def may_close(seen: Seen) -> bool:
    """Nothing but the words of its LUNs keeps a partner that comes back all the same from starting it as well."""
    return seen.fact in {Fact.RUN, Fact.DEAD} and seen.words == frozenset({Word.MINE})


def may_restart_restored(record: Record, source: Answer | None) -> bool:
    """Nobody can tell whether it has run at a destination whose row may be behind, so the disks are what is newest.

    The source has given it up and never runs it by itself: only a *declined* could make it, and once it knows the
    present incarnation it hears none of before.
    """
    is_behind = record.role is Role.DESTINATION and record.restored and not record.inactive
    return (
        is_behind and source is not None and source.knows_us and source.state in {State.SURRENDERED, State.IN_DOUBT}
    )


def may_yield(record: Record, partner: Answer | None) -> bool:
    """Both sides have it; the partner's copy goes on or can be started there, from no image that is older."""
    if partner is None:
        return False
    if record.role is Role.DESTINATION:
        return keeps_it(partner) and partner.fact is not Fact.NONE
    has_no_image = partner.fact in {Fact.RUN, Fact.DEAD, Fact.NONE}
    return partner.state in TAKEN_OVER and has_no_image and (record.state is State.FORCED_BACK or partner.forced)


def keeps_it(source: Answer) -> bool:
    """The source has it for good, or was forced back and has no image, which is older than what ran here."""
    if source.state is State.FORCED_BACK:
        return source.fact in {Fact.DEAD, Fact.RUN}
    return source.state in KEPT


def forced(record: Record, act: Act) -> Record:
    """The record after the act, with the order that lives until this machine restarts."""
    act = Act.RESTART if act is Act.RESTART_RESTORED else act
    is_order = act in {Act.RESTART, Act.RUN_IMAGE, Act.CLOSE}
    order = act if is_order or (act is Act.YIELD and record.role is Role.DESTINATION) else None
    forced = record.forced or (act is not Act.CLOSE and (is_order or act is Act.YIELD))
    return replace(record, state=FORCES[act][record.state], order=order, forced=forced, restored=False)


def partner_state(seen: Seen) -> State | None:
    return seen.partner.state if seen.partner else None


def destination_is_ready(record: Record, seen: Seen) -> bool:
    """Both hypervisors hold the whole image (active), or all objects are made (inactive); never said from memory."""
    if seen.partner is None:
        return False
    if record.inactive:
        return seen.partner == Answer(State.PREPARED, Fact.DEAD) and seen.fact in {Fact.DEAD, Fact.NONE}
    return seen.fact is Fact.PARKED and seen.partner.state is State.LOADED and seen.partner.fact is Fact.LOADED


def source_transferring(record: Record, seen: Seen) -> Step:
    if destination_is_ready(record, seen) and not record.stop:  # S1
        return write(State.SURRENDERED)
    if seen.partner and seen.partner.forced and seen.fact in {Fact.DEAD, Fact.NONE}:  # S4
        return write(State.COMPLETING)
    if seen.working and not record.stop:
        return wait(Wait.MOVER)
    return write(State.ABORTING)  # S2


def source_aborting(record: Record, seen: Seen) -> Step:
    if seen.fact in {Fact.ACTIVE, Fact.HELD}:  # S3: at once, the destination is not asked
        return do(Effect.CANCEL)
    if seen.fact is Fact.PARKED:  # S3
        return do(Effect.RESUME)
    if seen.fact is Fact.UNKNOWN:
        return wait(Wait.HYPERVISOR)
    if seen.partner and seen.partner.forced and seen.fact in {Fact.DEAD, Fact.NONE}:  # S4
        return write(State.COMPLETING)
    if partner_state(seen) in GIVEN_UP:  # S5
        return write(State.CLOSED_KEPT)
    return source_closes(seen) if record.order is Act.CLOSE else wait(Wait.PARTNER)  # S6


def source_surrendered(record: Record, seen: Seen) -> Step:
    if partner_state(seen) in GIVEN_UP:  # S7
        return write(State.TAKEN_BACK)
    if partner_state(seen) in TAKEN_OVER:  # S8
        return write(State.COMPLETING)
    if Word.MINE in (seen.words or ()) and record.state is State.SURRENDERED:
        return do(Effect.OFFER_WORD)
    return wait(Wait.PARTNER)  # S9: for ever, whatever the clock says


def source_taken_back(record: Record, seen: Seen) -> Step:
    if Word.OFFERED in (seen.words or ()):
        return do(Effect.RECLAIM_WORD)
    if seen.fact is Fact.PARKED:  # S10
        return do(Effect.RESUME)
    if seen.fact is Fact.UNKNOWN:
        return wait(Wait.HYPERVISOR)
    if seen.fact is Fact.NONE:  # without a definition the LUNs' words can't be read
        return do(Effect.DEFINE)
    # S11. Reclaimed whatever the words say: from then on the hypervisor refuses an offer that was decided earlier.
    return do(Effect.RECLAIM_WORD, then=State.CLOSED_KEPT)


def source_completing(record: Record, seen: Seen) -> Step:
    if seen.fact is Fact.UNKNOWN:
        return wait(Wait.HYPERVISOR)
    if partner_state(seen) is State.DECLINED:  # an operator gave it up here, so nobody had accepted it
        return write(State.TAKEN_BACK)
    if partner_state(seen) is State.YIELDED:  # both yielded; an image is older than what ran there
        return do(Effect.DROP) if seen.fact in {Fact.PARKED, Fact.HELD} else write(State.TAKEN_BACK)
    if seen.fact in {Fact.RUN, Fact.ACTIVE}:  # yielded: it ends here where the partner still has it, then the LUNs go
        return do(Effect.DROP) if partner_state(seen) in TAKEN_OVER else wait(Wait.PARTNER)
    if Word.MINE in (seen.words or ()):  # given up before they were offered
        return do(Effect.OFFER_WORD)
    if seen.fact is not Fact.NONE:  # S12
        return do(Effect.QUIT)
    if partner_state(seen) not in enough_to_close(record, seen):
        return wait(Wait.PARTNER)  # S14
    if record.forced:  # from then on the hypervisor refuses a definition that was ordered earlier
        return do(Effect.QUIT, then=State.CLOSED_MOVED)
    return write(State.CLOSED_MOVED)  # S13


def enough_to_close(record: Record, seen: Seen) -> frozenset[State]:
    """What the destination must have said. Where anybody was forced it could yield even after it had started."""
    if record.inactive:
        return TAKEN_OVER
    if record.forced or (seen.partner and seen.partner.forced):
        return frozenset({State.SETTLED, State.CLOSED_MOVED})
    return TAKEN_OVER - {State.ACCEPTED}


def source_forced_back(record: Record, seen: Seen) -> Step:
    """S15. Nothing starts but by the operator's live order, and an image only where it is the newest."""
    if seen.fact is Fact.UNKNOWN:
        return wait(Wait.HYPERVISOR)
    if seen.fact in {Fact.PARKED, Fact.HELD}:
        return source_forced_image(record, seen)
    if seen.fact is Fact.NONE:
        return do(Effect.DEFINE)
    if partner_state(seen) in GIVEN_UP:
        return do(Effect.RECLAIM_WORD, then=State.CLOSED_KEPT)
    if partner_has_it(seen):
        return wait(Wait.OPERATOR)
    if record.order is Act.CLOSE:
        return source_closes(seen)
    if seen.fact is Fact.DEAD and record.order is Act.RESTART:
        return under_own_word(seen, Effect.RECLAIM_WORD, Effect.START)
    return wait(Wait.PARTNER)


def source_closes(seen: Seen) -> Step:
    """Without the destination. With a command: from then on the hypervisor refuses what was decided earlier."""
    return do(Effect.RECLAIM_WORD, then=State.CLOSED_KEPT) if may_close(seen) else wait(Wait.OPERATOR)


def source_forced_image(record: Record, seen: Seen) -> Step:
    if partner_state(seen) is State.DECLINED:
        return write(State.TAKEN_BACK)
    if partner_state(seen) is State.YIELDED or record.order is Act.RESTART:  # yielded: it has run there since
        return do(Effect.DROP)
    if partner_has_it(seen):
        return wait(Wait.OPERATOR)
    if record.order is Act.RUN_IMAGE:
        return under_own_word(seen, Effect.RECLAIM_WORD, Effect.RESUME)
    return wait(Wait.PARTNER)


def partner_has_it(seen: Seen) -> bool:
    """Both sides were forced, or one was although the other had it: never guessed away."""
    return partner_state(seen) in TAKEN_OVER | {State.FORCED_BACK}


def under_own_word(seen: Seen, own_word: Effect, effect: Effect) -> Step:
    """Take the LUNs that are offered, then act; what the partner's word forbids is not tried."""
    if Word.THEIRS in (seen.words or ()):
        return wait(Wait.OPERATOR)
    return do(own_word, effect) if Word.OFFERED in (seen.words or ()) else do(effect)


def restored_source(record: Record, seen: Seen) -> Step:
    """The database is older than the hypervisor: what runs here was never surrendered; all else the partner knows."""
    if seen.fact is Fact.UNKNOWN:
        return wait(Wait.HYPERVISOR)
    return write(State.ABORTING if seen.fact in {Fact.ACTIVE, Fact.RUN, Fact.HELD} else State.IN_DOUBT)


def restored_destination(record: Record, seen: Seen) -> Step:
    """The row may be behind: the hypervisor knows what runs, the source knows whether it had given it up."""
    said = partner_state(seen)
    if seen.fact is Fact.UNKNOWN:
        return wait(Wait.HYPERVISOR)
    if seen.fact is Fact.RUN:
        return write(State.STARTED)
    if said in KEPT:
        return write(State.DECLINED)
    if said in {None, State.TRANSFERRING} or (said is State.COMPLETING and not knows_us(seen)):
        return wait(Wait.PARTNER)
    if seen.fact is Fact.NONE:  # without a definition nobody sees the words of the LUNs
        return do(Effect.DEFINE)
    return restored_and_left(seen) if said in LET_GO - {State.SURRENDERED} else restored_decision(record, seen)


def knows_us(seen: Seen) -> bool:
    return seen.partner is not None and seen.partner.knows_us


def restored_and_left(seen: Seen) -> Step:
    """The source has let go for good. One that an operator made give it up may have yet to offer the LUNs."""
    return write(State.ACCEPTED) if seen.words is not None and seen.words <= ACCEPTABLE else wait(Wait.PARTNER)


def restored_decision(record: Record, seen: Seen) -> Step:
    """It may have run here. The words of the LUNs may tell; and a memory image that is whole has not run yet."""
    words, gave_up = seen.words, partner_state(seen) is State.SURRENDERED
    if words is None:
        return wait(Wait.HYPERVISOR)
    if Word.MINE in words:  # taken under *accepted* only
        return write(State.ACCEPTED)
    if words == {Word.THEIRS}:  # never offered, or returned
        return write(State.DECLINED)
    if partner_state(seen) is State.FORCED_BACK:
        return wait(Wait.OPERATOR)
    if not knows_us(seen) or Word.THEIRS in words:  # it may hear what was said before the restore; or offers them now
        return wait(Wait.PARTNER)
    if record.inactive:  # nothing but the disks counts
        return write(State.ACCEPTED if gave_up else State.DECLINED)
    return write(State.LOADED) if gave_up and seen.fact is Fact.LOADED else wait(Wait.OPERATOR)


def destination_prepared(record: Record, seen: Seen) -> Step:
    if partner_state(seen) in ABORTS:  # D5
        return write(State.DECLINED)
    if record.inactive:
        return destination_prepared_inactive(record, seen)
    if seen.fact is Fact.LOADED:  # D3
        return write(State.LOADED)
    if seen.fact is Fact.DEAD or seen.expired:  # D4, D5
        return write(State.DECLINED)
    return wait(Wait.MOVER)  # D6


def destination_prepared_inactive(record: Record, seen: Seen) -> Step:
    """A surrendered partition whose definition the hypervisor has lost is handed back (D9)."""
    if seen.fact is Fact.UNKNOWN:
        return wait(Wait.HYPERVISOR)
    if seen.fact is Fact.NONE and partner_state(seen) in LET_GO:
        return write(State.DECLINED)
    return destination_decision(record, seen)


def destination_loaded(record: Record, seen: Seen) -> Step:
    if partner_state(seen) in ABORTS:  # D7
        return write(State.DECLINED)
    if seen.fact in {Fact.DEAD, Fact.NONE}:  # D9
        return write(State.DECLINED)
    if seen.fact is Fact.UNKNOWN:
        return wait(Wait.HYPERVISOR)
    return destination_decision(record, seen)


def destination_decision(record: Record, seen: Seen) -> Step:
    """Accept only what the source let go and has offered; hold the memory for ever otherwise (D8, D10)."""
    if partner_state(seen) in LET_GO:
        if seen.words is not None and seen.words <= ACCEPTABLE:
            return write(State.ACCEPTED)
        return wait(Wait.PARTNER)  # the source has yet to offer the LUNs
    if record.inactive and seen.expired:
        return write(State.DECLINED)
    return wait(Wait.PARTNER)


def destination_accepted(record: Record, seen: Seen) -> Step:
    if Word.OFFERED in (seen.words or ()):
        # Both at once: the partition is suspended, each look takes its time.
        return do(Effect.TAKE_WORD, Effect.RESUME) if seen.fact is Fact.LOADED else do(Effect.TAKE_WORD)
    if record.inactive:
        return write(State.STARTED)
    if seen.fact is Fact.LOADED:  # D11
        return do(Effect.RESUME)
    if seen.fact is Fact.UNKNOWN:
        return wait(Wait.HYPERVISOR)
    return write(State.STARTED)  # D12: running, or down


def destination_started(record: Record, seen: Seen) -> Step:
    if partner_state(seen) is State.CLOSED_MOVED:  # D13
        return write(State.CLOSED_MOVED)
    if partner_state(seen) is State.COMPLETING and (record.forced or (seen.partner and seen.partner.forced)):
        return destination_settles(seen)
    if partner_state(seen) in {State.FORCED_BACK, State.CLOSED_KEPT}:  # D15; closed without this side
        return destination_yields(record, seen)
    return destination_closes(seen) if record.order is Act.CLOSE else wait(Wait.PARTNER)  # D14


def destination_closes(seen: Seen) -> Step:
    """Without the source, as source_closes()."""
    return do(Effect.TAKE_WORD, then=State.CLOSED_MOVED) if may_close(seen) else wait(Wait.OPERATOR)


def destination_yields(record: Record, seen: Seen) -> Step:
    """What is down here goes back, its LUNs first.

    Not where both sides were forced; and not before the source says that it has no image any more, which is older
    than what ran here.
    """
    is_possible = seen.partner is not None and keeps_it(seen.partner)
    if record.forced or seen.fact not in {Fact.DEAD, Fact.NONE} or not is_possible:
        return wait(Wait.OPERATOR)
    if seen.fact is Fact.NONE:
        return do(Effect.DEFINE)
    return gives_back(seen)


def gives_back(seen: Seen) -> Step:
    """Its LUNs, where the source has not taken them already; a last command is needed all the same (D17)."""
    last = Effect.DROP if seen.words == frozenset({Word.THEIRS}) else Effect.RETURN_WORD
    return do(last, then=State.YIELDED)


def destination_settles(seen: Seen) -> Step:
    """The source has let go. With a command: from then on the hypervisor refuses a yield that was decided earlier."""
    if seen.fact is Fact.UNKNOWN:
        return wait(Wait.HYPERVISOR)
    if seen.fact is Fact.NONE:
        return do(Effect.DEFINE)
    if Word.THEIRS in (seen.words or ()):  # the source has yet to offer them
        return wait(Wait.PARTNER)
    return do(Effect.TAKE_WORD, then=State.SETTLED)


def destination_settled(record: Record, seen: Seen) -> Step:
    """As started; the LUNs may be offered only now. What is down starts by an order, or once it is closed."""
    if seen.fact is Fact.UNKNOWN:
        return wait(Wait.HYPERVISOR)
    if seen.fact is Fact.NONE:
        return do(Effect.DEFINE)
    if Word.OFFERED in (seen.words or ()):
        return do(Effect.TAKE_WORD)
    if partner_state(seen) is State.CLOSED_MOVED:
        return write(State.CLOSED_MOVED)
    if record.order is Act.CLOSE and partner_state(seen) is not State.FORCED_BACK:
        return destination_closes(seen)
    if record.order and seen.fact is Fact.RUN:
        return write(State.SETTLED)
    if partner_state(seen) is State.FORCED_BACK:  # only the source can yield
        return wait(Wait.OPERATOR)
    if record.order is Act.RESTART and seen.fact is Fact.DEAD:
        return under_own_word(seen, Effect.TAKE_WORD, Effect.START)
    return wait(Wait.PARTNER)


def destination_given_up(record: Record, seen: Seen) -> Step:
    if record.released:
        return wait(Wait.NOTHING)
    if seen.fact is Fact.UNKNOWN:
        return wait(Wait.HYPERVISOR)
    if seen.fact is not Fact.NONE:  # D16
        return do(Effect.QUIT)
    # D17. Quit although nothing is there: from then on the hypervisor refuses a shell that was ordered earlier.
    return do(Effect.QUIT, Effect.RELEASE)


def destination_forced_run(record: Record, seen: Seen) -> Step:
    """D19: started under the operator's live order only."""
    if seen.fact is Fact.UNKNOWN:
        return wait(Wait.HYPERVISOR)
    if record.order is Act.YIELD:
        return destination_yields_by_order(seen)
    if seen.fact is Fact.RUN:
        return write(State.STARTED)
    if partner_state(seen) in {State.COMPLETING, State.CLOSED_MOVED}:
        return destination_forced_and_let_go(seen)
    if partner_has_it(seen):
        return wait(Wait.OPERATOR)
    if record.order is Act.RUN_IMAGE and seen.fact is Fact.LOADED:
        return under_own_word(seen, Effect.TAKE_WORD, Effect.RESUME)
    if record.order is not Act.RESTART:
        return wait(Wait.OPERATOR)
    if seen.fact is Fact.NONE:
        return do(Effect.DEFINE)
    if seen.fact is not Fact.DEAD:
        return do(Effect.DROP)
    return under_own_word(seen, Effect.TAKE_WORD, Effect.START)


def destination_yields_by_order(seen: Seen) -> Step:
    """Ends it here and leaves it to the source, unless the source was first to leave it to this side."""
    if seen.partner is None:
        return wait(Wait.PARTNER)
    if seen.partner.state in {State.COMPLETING, State.CLOSED_MOVED}:
        return write(State.STARTED) if seen.fact is Fact.RUN else destination_forced_and_let_go(seen)
    if not keeps_it(seen.partner):
        return wait(Wait.OPERATOR)
    if seen.fact is Fact.NONE:
        return do(Effect.DEFINE)
    if seen.fact is not Fact.DEAD:
        return do(Effect.DROP)
    return gives_back(seen)


def destination_forced_and_let_go(seen: Seen) -> Step:
    """The source has ended it: the partition is here, down. The source may have run since an image was taken."""
    if seen.fact is Fact.NONE:
        return do(Effect.DEFINE)
    if seen.fact is not Fact.DEAD:
        return do(Effect.DROP)
    return do(Effect.TAKE_WORD) if Word.OFFERED in (seen.words or ()) else write(State.STARTED)


def nothing(record: Record, seen: Seen) -> Step:
    return wait(Wait.NOTHING)


SOURCE_STEPS = {
    State.TRANSFERRING: source_transferring,
    State.ABORTING: source_aborting,
    State.SURRENDERED: source_surrendered,
    State.IN_DOUBT: source_surrendered,
    State.TAKEN_BACK: source_taken_back,
    State.COMPLETING: source_completing,
    State.FORCED_BACK: source_forced_back,
    State.CLOSED_KEPT: nothing,
    State.CLOSED_MOVED: nothing,
}
DESTINATION_STEPS = {
    State.PREPARED: destination_prepared,
    State.LOADED: destination_loaded,
    State.ACCEPTED: destination_accepted,
    State.STARTED: destination_started,
    State.DECLINED: destination_given_up,
    State.YIELDED: destination_given_up,
    State.FORCED_RUN: destination_forced_run,
    State.SETTLED: destination_settled,
    State.CLOSED_MOVED: nothing,
}
AFTER_RESTORE_STEPS = {Role.SOURCE: restored_source, Role.DESTINATION: restored_destination}
# Records that a backup may be behind of. What a destination has accepted stays true whatever came after it.
MAY_BE_BEHIND = SOURCE_OPEN | {State.PREPARED, State.LOADED}
