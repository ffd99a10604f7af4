"""What the checks look at, gathered once as plain values: records, and a few questions to the hypervisor."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.conf import settings

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import LunFacts, LunReference, RunState, SystemFacts
from ivmweb.system import mapping, owners, pools
from ivmweb.system import services as system
from ivmweb.system.models import (
    MANAGEMENT_PARTITION_ID,
    LogicalPartition,
    ManagedSystem,
    PartitionState,
    PhysicalVolume,
    RmcState,
    VirtualEthernet,
    VirtualEthernetAdapter,
    VirtualMedium,
    VirtualServerAdapter,
    VirtualTargetDevice,
    VolumeTrouble,
)
from migration.admission import in_progress, movers_busy, supported
from migration.models import Migration, MigrationType, MobilityToken
from migration.peer.local import own_hello
from migration.peer.messages import Configuration, Disk, Drive, Hello, PlacementWish, PrepareRequest, ValidateRequest
from migration.peer.remotes import known_by
from migration.states import Role
from migration.validation.link import MoverLink

RMC_QUESTION_S = 1.5  # a partition that runs answers at once; Migrate waits for minutes
SILENT = "rmc-silent"

OFF = frozenset({PartitionState.NOT_ACTIVATED, PartitionState.MIGRATING_NOT_ACTIVATED})


@dataclass(frozen=True)
class SourceDisk:
    name: str  # hdisk, the logical volume, or the optical drive
    is_lun: bool
    reserve_policy: str = ""


@dataclass(frozen=True)
class Readiness:
    """What the operating system answered over RMC when it was asked whether it can be moved."""

    refusal: str = ""
    is_silent: bool = False


@dataclass(frozen=True)
class SourceFacts:
    host_name: str
    system_identity: str
    remote_name: str
    remote_identity: str
    inactive: bool

    partition: str
    lpar_id: int
    is_management: bool
    state: str
    hold: str
    has_open_migration: bool
    rmc_state: str
    workload_group: int | None
    environment: str
    os_version: str
    readiness: Readiness | None  # None: not asked, since it can't answer
    highest_slot: int
    max_virtual_slots: int
    physical_adapters: tuple[str, ...]
    disks: tuple[SourceDisk, ...]

    management_rmc_state: str
    mover_link: MoverLink | None  # None: not tried
    run_state: str | None  # what the hypervisor says; empty: it does not know the partition; None: it says nothing
    is_capable: bool
    hypervisor_error: str  # empty: it answers
    migrations_in_progress: int
    migrations_supported: int
    movers_busy: int
    mover_slots: int

    @property
    def kind(self) -> str:
        return MigrationType.INACTIVE.value if self.inactive else MigrationType.ACTIVE.value

    @property
    def who(self) -> dict[str, str | int]:
        return {"partition": self.partition, "lpar_id": self.lpar_id}

    @classmethod
    def of(
        cls, partition: LogicalPartition, remote_identity: str, remote_name: str, mover_link: MoverLink | None = None
    ) -> "SourceFacts":
        """Reads records and asks the hypervisor; the rest is what the destination said or how it was reached."""
        here = ManagedSystem.objects.get()
        inactive = is_inactive(partition)
        told, error = ask_hypervisor()
        run_state = run_state_of(partition, told)
        return cls(
            host_name=here.host_name,
            system_identity=here.identity,
            remote_name=remote_name,
            remote_identity=remote_identity,
            inactive=inactive,
            partition=partition.name,
            lpar_id=partition.lpar_id,
            is_management=partition.is_management,
            state=partition.state,
            hold=partition.held_for,
            has_open_migration=Migration.objects.open().filter(partition_uuid=partition.uuid).exists(),
            rmc_state=partition.rmc_state,
            workload_group=partition.workload_group,
            environment=partition.environment,
            os_version=partition.os_version,
            readiness=ask_readiness(partition) if run_state == RunState.RUNNING else None,
            highest_slot=highest_slot(partition),
            max_virtual_slots=partition.max_virtual_slots,
            physical_adapters=tuple(str(adapter) for adapter in partition.physical_adapters.all()),
            disks=disks_of(partition),
            management_rmc_state=management_rmc_state(),
            mover_link=mover_link,
            run_state=run_state,
            is_capable=is_capable(here, inactive=inactive),
            hypervisor_error=error,
            migrations_in_progress=in_progress(inactive=inactive),
            migrations_supported=supported(here, inactive=inactive),
            movers_busy=movers_busy(Role.SOURCE),
            mover_slots=settings.MOVER_SLOTS,
        )


@dataclass(frozen=True)
class Volume:
    """The hdisk by which this system sees one of the partition's LUNs."""

    name: str
    reserve_policy: str
    used_by: str  # partition, as in "uli14lp1, ID 3"; empty: not mapped
    size_mb: int
    seen: LunFacts | None = None  # by the hypervisor, now; None: it does not answer
    is_copied: bool = False  # as it was when the hypervisor last looked for LUNs


