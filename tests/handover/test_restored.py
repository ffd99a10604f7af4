"""A database restored from a backup: nothing comes to life by it, and the partners know what it does not."""

import os
import uuid

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from ivmweb.common.errors import HypervisorError, PeerError, PrerequisiteFailed
from ivmweb.hypervisor.base import OwnerWord, RunState
from ivmweb.lab import data
from ivmweb.system import incarnation, services
from ivmweb.system.inventory import take_inventory
from ivmweb.system.models import LogicalPartition, ManagedSystem, PartitionState
from ivmweb.system.rights import PRIME_ADMINISTRATOR
from migration import destination, forcing, leases, look, lost, recovery, restored
from migration.journal import advance
from migration.models import Migration, MobilityToken, RemoteSystem
from migration.peer.auth import make_token
from migration.peer.messages import KnownMigration, Told
from migration.states import Act, Answer, Fact, State, Wait
from migration.waiting import waits_for
from tests import factories
from tests.handover.conftest import fetch, held_back, request_of

pytestmark = pytest.mark.usefixtures("file")


@pytest.fixture
def restore_and_ask(restore):
    """And the partner has told that it has the same migration open."""

    def restore_and_ask():
        restore()
        Migration.objects.update(in_question=False)

    return restore_and_ask


def known_migration(partition, role="destination", state="started", migration_id=None):
    return KnownMigration(
        migration_id=migration_id or uuid.uuid4(),
        role=role,
        state=state,
        partition_uuid=partition.uuid,
        partition_name=partition.name,
    )


def recover(migration):
    return recovery.recover(fetch(migration), "schedule")


# Found out


def test_a_first_start_writes_the_file_and_holds_nothing_back(file):
    known = incarnation.read()
    assert known.incarnation == ManagedSystem.objects.get().incarnation
    assert not restored.look()
    assert not held_back()


def test_another_incarnation_is_a_restore_once_and_is_written_in_both_places(file, uli14, restore):
    old = ManagedSystem.objects.get().incarnation
    restore()
    here = ManagedSystem.objects.get()
    assert here.incarnation not in {old, "of the database before the restore"}
    assert incarnation.read().incarnation == here.incarnation
    assert here.held_back
    assert not restored.look()


def test_a_crash_between_file_and_commit_is_found_as_one_more_restore(file, uli14, monkeypatch):
    incarnation.write(incarnation.Known("before", 0))
    write = incarnation.write

    def write_and_crash(known):
        write(known)
        raise OSError("power cut")

    monkeypatch.setattr(incarnation, "write", write_and_crash)
    with pytest.raises(OSError, match="power cut"):
        restored.look()
    assert not held_back()
    monkeypatch.setattr(incarnation, "write", write)
    assert restored.look()
    assert held_back()


def test_a_damaged_file_is_never_taken_for_a_first_start(file):
    file.write_text("{}")
    with pytest.raises(ValueError, match="damaged"):
        restored.look()


def test_without_remote_systems_nobody_has_to_be_asked(restore):
    restore()
    assert not held_back()


def test_the_same_database_of_an_earlier_day_is_a_restore(file, uli14):
    """A backup has the same id; what tells it is that its epoch is smaller."""
    here = ManagedSystem.objects.get()
    incarnation.remember(here.epoch + 1)
    assert restored.look()
    assert held_back()


def test_each_record_of_a_migration_makes_older_backups_older(
    start, uli13lp1, file, django_capture_on_commit_callbacks
):
    migration = start(uli13lp1, State.TRANSFERRING)
    before = incarnation.read().epoch
    with django_capture_on_commit_callbacks(execute=True):
        assert advance(migration, State.ABORTING)
    assert incarnation.read().epoch > before
    assert not restored.look()


def test_a_file_that_is_behind_accuses_nobody(file):
    """A crash after the commit."""
    ManagedSystem.objects.update(epoch=10**6)
    assert not restored.look()


