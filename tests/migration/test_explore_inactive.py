"""Every state that one inactive migration can reach, through the real step(); the active one: test_explore.py."""

from collections import deque
from dataclasses import dataclass, replace

from migration.states import FINAL_STATES, Answer, Effect, Fact, Record, Role, Seen, State, Word, step


@dataclass(frozen=True)
class World:
    source: State = State.TRANSFERRING
    source_fact: Fact = Fact.DEAD
    stop: bool = False
    destination: State | None = None  # None: prepare has not arrived
    destination_fact: Fact = Fact.NONE
    released: bool = False
    word: str = "source"
    said_by_source: frozenset = frozenset()
    said_by_destination: frozenset = frozenset()


def spoken(world):
    said = {"said_by_source": world.said_by_source | {world.source}}
    if world.destination is not None:
        answer = (world.destination, world.destination_fact)
        said["said_by_destination"] = world.said_by_destination | {answer}
    return replace(world, **said)


def words(world, role, fact):
    if fact is Fact.NONE:
        return None
    if world.word == "offered":
        return frozenset({Word.OFFERED})
    return frozenset({Word.MINE if world.word == role else Word.THEIRS})


def source_decision(world, partner, *, working=False):
    record = Record(Role.SOURCE, world.source, inactive=True, stop=world.stop)
    seen = Seen(world.source_fact, words(world, "source", world.source_fact), partner, working=working)
    return step(record, seen)


def destination_decision(world, partner, *, expired):
    record = Record(Role.DESTINATION, world.destination, inactive=True, released=world.released)
    seen_words = words(world, "destination", world.destination_fact)
    return step(record, Seen(world.destination_fact, seen_words, partner, expired=expired))


def apply_source(world, decision):
    """The worlds after each durable write or command of the decision, in order."""
    if decision.state:
        yield replace(world, source=decision.state)
    for effect in decision.effects:
        if effect is Effect.QUIT:
            world = replace(world, source_fact=Fact.NONE)
        elif effect is Effect.OFFER_WORD:
            assert world.word in {"source", "offered"}, world
            world = replace(world, word="offered")
        else:
            assert effect is Effect.RECLAIM_WORD, effect
            assert world.word in {"source", "offered"}, world
            world = replace(world, word="source")
        yield world


def apply_destination(world, decision):
    if decision.state:
        yield replace(world, destination=decision.state)
    for effect in decision.effects:
        if effect is Effect.TAKE_WORD:
            assert world.word in {"offered", "destination"}, world
            world = replace(world, word="destination")
        elif effect is Effect.QUIT:
            world = replace(world, destination_fact=Fact.NONE)
        else:
            assert effect is Effect.RELEASE, effect
            world = replace(world, released=True)
        yield world


def workers(world):
    for partner in [None, *(Answer(state, fact) for state, fact in world.said_by_destination)]:
        for working in (False, True):
            yield from apply_source(world, source_decision(world, partner, working=working))
    if world.destination is not None:
        for partner in [None, *(Answer(state) for state in world.said_by_source)]:
            for expired in (False, True):
                yield from apply_destination(world, destination_decision(world, partner, expired=expired))


def environment(world):
    if world.destination is None:
        yield replace(world, destination=State.PREPARED)
        if world.source is State.ABORTING:
            yield replace(world, destination=State.DECLINED, released=True)
    if world.destination is State.PREPARED and world.destination_fact is Fact.NONE:
        yield replace(world, destination_fact=Fact.DEAD)  # its hypervisor gets the definition
    if not world.stop and world.source is State.TRANSFERRING:
        yield replace(world, stop=True)
    if world.source is State.CLOSED_KEPT and world.source_fact is Fact.DEAD:  # the hold is released: Activate
        assert world.word == "source", f"Activate refused by the owner word: {world}"
        yield replace(world, source_fact=Fact.RUN)
    may_activate = world.destination in {State.STARTED, State.CLOSED_MOVED}
    if may_activate and world.destination_fact is Fact.DEAD:
        assert world.word == "destination", f"Activate refused by the owner word: {world}"
        yield replace(world, destination_fact=Fact.RUN)


def settle(world):
    if world.destination is None:
        world = replace(world, destination=State.DECLINED, released=True)
    for _ in range(40):
        before = world
        for following in apply_source(
            world, source_decision(world, Answer(world.destination, world.destination_fact))
        ):
            world = following
        decision = destination_decision(world, Answer(world.source), expired=True)
        for following in apply_destination(world, decision):
            world = following
        if world == before:
            return world
    raise AssertionError(f"never ends: {world}")


def check_settled(world):
    assert world.source in FINAL_STATES, world
    assert world.destination in FINAL_STATES, world
    if world.source is State.CLOSED_MOVED:
        assert (world.destination, world.word, world.source_fact) == (State.CLOSED_MOVED, "destination", Fact.NONE)
    else:
        assert (world.destination, world.word, world.released) == (State.DECLINED, "source", True), world
        assert world.destination_fact is Fact.NONE, world


def test_no_fault_makes_an_inactive_partition_startable_twice_or_nowhere():
    start = spoken(World())
    reached, queue = {start}, deque([start])
    while queue:
        world = queue.popleft()
        for following in map(spoken, (*environment(world), *workers(world))):
            assert not (following.source_fact is Fact.RUN and following.destination_fact is Fact.RUN), following
            if following not in reached:
                reached.add(following)
                queue.append(following)
        check_settled(settle(world))
    assert any(world.destination_fact is Fact.RUN for world in reached)  # the search reached both ends
    assert any(world.source_fact is Fact.RUN for world in reached)
