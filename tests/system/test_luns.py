"""LUNs are changed in the records and at the hypervisor together, whoever dies, is silent or comes in between."""

from pathlib import Path

import pytest

from ivmweb.common.errors import HypervisorError, PrerequisiteFailed
from ivmweb.hypervisor.base import OwnerWord
from ivmweb.lab import data
from ivmweb.monitor.models import MonitorTask
from ivmweb.system import media, pools, services, virtual_storage
from ivmweb.system.inventory import take_inventory
from ivmweb.system.models import (
    AuditEvent,
    LogicalPartition,
    LogicalVolume,
    ManagedSystem,
    VirtualTargetDevice,
)

NEW = data.unique_id(3)


class Died(BaseException):
    """The process, in the middle."""


def die():
    raise Died


@pytest.fixture
def unmap(uli13lp1, uli13lp2, by):
    return lambda: virtual_storage.remove_device("vtscsi6", **by)


@pytest.fixture
def map_new(uli13lp1, uli13lp2, by):
    return lambda: virtual_storage.map_device("vhost0", "hdisk3", **by)


def unsettled(partition):
    return LogicalPartition.objects.get(pk=partition.pk).unsettled_luns


def agree(hypervisor, partition):
    return hypervisor.runs[partition.lpar_id].definition.luns == services.definition_of(partition).luns


def test_nothing_is_left_unsettled_by_what_was_done_or_refused(map_new, unmap, uli13lp1, uli13lp2, hypervisor):
    map_new()
    hypervisor.refuse("change_luns")
    with pytest.raises(HypervisorError):
        unmap()
    assert (unsettled(uli13lp1), unsettled(uli13lp2)) == ([], [])
    assert agree(hypervisor, uli13lp1)
    assert agree(hypervisor, uli13lp2)


def carried_out_without_an_answer(hypervisor, monkeypatch):
    """The hypervisor does what it is asked, and nobody hears of it."""
    done = hypervisor.change_luns

    def silent(*command):
        done(*command)
        monkeypatch.undo()
        raise HypervisorError("hypervisor-unreachable", host="uli13", socket="x", reason="no answer")

    monkeypatch.setattr(hypervisor, "change_luns", silent)


def test_a_change_that_was_not_answered_is_settled_as_on_record(map_new, uli13lp1, hypervisor, monkeypatch):
    with monkeypatch.context() as patch:
        carried_out_without_an_answer(hypervisor, patch)
        with pytest.raises(HypervisorError):
            map_new()
    assert not VirtualTargetDevice.objects.filter(physical_volume__name="hdisk3").exists()
    assert unsettled(uli13lp1) == [NEW]
    assert not agree(hypervisor, uli13lp1)
    assert hypervisor.san[NEW].partition_uuid == str(uli13lp1.uuid)
    take_inventory()
    assert unsettled(uli13lp1) == []
    assert agree(hypervisor, uli13lp1)
    assert hypervisor.san[NEW] == OwnerWord()
    assert "was not answered" in AuditEvent.objects.filter(action="inventory").latest("pk").text


def test_a_process_that_dies_leaves_a_note_and_its_late_command_is_refused(unmap, uli13lp2, hypervisor):
    late = []
    tell = hypervisor.change_luns

    def die_first(*command):
        late.append(command)
        raise Died

    hypervisor.change_luns = die_first
    with pytest.raises(Died):
        unmap()
    hypervisor.change_luns = tell
    assert len(unsettled(uli13lp2)) == 1
    take_inventory()
    with pytest.raises(HypervisorError) as caught:
        hypervisor.change_luns(*late[0])
    assert caught.value.key == "stale-epoch"
    assert agree(hypervisor, uli13lp2)


def test_an_operation_begun_since_makes_a_late_command_too_old(unmap, uli13lp2, hypervisor, by):
    late = []
    tell = hypervisor.change_luns
    hypervisor.change_luns = lambda *command: late.append(command) or die()
    with pytest.raises(Died):
        unmap()
    hypervisor.change_luns = tell
    services.activate(LogicalPartition.objects.get(pk=uli13lp2.pk), by["user"], "")
    with pytest.raises(HypervisorError) as caught:
        hypervisor.change_luns(*late[0])
    assert caught.value.key == "stale-epoch"


