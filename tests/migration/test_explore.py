"""Every state that one active migration can reach, with faults at every point, through the real step().

A world is both records, both hypervisors, the LUNs' word, and everything each side ever said: any of it may be heard
late, again, or never. One transition is one durable write or one hypervisor command, so a crash is "the next one
never comes"; a write decided earlier may come later and then meets its compare-and-set. Streams break, hypervisors
die, Stop is pressed and workers are lost anywhere. From every world reached, faults end and recovery must settle it.
"""

from collections import deque
from dataclasses import dataclass, replace

from migration.states import (
    FINAL_STATES,
    Answer,
    Effect,
    Fact,
    Record,
    Role,
    Seen,
    State,
    Word,
    step,
)

RUNS = {Fact.ACTIVE, Fact.RUN}


@dataclass(frozen=True)
class World:
    source: State = State.TRANSFERRING
    source_fact: Fact = Fact.ACTIVE
    stop: bool = False
    working: bool = True  # the source's mover is alive
    destination: State | None = None  # None: prepare has not arrived
    destination_fact: Fact = Fact.NONE
    released: bool = False
    word: str = "source"  # source, offered, destination
    said_by_source: frozenset = frozenset()
    said_by_destination: frozenset = frozenset()
    late_source: State | None = None  # decided by a worker that was then frozen
    late_destination: State | None = None
    late_source_from: State | None = None
    late_destination_from: State | None = None
    ran_since_suspension: bool = False  # the source ran on after the image at the destination was taken
    moved_and_ran: bool = False


def spoken(world):
    """Both sides say what they are now; it stays in the net for ever."""
    changes = {"said_by_source": world.said_by_source | {world.source}}
    if world.destination is not None:
        answer = (world.destination, world.destination_fact)
        changes["said_by_destination"] = world.said_by_destination | {answer}
    return replace(world, **changes)


def words(world, role):
    if world.word == "offered":
        return frozenset({Word.OFFERED})
    return frozenset({Word.MINE if world.word == role else Word.THEIRS})


def source_steps(world):
    record = Record(Role.SOURCE, world.source, stop=world.stop)
    heard = [None, *(Answer(state, fact) for state, fact in world.said_by_destination)]
    for partner in heard:
        seen = Seen(world.source_fact, words(world, "source"), partner, working=world.working)
        yield step(record, seen)


def destination_steps(world, *, expired):
    if world.destination is None:
        return
    record = Record(Role.DESTINATION, world.destination, released=world.released)
    seen_words = None if world.destination_fact is Fact.NONE else words(world, "destination")
    for partner in [None, *(Answer(state) for state in world.said_by_source)]:
        yield step(record, Seen(world.destination_fact, seen_words, partner, expired=expired))


def write_source(world, old, new):
    if world.source is not old or (new is State.SURRENDERED and world.stop):
        return world
    return replace(world, source=new)


def write_destination(world, old, new):
    return replace(world, destination=new) if world.destination is old else world


def source_effect(world, effect):
    if effect is Effect.CANCEL:
        return broken(world) if world.source_fact in {Fact.ACTIVE, Fact.HELD} else world
    if effect is Effect.RESUME:
        assert world.word == "source", f"refused by the owner word: {world}"
        return replace(world, source_fact=Fact.RUN, ran_since_suspension=True)
    if effect is Effect.QUIT:
        return replace(world, source_fact=Fact.NONE)
    assert effect in {Effect.OFFER_WORD, Effect.RECLAIM_WORD}
    expected, new = ("source", "offered") if effect is Effect.OFFER_WORD else ("offered", "source")
    assert world.word in {expected, new}, f"refused by the owner word: {world}"
    return replace(world, word=new)


def destination_effect(world, effect):
    if effect is Effect.TAKE_WORD:
        assert world.word in {"offered", "destination"}, f"refused by the owner word: {world}"
        return replace(world, word="destination")
    if effect is Effect.RESUME:
        assert world.word == "destination", f"refused by the owner word: {world}"
        assert not world.ran_since_suspension, f"a stale image would run: {world}"
        return replace(world, destination_fact=Fact.RUN, moved_and_ran=True)
    if effect is Effect.QUIT:
        return replace(world, destination_fact=Fact.NONE)
    assert effect is Effect.RELEASE
    return replace(world, released=True)


def broken(world):
    """The stream ends before *completed*: the source runs on by itself, an unfinished image is useless."""
    fact = Fact.DEAD if world.destination_fact is Fact.INCOMING else world.destination_fact
    return replace(
        world,
        source_fact=Fact.RUN,
        destination_fact=fact,
        ran_since_suspension=world.ran_since_suspension or world.source_fact is Fact.HELD,
    )


