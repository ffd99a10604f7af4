"""Disks that are not as the mobile partition needs them."""

from collections.abc import Callable

from django.conf import settings
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Concat

from ivmweb.lab import data
from ivmweb.lab.options import LabOptions
from ivmweb.lab.records import make_volume
from ivmweb.lab.scenarios.mobile import mobile_partition
from ivmweb.lab.scenarios.registry import NotPossible, scenario
from ivmweb.system.models import LogicalVolume, PhysicalVolume, StoragePool, VirtualTargetDevice
from ivmweb.system.models.storage import ReservePolicy

MISSING_HDISK = 5
RESERVED_HDISK = 2
VIRTUAL_DISK = "lp1vd1"


@scenario
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


@scenario
def lun_missing() -> None:
    """This server does not see the LUN of hdisk5, which uli13lp1 needs."""
    device = VirtualTargetDevice.objects.filter(physical_volume__unique_id=data.unique_id(MISSING_HDISK)).first()
    if device:
        raise NotPossible(f"{device.adapter.partition} uses that LUN here; run this on the other console.")
    volume(MISSING_HDISK).delete()


@lun_missing.undone_by
def show_lun() -> None:
    if not volume(MISSING_HDISK).exists():
        make_volume(data.SYSTEMS[settings.CONSOLE], LabOptions.from_environment(), MISSING_HDISK).save()


@scenario
def single_path() -> None:
    """hdisk2, which uli13lp1 uses, has reserve_policy=single_path on this server."""
    volume(RESERVED_HDISK).update(reserve_policy=ReservePolicy.SINGLE_PATH)


@single_path.undone_by
def no_reserve() -> None:
    volume(RESERVED_HDISK).update(reserve_policy=ReservePolicy.NO_RESERVE)


@scenario
def logical_volume() -> None:
    """uli13lp1 also has a virtual disk on a logical volume of this server's storage pool."""
    adapter = mobile_partition().server_adapters.get()
    pool, _ = StoragePool.objects.get_or_create(name="rootvg", defaults={"size_mb": 70_000, "is_default": True})
    disk, _ = LogicalVolume.objects.get_or_create(pool=pool, name=VIRTUAL_DISK, defaults={"size_mb": 1024})
    VirtualTargetDevice.objects.get_or_create(
        logical_volume=disk, defaults={"name": "lp1vtd1", "adapter": adapter, "lun_number": 0x90}
    )


@logical_volume.undone_by
def drop_logical_volume() -> None:
    VirtualTargetDevice.objects.filter(logical_volume__name=VIRTUAL_DISK).delete()
    LogicalVolume.objects.filter(name=VIRTUAL_DISK).delete()
    StoragePool.objects.filter(logical_volumes=None).delete()


def volume(number: int) -> QuerySet[PhysicalVolume]:
    return PhysicalVolume.objects.filter(unique_id=data.unique_id(number))