def test_somebody_who_was_faster_is_waited_for(map_new, uli13lp1, hypervisor, by):
    def faster():
        hypervisor.epochs[uli13lp1.lpar_id] = ManagedSystem.objects.get().epoch + 1

    hypervisor.before["change_luns"] = faster
    assert map_new() == "vtscsi10"
    assert unsettled(uli13lp1) == []
    assert agree(hypervisor, uli13lp1)


def test_a_restored_database_takes_no_lun_away(unmap, uli13lp2, hypervisor):
    """The partition may have got others since the backup."""
    ManagedSystem.objects.update(held_back=True)
    with pytest.raises(PrerequisiteFailed) as caught:
        unmap()
    assert caught.value.key == "database-restored"
    assert VirtualTargetDevice.objects.filter(name="vtscsi6").exists()
    assert ("change_luns", 3) not in hypervisor.calls


def test_the_inventory_leaves_what_is_unsettled_of_a_held_partition(uli13lp1, hypervisor):
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(hold="migration 1", unsettled_luns=[NEW])
    take_inventory()
    assert unsettled(uli13lp1) == [NEW]


def test_what_can_not_be_settled_now_is_tried_again(uli13lp1, hypervisor):
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(unsettled_luns=[NEW])
    hypervisor.refuse("change_luns")
    take_inventory()
    assert unsettled(uli13lp1) == [NEW]
    hypervisor.refusals.clear()
    take_inventory()
    assert unsettled(uli13lp1) == []


# Virtual disks, each with a file that the hypervisor makes.


@pytest.fixture
def disk(uli13lp1, uli13lp2, by):
    pools.create_volume("rootvg", 64, name="lp2vd1", **by)
    return LogicalVolume.objects.get(name="lp2vd1")


def test_a_virtual_disk_is_a_lun_of_its_partition_and_free_again_afterwards(disk, uli13lp2, hypervisor, by):
    device = virtual_storage.map_device("vhost1", "lp2vd1", **by)
    assert hypervisor.runs[3].definition == services.definition_of(uli13lp2)
    assert hypervisor.runs[3].definition.luns[-1].path == disk.path == hypervisor.volumes[disk.unique_id]
    virtual_storage.remove_device(device, with_volume=True, **by)
    assert agree(hypervisor, uli13lp2)
    assert not hypervisor.volumes


def test_a_virtual_disk_that_the_hypervisor_can_not_make_is_not_recorded(uli13lp2, hypervisor, by):
    hypervisor.refuse("create_volume")
    with pytest.raises(HypervisorError):
        pools.create_volume("rootvg", 64, name="lp2vd1", **by)
    assert not LogicalVolume.objects.exists()


def test_a_disk_whose_mapping_was_never_answered_is_not_deleted(disk, uli13lp2, hypervisor, by, monkeypatch):
    with monkeypatch.context() as patch:
        carried_out_without_an_answer(hypervisor, patch)
        with pytest.raises(HypervisorError):
            virtual_storage.map_device("vhost1", "lp2vd1", **by)
    with pytest.raises(PrerequisiteFailed, match="9785"):
        pools.delete_volumes(["lp2vd1"], **by)
    assert disk.unique_id in hypervisor.volumes
    take_inventory()
    pools.delete_volumes(["lp2vd1"], **by)
    assert not hypervisor.volumes


def test_a_file_that_stays_is_told_and_its_name_is_free(disk, hypervisor, by):
    hypervisor.refuse("remove_volume")
    pools.delete_volumes(["lp2vd1"], **by)
    lines = MonitorTask.objects.get(name=pools.DELETE).lines
    assert disk.path in str(lines.last().sentence)
    pools.create_volume("rootvg", 64, name="lp2vd1", **by)


