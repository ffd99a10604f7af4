"""Changing a partition's properties: what may change when, who is faster, and what the server's books say."""

from dataclasses import replace
from decimal import Decimal

import pytest

from ivmweb.common.errors import HypervisorError, PrerequisiteFailed
from ivmweb.hypervisor.base import RunState
from ivmweb.lab import data
from ivmweb.monitor.models import MonitorTask, TaskStatus
from ivmweb.system import changes, properties, sections, services, system_properties
from ivmweb.system.changes import Asked
from ivmweb.system.models import (
    AuditEvent,
    LogicalPartition,
    ManagedSystem,
    PartitionState,
    PhysicalAdapter,
    PhysicalVolume,
    RmcState,
    VirtualEthernet,
)
from ivmweb.system.property_words import CHANGES, LABELS
from ivmweb.system.sections import ADAPTERS, ETHERNET, GENERAL, MEMORY_SECTION, PROCESSING, STORAGE
from tests.system.support import again, refusal_that_leaves

SPARE = f"adapter-{data.ULI13.spare_adapter_location}"
FIBRE_CHANNEL = f"adapter-{data.ULI13.physical_adapters[0][0]}"


@pytest.fixture
def change(padmin):
    def act(partition, section, seen="", **wanted):
        return properties.change(partition, section, Asked(wanted, padmin, "127.0.0.1", seen))

    return act


@pytest.fixture
def change_device(padmin):
    def act(partition, section, key, value):
        return properties.change(partition, section, Asked({key: value}, padmin, "127.0.0.1"))

    return act


def everything():
    """All that a refused change must leave alone."""
    return (
        list(LogicalPartition.objects.order_by("pk").values()),
        list(PhysicalVolume.objects.order_by("pk").values_list("name", "reserve_policy")),
        list(PhysicalAdapter.objects.values_list("location", "partition")),
        free(),
        MonitorTask.objects.count(),
    )


def free():
    return ManagedSystem.objects.values_list("free_memory_mb", "free_units").get()


refusal = refusal_that_leaves(everything)


# What may change, and what follows from it


def test_memory_of_a_partition_that_is_off_is_taken_from_what_is_free(uli13lp2, change, hypervisor):
    memory, units = free()
    assert change(uli13lp2, MEMORY_SECTION, memory_mb=1536)
    assert free() == (memory - 512, units)
    assert again(uli13lp2).memory_mb == 1536
    assert hypervisor.runs[3].definition.memory_mb == 1536


def test_memory_that_is_given_back_is_free(uli13lp2, change):
    memory, units = free()
    change(uli13lp2, MEMORY_SECTION, memory_mb=512)
    assert free() == (memory + 512, units)


def test_processing_units_are_booked_in_the_same_way(uli13lp2, change, hypervisor):
    memory, units = free()
    change(uli13lp2, PROCESSING, processing_units=Decimal("0.5"))
    assert free() == (memory, units - Decimal("0.4"))
    assert hypervisor.runs[3].definition.processing_units == 0.5


def test_all_free_memory_can_be_assigned_and_not_one_region_more(uli13lp2, change):
    most = 1024 + free()[0]
    most -= most % 16
    error = refusal(change, uli13lp2, MEMORY_SECTION, memory_mb=most + 16, memory_maximum_mb=most + 16)
    assert error.key == "memory-not-free"
    assert f"Assign {most} MB at most" in error.text
    assert change(uli13lp2, MEMORY_SECTION, memory_mb=most, memory_maximum_mb=most)


def test_more_units_than_free_are_refused(uli13lp2, change):
    wanted = {"processing_units": 4, "processing_units_maximum": 4}
    processors = {"virtual_processors": 4, "virtual_processors_maximum": 4}
    assert refusal(change, uli13lp2, PROCESSING, **wanted, **processors).key == "units-not-free"


def test_name_group_and_weight_of_a_running_partition_can_change(uli13lp1, change, hypervisor):
    change(uli13lp1, GENERAL, name="uli13lp1-new", workload_group=7)
    change(uli13lp1, PROCESSING, uncapped_weight=255)
    partition = again(uli13lp1)
    assert (partition.name, partition.workload_group, partition.uncapped_weight) == ("uli13lp1-new", 7, 255)
    assert hypervisor.runs[2].definition.name == "uli13lp1-new"
    assert hypervisor.runs[2].run_state is RunState.RUNNING


