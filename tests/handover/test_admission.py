"""How many migrations go on at once: the queue of the source, the destination's own limit, and turns to suspend."""

from datetime import timedelta

import pytest

from ivmweb.common.errors import PeerError, PrerequisiteFailed
from ivmweb.common.sentence import Sentence
from ivmweb.lab import data
from ivmweb.monitor import services as monitor
from ivmweb.monitor.models import TaskStatus
from ivmweb.system import services as system
from ivmweb.system.epochs import operator_fence
from ivmweb.system.models import ManagedSystem, PartitionState
from migration import (
    admission,
    aftermath,
    destination,
    journal,
    leases,
    presentation,
    services,
    source,
    tasks,
    transfer,
    transfer_words,
    turns,
)
from migration.models import Activity, Migration, RemoteSystem
from migration.states import Fact, Seen, State
from tests import factories
from tests.handover.conftest import configuration, fetch, request_of
from tests.handover.test_doorbells import rung, sweep  # noqa: F401 (a fixture)

FULL = {
    "remote_code": "VIOSE01049000-9107",
    "remote_message": "uli14 has 4 active migrations in progress.",
    "remote_key": "check-too-many-migrations",
}


@pytest.fixture(autouse=True)
def no_aftermath(monkeypatch):
    monkeypatch.setattr(aftermath, "sweep", lambda: None)


@pytest.fixture
def other(uli13lp1, hypervisor):
    """A second running partition."""
    partition = system.reserve_shell(factories.small_plan("other", 7), "", PartitionState.RUNNING)
    hypervisor.create(system.definition_of(partition), operator_fence())
    hypervisor.boot(partition.lpar_id, 60)
    return partition


def allow(number):
    ManagedSystem.objects.update(active_migrations_supported=number)


@pytest.fixture
def queued(start, uli13lp1, other):
    """The second of two, with room for one."""
    allow(1)
    first = start(uli13lp1)
    return first, start(other)


def test_beyond_the_limit_it_waits_in_the_queue_and_nothing_is_asked_for(queued, partner, rung):  # noqa: F811
    first, second = queued
    assert (first.queued, first.wants) == (False, "control")
    assert (second.queued, second.wants, admission.place_of(second)) == (True, "", (1, 1))
    assert sweep(rung) == ["begin"]  # for the first
    assert partner.told == partner.prepared == []
    second.partition.refresh_from_db()
    assert second.partition.hold
    assert admission.in_progress(inactive=False) == 1


def test_the_queue_says_its_place_and_recover_that_there_is_nothing_to_recover(queued, padmin):
    _first, second = queued
    words = presentation.situation(second, here="uli13", queue=admission.place_of(second))
    assert words.headline == "Waiting in the queue, place 1 of 1"
    assert "Stop takes it out of the queue" in words.advice
    assert "place 1 of 1" in services.recover(second, user=padmin, origin="test").words
    assert "place 1 of 1" in services.explain_recover(second)[0]
    assert fetch(second).state == State.TRANSFERRING


def test_what_waits_is_said_to_wait_in_monitor_tasks_and_in_the_phases(queued, rung):  # noqa: F811
    def told(migration):
        now = migration.started_at + timedelta(seconds=9)
        return [phase.title for phase in transfer_words.phases(migration, migration.events.all(), now)]

    first, second = map(fetch, queued)
    assert (first.task.get_status_display(), told(first)) == ("Running", ["Preparing the destination"])
    assert (second.task.get_status_display(), told(second)) == ("Waiting in the queue", ["Waiting in the queue"])
    assert admission.queued_partitions() == {second.partition_uuid: (1, 1)}
    Migration.objects.filter(pk=first.pk).update(state=State.CLOSED_KEPT)
    sweep(rung)
    second = fetch(second)
    assert second.task.get_status_display() == "Running"
    assert told(second) == ["Waiting in the queue", "Preparing the destination"]
    assert admission.queued_partitions() == {}


def test_a_task_that_was_left_waiting_by_a_crash_is_put_right_by_the_schedule(queued, rung):  # noqa: F811
    _first, second = queued
    monitor.mark_queued(second.task_id, queued=False)
    sweep(rung)
    assert fetch(second).task.status == TaskStatus.QUEUED


