"""uli14's side of one migration as the pure state machine; its hypervisor and the LUNs' words are plain values."""

from dataclasses import replace

from ivmweb.lab import data
from migration import look
from migration.peer.messages import Told
from migration.states import GIVEN_UP, Answer, Effect, Fact, Record, Role, Seen, State, Word, allowed, step
from tests.handover.partner import ScriptedPartner
from tests.scripted_hypervisor import ScriptedHypervisor

MOST_STEPS = 20
HOLDS = frozenset({Fact.RUN, Fact.ACTIVE, Fact.HELD, Fact.PARKED})


class SharedLuns(ScriptedHypervisor):
    """uli13's hypervisor; the owner words of the LUNs outlive its definition of the partition."""

    def __init__(self):
        super().__init__()
        self.luns = None  # of the partition that moves

    def create(self, definition, fence):
        super().create(definition, fence)
        self.share(definition)

    def create_incoming(self, definition, fence):
        super().create_incoming(definition, fence)
        self.share(definition)

    def share(self, definition):
        if self.luns is not None:
            self.runs[definition.lpar_id].words = self.luns


class Modelled(ScriptedPartner):
    """Follows `step()` as far as it goes, whenever it hears something and whenever it is told to go on."""

    def __init__(self, hypervisor, role, state, fact):
        super().__init__()
        self.hypervisor = hypervisor
        self.migration = None
        self.record = Record(role, state)
        self.fact = fact
        self.loses_answers = False
        self.said = []  # what it told of itself, to be heard again later

    @property
    def state(self):
        return self.record.state

    @state.setter
    def state(self, state):
        """The script's own start."""

    def hear(self, told):
        self.answer_or_not()
        self.go_on(Answer(State(told.state), Fact(told.fact), told.forced))
        if self.loses_answers:
            self.is_silent = True
            self.answer_or_not()
        return self.answer(knows=told.incarnation)

    def go_on(self, heard=None, *, expired=False):
        for _number in range(MOST_STEPS):
            decision = step(self.record, self.sees(heard, expired=expired))
            if decision.wait is not None:
                return
            for effect in decision.effects:
                self.carry_out(effect)
            if decision.state is not None:
                assert decision.state in allowed(self.record)
                self.record = replace(self.record, state=decision.state)
        raise AssertionError(f"{self.record} does not come to an end")

    def sees(self, heard, *, expired):
        return Seen(self.fact, self.words(), heard, expired=expired)

    def words(self):
        return frozenset(look.classify(word, self.migration, data.ULI14.identity) for word in self.hypervisor.luns)

    def change_words(self, old, new):
        for index, word in enumerate(self.hypervisor.luns):
            if look.classify(word, self.migration, data.ULI14.identity) is old:
                self.hypervisor.luns[index] = new

    def message(self):
        """What it tells of itself now."""
        told = Told(
            migration_id=self.migration.pk,
            role=self.record.role.value,
            state=self.state,
            fact=self.fact,
            incarnation=self.incarnation,
            sequence=len(self.said) + 1,
        )
        self.said.append(told)
        return told


class ModelledDestination(Modelled):
    def __init__(self, hypervisor):
        super().__init__(hypervisor, Role.DESTINATION, State.PREPARED, Fact.INCOMING)
        self.had_it = False  # it has run the partition

    @property
    def runs(self):
        return self.fact is Fact.RUN

    @property
    def holds(self):
        return self.fact in {Fact.LOADED, Fact.RUN}

    def carry_out(self, effect):
        if effect is Effect.TAKE_WORD:
            self.change_words(Word.OFFERED, look.owned_by(data.ULI14.identity, self.migration))
        elif effect is Effect.RESUME:
            assert self.words() == {Word.MINE}, "it runs on LUNs that are not its own"
            assert self.fact is Fact.LOADED
            self.fact, self.had_it = Fact.RUN, True
        elif effect is Effect.QUIT:
            assert self.state in GIVEN_UP, "it discards what is its own"
            self.fact = Fact.NONE
        elif effect is Effect.RELEASE:
            self.record = replace(self.record, released=True)
        else:
            raise AssertionError(f"{effect} is for operators, and none has ordered it")


class ModelledSource(Modelled):
    def __init__(self, hypervisor):
        super().__init__(hypervisor, Role.SOURCE, State.TRANSFERRING, Fact.ACTIVE)
        self.working = True  # its mover sends

    @property
    def runs(self):
        return self.fact in {Fact.RUN, Fact.ACTIVE}

    @property
    def holds(self):
        return self.fact in HOLDS

    @property
    def is_transferring(self):
        return self.state is State.TRANSFERRING and self.fact is Fact.ACTIVE

    def stream_breaks(self):
        """Its hypervisor goes on by itself."""
        if self.fact in {Fact.ACTIVE, Fact.HELD}:
            self.fact = Fact.RUN

    def sees(self, heard, *, expired):
        return replace(super().sees(heard, expired=expired), working=self.working)

    def carry_out(self, effect):
        if effect is Effect.CANCEL:
            self.fact = Fact.RUN
        elif effect is Effect.RESUME:
            assert self.words() == {Word.MINE}, "it runs on LUNs that are not its own"
            assert self.fact is Fact.PARKED
            self.fact = Fact.RUN
        elif effect is Effect.QUIT:
            assert self.state is State.COMPLETING, "it ends what is its own"
            self.fact = Fact.NONE
        elif effect is Effect.OFFER_WORD:
            assert self.state is State.SURRENDERED
            self.change_words(Word.MINE, look.offered_by(data.ULI14.identity, self.migration))
        elif effect is Effect.RECLAIM_WORD:
            assert self.state is State.TAKEN_BACK
            self.change_words(Word.OFFERED, look.owned_by(data.ULI14.identity, self.migration))
        elif effect is Effect.DEFINE:
            self.fact = Fact.DEAD
        else:
            raise AssertionError(f"{effect} is for operators, and none has ordered it")