@dataclass(frozen=True)
class DestinationFacts:
    own: Hello
    source: Hello
    inactive: bool
    configuration: Configuration
    source_fingerprint: str | None  # as it is confirmed here; None: the source is no remote system
    user: str
    may_change: bool
    clock_difference_s: float | None  # None: the source did not tell its clock

    management_rmc_state: str
    is_capable: bool
    hypervisor_error: str  # empty: it answers
    migrations_in_progress: int
    migrations_supported: int
    movers_busy: int
    mover_slots: int

    remains: str  # what the hypervisor has where the partition would be made; empty: nothing
    present_as: str  # why the partition itself is here already; empty: it is not
    name_taken_by: int | None  # partition ID
    partitions: int
    max_partitions: int
    free_memory_mb: int
    memory_region_mb: int
    free_units: Decimal
    memory_for_partitions_mb: int
    installed_units: Decimal
    max_virtual_processors: int
    compatibility_modes: tuple[str, ...]
    volumes: dict[str, Volume]  # by unique id
    media: frozenset[str]  # SHA-256 of those that the partition has loaded and that are here too
    bridges: dict[int, str]  # by VLAN; empty: not bridged
    mac_owners: dict[str, tuple[str, int]]  # name and ID of the partition there
    placement: PlacementWish
    # Where the partition would get what it has at the source; None: there is none left, or what is wanted is taken.
    new_lpar_id: int | None
    new_slots: tuple[int | None, ...]
    new_device_names: tuple[str, ...]
    partition_names: dict[str, str] = field(default_factory=dict)  # by UUIDs of owner words, where they are known

    @property
    def here(self) -> str:
        return self.own.host_name

    @property
    def kind(self) -> str:
        return MigrationType.INACTIVE.value if self.inactive else MigrationType.ACTIVE.value

    @property
    def who(self) -> dict[str, str | int]:
        return {"partition": self.configuration.name, "lpar_id": self.configuration.lpar_id, "system": self.here}

    @property
    def disks(self) -> list[Disk]:
        return [disk for adapter in self.configuration.adapters for disk in adapter.disks]

    @property
    def loaded_drives(self) -> list[Drive]:
        drives = [drive for adapter in self.configuration.adapters for drive in adapter.drives]
        return [drive for drive in drives if drive.sha256]

    @classmethod
    def of(cls, request: ValidateRequest | PrepareRequest, token: MobilityToken) -> "DestinationFacts":
        """Reads records and asks the hypervisor; changes nothing."""
        here, wanted, inactive = ManagedSystem.objects.get(), request.configuration, request.inactive
        ids = frozenset(LogicalPartition.objects.values_list("lpar_id", flat=True)) | {MANAGEMENT_PARTITION_ID}
        new_id = new_lpar_id(wanted.lpar_id, request.placement, ids, here.max_partitions)
        told, error = ask_hypervisor()
        volumes = volumes_of(wanted, can_ask=not error)
        remote = known_by(request.hello.system_identity)
        same_name = LogicalPartition.objects.filter(name=wanted.name).exclude(uuid=wanted.uuid).first()
        return cls(
            own=own_hello(told.capacity.version if told else ""),
            source=request.hello,
            inactive=inactive,
            configuration=wanted,
            source_fingerprint=remote.fingerprint if remote else None,
            user=token.user,
            may_change=token.may_change,
            clock_difference_s=clock_difference_s(request),
            management_rmc_state=management_rmc_state(),
            is_capable=is_capable(here, inactive=inactive),
            hypervisor_error=error,
            migrations_in_progress=in_progress(inactive=inactive),
            migrations_supported=supported(here, inactive=inactive),
            movers_busy=movers_busy(Role.DESTINATION),
            mover_slots=settings.MOVER_SLOTS,
            remains=remains(wanted, new_id, told),
            present_as=present_as(wanted),
            name_taken_by=same_name.lpar_id if same_name else None,
            partitions=len(ids),
            max_partitions=here.max_partitions,
            free_memory_mb=here.free_memory_mb,
            memory_region_mb=here.memory_region_mb,
            free_units=here.free_units,
            memory_for_partitions_mb=here.installed_memory_mb - here.firmware_memory_mb,
            installed_units=here.installed_units,
            max_virtual_processors=here.max_virtual_processors,
            compatibility_modes=tuple(here.compatibility_modes),
            volumes=volumes,
            media=media_of(wanted),
            bridges=dict(VirtualEthernet.objects.values_list("vlan_id", "bridge_adapter")),
            mac_owners=mac_owners(wanted),
            new_lpar_id=new_id,
            placement=request.placement,
            new_slots=new_slots(new_id, wanted, request.placement, here.max_virtual_slots),
            new_device_names=new_device_names(wanted),
            partition_names=names_of_owners(volumes),
        )


