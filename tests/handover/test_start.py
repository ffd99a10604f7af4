"""Migrate against everything else that wants the same partition, and the token behind an empty password."""

import time

import pytest
from django.contrib.sessions.backends.signed_cookies import SessionStore

from ivmweb.common.errors import PrerequisiteFailed, message
from ivmweb.monitor.models import MonitorTask
from ivmweb.system import services as system
from ivmweb.system.keys import line_of, own_key
from ivmweb.system.models import AuditEvent, LogicalPartition, PartitionState, VirtualMedium, VirtualTargetDevice
from ivmweb.system.plan import Placement
from migration import credentials, services
from migration.models import Migration, RemoteSystem
from migration.states import State
from tests.handover.conftest import fetch
from tests.handover.partner import ScriptedClient


def counts():
    held = LogicalPartition.objects.exclude(hold="").count()
    return Migration.objects.count(), MonitorTask.objects.count(), held


def refusal(action):
    with pytest.raises(PrerequisiteFailed) as refused:
        action()
    return refused.value.key


def test_migrate_makes_row_hold_task_and_state_together(start, uli13lp1):
    migration = start(uli13lp1)
    uli13lp1.refresh_from_db()
    assert (migration.type, migration.state, migration.wants) == ("active", State.TRANSFERRING, "control")
    assert uli13lp1.hold == f"migration {migration.pk}"
    assert uli13lp1.state == PartitionState.MIGRATING_RUNNING
    assert (migration.task.target, migration.task.ended_at) == ("uli13lp1 (2)", None)


def test_a_second_migrate_is_refused_and_leaves_nothing(start, uli13lp1):
    start(uli13lp1)
    before = counts()
    assert refusal(lambda: start(LogicalPartition.objects.get(pk=uli13lp1.pk))) == "partition-is-migrating"
    assert counts() == before


def test_a_second_migrate_that_read_the_partition_before_the_first_is_refused(start, uli13lp1):
    stale = LogicalPartition.objects.get(pk=uli13lp1.pk)
    start(uli13lp1)
    before = counts()
    assert refusal(lambda: start(stale)) == "partition-is-migrating"
    assert counts() == before


def test_a_rivals_row_that_appears_after_the_hold_was_taken_refuses_migrate(start, uli13lp1, monkeypatch):
    """The row itself refuses the second, whatever the hold says; hold, task and state go back with it."""
    first = start(uli13lp1)
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(hold="", state=PartitionState.RUNNING)
    before = counts()
    assert refusal(lambda: start(LogicalPartition.objects.get(pk=uli13lp1.pk))) == "partition-is-migrating"
    assert counts() == before
    uli13lp1.refresh_from_db()
    assert (uli13lp1.hold, uli13lp1.state) == ("", PartitionState.RUNNING)
    assert fetch(first).state == State.TRANSFERRING


def test_a_partition_whose_migration_has_ended_may_be_migrated_again(start, uli13lp1):
    first = start(uli13lp1, State.CLOSED_KEPT)
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(hold="", state=PartitionState.RUNNING)
    assert start(LogicalPartition.objects.get(pk=uli13lp1.pk)).pk != first.pk


# Activate against Migrate of a partition that is off


def test_activate_is_refused_once_an_inactive_migration_has_begun(start, uli13lp2, padmin, hypervisor):
    start(uli13lp2)
    partition = LogicalPartition.objects.get(pk=uli13lp2.pk)
    assert refusal(lambda: system.activate(partition, padmin, "test")) == "partition-held"
    assert ("activate", uli13lp2.lpar_id) not in hypervisor.calls


def test_activate_that_read_the_partition_before_migrate_is_refused(start, uli13lp2, padmin, hypervisor):
    hypervisor.before["describe"] = lambda: start(LogicalPartition.objects.get(pk=uli13lp2.pk))
    assert refusal(lambda: system.activate(uli13lp2, padmin, "test")) == "partition-held"
    assert ("activate", uli13lp2.lpar_id) not in hypervisor.calls


def test_migrate_that_read_the_partition_before_activate_is_refused(start, uli13lp2, padmin):
    stale = LogicalPartition.objects.get(pk=uli13lp2.pk)
    system.activate(uli13lp2, padmin, "test")
    before = counts()
    assert refusal(lambda: start(stale)) == "partition-state-changed"
    assert counts() == before


def test_migrate_during_the_activation_is_refused(start, uli13lp2, padmin, hypervisor):
    stale = LogicalPartition.objects.get(pk=uli13lp2.pk)
    seen = []
    hypervisor.before["activate"] = lambda: seen.append(refusal(lambda: start(stale)))
    system.activate(uli13lp2, padmin, "test")
    assert seen == ["partition-is-held"]
    assert not Migration.objects.exists()


# The token of the session


