"""Activate and Shutdown: who may, when, and what is left behind when the hypervisor says no."""

import pytest

from ivmweb.common.errors import HypervisorError, PrerequisiteFailed
from ivmweb.hypervisor.base import ShutdownKind
from ivmweb.monitor.models import MonitorTask, TaskStatus
from ivmweb.system import services
from ivmweb.system.models import AuditEvent, LogicalPartition, Operation, PartitionState, PhysicalAdapter, RmcState


def activate(partition, user):
    return services.activate(partition, user, "127.0.0.1")


def shut_down(partition, user, kind=ShutdownKind.DELAYED, restart=False):
    return services.shut_down(partition, kind, restart, user, "127.0.0.1")


def refusal(act, *args, **kwargs):
    with pytest.raises(PrerequisiteFailed) as caught:
        act(*args, **kwargs)
    return caught.value


def row(partition):
    partition.refresh_from_db()
    return partition.state, partition.hold, partition.operation


def test_activate_starts_the_partition_and_its_task(uli13lp2, padmin, hypervisor):
    task = activate(uli13lp2, padmin)
    assert ("activate", 3) in hypervisor.calls
    assert row(uli13lp2) == (PartitionState.STARTING, "", Operation.ACTIVATE)
    assert uli13lp2.ever_activated
    assert (task.name, task.target, task.user, task.status) == (
        "Activate Partition",
        "uli13lp2 (3)",
        "padmin",
        TaskStatus.RUNNING,
    )


def test_the_order_is_in_the_row_before_the_hypervisor_gets_it(uli13lp2, padmin, hypervisor):
    seen = []
    hypervisor.before["activate"] = lambda: seen.append(row(uli13lp2))
    activate(uli13lp2, padmin)
    assert seen == [(PartitionState.STARTING, "activate", Operation.ACTIVATE)]


def test_while_it_is_being_activated_nobody_else_gets_the_partition(uli13lp2, padmin, hypervisor):
    got = []
    hypervisor.before["activate"] = lambda: got.append(services.hold(uli13lp2.pk, "migration 1"))
    activate(uli13lp2, padmin)
    assert got == [False]


def test_a_migration_that_was_faster_wins_and_nothing_is_started(uli13lp2, padmin, hypervisor):
    hypervisor.before["describe"] = lambda: services.hold(uli13lp2.pk, "migration 1")
    error = refusal(activate, uli13lp2, padmin)
    assert error.key == "partition-held"
    assert "migration 1" in error.text
    assert ("activate", 3) not in hypervisor.calls
    assert not MonitorTask.objects.exists()


def test_once_started_the_partition_is_not_held_for_an_inactive_migration(uli13lp2, padmin):
    activate(uli13lp2, padmin)
    assert not services.hold(uli13lp2.pk, "migration 1", state=PartitionState.NOT_ACTIVATED)
    assert services.hold(uli13lp2.pk, "migration 1", state=PartitionState.STARTING)


def test_a_definition_that_the_hypervisor_lost_is_made_again(uli13lp2, padmin, hypervisor):
    del hypervisor.runs[3]
    activate(uli13lp2, padmin)
    assert hypervisor.calls[-2:] == [("create", 3), ("activate", 3)]


def test_a_running_partition_is_not_activated_again(uli13lp1, padmin):
    assert refusal(activate, uli13lp1, padmin).code == "VIOSE01042026-9055"


def test_a_partition_that_is_off_is_not_shut_down(uli13lp2, padmin):
    assert refusal(shut_down, uli13lp2, padmin).code == "VIOSE01050901-9056"


@pytest.mark.parametrize("act", [activate, shut_down])
def test_the_management_partition_is_refused(act, uli13, padmin, hypervisor):
    management = LogicalPartition.objects.get(lpar_id=1)
    assert refusal(act, management, padmin).key == "management-partition"
    assert hypervisor.calls == []


@pytest.mark.parametrize("act", [activate, shut_down])
def test_view_only_users_are_refused(act, uli13lp1, uli13lp2, viewer, hypervisor):
    before = list(hypervisor.calls)
    assert refusal(act, uli13lp1 if act is shut_down else uli13lp2, viewer).key == "no-right"
    assert hypervisor.calls == before
    assert AuditEvent.objects.get().outcome == "refused"


def test_an_order_that_the_hypervisor_never_heard_is_a_failed_row(uli13lp2, padmin, hypervisor):
    hypervisor.is_reachable = False
    with pytest.raises(HypervisorError):
        activate(uli13lp2, padmin)
    task = MonitorTask.objects.get()
    assert (task.name, task.target, task.user, task.status) == (
        "Activate Partition",
        "uli13lp2 (3)",
        "padmin",
        TaskStatus.FAILED,
    )
    assert task.code == "VIOSE01049000-9400"
    assert row(uli13lp2) == (PartitionState.NOT_ACTIVATED, "", "")


def test_what_reserves_a_partition_is_sought_in_monitor_tasks_only_where_it_has_a_row(uli13lp2, padmin):
    for hold, key in (("activate", "partition-held"), ("a backup", "partition-reserved")):
        LogicalPartition.objects.filter(pk=uli13lp2.pk).update(hold=hold)
        error = refusal(activate, uli13lp2, padmin)
        assert error.key == key
        assert ("Monitor Tasks" in error.text) == (hold == "activate")
        assert hold in error.text