def test_a_change_is_one_ended_row_in_monitor_tasks_with_a_line_each(uli13lp2, change):
    change(uli13lp2, MEMORY_SECTION, memory_mb=1536, memory_minimum_mb=512)
    task = MonitorTask.objects.get()
    assert (task.name, task.target, task.user) == ("Change Partition Properties", "uli13lp2 (3)", "padmin")
    assert (task.status, task.percent, task.is_active) == (TaskStatus.SUCCEEDED, 100, False)
    lines = {str(line) for line in task.lines.all()}
    assert lines == {"Assigned memory: 1024 MB → 1536 MB", "Minimum memory: 256 MB → 512 MB"}


def test_a_change_is_audited_and_so_is_a_refused_one(uli13lp2, change):
    change(uli13lp2, GENERAL, name="other")
    refusal(change, uli13lp2, GENERAL, name="")
    events = AuditEvent.objects.order_by("pk").values_list("user", "origin", "action", "outcome", "code")
    assert list(events) == [
        ("padmin", "127.0.0.1", "change properties", "accepted", ""),
        ("padmin", "127.0.0.1", "change properties", "refused", "VIOSE01049000-9077"),
    ]


def test_asking_for_what_is_so_changes_nothing_and_makes_no_task(uli13lp2, change):
    assert not change(uli13lp2, MEMORY_SECTION, memory_mb=1024)
    assert not MonitorTask.objects.exists()


def test_activate_defines_the_partition_as_it_is_recorded_now(uli13lp2, change, padmin, hypervisor):
    hypervisor.refuse("create", "hypervisor-unreachable", host="uli13", socket="x", reason="timed out")
    assert change(uli13lp2, MEMORY_SECTION, memory_mb=1536)
    assert hypervisor.runs[3].definition.memory_mb == 1024
    hypervisor.refusals.clear()
    services.activate(again(uli13lp2), padmin, "127.0.0.1")
    assert hypervisor.runs[3].definition.memory_mb == 1536


# Who is faster


def test_an_error_tells_which_of_several_changes_it_is_about(uli13lp1, uli13lp2, padmin, viewer):
    def act(user, *several):
        properties.change_together(
            [properties.Change(row, section, Asked(values, user, "")) for row, section, values in several]
        )

    good = (uli13lp2, GENERAL, {"name": "db"})
    assert refusal(act, padmin, good, (uli13lp1, GENERAL, {"name": ""})).at == 1
    assert refusal(act, padmin, (uli13lp1, MEMORY_SECTION, {"memory_mb": 512}), good).at == 0
    assert refusal(act, viewer, good).at is None


def test_a_held_partition_is_left_alone(uli13lp2, change):
    services.hold(uli13lp2.pk, "migration 1")
    for section, wanted in ((GENERAL, {"name": "x"}), (PROCESSING, {"uncapped_weight": 1})):
        error = refusal(change, uli13lp2, section, **wanted)
        assert error.key == "partition-held"
        assert "migration 1" in error.text


@pytest.mark.parametrize(
    ("section", "key", "value"), [(STORAGE, "policy-hdisk2", "single_path"), (ADAPTERS, SPARE, True)]
)
def test_devices_of_a_held_partition_are_left_alone_too(uli13lp1, change_device, section, key, value):
    services.hold(uli13lp1.pk, "migration 1")
    assert refusal(change_device, uli13lp1, section, key, value).key == "partition-held"


@pytest.mark.parametrize("name", ["GENERAL", "STORAGE"])
def test_a_migration_that_begins_between_the_checks_and_the_write_wins(uli13lp1, padmin, name):
    section = getattr(sections, name)
    wanted = {"GENERAL": {"name": "other"}, "STORAGE": {"policy-hdisk2": "single_path"}}[name]

    def rival(*_):
        assert services.hold(uli13lp1.pk, "migration 1")

    raced = replace(section, check=rival)
    with pytest.raises(PrerequisiteFailed) as caught:
        properties.change(uli13lp1, raced, Asked(wanted, padmin, ""))
    assert caught.value.key == "partition-held"
    assert again(uli13lp1).name == "uli13lp1"
    assert PhysicalVolume.objects.get(name="hdisk2").reserve_policy == "no_reserve"