def test_the_next_one_goes_when_there_is_room(queued, rung):  # noqa: F811
    first, second = queued
    Migration.objects.filter(pk=first.pk).update(state=State.CLOSED_KEPT)
    assert sweep(rung)[0] == "begin"
    assert rung[0][1] == str(second.pk)
    assert (fetch(second).queued, fetch(second).wants) == (False, "control")


def test_a_raised_limit_lets_it_go_too(queued, rung):  # noqa: F811
    allow(2)
    assert sweep(rung).count("begin") >= 2
    assert not fetch(queued[1]).queued


def test_first_come_first_served(queued, start, hypervisor, rung):  # noqa: F811
    third = system.reserve_shell(factories.small_plan("third", 8), "", PartitionState.RUNNING)
    hypervisor.create(system.definition_of(third), operator_fence())
    hypervisor.boot(third.lpar_id, 60)
    last = start(third)
    assert admission.place_of(last) == (2, 2)
    allow(2)
    sweep(rung)
    assert (fetch(queued[1]).queued, fetch(last).queued) == (False, True)
    assert admission.place_of(fetch(last)) == (1, 1)


def test_stop_takes_it_out_of_the_queue(queued, partner, padmin, rung):  # noqa: F811
    _first, second = queued
    partner.state = State.DECLINED
    services.stop(second, user=padmin, origin="test")
    assert [name for name, pk in rung if pk == str(second.pk)] == ["recover"]
    assert fetch(second).task.status == TaskStatus.RUNNING  # it waits no more: it is being stopped
    tasks.recover(str(second.pk))
    second = fetch(second)
    assert (second.state, second.queued) == (State.CLOSED_KEPT, False)
    second.partition.refresh_from_db()
    assert (second.partition.hold, second.partition.state) == ("", PartitionState.RUNNING)


@pytest.mark.parametrize("bell", [tasks.recover, tasks.begin, tasks.send_state])
def test_a_bell_that_rings_late_does_not_disturb_the_queue(queued, bell, partner):
    before = fetch(queued[1])
    bell(str(before.pk))
    after = fetch(before)
    assert (after.state, after.queued, after.epoch) == (State.TRANSFERRING, True, before.epoch)


def test_a_destination_without_room_sends_it_back_into_the_queue(start, uli13lp1, partner, rung, clock):  # noqa: F811
    migration = start(uli13lp1)

    def full():
        raise PeerError("peer-refused", permanent=True, remote="uli14", status=409, **FULL)

    for _ in range(2):
        partner.before = [full]
        tasks.begin(str(migration.pk))
        migration = fetch(migration)
        assert (migration.state, migration.queued, migration.wants) == (State.TRANSFERRING, True, "")
        assert migration.task.status == TaskStatus.QUEUED
        assert sweep(rung) == []  # not at once
        clock.pass_s(admission.ASK_AGAIN_S[1] + 1)
        assert sweep(rung)[0] == "begin"
        sweep(rung)
        assert waiting_places() == [(1, 1)]
        migration = fetch(migration)
        assert (migration.queued, migration.task.status) == (False, TaskStatus.QUEUED)
        assert set(admission.queued_partitions()) == {migration.partition_uuid}
    assert migration.events.filter(text__startswith="back into the queue").count() == 1
    tasks.begin(str(migration.pk))
    assert waiting_places() == []
    migration = fetch(migration)
    assert (migration.queued, migration.wants, migration.task.status) == (False, "mover-out", TaskStatus.RUNNING)
    parts = transfer_words.phases(migration, migration.events.all(), migration.started_at + timedelta(seconds=60))
    assert parts[1].title == "Waiting in the queue, asking the destination again"


def waiting_places():
    return [admission.place_of(row) for row in Migration.objects.all() if admission.waits(row)]


def test_what_was_sent_back_waits_no_more_once_its_worker_is_lost(start, uli13lp1, rung, clock):  # noqa: F811
    migration = start(uli13lp1)
    admission.back_into_queue(migration, leases.claim(migration.pk, "control"), Sentence(admission.WAITS_AGAIN))
    clock.pass_s(admission.ASK_AGAIN_S[1] + 1)
    sweep(rung)
    assert admission.queued_partitions()
    assert leases.claim(migration.pk, "control", wants="control")
    clock.pass_s(6)
    assert admission.queued_partitions() == {}
    sweep(rung)
    sweep(rung)
    assert fetch(migration).task.status == TaskStatus.ATTENTION