def test_nobody_answers_over_rmc_once_a_partition_is_recorded_as_off(uli13lp1):
    services.set_state(uli13lp1, PartitionState.NOT_ACTIVATED)
    uli13lp1.refresh_from_db()
    assert uli13lp1.rmc_state == RmcState.INACTIVE


def test_a_partition_that_is_gone_is_refused_in_words(uli13lp2, padmin):
    services.remove_partition(LogicalPartition.objects.get(pk=uli13lp2.pk))
    assert refusal(activate, uli13lp2, padmin).key == "partition-not-here"


def test_os_shutdown_needs_rmc(uli13lp1, padmin):
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(rmc_state=RmcState.INACTIVE)
    uli13lp1.refresh_from_db()
    error = refusal(shut_down, uli13lp1, padmin, ShutdownKind.OS)
    assert error.code == "VIOSE01050905-9057"
    assert "inactive" in error.text


def test_a_partition_that_starts_has_no_system_to_ask(uli13lp1, padmin):
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(state=PartitionState.STARTING, rmc_state="inactive")
    uli13lp1.refresh_from_db()
    error = refusal(shut_down, uli13lp1, padmin, ShutdownKind.OS)
    assert error.code == "VIOSE01049000-9049"
    assert "Starting" in error.text
    assert "Immediate" in error.text
    shut_down(uli13lp1, padmin, ShutdownKind.IMMEDIATE)
    assert row(uli13lp1)[0] == PartitionState.SHUTTING_DOWN


def test_without_rmc_the_white_button_still_works(uli13lp1, padmin, hypervisor):
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(rmc_state=RmcState.INACTIVE)
    shut_down(uli13lp1, padmin)
    assert row(uli13lp1) == (PartitionState.SHUTTING_DOWN, "", Operation.SHUT_DOWN)


def test_os_shutdown_needs_a_running_system(uli13lp2, padmin):
    activate(uli13lp2, padmin)
    assert refusal(shut_down, uli13lp2, padmin, ShutdownKind.OS).key == "no-system-to-ask"


def test_an_immediate_shutdown_ends_one_that_hangs_and_takes_over_its_place(uli13lp1, padmin, hypervisor):
    first = shut_down(uli13lp1, padmin)
    assert refusal(shut_down, uli13lp1, padmin).key == "wrong-state"
    second = shut_down(uli13lp1, padmin, ShutdownKind.IMMEDIATE)
    first.refresh_from_db()
    assert (first.status, second.status) == (TaskStatus.STOPPED, TaskStatus.RUNNING)
    assert uli13lp1.operation_task == second


def test_restart_is_an_operation_of_its_own(uli13lp1, padmin, hypervisor):
    assert shut_down(uli13lp1, padmin, restart=True).name == "Restart Partition"
    assert ("shut_down shutdown restart", 2) in hypervisor.calls


def test_a_refusal_of_the_hypervisor_puts_the_row_back_and_fails_the_task(uli13lp2, padmin, hypervisor):
    hypervisor.refuse("activate")
    with pytest.raises(HypervisorError):
        activate(uli13lp2, padmin)
    assert row(uli13lp2) == (PartitionState.NOT_ACTIVATED, "", "")
    assert not uli13lp2.ever_activated
    task = MonitorTask.objects.get()
    assert (task.status, task.code) == (TaskStatus.FAILED, "VIOSE01049000-9401")


def test_a_lost_answer_keeps_the_partition_until_it_is_known_what_happened(uli13lp2, padmin, hypervisor):
    hypervisor.refuse("activate", "hypervisor-unreachable", host="uli13", socket="x", reason="timed out")
    with pytest.raises(HypervisorError):
        activate(uli13lp2, padmin)
    assert row(uli13lp2) == (PartitionState.STARTING, "activate", Operation.ACTIVATE)
    assert not services.hold(uli13lp2.pk, "migration 1")
    assert "timed out" in str(MonitorTask.objects.get().sentence)


def test_each_order_is_in_the_audit_trail_with_its_outcome(uli13lp1, uli13lp2, padmin):
    activate(uli13lp2, padmin)
    refusal(activate, uli13lp1, padmin)
    events = AuditEvent.objects.order_by("pk").values_list("user", "origin", "action", "thing", "outcome", "code")
    assert list(events) == [
        ("padmin", "127.0.0.1", "activate", "partition uli13lp2 (3)", "accepted", ""),
        ("padmin", "127.0.0.1", "activate", "partition uli13lp1 (2)", "refused", "VIOSE01042026-9055"),
    ]


def test_a_hold_is_taken_once_and_released_by_its_owner_only(uli13lp2):
    assert services.hold(uli13lp2.pk, "migration 1")
    assert not services.hold(uli13lp2.pk, "migration 2")
    assert not services.release_hold(uli13lp2.pk, "migration 2")
    assert services.release_hold(uli13lp2.pk, "migration 1")
    assert services.hold(uli13lp2.pk, "migration 2")


def test_physical_adapters_go_to_the_management_partition(blocked):
    locations = services.release_physical_adapters(blocked)
    assert locations == ["U78A5.001.WIH0402-P1-C5"]
    assert PhysicalAdapter.objects.get(location=locations[0]).partition.is_management
    assert services.release_physical_adapters(blocked) == []