def test_a_record_of_an_older_version_has_no_file_and_is_not_started_with(disk, uli13lp2, hypervisor, by):
    LogicalVolume.objects.update(path="", unique_id="")
    with pytest.raises(PrerequisiteFailed, match="9786"):
        virtual_storage.map_device("vhost1", "lp2vd1", **by)
    adapter = uli13lp2.server_adapters.get()
    VirtualTargetDevice.objects.create(name="old", adapter=adapter, lun_number=0xA0, logical_volume=disk)
    with pytest.raises(PrerequisiteFailed, match="9786"):
        services.activate(uli13lp2, by["user"], "")
    assert ("activate", 3) not in hypervisor.calls


# Optical drives and what is loaded.


@pytest.fixture
def drive(uli13lp1, uli13lp2, by, state_folder):
    media.create_repository("rootvg", 1024, **by)
    for name in ("first", "second"):
        media.add(name, 1, read_only=True, **by)
    return virtual_storage.add_drive("vhost1", **by)


def loaded_below(hypervisor):
    return [Path(one.path).name for one in hypervisor.runs[3].definition.drives]


def loaded_on_record(drive):
    return getattr(VirtualTargetDevice.objects.get(name=drive).medium, "name", "")


def test_the_hypervisor_has_what_is_loaded_and_is_told_to_force_it(drive, hypervisor, by):
    media.load("first", drive, **by)
    assert loaded_below(hypervisor) == ["first"]
    assert hypervisor.runs[3].definition.drives[0].path == str(media.folder() / "first")
    media.load("second", drive, force=True, release=True, **by)
    assert (loaded_below(hypervisor), hypervisor.calls[-1]) == (["second"], ("change_drives force", 3))
    media.unload(drive, **by)
    assert (loaded_below(hypervisor), hypervisor.calls[-1]) == ([""], ("change_drives", 3))
    virtual_storage.remove_device(drive, **by)
    assert loaded_below(hypervisor) == []


def test_a_medium_that_the_system_keeps_stays_on_record(drive, uli13lp2, hypervisor, by):
    media.load("first", drive, **by)
    hypervisor.refuse("change_drives", "drive-locked", name="uli13lp2", lpar_id=3, slot=2, target=6)
    for act in (
        lambda: media.unload(drive, **by),
        lambda: media.load("second", drive, force=True, **by),
        lambda: media.delete("first", force=True, **by),
    ):
        with pytest.raises(HypervisorError, match="9734"):
            act()
        assert loaded_on_record(drive) == "first"
        assert unsettled(uli13lp2) == []


def test_a_load_that_was_not_answered_is_taken_back(drive, uli13lp2, hypervisor, by, monkeypatch):
    with monkeypatch.context() as patch:
        done = hypervisor.change_drives

        def silent(*command, force):
            done(*command, force=force)
            raise HypervisorError("hypervisor-unreachable", host="uli13", socket="x", reason="no answer")

        patch.setattr(hypervisor, "change_drives", silent)
        with pytest.raises(HypervisorError):
            media.load("first", drive, **by)
    assert (loaded_on_record(drive), loaded_below(hypervisor), len(unsettled(uli13lp2))) == ("", ["first"], 1)
    take_inventory()
    assert (loaded_below(hypervisor), unsettled(uli13lp2)) == ([""], [])


def test_of_two_who_load_at_once_one_hears_of_the_other(drive, hypervisor, by):
    found = media.drive(drive)
    media.load("first", drive, **by)
    with pytest.raises(PrerequisiteFailed, match="9787"):
        media.put(found, media.medium_named("second"), release=False)
    assert loaded_on_record(drive) == "first"


def test_where_disks_and_drives_go_together_a_half_done_change_is_settled(drive, uli13lp2, hypervisor, by):
    hypervisor.refuse("change_luns")
    with pytest.raises(HypervisorError):
        virtual_storage.remove_adapter("vhost1", with_devices=True, **by)
    assert hypervisor.runs[3].definition.drives == ()
    hypervisor.refusals.clear()
    take_inventory()
    assert hypervisor.runs[3].definition == services.definition_of(uli13lp2)
    assert unsettled(uli13lp2) == []
