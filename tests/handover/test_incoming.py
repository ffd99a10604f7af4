"""The destination's row of Monitor Tasks: one for each migration that comes in, and it ends when that does."""

import pytest
from django.contrib.auth.models import User

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.monitor.models import MonitorTask, TaskStatus
from migration import destination, leases, recovery, services, states
from migration.models import Migration
from migration.states import Act, State
from tests.handover.conftest import fetch, fetch_id, own_luns, request_of
from tests.handover.test_destination import hear, told
from tests.handover.test_forcing import force, forced_run, loaded  # noqa: F401 (fixtures)

LOST = {"code": "VIOSE01049000-9450", "message_key": "mover-link-lost"}


def task():
    return MonitorTask.objects.get()


def outcome():
    row = task()
    return row.status, str(row.sentence), row.ended_at is not None


def test_a_prepare_makes_one_row_and_the_same_prepare_no_second_one(prepare, uli14, token):
    request = request_of(user="operator")
    migration = prepare(request)
    destination.prepare(request, token, uli14)
    row = task()
    assert (row.name, row.target, row.user) == ("Migrate Partition (incoming)", "uli14lp9 (9)", "operator@uli14")
    assert (row.status, row.ended_at, migration.task) == (TaskStatus.RUNNING, None, row)
    assert [str(line) for line in row.lines.all()] == ["prepared for uli14"]


def test_two_prepares_at_once_make_one_row(prepare, uli14, token, hypervisor, monkeypatch):
    request, checks = request_of(), destination.first_failure
    own_luns(hypervisor, request)

    def after_the_other(*_):
        monkeypatch.setattr(destination, "first_failure", checks)
        destination.prepare(request, token, uli14)

    monkeypatch.setattr(destination, "first_failure", after_the_other)
    monkeypatch.setattr(destination, "find", seen_late(destination.find))
    destination.prepare(request, token, uli14)
    assert task() == fetch_id(request.migration_id).task


def seen_late(find):
    """The other prepare's row is not there yet when this one looks first."""
    answers = [lambda request: None]
    return lambda request: (answers.pop() if answers else find)(request)


def test_a_user_of_the_source_is_never_taken_for_one_of_this_console_however_long_the_name(prepare):
    prepare(request_of(user="u" * 150))
    assert task().user == "u" * 144 + "@uli14"


def test_monitor_tasks_filters_by_a_user_of_another_console(prepare, client):
    prepare(request_of(user="operator"))
    client.force_login(User.objects.get(username="padmin"))
    page = client.get("/tasks/", {"user": "operator@uli14"}).content.decode()
    assert '<option value="operator@uli14" selected>' in page
    assert "uli14lp9 (9)" in page
    assert "uli14lp9 (9)" not in client.get("/tasks/", {"user": "operator"}).content.decode()


def test_who_typed_the_password_stands_for_a_user_that_is_not_told(prepare):
    prepare(request_of(user=""))
    assert task().user == "padmin"


def test_a_prepare_that_is_refused_leaves_no_row(uli14, token, monkeypatch):
    monkeypatch.setattr(destination, "first_failure", lambda *_: None)
    asked = request_of()
    big = asked.configuration.model_copy(update={"memory_mb": 8000, "memory_maximum_mb": 8000})
    with pytest.raises(PrerequisiteFailed):
        destination.prepare(asked.model_copy(update={"configuration": big}), token, uli14)
    assert not MonitorTask.objects.exists()


def test_a_crash_in_prepare_leaves_no_row(prepare, monkeypatch):
    def crash(*_, **__):
        raise RuntimeError("killed")

    monkeypatch.setattr(destination, "note", crash)
    with pytest.raises(RuntimeError):
        prepare()
    assert not MonitorTask.objects.exists()


def test_an_abort_before_prepare_leaves_no_row_nor_does_the_late_prepare(uli14, token):
    request = request_of()
    recovery.told_unknown(told(request.migration_id, State.ABORTING), uli14)
    destination.prepare(request, token, uli14)
    assert not MonitorTask.objects.exists()


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, (TaskStatus.FAILED, "[VIOSE01049000-9212] Rolled back; the partition stays on uli14")),
        ({"stopped": True}, (TaskStatus.STOPPED, "Stopped; the partition stays on uli14")),
    ],
)
@pytest.mark.parametrize("state", ["prepared", "loaded"])
def test_what_the_source_aborts_ends_as_on_the_source(incoming, state, said, expected):
    migration = incoming(state)
    hear(migration, State.ABORTING, **said)
    assert fetch(migration).state == State.DECLINED
    assert outcome() == (*expected, True)


