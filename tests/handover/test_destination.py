"""The destination: prepare, and what it does with what the source tells it."""

import pytest
from django.db import OperationalError

from ivmweb.common.errors import HypervisorError, OperationFailed, PeerError, PrerequisiteFailed
from ivmweb.hypervisor.base import OwnerState, RunState
from ivmweb.lab import data
from ivmweb.system.epochs import operator_fence
from ivmweb.system.models import LogicalPartition, ManagedSystem, VirtualServerAdapter, VirtualTargetDevice
from migration import destination, leases, partner, recovery, services, transfer
from migration.models import Migration
from migration.mover.errors import LinkLost
from migration.peer.messages import PlacementWish, SlotWish, Told
from migration.presentation import situation
from migration.states import Fact, State
from migration.views import reason
from tests.handover.conftest import configuration, fetch, fetch_id, offer, own_luns, request_of


def told(migration_id, state, fact=Fact.UNKNOWN, **fields):
    return Told(
        migration_id=migration_id, role="source", state=state, fact=fact, incarnation="uli14", sequence=1, **fields
    )


def hear(migration, state, **fields):
    return recovery.told(told(migration.pk, state, **fields), fetch(migration))


def taken():
    """Everything that a prepare takes."""
    here = ManagedSystem.objects.get()
    rows = (LogicalPartition, VirtualServerAdapter, VirtualTargetDevice)
    return here.free_memory_mb, here.free_units, *(row.objects.count() for row in rows)


@pytest.fixture
def free(uli13):
    return taken()


# Prepare


def test_prepare_takes_everything_once_and_answers_the_same_again(prepare, uli14, token, free):
    request = request_of()
    first = prepare(request)
    assert (first.state, first.wants, first.lpar_id) == (State.PREPARED, "mover-in", 9)
    after = taken()
    assert after == (free[0] - 256, free[1] - request.configuration.processing_units, *(free[2] + 1, 1, 2))
    assert destination.prepare(request, token, uli14) == destination.prepare(request, token, uli14)
    assert taken() == after
    assert Migration.objects.count() == 1


def test_prepare_gives_the_wanted_id_and_slots(prepare, free):
    wish = PlacementWish(lpar_id=12, slots=(SlotWish(client_slot=2, slot=41),))
    made = prepare(request_of().model_copy(update={"placement": wish}))
    assert made.lpar_id == 12
    assert made.partition.server_adapters.get().slot == 41


@pytest.mark.parametrize("wanted", [1, 60_000])
def test_prepare_refuses_a_wanted_id_that_can_not_be_given(prepare, free, wanted):
    with pytest.raises(PrerequisiteFailed) as caught:
        prepare(request_of().model_copy(update={"placement": PlacementWish(lpar_id=wanted)}))
    assert caught.value.key == "check-wanted-id"
    assert taken() == free


def test_a_prepare_after_the_tombstone_stays_declined_and_makes_nothing(prepare, uli14, token, free):
    request = request_of()
    recovery.told_unknown(told(request.migration_id, State.ABORTING), uli14)
    answered = destination.prepare(request, token, uli14)
    assert answered.state == State.DECLINED
    assert taken() == free


def test_a_tombstone_written_while_prepare_checks_wins(prepare, uli14, token, free, monkeypatch):
    request = request_of()

    def overtaken(*_):
        recovery.told_unknown(told(request.migration_id, State.ABORTING), uli14)

    monkeypatch.setattr(destination, "first_failure", overtaken)
    assert destination.prepare(request, token, uli14).state == State.DECLINED
    assert taken() == free


def test_two_prepares_of_one_migration_at_once_get_the_same_answer(prepare, uli14, token, hypervisor, monkeypatch):
    """The second has seen no row, and its checks find in use what the first has just taken."""
    request, checks = request_of(), destination.first_failure
    own_luns(hypervisor, request)

    def after_the_other(*arguments):
        monkeypatch.setattr(destination, "first_failure", checks)
        destination.prepare(request, token, uli14)
        return checks(*arguments)

    monkeypatch.setattr(destination, "first_failure", after_the_other)
    answered = destination.prepare(request, token, uli14)
    assert (answered.state, Migration.objects.count()) == (State.PREPARED, 1)


