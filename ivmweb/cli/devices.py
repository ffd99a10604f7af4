"""The devices of the Virtual I/O Server, as `lsdev` and `lsmap` name them. Made from records, in a few queries."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Prefetch

from ivmweb.system.mapping import client_partition_id, virtual_location
from ivmweb.system.models import (
    MANAGEMENT_PARTITION_ID,
    LogicalVolume,
    ManagedSystem,
    MediaRepository,
    PhysicalVolume,
    StoragePool,
    VirtualEthernet,
    VirtualServerAdapter,
    VirtualTargetDevice,
    VolumeTrouble,
)
from ivmweb.system.models.storage import ReservePolicy
from ivmweb.system.pools import REPOSITORY

AVAILABLE, DEFINED = "Available", "Defined"
GONE = {VolumeTrouble.MISSING, VolumeTrouble.UNREADABLE}
SHARED_ETHERNET = "Shared Ethernet Adapter"
TARGET_KINDS = {
    "disk": "Virtual Target Device - Disk",
    "lv": "Virtual Target Device - Logical Volume",
    "file_opt": "Virtual Target Device - File-backed Optical",
}
BUS = "vio0"  # under which all virtual adapters are
FIBRE_CHANNEL, FIBRE_CHANNEL_PROTOCOL = "fcs0", "fscsi0"  # the one adapter that carries all LUNs
RANGES = {"reserve_policy": tuple(ReservePolicy.values)}  # of attributes that can be changed
FIRST_ETHERNET_SLOT, VMC_SLOT, VASI_SLOT = 3, 2, 7  # IVM's slots on the management partition
FIXED = (
    ("ibmvmc0", "Virtual Management Channel", VMC_SLOT),
    ("vasi0", "Virtual Asynchronous Services Interface (VASI)", VASI_SLOT),
    ("vsa0", "LPAR Virtual Serial Adapter", 0),
)
SAN_ADDRESS = re.compile(r"-W([0-9A-F]+)-L([0-9A-F]+)$")
DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True)
class Device:
    name: str
    description: str
    location: str
    kind: str  # adapter, driver, bus, disk, virtual target, lv
    parent: str = ""
    is_virtual: bool = False
    attributes: dict[str, str] = field(default_factory=dict)
    status: str = AVAILABLE


@dataclass(frozen=True)
class Target:
    """A virtual target device with what lsmap says of it."""

    vtd: str
    lun: str
    backing: str
    location: str  # of the backing device
    kind: str  # key of TARGET_KINDS
    status: str = AVAILABLE


@dataclass(frozen=True)
class Mapping:
    """A vhost with its target devices."""

    adapter: str
    location: str
    client_id: str
    targets: tuple[Target, ...]


def natural(name: str) -> list[str | int]:
    """hdisk2 before hdisk10."""
    return [int(piece) if piece.isdigit() else piece for piece in DIGITS.split(name)]


def mappings() -> list[Mapping]:
    """By name of the vhost. Three queries, whatever their number."""
    prefix = ManagedSystem.objects.get().location_prefix
    # Joined: a query of its own names every volume, and SQLite refuses one that names more than a thousand.
    targets = VirtualTargetDevice.objects.select_related("physical_volume", "logical_volume", "medium")
    rows = VirtualServerAdapter.objects.select_related("partition").prefetch_related(
        Prefetch("target_devices", targets)
    )
    made = [
        Mapping(
            adapter=row.name,
            location=virtual_location(prefix, MANAGEMENT_PARTITION_ID, row.slot),
            client_id=client_partition_id(row.partition.lpar_id, is_activated=row.partition.is_activated),
            targets=tuple(target_of(device) for device in row.target_devices.all()),
        )
        for row in rows
    ]
    return sorted(made, key=lambda mapping: natural(mapping.adapter))


def target_of(device: VirtualTargetDevice) -> Target:
    volume = device.physical_volume
    return Target(
        vtd=device.name,
        lun=device.client_lun,
        backing=device.backing_device,
        location=volume.location if volume else "",
        kind="disk" if volume else "file_opt" if device.is_optical else "lv",
    )


@dataclass(frozen=True)
class SharedEthernet:
    """A virtual Ethernet's adapter on the management partition, and the shared adapter that bridges it, if any."""

    adapter: str
    location: str
    bridge: str  # name of the Shared Ethernet Adapter; empty: not bridged
    backing: str
    slot: int
    vlan_id: int


def shared_ethernets() -> list[SharedEthernet]:
    prefix = ManagedSystem.objects.get().location_prefix
    networks = list(VirtualEthernet.objects.all())
    after = 1 + max((number_of(network.bridge_adapter) for network in networks), default=-1)
    bridged = [network.pk for network in networks if network.bridge_adapter]
    return [
        SharedEthernet(
            adapter=f"ent{after + index}",
            location=f"{virtual_location(prefix, MANAGEMENT_PARTITION_ID, FIRST_ETHERNET_SLOT + index)}-T1",
            bridge=f"ent{after + len(networks) + bridged.index(network.pk)}" if network.pk in bridged else "",
            backing=network.bridge_adapter,
            slot=FIRST_ETHERNET_SLOT + index,
            vlan_id=network.vlan_id,
        )
        for index, network in enumerate(networks)
    ]


def number_of(name: str) -> int:
    found = DIGITS.search(name)
    return int(found[1]) if found else -1


