"""The database code of the source against a modelled destination, in any order of what may happen."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.hypervisor.base import Phase, RunState
from ivmweb.lab import data
from ivmweb.system import services as system
from ivmweb.system.epochs import operator_fence
from ivmweb.system.models import LogicalPartition
from migration import leases, look, services
from migration.credentials import Credentials
from migration.states import TAKEN_OVER, Fact, Role, State
from tests import factories
from tests.handover.conftest import fetch, make_uli14
from tests.handover.machine import EXAMPLES, RUNS, OneSide, alive, play
from tests.handover.modelled import ModelledDestination
from tests.handover.partner import TOKEN

ENDS = {State.CLOSED_KEPT: {State.DECLINED}, State.CLOSED_MOVED: {State.STARTED, State.CLOSED_MOVED}}


class Source(OneSide):
    """A migration away from uli13."""

    ROLE = Role.SOURCE
    HOLDS = RUNS | {RunState.SUSPENDED, RunState.COMPLETED}

    def modelled_partner(self):
        return ModelledDestination(self.hypervisor)

    def begin(self):
        partition = factories.make_lab_partition(data.ULI13LP1)
        self.lpar_id = partition.lpar_id
        self.hypervisor.create(system.definition_of(partition), operator_fence())
        self.hypervisor.boot(partition.lpar_id)
        self.run = self.hypervisor.runs[partition.lpar_id]
        row = services.start(partition, Credentials(make_uli14(), "uli14", "padmin", TOKEN), "padmin", 5)
        self.hypervisor.luns = self.run.words
        self.hypervisor.luns[:] = [look.owned_by(data.ULI13.identity, row)] * len(self.hypervisor.luns)
        self.partner.migration, self.pk = row, row.pk
        self.mover = leases.claim(row.pk, "mover-out")

    def way(self):
        return self.stream_begins, self.everything_is_sent, self.destination_records_that_it_is_loaded

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

    @rule()
    def stop_is_pressed(self):
        with alive(), suppress(PrerequisiteFailed):
            services.stop(fetch(self.row), user=self.padmin, origin="here")

    @precondition(lambda self: not self.streams())
    @rule()
    def reservation_expires(self):
        self.partner.go_on(expired=True)

    @precondition(lambda self: self.partner.fact is Fact.DEAD)
    @rule()
    def destination_goes_on_alone(self):
        self.partner.go_on()

    @invariant()
    def the_partition_is_held_while_it_is_open(self):
        partition = LogicalPartition.objects.filter(uuid=self.row.partition_uuid).first()
        if self.row.state == State.CLOSED_MOVED:
            assert partition is None
        else:
            assert bool(partition.hold) == (self.row.state != State.CLOSED_KEPT)

    def streams(self):
        return self.run.phase is Phase.ACTIVE and self.own_copy_in(RUNS)

    def lose_what_arrives(self):
        if self.partner.fact is Fact.INCOMING:
            self.partner.fact = Fact.DEAD

    def settle(self):
        """All is well again: the schedule alone brings both to matching ends, and one of them has what there is."""
        self.all_is_well()
        if self.streams():
            self.stream_breaks(suspended=False)
        for _number in range(6):
            self.clock.pass_s(30)
            self.partner.go_on(expired=True)
            self.schedule_looks()
            self.never_two_copies()
        ends = self.row.state, self.partner.state
        event(f"ended {ends[0]}{' after the surrender' if State.SURRENDERED in self.states_written() else ''}")
        assert ends[1] in ENDS.get(State(ends[0]), set()), f"no end: {ends}"
        kept = ends[0] == State.CLOSED_KEPT
        assert set(self.partner.words()) == {look.Word.THEIRS if kept else look.Word.MINE}
        if not self.died:
            assert self.own_copy_in(RUNS) == kept
            assert (self.partner.fact is Fact.RUN) == (not kept)
        assert kept or self.partner.state in TAKEN_OVER
        assert not (kept and self.partner.had_it)


@pytest.mark.timeout(60 + 10 * EXAMPLES)
def test_whatever_happens_the_source_ends_with_one_copy_and_one_truth(db, scripted):
    play(Source)