def test_a_second_open_migration_of_the_same_partition_is_refused(prepare):
    first = prepare()
    before = taken()
    with pytest.raises(PrerequisiteFailed):
        prepare(configuration=configuration(first.partition_uuid))
    assert taken() == before
    assert Migration.objects.count() == 1


def test_the_row_itself_refuses_a_second_open_migration(prepare, uli14, token, monkeypatch):
    """Also where neither the checks nor the look before have seen the first one."""
    first = prepare()
    monkeypatch.setattr(destination, "first_failure", lambda *_: None)
    LogicalPartition.objects.filter(pk=first.partition_id).delete()
    before = taken()
    monkeypatch.setattr(Migration.objects, "filter", blind_to(first, Migration.objects.filter))
    with pytest.raises(PrerequisiteFailed) as refused:
        destination.prepare(request_of(configuration=configuration(first.partition_uuid)), token, uli14)
    assert refused.value.key == "partition-is-migrating"
    assert taken() == before


def blind_to(migration, real):
    """Answers as before that migration's row was there, where a partition is looked for."""

    def look(*arguments, **conditions):
        found = real(*arguments, **conditions)
        return found.exclude(pk=migration.pk) if "partition_uuid" in conditions else found

    return look


@pytest.mark.parametrize("key", ["memory_mb", "luns"])
def test_a_prepare_that_can_not_be_met_leaves_nothing_half_made(uli14, token, free, monkeypatch, key):
    monkeypatch.setattr(destination, "first_failure", lambda *_: None)  # what was true at the checks is no more
    asked = configuration()
    if key == "memory_mb":
        asked = asked.model_copy(update={"memory_mb": 8000, "memory_maximum_mb": 8000})
    else:
        VirtualTargetDevice.objects.all().delete()
        disk = asked.adapters[0].disks[1].model_copy(update={"unique_id": "no such LUN"})
        adapter = asked.adapters[0].model_copy(update={"disks": (asked.adapters[0].disks[0], disk)})
        asked = asked.model_copy(update={"adapters": (adapter,)})
    with pytest.raises(PrerequisiteFailed):
        destination.prepare(request_of(configuration=asked), token, uli14)
    assert taken() == free
    assert not Migration.objects.exists()


def test_nothing_is_made_when_the_row_can_not_be_written(uli14, token, free, hypervisor, monkeypatch):
    own_luns(hypervisor, request := request_of())

    def fail(*_, **__):
        raise OperationalError("the disk is full")

    monkeypatch.setattr(destination, "note", fail)
    with pytest.raises(OperationalError):
        destination.prepare(request, token, uli14)
    assert taken() == free


def test_an_inactive_prepare_can_be_repeated_after_the_hypervisor_was_away(prepare, uli14, token, hypervisor):
    request = request_of(inactive=True)
    hypervisor.before["create"] = lambda: setattr(hypervisor, "is_reachable", False)
    with pytest.raises(HypervisorError):
        destination.prepare(request, token, uli14)
    hypervisor.is_reachable = True
    assert destination.prepare(request, token, uli14).state == State.PREPARED
    assert hypervisor.runs[9].run_state is RunState.NOT_ACTIVATED


def test_an_inactive_partition_is_defined_although_its_id_was_used_before(prepare, hypervisor):
    """Commands to an earlier partition of that ID had epochs too; that of the definition is newer."""
    hypervisor.epochs[9] = operator_fence().epoch
    migration = prepare(request_of(inactive=True))
    assert hypervisor.runs[9].definition.uuid == str(migration.partition_uuid)
    assert fetch(migration).lease_until == 0


def test_an_inactive_prepare_says_that_nothing_is_defined_while_a_worker_has_it(uli14, token, prepare, hypervisor):
    request = request_of(inactive=True)
    prepare(request)
    hypervisor.runs.clear()
    fence = leases.claim(request.migration_id, "schedule")
    assert destination.prepare(request, token, uli14).fact == Fact.NONE
    leases.release(fence)
    assert destination.prepare(request, token, uli14).fact == Fact.DEAD


