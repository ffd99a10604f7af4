"""The model with what single guards prevent: further transitions, each only where its guard is left out."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from migration.states import Effect, Fact, State
from tests.explorer.model import RESERVED, Model, Next
from tests.explorer.mutations import MUTATIONS, Mutation, together
from tests.explorer.search import Broken, explore
from tests.explorer.world import DEAD, NONE, Held, World

STARTED_BEFORE = "an Activate that was decided before"
NOT_TOLD_EARLY = frozenset({State.SURRENDERED.value, State.ACCEPTED.value, State.DECLINED.value})
# What a record was before its last commit.
BEFORE = {
    State.SURRENDERED.value: State.TRANSFERRING.value,
    State.ABORTING.value: State.TRANSFERRING.value,
    State.TAKEN_BACK.value: State.SURRENDERED.value,
    State.COMPLETING.value: State.SURRENDERED.value,
    State.LOADED.value: State.PREPARED.value,
    State.ACCEPTED.value: State.LOADED.value,
    State.STARTED.value: State.ACCEPTED.value,
    State.DECLINED.value: State.LOADED.value,
}


class Unguarded(Model):
    def kinds(self):
        yield from super().kinds()
        yield from (self.told_early, self.activated_too_early, self.powers_fail)

    def told_early(self, world: World) -> Iterator[Next]:
        for state in NOT_TOLD_EARLY:
            if f"{state} is recorded first" not in self.without:
                continue
            if world.s_state and any(decision.state == state for decision in self.source_steps(world)):
                said = world.s_said | self.bit(("source", state, Fact.UNKNOWN.value, world.s_knows, False))
                yield ("source tells before it records", state), world._replace(s_said=said)
            if world.d_state and any(decision.state == state for decision in self.destination_steps(world)):
                early = self.destinations_answer(world._replace(d_state=state))
                yield (
                    ("destination tells before it records", state),
                    world._replace(d_said=world.d_said | self.bit(early)),
                )
        if "tombstone" in self.without and not world.d_state:
            for _role, state, *_rest in self.heard(world.s_said):
                if self.tombstone(world, State(state)):
                    answer = self.destinations_answer(world._replace(d_state=State.DECLINED.value))
                    said = world.d_said | self.bit(answer)
                    yield ("destination answers and leaves nothing",), world._replace(d_said=said)

    def activated_too_early(self, world: World) -> Iterator[Next]:
        at_source = {
            "hold while transferring": {State.TRANSFERRING},
            "hold after the surrender": {State.SURRENDERED},
            "restart at the source when closed": {State.TRANSFERRING, State.ABORTING},
        }
        for guard, states in at_source.items():
            if guard in self.without and world.s_state in states and world.s_fact == DEAD and world.s_on:
                yield ("the partition is activated at the source",), self.hypervisors.source_starts(world)
        at_destination = {
            "shells are not activated": RESERVED,
            "restart at the destination when closed": {State.STARTED},
        }
        for guard, states in at_destination.items():
            if guard in self.without and world.d_state in states and world.d_fact == DEAD and world.d_on:
                yield ("the partition is activated at the destination",), self.hypervisors.destination_starts(world)
        decided = "Activate and Migrate in one row" in self.without and world.s_state == State.TRANSFERRING
        if decided and world.s_held is None:
            yield (STARTED_BEFORE,), world._replace(s_held=Held(world.number, Effect.START.value))

    def powers_fail(self, world: World) -> Iterator[Next]:
        if (
            "commits of the source survive" in self.without
            and world.s_state in BEFORE
            and world.s_downs < self.bounds.downs
        ):
            dead = self.hypervisors.source_dies(world) if world.s_fact != NONE else world
            lost = dead._replace(s_state=BEFORE[world.s_state], s_held=None, s_downs=world.s_downs + 1)
            yield ("source loses power and its last commit", world.s_state), lost
        if (
            "commits of the destination survive" in self.without
            and world.d_state in BEFORE
            and world.d_downs < self.bounds.downs
        ):
            dead = self.hypervisors.destination_dies(world) if world.d_fact != NONE else world
            lost = dead._replace(d_state=BEFORE[world.d_state], d_held=None, d_downs=world.d_downs + 1)
            yield ("destination loses power and its last commit", world.d_state), lost


@dataclass(frozen=True)
class Absence:
    """What comes of a guard that is left out: something breaks, alone or together with the guard that covers it."""

    worlds: int
    seconds: float
    alone: Broken | None = None
    together: Broken | None = None


def search_without(mutation: Mutation) -> Absence:
    found = explore(unguarded(mutation), lambda world, broken: broken.startswith(mutation.looks_for))
    if found.broken or not mutation.covered_by:
        return Absence(found.worlds, found.seconds, alone=found.broken)
    return Absence(found.worlds, found.seconds, together=together_only(mutation, MUTATIONS[mutation.covered_by]))


def together_only(mutation: Mutation, second: Mutation) -> Broken | None:
    """What breaks without both, and in no world that can be reached with either."""
    second = replace(second, bounds=mutation.bounds)
    model = unguarded(second)
    with_the_first = explore(model, lambda world, broken: False).reached
    both = Unguarded(mutation.bounds, mutation.without | second.without, together(mutation, second).decide, model)
    return explore(both, lambda world, broken: world not in with_the_first).broken


def unguarded(mutation: Mutation) -> Unguarded:
    return Unguarded(mutation.bounds, mutation.without, mutation.decide)
