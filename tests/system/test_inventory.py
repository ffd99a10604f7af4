"""The records follow what the hypervisor says, except where an operation holds the partition."""

import datetime as dt
import threading

import pytest
from django.utils import timezone

from ivmweb.hypervisor.base import BootFrom, Fence, PartitionFacts, RunState, ShutdownKind
from ivmweb.monitor import notices
from ivmweb.monitor.models import MonitorTask, TaskStatus
from ivmweb.system import inventory, services
from ivmweb.system.inventory import outcome_of, runtime_facts, take_inventory
from ivmweb.system.models import (
    AuditEvent,
    LogicalPartition,
    ManagedSystem,
    Operation,
    PartitionState,
    RmcState,
    VirtualEthernet,
)


@pytest.fixture
def published(monkeypatch):
    topics = []
    monkeypatch.setattr(notices, "publish", lambda *names: topics.extend(names))
    return topics


def state_of(partition):
    partition.refresh_from_db()
    return partition.state


def age(task, seconds):
    MonitorTask.objects.filter(pk=task.pk).update(started_at=timezone.now() - dt.timedelta(seconds=seconds))


def test_nothing_is_repaired_where_records_and_hypervisor_agree(uli13lp1, uli13lp2):
    assert take_inventory() == []
    assert not AuditEvent.objects.exists()


def test_a_killed_hypervisor_comes_back_with_its_partitions_not_activated(uli13lp1, hypervisor):
    hypervisor.crash()
    assert take_inventory() == ["uli13lp1: Running → Not Activated"]
    assert state_of(uli13lp1) == PartitionState.NOT_ACTIVATED
    assert uli13lp1.rmc_state == RmcState.INACTIVE
    assert AuditEvent.objects.get().outcome == "repaired"


@pytest.mark.parametrize(
    ("preferred", "modes", "runs_in"),
    [
        ("default", ["default", "POWER6", "POWER7"], "POWER7"),
        ("POWER6", ["default", "POWER6", "POWER7"], "POWER6"),
        ("default", ["default"], "default"),
    ],
)
def test_a_partition_that_starts_keeps_the_mode_that_is_in_force_then(
    uli13lp1, hypervisor, preferred, modes, runs_in
):
    hypervisor.crash()
    take_inventory()
    uli13lp1.refresh_from_db()
    assert uli13lp1.current_compatibility_mode == ""
    LogicalPartition.objects.update(compatibility_mode=preferred)
    ManagedSystem.objects.update(compatibility_modes=modes)
    hypervisor.boot(2)
    take_inventory()
    ManagedSystem.objects.update(compatibility_modes=["default", "POWER8"])
    take_inventory()
    uli13lp1.refresh_from_db()
    assert uli13lp1.current_compatibility_mode == runs_in


def test_a_hypervisor_that_does_not_answer_changes_no_record(uli13lp1, hypervisor):
    hypervisor.is_reachable = False
    assert take_inventory() == []
    assert state_of(uli13lp1) == PartitionState.RUNNING


@pytest.mark.parametrize("fact", [RunState.NOT_ACTIVATED, RunState.SUSPENDED, RunState.COMPLETED, RunState.ERROR])
def test_the_state_of_a_partition_held_by_a_migration_is_left_alone(uli13lp1, hypervisor, fact):
    services.hold(uli13lp1.pk, "migration 1")
    services.set_state(uli13lp1, PartitionState.MIGRATING_RUNNING)
    hypervisor.enter(2, fact)
    assert take_inventory() == []
    assert state_of(uli13lp1) == PartitionState.MIGRATING_RUNNING


def test_an_operation_that_begins_during_the_inventory_wins(uli13lp1, hypervisor):
    hypervisor.crash()
    hypervisor.before["describe_system"] = lambda: services.hold(uli13lp1.pk, "migration 1")
    assert take_inventory() == []
    assert state_of(uli13lp1) == PartitionState.RUNNING


