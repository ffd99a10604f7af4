"""Migrations that a restored database has lost, and records of before that a later migration made void."""

import copy
import uuid

import pytest

from ivmweb.common.errors import HypervisorError, PeerError, PrerequisiteFailed
from ivmweb.hypervisor.base import OwnerWord, RunState
from ivmweb.lab import data
from ivmweb.system import services
from ivmweb.system.models import LogicalPartition, ManagedSystem, PartitionState
from migration import forcing, look, lost, recovery, restored
from migration import services as recover_services
from migration.models import Migration, RemoteSystem
from migration.peer.configuration import configuration_of
from migration.peer.messages import KnownMigration, LostMigration
from migration.states import Act, State, Wait
from tests.handover.conftest import SECRET, configuration, fetch, fetch_id, held_back, own_luns, request_of

pytestmark = pytest.mark.usefixtures("file")

KEY = SECRET.hex()


@pytest.fixture
def tells(knows):
    """uli14 knows a migration that this database does not; all of it is told when asked."""

    def tells(partition_uuid, role, state, *, name="uli13lp1", lpar_id=2, told=None, secret=KEY):
        known = KnownMigration(
            migration_id=uuid.uuid4(), role=role, state=state, partition_uuid=partition_uuid, partition_name=name
        )
        knows.insert(0, known)
        knows.details[known.migration_id] = LostMigration(
            known=known,
            migration_type="active",
            lpar_id=5,
            remote_lpar_id=lpar_id,
            secret=secret,
            user="padmin",
            remote_user="padmin",
            configuration=told,
        )
        return known.migration_id

    return tells


def knows_state_of(knows, migration, role, state):
    """uli14 has a record of one that is on record here."""
    knows.append(
        KnownMigration(
            migration_id=migration.pk,
            role=role,
            state=state,
            partition_uuid=migration.partition_uuid,
            partition_name=migration.partition_name,
        )
    )


def down(hypervisor, partition):
    hypervisor.enter(partition.lpar_id, RunState.NOT_ACTIVATED)
    LogicalPartition.objects.filter(pk=partition.pk).update(state=PartitionState.NOT_ACTIVATED)


def here(partition):
    return LogicalPartition.objects.filter(uuid=partition.uuid).first()


def recover(migration):
    return recovery.recover(fetch(migration), "schedule")


# Records of before


def test_an_open_record_is_left_alone_until_the_partners_were_asked(
    start,
    uli13lp1,
    partner,
    hypervisor,
    knows,
    restore,
):
    migration = start(uli13lp1, State.SURRENDERED)
    hypervisor.park(migration.lpar_id, migration.pk)
    restore()
    partner.state = State.STARTED
    assert recover(migration) is Wait.PARTNER
    assert (fetch(migration).state, partner.heard) == (State.SURRENDERED, [])
    assert hypervisor.runs[migration.lpar_id].run_state is RunState.COMPLETED
    knows_state_of(knows, migration, "destination", "started")
    restored.ask_partners()
    recover(migration)
    assert fetch(migration).state == State.CLOSED_MOVED


def test_no_act_is_possible_on_it_until_then(start, uli13lp1, partner, hypervisor, knows, padmin, restore):
    migration = start(uli13lp1, State.SURRENDERED)
    hypervisor.park(migration.lpar_id, migration.pk)
    restore()
    partner.is_silent = True
    assert forcing.possible(fetch(migration), None) == []
    name = migration.partition_name
    with pytest.raises(PrerequisiteFailed) as caught:
        forcing.force(fetch(migration), Act.GIVE_UP, typed=name, claims=1, user=padmin, origin="test")
    assert caught.value.key == "database-restored"


def test_recover_says_what_it_waits_for_then(start, uli13lp1, partner, hypervisor, knows, padmin, restore):
    migration = start(uli13lp1, State.SURRENDERED)
    hypervisor.park(migration.lpar_id, migration.pk)
    restore()
    words = recover_services.recover(fetch(migration), user=padmin, origin="test").words
    assert "a later migration of uli13lp1 that it does not know may have made this one void" in words
    assert recover_services.explain_recover(fetch(migration)) == [words]
    assert (fetch(migration).state, partner.heard) == (State.SURRENDERED, [])


