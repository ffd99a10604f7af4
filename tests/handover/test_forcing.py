"""The acts of an operator while the other console is silent, and to yield: who may, when, and what comes of them."""

import pytest
from django.contrib.auth.models import User

from ivmweb.common.errors import HypervisorError, PeerError, PrerequisiteFailed
from ivmweb.hypervisor.base import OwnerState, OwnerWord, RunState
from ivmweb.lab import data
from ivmweb.monitor.models import TaskStatus
from ivmweb.system.models import AuditEvent, LogicalPartition, PartitionState
from ivmweb.system.rights import PRIME_ADMINISTRATOR
from migration import forcing, leases, look, recovery
from migration.forcing import CLAIMS
from migration.models import Migration
from migration.partner import remember
from migration.recover_words import after_recover
from migration.states import Act, Fact, State, Wait
from tests import factories
from tests.handover.conftest import fetch


@pytest.fixture
def parked(start, uli13lp1, hypervisor, partner):
    """Surrendered: the partition stands suspended here, its LUNs are offered, and uli14 is silent."""

    def parked(state=State.SURRENDERED):
        migration = start(uli13lp1, state)
        hypervisor.park(migration.lpar_id, migration.pk)
        hypervisor.runs[migration.lpar_id].words = [look.offered_by(data.ULI13.identity, migration)] * 5
        partner.is_silent = True
        return migration

    return parked


@pytest.fixture
def loaded(incoming, partner):
    """The whole image is here, paused, its LUNs are offered, and uli14 is silent."""
    migration = incoming("loaded")
    partner.is_silent = True
    return migration


@pytest.fixture
def force(db):
    def force(migration, act, typed=None, claims=None, user=None):
        return forcing.force(
            fetch(migration),
            act,
            typed=migration.partition_name if typed is None else typed,
            claims=CLAIMS[Act(act)] if claims is None else claims,
            user=user or padmin(),
            origin="test",
        )

    return force


def padmin():
    return User.objects.filter(username="padmin").first() or factories.make_user("padmin", PRIME_ADMINISTRATOR)


def refused(call, *arguments, **options):
    with pytest.raises(PrerequisiteFailed) as caught:
        call(*arguments, **options)
    return caught.value.key


def run_of(hypervisor, migration):
    return hypervisor.runs[migration.lpar_id]


# The acts


def test_discard_declines_and_gives_everything_back(loaded, force, hypervisor):
    assert "rolled back" in force(loaded, Act.DISCARD)
    assert fetch(loaded).state == State.DECLINED
    assert fetch(loaded).released
    assert loaded.lpar_id not in hypervisor.runs
    assert not LogicalPartition.objects.filter(uuid=loaded.partition_uuid).exists()


def test_giving_up_ends_the_image_here_and_keeps_the_configuration(parked, force, hypervisor):
    migration = parked()
    force(migration, Act.GIVE_UP)
    assert fetch(migration).state == State.COMPLETING
    assert migration.lpar_id not in hypervisor.runs
    assert LogicalPartition.objects.filter(pk=migration.partition_id).exists()


def test_what_was_given_up_comes_back_from_disk_when_the_destination_turns_out_to_have_declined(
    parked, force, partner, hypervisor
):
    migration = parked()
    force(migration, Act.GIVE_UP)
    partner.is_silent, partner.state = False, State.DECLINED
    recovery.recover(fetch(migration), "schedule")
    assert fetch(migration).state == State.CLOSED_KEPT
    partition = LogicalPartition.objects.get(pk=migration.partition_id)
    assert (partition.state, partition.hold) == (PartitionState.NOT_ACTIVATED, "")
    assert fetch(migration).message_key == "given-up-by-order"  # and no hypervisor's end


def test_a_restart_on_the_source_drops_the_image_and_starts_under_its_own_luns(parked, force, hypervisor):
    migration = parked()
    assert force(migration, Act.RESTART).startswith("uli13lp1 is started from disk on this system. uli14 must answer")
    run = run_of(hypervisor, migration)
    assert run.run_state is RunState.STARTING
    assert {(word.state, word.system) for word in run.words} == {(OwnerState.OWNED, data.ULI13.identity)}
    assert fetch(migration).state == State.FORCED_BACK
    commands = [name for name, lpar_id in hypervisor.calls if lpar_id == migration.lpar_id]
    assert commands.index("discard") < commands.index("change_owner_words") < commands.index("activate")