def test_the_schedule_tells_of_a_queue_as_it_is_now(queued, monkeypatch, rung):  # noqa: F811
    """A worker gave it back between the schedule's reading of all rows and its turn."""
    _first, second = queued
    as_read = [Migration.objects.get(pk=second.pk)]
    as_read[0].queued, as_read[0].activity = False, Activity.PREPARING
    monkeypatch.setattr(tasks, "unfinished_migrations", lambda: as_read)
    sweep(rung)
    assert fetch(second).task.status == TaskStatus.QUEUED


def test_the_destination_refuses_beyond_its_own_limit_in_the_transaction_that_reserves(prepare, monkeypatch):
    prepare()
    allow(1)
    second = configuration(hdisks=(5,)).model_copy(update={"name": "uli14lp8", "lpar_id": 8})
    monkeypatch.setattr("migration.destination.first_failure", lambda request, token: None)
    with pytest.raises(PrerequisiteFailed) as refused:
        prepare(request_of(configuration=second))
    assert refused.value.key == "check-too-many-migrations"
    assert Migration.objects.count() == 1


def test_no_two_partitions_to_one_console_are_suspended_at_once(queued, clock):
    first, second = queued
    assert turns.take(first)
    assert turns.take(first)
    assert not turns.take(second)
    turns.give_back(second)
    assert not turns.take(second)
    turns.give_back(first)
    assert turns.take(second)


def test_a_worker_that_died_in_its_turn_keeps_the_others_waiting_for_seconds_only(queued, clock):
    first, second = queued
    assert turns.take(first)
    clock.pass_s(turns.TURN_S + 0.1)
    assert turns.take(second)
    assert not turns.take(first)


@pytest.mark.parametrize(
    ("before", "end"), [(State.ABORTING, State.CLOSED_KEPT), (State.COMPLETING, State.CLOSED_MOVED)]
)
def test_whoever_ends_a_migration_gives_back_the_turn_in_which_its_worker_died(queued, before, end):
    first, second = queued
    Migration.objects.filter(pk=first.pk).update(state=before)
    first = fetch(first)
    assert turns.take(first)
    change = source.entering(first, end, Seen(fact=Fact.RUN))
    assert journal.advance(first, end, also=change.also, **change.fields)
    assert turns.take(second)


def test_a_partition_runs_on_while_another_one_has_the_turn(queued, partner):
    first, second = queued
    turns.take(first)
    ready = transfer.Readiness(second, leases.claim(second.pk, "mover-out"), transfer.PeerClient(second.remote))
    assert not ready.is_there()
    turns.give_back(first)
    assert ready.is_there()


def test_a_partition_waits_for_the_other_console_as_long_as_each_silence_is_short(queued, partner, monkeypatch):
    """In its turn for the link it asks again and again; two silences with an answer in between are not one."""
    first, second = queued
    turns.take(first)
    now = [1000.0]
    monkeypatch.setattr(transfer.time, "monotonic", lambda: now[0])
    ready = transfer.Readiness(second, leases.claim(second.pk, "mover-out"), transfer.PeerClient(second.remote))
    for is_silent, passes_s in ((True, 20), (False, 0), (True, 20), (True, transfer.CONSOLE_SILENT_S - 20)):
        partner.is_silent = is_silent
        assert not ready.is_there()
        now[0] += passes_s
    now[0] += 1
    with pytest.raises(PeerError):
        ready.is_there()


# Turns that both directions share


@pytest.fixture
def asking(queued, partner):
    """A source's mover on the console whose identity sorts higher: the turn is a row of the other one."""
    first, _second = queued
    return transfer.Readiness(first, leases.claim(first.pk, "mover-out"), transfer.PeerClient(first.remote))


def test_the_console_that_sorts_lower_keeps_the_turns_of_both_directions():
    pairs = [(data.ULI13.identity, data.ULI14.identity), (data.ULI14.identity, data.ULI13.identity)]
    assert sorted(turns.is_kept_there(own, other) for own, other in pairs) == [False, True]
    assert not turns.is_kept_there(data.ULI13.identity, "")