def test_a_lost_definition_hands_a_surrendered_inactive_partition_back(incoming, hypervisor, free):
    """Else both would wait: the source for an answer, the destination for LUNs that it can not see."""
    migration = incoming("prepared", inactive=True)
    hypervisor.runs.clear()
    assert hear(migration, State.SURRENDERED).state == State.DECLINED
    assert taken() == free


# The commit


def test_a_commit_accepts_takes_the_luns_resumes_and_starts_within_one_message(incoming, hypervisor):
    migration = incoming("loaded")
    answered = hear(migration, State.SURRENDERED)
    assert (answered.state, answered.fact) == (State.STARTED, Fact.RUN)
    assert hypervisor.runs[9].run_state is RunState.RUNNING
    words = hypervisor.owner_words(9)
    assert {(word.system, word.state) for word in words} == {(data.ULI13.identity, OwnerState.OWNED)}
    states = [event.to_state for event in migration.events.all() if event.to_state]
    assert states == [State.PREPARED, State.ACCEPTED, State.STARTED]
    assert fetch(migration).lease_until == 0


def test_accepted_is_written_before_anything_is_commanded(incoming, hypervisor):
    migration = incoming("loaded")
    seen = []
    for command in ("change_owner_words", "resume"):
        hypervisor.before[command] = lambda: seen.append(fetch(migration).state)
    hear(migration, State.SURRENDERED)
    assert seen == [State.ACCEPTED] * 2


def test_the_same_commit_twice_gets_the_same_answer_and_commands_once(incoming, hypervisor):
    migration = incoming("loaded")
    first = hear(migration, State.SURRENDERED)
    calls = list(hypervisor.calls)
    assert hear(migration, State.SURRENDERED) == first
    assert hypervisor.calls == calls


def test_a_commit_to_an_image_that_died_is_declined_and_everything_given_back(incoming, hypervisor, free):
    migration = incoming("loaded")
    hypervisor.enter(9, RunState.NOT_ACTIVATED)
    assert hear(migration, State.SURRENDERED).state == State.DECLINED
    assert taken() == free
    assert ("resume", 9) not in hypervisor.calls


def test_a_commit_waits_while_the_luns_are_not_offered_or_the_hypervisor_is_silent(incoming, hypervisor):
    migration = incoming("loaded")
    offer(hypervisor, migration, system="7998-60X*ANOTHER")
    hypervisor.runs[9].words = [destination.look.owned_by(data.ULI14.identity, migration)] * 2
    assert hear(migration, State.SURRENDERED).state == State.LOADED
    offer(hypervisor, migration)
    hypervisor.is_reachable = False
    assert hear(migration, State.SURRENDERED).state == State.LOADED
    hypervisor.is_reachable = True
    assert hear(migration, State.SURRENDERED).state == State.STARTED


def test_a_resume_that_is_refused_stays_accepted_with_its_cause_and_goes_on_later(incoming, hypervisor):
    migration = incoming("loaded")
    hypervisor.refuse("resume")
    assert hear(migration, State.SURRENDERED).state == State.ACCEPTED
    assert "the test says so" in fetch(migration).local_error
    assert hear(migration, State.SURRENDERED).state == State.ACCEPTED
    hypervisor.refusals.clear()
    assert recovery.recover(fetch(migration), "schedule") is not None
    assert fetch(migration).state == State.STARTED
    assert fetch(migration).local_error == ""


def test_an_image_that_dies_before_the_accept_is_declined_with_its_cause(incoming, hypervisor):
    migration = incoming("loaded")
    hypervisor.enter(9, RunState.NOT_ACTIVATED)
    assert hear(migration, State.SURRENDERED).state == State.DECLINED
    assert fetch(migration).message_key == "image-lost"