def test_a_source_closes_without_a_destination_that_never_comes_back(parked, force, partner, hypervisor):
    migration = parked()
    force(migration, Act.RESTART)
    hypervisor.boot(migration.lpar_id)
    assert "is on this system" in force(migration, Act.CLOSE)
    row, partition = fetch(migration), LogicalPartition.objects.get(pk=migration.partition_id)
    assert row.state == State.CLOSED_KEPT
    assert (partition.state, partition.hold) == (PartitionState.RUNNING, "")
    assert hypervisor.calls[-1] == ("change_owner_words", migration.lpar_id)  # so that older orders are refused


def test_a_destination_closes_without_a_source_that_never_comes_back(loaded, force, partner, hypervisor):
    force(loaded, Act.RUN_IMAGE)
    assert fetch(loaded).state == State.STARTED
    assert "completed" in force(loaded, Act.CLOSE)
    partition = LogicalPartition.objects.get(pk=loaded.partition_id)
    assert fetch(loaded).state == State.CLOSED_MOVED
    assert (partition.state, partition.hold) == (PartitionState.RUNNING, "")


def test_nothing_is_closed_without_a_partner_that_answers(parked, force, partner, hypervisor):
    migration = parked()
    force(migration, Act.RESTART)
    hypervisor.boot(migration.lpar_id)
    partner.is_silent = False
    assert refused(force, migration, Act.CLOSE) == "force-partner-answers"
    assert fetch(migration).state == State.FORCED_BACK


def test_running_the_image_on_the_source_resumes_it(parked, force, hypervisor):
    migration = parked()
    force(migration, Act.RUN_IMAGE)
    assert run_of(hypervisor, migration).run_state is RunState.RUNNING
    assert fetch(migration).state == State.FORCED_BACK
    assert ("activate", migration.lpar_id) not in hypervisor.calls


def test_running_the_image_on_the_destination_starts_it_there(loaded, force, hypervisor):
    force(loaded, Act.RUN_IMAGE)
    row = fetch(loaded)
    assert (row.state, row.forced) == (State.STARTED, True)
    assert run_of(hypervisor, loaded).run_state is RunState.RUNNING
    assert LogicalPartition.objects.get(pk=loaded.partition_id).state == PartitionState.RUNNING


def test_a_restart_on_the_destination_starts_from_disk(loaded, force, hypervisor):
    force(loaded, Act.RESTART)
    assert run_of(hypervisor, loaded).run_state is RunState.STARTING
    assert (fetch(loaded).state, fetch(loaded).forced) == (State.STARTED, True)


def test_a_restart_runs_where_the_hypervisor_has_forgotten_the_partition(parked, force, hypervisor):
    migration = parked()
    words = run_of(hypervisor, migration).words
    definition = hypervisor.runs.pop(migration.lpar_id).definition
    for lun in definition.luns:
        hypervisor.san[lun.unique_id] = words[0]
    force(migration, Act.RESTART)
    assert run_of(hypervisor, migration).run_state is RunState.STARTING


# When they are refused


@pytest.mark.parametrize("act", [Act.GIVE_UP, Act.RESTART, Act.RUN_IMAGE])
def test_a_partner_that_answers_refuses_every_act_and_says_since_when(parked, force, partner, hypervisor, act):
    migration = parked()
    with pytest.raises(PrerequisiteFailed):
        force(migration, Act.RESTART, typed="")  # nothing was asked yet
    partner.is_silent, partner.state = False, State.LOADED
    partner.fact = Fact.LOADED
    partner.hear = lambda told: partner.answer(knows=told.incarnation)
    calls = list(hypervisor.calls)
    with pytest.raises(PrerequisiteFailed) as caught:
        force(migration, act)
    assert caught.value.key == "force-partner-answers"
    assert f"{fetch(migration).partner_answers_since:%H:%M:%S} UTC" in caught.value.text
    assert fetch(migration).state == State.SURRENDERED
    assert hypervisor.calls == calls


def test_since_when_it_answers_begins_anew_after_each_silence(parked, partner):
    migration = parked()
    partner.is_silent, partner.state = False, State.LOADED
    partner.hear = lambda told: partner.answer(knows=told.incarnation)
    recovery.recover(fetch(migration), "schedule")
    first = fetch(migration).partner_answers_since
    recovery.recover(fetch(migration), "schedule")
    assert fetch(migration).partner_answers_since == first
    Migration.objects.update(partner_error="it did not answer")
    recovery.recover(fetch(migration), "schedule")
    assert fetch(migration).partner_answers_since > first


