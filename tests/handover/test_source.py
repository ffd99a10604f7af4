"""The source: whole runs with a scripted partner, taking back, going on, and waiting."""

from dataclasses import replace

import pytest
from pydantic import ValidationError

from ivmweb.common.errors import HypervisorError
from ivmweb.common.sentence import Sentence
from ivmweb.hypervisor.base import OwnerState, RunState
from ivmweb.lab import data
from ivmweb.monitor.models import TaskStatus
from ivmweb.system.epochs import operator_fence
from ivmweb.system.models import LogicalPartition, ManagedSystem, PartitionState
from migration import leases, look, recovery, services, source, tasks, transfer
from migration import partner as migration_partner
from migration.models import Migration
from migration.mover.progress import MoverPhase, Progress
from migration.peer.messages import Told
from migration.states import Fact, State, Wait
from tests.handover.conftest import fetch
from tests.handover.partner import ScriptedClient


def recover(migration, worker="schedule"):
    return recovery.recover(fetch(migration), worker)


@pytest.fixture
def parked(start, uli13lp1, hypervisor):
    """Everything is sent and the partition stands suspended here; as far as `state`, and nobody is at work."""

    def parked(state=State.SURRENDERED):
        migration = start(uli13lp1, state)
        hypervisor.park(migration.lpar_id, migration.pk)
        if state is not State.TRANSFERRING:
            word = look.offered_by(data.ULI13.identity, migration)
            hypervisor.runs[migration.lpar_id].words = [word] * 5
        return migration

    return parked


@pytest.fixture
def home(hypervisor):
    """Checks that the partition is an ordinary, running one here."""

    def home(migration, state=PartitionState.RUNNING):
        partition = LogicalPartition.objects.get(uuid=migration.partition_uuid)
        assert (partition.state, partition.hold) == (state, "")
        assert hypervisor.runs[migration.lpar_id].run_state.value == state.value.lower()
        assert fetch(migration).state == State.CLOSED_KEPT

    return home


def gone(migration, hypervisor):
    assert not LogicalPartition.objects.filter(uuid=migration.partition_uuid).exists()
    assert migration.lpar_id not in hypervisor.runs
    assert fetch(migration).state == State.CLOSED_MOVED


# After the surrender


def test_declined_is_taken_back_resumed_and_closed(parked, partner, hypervisor, home):
    migration = parked()
    partner.state = State.DECLINED
    recover(migration)
    home(migration)
    states = [event.to_state for event in migration.events.all() if event.to_state]
    assert states == [State.TRANSFERRING, State.TAKEN_BACK, State.CLOSED_KEPT]
    assert {word.state for word in hypervisor.owner_words(migration.lpar_id)} == {OwnerState.OWNED}
    assert fetch(migration).task.status == TaskStatus.FAILED
    assert fetch(migration).message_key == "declined-by-destination"


def test_taken_back_is_written_before_the_partition_is_resumed(parked, partner, hypervisor):
    migration = parked()
    partner.state = State.DECLINED
    seen = []
    for command in ("change_owner_words", "resume"):
        hypervisor.before[command] = lambda: seen.append(fetch(migration).state)
    recover(migration)
    assert seen == [State.TAKEN_BACK] * 2


def test_accepted_is_quit_here_and_closed_when_it_has_started_there(parked, partner, hypervisor):
    migration = parked()
    free_mb = ManagedSystem.objects.get().free_memory_mb
    memory_mb = migration.partition.memory_mb
    partner.state = State.ACCEPTED
    assert recover(migration) is Wait.PARTNER
    assert fetch(migration).state == State.COMPLETING
    assert migration.lpar_id not in hypervisor.runs
    assert LogicalPartition.objects.filter(pk=migration.partition_id).exists()  # kept until the partner says started
    partner.state = State.STARTED
    recover(migration)
    gone(migration, hypervisor)
    assert ManagedSystem.objects.get().free_memory_mb == free_mb + memory_mb
    assert fetch(migration).task.status == TaskStatus.SUCCEEDED
    assert partner.heard[-1] == State.CLOSED_MOVED
    assert fetch(migration).partner_state == State.CLOSED_MOVED


def test_a_surrendered_partition_stays_parked_for_ever_while_the_partner_is_silent(
    parked, partner, hypervisor, clock
):
    migration = parked()
    partner.is_silent = True
    calls = list(hypervisor.calls)
    for _ in range(5):
        clock.pass_s(30 * 86400)
        assert recover(migration) is Wait.PARTNER
    assert fetch(migration).state == State.SURRENDERED
    assert hypervisor.runs[migration.lpar_id].run_state is RunState.COMPLETED
    assert hypervisor.calls == calls
    assert "uli14" in fetch(migration).partner_error