def test_an_image_that_dies_after_the_accept_is_the_destinations_and_down(incoming, hypervisor):
    migration = incoming("loaded")
    hypervisor.before["resume"] = lambda: hypervisor.enter(9, RunState.NOT_ACTIVATED)
    assert hear(migration, State.SURRENDERED).state == State.ACCEPTED
    assert hear(migration, State.SURRENDERED).state == State.STARTED
    assert fetch(migration).partition.state == "Not Activated"


def test_an_inactive_partition_is_accepted_without_being_started_and_may_then_be_activated(incoming, hypervisor):
    migration = incoming("prepared", inactive=True)
    offer(hypervisor, migration)
    assert hear(migration, State.SURRENDERED).state == State.STARTED
    partition = fetch(migration).partition
    assert (partition.state, partition.hold) == ("Not Activated", "")
    assert hypervisor.runs[9].run_state is RunState.NOT_ACTIVATED


def test_the_source_that_closed_ends_it_here_and_the_hold_is_released(incoming):
    migration = incoming("loaded")
    hear(migration, State.SURRENDERED)
    assert fetch(migration).partition.hold == f"migration {migration.pk}"
    assert hear(migration, State.CLOSED_MOVED).state == State.CLOSED_MOVED
    assert fetch(migration).partition.hold == ""


# The abort


@pytest.mark.parametrize("state", ["prepared", "loaded"])
def test_an_abort_declines_and_gives_everything_back(incoming, hypervisor, free, state):
    migration = incoming(state)
    assert hear(migration, State.ABORTING).state == State.DECLINED
    assert taken() == free
    assert 9 not in hypervisor.runs
    assert fetch(migration).released


def test_declined_is_written_before_the_image_is_discarded(incoming, hypervisor):
    migration = incoming("loaded")
    seen = []
    hypervisor.before["discard"] = lambda: seen.append(fetch(migration).state)
    hear(migration, State.ABORTING)
    assert seen == [State.DECLINED]


@pytest.mark.parametrize("state", [State.ACCEPTED, State.STARTED, State.CLOSED_MOVED])
def test_an_abort_after_the_accept_changes_nothing_and_hears_the_truth(incoming, hypervisor, state):
    migration = incoming(state)
    hypervisor.runs[9].words = []
    hypervisor.boot(9)
    expected = State.STARTED if state is State.ACCEPTED else state
    assert hear(migration, State.ABORTING).state == expected
    assert hypervisor.runs[9].run_state is RunState.RUNNING
    assert ("discard", 9) not in hypervisor.calls


def test_what_can_still_change_decides_nothing(incoming, hypervisor):
    migration = incoming("loaded")
    assert hear(migration, State.TRANSFERRING, fact=Fact.PARKED).state == State.LOADED
    assert hypervisor.runs[9].run_state is RunState.LOADED


def test_a_loaded_image_is_held_for_ever_while_the_source_is_silent(incoming, hypervisor, partner, clock):
    migration = incoming("loaded")
    partner.is_silent = True
    for _ in range(3):
        clock.pass_s(30 * 86400)
        recovery.recover(fetch(migration), "schedule")
    assert fetch(migration).state == State.LOADED
    assert hypervisor.runs[9].run_state is RunState.LOADED
    assert "uli14" in fetch(migration).partner_error


def test_a_reservation_that_nobody_fills_is_given_back_in_time(incoming, hypervisor, partner, clock, free):
    migration = incoming("prepared")
    clock.pass_s(destination.PREPARED_FOR_S - 1)
    recovery.recover(fetch(migration), "schedule")
    assert fetch(migration).state == State.PREPARED
    clock.pass_s(2)
    recovery.recover(fetch(migration), "schedule")
    assert (fetch(migration).state, taken()) == (State.DECLINED, free)
    assert partner.heard == [State.DECLINED]