def environment(world):
    """What happens by itself: the stream's progress and every fault."""
    if world.destination is None:
        yield replace(world, destination=State.PREPARED, destination_fact=Fact.INCOMING)
        if world.source is State.ABORTING:
            yield replace(world, destination=State.DECLINED, released=True)  # the tombstone
    streaming = world.source_fact is Fact.ACTIVE and world.destination_fact is Fact.INCOMING
    if streaming and world.working:
        yield replace(world, source_fact=Fact.HELD)
    if world.source_fact is Fact.HELD and world.destination_fact is Fact.INCOMING:
        yield replace(world, destination_fact=Fact.LOADED)
    if world.source_fact is Fact.HELD and world.destination_fact is Fact.LOADED:
        yield replace(world, source_fact=Fact.PARKED)
    if world.source_fact in {Fact.ACTIVE, Fact.HELD}:
        yield broken(world)
    if world.working:
        yield replace(world, working=False)
    if not world.stop and world.source is State.TRANSFERRING:
        yield replace(world, stop=True)
    if world.source_fact not in {Fact.DEAD, Fact.NONE}:
        died = broken(world) if world.source_fact in {Fact.ACTIVE, Fact.HELD} else world
        yield replace(died, source_fact=Fact.DEAD, ran_since_suspension=world.ran_since_suspension)
    if world.destination_fact in {Fact.INCOMING, Fact.LOADED, Fact.RUN}:
        yield replace(world, destination_fact=Fact.DEAD)


def workers(world):
    for decision in source_steps(world):
        if decision.state:
            yield write_source(world, world.source, decision.state)
            if world.late_source is None:
                yield replace(world, late_source=decision.state, late_source_from=world.source)
        yield from carried_out(world, decision.effects, source_effect)
    for expired in (False, True):
        for decision in destination_steps(world, expired=expired):
            if decision.state:
                yield write_destination(world, world.destination, decision.state)
                if world.late_destination is None:
                    yield replace(world, late_destination=decision.state, late_destination_from=world.destination)
            yield from carried_out(world, decision.effects, destination_effect)
    if world.late_source:
        yield write_source(
            replace(world, late_source=None, late_source_from=None), world.late_source_from, world.late_source
        )
    if world.late_destination:
        yield write_destination(
            replace(world, late_destination=None, late_destination_from=None),
            world.late_destination_from,
            world.late_destination,
        )


def carried_out(world, effects, carry_out):
    """In order; a crash may come after each."""
    for effect in effects:
        world = carry_out(world, effect)
        yield world


def check(world):
    both = world.source_fact in RUNS and world.destination_fact is Fact.RUN
    assert not both, f"two running copies: {world}"
    assert not (world.moved_and_ran and world.source_fact in RUNS), f"the old copy ran after the new one: {world}"


def settle(world):
    """Faults have ended, both consoles answer: recovery alone must end it."""
    world = replace(world, working=False)
    if world.destination is None:
        world = replace(world, destination=State.DECLINED, released=True)
    for _ in range(60):
        before = world
        world = settle_source(world)
        world = settle_destination(world)
        if world == before:
            return world
    raise AssertionError(f"never ends: {world}")


def settle_source(world):
    record = Record(Role.SOURCE, world.source, stop=world.stop)
    partner = Answer(world.destination, world.destination_fact)
    decision = step(record, Seen(world.source_fact, words(world, "source"), partner))
    if decision.state:
        return write_source(world, world.source, decision.state)
    for effect in decision.effects:
        world = source_effect(world, effect)
    return world


def settle_destination(world):
    record = Record(Role.DESTINATION, world.destination, released=world.released)
    seen_words = None if world.destination_fact is Fact.NONE else words(world, "destination")
    seen = Seen(world.destination_fact, seen_words, Answer(world.source), expired=True)
    decision = step(record, seen)
    if decision.state:
        return write_destination(world, world.destination, decision.state)
    for effect in decision.effects:
        world = destination_effect(world, effect)
    return world


def check_settled(world, reached_from):
    text = f"{world}\nfrom {reached_from}"
    assert world.source in FINAL_STATES, text
    assert world.destination in FINAL_STATES, text
    if world.source is State.CLOSED_MOVED:
        assert world.destination is State.CLOSED_MOVED, text
        assert world.source_fact is Fact.NONE, text
        assert world.word == "destination", text
        assert world.destination_fact in {Fact.RUN, Fact.DEAD, Fact.NONE}, text
    else:
        assert world.destination is State.DECLINED, text
        assert world.released, text
        assert world.destination_fact is Fact.NONE, text
        assert world.source_fact in {Fact.RUN, Fact.DEAD}, text
        assert world.word == "source", text


def test_no_fault_leaves_two_copies_none_or_a_mess():
    start = spoken(World())
    reached = {start}
    queue = deque([start])
    while queue:
        world = queue.popleft()
        for following in map(spoken, (*environment(world), *workers(world))):
            if following not in reached:
                check(following)
                reached.add(following)
                queue.append(following)
        check_settled(settle(world), world)
    assert len(reached) > 5_000  # the search really went everywhere
    print(f"{len(reached)} worlds")
