"""What may happen next in a world: the environment, both workers through the real step(), and what froze earlier.

One transition is one durable write or one hypervisor command, so a crash is "the next one never comes". Each yields
its label, which words.py turns into a sentence, and the world after it.
"""

from collections.abc import Iterator
from dataclasses import replace

from migration.states import (
    BY_ANSWER,
    FINAL_STATES,
    FORCES,
    KEPT,
    Act,
    Answer,
    Effect,
    Fact,
    Record,
    Role,
    Seen,
    State,
    Step,
    Word,
    allowed,
    announced,
    forced,
    leaves_tombstone,
    may_force,
    may_hear,
    step,
)
from tests.explorer.world import (
    ACTIVE,
    ARRIVING,
    DEAD,
    FEEDING,
    HELD,
    LOADED,
    NONE,
    PARKED,
    RUN,
    RUNNING,
    WAITING,
    Bounds,
    Held,
    Hypervisors,
    World,
)

Label = tuple[str, ...]
Next = tuple[Label, World]
FINAL = frozenset(state.value for state in FINAL_STATES)
RESERVED = frozenset({State.PREPARED.value, State.LOADED.value})
FREE_AT_SOURCE = frozenset({State.CLOSED_KEPT.value})
WORDS = {
    "": (frozenset(), frozenset()),
    "source": (frozenset({Word.MINE}), frozenset({Word.THEIRS})),
    "offered": (frozenset({Word.OFFERED}), frozenset({Word.OFFERED})),
    "destination": (frozenset({Word.THEIRS}), frozenset({Word.MINE})),
}
INCARNATIONS = ("before the restore", "after the restore")
DECIDED_SUSPEND = "suspend"
DEFINES = "makes the shell wait"


