"""The database code of the destination against a modelled source, in any order of what may happen."""

from dataclasses import replace

import pytest
from django.utils import timezone
from hypothesis import event
from hypothesis.stateful import invariant, precondition, rule

from ivmweb.common.errors import OperationFailed
from ivmweb.hypervisor.base import Phase, RunState
from ivmweb.lab import data
from ivmweb.system import services as system
from ivmweb.system.models import LogicalPartition, ManagedSystem
from migration import destination, leases, look, transfer
from migration.models import Migration, MobilityToken
from migration.peer.auth import hash_of
from migration.states import GIVEN_UP, LET_GO, Fact, Role, State, Word
from tests.handover.conftest import fetch, make_uli14, own_luns, request_of
from tests.handover.machine import EXAMPLES, RUNS, OneSide, alive, play
from tests.handover.modelled import ModelledSource

ENDS = {State.DECLINED: State.CLOSED_KEPT, State.CLOSED_MOVED: State.CLOSED_MOVED}


class Destination(OneSide):
    """A migration to uli13."""

    ROLE = Role.DESTINATION
    DECIDES = (State.PREPARED, State.LOADED)
    HOLDS = RUNS | {RunState.LOADED}

    def modelled_partner(self):
        return ModelledSource(self.hypervisor)

    def begin(self):
        self.free_before = free()
        token = MobilityToken.objects.create(
            hash=hash_of("a token given here"),
            user="padmin",
            system_identity=data.ULI14.identity,
            expires_at=timezone.now() + timezone.timedelta(minutes=15),
        )
        request, self.mover = request_of(), None
        own_luns(self.hypervisor, request)
        destination.prepare(request, token, make_uli14())
        self.pk = request.migration_id
        self.lpar_id = self.row.lpar_id
        self.partner.migration = self.row
        self.hypervisor.luns = [look.owned_by(data.ULI14.identity, self.row)] * 2

    def way(self):
        arrives = self.mover_begins, self.everything_arrives, self.source_completes
        return *arrives, self.mover_records_that_it_is_loaded, self.schedule_is_due

    # What the transfer and its hypervisors do

    @precondition(lambda self: self.row.wants == "mover-in")
    @rule()
    def mover_begins(self):
        self.mover = leases.claim(self.pk, "mover-in", wants="mover-in")
        if self.mover:
            self.hypervisor.create_incoming(system.definition_of(self.row.partition), self.mover)

    @precondition(lambda self: self.mover and self.streams())
    @rule()
    def everything_arrives(self):
        self.hypervisor.load(self.lpar_id)

    @precondition(lambda self: self.own_copy_in({RunState.LOADED}) and self.partner.is_transferring)
    @rule()
    def source_completes(self):
        self.partner.fact = Fact.PARKED

    @precondition(lambda self: self.mover and self.own_copy_in({RunState.LOADED}))
    @rule()
    def mover_records_that_it_is_loaded(self):
        """Or gives up where it was declined meanwhile, as transfer.receive() does."""
        fence, self.mover = self.mover, None
        with alive():
            try:
                transfer.record_loaded(fetch(self.row), fence)
            except OperationFailed:
                assert self.row.state in GIVEN_UP
                self.mover = fence
                self.mover_goes_on()

    @precondition(lambda self: self.streams())
    @rule()
    def stream_breaks(self):
        self.hypervisor.enter(self.lpar_id, RunState.FAILED_INCOMING)
        self.partner.stream_breaks()
        Migration.objects.filter(pk=self.pk).update(reserved_until=leases.now())

    @precondition(lambda self: self.hypervisor.runs.get(self.lpar_id))
    @rule()
    def destination_hypervisor_dies(self):
        self.died = self.died or self.own_copy_in(self.HOLDS)
        if self.streams():
            self.partner.stream_breaks()
        self.hypervisor.crash()
        self.hypervisor.runs[self.lpar_id].phase = Phase.NONE

    @precondition(lambda self: self.partner.holds)
    @rule()
    def source_hypervisor_dies(self):
        self.died = True
        if self.streams():
            self.hypervisor.enter(self.lpar_id, RunState.FAILED_INCOMING)
        self.partner.fact = Fact.DEAD

    @rule()
    def schedule_is_due(self):
        self.clock.pass_s(6)
        self.schedule_looks()

    # The other console

    @rule()
    def source_looks(self):
        """Its schedule, with nobody asked."""
        self.partner.go_on()

    @precondition(lambda self: self.partner.state is State.TRANSFERRING)
    @rule()
    def source_loses_its_mover(self):
        self.partner.working = False

    @precondition(lambda self: self.partner.state is State.TRANSFERRING)
    @rule()
    def stop_is_pressed_there(self):
        self.partner.record = replace(self.partner.record, stop=True)
        self.partner.go_on()

    # What must hold

    @invariant()
    def it_runs_only_what_the_source_has_let_go(self):
        assert not self.own_copy_in(RUNS) or self.partner.state in LET_GO

    @invariant()
    def the_partition_is_held_while_it_is_open(self):
        row = self.row
        partition = LogicalPartition.objects.filter(uuid=row.partition_uuid).first()
        if row.state == State.DECLINED and row.released:
            assert partition is None
            assert free() == self.free_before
        else:
            assert bool(partition.hold) == (row.state != State.CLOSED_MOVED)

    def streams(self):
        return self.own_copy_in({RunState.INCOMING}) and self.partner.fact is Fact.ACTIVE

    def settle(self):
        """All is well again: both schedules bring both to matching ends, and one of them has what there is."""
        self.all_is_well()
        self.partner.working = False
        for _number in range(8):
            self.clock.pass_s(70)
            self.partner.go_on()
            self.hear(self.partner.message())
            self.schedule_looks()
            self.never_two_copies()
        row, ends = self.row, (State(self.row.state), self.partner.state)
        event(f"ended {ends[0]}{' after it was loaded' if State.LOADED in self.states_written() else ''}")
        assert ends[1] is ENDS.get(ends[0]), f"no end: {ends}"
        moved = ends[0] is State.CLOSED_MOVED
        assert row.released is not moved
        assert self.partner.words() == {Word.THEIRS if moved else Word.MINE}
        assert moved or not self.hypervisor.runs.get(self.lpar_id)
        if not self.died:
            assert self.own_copy_in(RUNS) == moved
            assert self.partner.runs is not moved


def free():
    here = ManagedSystem.objects.get()
    return here.free_memory_mb, here.free_units


@pytest.mark.timeout(60 + 10 * EXAMPLES)
def test_whatever_happens_the_destination_ends_with_one_copy_and_one_truth(db, scripted):
    play(Destination)