@pytest.mark.parametrize("act", [Act.RESTART, Act.RUN_IMAGE])
def test_a_console_that_runs_and_refuses_is_not_off(parked, force, monkeypatch, act):
    """Certificate changed, records lost: something answers there, so the claim is not true."""
    migration = parked()
    monkeypatch.setattr("migration.partner.tell", unknown_there)
    assert refused(force, migration, act) == "force-partner-refuses"
    assert fetch(migration).state == State.SURRENDERED


def test_what_needs_no_claim_is_allowed_where_the_partner_has_lost_its_records(parked, force, monkeypatch):
    migration = parked()
    monkeypatch.setattr("migration.partner.tell", unknown_there)
    force(migration, Act.GIVE_UP)
    assert fetch(migration).state == State.COMPLETING


def unknown_there(migration, *_, **__):
    raise PeerError(
        "peer-refused",
        permanent=True,
        remote="uli14",
        remote_code="-",
        remote_message="unknown",
        remote_key="peer-migration-unknown",
        status=404,
    )


@pytest.fixture
def with_another_key(settings):
    """IVM_SECRET_KEY was changed since the migrations began."""

    def change():
        settings.SECRET_KEY = "another key than before"

    return change


@pytest.mark.parametrize("act", [Act.RESTART, Act.RUN_IMAGE])
def test_a_secret_that_cannot_be_read_is_not_the_partners_silence(parked, force, partner, with_another_key, act):
    """It runs there, and only this console can't ask."""
    migration = parked()
    partner.is_silent = False
    with_another_key()
    with pytest.raises(PrerequisiteFailed, match="Set IVM_SECRET_KEY of this console back") as caught:
        force(migration, act)
    assert caught.value.key == "force-cannot-ask"
    assert fetch(migration).state == State.SURRENDERED
    assert "IVM_SECRET_KEY" in fetch(migration).partner_error


def test_and_a_console_that_does_not_even_say_hello_is_silent(parked, force, with_another_key):
    migration = parked()
    with_another_key()
    force(migration, Act.RESTART)
    assert fetch(migration).state == State.FORCED_BACK


def test_and_what_makes_no_claim_stays_possible(parked, force, partner, with_another_key):
    migration = parked()
    partner.is_silent = False
    with_another_key()
    force(migration, Act.GIVE_UP)
    assert fetch(migration).state == State.COMPLETING


def test_and_recover_says_what_to_do(parked, partner, with_another_key):
    migration = parked()
    partner.is_silent = False
    with_another_key()
    assert recovery.recover(fetch(migration), "Recover") is Wait.PARTNER
    line = str(migration.events.last().sentence)
    assert line.startswith("uli14 can't be asked: [VIOSE01049000-9317]")


def test_an_image_is_run_only_where_the_hypervisor_holds_it_whole(parked, force, hypervisor):
    migration = parked()
    hypervisor.enter(migration.lpar_id, RunState.NOT_ACTIVATED)
    assert refused(force, migration, Act.RUN_IMAGE) == "force-wrong-fact"


@pytest.mark.parametrize(
    ("state", "act"),
    [(State.TRANSFERRING, Act.GIVE_UP), (State.ABORTING, Act.RUN_IMAGE), (State.SURRENDERED, Act.DISCARD)],
)
def test_a_record_that_does_not_allow_the_act_refuses_it(parked, force, state, act):
    migration = parked(state)
    assert refused(force, migration, act) == "force-wrong-state"
    assert fetch(migration).state == state


def test_nothing_is_restarted_beside_a_partition_that_runs(parked, force, hypervisor):
    migration = parked(State.ABORTING)
    hypervisor.boot(migration.lpar_id)
    assert refused(force, migration, Act.RESTART) == "force-wrong-fact"


def test_what_the_destination_has_accepted_is_not_discarded(incoming, force, partner):
    migration = incoming("accepted")
    partner.is_silent = True
    assert refused(force, migration, Act.DISCARD) == "force-wrong-state"


