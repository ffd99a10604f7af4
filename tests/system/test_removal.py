"""Removing a partition: what goes and what stays, who keeps it from going, and a death at each step."""

from dataclasses import replace
from pathlib import Path

import pytest

import ivmweb.hypervisor
from ivmweb.common.errors import HypervisorError, IvmError, PrerequisiteFailed
from ivmweb.hypervisor import lun
from ivmweb.hypervisor.base import OwnerState, OwnerWord, RunState
from ivmweb.lab import data, records
from ivmweb.lab.options import LabOptions
from ivmweb.monitor.models import MonitorTask, TaskStatus
from ivmweb.system import inventory, services
from ivmweb.system.epochs import operator_fence
from ivmweb.system.inventory import take_inventory
from ivmweb.system.models import (
    AuditEvent,
    LogicalPartition,
    ManagedSystem,
    PartitionState,
    PhysicalAdapter,
    PhysicalVolume,
    VirtualServerAdapter,
    VirtualTargetDevice,
)
from ivmweb.system.models.partition import is_removal
from ivmweb.system.removal import remove
from tests.factories import OPTIONS
from tests.hypervisor.conftest import serving
from tests.system.support import refusal_that_leaves

OWNED = OwnerWord(str(records.partition_uuid(data.ULI13LP2, data.ULI13)), data.ULI13.identity)
STEPS = ("look_at_luns", "describe", "create", "change_owner_words", "remove")


class Died(BaseException):
    """The process, in the middle."""


def die():
    raise Died


@pytest.fixture
def delete(padmin):
    return lambda partition, check=lambda _row: None: remove(partition, check, user=padmin, origin="127.0.0.1")


@pytest.fixture
def owned(uli13lp2, hypervisor):
    """It was activated once, so its LUNs say it."""
    hypervisor.runs[3].words = [OWNED] * 5
    return uli13lp2


def everything():
    return (
        list(LogicalPartition.objects.order_by("pk").values()),
        list(VirtualTargetDevice.objects.order_by("pk").values()),
        ManagedSystem.objects.values_list("free_memory_mb", "free_units").get(),
    )


refusal = refusal_that_leaves(everything)


def test_a_partition_goes_with_its_vhost_and_its_disks_stay(owned, uli13lp1, delete, hypervisor):
    delete(owned)
    assert list(LogicalPartition.objects.values_list("name", flat=True)) == ["uli13", "uli13lp1"]
    assert list(VirtualServerAdapter.objects.values_list("name", flat=True)) == ["vhost0"]
    assert VirtualTargetDevice.objects.count() == 5
    assert PhysicalVolume.objects.count() == data.LUN_COUNT
    assert 3 not in hypervisor.runs
    assert ManagedSystem.objects.get().free_memory_mb == 8192 - 320 - 1024 - 1024


def test_it_is_told_in_monitor_tasks_and_audited(owned, delete):
    delete(owned)
    task = MonitorTask.objects.get()
    assert (task.name, task.target, task.user) == ("Delete Partition", "uli13lp2 (3)", "padmin")
    assert (task.status, task.is_active) == (TaskStatus.SUCCEEDED, False)
    assert [str(line) for line in task.lines.all()] == [
        "Physical volumes and virtual disks that are free again: hdisk1, hdisk9, hdisk10, hdisk11, hdisk12"
    ]
    event = AuditEvent.objects.get()
    assert (event.user, event.action, event.outcome) == ("padmin", "delete", "accepted")


def test_physical_adapters_go_back_to_the_management_partition(owned, delete):
    location = data.ULI13.spare_adapter_location
    PhysicalAdapter.objects.filter(location=location).update(partition=owned)
    delete(owned)
    assert PhysicalAdapter.objects.get(location=location).partition.lpar_id == 1
    assert f"Physical adapters back to the management partition: {location}" in map(
        str, MonitorTask.objects.get().lines.all()
    )


@pytest.mark.parametrize("state", ["Running", "Starting", "Shutting Down", "Error", "Migrating - Not Activated"])
def test_only_one_that_is_off_is_removed(owned, delete, state):
    LogicalPartition.objects.filter(pk=owned.pk).update(state=state)
    assert refusal(delete, owned).key == "wrong-state"


def test_one_that_runs_although_its_record_says_it_is_off_is_left_alone(owned, delete, hypervisor):
    hypervisor.boot(3)
    assert refusal(delete, owned).key == "wrong-state"
    assert hypervisor.runs[3].words == [OWNED] * 5
    assert MonitorTask.objects.get().status == TaskStatus.FAILED


def test_one_that_begins_to_run_just_before_the_hypervisor_is_told_is_left_alone(owned, delete, hypervisor):
    hypervisor.before["create"] = lambda: hypervisor.boot(3)
    assert refusal(delete, owned).key == "wrong-state"
    assert hypervisor.runs[3].words == [OWNED] * 5