def test_one_that_is_open_at_its_partner_waits_for_no_third_console(start, uli13lp1, partner, knows, restore):
    RemoteSystem.objects.create(name="uli15", address="127.0.0.1:2", system_identity="7998-60X*1")
    migration = start(uli13lp1, State.SURRENDERED)
    restore()
    knows_state_of(knows, migration, "destination", "loaded")
    RemoteSystem.objects.filter(name="uli15").update(asked=True)
    lost.settle(RemoteSystem.objects.get(name="uli14"), lost.ask(RemoteSystem.objects.get(name="uli14")))
    RemoteSystem.objects.filter(name="uli15").update(asked=False)
    assert not fetch(migration).in_question


def test_a_partition_that_came_back_is_not_given_away_by_the_migration_of_before(
    start,
    uli13lp1,
    partner,
    hypervisor,
    knows,
    tells,
    restore,
):
    """The backup is of the way there, which ended well; it came back by a migration that is lost."""
    migration = start(uli13lp1, State.TRANSFERRING)
    down(hypervisor, uli13lp1)
    configuration_then = configuration_of(uli13lp1)
    restore()
    knows_state_of(knows, migration, "destination", "closed, moved")
    back = tells(uli13lp1.uuid, "source", "closed, moved", told=configuration_then, secret="")
    partner.state = State.CLOSED_MOVED
    restored.ask_partners()
    assert recover(migration) is None or fetch(migration).is_final
    assert fetch(migration).state == State.CLOSED_MOVED
    assert fetch_id(back).state == State.CLOSED_MOVED
    assert (here(uli13lp1).hold, here(uli13lp1).state) == ("", PartitionState.NOT_ACTIVATED)
    assert hypervisor.runs[uli13lp1.lpar_id].words == [OwnerWord()] * 5
    assert not held_back()


def test_a_partition_that_left_by_a_lost_migration_is_held_whatever_the_one_before_says(
    start,
    uli13lp1,
    partner,
    hypervisor,
    knows,
    tells,
    padmin,
    restore,
):
    migration = start(uli13lp1, State.SURRENDERED)
    down(hypervisor, uli13lp1)
    restore()
    knows_state_of(knows, migration, "destination", "declined")
    tells(uli13lp1.uuid, "destination", "closed, moved")
    knows.has.append(uli13lp1.uuid)
    partner.state = State.DECLINED
    before = copy.deepcopy(hypervisor.runs)
    restored.ask_partners()
    recover(migration)
    assert fetch(migration).state == State.CLOSED_KEPT
    assert fetch(migration).message_key == "restore-superseded"
    assert hypervisor.runs == before
    assert here(uli13lp1).moved_to == "uli14"
    with pytest.raises(PrerequisiteFailed) as caught:
        services.activate(here(uli13lp1), padmin, "test")
    assert caught.value.key == "partition-moved"


def test_a_destination_of_before_does_not_end_what_a_lost_migration_brought(
    incoming,
    hypervisor,
    partner,
    knows,
    tells,
    restore,
):
    """The first one was declined; the second one, which is lost, came through and runs."""
    first = incoming("prepared")
    told = configuration_of(first.partition)
    hypervisor.boot(first.lpar_id)
    restore()
    knows_state_of(knows, first, "source", "closed, kept")
    second = tells(first.partition_uuid, "source", "completing", name=first.partition_name, told=told)
    partner.state = State.COMPLETING
    restored.ask_partners()
    assert fetch(first).state == State.DECLINED
    assert fetch(first).released
    recover(fetch_id(second))
    assert fetch_id(second).state in {State.STARTED, State.CLOSED_MOVED}
    assert hypervisor.runs[first.lpar_id].run_state is RunState.RUNNING


def test_an_image_of_the_destination_of_before_is_quit_before_the_lost_one_is_had_again(
    incoming,
    hypervisor,
    partner,
    knows,
    tells,
    restore,
):
    first = incoming("loaded")
    hypervisor.runs[first.lpar_id].migration_id = str(first.pk)
    told = configuration_of(first.partition)
    restore()
    knows_state_of(knows, first, "source", "closed, kept")
    second = tells(first.partition_uuid, "source", "surrendered", name=first.partition_name, told=told)
    partner.state = State.SURRENDERED
    restored.ask_partners()
    assert held_back()
    assert not Migration.objects.filter(pk=second).exists()
    recover(first)
    assert first.lpar_id not in hypervisor.runs
    restored.ask_partners()
    assert fetch_id(second).state == State.PREPARED
    assert not held_back()


def test_a_partition_that_a_console_has_is_held_though_no_migration_tells(
    uli13lp1, uli14, hypervisor, knows, restore
):
    """Longer ago than migrations are kept, or more of them than are told."""
    down(hypervisor, uli13lp1)
    restore()
    knows.has.append(uli13lp1.uuid)
    restored.ask_partners()
    assert here(uli13lp1).moved_to == "uli14"