@pytest.mark.parametrize("state", [State.PREPARED, State.LOADED])
def test_a_not_yet_of_the_partner_decides_nothing_after_the_surrender(
    parked, partner, hypervisor, state, monkeypatch
):
    migration = parked()
    partner.state, partner.fact = state, Fact.DEAD
    monkeypatch.setattr(partner, "hear", lambda told: partner.answer())
    recover(migration)
    assert fetch(migration).state == State.SURRENDERED
    assert hypervisor.runs[migration.lpar_id].run_state is RunState.COMPLETED


def test_a_surrender_whose_luns_were_not_offered_yet_offers_them_first(parked, partner, hypervisor):
    migration = parked()
    hypervisor.runs[migration.lpar_id].words = [look.owned_by(data.ULI13.identity, migration)] * 5
    seen = []
    partner.state, partner.fact = State.LOADED, Fact.LOADED
    partner.before = [lambda: seen.append({word.state for word in hypervisor.owner_words(migration.lpar_id)})]
    recover(migration)
    assert seen == [{OwnerState.OFFERED}]
    gone(migration, hypervisor)


# Before the surrender


def test_a_transfer_that_nobody_drives_is_rolled_back(start, uli13lp1, hypervisor, partner, home):
    migration = start(uli13lp1, State.TRANSFERRING)
    hypervisor.open_stream(migration.lpar_id, migration.pk)
    recover(migration)
    home(migration)
    assert ("cancel_transfer", migration.lpar_id) in hypervisor.calls


def test_an_abort_resumes_at_once_and_is_told_again_until_the_partner_answers(parked, partner, hypervisor, home):
    migration = parked(State.ABORTING)
    hypervisor.runs[migration.lpar_id].words = []
    partner.is_silent = True
    assert recover(migration) is Wait.PARTNER
    assert hypervisor.runs[migration.lpar_id].run_state is RunState.RUNNING
    assert fetch(migration).state == State.ABORTING
    assert LogicalPartition.objects.get(pk=migration.partition_id).hold
    partner.is_silent = False
    recover(migration)
    home(migration)


def test_an_aborted_partition_whose_hypervisor_died_waits_for_declined_and_is_then_off(
    parked, partner, hypervisor, home
):
    migration = parked(State.ABORTING)
    hypervisor.enter(migration.lpar_id, RunState.NOT_ACTIVATED)
    partner.is_silent = True
    assert recover(migration) is Wait.PARTNER
    assert fetch(migration).state == State.ABORTING
    partner.is_silent = False
    recover(migration)
    home(migration, PartitionState.NOT_ACTIVATED)


def test_both_hypervisors_have_all_so_recovery_goes_forward(parked, partner, hypervisor):
    migration = parked(State.TRANSFERRING)
    partner.state, partner.fact = State.LOADED, Fact.LOADED
    recover(migration)
    gone(migration, hypervisor)


@pytest.mark.parametrize("fact", [Fact.DEAD, Fact.UNKNOWN, Fact.INCOMING])
def test_a_destination_that_is_not_loaded_now_is_rolled_back(parked, partner, hypervisor, fact, home):
    migration = parked(State.TRANSFERRING)
    hypervisor.runs[migration.lpar_id].words = []
    partner.state, partner.fact = State.LOADED, fact
    recover(migration)
    home(migration)
    assert State.SURRENDERED not in partner.heard


def test_a_stop_in_the_last_moment_rolls_back_although_both_have_all(parked, partner, hypervisor, home):
    migration = parked(State.TRANSFERRING)
    partner.state, partner.fact = State.LOADED, Fact.LOADED
    partner.before = [lambda: services.request_stop(fetch(migration), Sentence("Stop"))]
    recover(migration)
    home(migration)
    assert fetch(migration).task.status == TaskStatus.STOPPED


# Recover


def test_recover_twice_does_no_more_than_once(parked, partner, hypervisor):
    migration = parked()
    partner.state = State.DECLINED
    recover(migration)
    calls, lines = list(hypervisor.calls), migration.events.count()
    recover(migration)
    assert hypervisor.calls == calls
    assert migration.events.count() == lines


def test_recover_does_nothing_while_a_worker_is_at_work(parked, partner, padmin, hypervisor):
    migration = parked()
    assert leases.claim(migration.pk, "mover-out")
    before = fetch(migration)
    assert "at work" in services.recover(fetch(migration), user=padmin, origin="test").words
    assert partner.heard == []
    assert (fetch(migration).epoch, fetch(migration).worker) == (before.epoch, "mover-out")


