"""One side's database code against a modelled other side, in any order of what may happen.

The explorer searches `step()` itself; here Hypothesis looks for an order in which the code around it, with its rows,
leases, fences and journal, does something else. Each side's own rules are in test_stateful_source.py and
test_stateful_destination.py.
"""

import os
from contextlib import ExitStack, contextmanager, suppress
from unittest.mock import patch

import hypothesis
from django.db import transaction
from hypothesis import HealthCheck, settings
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
from ivmweb.common.errors import HypervisorError, PeerError
from ivmweb.hypervisor.base import RunState
from ivmweb.system.rights import PRIME_ADMINISTRATOR
from migration import leases, look, recovery, services, tasks, transfer
from migration.journal import advance
from migration.leases import Fenced
from migration.models import Migration
from migration.states import TRANSITIONS, Fact, State
from tests import factories
from tests.handover.conftest import Clock, fetch
from tests.handover.modelled import SharedLuns
from tests.handover.partner import ScriptedClient

RUNS = {RunState.RUNNING, RunState.STARTING, RunState.SHUTTING_DOWN}
EXAMPLES = int(os.environ.get("IVM_TEST_EXAMPLES", "12"))  # of some 25 steps; more find more


class Crash(BaseException):
    """The process is gone: no `except Exception` sees it."""


class OneSide(RuleBasedStateMachine):
    """One migration with uli14, from its begin; then whatever may happen.

    A side says how it begins (`begin`, which sets partner, pk, lpar_id and mover), what its own copy may be in, and
    what its end must be.
    """

    DECIDES = (State.TRANSFERRING, State.SURRENDERED)  # what a frozen worker may have been about to write
    HOLDS = RUNS  # in these its hypervisor has a copy that counts
    ROLE = None

    @initialize(so_far=st.integers(0, 5))
    def migrate(self, so_far):
        self.around, self.is_ready = ExitStack(), False
        self.around.enter_context(transaction.atomic())
        self.around.callback(transaction.set_rollback, True)
        self.hypervisor, self.clock = SharedLuns(), Clock(leases.now())
        self.partner = self.modelled_partner()
        for each in self.patches():
            self.around.enter_context(each)
        factories.make_system()
        self.padmin = factories.make_user("padmin", PRIME_ADMINISTRATOR)
        self.frozen = []  # (fence, row as it was read)
        self.died = False  # a hypervisor, and with it maybe the last copy
        self.newest_epoch = 0
        self.begin()
        for go_on in self.way()[:so_far]:
            go_on()
        self.is_ready = True

    def patches(self):
        yield patch.dict(ivmweb.hypervisor.DRIVERS, scripted=lambda path, host: self.hypervisor)
        yield patch.object(leases, "now", self.clock)
        yield patch.object(tasks, "ring", lambda task, migration_id: None)
        for module in (migration.partner, migration.credentials, transfer, services):
            yield patch.object(module, "PeerClient", lambda remote, **_: ScriptedClient(self.partner, remote))

    def teardown(self):
        if not hasattr(self, "around"):
            return
        with self.around:
            if self.is_ready:
                self.settle()

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
    @rule(data=st.data(), what=st.sampled_from(["decide", "go on", "resume", "discard", "cancel_transfer"]))
    def frozen_worker_wakes_up(self, data, what):
        """With what it had decided; where somebody else has taken over since, it may change nothing."""
        fence, as_read = data.draw(st.sampled_from(self.frozen))
        before = self.picture() if self.row.epoch != fence.epoch else None
        if what == "go on":
            with alive():
                recovery.finish(as_read, fence)
        elif what == "decide" and before and as_read.state == self.DECIDES[0]:
            with suppress(Fenced):
                assert not advance(as_read, self.DECIDES[1], fence=fence)
        elif what != "decide" and before and self.commands_are_fenced(fence):
            with alive(), suppress(HypervisorError):
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
    def recover_is_pressed(self):
        with alive():
            services.recover(fetch(self.row), user=self.padmin, origin="here")

    # The other console

    @rule(silent=st.booleans(), loses=st.booleans())
    def network_changes(self, silent, loses):
        self.partner.is_silent, self.partner.loses_answers = silent, loses

    @rule(again=st.booleans(), data=st.data())
    def partner_tells(self, again, data):
        """Its state now, or one it has told before."""
        old = self.partner.said
        message = data.draw(st.sampled_from(old)) if again and old else self.partner.message()
        self.hear(message)

    def hear(self, message):
        with alive(), suppress(PeerError):
            answered = recovery.told(message, fetch(self.row))
            if not self.partner.is_silent and not self.partner.loses_answers:
                self.partner.go_on(heard_of(answered))

    @rule(
        calls=st.integers(0, 2),
        command=st.sampled_from(["change_owner_words", "resume", "discard", "describe", "remove"]),
    )
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
        assert not (self.own_copy_in(RUNS) and self.partner.runs)

    @invariant()
    def never_none(self):
        assert self.died or self.own_copy_in(self.HOLDS) or self.partner.holds

    @invariant()
    def the_journal_is_a_way_through_the_states(self):
        written = [(line.from_state, line.to_state) for line in self.row.events.all() if line.to_state]
        assert [new for _, new in written][-1:] in ([], [self.row.state])
        for old, new in written[1:]:
            assert new in TRANSITIONS[self.ROLE][State(old)]

    @invariant()
    def epochs_only_rise(self):
        assert self.row.epoch >= self.newest_epoch
        self.newest_epoch = self.row.epoch

    # Help

    @property
    def row(self):
        return Migration.objects.select_related("remote", "partition", "task").get(pk=self.pk)

    def own_copy_in(self, states):
        run = self.hypervisor.runs.get(self.lpar_id)
        return run is not None and run.run_state in states

    def commands_are_fenced(self, fence):
        """The hypervisor has heard of a newer one; before, an old command is as good as the newest."""
        return self.hypervisor.epochs.get(self.row.lpar_id, 0) > fence.epoch

    def picture(self):
        run = self.hypervisor.runs.get(self.row.lpar_id)
        return self.row.state, self.row.epoch, run and run.run_state, tuple(self.hypervisor.luns)

    def all_is_well(self):
        self.hypervisor.is_reachable, self.hypervisor.before = True, {}
        self.partner.is_silent = self.partner.loses_answers = False
        self.partner.before = []

    def states_written(self):
        return {line.to_state for line in self.row.events.all()}


@contextmanager
def alive():
    with suppress(Crash, Fenced):
        yield


def heard_of(answered):
    return look.Answer(State(answered.state), Fact(answered.fact), answered.forced)


def play(machine):
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=25,
            deadline=None,
            phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
