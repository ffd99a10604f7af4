"""Disks that are not as the mobile partition needs them."""

from collections.abc import Callable
from dataclasses import replace

from django.conf import settings
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Concat

from ivmweb.hypervisor.lun import change_word, read_word
from ivmweb.lab import data
from ivmweb.lab.options import LabOptions
from ivmweb.lab.records import POOL, make_volume, partition_uuid
from ivmweb.lab.scenarios.mobile import mobile_partition
from ivmweb.lab.scenarios.registry import NotPossible, Where, scenario
from ivmweb.system.models import LogicalVolume, PhysicalVolume, StoragePool, VirtualTargetDevice
from ivmweb.system.models.storage import ReservePolicy

MISSING_HDISK = 5
RESERVED_HDISK = 2
RESIZED_HDISK = 6
UNREADABLE_HDISK = 7
FOREIGN_HDISK = 1
FOREIGN_UUID = "00000000-0000-4000-8000-000000000006"
MOBILE_2_UUID = str(partition_uuid(data.ULI13LP2, data.ULI13))
VIRTUAL_DISK = "lp1vd1"


@scenario(Where.EITHER)
def hdisks_shuffled() -> None:
    """The same LUNs carry other hdisk names here: hdisk0 is called hdisk12, and so on."""
    name_volumes(lambda number: data.LUN_COUNT - 1 - number)


@hdisks_shuffled.undone_by
def name_in_order() -> None:
    name_volumes(lambda number: number)


def name_volumes(number_for: Callable[[int], int]) -> None:
    PhysicalVolume.objects.update(name=Concat(Value("~"), F("name")))  # names are unique at each moment
    for number in range(data.LUN_COUNT):
        volume(number).update(name=f"hdisk{number_for(number)}")


@scenario(Where.DESTINATION, "disks_are_found_at_the_destination")
def lun_missing() -> None:
    """This server does not see the LUN of hdisk5, which uli13lp1 needs."""
    refuse_where_in_use(MISSING_HDISK)
    volume(MISSING_HDISK).delete()


@lun_missing.undone_by
def show_lun() -> None:
    if not volume(MISSING_HDISK).exists():
        make_volume(data.SYSTEMS[settings.CONSOLE], LabOptions.from_environment(), MISSING_HDISK).save()


@scenario(Where.EITHER, "source_disks_are_not_reserved", "destination_disks_are_not_reserved")
def single_path() -> None:
    """hdisk2, which uli13lp1 uses, has reserve_policy=single_path on this server."""
    volume(RESERVED_HDISK).update(reserve_policy=ReservePolicy.SINGLE_PATH)


@single_path.undone_by
def no_reserve() -> None:
    volume(RESERVED_HDISK).update(reserve_policy=ReservePolicy.NO_RESERVE)


@scenario(Where.DESTINATION, "disks_have_the_same_size")
def lun_size() -> None:
    """This server still has the old size of hdisk6, which uli13lp1 uses."""
    refuse_where_in_use(RESIZED_HDISK)
    volume(RESIZED_HDISK).update(size_mb=data.LUN_SIZE_MB // 2)


@lun_size.undone_by
def right_size() -> None:
    volume(RESIZED_HDISK).update(size_mb=data.LUN_SIZE_MB)


@scenario(Where.DESTINATION, "disks_can_be_read_at_the_destination")
def lun_unreadable() -> None:
    """The path of this server to the LUN of hdisk7, which uli13lp1 uses, is broken."""
    refuse_where_in_use(UNREADABLE_HDISK)
    volume(UNREADABLE_HDISK).update(path=f"{LabOptions.from_environment().lun_path(UNREADABLE_HDISK)}-no-path")


@lun_unreadable.undone_by
def mend_path() -> None:
    volume(UNREADABLE_HDISK).update(path=str(LabOptions.from_environment().lun_path(UNREADABLE_HDISK)))


@scenario(Where.EITHER, "disks_belong_to_the_source")
def lun_foreign() -> None:
    """The LUN of hdisk1, which uli13lp2 (to be migrated inactive) uses, says that it is another partition's."""
    user = VirtualTargetDevice.objects.filter(physical_volume__unique_id=data.unique_id(FOREIGN_HDISK)).first()
    if user and user.adapter.partition.is_activated:
        raise NotPossible(f"{user.adapter.partition} is activated; shut it down first.")
    change_owner(MOBILE_2_UUID, FOREIGN_UUID)


@lun_foreign.undone_by
def own_lun() -> None:
    change_owner(FOREIGN_UUID, MOBILE_2_UUID)


def change_owner(old: str, new: str) -> None:
    """On the SAN itself, where both servers see it; system and migration of the word stay."""
    path = LabOptions.from_environment().lun_path(FOREIGN_HDISK)
    if not path.exists():
        return  # the SAN of this lab is gone, and the word with it
    word = read_word(path)
    if word.partition_uuid == old:
        change_word(path, word, replace(word, partition_uuid=new))


def refuse_where_in_use(number: int) -> None:
    device = VirtualTargetDevice.objects.filter(physical_volume__unique_id=data.unique_id(number)).first()
    if device:
        raise NotPossible(f"{device.adapter.partition} uses that LUN here; run this on the other console.")


@scenario(Where.SOURCE, "disks_are_whole_san_volumes")
def logical_volume() -> None:
    """uli13lp1 also has a virtual disk on a logical volume of this server's storage pool."""
    adapter = mobile_partition().server_adapters.get()
    defaults = {"size_mb": data.POOL_SIZE_MB, "is_default": True}  # a lab of an earlier version has none
    pool, _ = StoragePool.objects.get_or_create(name=POOL, defaults=defaults)
    disk, _ = LogicalVolume.objects.get_or_create(pool=pool, name=VIRTUAL_DISK, defaults={"size_mb": 1024})
    VirtualTargetDevice.objects.get_or_create(
        logical_volume=disk, defaults={"name": "lp1vtd1", "adapter": adapter, "lun_number": 0x90}
    )


@logical_volume.undone_by
def drop_logical_volume() -> None:
    VirtualTargetDevice.objects.filter(logical_volume__name=VIRTUAL_DISK).delete()
    LogicalVolume.objects.filter(name=VIRTUAL_DISK).delete()


def volume(number: int) -> QuerySet[PhysicalVolume]:
    return PhysicalVolume.objects.filter(unique_id=data.unique_id(number))