@pytest.mark.parametrize(
    ("hold", "key"),
    [("migration 1", "partition-held"), ("activate", "partition-held"), ("moved to uli14", "partition-moved")],
)
def test_a_held_partition_is_left_alone(owned, delete, hold, key):
    services.hold(owned.pk, hold)
    assert refusal(delete, owned).key == key


def test_a_migration_that_takes_it_between_reading_and_writing_wins(owned, delete):
    with pytest.raises(PrerequisiteFailed) as caught:
        delete(owned, lambda row: services.hold(row.pk, "migration 1"))
    assert caught.value.key == "partition-held"
    assert LogicalPartition.objects.filter(pk=owned.pk).exists()


def test_nothing_is_removed_while_a_restored_database_is_held_back(owned, delete):
    ManagedSystem.objects.update(held_back=True)
    assert refusal(delete, owned).key == "database-restored"


def test_the_management_partition_and_viewers_are_refused(owned, delete, viewer):
    assert refusal(delete, LogicalPartition.objects.get(lpar_id=1)).key == "management-partition"
    error = refusal(lambda: remove(owned, lambda _row: None, user=viewer, origin=""))
    assert error.key == "no-right"
    assert not MonitorTask.objects.exists()


def test_what_is_gone_is_gone(owned, delete):
    again = LogicalPartition.objects.get(pk=owned.pk)
    delete(owned)
    assert refusal(delete, again).key == "partition-not-here"


def test_another_partition_under_the_same_id_is_not_touched(owned, delete, hypervisor):
    run = hypervisor.runs[3]
    run.definition = replace(run.definition, uuid="0a4ba2d2-5a0c-4c5b-9b3e-2a4b0c8f1d11", name="stranger")
    error = refusal(delete, owned)
    assert (error.key, error.params["other"]) == ("hypervisor-has-another", "stranger")
    assert hypervisor.runs[3] is run


def test_its_shutdown_whose_end_nobody_has_seen_is_over(owned, delete, padmin):
    task = MonitorTask.objects.create(name="Shutdown Partition", target="uli13lp2 (3)", user="padmin")
    LogicalPartition.objects.filter(pk=owned.pk).update(operation="shut down", operation_task=task)
    delete(owned)
    assert MonitorTask.objects.get(pk=task.pk).status == TaskStatus.STOPPED


# Failures


@pytest.mark.parametrize("step", STEPS)
def test_after_a_refusal_it_is_a_partition_as_before_and_can_be_started(owned, delete, hypervisor, padmin, step):
    hypervisor.refuse(step)
    with pytest.raises(HypervisorError):
        delete(owned)
    row = LogicalPartition.objects.get(pk=owned.pk)
    assert (row.hold, row.operation_task) == ("", None)
    assert MonitorTask.objects.get().status == TaskStatus.FAILED
    hypervisor.refusals.clear()
    inventory.take_inventory()
    services.activate(row, padmin, "")
    assert len(hypervisor.runs[3].definition.luns) == 5


@pytest.mark.parametrize("step", STEPS)
def test_after_a_death_nothing_begins_with_it_and_removing_it_again_finishes(owned, delete, hypervisor, padmin, step):
    hypervisor.before[step] = die
    with pytest.raises(Died):
        delete(owned)
    row = LogicalPartition.objects.get(pk=owned.pk)
    inventory.take_inventory()
    with pytest.raises(PrerequisiteFailed) as caught:
        services.activate(row, padmin, "")
    assert caught.value.key == "partition-being-removed"
    delete(row)
    assert not LogicalPartition.objects.filter(pk=owned.pk).exists()
    assert 3 not in hypervisor.runs
    assert sorted(MonitorTask.objects.values_list("status", flat=True)) == ["stopped", "succeeded"]