@pytest.mark.parametrize("act", [Act.RESTART, Act.RUN_IMAGE])
def test_a_lun_that_says_that_the_partner_may_run_it_overrules_the_claim(parked, force, hypervisor, act):
    migration = parked()
    word = OwnerWord(str(migration.partition_uuid), data.ULI14.identity)
    run_of(hypervisor, migration).words[0] = word
    assert refused(force, migration, act) == "force-luns-theirs"
    assert fetch(migration).state == State.SURRENDERED


def test_luns_that_cannot_be_read_refuse_a_start(parked, force, hypervisor):
    migration = parked()
    hypervisor.runs.pop(migration.lpar_id)
    hypervisor.refusals["look_at_luns"] = HypervisorError("hypervisor-refused", command="look_at_luns", reason="no")
    assert refused(force, migration, Act.RESTART) == "force-luns-unread"


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"typed": ""}, "force-name-differs"),
        ({"typed": "ULI13LP1"}, "force-name-differs"),
        ({"claims": 0}, "force-not-claimed"),
        ({"claims": 1}, "force-not-claimed"),
    ],
)
def test_name_and_claims_are_checked_before_anything_is_asked(parked, force, partner, options, key):
    migration = parked()
    partner.before = [lambda: pytest.fail("the partner was asked")]
    assert refused(force, migration, Act.RUN_IMAGE, **options) == key


def test_a_person_who_forces_waits_once_for_the_silent_console(parked, force, uli14, monkeypatch):
    """The question before the act and those of going on after it share the time of one press."""
    given = []

    def client(remote, *, patience):
        given.append(patience)
        raise PeerError("peer-timeout", permanent=False, remote="uli14", address="127.0.0.1:1", timeout_s="10")

    monkeypatch.setattr(forcing.partner, "PeerClient", client)
    force(parked(), Act.GIVE_UP)
    assert len(given) > 1
    assert len({id(patience) for patience in given}) == 1
    assert given[0] is not None


def test_an_unknown_act_is_refused_by_its_name(parked):
    migration = parked()
    arguments = {"typed": "uli13lp1", "claims": 2, "user": padmin(), "origin": "test"}
    assert refused(forcing.force, migration, "explode", **arguments) == "force-unknown"


def test_a_user_without_the_right_forces_nothing(parked, force, viewer):
    migration = parked()
    assert refused(force, migration, Act.RESTART, user=viewer) == "no-right"
    assert fetch(migration).state == State.SURRENDERED


# Audit, journal, rivals


def test_each_act_is_audited_with_its_outcome_and_told_in_the_journal(parked, force):
    migration = parked()
    refused(force, migration, Act.RESTART, typed="wrong")
    force(migration, Act.RESTART)
    events = AuditEvent.objects.filter(action="Recover: restart from disk").order_by("pk")
    assert [(event.outcome, event.user) for event in events] == [("refused", "padmin"), ("accepted", "padmin")]
    lines = [str(event.sentence) for event in migration.events.filter(to_state=State.FORCED_BACK)]
    assert lines == ["padmin ordered while uli14 did not answer: restart from disk"]


def test_of_two_people_who_force_at_once_one_wins(parked, force, hypervisor, monkeypatch):
    """The second one's decision was taken on a record that is over."""
    migration = parked()
    write = forcing.write

    def after_a_rival(*arguments):
        monkeypatch.setattr(forcing, "write", write)
        force(migration, Act.GIVE_UP)
        return write(*arguments)

    monkeypatch.setattr(forcing, "write", after_a_rival)
    assert refused(force, migration, Act.RUN_IMAGE) == "force-overtaken"
    assert fetch(migration).state == State.COMPLETING
    assert ("resume", migration.lpar_id) not in hypervisor.calls


def test_the_same_act_pressed_twice_starts_once(parked, force, hypervisor):
    migration = parked()
    force(migration, Act.RESTART)
    assert refused(force, migration, Act.RESTART) == "force-wrong-fact"
    assert hypervisor.calls.count(("activate", migration.lpar_id)) == 1


def test_a_worker_that_had_it_is_fenced(parked, force):
    migration = parked()
    fence = leases.claim(migration.pk, "schedule")
    force(migration, Act.RUN_IMAGE)
    with pytest.raises(leases.Fenced):
        leases.renew(fence)


def test_a_partner_that_comes_back_while_it_is_asked_decides_itself(parked, force, partner, hypervisor):
    migration = parked()

    def come_back():
        Migration.objects.filter(pk=migration.pk).update(state=State.COMPLETING)

    partner.before = [come_back]
    assert refused(force, migration, Act.RUN_IMAGE) == "force-wrong-state"
    assert ("resume", migration.lpar_id) not in hypervisor.calls


