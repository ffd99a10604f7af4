"""What changes storage: all or nothing with the hypervisor, told in Monitor Tasks and the audit trail."""

import pytest

from ivmweb.common.errors import HypervisorError, PrerequisiteFailed
from ivmweb.hypervisor.base import LunFacts
from ivmweb.lab import data
from ivmweb.monitor.models import MonitorTask
from ivmweb.system import media, pools, services, virtual_storage
from ivmweb.system.models import (
    AuditEvent,
    LogicalPartition,
    PhysicalVolume,
    StoragePool,
    VirtualMedium,
    VirtualTargetDevice,
)

pytestmark = pytest.mark.usefixtures("state_folder")


@pytest.fixture
def library(uli13, by):
    media.create_repository("rootvg", 1024, **by)
    return media.folder()


def names(partition):
    devices = VirtualTargetDevice.objects.filter(adapter__partition=partition)
    return list(devices.order_by("lun_number").values_list("name", flat=True))


CHANGES = {
    "map": lambda by: virtual_storage.map_device("vhost1", "hdisk3", **by),
    "remove": lambda by: virtual_storage.remove_device("vtscsi6", **by),
    "remove adapter": lambda by: virtual_storage.remove_adapter("vhost1", with_devices=True, **by),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_the_hypervisor_refuses_is_not_recorded(uli13lp1, uli13lp2, hypervisor, by, change):
    before = names(uli13lp2), services.definition_of(uli13lp2)
    hypervisor.refuse("change_luns")
    with pytest.raises(HypervisorError):
        change(by)
    assert (names(uli13lp2), services.definition_of(uli13lp2)) == before
    assert (MonitorTask.objects.get().status, AuditEvent.objects.get().outcome) == ("failed", "failed")
    assert not MonitorTask.objects.get().lines.exists()


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_records_and_hypervisor_have_the_same_luns_afterwards(uli13lp1, uli13lp2, hypervisor, by, change):
    change(by)
    assert hypervisor.runs[3].definition == services.definition_of(uli13lp2)
    assert MonitorTask.objects.get().status == "succeeded"


def test_a_claim_that_follows_is_newer_than_the_change(uli13lp1, uli13lp2, hypervisor, by):
    """Else the hypervisor would refuse the operation that comes next."""
    virtual_storage.map_device("vhost1", "hdisk3", **by)
    services.activate(LogicalPartition.objects.get(pk=uli13lp2.pk), by["user"], "")
    assert data.unique_id(3) in [lun.unique_id for lun in hypervisor.runs[3].definition.luns]


def test_a_lun_that_can_not_be_read_is_not_mapped(uli13lp2, hypervisor, by, monkeypatch):
    monkeypatch.setattr(
        hypervisor, "look_at_luns", lambda luns: tuple(LunFacts(lun.unique_id, error="no path") for lun in luns)
    )
    with pytest.raises(PrerequisiteFailed) as caught:
        virtual_storage.map_device("vhost1", "hdisk3", **by)
    assert (caught.value.key, "no path" in caught.value.text) == ("lun-not-readable", True)


def test_a_disk_whose_name_passes_to_another_lun_meanwhile_is_not_mapped(uli13lp2, hypervisor, by):
    def rename():
        PhysicalVolume.objects.filter(name="hdisk3").update(name="x")
        PhysicalVolume.objects.filter(name="hdisk4").update(name="hdisk3")

    hypervisor.before["look_at_luns"] = rename
    with pytest.raises(PrerequisiteFailed) as caught:
        virtual_storage.map_device("vhost1", "hdisk3", **by)
    assert caught.value.key == "lun-not-readable"


def test_all_luns_of_an_adapter_can_be_used_and_not_one_more(uli13lp2, by):
    for _number in range(0xFF - 0x80 - 5):
        virtual_storage.add_drive("vhost1", **by)
    with pytest.raises(PrerequisiteFailed) as caught:
        virtual_storage.add_drive("vhost1", **by)
    assert caught.value.key == "lun-numbers-used-up"


def test_whole_physical_partitions_are_taken_to_the_last_one(uli13, by):
    pool = StoragePool.objects.get()
    pools.create_volume("rootvg", pool.size_mb - 65, name="most", **by)
    assert pools.space_of(pool).free_mb == 64
    with pytest.raises(PrerequisiteFailed):
        pools.create_volume("rootvg", 65, **by)
    pools.create_volume("rootvg", 1, **by)
    assert pools.space_of(pool).free_mb == 0


def test_a_file_that_a_lost_transaction_left_is_replaced(library, by):
    (library / "blank").write_text("of nobody")
    media.add("blank", 1, read_only=False, **by)
    assert (library / "blank").stat().st_size == 2**20
    assert [path.name for path in library.iterdir()] == ["blank"]


def test_a_link_in_the_way_is_replaced_and_not_followed(library, by, tmp_path):
    (tmp_path / "elsewhere").write_text("kept")
    (library / "blank").symlink_to(tmp_path / "elsewhere")
    media.add("blank", 1, read_only=False, **by)
    media.delete("blank", **by)
    assert (tmp_path / "elsewhere").read_text() == "kept"


def test_a_medium_whose_file_is_gone_can_be_deleted(library, by):
    media.add("blank", 1, read_only=True, **by)
    (library / "blank").unlink()
    media.delete("blank", **by)
    assert not VirtualMedium.objects.exists()


def test_a_partition_that_is_removed_leaves_media_and_volumes(uli13lp2, library, by):
    media.add("blank", 1, read_only=False, **by)
    drive = virtual_storage.add_drive("vhost1", **by)
    media.load("blank", drive, **by)
    services.remove_partition(uli13lp2)
    media.delete("blank", **by)
    assert not VirtualMedium.objects.exists()