def test_an_activation_that_begins_between_the_checks_and_the_write_wins(uli13lp2, padmin):
    def rival(*_):
        LogicalPartition.objects.filter(pk=uli13lp2.pk).update(state=PartitionState.STARTING)

    raced = replace(MEMORY_SECTION, check=rival)
    error = refusal(properties.change, uli13lp2, raced, Asked({"memory_mb": 2048}, padmin, ""))
    assert error.key == "properties-changed-meanwhile"


def test_values_that_somebody_else_changed_meanwhile_are_not_overwritten(uli13lp2, change):
    seen = changes.fingerprint(MEMORY_SECTION.read(uli13lp2))
    change(uli13lp2, MEMORY_SECTION, memory_mb=1536)
    error = refusal(change, uli13lp2, MEMORY_SECTION, seen, memory_mb=1040, memory_minimum_mb=512)
    assert error.key == "properties-changed-meanwhile"
    assert not change(uli13lp2, MEMORY_SECTION, seen, memory_mb=1536)  # the same form once more


def test_a_partition_that_is_gone_is_refused_in_words(uli13lp2, change):
    stale = again(uli13lp2)
    services.remove_partition(uli13lp2)
    assert refusal(change, stale, GENERAL, name="x").key == "partition-not-here"


# When


@pytest.mark.parametrize(
    ("section", "wanted"),
    [
        (MEMORY_SECTION, {"memory_mb": 1536}),
        (MEMORY_SECTION, {"memory_maximum_mb": 4096}),
        (PROCESSING, {"processing_units": Decimal("0.5")}),
        (PROCESSING, {"virtual_processors": 2}),
        (PROCESSING, {"processor_mode": "ded"}),
        (PROCESSING, {"compatibility_mode": "POWER6"}),
    ],
)
def test_what_a_running_system_was_started_with_stays_while_it_runs(uli13lp1, change, section, wanted):
    error = refusal(change, uli13lp1, section, **wanted)
    assert error.key == "properties-need-off"
    assert "in state Running" in error.text


def test_a_partition_that_runs_although_its_record_says_otherwise_keeps_its_memory(uli13lp2, change, hypervisor):
    hypervisor.boot(3)
    assert refusal(change, uli13lp2, MEMORY_SECTION, memory_mb=1536).key == "properties-need-off"


def test_memory_does_not_change_while_nobody_knows_what_runs(uli13lp2, change, hypervisor):
    hypervisor.is_reachable = False
    assert isinstance(refusal(change, uli13lp2, MEMORY_SECTION, memory_mb=1536), HypervisorError)


def test_the_management_partition_is_shown_only(uli13, change):
    management = LogicalPartition.objects.get(lpar_id=1)
    assert refusal(change, management, GENERAL, name="x").key == "management-partition"


def test_a_view_only_user_changes_nothing(uli13lp2, viewer):
    asked = Asked({"name": "x"}, viewer, "127.0.0.1")
    assert refusal(properties.change, uli13lp2, GENERAL, asked).key == "no-right"


# Which values


@pytest.mark.parametrize("name", ["a" * 31, "1", "Lpar.1_b-c"])
def test_usable_names(uli13lp2, change, name):
    assert change(uli13lp2, GENERAL, name=name)


@pytest.mark.parametrize(
    "name", ["", "a" * 32, "<script>alert(1)</script>", "two words", "-first", "línea", "a\n", "a/b", "*", "१"]
)
def test_names_that_are_not_usable(uli13lp2, change, name):
    assert refusal(change, uli13lp2, GENERAL, name=name).key == "name-not-usable"


def test_a_name_is_used_once(uli13lp1, uli13lp2, change):
    error = refusal(change, uli13lp2, GENERAL, name="uli13lp1")
    assert error.key == "partition-name-taken"
    assert "ID 2" in error.text


@pytest.mark.parametrize("group", [0, 256, -1])
def test_workload_groups_have_bounds(uli13lp2, change, group):
    assert refusal(change, uli13lp2, GENERAL, workload_group=group).key == "value-out-of-range"


def test_a_partition_can_leave_its_workload_group(uli13lp1, change):
    change(uli13lp1, GENERAL, workload_group=1)
    change(uli13lp1, GENERAL, workload_group=None)
    assert again(uli13lp1).workload_group is None