# Afterwards


def test_an_order_dies_when_this_machine_restarts(parked, force, hypervisor, monkeypatch):
    migration = parked()
    force(migration, Act.RESTART)
    hypervisor.crash()
    monkeypatch.setattr("migration.models.boot_id", lambda: "the next boot")
    calls = hypervisor.calls.count(("activate", migration.lpar_id))
    assert fetch(migration).record.order is None
    assert recovery.recover(fetch(migration), "schedule") is Wait.PARTNER
    assert hypervisor.calls.count(("activate", migration.lpar_id)) == calls


def test_an_order_lives_while_this_machine_runs(parked, force, hypervisor):
    migration = parked()
    force(migration, Act.RESTART)
    hypervisor.enter(migration.lpar_id, RunState.NOT_ACTIVATED)
    recovery.recover(fetch(migration), "schedule")
    assert hypervisor.calls.count(("activate", migration.lpar_id)) == 2


@pytest.mark.parametrize("there", [State.DECLINED, State.YIELDED])
def test_a_partner_that_comes_back_and_gives_up_its_copy_closes_it(parked, force, partner, hypervisor, there):
    migration = parked()
    force(migration, Act.RESTART)
    hypervisor.boot(migration.lpar_id)
    partner.is_silent, partner.state = False, there
    recovery.recover(fetch(migration), "schedule")
    partition = LogicalPartition.objects.get(pk=migration.partition_id)
    assert fetch(migration).state == State.CLOSED_KEPT
    assert (partition.state, partition.hold) == (PartitionState.RUNNING, "")


def test_opposite_forces_are_left_to_the_operator(parked, force, partner, hypervisor):
    migration = parked()
    force(migration, Act.RESTART)
    hypervisor.boot(migration.lpar_id)
    partner.is_silent, partner.state, partner.fact = False, State.STARTED, Fact.RUN
    partner.fields = {"forced": True}
    calls = list(hypervisor.calls)
    reason = recovery.recover(fetch(migration), "schedule")
    row = fetch(migration)
    assert (row.state, row.partner_state, row.partner_fact) == (State.FORCED_BACK, State.STARTED, Fact.RUN)
    assert hypervisor.calls == calls
    assert "It ends when one of them yields" in after_recover(row, reason)


def test_a_destination_that_had_declined_tells_that_the_source_was_forced_back(incoming, partner):
    migration = incoming("loaded")
    partner.state = State.ABORTING
    recovery.recover(fetch(migration), "schedule")
    assert fetch(migration).state == State.DECLINED
    migration = fetch(migration)
    partner.state = State.CLOSED_KEPT
    remember(migration, partner.answer(forced=True))
    assert fetch(migration).message_key == "forced-back-there"


def test_a_source_that_was_forced_back_gets_the_partition_from_a_destination_where_it_is_down(
    incoming, partner, hypervisor
):
    migration = incoming("loaded")
    partner.state = State.SURRENDERED
    partner.hear = lambda told: partner.answer(knows=told.incarnation)
    recovery.recover(fetch(migration), "schedule")
    assert fetch(migration).state == State.STARTED
    hypervisor.enter(migration.lpar_id, RunState.NOT_ACTIVATED)
    partner.state, partner.fact = State.FORCED_BACK, Fact.DEAD
    recovery.recover(fetch(migration), "schedule")
    row = fetch(migration)
    assert (row.state, row.released, bool(row.ended_at)) == (State.YIELDED, True, True)
    assert not LogicalPartition.objects.filter(uuid=migration.partition_uuid).exists()


# Answers of a database that was restored since


def test_an_answer_of_an_older_incarnation_counts_as_none(parked, partner, hypervisor):
    migration = parked()
    partner.is_silent, partner.state = False, State.LOADED
    partner.hear = lambda told: partner.answer(knows=told.incarnation)
    recovery.recover(fetch(migration), "schedule")
    partner.incarnation = "restored"
    recovery.recover(fetch(migration), "schedule")
    assert fetch(migration).known_incarnations == ("uli14", "restored")
    partner.incarnation, partner.state = "uli14", State.DECLINED
    assert recovery.recover(fetch(migration), "schedule") is Wait.PARTNER
    assert fetch(migration).state == State.SURRENDERED
    assert "9231" in fetch(migration).partner_error