# Lost ones


def test_a_destination_has_the_partition_again_that_had_moved_to_it(
    uli13,
    uli14,
    partner,
    hypervisor,
    knows,
    tells,
    restore,
):
    """Its source has nothing of it any more."""
    request = request_of()
    own_luns(hypervisor, request)
    words = {
        unique_id: OwnerWord(str(request.configuration.uuid), data.ULI13.identity) for unique_id in hypervisor.san
    }
    hypervisor.san |= words
    restore()
    moved = tells(request.configuration.uuid, "source", "closed, moved", name="uli14lp9", lpar_id=9,
                  told=request.configuration, secret="")  # fmt: skip
    restored.ask_partners()
    again = fetch_id(moved)
    assert (again.state, again.role) == (State.CLOSED_MOVED, "destination")
    partition = LogicalPartition.objects.get(uuid=request.configuration.uuid)
    assert (partition.hold, partition.state) == ("", PartitionState.NOT_ACTIVATED)
    assert RemoteSystem.objects.get().lost == []
    assert not held_back()


def test_not_where_a_third_console_has_it_since(uli13, uli14, hypervisor, knows, tells, restore):
    told = configuration()
    restore()
    moved = tells(told.uuid, "source", "closed, moved", name="uli14lp9", told=told, secret="")
    RemoteSystem.objects.create(
        name="uli15", address="127.0.0.1:2", system_identity="7998-60X*1", has=[str(told.uuid)]
    )
    restored.ask_partners()
    assert not Migration.objects.filter(pk=moved).exists()


@pytest.mark.parametrize(("there", "is_had"), [("aborting", True), ("closed, kept", False)])
def test_a_source_that_waits_for_a_declined_is_given_it(
    uli13, uli14, hypervisor, knows, tells, restore, there, is_had
):
    """By a restored destination that knows neither the migration nor the token that it was prepared with."""
    told = configuration()
    restore()
    migration = tells(told.uuid, "source", there, name="uli14lp9", told=told)
    restored.ask_partners()
    assert Migration.objects.filter(pk=migration, state=State.DECLINED).exists() is is_had
    assert not LogicalPartition.objects.filter(uuid=told.uuid).exists()
    assert not held_back()


def test_what_can_not_be_had_again_is_shown_as_a_conflict(uli13lp1, uli14, hypervisor, knows, tells, restore):
    told = configuration().model_copy(update={"name": "uli13lp1"})  # another partition has that name here
    restore()
    tells(told.uuid, "source", "closed, moved", told=told, secret="")
    restored.ask_partners()
    assert not Migration.objects.exists()
    assert len(RemoteSystem.objects.get().lost) == 1
    assert not held_back()


def test_a_source_closes_what_has_started_at_its_destination(
    uli13lp1,
    uli14,
    partner,
    hypervisor,
    knows,
    tells,
    restore,
):
    """Else the destination waits for ever for a word of it."""
    down(hypervisor, uli13lp1)
    restore()
    moved = tells(uli13lp1.uuid, "destination", "started")
    knows.has.append(uli13lp1.uuid)
    partner.state = State.STARTED
    restored.ask_partners()
    recover(fetch_id(moved))
    assert fetch_id(moved).state == State.CLOSED_MOVED
    assert partner.heard[-1] == State.CLOSED_MOVED
    assert here(uli13lp1) is None
    assert uli13lp1.lpar_id not in hypervisor.runs


def test_a_source_takes_back_what_its_destination_has_declined(
    uli13lp1,
    uli14,
    partner,
    hypervisor,
    knows,
    tells,
    restore,
):
    """It had surrendered, and heard nothing of it before the restore."""
    restore()
    declined = tells(uli13lp1.uuid, "destination", "declined", secret="")
    hypervisor.park(uli13lp1.lpar_id, declined)
    words = OwnerWord(str(uli13lp1.uuid), data.ULI13.identity, str(declined), look.OwnerState.OFFERED)
    hypervisor.runs[uli13lp1.lpar_id].words = [words] * 5
    restored.ask_partners()
    assert fetch_id(declined).state == State.CLOSED_KEPT
    assert hypervisor.runs[uli13lp1.lpar_id].run_state is RunState.RUNNING
    assert here(uli13lp1).hold == ""