def test_after_a_death_before_the_records_went_removing_it_again_finishes(owned, delete, hypervisor, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("ivmweb.system.removal._forget", lambda *_: die())
        with pytest.raises(Died):
            delete(owned)
    assert 3 not in hypervisor.runs
    inventory.take_inventory()
    assert 3 not in hypervisor.runs  # it is not defined again meanwhile
    hypervisor.san.update({data.unique_id(number): OwnerWord() for number in data.ULI13LP2.hdisks})
    delete(LogicalPartition.objects.get(pk=owned.pk))
    assert not LogicalPartition.objects.filter(pk=owned.pk).exists()


def test_of_two_removals_at_once_one_is_done_and_the_other_one_takes_nothing_back(owned, delete, hypervisor):
    hypervisor.before["change_owner_words"] = lambda: delete(LogicalPartition.objects.get(pk=owned.pk))
    with pytest.raises(IvmError):
        delete(owned)
    assert not LogicalPartition.objects.filter(pk=owned.pk).exists()
    assert sorted(MonitorTask.objects.values_list("status", flat=True)) == ["stopped", "succeeded"]


# LUNs of a hypervisor that has them


@pytest.fixture
def san(uli13lp2, tmp_path, monkeypatch):
    options = LabOptions(lab_dir=tmp_path, san_dir=tmp_path / "san")
    records.make_luns(options)
    for number in range(data.LUN_COUNT):
        path = options.lun_path(number)
        PhysicalVolume.objects.filter(name=f"hdisk{number}").update(path=str(path))
    with serving(tmp_path, data.ULI13.identity) as below:
        monkeypatch.setitem(ivmweb.hypervisor.DRIVERS, "scripted", lambda path, host: below)
        yield options, below


def say(options, number, word):
    lun.change_word(options.lun_path(number), OwnerWord(), word)


def test_only_words_that_name_this_system_and_that_partition_are_freed(san, uli13lp2, delete):
    options, below = san
    others = {
        9: replace(OWNED, system=data.ULI14.identity),
        10: replace(OWNED, migration_id="x", state=OwnerState.OFFERED),
        11: replace(OWNED, partition_uuid="0a4ba2d2-5a0c-4c5b-9b3e-2a4b0c8f1d11"),
    }
    for number, word in {**others, 1: OWNED, 12: OWNED}.items():
        say(options, number, word)
    delete(uli13lp2)
    words = {number: lun.read_word(options.lun_path(number)) for number in (1, 9, 10, 11, 12)}
    assert words == {**others, 1: OwnerWord(), 12: OwnerWord()}
    assert below.describe(3) is None


def test_a_lun_that_can_not_be_read_keeps_the_partition(san, uli13lp2, delete):
    options, _below = san
    say(options, 1, OWNED)
    Path(options.lun_path(9)).unlink()
    error = refusal(delete, uli13lp2)
    assert (error.key, error.params["unique_id"]) == ("lun-not-freed", data.unique_id(9))
    assert lun.read_word(options.lun_path(1)) == OWNED


def test_the_same_partition_can_come_back(san, uli13lp2, delete):
    """As a migration makes it: under its old identity."""
    _options, below = san
    delete(uli13lp2)
    shell = services.reserve_shell(
        records.plan_for(data.ULI13LP2, data.ULI13, OPTIONS), "migration 1", PartitionState.MIGRATING_NOT_ACTIVATED
    )
    assert (shell.uuid, shell.lpar_id) == (uli13lp2.uuid, 3)
    below.create(services.definition_of(shell), operator_fence())
    assert below.describe(3).run_state is RunState.NOT_ACTIVATED


def test_a_removal_that_nobody_goes_on_with_is_ended_by_the_inventory(owned, delete, hypervisor, monkeypatch):
    hypervisor.before["remove"] = die
    with pytest.raises(Died):
        delete(owned)
    take_inventory()
    assert is_removal(LogicalPartition.objects.get(pk=owned.pk).hold)
    monkeypatch.setattr(inventory, "REMOVAL_GRACE_S", 0)
    take_inventory()
    row = LogicalPartition.objects.get(pk=owned.pk)
    assert (row.hold, row.operation_task, row.state) == ("", None, "Not Activated")
    task = MonitorTask.objects.get(name="Delete Partition")
    assert (task.status, task.code) == (TaskStatus.FAILED, "VIOSE01049000-9629")
    assert "was broken off" in AuditEvent.objects.get(action="inventory").text


def test_the_inventory_does_not_define_what_was_removed_while_it_asked(owned, delete, hypervisor):
    hypervisor.before["describe_system"] = lambda: delete(LogicalPartition.objects.get(pk=owned.pk))
    take_inventory()
    assert not LogicalPartition.objects.filter(pk=owned.pk).exists()
    assert 3 not in hypervisor.runs


@pytest.mark.parametrize("dies", [False, True])
def test_of_two_removals_the_earlier_one_says_that_the_other_goes_on(owned, delete, hypervisor, dies):
    def rival():
        if dies:
            hypervisor.before["remove"] = die
            with pytest.raises(Died):
                delete(LogicalPartition.objects.get(pk=owned.pk))
        else:
            delete(LogicalPartition.objects.get(pk=owned.pk))

    hypervisor.before["create"] = rival
    with pytest.raises(PrerequisiteFailed) as caught:
        delete(owned)
    assert caught.value.key == "removal-taken-over"
    assert caught.value.text.startswith("Somebody else removes partition uli13lp2 (ID 3) as well")
    assert LogicalPartition.objects.filter(pk=owned.pk).exists() is dies, "the other one's is its own to end"


def test_an_old_command_is_told_as_such_where_no_other_removal_has_the_partition(owned, delete, hypervisor):
    hypervisor.refuse("create", "stale-epoch", lpar_id=3, epoch=1, newest=2)
    with pytest.raises(HypervisorError, match="9408"):
        delete(owned)
