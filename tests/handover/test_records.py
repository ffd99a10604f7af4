"""Records, claims and fences: who may write, and who wins."""

import pytest

from ivmweb.common.errors import HypervisorError, PrerequisiteFailed
from ivmweb.common.sentence import Sentence
from ivmweb.hypervisor.base import Fence
from migration import journal, leases, services, tasks, transfer
from migration.leases import Fenced
from migration.models import Migration, MigrationEvent
from migration.mover.progress import MoverPhase, Progress
from migration.progress import LIMIT_CHANGED, Reporter
from migration.states import SOURCE_STATES, TRANSITIONS, Role, State
from tests.handover.conftest import fetch


def lines(migration):
    return MigrationEvent.objects.filter(migration=migration).count()


def test_a_state_is_written_only_over_the_state_that_was_read(start, uli13lp1):
    mine = start(uli13lp1)
    assert journal.advance(fetch(mine), State.SURRENDERED)
    before = lines(mine)
    assert not journal.advance(mine, State.ABORTING)
    assert fetch(mine).state == State.SURRENDERED
    assert lines(mine) == before


def test_what_was_decided_before_a_forced_act_is_void(start, uli13lp1):
    mine = start(uli13lp1)
    Migration.objects.filter(pk=mine.pk).update(forced=True)
    assert not journal.advance(mine, State.ABORTING)
    assert fetch(mine).state == State.TRANSFERRING


def test_a_state_is_written_with_its_line_and_what_belongs_to_it_or_not_at_all(start, uli13lp1):
    def fail():
        raise RuntimeError("half way")

    migration = start(uli13lp1)
    before = lines(migration)
    with pytest.raises(RuntimeError):
        journal.advance(migration, State.ABORTING, also=fail, percent=7)
    assert (fetch(migration).state, fetch(migration).percent, lines(migration)) == (State.TRANSFERRING, 0, before)


@pytest.mark.parametrize("old", sorted(SOURCE_STATES))
def test_only_transitions_of_the_table_can_be_written(start, uli13lp1, old):
    migration = start(uli13lp1, old)
    allowed = TRANSITIONS[Role.SOURCE].get(State(old), frozenset())
    for new in set(State) - allowed:
        with pytest.raises(ValueError, match="no transition"):
            journal.advance(migration, new)
    assert fetch(migration).state == old


# Stop and surrender


def test_a_stop_between_reading_and_writing_wins_over_the_surrender(start, uli13lp1):
    migration = start(uli13lp1)
    assert journal.request_stop(fetch(migration), Sentence("Stop"))
    assert not migration.stop_requested
    assert not journal.advance(migration, State.SURRENDERED)
    assert fetch(migration).state == State.TRANSFERRING


def test_a_surrender_between_reading_and_writing_wins_over_stop(start, uli13lp1, padmin):
    migration = start(uli13lp1)
    assert journal.advance(fetch(migration), State.SURRENDERED)
    assert migration.state == State.TRANSFERRING
    with pytest.raises(PrerequisiteFailed) as refused:
        services.stop(migration, user=padmin, origin="test")
    assert refused.value.key == "too-late-to-stop"
    assert not fetch(migration).stop_requested


def test_stop_pressed_twice_is_accepted_twice_and_written_once(start, uli13lp1, padmin):
    migration = start(uli13lp1)
    services.stop(fetch(migration), user=padmin, origin="test")
    services.stop(fetch(migration), user=padmin, origin="test")
    assert MigrationEvent.objects.filter(migration=migration, text__startswith="Stop pressed").count() == 1


# Claims


def test_of_two_workers_one_gets_the_migration(start, uli13lp1):
    migration = start(uli13lp1)
    first, second = leases.claim(migration.pk, "one"), leases.claim(migration.pk, "two")
    assert first is not None
    assert second is None
    assert fetch(migration).worker == "one"


def test_each_claim_has_a_newer_epoch_than_any_before(start, uli13lp1, clock):
    migration = start(uli13lp1)
    first = leases.claim(migration.pk, "one")
    clock.pass_s(6)
    second = leases.claim(migration.pk, "two")
    assert second.epoch > first.epoch


def test_a_lease_from_before_a_reboot_counts_for_nothing(start, uli13lp1, monkeypatch):
    migration = start(uli13lp1)
    assert leases.claim(migration.pk, "one")
    monkeypatch.setattr(leases, "boot_id", lambda: "another boot")
    assert leases.claim(migration.pk, "two")