@pytest.fixture
def press(uli13lp1, padmin, partner):
    """Validate or Migrate with one browser's session; what came of it, or the key of the refusal."""
    session = SessionStore()

    def press(button=services.validate, *, password="", remote="uli14", user="padmin"):
        fields = {"remote_manager": remote, "remote_user": user, "password": password, "session": session}
        try:
            return button(partition=uli13lp1, user=padmin, origin="test", **fields)
        except PrerequisiteFailed as exc:
            return exc.key

    press.session = session
    return press


def test_migrate_with_an_empty_password_uses_the_token_of_validate(press, partner):
    press(password="secret")
    report, migration = press(services.migrate)
    assert report.passed
    assert migration.remote_user == "padmin"
    assert partner.tokens == [("padmin", "secret")]
    assert partner.bearers == ["x" * 43] * 2


def test_without_a_token_an_empty_password_is_refused(press, partner):
    assert press() == "remote-password-missing"
    assert partner.tokens == []


def test_where_the_own_key_is_let_in_no_password_is_needed(press, partner, padmin):
    partner.lets_in.append(line_of(own_key(padmin).public_key()))
    report, migration = press(services.migrate)
    assert (report.passed, migration.remote_user) == (True, "padmin")
    assert partner.tokens == []
    assert partner.bearers == ["k" * 43]


@pytest.mark.parametrize("changed", [{"remote": "uli15"}, {"user": "viewer"}])
def test_another_remote_or_user_drops_the_token(press, uli14, changed):
    RemoteSystem.objects.create(name="uli15", address="127.0.0.1:2", certificate="x", fingerprint="x")
    press(password="secret")
    assert credentials.has_token(press.session, "uli14", "padmin")
    assert press(**changed) == "remote-password-missing"
    assert not credentials.has_token(press.session, "uli14", "padmin")
    assert press() == "remote-password-missing"


def test_an_expired_token_is_dropped(press, monkeypatch):
    press(password="secret")
    later = time.time() + 901
    monkeypatch.setattr(time, "time", lambda: later)
    assert press(services.migrate) == "remote-password-missing"
    assert credentials.SESSION_KEY not in press.session


def test_a_token_that_another_one_replaces_is_logged_out_at_its_console(press, partner):
    press(password="secret")
    assert partner.logged_out == []
    press(password="secret")
    assert partner.logged_out == ["x" * 43]


def test_a_token_is_given_back_within_the_time_of_the_button_that_was_pressed(press, partner, monkeypatch):
    given = []

    def client(remote, *, timeout_s=None, patience=None):
        given.append(patience)
        made = ScriptedClient(partner, remote)
        made.patience = patience
        return made

    monkeypatch.setattr(credentials, "PeerClient", client)
    monkeypatch.setattr(services, "PeerClient", client)
    press(password="secret")
    press(password="secret")
    *_first, button, log_out = given
    assert partner.logged_out
    assert log_out is button is not None


def test_a_user_who_logs_out_is_logged_out_at_the_remote_console_too(press, partner):
    press(password="secret")
    credentials.give_back(press.session)
    assert partner.logged_out == ["x" * 43]
    assert credentials.SESSION_KEY not in press.session


def test_logging_out_does_not_need_the_remote_console(press, partner):
    press(password="secret")
    partner.is_silent = True
    credentials.give_back(press.session)
    assert credentials.SESSION_KEY not in press.session


def test_a_token_under_another_key_is_no_token(press, settings, partner):
    """IVM_SECRET_KEY was changed: the password is asked for again, and nobody is kept from logging out."""
    press(password="secret")
    settings.SECRET_KEY = "another key than before"
    assert press() == "remote-password-missing"
    press(password="secret")
    settings.SECRET_KEY = "yet another one"
    credentials.give_back(press.session)
    assert credentials.SESSION_KEY not in press.session


def test_the_token_of_a_migration_that_has_yet_to_prepare_its_destination_is_left(press, partner):
    press(services.migrate, password="secret")
    credentials.give_back(press.session)
    assert partner.logged_out == []


def test_the_session_keeps_neither_password_nor_a_readable_token(press):
    press(password="secret")
    kept = str(dict(press.session.items()))
    assert "secret" not in kept
    assert "x" * 43 not in kept


# Rows of Monitor Tasks


def rows_of_tasks():
    return [(task.name, task.target, task.user, task.status) for task in MonitorTask.objects.order_by("pk")]


def test_validate_is_a_row_with_what_it_found(press, partner):
    press(password="secret")
    assert rows_of_tasks() == [("Validate Migration", "uli13lp1 (2)", "padmin", "succeeded")]
    task = MonitorTask.objects.get()
    assert str(task.sentence).startswith("Validation passed: ")
    assert task.started_at <= task.ended_at


def test_a_validation_that_could_not_run_is_a_failed_row_with_its_code(press, partner):
    press()
    assert rows_of_tasks() == [("Validate Migration", "uli13lp1 (2)", "padmin", "failed")]
    assert MonitorTask.objects.get().code == message("remote-password-missing").code