def test_an_activate_during_the_inventory_is_not_taken_back(uli13lp2, padmin, hypervisor):
    """The facts are older than the order, and say Not Activated."""
    before = LogicalPartition.objects.select_related("operation_task").get(lpar_id=3)
    old = hypervisor.describe(3)
    services.activate(uli13lp2, padmin, "")
    assert inventory._compare(hypervisor, before, old) == []
    assert state_of(uli13lp2) == PartitionState.STARTING


def test_activation_is_followed_to_its_end(uli13lp2, padmin, hypervisor):
    task = services.activate(uli13lp2, padmin, "")
    take_inventory()
    assert state_of(uli13lp2) == PartitionState.STARTING
    hypervisor.boot(3)
    take_inventory()
    task.refresh_from_db()
    assert state_of(uli13lp2) == PartitionState.RUNNING
    assert (uli13lp2.rmc_state, uli13lp2.os_version, uli13lp2.operation) == (RmcState.ACTIVE, "Linux", "")
    assert (task.status, task.percent) == (TaskStatus.SUCCEEDED, 100)
    assert AuditEvent.objects.filter(outcome="repaired").count() == 0


def test_an_activation_that_dies_fails_its_task_with_a_code(uli13lp2, padmin, hypervisor):
    task = services.activate(uli13lp2, padmin, "")
    hypervisor.enter(3, RunState.NOT_ACTIVATED)
    take_inventory()
    task.refresh_from_db()
    assert (task.status, task.code) == (TaskStatus.FAILED, "VIOSE01049000-9058")
    assert state_of(uli13lp2) == PartitionState.NOT_ACTIVATED


def test_a_shutdown_ends_when_the_partition_is_off(uli13lp1, padmin, hypervisor):
    task = services.shut_down(uli13lp1, ShutdownKind.OS, False, padmin, "")
    take_inventory()
    assert state_of(uli13lp1) == PartitionState.SHUTTING_DOWN
    hypervisor.enter(2, RunState.NOT_ACTIVATED)
    take_inventory()
    task.refresh_from_db()
    assert task.status == TaskStatus.SUCCEEDED
    assert state_of(uli13lp1) == PartitionState.NOT_ACTIVATED


def fact(state, uptime_s=None):
    return PartitionFacts(2, "", "uli13lp1", state, 1024, uptime_s, None, "")


@pytest.mark.parametrize(
    ("operation", "seen", "age_s", "status"),
    [
        (Operation.ACTIVATE, fact(RunState.STARTING), 9999, None),
        (Operation.ACTIVATE, fact(RunState.RUNNING, 1), 2, TaskStatus.SUCCEEDED),
        (Operation.ACTIVATE, fact(RunState.ERROR), 2, TaskStatus.FAILED),
        (Operation.SHUT_DOWN, fact(RunState.SHUTTING_DOWN), 9999, None),
        (Operation.SHUT_DOWN, fact(RunState.RUNNING, 500), 10, None),
        (Operation.SHUT_DOWN, fact(RunState.RUNNING, 500), 301, TaskStatus.FAILED),
        (Operation.SHUT_DOWN, fact(RunState.NOT_ACTIVATED), 1, TaskStatus.SUCCEEDED),
        (Operation.RESTART, fact(RunState.RUNNING, 500), 10, None),
        (Operation.RESTART, fact(RunState.NOT_ACTIVATED), 10, None),
        (Operation.RESTART, fact(RunState.STARTING), 10, None),
        (Operation.RESTART, fact(RunState.RUNNING, 3), 10, TaskStatus.SUCCEEDED),
    ],
)
def test_how_an_operation_ended(operation, seen, age_s, status):
    assert outcome_of(operation, seen, age_s) == status


def lose_the_answer(partition, user, hypervisor):
    hypervisor.refuse("activate", "hypervisor-unreachable", host="uli13", socket="x", reason="timed out")
    with pytest.raises(Exception, match="timed out"):
        services.activate(partition, user, "")
    hypervisor.refusals.clear()
    partition.refresh_from_db()
    return partition.operation_task