@pytest.mark.parametrize(
    ("wanted", "key"),
    [
        ({"memory_mb": 1030}, "memory-not-in-regions"),
        ({"memory_minimum_mb": 0}, "value-out-of-range"),
        ({"memory_mb": -16}, "value-out-of-range"),
        ({"memory_maximum_mb": 8208}, "value-out-of-range"),
        ({"memory_minimum_mb": 1040}, "values-not-in-order"),
        ({"memory_mb": 2064}, "values-not-in-order"),
    ],
)
def test_memory_has_bounds(uli13lp2, change, wanted, key):
    assert refusal(change, uli13lp2, MEMORY_SECTION, **wanted).key == key


@pytest.mark.parametrize(
    ("wanted", "key"),
    [
        ({"processing_units": Decimal("0.05")}, "value-out-of-range"),
        ({"processing_units_maximum": Decimal("4.01")}, "value-out-of-range"),
        ({"virtual_processors": 0}, "value-out-of-range"),
        ({"virtual_processors_maximum": 65}, "value-out-of-range"),
        ({"uncapped_weight": 256}, "value-out-of-range"),
        ({"processing_units": Decimal("1.5")}, "values-not-in-order"),
        ({"virtual_processors": 2}, "units-for-processors"),
        ({"processing_units_maximum": Decimal("2.01")}, "units-for-processors"),
        ({"processor_mode": "ded"}, "units-for-dedicated"),
        ({"processor_mode": "borrowed"}, "value-not-offered"),
        ({"compatibility_mode": "POWER9"}, "value-not-offered"),
    ],
)
def test_processing_has_bounds(uli13lp2, change, wanted, key):
    assert refusal(change, uli13lp2, PROCESSING, **wanted).key == key


def test_dedicated_processors_are_whole_ones(uli13lp2, change):
    units = {"processing_units_minimum": 1, "processing_units": 1, "processing_units_maximum": 2}
    before = free()[1]
    assert change(uli13lp2, PROCESSING, processor_mode="ded", **units)
    assert free()[1] == before - Decimal("0.9")


def test_a_maximum_from_a_larger_server_may_stay(uli13lp2, change):
    LogicalPartition.objects.filter(pk=uli13lp2.pk).update(memory_maximum_mb=65536)
    assert change(again(uli13lp2), MEMORY_SECTION, memory_mb=1536)


# Devices


def test_the_vlan_of_an_adapter_changes_to_one_that_exists(uli13lp1, change_device):
    VirtualEthernet.objects.create(vlan_id=2)
    assert change_device(uli13lp1, ETHERNET, "vlan-4", 2)
    assert again(uli13lp1).ethernet_adapters.get().vlan_id == 2
    assert str(MonitorTask.objects.get().lines.get()) == ("Virtual network of the adapter in slot 4: VLAN 1 → VLAN 2")
    assert refusal(change_device, uli13lp1, ETHERNET, "vlan-4", 77).key == "vlan-unknown"
    assert refusal(change_device, uli13lp1, ETHERNET, "vlan-5", 1).key == "device-unknown"


def test_a_real_partition_keeps_its_networks_while_it_runs(uli13lp1, uli13lp2, change_device, monkeypatch):
    monkeypatch.setattr(sections, "KEEPS_ADAPTERS", frozenset({"scripted"}))
    VirtualEthernet.objects.create(vlan_id=2)
    error = refusal(change_device, uli13lp1, ETHERNET, "vlan-4", 2)
    assert (error.key, error.params["state"]) == ("properties-need-off", "Running")
    assert change_device(uli13lp2, ETHERNET, "vlan-4", 2)
    assert change_device(uli13lp1, ADAPTERS, SPARE, True)


def test_adapters_of_a_running_partition_need_rmc(uli13lp1, change_device):
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(rmc_state=RmcState.INACTIVE)
    error = refusal(change_device, again(uli13lp1), ADAPTERS, SPARE, True)
    assert error.key == "devices-need-rmc"
    assert "Retrieve Capabilities" in error.text


def test_a_physical_adapter_is_given_and_taken_back(uli13lp1, change_device):
    adapter = PhysicalAdapter.objects.get(location=data.ULI13.spare_adapter_location)
    assert change_device(uli13lp1, ADAPTERS, SPARE, True)
    assert list(uli13lp1.physical_adapters.all()) == [adapter]
    assert change_device(uli13lp1, ADAPTERS, SPARE, False)
    adapter.refresh_from_db()
    assert adapter.partition.is_management


