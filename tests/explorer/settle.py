"""Faults have ended and both consoles answer: both recovery functions run until nothing more changes (I4, I5)."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from migration.states import GIVEN_UP, Act, Answer, Fact, Seen, State, Step, Wait, may_force, may_hear
from tests.explorer.model import FINAL, INCARNATIONS, WORDS, Label, Model, destination_fact
from tests.explorer.world import ACTIVE, ARRIVING, DEAD, NONE, RUN, RUNNING, World

KEPT, MOVED, OPERATOR = "kept", "moved", "an operator has to decide"
MOST_STEPS = 60  # the longest way takes 12


class End(NamedTuple):
    how: str
    broken: str = ""
    acts: tuple[tuple[Label, World], ...] = ()  # what operators did, and what came of them, where that is broken


class Settling:
    """The end of a world depends on its present only, not on what was said or is still to come."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.ends: dict[World, End] = {}

    def end_of(self, world: World) -> End:
        present = self.present(world)
        if present not in self.ends:
            steps = self.steps_from(present)
            self.ends[present] = self.judged(steps[-1][1] if steps else present)
        return self.ends[present]

    def steps_from(self, world: World) -> list[tuple[Label, World]]:
        return list(self.steps(self.present(world)))

    def present(self, world: World) -> World:
        """Machines are on again, frozen workers never come back, orders are given no more."""
        return world._replace(
            **{"s_said": 0, "d_said": 0, "s_held": None, "d_held": None, "s_on": True, "d_on": True},
            **{"s_downs": 0, "d_downs": 0, "s_starts": 0, "d_starts": 0, "switches": 0, "number": 1, "turned": False},
            **{"s_past": (), "d_past": ()},
        )

    def steps(self, world: World):
        for _number in range(MOST_STEPS):
            before = world
            for turn in (self.sources_turn, self.destinations_turn):
                for label, after in turn(world):
                    world = self.model.judged(after)
                    yield label, world
                    if world.broken:
                        return
            if world == before:
                return
        yield ("it never ends",), world._replace(broken="I4: recovery never comes to an end")

    def sources_turn(self, world: World):
        if not world.s_state:
            yield from self.unknown_at_the_source(world)
            return
        if world.d_incarnation and world.d_state and not world.s_knows:
            world = world._replace(s_knows=True)
            yield ("source records the destination's new incarnation",), world
        decision = self.sources_decision(world)
        for effect in decision.effects:
            if self.model.hypervisors.refuses(world, effect):
                return
            world = self.model.hypervisors.source(world, effect)
            yield ("source commands", effect), world
        if decision.state is not None:
            new = decision.state.value
            yield ("source records", new), self.model.write_source(world, self.model.read_by_source(world, new), new)

    def destinations_turn(self, world: World):
        if world.leftover:
            for label, after in self.model.clean_up_leftover(world):
                yield label, after
                world = after
        if not world.d_state:
            yield from self.unknown_at_the_destination(world)
            return
        decision = self.destinations_decision(world)
        for effect in decision.effects:
            if self.model.hypervisors.refuses(world, effect):
                return
            world = self.model.hypervisors.destination(world, effect)
            yield ("destination commands", effect), world
        if decision.state is not None:
            new = decision.state.value
            read = self.model.read_by_destination(world, new)
            yield ("destination records", new), self.model.write_destination(world, read, new)

    def unknown_at_the_destination(self, world: World):
        if self.is_still_told(world) and self.model.tombstone(world, State(world.s_state)) and world.d_fact != RUN:
            released = not world.d_restored
            label = ("destination leaves a tombstone for", world.s_state)
            yield label, world._replace(d_state=State.DECLINED.value, d_released=released, d_restored=False)
        elif world.d_restored:
            yield from self.model.adopts(world)

    def is_still_told(self, world: World) -> bool:
        """A source that closed on an answer tells nothing any more; one that an operator closed does."""
        return bool(world.s_state) and (world.s_state != State.CLOSED_KEPT or world.waived)

    def unknown_at_the_source(self, world: World):
        yield from self.model.adopts(world)

    # Each hears what the other is now

    def source_sees(self, world: World) -> Seen:
        answer = None
        if world.d_state and may_hear(INCARNATIONS[world.d_incarnation], INCARNATIONS[: 1 + world.s_knows]):
            answer = Answer(State(world.d_state), destination_fact(world), world.d_forced)
        return Seen(Fact(world.s_fact), self.model.source_words(world), answer)

    def destination_sees(self, world: World) -> Seen:
        answer = None
        if world.s_state:
            knows = not world.d_incarnation or world.s_knows
            answer = Answer(State(world.s_state), Fact(world.s_fact), world.s_forced, knows_us=knows)
        return Seen(destination_fact(world), self.model.destination_words(world), answer, expired=True)

    def sources_decision(self, world: World) -> Step:
        if not world.s_state:
            return Step(wait=Wait.PARTNER)
        return self.model.decide(self.model.source_record(world), self.source_sees(world))

    def destinations_decision(self, world: World) -> Step:
        if not world.d_state:
            return Step(wait=Wait.PARTNER)
        return self.model.decide(self.model.destination_record(world), self.destination_sees(world))

    # What may be left

    def judged(self, world: World) -> End:
        if world.broken:
            return End("broken", world.broken)
        if self.needs_operator(world) or self.model.bounds.forces == "untrue":
            return self.after_an_act(world)
        return self.outcome(world)

    def outcome(self, world: World) -> End:
        if world.broken:
            return End("broken", world.broken)
        if self.needs_operator(world):
            return End(OPERATOR)
        if self.model.bounds.restores and not (world.s_state and world.d_state):
            return self.without_a_row(world)
        if world.s_state not in FINAL or world.d_state not in FINAL:
            states = f"the source is {named(world.s_state)}, the destination {named(world.d_state)}"
            return End("open", f"I4: it stays open: {states}")
        if world.s_state == State.CLOSED_MOVED:
            return End(MOVED, self.wrong_when_moved(world))
        return End(KEPT, self.wrong_when_kept(world))

    def without_a_row(self, world: World) -> End:
        """A restore took it, and what the partner has left nothing to do here, or it has none either."""
        if world.d_state == State.CLOSED_MOVED:  # held at the source: an operator removes its records there
            return End(MOVED if world.s_fact in {DEAD, NONE} else OPERATOR)
        is_over = world.s_state in {"", State.CLOSED_KEPT} and world.d_state in {"", *GIVEN_UP}
        ordinary = world.s_fact in {*RUNNING, DEAD} and world.d_fact == NONE and world.word in {"", "source"}
        if is_over and (ordinary or not (world.s_state or world.d_state)):
            return End(KEPT if ordinary else OPERATOR)
        states = f"the source is {named(world.s_state)}, the destination {named(world.d_state)}"
        return End("open", f"I4: it stays open: {states}")

    def after_an_act(self, world: World) -> End:
        """Where both sides have it one can leave it to the other, or both do at once: that ends it cleanly.

        So does a restart from disk where nobody can tell whether a restored destination has run it.
        """
        ways = [*self.yields(world), *self.restarts(world)]
        is_settled_by_an_act = (world.s_state or world.d_state) and self.model.bounds.forces != "untrue"
        if not ways and is_settled_by_an_act:
            return End(OPERATOR, "I4: an operator has to decide, and can act on neither side")
        for label, yielded in ways:
            steps = list(self.steps(yielded))
            end = self.outcome(steps[-1][1] if steps else yielded)
            if end.how == OPERATOR:
                end = End(OPERATOR, "I4: an operator has to decide again")
            if end.broken:
                return End(OPERATOR, end.broken, ((label, yielded), *steps))
        return End(OPERATOR)

    def yields(self, world: World) -> Iterator[tuple[Label, World]]:
        model = self.model
        at_source = model.forced_source(world, Act.YIELD) if self.may_yield_at_source(world) else None
        if at_source:
            yield ("the operator orders at the source", Act.YIELD.value), at_source
        if self.may_yield_at_destination(world):
            label = ("the operator orders at the destination", Act.YIELD.value)
            yield label, model.forced_destination(world, Act.YIELD)
            if at_source:
                yield (
                    ("operators order on both sides", Act.YIELD.value),
                    model.forced_destination(at_source, Act.YIELD),
                )

    def restarts(self, world: World) -> Iterator[tuple[Label, World]]:
        if not world.d_state:
            return
        record, seen = self.model.destination_record(world), self.destination_sees(world)
        seen = replace(seen, words=WORDS[world.word][1])  # the console reads them without a definition, too
        if may_force(record, seen, Act.RESTART_RESTORED):
            label = ("the operator orders at the destination", Act.RESTART_RESTORED.value)
            yield label, self.model.forced_destination(world, Act.RESTART_RESTORED)

    def may_yield_at_source(self, world: World) -> bool:
        return bool(world.s_state) and may_force(self.model.source_record(world), self.source_sees(world), Act.YIELD)

    def may_yield_at_destination(self, world: World) -> bool:
        record, seen = self.model.destination_record, self.destination_sees
        return bool(world.d_state) and may_force(record(world), seen(world), Act.YIELD)

    def needs_operator(self, world: World) -> bool:
        """Only where a database was restored or an operator has ordered something; step() says so itself."""
        if not (self.model.bounds.forces or self.model.bounds.restores):
            return False
        return Wait.OPERATOR in {self.sources_decision(world).wait, self.destinations_decision(world).wait}

    def wrong_when_moved(self, world: World) -> str:
        if world.d_state != State.CLOSED_MOVED:
            return f"I4: the source says that it has moved, the destination {world.d_state}"
        if world.s_fact != NONE:
            return f"I5: it has moved, and the source's hypervisor still has it ({world.s_fact})"
        if world.d_fact not in {RUN, DEAD, NONE}:
            return f"I2: it has moved, and the destination's hypervisor says {world.d_fact}"
        return "" if world.word in {"", "destination"} else f"I2: it has moved, and its LUN says *{world.word}*"

    def wrong_when_kept(self, world: World) -> str:
        if world.d_state not in {State.DECLINED, State.YIELDED}:
            return f"I4: the source says that it stays, the destination {world.d_state}"
        if not world.d_released or world.d_fact != NONE or world.leftover:
            return f"I5: it stays, and the destination is left with its shell ({world.d_fact})"
        if world.s_fact in {*ARRIVING, NONE} or world.s_fact not in {*RUNNING, DEAD}:
            return f"I2: it stays, and the source's hypervisor says {world.s_fact}"
        if world.s_fact == ACTIVE:
            return ""  # a stream that a late mover began; it breaks by itself
        return "" if world.word in {"", "source"} else f"I2: it stays, and its LUN says *{world.word}*"


def named(state: str) -> str:
    return f"*{state}*" if state else "without a record"
