"""The database code of the source against a modelled destination, in any order of what may happen.

The explorer searches `step()` itself; here Hypothesis looks for an order in which the code around it, with its rows,
leases, fences and journal, does something else.
"""

import os
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from unittest.mock import patch

import hypothesis
import pytest
from django.db import transaction
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import ivmweb.hypervisor
import migration.credentials
import migration.partner
from ivmweb.common.errors import HypervisorError, PeerError, PrerequisiteFailed
from ivmweb.hypervisor.base import Phase, RunState
from ivmweb.lab import data
from ivmweb.system import services as system
from ivmweb.system.epochs import operator_fence
from ivmweb.system.models import LogicalPartition
from ivmweb.system.rights import PRIME_ADMINISTRATOR
from migration import leases, look, recovery, services, tasks, transfer
from migration.credentials import Credentials
from migration.journal import advance
from migration.leases import Fenced
from migration.models import Migration
from migration.states import TAKEN_OVER, TRANSITIONS, Fact, Role, State
from tests import factories
from tests.handover.conftest import Clock, fetch, make_uli14
from tests.handover.modelled import ModelledDestination, SharedLuns
from tests.handover.partner import TOKEN, ScriptedClient

RUNS = {RunState.RUNNING, RunState.STARTING, RunState.SHUTTING_DOWN}
HOLDS = RUNS | {RunState.SUSPENDED, RunState.COMPLETED}
EXAMPLES = int(os.environ.get("IVM_TEST_EXAMPLES", "12"))  # of some 25 steps; more find more
ENDS = {State.CLOSED_KEPT: {State.DECLINED}, State.CLOSED_MOVED: {State.STARTED, State.CLOSED_MOVED}}


class Crash(BaseException):
    """The process is gone: no `except Exception` sees it."""