def test_a_shell_that_a_frozen_worker_ordered_is_refused_once_all_is_given_back(
    prepare, hypervisor, partner, clock, free
):
    migration = prepare(request_of())
    definition = services.system.definition_of(migration.partition)
    frozen = leases.claim(migration.pk, "mover-in")
    clock.pass_s(600)
    recovery.recover(fetch(migration), "schedule")
    assert (fetch(migration).released, taken()) == (True, free)
    with pytest.raises(HypervisorError) as refused:
        hypervisor.create_incoming(definition, frozen)
    assert refused.value.key == "stale-epoch"


def test_a_reservation_that_a_worker_fills_does_not_expire(incoming, clock, hypervisor):
    migration = incoming("prepared")
    clock.pass_s(600)
    leases.claim(migration.pk, "mover-in")
    assert hear(migration, State.TRANSFERRING).state == State.PREPARED


def test_a_clean_up_that_is_refused_is_tried_again_until_all_is_given_back(incoming, hypervisor, free):
    migration = incoming("loaded")
    hypervisor.refuse("discard")
    assert hear(migration, State.ABORTING).state == State.DECLINED
    assert not fetch(migration).released
    assert "the test says so" in fetch(migration).local_error
    hypervisor.refusals.clear()
    recovery.recover(fetch(migration), "schedule")
    assert fetch(migration).released
    assert taken() == free


# Ids never seen


@pytest.mark.parametrize("state", [State.ABORTING, State.FORCED_BACK, State.IN_DOUBT])
def test_an_abort_of_an_unknown_id_leaves_a_tombstone(uli14, state):
    request = request_of()
    answered = recovery.told_unknown(told(request.migration_id, state), uli14)
    row = fetch_id(request.migration_id)
    assert (answered.state, row.state, row.released) == (State.DECLINED, State.DECLINED, True)


NO_ABORTS = [State.TRANSFERRING, State.SURRENDERED, State.COMPLETING, State.TAKEN_BACK, State.CLOSED_MOVED]


@pytest.mark.parametrize("state", NO_ABORTS)
def test_a_query_or_commit_of_an_unknown_id_leaves_nothing(uli14, state):
    """A commit goes to a side that has loaded everything: records that do not know it are lost and prove nothing."""
    with pytest.raises(PeerError) as refused:
        recovery.told_unknown(told(request_of().migration_id, state), uli14)
    assert refused.value.key == "peer-migration-unknown"
    assert not Migration.objects.exists()


# The receiving worker


def test_a_receiving_worker_overtaken_by_an_abort_cleans_up_before_it_leaves(
    prepare, hypervisor, free, monkeypatch, clock
):
    """The message only records it, since the worker has the lease; the reservations do not wait for the grace."""
    migration = prepare()

    def aborted(*_):
        assert hear(migration, State.ABORTING).state == State.DECLINED
        raise transfer.OperationFailed("migration-overtaken", partition="x", remote="y", state=fetch(migration).state)

    monkeypatch.setattr(transfer.receiver, "receive_state", aborted)
    transfer_receive(migration)
    row = fetch(migration)
    assert (row.state, row.released, row.lease_until) == (State.DECLINED, True, 0)
    assert taken() == free


def test_a_receiving_worker_that_fails_declines_at_once_and_tells_the_source(prepare, free, partner, monkeypatch):
    migration = prepare()

    def broken(*_):
        raise PeerError("mover-no-source", permanent=False, port=1, timeout_s=60, partition="ID 9")

    monkeypatch.setattr(transfer.receiver, "receive_state", broken)
    transfer_receive(migration)
    row = fetch(migration)
    assert (row.state, row.released, row.message_key) == (State.DECLINED, True, "mover-no-source")
    assert taken() == free
    assert partner.heard == [State.DECLINED]


def test_loaded_is_recorded_on_the_hypervisors_word_and_the_lease_is_free_for_the_commit(
    prepare, hypervisor, monkeypatch
):
    migration = prepare()
    answers = []

    def receive(vmc, lpar_id, fence, listener, hooks):
        hypervisor.load(lpar_id)
        hooks.on_loaded()
        offer(hypervisor, migration)
        answers.append(hear(migration, State.SURRENDERED).state)
        return transfer.receiver.Received(told=True, bytes_transmitted=1, passes=3)

    monkeypatch.setattr(transfer.receiver, "receive_state", receive)
    transfer_receive(migration)
    assert answers == [State.STARTED]
    assert fetch(migration).state == State.STARTED