def test_a_decision_on_the_word_of_an_older_incarnation_is_void(parked, partner):
    """The new one is recorded between the look and the write."""
    from migration.journal import advance

    migration = parked()
    old = fetch(migration)
    Migration.objects.filter(pk=migration.pk).update(partner_incarnations="uli14\nrestored")
    assert not advance(old, State.TAKEN_BACK)
    assert fetch(migration).state == State.SURRENDERED


# Both sides have it: yield


@pytest.fixture
def forced_back(parked, force, partner, hypervisor):
    """It runs here by an operator's order, and uli14 turns out to have it as well."""

    def forced_back(there=State.STARTED, fact=Fact.RUN):
        migration = parked()
        force(migration, Act.RESTART)
        hypervisor.boot(migration.lpar_id)
        partner.is_silent, partner.state, partner.fact, partner.fields = False, there, fact, {"forced": True}
        partner.hear = hearing(partner)
        return fetch(migration)

    return forced_back


def hearing(partner):
    """A destination settles once the source has let go; else it stays as the test has it."""

    def hear(told):
        partner.answer_or_not()
        partner.told.append(told)
        if told.state == State.COMPLETING and partner.state is State.STARTED:
            partner.state = State.SETTLED
        if told.state == State.CLOSED_MOVED and partner.state is State.SETTLED:
            partner.state = State.CLOSED_MOVED
        return partner.answer(knows=told.incarnation)

    return hear


@pytest.fixture
def forced_run(loaded, force, partner, hypervisor):
    """It runs here by an operator's order, and uli14, the source, turns out to have it as well."""
    force(loaded, Act.RESTART)
    hypervisor.boot(loaded.lpar_id)
    partner.is_silent, partner.state, partner.fact = False, State.FORCED_BACK, Fact.DEAD
    partner.hear = hearing(partner)
    return fetch(loaded)


def test_a_source_that_yields_ends_its_run_then_offers_the_luns_and_is_done(forced_back, force, partner, hypervisor):
    migration = forced_back()
    hypervisor.calls.clear()
    force(migration, Act.YIELD)
    commands = [name for name, lpar_id in hypervisor.calls if lpar_id == migration.lpar_id]
    assert commands.index("discard") < commands.index("change_owner_words") < commands.index("remove")
    assert partner.heard[-2:] == ["completing", "closed, moved"]
    row = fetch(migration)
    assert (row.state, row.forced) == (State.CLOSED_MOVED, True)
    assert not LogicalPartition.objects.filter(uuid=migration.partition_uuid).exists()
    assert (row.task.status, str(row.task.sentence)) == (TaskStatus.SUCCEEDED, "uli13lp1 is on uli14")


def test_a_source_keeps_the_configuration_until_the_destination_has_settled(forced_back, force, partner):
    """One that has only started could have yielded at the same time."""
    migration = forced_back(State.FORCED_RUN, Fact.DEAD)
    force(migration, Act.YIELD)
    assert fetch(migration).state == State.COMPLETING
    assert LogicalPartition.objects.filter(uuid=migration.partition_uuid).exists()


def test_where_both_yield_at_once_the_source_keeps_it(forced_back, force, partner, hypervisor):
    """The destination had decided before it heard of the source's act."""
    migration = forced_back()

    def yield_there():
        partner.state, partner.fact = State.YIELDED, Fact.NONE

    partner.before = [lambda: None, yield_there]
    force(migration, Act.YIELD)
    row = fetch(migration)
    partition = LogicalPartition.objects.get(uuid=migration.partition_uuid)
    assert (row.state, partition.hold) == (State.CLOSED_KEPT, "")
    assert (partition.state, run_of(hypervisor, migration).run_state) == (PartitionState.RUNNING, RunState.RUNNING)
    assert {(word.state, word.system) for word in run_of(hypervisor, migration).words} == {
        (OwnerState.OWNED, data.ULI13.identity)
    }


def test_a_destination_that_yields_ends_its_run_then_returns_the_luns_and_everything(forced_run, force, hypervisor):
    hypervisor.calls.clear()
    force(forced_run, Act.YIELD)
    commands = [name for name, lpar_id in hypervisor.calls if lpar_id == forced_run.lpar_id]
    assert commands.index("discard") < commands.index("change_owner_words") < commands.index("remove")
    row = fetch(forced_run)
    assert (row.state, row.released, bool(row.ended_at)) == (State.YIELDED, True, True)
    assert not LogicalPartition.objects.filter(uuid=forced_run.partition_uuid).exists()