def test_recover_pressed_at_once_does_not_wait_for_the_grace(parked, partner, padmin, clock, home):
    migration = parked()
    leases.claim(migration.pk, "mover-out")
    partner.state = State.DECLINED
    clock.pass_s(5.1)
    assert "rolled back" in services.recover(fetch(migration), user=padmin, origin="test").words
    home(migration)


def test_recover_pressed_late_says_when_and_by_whom_it_was_done(parked, partner, padmin, clock):
    migration = parked()
    leases.claim(migration.pk, "mover-out")
    partner.state = State.DECLINED
    clock.pass_s(60)
    recover(migration)
    ended = fetch(migration)
    text = services.recover(ended, user=padmin, origin="test").words
    assert text == f"Already rolled back at {ended.ended_at:%H:%M:%S} UTC by the schedule."


def test_recover_says_that_the_partner_must_answer(parked, partner, padmin):
    migration = parked()
    partner.is_silent = True
    text = services.recover(fetch(migration), user=padmin, origin="test").words
    assert text.startswith("uli14 must answer before more can be done")


def test_a_person_who_presses_recover_waits_once_and_the_schedule_has_its_own_time(
    parked, partner, padmin, monkeypatch
):
    given = []

    def client(remote, *, patience):
        given.append(patience)
        return ScriptedClient(partner)

    monkeypatch.setattr(migration_partner, "PeerClient", client)
    migration = parked()
    partner.is_silent = True
    services.recover(fetch(migration), user=padmin, origin="test")
    assert {patience.total_s for patience in given} == {10.0}
    assert len(set(given)) == 1  # shared by all questions of this press
    given.clear()
    recover(migration)
    assert set(given) == {None}


def test_recover_that_is_overtaken_says_that_it_is_at_work(parked, partner, padmin, clock):
    migration = parked()

    def overtake():
        clock.pass_s(60)
        assert leases.claim(migration.pk, "schedule")

    partner.state = State.DECLINED
    partner.before = [overtake]
    assert "at work" in services.recover(fetch(migration), user=padmin, origin="test").words
    assert fetch(migration).worker == "schedule"


# A hypervisor that does not answer


@pytest.mark.parametrize(
    ("state", "answer"),
    [
        (State.ABORTING, State.DECLINED),
        (State.TAKEN_BACK, State.DECLINED),
        (State.COMPLETING, State.STARTED),
    ],
)
def test_a_silent_hypervisor_is_waited_for_with_its_cause_and_gone_on_with_later(
    parked, partner, hypervisor, padmin, state, answer
):
    migration = parked(state)
    if state is State.ABORTING:
        hypervisor.runs[migration.lpar_id].words = []
    partner.state = answer
    hypervisor.is_reachable = False
    text = services.recover(fetch(migration), user=padmin, origin="test").words
    row = fetch(migration)
    assert row.state == state
    assert row.lease_until == 0
    assert "the test says so" in row.local_error
    assert "the test says so" in text
    hypervisor.is_reachable = True
    recover(migration)
    assert fetch(migration).is_final
    assert fetch(migration).local_error == ""


@pytest.mark.parametrize(
    ("state", "answer", "command"),
    [
        (State.ABORTING, State.DECLINED, "resume"),
        (State.TAKEN_BACK, State.DECLINED, "change_owner_words"),
        (State.TAKEN_BACK, State.DECLINED, "resume"),
        (State.COMPLETING, State.STARTED, "discard"),
        (State.COMPLETING, State.STARTED, "remove"),
    ],
)
def test_a_refused_command_leaves_the_record_with_its_cause_and_is_tried_again(
    parked, partner, hypervisor, state, answer, command
):
    migration = parked(state)
    if state is State.ABORTING:
        hypervisor.runs[migration.lpar_id].words = []
    partner.state = answer
    hypervisor.refuse(command)
    assert recover(migration) is Wait.HYPERVISOR
    assert recover(migration) is Wait.HYPERVISOR
    assert fetch(migration).state == state
    assert "the test says so" in fetch(migration).local_error
    assert sum("the test says so" in str(event.sentence) for event in migration.events.all()) == 1
    hypervisor.refusals.clear()
    recover(migration)
    assert fetch(migration).is_final