def test_what_runs_here_is_rolled_back_and_not_stopped(uli13lp1, uli14, partner, hypervisor, knows, tells, restore):
    restore()
    prepared = tells(uli13lp1.uuid, "destination", "prepared")
    partner.state = State.PREPARED
    restored.ask_partners()
    recover(fetch_id(prepared))
    assert fetch_id(prepared).state == State.CLOSED_KEPT
    assert hypervisor.runs[uli13lp1.lpar_id].run_state is RunState.RUNNING


def test_a_partner_that_falls_silent_in_between_is_asked_again(
    uli13lp1,
    uli14,
    partner,
    hypervisor,
    knows,
    tells,
    restore,
    monkeypatch,
):
    down(hypervisor, uli13lp1)
    restore()
    moved = tells(uli13lp1.uuid, "destination", "started")
    partner.before = [lambda: None, lambda: setattr(partner, "is_silent", True)]
    restored.ask_partners()
    assert held_back()
    partner.is_silent, partner.state = False, State.STARTED
    restored.ask_partners()
    assert not held_back()
    assert fetch_id(moved).state == State.TRANSFERRING


def test_the_operators_word_does_what_can_be_done_without_the_silent_one(
    uli13lp1,
    uli14,
    partner,
    hypervisor,
    knows,
    tells,
    padmin,
    restore,
):
    down(hypervisor, uli13lp1)
    restore()
    moved = tells(uli13lp1.uuid, "destination", "started")
    lost.settle(RemoteSystem.objects.get(), lost.ask(RemoteSystem.objects.get()))
    restored.confirm(claimed=True, user=padmin, origin="test")
    assert fetch_id(moved).state == State.TRANSFERRING
    assert not held_back()


def test_the_operators_word_does_not_free_a_void_record_while_the_hypervisor_is_silent(
    start, uli13lp1, uli14, hypervisor, knows, tells, padmin, restore
):
    migration = start(uli13lp1, State.SURRENDERED)
    restore()
    tells(uli13lp1.uuid, "destination", "started")
    lost.settle(RemoteSystem.objects.get(), lost.ask(RemoteSystem.objects.get()))
    hypervisor.refuse("describe_system")
    with pytest.raises(HypervisorError):
        restored.confirm(claimed=True, user=padmin, origin="test")
    assert held_back()
    assert fetch(migration).in_question


# The other side


class Question:
    incarnation = "new"
    lost = None


def test_tombstones_hide_no_migration(start, uli13lp1, uli14):
    from migration.destination import write_tombstone

    migration = start(uli13lp1, State.SURRENDERED)
    for _number in range(3):
        write_tombstone(uuid.uuid4(), uli14, "a")
    [told] = lost.answer(uli14, Question).migrations
    assert told.migration_id == migration.pk


def test_all_of_a_lost_migration_is_told_to_its_partner_only(start, uli13lp1, uli14):
    migration = start(uli13lp1, State.SURRENDERED)
    other = RemoteSystem.objects.create(name="uli15", address="127.0.0.1:2", system_identity="7998-60X*1")

    class About(Question):
        lost = migration.pk

    told = lost.answer(uli14, About).lost
    assert (told.known.migration_id, told.known.role, len(told.secret)) == (migration.pk, "source", 64)
    assert told.configuration.name == "uli13lp1"
    assert lost.answer(other, About).lost is None


def test_a_console_says_which_partitions_it_has(start, uli13lp1, uli13lp2, incoming, uli14):
    incoming("loaded")
    start(uli13lp1, State.COMPLETING)
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(state=PartitionState.NOT_ACTIVATED)
    assert uli13lp2.uuid in lost.present()
    ManagedSystem.objects.update(held_back=True)
    assert uli13lp2.uuid not in lost.present()


def test_a_shell_is_not_had_yet_and_what_was_given_away_no_more(start, uli13lp1, incoming, hypervisor, uli14):
    shell = incoming("loaded")
    start(uli13lp1, State.COMPLETING)
    hypervisor.enter(uli13lp1.lpar_id, RunState.COMPLETED)
    assert not {shell.partition_uuid, uli13lp1.uuid} & set(lost.present())


def test_a_question_that_can_not_be_asked_is_asked_again(uli14, knows, restore, monkeypatch):
    restore()

    def fails(*_):
        raise PeerError("peer-timeout", permanent=False, remote="uli14", address="127.0.0.1:1", timeout_s="3")

    monkeypatch.setattr(lost, "ask", fails)
    restored.ask_partners()
    assert held_back()