def test_a_lost_command_is_waited_for_a_while(uli13lp2, padmin, hypervisor):
    lose_the_answer(uli13lp2, padmin, hypervisor)
    assert take_inventory() == []
    uli13lp2.refresh_from_db()
    assert uli13lp2.hold == "activate"


def test_a_lost_command_is_settled_and_can_not_arrive_afterwards(uli13lp2, padmin, hypervisor):
    task = lose_the_answer(uli13lp2, padmin, hypervisor)
    lost_epoch = hypervisor.epochs[3]  # the definition before it had the same one
    age(task, 31)
    take_inventory()
    take_inventory()
    task.refresh_from_db()
    assert state_of(uli13lp2) == PartitionState.NOT_ACTIVATED
    assert (uli13lp2.hold, uli13lp2.operation, task.status) == ("", "", TaskStatus.FAILED)
    with pytest.raises(Exception, match="This was not carried out"):
        hypervisor.activate(3, Fence(epoch=lost_epoch))


def test_a_definition_that_is_missing_is_made_again(uli13lp2, hypervisor):
    del hypervisor.runs[3]
    assert take_inventory() == ["uli13lp2: the hypervisor did not know it; it was defined there again"]
    assert hypervisor.runs[3].definition == services.definition_of(uli13lp2)
    assert take_inventory() == []


def test_a_definition_that_is_missing_is_not_made_for_a_held_partition(uli13lp2, hypervisor):
    services.hold(uli13lp2.pk, "migration 1")
    del hypervisor.runs[3]
    assert take_inventory() == []
    assert 3 not in hypervisor.runs


def test_an_orphan_in_the_hypervisor_is_told_once_and_never_touched(uli13lp2, hypervisor, caplog, monkeypatch):
    monkeypatch.setattr(inventory, "_told", set())
    services.remove_partition(uli13lp2)
    before = list(hypervisor.calls)
    take_inventory()
    take_inventory()
    assert hypervisor.calls == before
    assert sum("is in no record" in line for line in caplog.messages) == 1


def test_another_partition_under_a_known_id_is_left_alone(uli13lp2, hypervisor, monkeypatch, caplog):
    monkeypatch.setattr(inventory, "_told", set())
    LogicalPartition.objects.filter(pk=uli13lp2.pk).update(uuid="00000000-0000-4000-8000-000000000001")
    hypervisor.boot(3)
    assert take_inventory() == []
    assert state_of(uli13lp2) == PartitionState.NOT_ACTIVATED
    assert "another partition" in caplog.text


def test_one_repair_that_goes_wrong_does_not_stop_the_others(uli13lp1, uli13lp2, hypervisor):
    del hypervisor.runs[3]
    hypervisor.refuse("create")
    hypervisor.crash()
    assert take_inventory() == ["uli13lp1: Running → Not Activated"]


def test_reference_codes_are_kept_in_order_and_bounded(uli13lp2, hypervisor):
    for number in range(250):
        hypervisor.enter(3, RunState.STARTING, f"C2{number:06}")
    take_inventory()
    hypervisor.boot(3)
    take_inventory()
    codes = list(uli13lp2.reference_codes.values_list("code", flat=True))
    assert len(codes) == 200
    assert codes[-2:] == ["C2000249", "Linux ppc64"]


def test_the_codes_of_a_partition_on_its_way_are_kept_too(uli13lp2, hypervisor):
    services.hold(uli13lp2.pk, "migration 1")
    hypervisor.enter(3, RunState.INCOMING, "C20012FF")
    take_inventory()
    assert uli13lp2.reference_codes.get().code == "C20012FF"