def test_migrate_is_one_row_that_runs_on(press, partner):
    press(services.migrate, password="secret")
    assert rows_of_tasks() == [("Migrate Partition", "uli13lp1 (2)", "padmin", "running")]


def test_migrate_with_a_failed_check_is_a_failed_row_that_names_it(press, uli13lp1, partner):
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(rmc_state="inactive")
    uli13lp1.refresh_from_db()
    report, migration = press(services.migrate, password="secret")
    assert (report.passed, migration) == (False, None)
    assert rows_of_tasks() == [("Migrate Partition", "uli13lp1 (2)", "padmin", "failed")]
    task = MonitorTask.objects.get()
    assert "checks failed" in str(task.sentence)
    failed = [finding for finding in report.findings.all() if finding.outcome == "failed"]
    assert failed[0].sentence in [line.sentence for line in task.lines.all()]


def test_who_may_not_migrate_is_refused_in_the_audit_and_makes_no_row(uli13lp1, viewer, partner):
    with pytest.raises(PrerequisiteFailed, match="may not migrate partitions"):
        services.validate(
            partition=uli13lp1,
            remote_manager="uli14",
            remote_user="padmin",
            password="secret",
            session=SessionStore(),
            user=viewer,
            origin="test",
        )
    assert rows_of_tasks() == []
    assert AuditEvent.objects.get().outcome == "refused"
    assert partner.tokens == []


def test_the_task_of_a_validation_leads_to_its_report(press):
    report = press(password="secret")
    report.refresh_from_db()
    assert (report.task.name, report.task.target) == ("Validate Migration", "uli13lp1 (2)")


def test_a_device_that_no_other_system_has_and_came_after_the_checks_is_not_lost(start, uli13lp1):
    adapter = uli13lp1.server_adapters.get()
    blank = VirtualMedium.objects.create(name="blank", size_mb=1)
    VirtualTargetDevice.objects.create(name="vtopt0", adapter=adapter, lun_number=0xA0, is_optical=True, medium=blank)
    before = counts()
    assert refusal(lambda: start(uli13lp1)) == "check-disks-not-luns"
    assert counts() == before
    assert LogicalPartition.objects.get(pk=uli13lp1.pk).hold == ""


def test_a_drive_that_another_system_can_have_is_part_of_the_plan(start, uli13lp1):
    adapter = uli13lp1.server_adapters.get()
    VirtualTargetDevice.objects.create(name="vtopt0", adapter=adapter, lun_number=0xA0, is_optical=True)
    migration = start(uli13lp1)
    assert LogicalPartition.objects.get(pk=uli13lp1.pk).hold == f"migration {migration.pk}"


def test_a_partition_whose_disks_are_being_changed_is_not_migrated(start, uli13lp1):
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(unsettled_luns=["6005"])
    before = counts()
    assert refusal(lambda: start(uli13lp1)) == "luns-unsettled"
    assert counts() == before


@pytest.mark.parametrize(
    "change",
    [
        lambda row: LogicalPartition.objects.filter(pk=row.pk).update(name="r2"),
        lambda row: LogicalPartition.objects.filter(pk=row.pk).update(memory_mb=1040, memory_maximum_mb=4096),
        lambda row: row.server_adapters.get().target_devices.first().delete(),
    ],
)
def test_what_is_changed_while_it_is_checked_is_not_migrated(press, partner, uli13lp1, change):
    """Else the source's record has one name and the destination's another, and no hand-over record can be signed."""
    press(password="secret")
    partner.before = [lambda: change(uli13lp1)]
    assert press(services.migrate) == "properties-changed-meanwhile"
    assert not Migration.objects.exists()
    row = LogicalPartition.objects.get(pk=uli13lp1.pk)
    assert (row.hold, row.state) == ("", "Running")


def test_what_its_operating_system_reports_meanwhile_is_no_change(press, partner, uli13lp1):
    press(password="secret")
    rows = LogicalPartition.objects.filter(pk=uli13lp1.pk)
    partner.before = [lambda: rows.update(os_version="AIX 6.1", rmc_state="inactive")]
    assert press(services.migrate)[1] is not None


def test_a_migration_that_validation_refuses_is_refused_in_the_audit_trail(press, partner, uli13lp1):
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(rmc_state="inactive")
    uli13lp1.refresh_from_db()
    report, migration = press(services.migrate, password="secret")
    assert (report.passed, migration) == (False, None)
    event = AuditEvent.objects.get(action="Migrate Partition")
    assert (event.outcome, event.code != "") == ("refused", True)


@pytest.mark.parametrize("server_slot", [None, 31])
def test_a_wish_for_an_adapter_that_is_not_there_is_refused(uli13lp1, server_slot):
    assert refusal(lambda: services.checked_wish(uli13lp1, Placement(slots={9: server_slot}))) == (
        "placement-unknown-slot"
    )