def test_the_digest_of_the_stream_that_came_is_kept_where_no_pages_are_hashed(prepare, hypervisor, monkeypatch):
    hypervisor.hashes_pages = False
    migration = prepare()

    def receive(vmc, lpar_id, fence, listener, hooks):
        hypervisor.load(lpar_id)
        hooks.on_loaded()
        return transfer.receiver.Received(True, 1, 3, "cd" * 32)

    monkeypatch.setattr(transfer.receiver, "receive_state", receive)
    transfer_receive(migration)
    row = fetch(migration)
    assert (row.local_digest, row.digest_kind) == ("cd" * 32, "stream")


def test_the_lease_lasts_as_long_as_the_hypervisor_may_take_for_the_shell(prepare, hypervisor, clock, monkeypatch):
    migration = prepare()
    seen = []
    monkeypatch.setattr(
        transfer.receiver,
        "receive_state",
        lambda *_: seen.append(fetch(migration).mover_port) or transfer.receiver.Received(True, 0, 0),
    )
    hypervisor.before["create_incoming"] = lambda: (clock.pass_s(20), seen.append(leases.is_alive(fetch(migration))))
    transfer_receive(migration)
    assert seen[0] is True
    assert seen[1]


def transfer_receive(migration):
    services.tasks.receive_state(str(migration.pk))


# Why it ended, as both sides see it

LOST = {
    "code": "VIOSE01049000-9450",
    "message_key": "mover-link-lost",
    "message_params": {"partition": "uli14lp9 (ID 5)", "reason": "x"},
}


def their(key, text="words"):
    return {"cause": {"key": key, "code": "VIOSE01049000-9999", "text": text}}


@pytest.mark.parametrize(
    ("own", "theirs", "key", "words"),
    [
        ({}, their("worker-lost", "its worker."), "rolled-back-by-source", "[VIOSE01049000-9999] its worker."),
        (LOST, their("worker-lost", "its worker."), "rolled-back-by-source", "its worker."),
        ({}, their("mover-link-lost"), "mover-silent", "its log"),
        (LOST, their("mover-link-lost"), "mover-link-lost", "its mover was ended"),
        ({}, {}, "rolled-back-by-source", "The Status page there says why."),
        (LOST | {"message_key": "mover-no-port"}, their("peer-not-ready"), "mover-no-port", ""),
    ],
)
def test_a_declined_migration_says_the_better_known_of_two_causes(incoming, own, theirs, key, words):
    migration = incoming("prepared")
    Migration.objects.filter(pk=migration.pk).update(**own)
    hear(migration, State.ABORTING, **theirs)
    migration = fetch(migration)
    assert (migration.state, migration.message_key) == (State.DECLINED, key)
    if words:
        assert words in reason(migration)


@pytest.mark.parametrize(
    ("told", "key"),
    [
        (their("no-convergence", "It writes too fast."), "rolled-back-by-source"),
        (their("mover-link-lost"), "mover-link-lost"),
        ({"stopped": True} | their("mover-stopped"), "mover-link-lost"),  # not shown: Stop is the reason
    ],
)
def test_one_that_declined_as_its_link_went_learns_why_later(incoming, told, key):
    migration = incoming("declined")
    Migration.objects.filter(pk=migration.pk).update(**LOST)
    hear(fetch(migration), State.ABORTING, **told)
    assert fetch(migration).message_key == key
    if key == "rolled-back-by-source":
        assert "[VIOSE01049000-9999] It writes too fast." in reason(fetch(migration))


def test_stop_at_the_source_is_no_fault_at_the_destination(incoming):
    migration = incoming("prepared")
    Migration.objects.filter(pk=migration.pk).update(**LOST)
    hear(migration, State.ABORTING, stopped=True, **their("mover-stopped"))
    migration = fetch(migration)
    assert (migration.state, migration.message_key, migration.code) == (State.DECLINED, "", "")
    words = situation(migration, here="uli13")
    assert "was stopped" in words.headline
    assert "nothing to do" in words.advice