def present_as(wanted: Configuration) -> str:
    if partition := LogicalPartition.objects.filter(uuid=wanted.uuid).first():
        if partition.moved_to:
            return partition.hold
        return f"{partition.name} (ID {partition.lpar_id}, {partition.state})"
    migration = Migration.objects.open().filter(partition_uuid=wanted.uuid).first()
    return f"migration {migration.pk}, {migration.state}" if migration else ""


def clock_difference_s(request: ValidateRequest | PrepareRequest) -> float | None:
    """How much this clock is ahead of the source's; the request's way is in it."""
    return time.time() - request.clock if isinstance(request, ValidateRequest) else None


def remains(wanted: Configuration, new_lpar_id: int | None, told: SystemFacts | None) -> str:
    """A partition of the hypervisor that is in no record, and in the way."""
    recorded = set(LogicalPartition.objects.values_list("uuid", flat=True))
    for fact in told.partitions if told else ():
        in_the_way = fact.uuid == str(wanted.uuid) or fact.lpar_id == new_lpar_id
        if in_the_way and fact.uuid not in {str(uuid) for uuid in recorded}:
            return f"{fact.name} (ID {fact.lpar_id}, {fact.run_state.value})"
    return ""


def volumes_of(wanted: Configuration, *, can_ask: bool) -> dict[str, Volume]:
    ids = [disk.unique_id for adapter in wanted.adapters for disk in adapter.disks]
    rows = list(PhysicalVolume.objects.filter(unique_id__in=ids, on_san=True))
    others = VirtualTargetDevice.objects.exclude(adapter__partition__uuid=wanted.uuid)
    fields = ("physical_volume", "adapter__partition__name", "adapter__partition__lpar_id")
    users = {
        volume: f"{name}, ID {lpar_id}"
        for volume, name, lpar_id in others.filter(physical_volume__in=rows).values_list(*fields)
    }
    seen = look_at(rows) if can_ask else {}
    return {
        row.unique_id: Volume(
            row.name,
            row.reserve_policy,
            users.get(row.pk, ""),
            row.size_mb,
            seen.get(row.unique_id),
            is_copied=row.trouble == VolumeTrouble.COPIED,
        )
        for row in rows
    }


def media_of(wanted: Configuration) -> frozenset[str]:
    asked = {drive.sha256 for adapter in wanted.adapters for drive in adapter.drives if drive.sha256}
    found = VirtualMedium.objects.filter(sha256__in=asked, is_read_only=True)
    return frozenset(medium.sha256 for medium in found if medium.path.exists())


def names_of_owners(volumes: Mapping[str, Volume]) -> dict[str, str]:
    words = [volume.seen.owner for volume in volumes.values() if volume.seen and volume.seen.owner]
    return owners.names_of({word.partition_uuid for word in words if not word.is_free})


def look_at(volumes: Sequence[PhysicalVolume]) -> dict[str, LunFacts]:
    """Each LUN as the hypervisor reads it now; none where it does not answer."""
    references = tuple(LunReference(volume.unique_id, volume.path) for volume in volumes)
    try:
        return {found.unique_id: found for found in system.hypervisor().look_at_luns(references)}
    except HypervisorError:
        return {}