def test_an_adapter_of_another_client_is_not_taken_from_it(uli13lp2, blocked, change_device):
    assert refusal(change_device, uli13lp2, ADAPTERS, SPARE, True).key == "device-unknown"
    assert blocked.physical_adapters.count() == 1


def test_the_adapter_of_all_disks_stays_with_the_management_partition(uli13lp2, change_device):
    assert refusal(change_device, uli13lp2, ADAPTERS, FIBRE_CHANNEL, True).key == "adapter-essential"


def test_the_reserve_policy_of_an_assigned_disk_changes(uli13lp1, change_device):
    assert change_device(uli13lp1, STORAGE, "policy-hdisk2", "single_path")
    assert PhysicalVolume.objects.get(name="hdisk2").reserve_policy == "single_path"
    assert refusal(change_device, uli13lp1, STORAGE, "policy-hdisk5", "PR_shared").key == "value-not-offered"


def test_the_disk_of_another_partition_is_not_reached_from_here(uli13lp1, uli13lp2, change_device):
    assert refusal(change_device, uli13lp1, STORAGE, "policy-hdisk1", "single_path").key == ("device-unknown")


# RMC


def test_retrieve_capabilities_records_what_the_system_answers(uli13lp1, padmin, hypervisor):
    hypervisor.refuse("prepare_for_migration", "rmc-silent", name="uli13lp1", lpar_id=2, timeout_s=3)
    assert properties.retrieve_capabilities(uli13lp1, padmin, "127.0.0.1") is RmcState.INACTIVE
    assert again(uli13lp1).rmc_state == RmcState.INACTIVE
    task = MonitorTask.objects.get()
    assert (task.name, task.status, task.code) == ("Retrieve Capabilities", TaskStatus.FAILED, "VIOSE01049000-9419")
    hypervisor.refusals.clear()
    assert properties.retrieve_capabilities(uli13lp1, padmin, "127.0.0.1") is RmcState.ACTIVE
    assert again(uli13lp1).rmc_state == RmcState.ACTIVE


def test_a_system_that_refuses_does_answer(uli13lp1, padmin, hypervisor):
    hypervisor.refuse("prepare_for_migration", "rmc-refused", name="uli13lp1", lpar_id=2, reason="it is busy")
    assert properties.retrieve_capabilities(uli13lp1, padmin, "127.0.0.1") is RmcState.ACTIVE
    assert "it is busy" in str(MonitorTask.objects.get().sentence)


def test_retrieve_capabilities_leaves_a_migration_alone(uli13lp1, padmin, hypervisor):
    hypervisor.before["prepare_for_migration"] = lambda: services.hold(uli13lp1.pk, "migration 1")
    with pytest.raises(PrerequisiteFailed):
        properties.retrieve_capabilities(uli13lp1, padmin, "127.0.0.1")
    assert again(uli13lp1).rmc_state == RmcState.ACTIVE
    assert not MonitorTask.objects.exists()


@pytest.mark.parametrize("who", ["viewer", "padmin"])
def test_retrieve_capabilities_needs_the_right_and_a_running_partition(request, uli13lp2, who):
    error = refusal(properties.retrieve_capabilities, uli13lp2, request.getfixturevalue(who), "127.0.0.1")
    assert error.key == ("no-right" if who == "viewer" else "wrong-state")


def test_each_property_has_words(uli13lp2):
    keys = {*sections.ROW.read(uli13lp2), *system_properties.GENERAL, *system_properties.MOBILITY}
    keys |= {*system_properties.UTILIZATION}
    assert keys == CHANGES.keys() == LABELS.keys()


def test_the_management_partition_has_the_disks_that_no_other_one_has(uli13lp1, uli13lp2, change_device):
    management = LogicalPartition.objects.get(lpar_id=1)
    assert [volume.name for volume in sections.volumes_of(management)] == ["hdisk0", "hdisk3", "hdisk4"]
    assert change_device(management, STORAGE, "policy-hdisk3", "single_path")
    assert PhysicalVolume.objects.get(name="hdisk3").reserve_policy == "single_path"
    error = refusal(change_device, management, STORAGE, "policy-hdisk2", "single_path")
    assert error.key == "device-unknown"
