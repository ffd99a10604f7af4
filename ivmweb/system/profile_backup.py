"""Backing up the configuration of this system's partitions."""

from django.utils import timezone
from django.utils.translation import gettext_noop as _

from ivmweb.system import profile_files
from ivmweb.system.actions import action
from ivmweb.system.models import LogicalPartition, ManagedSystem, VirtualServerAdapter, VirtualTargetDevice
from ivmweb.system.profile_files import Saved, SavedAdapter, SavedColumns, SavedDisk, SavedEthernet, SavedPartition
from ivmweb.system.rights import AnyUser, Right
from ivmweb.transactions import serialized

BACK_UP = _("Back Up Partition Data")


def back_up(name: str, user: AnyUser, origin: str) -> int:
    """Write the configuration of all client partitions; how many. A backup of that name is replaced.

    Raises PrerequisiteFailed, or OperationFailed where the file can't be written.
    """
    with action(user, origin, Right.CHANGE, BACK_UP, name):
        saved = snapshot()
        profile_files.write(name, saved)
        return len(saved.partitions)


def snapshot() -> Saved:
    """In as many queries for one partition as for all. What another console has by now is no part of it."""
    rows = LogicalPartition.objects.not_moved().prefetch_related(
        "server_adapters__target_devices__physical_volume",
        "server_adapters__target_devices__logical_volume",
        "ethernet_adapters",
        "physical_adapters",
    )
    with serialized():
        partitions = tuple(saved_partition(row) for row in rows)
        identity = ManagedSystem.objects.get().identity
        return Saved(format=1, system=identity, made_at=timezone.now(), partitions=partitions)


def saved_partition(row: LogicalPartition) -> SavedPartition:
    return SavedPartition(
        uuid=row.uuid,
        lpar_id=row.lpar_id,
        environment=row.environment,
        os_version=row.os_version,
        ever_activated=row.ever_activated,
        columns=SavedColumns(**{name: getattr(row, name) for name in SavedColumns.model_fields}),
        adapters=tuple(saved_adapter(adapter) for adapter in row.server_adapters.all()),
        ethernets=tuple(
            SavedEthernet(slot=one.slot, vlan_id=one.vlan_id, mac_address=one.mac_address)
            for one in row.ethernet_adapters.all()
        ),
        physical_adapters=tuple(one.location for one in row.physical_adapters.all()),
    )


def saved_adapter(adapter: VirtualServerAdapter) -> SavedAdapter:
    disks = tuple(saved_disk(device) for device in adapter.target_devices.all())
    return SavedAdapter(name=adapter.name, slot=adapter.slot, client_slot=adapter.client_slot, disks=disks)


def saved_disk(device: VirtualTargetDevice) -> SavedDisk:
    """Of an optical drive without the medium: what is in it is no configuration."""
    return SavedDisk(
        unique_id=device.physical_volume.unique_id if device.physical_volume else "",
        logical_volume=device.logical_volume.name if device.logical_volume else "",
        is_optical=device.is_optical,
        lun_number=device.lun_number,
        name=device.name,
        is_user_defined=device.is_user_defined,
    )