def test_a_stop_that_is_heard_of_late_is_no_failure(incoming):
    """The link that Stop cuts is noticed first by this side's mover."""
    migration = incoming()
    Migration.objects.filter(pk=migration.pk).update(**LOST, reserved_until=leases.now() - 1)
    recovery.recover(fetch(migration), "schedule")
    assert outcome() == (TaskStatus.FAILED, "[VIOSE01049000-9450] Rolled back; the partition stays on uli14", True)
    ended_at = task().ended_at
    hear(migration, State.ABORTING, stopped=True)
    assert outcome() == (TaskStatus.STOPPED, "Stopped; the partition stays on uli14", True)
    assert task().ended_at == ended_at


def test_the_worker_sees_a_stop_that_was_told_to_the_web_process_meanwhile(incoming):
    migration = incoming()
    stale = fetch(migration)
    Migration.objects.filter(pk=migration.pk).update(stop_requested=True, reserved_until=leases.now() - 1)
    stale.reserved_until = leases.now() - 1
    recovery.recover(stale, "schedule")
    assert outcome()[0] == TaskStatus.STOPPED


def test_what_has_moved_succeeds_only_once_the_source_has_closed_it(incoming):
    migration = incoming("loaded")
    hear(migration, State.SURRENDERED)
    assert fetch(migration).state == State.STARTED
    assert outcome() == (TaskStatus.RUNNING, "Cleaning up", False)
    hear(migration, State.CLOSED_MOVED)
    assert fetch(migration).state == State.CLOSED_MOVED
    assert outcome() == (TaskStatus.SUCCEEDED, "uli14lp9 has come from uli14", True)
    assert task().percent == 100


def test_an_inactive_one_succeeds_as_well(incoming):
    migration = incoming(request=request_of(inactive=True))
    hear(migration, State.COMPLETING)
    hear(migration, State.CLOSED_MOVED)
    assert fetch(migration).state == State.CLOSED_MOVED
    assert outcome()[0] == TaskStatus.SUCCEEDED


def test_a_forced_discard_ends_it(loaded, force):  # noqa: F811
    force(loaded, Act.DISCARD)
    assert outcome() == (TaskStatus.FAILED, "Rolled back; the partition stays on uli14", True)


def test_a_yield_ends_it(forced_run, force):  # noqa: F811
    force(forced_run, Act.YIELD)
    assert fetch(forced_run).state == State.YIELDED
    assert outcome() == (TaskStatus.FAILED, "Given back; the partition is on uli14", True)


def test_a_row_of_a_database_without_its_task_ends_all_the_same(incoming):
    migration = incoming("loaded")
    MonitorTask.objects.all().delete()
    hear(fetch(migration), State.ABORTING, stopped=True)
    assert fetch(migration).state == State.DECLINED


def test_a_row_whose_mover_is_lost_says_so(incoming, clock):
    migration = incoming()
    leases.claim(migration.pk, "mover-in")
    clock.pass_s(6)
    services.tasks.sweep()
    assert task().status == TaskStatus.ATTENTION


def moved(fixture):
    migration = fixture("incoming")("loaded")
    hear(migration, State.SURRENDERED)
    hear(migration, State.CLOSED_MOVED)
    return migration


def declined(fixture):
    migration = fixture("incoming")()
    hear(migration, State.ABORTING)
    return migration


def yielded(fixture):
    migration = fixture("forced_run")
    fixture("force")(migration, Act.YIELD)
    return migration


ENDINGS = {State.CLOSED_MOVED: moved, State.DECLINED: declined, State.YIELDED: yielded}


# django_db: fixtures asked by name come too late for the order, in which tests that empty the database are the last.
@pytest.mark.django_db
@pytest.mark.parametrize("final", sorted(states.DESTINATION_STATES & states.FINAL_STATES))
def test_every_final_state_of_the_destination_ends_the_row(final, request):
    migration = ENDINGS[final](request.getfixturevalue)
    assert fetch(migration).state == final
    assert task().ended_at is not None