class Model:
    """Bounds, and the guards that are left out of everything that is not step(); `decide` stands for step()."""

    def __init__(self, bounds: Bounds, without: frozenset[str] = frozenset(), decide=step, like=None) -> None:
        self.bounds = bounds
        self.without = without
        self.decide = decide
        self.hypervisors = Hypervisors(bounds, without)
        # Of each message that was ever said; worlds of two models can be compared where they are `like` each other.
        self.bits: dict[tuple, int] = like.bits if like else {}
        self.messages: list[tuple] = like.messages if like else []
        self.decisions: dict[tuple, tuple[Step, ...]] = {}

    def start(self) -> World:
        return self.spoken(
            World(
                s_fact=DEAD if self.bounds.inactive else RUN,
                waived=self.bounds.forces == "untrue",
                word="source" if self.bounds.luns else "",
                s_past=("", State.TRANSFERRING.value) if self.bounds.restores in {"source", "both"} else (),
                d_past=("",) if self.bounds.restores in {"destination", "both"} else (),
            )
        )

    def following(self, world: World) -> Iterator[Next]:
        """Every next world; those that equal this one are left out."""
        for transitions in self.kinds():
            for label, new in transitions(world):
                if new is not world:
                    yield label, self.judged(self.spoken(new))

    def kinds(self):
        yield self.stream if not self.bounds.inactive else self.definitions
        yield from (self.faults, self.people, self.sources_worker, self.destinations_worker)
        yield from (self.messages_to_the_destination, self.ordinary_life)
        if self.bounds.stale:
            yield self.thawed
        if self.bounds.switches:
            yield self.machines
        if self.bounds.forces:
            yield self.forces
        if self.bounds.restores:
            yield self.restores

    # Messages and invariants

    def bit(self, message: tuple) -> int:
        if message not in self.bits:
            self.bits[message] = 1 << len(self.messages)
            self.messages.append(message)
        return self.bits[message]

    def spoken(self, world: World) -> World:
        """Both sides have said what they are now, and it stays in the net for ever."""
        s_said, d_said = world.s_said, world.d_said
        if world.s_on and world.s_state:
            s_said |= self.bit(self.sources_answer(world))
        if world.d_on and world.d_state:
            d_said |= self.bit(self.destinations_answer(world))
        if s_said == world.s_said and d_said == world.d_said:
            return world
        return world._replace(s_said=s_said, d_said=d_said)

    def sources_answer(self, world: World) -> tuple:
        """The fact matters to the destination only once the source was forced back."""
        fact = world.s_fact if world.s_state == State.FORCED_BACK else Fact.UNKNOWN.value
        is_forced = world.s_forced and world.s_state == State.COMPLETING  # nobody asks for it else
        told = "surrenders again after a restore" in self.without
        state = State(world.s_state) if told else announced(State(world.s_state), restored=world.s_restored)
        return ("source", state.value, fact, world.s_knows, is_forced)

    def destinations_answer(self, world: World) -> tuple:
        """Of the fact only what step() reads at all; test_explorer.py shows that it reads no more."""
        telling, other = (DEAD, Fact.UNKNOWN.value) if self.bounds.inactive else (LOADED, DEAD)
        fact = world.d_fact if world.d_fact == telling else other
        is_forced = world.d_forced and world.d_state != State.SETTLED  # nobody asks for it there
        return ("destination", world.d_state, fact, is_forced, world.d_incarnation)

    def heard(self, said: int) -> Iterator[tuple]:
        for number, message in enumerate(self.messages):
            if said >> number & 1:
                yield message

    def judged(self, world: World) -> World:
        if world.broken:
            return world
        if world.d_fact == RUN and world.s_fact in RUNNING:
            return world._replace(broken="I1: two copies run")
        if world.s_stop and world.s_state == State.SURRENDERED:
            return world._replace(broken="Stop was answered with yes, and the source surrenders after all")
        return world

    # The real decisions

    def sources_answers(self, world: World) -> list[Answer | None]:
        """What the source may hear: old answers too, but nothing of an incarnation that it knows to be over."""
        known = INCARNATIONS[: 1 + world.s_knows]
        answers: list[Answer | None] = [None]
        for _role, state, fact, is_forced, incarnation in self.heard(world.d_said):
            is_new = incarnation and not world.s_knows  # is recorded first, see `people`
            if not is_new and may_hear(INCARNATIONS[incarnation], known):
                answers.append(Answer(State(state), Fact(fact), is_forced))
        return answers

    def destinations_answers(self, world: World) -> list[Answer | None]:
        """What the destination may hear: all that the source ever said."""
        answers: list[Answer | None] = [None]
        for _role, state, fact, knows, is_forced in self.heard(world.s_said):
            answers.append(Answer(State(state), Fact(fact), is_forced, knows_us=knows or not world.d_incarnation))
        return answers

    def source_record(self, world: World) -> Record:
        return Record(
            Role.SOURCE,
            State(world.s_state),
            inactive=self.bounds.inactive,
            stop=world.s_stop,
            forced=world.s_forced,
            order=Act(world.s_order) if world.s_order else None,
            restored=world.s_restored,
        )

    def destination_record(self, world: World) -> Record:
        return Record(
            Role.DESTINATION,
            State(world.d_state),
            inactive=self.bounds.inactive,
            forced=world.d_forced,
            released=world.d_released,
            order=Act(world.d_order) if world.d_order else None,
            restored=world.d_restored,
        )

    def source_words(self, world: World) -> frozenset[Word] | None:
        return None if world.s_fact == NONE else WORDS[world.word][0]

    def destination_words(self, world: World) -> frozenset[Word] | None:
        return None if world.d_fact == NONE else WORDS[world.word][1]

    def source_steps(self, world: World) -> tuple[Step, ...]:
        key = (
            *(world.s_state, world.s_stop, world.s_fact, world.word, world.d_said),
            *(world.s_order, world.s_forced, world.s_restored, world.s_knows),
        )
        if key not in self.decisions:
            record, words = self.source_record(world), self.source_words(world)
            looks = [
                Seen(Fact(world.s_fact), words, answer, working=working)
                for answer in self.sources_answers(world)
                for working in (False, True)
            ]
            self.decisions[key] = self.distinct(record, looks)
        return self.decisions[key]

    def destination_steps(self, world: World) -> tuple[Step, ...]:
        key = (
            *(world.d_state, world.d_released, world.d_forced, world.d_fact in ARRIVING or world.d_fact, world.word),
            *(world.s_said, world.d_order, world.d_restored, world.d_incarnation),
        )
        if key not in self.decisions:
            record, words = self.destination_record(world), self.destination_words(world)
            looks = [
                Seen(destination_fact(world), words, answer, expired=expired)
                for answer in self.destinations_answers(world)
                for expired in (False, True)
            ]
            self.decisions[key] = self.distinct(record, looks)
        return self.decisions[key]

    def distinct(self, record: Record, looks: list[Seen]) -> tuple[Step, ...]:
        steps = [self.decide(record, seen) for seen in looks]
        for answer in steps:
            assert not answer.state or self.decide is not step or answer.state in allowed(record), (record, answer)
        return tuple(dict.fromkeys(answer for answer in steps if answer.wait is None))

    # Workers

    def sources_worker(self, world: World) -> Iterator[Next]:
        if not world.s_on or not world.s_state:
            return
        for decision in self.source_steps(world):
            after, done, is_refused = world, (), False
            for effect in decision.effects:
                if self.bounds.stale and after.s_held is None:
                    held = Held(world.number, effect.value)
                    yield ("source freezes before it commands", effect.value, *done), after._replace(s_held=held)
                is_refused = self.hypervisors.refuses(after, effect)
                after = self.command_source(after, effect)
                done = (*done, effect.value)
                yield ("source commands", *done), after
                if is_refused:
                    break
            if decision.state is not None and not is_refused:
                read = self.read_by_source(world, decision.state.value, fenced=bool(done))
                if self.bounds.stale and after.s_held is None:
                    yield ("source freezes before it records", read.new, *done), after._replace(s_held=read)
                yield ("source records", read.new, *done), self.write_source(after, read, read.new)

    def destinations_worker(self, world: World) -> Iterator[Next]:
        if not world.d_on:
            return
        if world.leftover:
            yield from self.clean_up_leftover(world)
        if not world.d_state:
            return
        for decision in self.destination_steps(world):
            after, done, is_refused = world, (), False
            for effect in decision.effects:
                if self.bounds.stale and after.d_held is None:
                    held = Held(world.number, effect.value)
                    yield ("destination freezes before it commands", effect.value, *done), after._replace(d_held=held)
                is_refused = self.hypervisors.refuses(after, effect)
                after = self.command_destination(after, effect)
                done = (*done, effect.value)
                yield ("destination commands", *done), after
                if is_refused:
                    break
            if decision.state is not None and not is_refused:
                read = self.read_by_destination(world, decision.state.value, fenced=bool(done))
                if self.bounds.stale and after.d_held is None:
                    yield ("destination freezes before it records", read.new, *done), after._replace(d_held=read)
                yield ("destination records", read.new, *done), self.write_destination(after, read, read.new)

    def clean_up_leftover(self, world: World) -> Iterator[Next]:
        """The migration before this one was declined, and its shell is still there: the same rows D16 and D17."""
        record = Record(Role.DESTINATION, State.DECLINED)
        decision = self.decide(record, Seen(destination_fact(world)))
        after, done = world, ()
        for effect in decision.effects:
            if effect is Effect.RELEASE:
                after = after._replace(leftover=False)
            else:
                after = self.command_destination(after, effect)
            done = (*done, effect.value)
            yield ("destination commands for the migration before", *done), after

    def write_source(self, world: World, read: Held, new: str) -> World:
        """Compare with what was read, and set."""
        if f"compare-and-set: {new}" not in self.without and world.s_state != read.old:
            return world
        if world.s_knows != read.beside and "incarnation in the compare-and-set" not in self.without:
            return world
        if new == State.SURRENDERED and world.s_stop and "stop in the compare-and-set" not in self.without:
            return world
        past = (*world.s_past, new) if world.s_past and new not in world.s_past else world.s_past
        order = world.s_order if new == State.FORCED_BACK else ""
        return world._replace(s_state=new, s_order=order, s_restored=False, s_past=past)

    def write_destination(self, world: World, read: Held, new: str) -> World:
        if f"compare-and-set: {new}" not in self.without and world.d_state != read.old:
            return world
        past = (*world.d_past, new) if world.d_past and new not in world.d_past else world.d_past
        whole = (read.whole or self.bounds.inactive) if new == State.ACCEPTED else world.whole
        return world._replace(d_state=new, d_order="", d_restored=False, d_past=past, whole=whole)

    def read_by_source(self, world: World, new: str, *, fenced: bool = False) -> Held:
        return Held(world.number, "write", world.s_state, new, beside=world.s_knows, fenced=fenced)

    def read_by_destination(self, world: World, new: str, *, fenced: bool = False) -> Held:
        whole = world.d_fact == LOADED and not world.d_stale
        return Held(world.number, "write", world.d_state, new, whole=whole, fenced=fenced)

    def command_source(self, world: World, effect: str) -> World:
        """By the worker that has the lease: what an older one has up its sleeve is refused from now on."""
        after = self.hypervisors.source(world, effect)
        if after.s_held and after.s_held.is_refused and "fence of the source" not in self.without:
            return after._replace(s_held=None)
        return after

    def command_destination(self, world: World, effect: str) -> World:
        after = self.hypervisors.destination(world, effect)
        if (
            effect != Effect.RELEASE
            and after.d_held
            and after.d_held.is_refused
            and "fence of the destination" not in self.without
        ):
            return after._replace(d_held=None)
        return after

    def thawed(self, world: World) -> Iterator[Next]:
        """A worker that was frozen comes back and does the one thing that it had decided."""
        if world.s_held and world.s_on:
            held, after = world.s_held, world._replace(s_held=None)
            if held.number != world.number:
                if self.is_obeyed(held, world.s_fact, "source"):
                    yield ("source thaws and commands", held.what), self.hypervisors.source(after, held.what)
            elif held.what == "write":
                yield ("source thaws and records", held.new), self.write_source(after, held, held.new)
            elif held.what == DECIDED_SUSPEND:
                yield ("source thaws and suspends",), self.suspended(after)
            else:
                yield ("source thaws and commands", held.what), self.hypervisors.source(after, held.what)
        if world.d_held and world.d_on:
            held, after = world.d_held, world._replace(d_held=None)
            if held.number != world.number:
                if self.is_obeyed(held, world.d_fact, "destination"):
                    yield (
                        ("destination thaws and commands", held.what),
                        self.hypervisors.destination(after, held.what),
                    )
            elif held.what == "write":
                yield ("destination thaws and records", held.new), self.write_destination(after, held, held.new)
            elif held.what == DEFINES:
                yield ("destination thaws and makes the shell wait",), self.defined(after)
            else:
                yield ("destination thaws and commands", held.what), self.hypervisors.destination(after, held.what)

    def is_obeyed(self, held: Held, fact: str, side: str) -> bool:
        """Of an earlier migration: a partition that holds a stream's image obeys only the stream's own migration.

        All but these two have no effect then: the LUN looks at the id in its word, the shell is another one.
        """
        belongs_to_stream = fact in {ACTIVE, HELD, PARKED, *ARRIVING, LOADED}
        is_known = f"id in the commands of the {side}" in self.without or not belongs_to_stream
        return is_known and held.what in {Effect.RESUME, Effect.QUIT}

    # The environment

    def stream(self, world: World) -> Iterator[Next]:
        """How far the state has come. Opening it asks nobody: a mover may have decided that long ago."""
        if self.lacks_shell(world):
            yield ("destination makes the shell wait",), self.fenced_at_destination(self.defined(world))
            if self.bounds.stale and world.d_held is None:
                yield (
                    ("destination freezes before it makes the shell wait",),
                    world._replace(d_held=Held(world.number, DEFINES)),
                )
        is_open = world.s_fact == RUN and world.d_fact == WAITING and not world.s_incarnation
        if is_open and world.s_on and world.d_on and not world.leftover:
            opened = world._replace(s_fact=ACTIVE, d_fact=FEEDING)
            is_old = world.s_held and world.s_held.number != world.number and world.s_held.what != "write"
            if is_old and "fence of the source" not in self.without:
                opened = opened._replace(s_held=None)
            yield ("the stream begins",), opened
        may_suspend = world.s_state == State.TRANSFERRING and not world.s_restored
        if world.s_fact == ACTIVE and world.d_fact == FEEDING and may_suspend:
            yield ("source suspends",), self.suspended(world)
            if self.bounds.stale and world.s_held is None:
                held = Held(world.number, DECIDED_SUSPEND)
                yield ("source freezes before it suspends",), world._replace(s_held=held)
        if world.s_fact == HELD and world.d_fact == FEEDING:
            yield ("the whole state has arrived",), world._replace(d_fact=LOADED)
            if not self.bounds.acknowledged:
                yield ("source's hypervisor completes without an acknowledgement",), world._replace(s_fact=PARKED)
        if world.s_fact == PARKED and world.d_fact == FEEDING:
            yield ("the whole state has arrived",), world._replace(d_fact=LOADED)
            yield ("the destination cannot load it",), world._replace(d_fact=DEAD)
        if world.s_fact == HELD and world.d_fact == LOADED:
            yield ("source's hypervisor completes",), world._replace(s_fact=PARKED)
        for ended in self.hypervisors.breaks(world):
            yield ("the stream breaks",), ended

    def definitions(self, world: World) -> Iterator[Next]:
        """Inactive: the destination's hypervisor gets the definition when *prepare* is asked (again)."""
        if self.lacks_shell(world):
            yield ("destination defines",), self.fenced_at_destination(world._replace(d_fact=DEAD))
            if self.bounds.stale and world.d_held is None:
                held = Held(world.number, Effect.DEFINE.value)
                yield ("destination freezes before it commands", Effect.DEFINE), world._replace(d_held=held)

    def lacks_shell(self, world: World) -> bool:
        return world.d_state == State.PREPARED and world.d_fact == NONE and world.d_on and not world.d_restored

    def suspended(self, world: World) -> World:
        return world._replace(s_fact=HELD) if world.s_fact == ACTIVE and world.d_fact == FEEDING else world

    def defined(self, world: World) -> World:
        return world._replace(d_fact=WAITING) if world.d_fact in {NONE, DEAD} else world

    def fenced_at_destination(self, world: World) -> World:
        is_command = world.d_held and world.d_held.what != "write"
        is_refused = is_command and "fence of the destination" not in self.without
        return world._replace(d_held=None) if is_refused else world

    def faults(self, world: World) -> Iterator[Next]:
        if world.s_downs < self.bounds.downs and world.s_fact not in {DEAD, NONE}:
            yield (
                ("source's hypervisor dies",),
                self.hypervisors.source_dies(world)._replace(s_downs=world.s_downs + 1),
            )
        if world.d_downs < self.bounds.downs and world.d_fact not in {DEAD, NONE}:
            died = self.hypervisors.destination_dies(world)
            yield ("destination's hypervisor dies",), died._replace(d_downs=world.d_downs + 1)

    def people(self, world: World) -> Iterator[Next]:
        if world.s_state == State.TRANSFERRING and not world.s_stop and world.s_on and not world.s_restored:
            yield ("Stop is pressed",), world._replace(s_stop=True)
        if not world.s_knows and world.s_on and world.s_state and any(m[4] for m in self.heard(world.d_said)):
            yield ("source records the destination's new incarnation",), world._replace(s_knows=True)

    def messages_to_the_destination(self, world: World) -> Iterator[Next]:
        """*prepare* and what is told of an id that the destination has never seen."""
        if world.d_state or not world.d_on:
            return
        if world.d_restored:
            yield from self.tombstones_after_restore(world)
            return
        if not world.leftover and world.d_fact == NONE:
            yield ("prepare arrives",), self.recorded(world, State.PREPARED)
        for _role, state, *_rest in self.heard(world.s_said):
            if self.tombstone(world, State(state)):
                new = self.recorded(world, State.DECLINED)
                yield ("destination leaves a tombstone for", state), new._replace(d_released=True)

    def tombstone(self, world: World, told: State) -> bool:
        return leaves_tombstone(told, restored=world.d_restored) or (
            "no tombstone after a surrender" in self.without and told is State.SURRENDERED
        )

    def recorded(self, world: World, state: State) -> World:
        past = (*world.d_past, state.value) if world.d_past else ()
        return world._replace(d_state=state.value, d_past=past)

    def tombstones_after_restore(self, world: World) -> Iterator[Next]:
        """The row is lost; a *prepare* of before is refused by its token, which the restore took as well."""
        for _role, state, *_rest in self.heard(world.s_said):
            if self.tombstone(world, State(state)) and world.d_fact != RUN:
                new = world._replace(d_state=State.DECLINED.value, d_restored=False)
                yield ("destination leaves a tombstone for", state), new

    def ordinary_life(self, world: World) -> Iterator[Next]:
        """A closed migration leaves an ordinary partition: it may be activated, and migrated again."""
        asked = world.s_restored and not world.s_state and not world.d_state and not world.d_restored
        kept = world.s_state in FREE_AT_SOURCE or asked
        moved = world.d_state == State.CLOSED_MOVED
        if kept and world.s_fact == DEAD and world.s_starts < self.bounds.starts and world.s_on:
            started = self.hypervisors.source_starts(world)
            yield ("the partition is activated at the source",), started._replace(s_starts=world.s_starts + 1)
        free_there = moved or (self.bounds.inactive and world.d_state == State.STARTED)
        if free_there and world.d_fact == DEAD and world.d_starts < self.bounds.starts and world.d_on:
            started = self.hypervisors.destination_starts(world)
            yield ("the partition is activated at the destination",), started._replace(d_starts=world.d_starts + 1)
        if world.number < self.bounds.migrations and not self.has_lost_it(world):
            may_run = DEAD if self.bounds.inactive else RUN
            if kept and world.s_fact == may_run:
                yield ("Migrate is pressed again",), self.again(world)
            if moved and world.s_state == State.CLOSED_MOVED and world.d_fact == may_run:
                yield ("Migrate is pressed at the other side",), self.back(world)

    def has_lost_it(self, world: World) -> bool:
        """The destination, and it has not asked yet: it is held back."""
        return world.d_restored and not world.d_state

    def again(self, world: World) -> World:
        return world._replace(
            number=world.number + 1,
            **{"s_incarnation": 0, "s_restored": False, "s_knows": False, "d_incarnation": 0, "d_restored": False},
            s_past=("", State.TRANSFERRING.value) if world.s_past else (),
            d_past=("",) if world.d_past else (),
            s_state=State.TRANSFERRING.value,
            s_stop=False,
            s_forced=False,
            d_state="",
            d_released=False,
            d_forced=False,
            s_said=world.s_said if "id in the messages" in self.without else NOTHING_SAID,
            d_said=world.d_said if "id in the messages" in self.without else NOTHING_SAID,
            leftover=not world.d_released,
            whole=False,
        )

    def back(self, world: World) -> World:
        """The sides change their roles, their hypervisors and frozen workers with them."""
        return self.again(world)._replace(
            turned=not world.turned,
            s_said=NOTHING_SAID,
            d_said=NOTHING_SAID,
            **{f"s_{name}": getattr(world, f"d_{name}") for name in SIDES},
            **{f"d_{name}": getattr(world, f"s_{name}") for name in SIDES},
            word="source" if world.word else "",
            leftover=False,
            s_past=("", State.TRANSFERRING.value) if world.d_past else (),
            d_past=("",) if world.s_past else (),
        )

    # Added by the runs with forces and restores

    def machines(self, world: World) -> Iterator[Next]:
        """A machine that is off has no hypervisor, no frozen worker and no order any more."""
        if not world.s_on:
            yield ("the source's machine is switched on",), world._replace(s_on=True)
        elif world.switches < self.bounds.switches:
            dead = self.hypervisors.source_dies(world) if world.s_fact != NONE else world
            order = world.s_order if "orders die with the machine" in self.without else ""
            off = dead._replace(s_on=False, s_held=None, s_order=order, switches=world.switches + 1)
            yield ("the source's machine is switched off",), off
        if not world.d_on:
            yield ("the destination's machine is switched on",), world._replace(d_on=True)
        elif world.switches < self.bounds.switches:
            dead = self.hypervisors.destination_dies(world) if world.d_fact != NONE else world
            order = world.d_order if "orders die with the machine" in self.without else ""
            off = dead._replace(d_on=False, d_held=None, d_order=order, switches=world.switches + 1)
            yield ("the destination's machine is switched off",), off

    def forces(self, world: World) -> Iterator[Next]:
        """What an operator may order on either console; whether its claims have to be true is in the bounds."""
        if world.s_on and world.s_state and world.s_state not in FINAL:
            record, seen = self.source_record(world), Seen(Fact(world.s_fact), WORDS[world.word][0])
            for act in Act:
                if self.may_force(
                    record, seen, act, world.d_said, self.sources_answers, world
                ) and self.claim_is_made(act, off=not world.d_on, stale=world.s_stale):
                    yield ("the operator orders at the source", act.value), self.forced_source(world, act)
        if world.d_on and world.d_state and world.d_state not in FINAL:
            record, seen = self.destination_record(world), Seen(destination_fact(world), WORDS[world.word][1])
            for act in Act:
                if self.may_force(
                    record, seen, act, world.s_said, self.destinations_answers, world
                ) and self.claim_is_made(act, off=not world.s_on, stale=world.d_stale):
                    yield ("the operator orders at the destination", act.value), self.forced_destination(world, act)

    def may_force(self, record, seen, act, said, answers, world) -> bool:
        """To yield needs an answer: the console asks just before, so it may be any that is older than the write."""
        if act is Act.RESTART_RESTORED:
            return may_force(record, replace(seen, partner=self.source_now(world)), act)
        if act is Act.CLOSE and "close needs LUNs" in self.without:
            seen = replace(seen, words=frozenset({Word.MINE}))
        if act is not Act.YIELD:
            return may_force(record, seen, act)
        if record.state not in FORCES[act]:
            return False
        key = (act, record.role, record.state, record.forced, said, world.s_knows)
        if key not in self.decisions:
            looks = [replace(seen, partner=answer) for answer in answers(world)]
            self.decisions[key] = any(self.may_yield(record, look) for look in looks)
        return self.decisions[key]

    def source_now(self, world: World) -> Answer | None:
        """As it answers just before an act: nothing but an operator's act there could change it meanwhile."""
        if not world.s_on or not world.s_state:
            return None
        knows = world.s_knows or "restart waits until the source knows" in self.without
        return Answer(State(world.s_state), knows_us=knows)

    def may_yield(self, record: Record, seen: Seen) -> bool:
        if seen.partner is None and "yield asks the partner" in self.without:
            return True
        if seen.partner is not None and "yield to no image" in self.without:
            seen = replace(seen, partner=replace(seen.partner, fact=Fact.DEAD))
        return may_force(record, seen, Act.YIELD)

    def forced_source(self, world: World, act: Act) -> World:
        new = forced(self.source_record(world), act)
        changes = {"s_state": new.state.value, "s_order": new.order or "", "s_forced": new.forced}
        return world._replace(waived=True, s_held=self.after_an_act(world.s_held), **changes)

    def forced_destination(self, world: World, act: Act) -> World:
        new = forced(self.destination_record(world), act)
        changes = {"d_state": new.state.value, "d_order": new.order or "", "d_forced": new.forced}
        return world._replace(waived=True, d_held=self.after_an_act(world.d_held), **changes)

    def after_an_act(self, held: Held | None) -> Held | None:
        """It takes a new epoch, which is part of every compare-and-set; the hypervisor has not seen it yet."""
        is_void = held and held.what == "write" and "epoch in the compare-and-set" not in self.without
        return None if is_void else held

    def claim_is_made(self, act: Act, *, off: bool, stale: bool) -> bool:
        if act in {Act.DISCARD, Act.GIVE_UP, *BY_ANSWER} or self.bounds.forces == "untrue":
            return True
        image_is_newest = not stale or "forced image is the newest" in self.without
        return (off or "the other machine is off" in self.without) and (act is not Act.RUN_IMAGE or image_is_newest)

    def restores(self, world: World) -> Iterator[Next]:
        """Any earlier row comes back, once a side; its workers are ended first.

        With them end the connections on which the source could have heard what the destination said before a restore
        of its own, whose workers are ended too.
        """
        for state in world.s_past:
            changes = {"s_state": state, "s_restored": True, "s_incarnation": 1, "s_knows": False, "s_past": ()}
            changes["d_said"] = self.said_since(world.d_incarnation, world.d_said)
            held = world.s_held if "workers end at a restore" in self.without else None
            yield ("source restored", state), world._replace(**changes, s_stop=False, s_held=held, waived=True)
        for state in world.d_past:
            changes = {"d_state": state, "d_restored": True, "d_incarnation": 1, "d_past": ()}
            held = world.d_held if "workers end at a restore" in self.without else None
            yield (
                ("destination restored", state),
                world._replace(**changes, d_held=held, d_released=False, waived=True),
            )
        if world.s_on and world.d_on:
            yield from self.adopts(world)

    def said_since(self, incarnation: int, said: int) -> int:
        return sum(self.bit(message) for message in self.heard(said) if message[4] >= incarnation)

    def adopts(self, world: World) -> Iterator[Next]:
        """Who has lost the row asks the partner about its partitions, and makes one as of its beginning, restored.

        Not of what the destination has for good, which is held at the source and not started there; nor of what the
        source has kept for good where nothing is left at the destination.
        """
        if "lost records are made again" in self.without:
            return
        if not world.s_state and world.d_state not in {"", State.CLOSED_MOVED}:
            new = world._replace(s_state=State.TRANSFERRING.value, s_restored=True)
            yield ("source hears of a migration that it has lost",), new
        is_left = world.leftover and "a lost record waits for the one before" not in self.without
        if self.has_lost_it(world) and world.s_state and not is_left:
            kept = State(world.s_state) in KEPT
            if world.s_state != State.CLOSED_KEPT or world.d_fact != NONE:
                new = world._replace(d_state=(State.DECLINED if kept else State.PREPARED).value, d_restored=not kept)
                yield ("destination hears of a migration that it has lost",), new


SIDES = ("fact", "stale", "held", "downs", "starts", "on")
NOTHING_SAID = 0


def destination_fact(world: World) -> Fact:
    return Fact.INCOMING if world.d_fact in ARRIVING else Fact(world.d_fact)