def test_notices_go_out_only_when_something_shown_has_changed(uli13lp1, hypervisor, published):
    take_inventory()
    published.clear()
    hypervisor.runs[2].uptime_s += 2
    take_inventory()
    assert published == []
    hypervisor.enter(2, RunState.RUNNING, "C2006040")
    take_inventory()
    assert published == [notices.PARTITIONS, notices.SYSTEM]


def test_a_hypervisor_that_falls_silent_is_told_once(uli13lp1, hypervisor, published):
    take_inventory()
    published.clear()
    hypervisor.is_reachable = False
    take_inventory()
    take_inventory()
    assert published == [notices.PARTITIONS, notices.SYSTEM]


def test_pages_get_facts_by_partition_id(uli13lp1):
    assert runtime_facts()[2].run_state is RunState.RUNNING


def test_pages_get_none_from_a_hypervisor_that_does_not_answer(hypervisor):
    hypervisor.is_reachable = False
    assert runtime_facts() is None


def test_pages_do_not_wait_for_a_hypervisor_that_hangs(hypervisor):
    released = threading.Event()
    hypervisor.before["describe_system"] = released.wait
    try:
        assert runtime_facts(timeout_s=0.05) is None
    finally:
        released.set()


def test_virtual_networks_are_bridged_as_the_records_have_it(uli13, hypervisor):
    VirtualEthernet.objects.create(vlan_id=3, bridge_adapter="ent1")
    VirtualEthernet.objects.create(vlan_id=2)
    hypervisor.bridged_vlans = ()
    assert take_inventory() == ["bridged VLANs: 1, 3"]
    assert (hypervisor.bridged_vlans, take_inventory()) == ((1, 3), [])
    VirtualEthernet.objects.update(bridge_adapter="")
    assert take_inventory() == ["bridged VLANs: none"]
    assert hypervisor.bridged_vlans == ()


def test_a_hypervisor_without_a_network_is_told_no_bridges(uli13, hypervisor):
    assert take_inventory() == []
    assert hypervisor.bridged_vlans is None


def test_bridges_that_are_refused_are_told_again_and_the_rest_is_compared(uli13lp1, hypervisor):
    hypervisor.bridged_vlans = ()
    hypervisor.refuse("bridge")
    hypervisor.enter(uli13lp1.lpar_id, RunState.NOT_ACTIVATED)
    assert take_inventory() == ["uli13lp1: Running → Not Activated"]
    hypervisor.refusals.clear()
    assert take_inventory() == ["bridged VLANs: 1"]


def test_what_partitions_boot_from_follows_the_hypervisor(uli13, hypervisor):
    take_inventory()
    assert ManagedSystem.objects.get().boot_devices == []
    hypervisor.boots_from = (BootFrom.DEFAULT, BootFrom.OPTICAL)
    take_inventory()
    assert ManagedSystem.objects.get().boot_devices == ["default", "optical"]


def test_the_memory_region_size_follows_the_blocks_of_the_hypervisor(uli13, hypervisor):
    hypervisor.memory_block_mb = 256
    take_inventory()
    assert ManagedSystem.objects.get().memory_region_mb == 256
    hypervisor.memory_block_mb = 1
    take_inventory()
    assert ManagedSystem.objects.get().memory_region_mb == 256


def test_a_partition_that_finds_nothing_to_boot_is_in_open_firmware_and_the_task_says_so(
    uli13lp2, hypervisor, padmin
):
    services.activate(uli13lp2, padmin, "")
    hypervisor.enter(3, RunState.OPEN_FIRMWARE, "AA00E158")
    take_inventory()
    assert state_of(uli13lp2) == PartitionState.OPEN_FIRMWARE
    task = MonitorTask.objects.get()
    assert task.status == TaskStatus.FAILED
    assert task.sentence.code == "VIOSE01049000-9791"
    services.shut_down(uli13lp2, ShutdownKind.IMMEDIATE, False, padmin, "")
    hypervisor.enter(3, RunState.NOT_ACTIVATED)
    take_inventory()
    assert state_of(uli13lp2) == PartitionState.NOT_ACTIVATED