def test_an_offer_of_a_frozen_worker_is_refused_once_the_partition_is_taken_back(parked, partner, hypervisor):
    migration = parked()
    hypervisor.runs[migration.lpar_id].words = [look.owned_by(data.ULI13.identity, migration)] * 5
    hypervisor.enter(migration.lpar_id, RunState.NOT_ACTIVATED)
    frozen = leases.claim(migration.pk, "control")
    Migration.objects.filter(pk=migration.pk).update(lease_until=0)
    partner.state = State.DECLINED
    recover(migration)
    assert fetch(migration).state == State.CLOSED_KEPT
    with pytest.raises(HypervisorError) as refused:
        source.offer_word(fetch(migration), frozen)
    assert refused.value.key == "stale-epoch"
    assert all(word.state is OwnerState.OWNED for word in hypervisor.runs[migration.lpar_id].words)


# What the destination tells


def told(migration, state, **fields):
    message = Told(migration_id=migration.pk, role="destination", state=state, fact="unknown", incarnation="uli14",
                   sequence=1, **fields)  # fmt: skip
    return recovery.told(message, fetch(migration))


def test_the_destinations_declined_is_acted_on_when_it_is_told(parked, hypervisor, home):
    migration = parked()
    assert told(migration, State.DECLINED).state == State.CLOSED_KEPT
    home(migration)


def test_a_question_of_the_destination_does_not_disturb_a_transfer_at_work(start, uli13lp1, hypervisor):
    migration = start(uli13lp1, State.TRANSFERRING)
    leases.claim(migration.pk, "mover-out")
    hypervisor.open_stream(migration.lpar_id, migration.pk)
    assert told(migration, State.PREPARED).state == State.TRANSFERRING


def test_no_message_of_the_destination_stops_a_migration(start, uli13lp1):
    """Stop is on the source only."""
    migration = start(uli13lp1, State.TRANSFERRING)
    with pytest.raises(ValidationError, match="stop"):
        told(migration, State.PREPARED, stop=True)


def test_a_message_that_was_overtaken_while_it_looked_commands_nothing(parked, hypervisor, partner):
    """It saw the image here; then a worker ended the migration, and the ID went to another partition."""
    migration = parked(State.COMPLETING)
    partner.state = State.STARTED
    newcomer = []

    def end_it():
        recover(migration)
        gone(migration, hypervisor)
        fence = operator_fence()
        definition = replace(old.definition, uuid="another", name="newcomer")
        hypervisor.create(definition, fence)
        newcomer.append(definition)

    old = hypervisor.runs[migration.lpar_id]
    hypervisor.before["owner_words"] = end_it
    told(migration, State.STARTED)
    assert hypervisor.runs[migration.lpar_id].definition == newcomer[0]


def test_an_inactive_partition_that_is_not_defined_there_yet_is_not_surrendered(start, uli13lp2, partner):
    """Its destination may ask while it is still making things; the worker at work goes on by itself."""
    migration = start(uli13lp2, State.TRANSFERRING)
    leases.claim(migration.pk, "control")
    assert told(migration, State.PREPARED).state == State.TRANSFERRING


# Whole runs


class Sent:
    """In place of the sending mover: all is sent, and the destination says that it has recorded it."""

    progress = Progress(MoverPhase.LOADED, percent=100, bytes_transmitted=7, bytes_total=7)
    digest = "ab" * 32

    def __init__(self, hypervisor, partner):
        self.hypervisor, self.partner = hypervisor, partner

    def __call__(self, vmc, lpar_id, fence, address, limits, hooks):
        self.hypervisor.park(lpar_id, fence.migration_id)
        self.partner.state, self.partner.fact = State.LOADED, Fact.LOADED
        return self

    def close(self):
        pass


def run(migration):
    """As the doorbells would: each queue's worker, in turn."""
    for task in (tasks.begin, tasks.send_state):
        task(str(migration.pk))


@pytest.fixture
def mover(hypervisor, partner, monkeypatch):
    sent = Sent(hypervisor, partner)
    monkeypatch.setattr(transfer.sender, "send_state", sent)
    monkeypatch.setattr(tasks, "ring", lambda task, migration_id: None)
    return sent


def test_an_active_migration_runs_from_migrate_to_the_end(start, uli13lp1, mover, partner, hypervisor):
    migration = start(uli13lp1)
    run(migration)
    gone(migration, hypervisor)
    assert partner.heard == [State.SURRENDERED, State.CLOSED_MOVED]
    assert fetch(migration).bytes_transmitted == 7
    assert fetch(migration).lease_until == 0


@pytest.mark.parametrize("hashes_pages", [True, False])
def test_the_streams_digest_is_kept_where_no_pages_are_hashed(
    start, uli13lp1, mover, partner, hypervisor, hashes_pages
):
    hypervisor.hashes_pages = hashes_pages
    migration = start(uli13lp1)
    run(migration)
    row = fetch(migration)
    assert (row.local_digest, row.digest_kind) == (("", "pages") if hashes_pages else (mover.digest, "stream"))