class SourceMachine(RuleBasedStateMachine):
    """One migration away from uli13, as far as the transfer; then whatever may happen."""

    @initialize(so_far=st.integers(0, 3))
    def migrate(self, so_far):
        self.around, self.is_ready = ExitStack(), False
        self.around.enter_context(transaction.atomic())
        self.around.callback(transaction.set_rollback, True)
        self.hypervisor, self.clock = SharedLuns(), Clock(leases.now())
        self.partner = ModelledDestination(self.hypervisor)
        for each in self.patches():
            self.around.enter_context(each)
        factories.make_system()
        partition = factories.make_lab_partition(data.ULI13LP1)
        self.hypervisor.create(system.definition_of(partition), operator_fence())
        self.hypervisor.boot(partition.lpar_id)
        self.run = self.hypervisor.runs[partition.lpar_id]
        self.padmin = factories.make_user("padmin", PRIME_ADMINISTRATOR)
        row = services.start(partition, credentials(), "padmin", 5)
        self.hypervisor.luns = self.run.words
        self.hypervisor.luns[:] = [look.owned_by(data.ULI13.identity, row)] * len(self.hypervisor.luns)
        self.partner.migration, self.pk = row, row.pk
        self.mover = leases.claim(row.pk, "mover-out")
        self.frozen = []  # (fence, row as it was read)
        self.died = False  # a hypervisor, and with it maybe the last copy
        self.newest_epoch = 0
        way = (self.stream_begins, self.everything_is_sent, self.destination_records_that_it_is_loaded)
        for go_on in way[:so_far]:
            go_on()
        self.is_ready = True

    def patches(self):
        yield patch.dict(ivmweb.hypervisor.DRIVERS, scripted=lambda path: self.hypervisor)
        yield patch.object(leases, "now", self.clock)
        yield patch.object(tasks, "ring", lambda task, migration_id: None)
        for module in (migration.partner, migration.credentials, transfer, services):
            yield patch.object(module, "PeerClient", lambda remote: ScriptedClient(self.partner))

    def teardown(self):
        if not hasattr(self, "around"):
            return
        with self.around:
            if self.is_ready:
                self.settle()

    # What the transfer and its hypervisors do

    @precondition(lambda self: self.streams() and self.mover and self.partner.fact is Fact.INCOMING)
    @rule()
    def everything_is_sent(self):
        self.hypervisor.park(self.row.lpar_id, self.pk)
        self.partner.fact = Fact.LOADED

    @precondition(lambda self: self.run.run_state is RunState.RUNNING and self.mover and not self.row.stop_requested)
    @rule()
    def stream_begins(self):
        if self.row.state == State.TRANSFERRING and self.partner.fact is Fact.INCOMING:
            self.hypervisor.open_stream(self.row.lpar_id, self.pk)

    @precondition(lambda self: self.streams())
    @rule(suspended=st.booleans())
    def stream_breaks(self, suspended):
        """One that was suspended stays so until it is told."""
        if suspended:
            self.hypervisor.enter(self.row.lpar_id, RunState.SUSPENDED)
        else:
            self.hypervisor.boot(self.row.lpar_id)
        self.run.phase = Phase.FAILED
        self.lose_what_arrives()

    @precondition(lambda self: self.partner.fact is Fact.LOADED and self.partner.state is State.PREPARED)
    @rule()
    def destination_records_that_it_is_loaded(self):
        self.partner.record = replace(self.partner.record, state=State.LOADED)

    @precondition(lambda self: self.run.run_state is not RunState.NOT_ACTIVATED)
    @rule()
    def source_hypervisor_dies(self):
        self.hypervisor.crash()
        self.run.phase = Phase.NONE
        self.died = True
        self.lose_what_arrives()

    @precondition(lambda self: self.partner.fact not in {Fact.NONE, Fact.DEAD})
    @rule()
    def destination_hypervisor_dies(self):
        self.died = self.died or self.partner.fact in {Fact.LOADED, Fact.RUN}
        self.partner.fact = Fact.DEAD

    @rule(answers=st.booleans())
    def hypervisor_answers(self, answers):
        self.hypervisor.is_reachable = answers

    # Workers

    @precondition(lambda self: self.mover)
    @rule()
    def mover_goes_on(self):
        fence, self.mover = self.mover, None
        with alive():
            recovery.finish(fetch(self.row), fence)

    @precondition(lambda self: self.mover)
    @rule()
    def mover_freezes(self):
        self.frozen.append((self.mover, fetch(self.row)))
        self.mover = None

    @precondition(lambda self: self.frozen)
    @rule(data=st.data(), what=st.sampled_from(["surrender", "go on", "resume", "discard", "cancel_transfer"]))
    def frozen_worker_wakes_up(self, data, what):
        """With what it had decided; where somebody else has taken over since, it may change nothing."""
        fence, as_read = data.draw(st.sampled_from(self.frozen))
        before = self.picture() if self.row.epoch != fence.epoch else None
        if what == "go on":
            with alive():
                recovery.finish(as_read, fence)
        elif what == "surrender" and before and as_read.state == State.TRANSFERRING:
            with suppress(Fenced):
                assert not advance(as_read, State.SURRENDERED, fence=fence)
        elif what != "surrender" and before and self.commands_are_fenced(fence):
            with suppress(HypervisorError):
                getattr(self.hypervisor, what)(self.row.lpar_id, fence)
        if before:
            assert self.picture() == before, f"a worker that had lost its migration could {what}"

    @rule()
    def schedule_looks(self):
        row = self.row
        if row.is_unfinished and tasks.due_task(row) is tasks.recover:
            with alive():
                recovery.recover(row, "schedule")

    @rule(seconds=st.sampled_from([1, 6, 20]))
    def time_passes(self, seconds):
        self.clock.pass_s(seconds)

    # People

    @rule()
    def stop_is_pressed(self):
        with alive(), suppress(PrerequisiteFailed):
            services.stop(fetch(self.row), user=self.padmin, origin="here")

    @rule()
    def recover_is_pressed(self):
        with alive():
            services.recover(fetch(self.row), user=self.padmin, origin="here")

    # The other console

    @rule(silent=st.booleans(), loses=st.booleans())
    def network_changes(self, silent, loses):
        self.partner.is_silent, self.partner.loses_answers = silent, loses

    @rule(again=st.booleans(), data=st.data())
    def destination_tells(self, again, data):
        """Its state now, or one it has told before."""
        old = self.partner.said
        message = data.draw(st.sampled_from(old)) if again and old else self.partner.message()
        with alive(), suppress(PeerError):
            answered = recovery.told(message, fetch(self.row))
            if not self.partner.is_silent and not self.partner.loses_answers:
                self.partner.go_on(heard_of(answered))

    @precondition(lambda self: not self.streams())
    @rule()
    def reservation_expires(self):
        self.partner.go_on(expired=True)

    @precondition(lambda self: self.partner.fact is Fact.DEAD)
    @rule()
    def destination_goes_on_alone(self):
        self.partner.go_on()

    @rule(calls=st.integers(0, 2), command=st.sampled_from(["change_owner_words", "resume", "discard", "describe"]))
    def next_call_kills_the_process(self, calls, command):
        def crash():
            raise Crash

        if calls:
            self.partner.before = [lambda: None] * (calls - 1) + [crash]
        else:
            self.hypervisor.before[command] = crash

    # What must hold

    @invariant()
    def never_two_copies(self):
        assert not (self.own_copy_in(RUNS) and self.partner.fact is Fact.RUN)

    @invariant()
    def never_none(self):
        assert self.died or self.own_copy_in(HOLDS) or self.partner.fact in {Fact.LOADED, Fact.RUN}

    @invariant()
    def the_journal_is_a_way_through_the_states(self):
        written = [(line.from_state, line.to_state) for line in self.row.events.all() if line.to_state]
        assert [new for _, new in written][-1:] in ([], [self.row.state])
        for old, new in written[1:]:
            assert new in TRANSITIONS[Role.SOURCE][State(old)]

    @invariant()
    def epochs_only_rise(self):
        assert self.row.epoch >= self.newest_epoch
        self.newest_epoch = self.row.epoch

    @invariant()
    def the_partition_is_held_while_it_is_open(self):
        partition = LogicalPartition.objects.filter(uuid=self.row.partition_uuid).first()
        if self.row.state == State.CLOSED_MOVED:
            assert partition is None
        else:
            assert bool(partition.hold) == (self.row.state != State.CLOSED_KEPT)

    # Help

    @property
    def row(self):
        return Migration.objects.select_related("remote", "partition", "task").get(pk=self.pk)

    def streams(self):
        return self.run.phase is Phase.ACTIVE and self.own_copy_in(RUNS)

    def own_copy_in(self, states):
        run = self.hypervisor.runs.get(data.ULI13LP1.lpar_id)
        return run is not None and run.run_state in states

    def lose_what_arrives(self):
        if self.partner.fact is Fact.INCOMING:
            self.partner.fact = Fact.DEAD

    def commands_are_fenced(self, fence):
        """The hypervisor has heard of a newer one; before, an old command is as good as the newest."""
        return self.hypervisor.epochs.get(self.row.lpar_id, 0) > fence.epoch

    def picture(self):
        run = self.hypervisor.runs.get(self.row.lpar_id)
        return self.row.state, self.row.epoch, run and run.run_state, tuple(self.hypervisor.luns)

    def settle(self):
        """All is well again: the schedule alone brings both to matching ends, and one of them has what there is."""
        self.hypervisor.is_reachable, self.hypervisor.before = True, {}
        self.partner.is_silent = self.partner.loses_answers = False
        self.partner.before = []
        if self.streams():
            self.stream_breaks(suspended=False)
        for _number in range(6):
            self.clock.pass_s(30)
            self.partner.go_on(expired=True)
            self.schedule_looks()
            self.never_two_copies()
        ends = self.row.state, self.partner.state
        states = {line.to_state for line in self.row.events.all()}
        event(f"ended {ends[0]}{' after the surrender' if State.SURRENDERED in states else ''}")
        assert ends[1] in ENDS.get(State(ends[0]), set()), f"no end: {ends}"
        kept = ends[0] == State.CLOSED_KEPT
        assert set(self.partner.words()) == {look.Word.THEIRS if kept else look.Word.MINE}
        if not self.died:
            assert self.own_copy_in(RUNS) == kept
            assert (self.partner.fact is Fact.RUN) == (not kept)
        assert kept or self.partner.state in TAKEN_OVER
        assert not (kept and self.partner.had_it)


@contextmanager
def alive():
    with suppress(Crash, Fenced):
        yield


def credentials():
    return Credentials(make_uli14(), "uli14", "padmin", TOKEN)


def heard_of(answered):
    return look.Answer(State(answered.state), Fact(answered.fact), answered.forced)


@pytest.mark.timeout(60 + 10 * EXAMPLES)
def test_whatever_happens_the_source_ends_with_one_copy_and_one_truth(db, settings_of_the_test):
    run_state_machine_as_test(
        SourceMachine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=25,
            deadline=None,
            phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )


@pytest.fixture
def settings_of_the_test(settings):
    settings.HYPERVISOR = "scripted"