def mac_owners(wanted: Configuration) -> dict[str, tuple[str, int]]:
    addresses = [ethernet.mac_address for ethernet in wanted.ethernets]
    others = VirtualEthernetAdapter.objects.exclude(partition__uuid=wanted.uuid)  # its own shell is another check's
    rows = others.filter(mac_address__in=addresses).values_list(
        "mac_address", "partition__name", "partition__lpar_id"
    )
    return {address: (name, lpar_id) for address, name, lpar_id in rows}


def new_lpar_id(at_source: int, wish: PlacementWish, taken: frozenset[int], limit: int) -> int | None:
    """The ID that *prepare* would choose, by the same rule."""
    if wish.lpar_id is not None and (wish.lpar_id in taken or wish.lpar_id > limit):
        return None
    return mapping.free_partition_id(wish.lpar_id or at_source, taken, limit)


def new_slots(lpar_id: int | None, wanted: Configuration, wish: PlacementWish, limit: int) -> tuple[int | None, ...]:
    """The slots that *prepare* would choose, by the same rule; one for each adapter."""
    if lpar_id is None:
        return (None,) * len(wanted.adapters)
    wishes = {one.client_slot: one.slot for one in wish.slots}
    taken = frozenset(VirtualServerAdapter.objects.values_list("slot", flat=True))
    named = [wishes.get(adapter.client_slot) for adapter in wanted.adapters]
    return mapping.server_slots(lpar_id, named, taken, limit)


def new_device_names(wanted: Configuration) -> tuple[str, ...]:
    """The names that *prepare* would give its disks, by the same rule."""
    names = [disk.name for adapter in wanted.adapters for disk in adapter.disks]
    return tuple(mapping.keep_or_rename(names, "vtscsi", pools.taken_names()))


# What both sides gather in the same way


def is_inactive(partition: LogicalPartition) -> bool:
    """Which kind of migration it would be. A state that allows neither is judged as active, the stricter one."""
    return partition.state in OFF


def is_capable(here: ManagedSystem, *, inactive: bool) -> bool:
    return here.inactive_mobility_capable if inactive else here.active_mobility_capable


def ask_hypervisor() -> tuple[SystemFacts | None, str]:
    """What it says of the system and its partitions, or why it says nothing."""
    try:
        return system.hypervisor().describe_system(), ""
    except HypervisorError as exc:
        return None, exc.text


def management_rmc_state() -> str:
    rows = LogicalPartition.objects.filter(lpar_id=MANAGEMENT_PARTITION_ID)
    return rows.values_list("rmc_state", flat=True).first() or RmcState.NONE


def ask_readiness(partition: LogicalPartition) -> Readiness | None:
    """One question to the operating system of a partition that runs and has RMC; it changes nothing there."""
    if partition.state != PartitionState.RUNNING or partition.rmc_state != RmcState.ACTIVE:
        return None
    try:
        system.hypervisor().prepare_for_migration(partition.lpar_id, RMC_QUESTION_S)
    except HypervisorError as exc:
        return Readiness(refusal=exc.text, is_silent=exc.key == SILENT)
    return Readiness()


def run_state_of(partition: LogicalPartition, told: SystemFacts | None) -> str | None:
    if told is None:
        return None
    return next((fact.run_state for fact in told.partitions if fact.uuid == str(partition.uuid)), "")


def highest_slot(partition: LogicalPartition) -> int:
    """Of the partition's own virtual adapters; 0: it has none."""
    slots = [*partition.server_adapters.values_list("client_slot", flat=True)]
    slots += partition.ethernet_adapters.values_list("slot", flat=True)
    return max(slots, default=0)


def disks_of(partition: LogicalPartition) -> tuple[SourceDisk, ...]:
    """Optical drives among them whose medium the destination can't have: one that can be written, or was blank."""
    devices = VirtualTargetDevice.objects.filter(adapter__partition=partition)
    rows = devices.select_related("physical_volume", "logical_volume", "medium")
    return tuple(disk_of(device) for device in rows if not device.moves_as_drive)


def disk_of(device: VirtualTargetDevice) -> SourceDisk:
    volume = device.physical_volume
    if device.is_optical:
        return SourceDisk(f"{device.name} (optical drive, medium {device.medium})", is_lun=False)
    if volume is None:
        return SourceDisk(device.backing_device, is_lun=False)
    return SourceDisk(volume.name, is_lun=volume.on_san, reserve_policy=volume.reserve_policy)