def test_the_lease_lasts_as_long_as_the_destinations_sign_of_life_may_take(
    start, uli13lp1, mover, partner, hypervisor, clock, settings, monkeypatch
):
    migration = start(uli13lp1)
    tasks.begin(str(migration.pk))

    def ask(vmc, lpar_id, fence, address, limits, hooks):
        partner.before = [lambda: clock.pass_s(settings.PEER_TIMEOUT_S + settings.LEASE_S - 0.1)]
        assert hooks.may_suspend()
        assert leases.is_alive(fetch(migration))
        return mover(vmc, lpar_id, fence, address, limits, hooks)

    monkeypatch.setattr(transfer.sender, "send_state", ask)
    tasks.send_state(str(migration.pk))
    gone(migration, hypervisor)


def test_an_inactive_migration_runs_from_migrate_to_the_end(start, uli13lp2, mover, partner, hypervisor):
    migration = start(uli13lp2)
    tasks.begin(str(migration.pk))
    gone(migration, hypervisor)
    assert ("resume", migration.lpar_id) not in hypervisor.calls


def test_a_destination_that_declines_the_commit_leaves_the_partition_running_here(
    start, uli13lp1, mover, partner, home
):
    migration = start(uli13lp1)

    def die():
        partner.state = State.DECLINED

    tasks.begin(str(migration.pk))
    partner.before = [die]
    tasks.send_state(str(migration.pk))
    home(migration)


def test_a_transfer_that_fails_keeps_its_first_reason_and_rolls_back(
    start, uli13lp1, mover, partner, home, monkeypatch
):
    def lost(*_):
        raise transfer.PeerError("peer-unreachable", permanent=True, remote="uli14", address="a", reason="no route")

    migration = start(uli13lp1)
    monkeypatch.setattr(transfer.sender, "send_state", lost)
    run(migration)
    home(migration)
    assert fetch(migration).message_key == "peer-unreachable"
    assert fetch(migration).task.code == fetch(migration).code


def test_a_prepare_that_is_refused_rolls_back_with_the_partners_reason(start, uli13lp1, mover, partner, home):
    def refuse():
        raise transfer.PeerError("peer-unreachable", permanent=True, remote="uli14", address="a", reason="no route")

    migration = start(uli13lp1)
    partner.before = [refuse]
    tasks.begin(str(migration.pk))
    home(migration)
    assert fetch(migration).message_key == "peer-unreachable"


def test_a_partition_that_refuses_over_rmc_is_rolled_back(start, uli13lp1, mover, hypervisor, home):
    migration = start(uli13lp1)
    hypervisor.refuse("prepare_for_migration")
    tasks.begin(str(migration.pk))
    home(migration)
    assert fetch(migration).message_key == "hypervisor-refused"


def test_a_stop_before_the_mover_has_begun_rolls_back(start, uli13lp1, mover, padmin, home):
    migration = start(uli13lp1)
    services.stop(fetch(migration), user=padmin, origin="test")
    tasks.begin(str(migration.pk))
    home(migration)
    assert fetch(migration).task.status == TaskStatus.STOPPED


def test_each_record_is_written_before_what_it_allows(start, uli13lp1, mover, partner, hypervisor):
    migration = start(uli13lp1)
    tasks.begin(str(migration.pk))
    seen = {}
    for command in ("change_owner_words", "discard", "remove"):
        hypervisor.before[command] = lambda command=command: seen.setdefault(command, fetch(migration).state)
    partner.before = [lambda: seen.setdefault("told", fetch(migration).state)]
    tasks.send_state(str(migration.pk))
    assert seen == {
        "change_owner_words": State.SURRENDERED,
        "told": State.SURRENDERED,
        "discard": State.COMPLETING,
        "remove": State.COMPLETING,
    }


def test_the_hand_over_asks_the_database_little_while_the_partition_is_suspended(
    start, uli13lp1, mover, partner, django_assert_max_num_queries
):
    migration = start(uli13lp1)
    tasks.begin(str(migration.pk))
    fence = leases.claim(migration.pk, "mover-out")
    mover(None, migration.lpar_id, fence, None, None, None)
    partner.before = [lambda: asked.__exit__(None, None, None)]
    asked = django_assert_max_num_queries(40)
    asked.__enter__()
    recovery.finish(fetch(migration), fence)
    assert Migration.objects.get(pk=migration.pk).state == State.CLOSED_MOVED