def test_a_doorbell_rung_twice_starts_one_worker(start, uli13lp1, monkeypatch):
    started = []
    monkeypatch.setattr(transfer, "begin", lambda migration, fence: started.append(fence.epoch))
    migration = start(uli13lp1)
    tasks.begin(str(migration.pk))
    tasks.begin(str(migration.pk))
    assert len(started) == 1


def test_the_doorbell_of_another_queue_starts_nothing(start, uli13lp1, monkeypatch):
    monkeypatch.setattr(transfer, "send", lambda migration, fence: pytest.fail("started"))
    migration = start(uli13lp1)
    tasks.send_state(str(migration.pk))
    assert fetch(migration).wants == "control"


# A worker that was frozen past its lease


@pytest.fixture
def frozen(start, uli13lp1, clock):
    """(migration, fence of the frozen worker); another one has taken over."""
    migration = start(uli13lp1, State.TRANSFERRING)
    old = leases.claim(migration.pk, "mover-out")
    clock.pass_s(6)
    assert leases.claim(migration.pk, "schedule")
    return fetch(migration), old


def test_a_worker_that_was_replaced_renews_nothing(frozen):
    migration, old = frozen
    with pytest.raises(Fenced):
        leases.renew(old, percent=99)
    assert (fetch(migration).percent, fetch(migration).lease_until) == (0, migration.lease_until)


def test_a_worker_that_was_replaced_gives_nobody_elses_lease_back(frozen):
    migration, old = frozen
    leases.release(old, wants="mover-out")
    assert (fetch(migration).wants, fetch(migration).lease_until) == ("", migration.lease_until)


def test_a_worker_that_was_replaced_writes_no_state(frozen):
    migration, old = frozen
    before = lines(migration)
    assert not journal.advance(migration, State.SURRENDERED, fence=old)
    assert (fetch(migration).state, lines(migration)) == (State.TRANSFERRING, before)


def test_the_hypervisor_refuses_the_commands_of_a_worker_that_was_replaced(frozen, hypervisor):
    migration, old = frozen
    hypervisor.park(migration.lpar_id, migration.pk)
    new = Fence(fetch(migration).epoch, str(migration.pk))
    hypervisor.resume(migration.lpar_id, new)
    for command in (hypervisor.resume, hypervisor.discard, hypervisor.remove, hypervisor.cancel_transfer):
        with pytest.raises(HypervisorError) as refused:
            command(migration.lpar_id, old)
        assert refused.value.key == "stale-epoch"


def test_a_worker_replaced_before_its_command_leaves_without_a_word(start, uli13lp1, hypervisor, clock):
    """Its lease is renewed just before; what is refused is the command that comes too late all the same."""
    migration = start(uli13lp1, State.ABORTING)
    hypervisor.park(migration.lpar_id, migration.pk)

    def take_over():
        clock.pass_s(6)
        newer = leases.claim(migration.pk, "Recover")
        hypervisor.epochs[migration.lpar_id] = newer.epoch

    hypervisor.before["resume"] = take_over
    tasks.recover(str(migration.pk))
    assert ("resume", migration.lpar_id) not in hypervisor.calls
    assert (fetch(migration).worker, fetch(migration).local_error) == ("Recover", "")
    assert Migration.objects.get(pk=migration.pk).state == State.ABORTING


def test_the_last_counters_take_no_percent_back_that_another_worker_has_written(start, uli13lp1):
    seen_by_the_mover = start(uli13lp1, State.SURRENDERED, percent=97)
    Migration.objects.filter(pk=seen_by_the_mover.pk).update(state=State.CLOSED_MOVED, percent=100)
    reporter = Reporter(seen_by_the_mover, Fence(epoch=1, migration_id=str(seen_by_the_mover.pk)))
    reporter.write_totals(Progress(MoverPhase.LOADED, percent=100, bytes_transmitted=64))
    row = fetch(seen_by_the_mover)
    assert (row.percent, row.bytes_transmitted) == (100, 64)


def test_all_has_gone_over_and_it_stays_here_is_no_hundred_percent(start, uli13lp1):
    kept = start(uli13lp1, State.ABORTING, percent=97)
    reporter = Reporter(kept, Fence(epoch=1, migration_id=str(kept.pk)))
    reporter.write_totals(Progress(MoverPhase.LOADED, percent=100))
    assert fetch(kept).percent == 99