def test_an_older_epoch_is_never_remembered_over_a_newer_one(file):
    incarnation.remember(500)
    incarnation.remember(400)
    assert incarnation.read().epoch == 500


def test_a_file_that_cannot_be_written_undoes_nothing(file, monkeypatch, caplog):
    def full(known):
        raise OSError("no space left")

    monkeypatch.setattr(incarnation, "write_over", full)
    incarnation.remember(10**6)
    assert "no space left" in caplog.text


def test_an_epoch_waits_for_no_disk(file, monkeypatch):
    """It is remembered while a partition is suspended, once a record."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: pytest.fail("synced"))
    incarnation.remember(10**9)
    assert incarnation.read().epoch == 10**9
    assert file.stat().st_size == incarnation.LENGTH


def test_a_file_of_an_earlier_version_is_written_whole_once(file):
    """Extended in place it could be torn by a loss of power."""
    here = ManagedSystem.objects.get()
    file.write_text(f'{{"incarnation": "{here.incarnation}", "epoch": 1}}')
    before = file.stat().st_ino
    incarnation.remember(2)
    assert (file.stat().st_size, file.stat().st_ino != before) == (incarnation.LENGTH, True)
    assert incarnation.read().epoch == 2


def test_epochs_go_on_above_all_that_were_given_out_before(uli14, restore):
    """Twice from the same backup as well: the file remembers."""
    backup = ManagedSystem.objects.get().epoch
    ends = []
    for _ in range(2):
        restore()
        ends.append(ManagedSystem.objects.get().epoch)
        ManagedSystem.objects.update(epoch=backup)
    assert ends[0] >= backup + 2**32
    assert ends[1] >= ends[0] + 2**32


def test_a_worker_that_outlived_the_restore_can_neither_write_nor_command(start, uli13lp1, hypervisor, restore):
    migration = start(uli13lp1, State.SURRENDERED)
    fence = leases.claim(migration.pk, "mover-out")
    old = fetch(migration)
    restore()
    with pytest.raises(leases.Fenced):
        leases.renew(fence)
    assert not advance(old, State.TAKEN_BACK, fence=fence)
    new = leases.claim(migration.pk, "schedule")
    hypervisor.set_workload(migration.lpar_id, 0, new)
    with pytest.raises(HypervisorError) as caught:
        hypervisor.resume(migration.lpar_id, fence)
    assert caught.value.key == "stale-epoch"


def test_tokens_of_before_prepare_nothing_any_more(token, restore):
    restore()
    assert MobilityToken.objects.get().expires_at <= timezone.now()


# Open migrations: this side restored


def test_a_source_that_runs_keeps_it(start, uli13lp1, partner, restore_and_ask):
    """Restored from before the surrender, and the surrender never came."""
    migration = start(uli13lp1, State.TRANSFERRING)
    restore_and_ask()
    partner.state = State.LOADED
    recover(migration)
    assert fetch(migration).state == State.CLOSED_KEPT
    assert State.SURRENDERED not in partner.heard


def test_a_source_tells_of_no_surrender_again_before_it_has_looked(start, uli13lp1, partner, restore_and_ask):
    """Its partition runs, so it will abort; a destination without an image, of an inactive one, would take it."""
    migration = start(uli13lp1, State.SURRENDERED)
    restore_and_ask()
    asked = destination.answer(fetch(migration))
    recover(migration)
    assert asked.state == State.IN_DOUBT
    assert State.SURRENDERED not in partner.heard
    assert fetch(migration).state == State.CLOSED_KEPT


@pytest.mark.parametrize("state", [State.TRANSFERRING, State.ABORTING, State.SURRENDERED])
def test_a_source_whose_partition_does_not_run_is_in_doubt_and_obeys_the_answer(
    start, uli13lp1, partner, hypervisor, restore_and_ask, state
):
    migration = start(uli13lp1, state)
    hypervisor.park(migration.lpar_id, migration.pk)
    hypervisor.runs[migration.lpar_id].words = [look.offered_by(data.ULI13.identity, migration)] * 5
    restore_and_ask()
    partner.is_silent = True
    assert recover(migration) is Wait.PARTNER
    assert fetch(migration).state == State.IN_DOUBT
    assert hypervisor.runs[migration.lpar_id].run_state is RunState.COMPLETED
    partner.is_silent, partner.state = False, State.STARTED
    recover(migration)
    assert fetch(migration).state == State.CLOSED_MOVED
    assert migration.lpar_id not in hypervisor.runs


def test_a_destination_that_runs_it_adopts_it(incoming, hypervisor, partner, restore_and_ask):
    migration = incoming("loaded")
    hypervisor.boot(migration.lpar_id)
    restore_and_ask()
    partner.state = State.SURRENDERED
    recover(migration)
    assert fetch(migration).state in {State.STARTED, State.CLOSED_MOVED}
    assert hypervisor.runs[migration.lpar_id].run_state is RunState.RUNNING


def test_a_destination_goes_on_as_loaded_only_once_its_new_incarnation_is_known(
    incoming, hypervisor, partner, restore_and_ask
):
    migration = incoming("loaded")
    restore_and_ask()
    partner.state = State.SURRENDERED
    partner.hear = lambda told: partner.answer(knows="an-older-one")
    assert recover(migration) is Wait.PARTNER
    assert hypervisor.runs[migration.lpar_id].run_state is RunState.LOADED
    partner.hear = lambda told: partner.answer(knows=told.incarnation)
    recover(migration)
    assert fetch(migration).state in {State.STARTED, State.CLOSED_MOVED}


@pytest.mark.parametrize("there", [State.ABORTING, State.CLOSED_KEPT])
def test_a_destination_declines_where_the_source_kept_it(incoming, hypervisor, partner, restore_and_ask, there):
    migration = incoming("loaded")
    restore_and_ask()
    partner.state = there
    recover(migration)
    assert fetch(migration).state == State.DECLINED
    assert migration.lpar_id not in hypervisor.runs


@pytest.fixture
def may_have_run(incoming, hypervisor, restore_and_ask):
    """A restored destination whose image is gone: it may have run here before the restore."""
    migration = incoming("loaded")
    hypervisor.enter(migration.lpar_id, RunState.NOT_ACTIVATED)
    restore_and_ask()
    return migration


def test_a_destination_whose_image_is_gone_waits_for_the_operator(may_have_run, partner):
    migration = may_have_run
    partner.state = State.SURRENDERED
    partner.hear = lambda told: partner.answer(knows=told.incarnation)
    assert recover(migration) is Wait.OPERATOR
    assert fetch(migration).state == State.LOADED


def restart(migration):
    user = User.objects.filter(username="padmin").first() or factories.make_user("padmin", PRIME_ADMINISTRATOR)
    name = migration.partition_name
    return forcing.force(fetch(migration), Act.RESTART_RESTORED, typed=name, claims=1, user=user, origin="test")


def test_then_it_is_restarted_from_disk_although_the_source_answers(may_have_run, hypervisor, partner):
    migration = may_have_run
    partner.state = State.SURRENDERED
    partner.hear = lambda told: partner.answer(knows=told.incarnation)
    assert forcing.possible_beside(fetch(migration), Answer(State.SURRENDERED)) == [Act.RESTART_RESTORED]
    restart(migration)
    assert hypervisor.runs[migration.lpar_id].run_state is RunState.STARTING
    assert fetch(migration).state == State.STARTED
    lines = [str(event.sentence) for event in fetch(migration).events.all()]
    assert "padmin ordered, as uli14 waits for this console: restart after restore" in lines


def test_not_before_what_was_said_before_the_restore_is_void_there(may_have_run, hypervisor, partner):
    migration = may_have_run
    partner.state = State.SURRENDERED
    partner.hear = lambda told: partner.answer(knows="an-older-one")
    with pytest.raises(PrerequisiteFailed) as caught:
        restart(migration)
    assert caught.value.key == "force-wrong-state"
    assert hypervisor.runs[migration.lpar_id].run_state is RunState.NOT_ACTIVATED


def test_not_where_the_source_is_silent_at_the_press(may_have_run, partner):
    """Nobody has said that the other machine is off: that is another act."""
    migration = may_have_run
    partner.is_silent = True
    with pytest.raises(PrerequisiteFailed) as caught:
        restart(migration)
    assert caught.value.key == "force-partner-silent"


def test_one_whose_luns_are_the_sources_is_declined(incoming, hypervisor, partner, restore_and_ask):
    """Never offered, or returned: whatever ran here is over."""
    migration = incoming("loaded")
    hypervisor.enter(migration.lpar_id, RunState.NOT_ACTIVATED)
    hypervisor.runs[migration.lpar_id].words = [OwnerWord(str(migration.partition_uuid), data.ULI14.identity)] * 5
    restore_and_ask()
    partner.state = State.IN_DOUBT
    partner.hear = lambda told: partner.answer(knows=told.incarnation)
    recover(migration)
    assert fetch(migration).state == State.DECLINED


def test_both_restored_and_both_without_a_copy_wait_for_the_operator(may_have_run, partner):
    migration = may_have_run
    partner.state = State.IN_DOUBT
    partner.hear = lambda told: partner.answer(knows=told.incarnation)
    assert recover(migration) is Wait.OPERATOR


def test_an_unknown_migration_of_a_source_in_doubt_leaves_no_tombstone_after_a_restore(uli14, restore_and_ask):
    restore_and_ask()
    message = {"migration_id": uuid.uuid4(), "role": "source", "fact": "parked", "incarnation": "a", "sequence": 1}
    with pytest.raises(PeerError):
        recovery.told_unknown(Told(state="in doubt", **message), uli14)
    assert recovery.told_unknown(Told(state="aborting", **message), uli14).state == State.DECLINED


# Held back


def test_nothing_is_activated_migrated_or_prepared_before_the_partners_were_asked(
    start, prepare, uli13lp1, uli13lp2, padmin_of_token, hypervisor, restore
):
    restore()
    ManagedSystem.objects.update(held_back=True)
    for attempt in (
        lambda: services.activate(uli13lp2, padmin_of_token, "test"),
        lambda: start(uli13lp1),
        lambda: prepare(request_of()),
    ):
        with pytest.raises(PrerequisiteFailed) as caught:
            attempt()
        assert caught.value.key == "database-restored"
    assert not Migration.objects.exists()


@pytest.fixture
def padmin_of_token(token):
    from django.contrib.auth.models import User

    return User.objects.get(username="padmin")


def test_the_inventory_defines_nothing_anew_until_then(uli13lp1, uli14, hypervisor, knows, restore):
    restore()
    hypervisor.runs.pop(uli13lp1.lpar_id)
    take_inventory()
    assert uli13lp1.lpar_id not in hypervisor.runs
    restored.ask_partners()
    take_inventory()
    assert uli13lp1.lpar_id in hypervisor.runs


def test_a_silent_partner_is_asked_again(uli14, partner, knows, restore):
    restore()
    partner.is_silent = True
    restored.ask_partners()
    assert held_back()
    partner.is_silent = False
    restored.ask_partners()
    assert not held_back()
    assert RemoteSystem.objects.get().asked


def test_a_partition_that_has_moved_away_does_not_come_back_to_life(
    uli13lp1, uli14, hypervisor, knows, padmin, restore
):
    restore()
    hypervisor.runs.pop(uli13lp1.lpar_id)
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(state=PartitionState.NOT_ACTIVATED)
    knows.append(known_migration(uli13lp1, state="closed, moved"))
    knows.has.append(uli13lp1.uuid)
    restored.ask_partners()
    assert not held_back()
    take_inventory()
    assert uli13lp1.lpar_id not in hypervisor.runs
    with pytest.raises(PrerequisiteFailed) as caught:
        services.activate(LogicalPartition.objects.get(pk=uli13lp1.pk), padmin, "test")
    assert caught.value.key == "partition-moved"
    assert "is on uli14" in caught.value.text
    [told] = RemoteSystem.objects.get().lost
    assert (told["partition_name"], told["runs_here"]) == ("uli13lp1", False)
    assert restored.remove_records(uli13lp1.uuid, user=padmin, origin="test") == "uli13lp1"
    assert not LogicalPartition.objects.filter(pk=uli13lp1.pk).exists()


def test_the_newest_migration_of_a_partition_says_where_it_is(uli13lp1, uli14, knows, restore):
    """It went there after the backup, and came back."""
    restore()
    knows += [known_migration(uli13lp1, "source", "closed, moved"), known_migration(uli13lp1)]
    restored.ask_partners()
    assert LogicalPartition.objects.get(pk=uli13lp1.pk).hold == ""


def test_what_runs_here_is_left_running_and_shown(uli13lp1, uli14, hypervisor, knows, restore):
    restore()
    knows.append(known_migration(uli13lp1))
    restored.ask_partners()
    assert LogicalPartition.objects.get(pk=uli13lp1.pk).hold == ""
    assert RemoteSystem.objects.get().lost[0]["runs_here"]
    assert hypervisor.runs[uli13lp1.lpar_id].run_state is RunState.RUNNING


def test_what_is_known_here_is_no_conflict(start, uli13lp1, partner, knows, restore):
    migration = start(uli13lp1, State.SURRENDERED)
    restore()
    knows.append(known_migration(uli13lp1, state="loaded", migration_id=migration.pk))
    restored.ask_partners()
    assert RemoteSystem.objects.get().lost == []


def test_an_operator_may_go_on_with_a_claim_only(uli14, padmin, viewer, restore):
    restore()
    for who, claimed, key in ((padmin, False, "restore-not-claimed"), (viewer, True, "no-right")):
        with pytest.raises(PrerequisiteFailed) as caught:
            restored.confirm(claimed=claimed, user=who, origin="test")
        assert caught.value.key == key
    assert held_back()
    restored.confirm(claimed=True, user=padmin, origin="test")
    assert not held_back()


def test_the_partner_that_is_asked_knows_the_new_incarnation_from_then_on(start, uli13lp1, uli14):
    migration = start(uli13lp1, State.SURRENDERED)
    Migration.objects.update(partner_incarnations="old")

    class Question:
        incarnation = "new"
        lost = None

    [told] = lost.answer(uli14, Question).migrations
    assert (told.migration_id, told.role, told.state) == (migration.pk, "source", "surrendered")
    assert fetch(migration).known_incarnations == ("old", "new")
    assert fetch(migration).partner_fact in {"", Fact.UNKNOWN}


def test_what_waits_for_an_operator_is_on_record_until_it_goes_on(may_have_run, partner):
    migration = may_have_run
    partner.state = State.SURRENDERED
    partner.hear = lambda told: partner.answer(knows=told.incarnation)
    recover(migration)
    assert fetch(migration).waits_for_operator
    assert destination.answer(fetch(migration)).waits_for_operator
    restart(migration)
    assert not fetch(migration).waits_for_operator


def test_what_the_partner_waits_for_is_heard(start, uli13lp1, partner):
    migration = start(uli13lp1, State.SURRENDERED)
    partner.state, partner.fields = State.LOADED, {"waits_for_operator": True}
    recover(migration)
    assert fetch(migration).partner_waits_for_operator
    assert waits_for(fetch(migration)) == "Waits for an operator on uli14"


def test_each_token_makes_older_backups_older(uli14, padmin, file, django_capture_on_commit_callbacks):
    """An abort of a migration that is unknown here is told with it."""
    before = incarnation.read().epoch
    with django_capture_on_commit_callbacks(execute=True):
        make_token(padmin, data.ULI14.identity)
    assert incarnation.read().epoch > before