def devices() -> list[Device]:
    """Adapters by name, then disks, then target devices, as lsdev lists them."""
    system = ManagedSystem.objects.get()
    found = mappings()
    fixed = [*fixed_devices(system.location_prefix), *fibre_channel_devices(system)]
    adapters = [*ethernet_devices(), *fixed, *(adapter_device(mapping) for mapping in found)]
    targets = [target_device(mapping, target) for mapping in found for target in mapping.targets]
    disks = [disk_device(volume) for volume in PhysicalVolume.objects.all()]
    return [*in_order(adapters), *in_order(disks), *in_order(targets)]


def device_names() -> list[str]:
    """Of devices() and volume_devices(), for whoever needs no more of them. In few queries, whatever their number."""
    ethernets = [device.name for device in ethernet_devices()]
    fixed = [BUS, *(name for name, _description, _slot in FIXED)]
    fixed += [device.name for device in fibre_channel_devices(ManagedSystem.objects.get())]
    stored = (VirtualServerAdapter, PhysicalVolume, VirtualTargetDevice, StoragePool, LogicalVolume)
    names = [name for model in stored for name in model.objects.order_by().values_list("name", flat=True)]
    names += [REPOSITORY] * MediaRepository.objects.count()
    return [*ethernets, *fixed, *names]


def in_order(found: Iterable[Device]) -> list[Device]:
    return sorted(found, key=lambda device: natural(device.name))


def ethernet_devices() -> list[Device]:
    """The virtual ones, and the physical ones behind them, of which the records have the names alone."""
    found = shared_ethernets()
    backing = sorted({shared.backing for shared in found if shared.backing})
    made = [Device(name, "Ethernet Adapter", "", "adapter") for name in backing]
    for shared in found:
        description = "Virtual I/O Ethernet Adapter (l-lan)"
        made.append(Device(shared.adapter, description, shared.location, "adapter", BUS, is_virtual=True))
        if shared.bridge:
            attributes = {
                "pvid": str(shared.vlan_id),
                "pvid_adapter": shared.adapter,
                "real_adapter": shared.backing,
                "virt_adapters": shared.adapter,
            }
            made.append(Device(shared.bridge, SHARED_ETHERNET, "", "adapter", "", True, attributes))
    return made


def fixed_devices(prefix: str) -> list[Device]:
    """What every management partition has."""
    bus = Device(BUS, "Virtual I/O Bus", "", "bus")

    def at(slot: int) -> str:
        return virtual_location(prefix, MANAGEMENT_PARTITION_ID, slot)

    return [bus, *(Device(name, text, at(slot), "adapter", BUS, is_virtual=True) for name, text, slot in FIXED)]


def fibre_channel_devices(system: ManagedSystem) -> list[Device]:
    """None where the console has neither been told the adapter's place nor has a disk behind it."""
    behind = PhysicalVolume.objects.filter(on_san=True).exclude(location="")
    if not system.fibre_channel_location and not behind.exists():
        return []
    at = system.fibre_channel_location
    protocol = "FC SCSI I/O Controller Protocol Device"
    return [
        Device(FIBRE_CHANNEL, "FC Adapter", at, "adapter"),
        Device(FIBRE_CHANNEL_PROTOCOL, protocol, at, "driver", FIBRE_CHANNEL),
    ]


def volume_devices() -> list[Device]:
    """Volume groups and logical volumes, the media library among them; listed where they are asked for alone."""
    pools = [Device(pool.name, "Volume group", "", "lv", status=DEFINED) for pool in StoragePool.objects.all()]
    volumes = [
        Device(
            volume.name,
            "Logical volume",
            "",
            "lv",
            volume.pool.name,
            status=AVAILABLE if hasattr(volume, "target_device") else DEFINED,
        )
        for volume in LogicalVolume.objects.select_related("pool", "target_device")
    ]
    volumes += [
        Device(REPOSITORY, "Logical volume", "", "lv", library.pool.name)
        for library in MediaRepository.objects.select_related("pool")
    ]
    return [*in_order(pools), *in_order(volumes)]


def adapter_device(mapping: Mapping) -> Device:
    return Device(mapping.adapter, "Virtual SCSI Server Adapter", mapping.location, "adapter", BUS, is_virtual=True)


def target_device(mapping: Mapping, target: Target) -> Device:
    location = f"{mapping.location}-L{target.lun.removeprefix('0x')}"
    attributes = {"LogicalUnitAddr": target.lun, "aix_tdev": target.backing}
    return Device(
        target.vtd, TARGET_KINDS[target.kind], location, "virtual target", mapping.adapter, True, attributes
    )


def san_address(location: str) -> dict[str, str]:
    """The port and the LUN that a location code on a SAN ends with; nothing for another one."""
    found = SAN_ADDRESS.search(location)
    return {"ww_name": f"0x{found[1].lower()}", "lun_id": f"0x{found[2].lower()}"} if found else {}


def disk_device(volume: PhysicalVolume) -> Device:
    attributes = {
        "reserve_policy": volume.reserve_policy,
        "size_in_mb": str(volume.size_mb),
        "unique_id": volume.unique_id,
        "pvid": "none",  # the Virtual I/O Server has not written one: the disk is its client's
        **san_address(volume.location),
    }
    parent = parent_of(volume)
    status = DEFINED if volume.trouble in GONE else AVAILABLE
    return Device(volume.name, volume.description, volume.location, "disk", parent, False, attributes, status)


def parent_of(volume: PhysicalVolume) -> str:
    """Of one that was found in a file or on a block device nobody knows an adapter."""
    return FIBRE_CHANNEL_PROTOCOL if volume.on_san and volume.location else ""