@pytest.mark.parametrize("before", [{"state": State.DECLINED}, {"stop_requested": True}])
def test_a_link_that_was_cut_by_the_end_of_it_all_is_no_cause(incoming, before):
    """The mover of a destination that has declined says last that it lost its connection."""
    seen_by_the_mover = incoming("prepared")
    fence = leases.claim(seen_by_the_mover.pk, "mover-in")
    Migration.objects.filter(pk=seen_by_the_mover.pk).update(**before)
    transfer.explain(seen_by_the_mover, fence, LinkLost(5, "x"))
    assert (seen_by_the_mover.message_key, seen_by_the_mover.code) == ("", "")


@pytest.mark.parametrize("state", ["loaded", "accepted", "started"])
def test_a_mover_that_was_faster_told_than_written_has_nothing_to_complain_of(incoming, state):
    """The source tells its state in the moment between the last byte and the record; more may follow at once."""
    seen_by_the_mover = incoming("loaded")
    fence = leases.claim(seen_by_the_mover.pk, "mover-in")
    Migration.objects.filter(pk=seen_by_the_mover.pk).update(state=state)
    transfer.record_loaded(seen_by_the_mover, fence)
    assert fetch(seen_by_the_mover).state == state
    assert not leases.is_alive(fetch(seen_by_the_mover))


def test_a_mover_whose_migration_was_declined_meanwhile_says_so(incoming):
    seen_by_the_mover = incoming("loaded")
    fence = leases.claim(seen_by_the_mover.pk, "mover-in")
    Migration.objects.filter(pk=seen_by_the_mover.pk).update(state="declined")
    with pytest.raises(OperationFailed, match="9208"):
        transfer.record_loaded(seen_by_the_mover, fence)


def test_what_the_mover_says_of_an_id_is_kept_with_the_name(incoming):
    migration = incoming("prepared")
    fence = leases.claim(migration.pk, "mover-in")
    transfer.explain(migration, fence, LinkLost(migration.lpar_id, "reset"))
    called = f"partition uli14lp9 (ID {migration.lpar_id}) was lost: reset."
    assert called in reason(fetch(migration))
    assert called in str(migration.events.last().sentence)


def test_a_cut_link_is_no_cause_though_the_stop_is_heard_of_later(incoming):
    migration = incoming("declined")
    Migration.objects.filter(pk=migration.pk).update(**LOST, stop_requested=True)
    assert reason(fetch(migration)) == ""


def test_reservations_are_given_back_once_in_the_journal(incoming):
    migration = incoming("declined")
    fence = leases.claim(migration.pk, "web")
    for _press in range(2):
        destination.release(migration, fence)
    assert [line.text for line in migration.events.all()].count("all reservations given back") == 1


def test_counters_that_a_dead_mover_has_not_told_come_from_the_other_side(incoming):
    migration = incoming("loaded")
    Migration.objects.filter(pk=migration.pk).update(state=State.STARTED, passes=1, bytes_transmitted=10)
    hear(migration, State.CLOSED_MOVED, passes=3, bytes_transmitted=99)
    assert (fetch(migration).passes, fetch(migration).bytes_transmitted) == (3, 99)
    hear(migration, State.CLOSED_MOVED, passes=2, bytes_transmitted=50)
    assert (fetch(migration).passes, fetch(migration).bytes_transmitted) == (3, 99)


def test_what_the_partner_tells_lowers_no_counter_that_the_own_mover_writes_meanwhile(incoming):
    seen_by_the_web_process = incoming("started")
    Migration.objects.filter(pk=seen_by_the_web_process.pk).update(passes=3, bytes_transmitted=99)
    partner.take(seen_by_the_web_process, told(seen_by_the_web_process.pk, State.COMPLETING, bytes_transmitted=50))
    row = fetch(seen_by_the_web_process)
    assert (row.passes, row.bytes_transmitted) == (3, 99)