def test_a_destination_whose_source_has_let_go_meanwhile_keeps_it(forced_run, force, partner, hypervisor):
    """Both yielded, and the source was first."""

    def let_go():
        partner.state, partner.fact, partner.fields = State.COMPLETING, Fact.NONE, {"forced": True}

    partner.before = [lambda: None, let_go]
    force(forced_run, Act.YIELD)
    assert fetch(forced_run).state == State.SETTLED
    assert run_of(hypervisor, forced_run).run_state is RunState.RUNNING
    assert refused(force, forced_run, Act.YIELD) == "force-wrong-state"


def test_an_order_to_yield_dies_when_this_machine_restarts(forced_run, force, partner, hypervisor, monkeypatch):
    hypervisor.refusals["discard"] = HypervisorError("hypervisor-refused", command="discard", reason="no")
    force(forced_run, Act.YIELD)
    assert (fetch(forced_run).state, fetch(forced_run).record.order) == (State.FORCED_RUN, Act.YIELD)
    hypervisor.refusals.clear()
    hypervisor.enter(forced_run.lpar_id, RunState.NOT_ACTIVATED)
    monkeypatch.setattr("migration.models.boot_id", lambda: "the next boot")
    assert recovery.recover(fetch(forced_run), "schedule") is Wait.OPERATOR
    assert fetch(forced_run).state == State.FORCED_RUN


def test_nothing_is_left_to_a_console_that_is_silent(forced_back, force, partner, hypervisor):
    migration = forced_back()
    partner.is_silent = True
    calls = list(hypervisor.calls)
    assert refused(force, migration, Act.YIELD) == "force-partner-silent"
    assert fetch(migration).state == State.FORCED_BACK
    assert hypervisor.calls == calls


@pytest.mark.parametrize("there", [State.DECLINED, State.YIELDED, State.PREPARED, State.LOADED])
def test_nothing_is_left_to_a_destination_that_has_not_got_it(forced_back, force, there):
    migration = forced_back(there, Fact.DEAD)
    assert refused(force, migration, Act.YIELD) == "force-no-conflict"
    assert fetch(migration).state == State.FORCED_BACK


@pytest.mark.parametrize("fact", [Fact.LOADED, Fact.UNKNOWN])
def test_nothing_is_left_to_a_destination_that_may_hold_an_older_image(forced_back, force, fact):
    migration = forced_back(State.FORCED_RUN, fact)
    assert refused(force, migration, Act.YIELD) == "force-yield-image"


@pytest.mark.parametrize("fact", [Fact.PARKED, Fact.UNKNOWN])
def test_nothing_is_left_to_a_source_that_may_hold_an_older_image(forced_run, force, partner, fact):
    partner.fact = fact
    assert refused(force, forced_run, Act.YIELD) == "force-yield-image"
    assert fetch(forced_run).state == State.STARTED


def test_a_yield_without_name_or_claim_asks_nobody(forced_back, force, partner):
    migration = forced_back()
    partner.before = [lambda: pytest.fail("the partner was asked")]
    assert refused(force, migration, Act.YIELD, typed="") == "force-name-differs"
    assert refused(force, migration, Act.YIELD, claims=0) == "force-not-claimed"


def test_a_yield_is_audited_and_told_in_the_journal(forced_back, force):
    migration = forced_back()
    force(migration, Act.YIELD)
    [event] = AuditEvent.objects.filter(action="Recover: yield")
    assert (event.outcome, event.user) == ("accepted", "padmin")
    lines = [str(event.sentence) for event in migration.events.filter(to_state=State.COMPLETING)]
    assert lines == ["padmin ordered to leave it to uli14: yield"]


def test_what_was_decided_before_an_act_is_void(forced_back, force, partner):
    """Also where the acts lead back to the same record."""
    from migration.journal import advance

    migration = forced_back(State.FORCED_RUN, Fact.DEAD)
    old = fetch(migration)
    force(migration, Act.YIELD)
    Migration.objects.filter(pk=migration.pk).update(state=State.FORCED_BACK)
    assert not advance(old, State.CLOSED_KEPT)
    assert fetch(migration).state == State.FORCED_BACK