def test_a_source_asks_the_other_console_for_the_turn_before_it_suspends(asking, partner):
    assert asking.is_there()
    assert partner.asked_turns == [asking.migration.pk]


def test_the_console_that_keeps_the_turns_asks_nobody(queued, partner):
    RemoteSystem.objects.update(system_identity="9999-999*9999999")
    first = fetch(queued[0])
    ready = transfer.Readiness(first, leases.claim(first.pk, "mover-out"), transfer.PeerClient(first.remote))
    assert ready.is_there()
    assert partner.asked_turns == []


def test_a_partition_runs_on_while_one_of_the_other_direction_is_suspended(asking, queued, partner):
    partner.turns = [False]
    assert not asking.is_there()
    assert turns.take(fetch(queued[1]))  # nobody waits for one that waits itself
    turns.give_back(fetch(queued[1]))
    assert asking.is_there()


def test_a_console_that_says_nothing_about_turns_stops_no_migration(asking, partner):
    """One question; then `hello` opens the connection again over which the surrender is told."""
    partner.turns = [PeerError("peer-timeout", permanent=False, remote="uli14", address="a:1", timeout_s="3")] * 2
    assert not asking.is_there()
    assert asking.is_there()
    assert len(partner.asked_turns) == 1


def test_a_turn_is_waited_for_some_time_only(asking, partner, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(transfer.time, "monotonic", lambda: now[0])
    partner.turns = [False] * 100
    assert not asking.is_there()
    now[0] += turns.PATIENCE_S - 1
    assert not asking.is_there()
    now[0] += 2
    assert asking.is_there()


def test_a_suspension_that_lasts_keeps_its_turn_while_a_worker_has_it(queued, clock):
    """The link stalls: a second partition would only be suspended on the same link."""
    first, second = queued
    fence = leases.claim(first.pk, "mover-out")
    assert turns.take(first)
    for _ in range(5):
        clock.pass_s(turns.TURN_S)
        leases.renew(fence)
        assert not turns.take(second)
    leases.release(fence)
    assert not turns.take(second)  # its hand-over
    clock.pass_s(turns.PROLONGED_S + 0.1)
    assert turns.take(second)


@pytest.fixture
def coming(queued, incoming):
    """To here, beside those that go."""
    allow(4)
    return incoming()


def test_a_partition_that_comes_takes_the_same_turn_as_one_that_goes(coming, queued):
    going = queued[0]
    assert turns.answer(coming)
    assert not turns.take(going)
    turns.give_back(coming)
    assert turns.take(going)
    assert not turns.answer(coming)


def test_one_that_is_not_prepared_here_takes_no_turn(coming, queued):
    Migration.objects.filter(pk=coming.pk).update(state=State.DECLINED)
    assert turns.answer(fetch(coming))
    assert turns.take(queued[0])


@pytest.mark.parametrize("end", [State.STARTED, State.DECLINED])
def test_the_destination_gives_the_turn_back_when_the_suspension_is_over(coming, queued, end):
    assert turns.answer(coming)
    change = destination.entering(coming, end, Seen(fact=Fact.RUN if end is State.STARTED else Fact.INCOMING))
    change.also()
    assert turns.take(queued[0])


@pytest.mark.parametrize(("partner_state", "ends"), [(State.ACCEPTED, False), (State.STARTED, True)])
def test_a_turn_lasts_until_the_destination_says_that_the_partition_runs(
    queued, partner, monkeypatch, partner_state, ends
):
    """It has accepted, and resumes it some moments later."""
    first, second = fetch(queued[0]), fetch(queued[1])
    assert turns.take(first)

    def finish(migration, fence, **_):
        Migration.objects.filter(pk=migration.pk).update(state=State.COMPLETING, partner_state=partner_state)
        migration.refresh_from_db()

    monkeypatch.setattr(transfer, "finish", finish)
    monkeypatch.setattr(transfer.sender, "send_state", lambda *_: None)
    transfer.send(first, leases.claim(first.pk, "mover-out"))
    assert turns.take(second) is ends