def test_before_the_hypervisor_has_said_what_there_is_to_send_all_is_left(start, uli13lp1):
    migration = start(uli13lp1, State.TRANSFERRING)
    fence = leases.claim(migration.pk, "mover-out")
    Reporter(migration, fence).report(Progress(MoverPhase.TRANSFERRING))
    assert fetch(migration).bytes_remaining == fetch(migration).bytes_total == uli13lp1.memory_mb * 2**20


def test_a_destination_leaves_to_the_source_what_it_can_not_know(incoming):
    migration = incoming()
    told = {"percent": 60, "bytes_remaining": 40, "dirty_bytes_per_s": 5, "seconds_left": 9.0}
    Migration.objects.filter(pk=migration.pk).update(**told)
    reporter = Reporter(migration, leases.claim(migration.pk, "mover-in"))
    reporter.report(Progress(MoverPhase.TRANSFERRING, 1, 99, bytes_transmitted=64, bytes_remaining=1, bytes_total=99))
    row = fetch(migration)
    assert (row.percent, row.bytes_remaining, row.dirty_bytes_per_s, row.seconds_left) == (60, 40, 5, 9.0)
    assert (row.bytes_transmitted, row.bytes_total, row.passes) == (0, 99, 0)
    assert [point[1] for point in row.curve.points] == [99, 40]


def test_before_the_source_has_told_how_far_it_is_all_is_left_at_the_destination_too(incoming):
    migration = incoming()
    assert migration.bytes_remaining == migration.bytes_total == migration.partition.memory_mb * 2**20


def test_a_bandwidth_limit_that_is_changed_while_memory_is_sent_is_a_line_of_the_journal(start, uli13lp1):
    migration = start(uli13lp1, State.TRANSFERRING)
    reporter = Reporter(migration, leases.claim(migration.pk, "mover-out"))
    for limit in (64 * 2**20, 64 * 2**20, 0, 0):
        reporter.report(Progress(MoverPhase.TRANSFERRING, bandwidth_limit_bytes_per_s=limit))
    (change,) = migration.events.filter(text=LIMIT_CHANGED)
    assert (change.params["old"], change.params["new"]) == (64 * 2**20, 0)
    assert str(change) == "bandwidth limit changed from 64 to 0 MB per second (0: none)"


def test_so_is_an_allowed_suspension(start, uli13lp1):
    migration = start(uli13lp1, State.TRANSFERRING)
    reporter = Reporter(migration, leases.claim(migration.pk, "mover-out"))
    for allowed_ms in (100, 3000, 3000):
        reporter.report(Progress(MoverPhase.TRANSFERRING, allowed_suspension_ms=allowed_ms))
    lines = [str(event) for event in migration.events.all()]
    assert lines.count("allowed suspension changed from 100 to 3000 ms") == 1


def test_how_far_a_partition_is_slowed_down_is_told_in_the_journal_and_in_its_task(start, uli13lp1):
    migration = start(uli13lp1, State.TRANSFERRING)
    reporter = Reporter(migration, leases.claim(migration.pk, "mover-out"))
    details = []
    for percent in (0, 30, 30, 60, 0):
        reporter.report(Progress(MoverPhase.TRANSFERRING, slow_partition=True, slowed_percent=percent))
        details.append(str(fetch(migration).task.sentence))
    lines = [str(event) for event in migration.events.all()]
    assert [line for line in lines if "slowed down" in line] == [
        "the partition is slowed down by 30 percent",
        "the partition is slowed down by 60 percent",
        "the partition is no longer slowed down",
    ]
    assert details[2] == "Sending memory while the partition runs, slowed down by 30 percent"
    assert details[0] == details[4] == "Sending memory while the partition runs"
    row = fetch(migration)
    assert (row.slow_partition, row.slowed_percent) == (True, 60)


def test_a_worker_that_says_nothing_for_some_seconds_is_quiet_before_its_lease_is_over(
    start, uli13lp1, clock, settings
):
    settings.LEASE_S = 6
    migration = start(uli13lp1)
    fence = leases.claim(migration.pk, "one")
    assert leases.quiet_for_s(fetch(migration)) is None
    clock.pass_s(4)
    assert leases.is_alive(fetch(migration))
    assert leases.quiet_for_s(fetch(migration)) == 4
    leases.renew(fence, busy_s=10)
    clock.pass_s(5)
    assert leases.quiet_for_s(fetch(migration)) is None  # it had said how long it may take
