"""What the checks look at: records and one question to the hypervisor, gathered once as plain values."""

from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings

from ivmweb.common.errors import HypervisorError
from ivmweb.system import mapping
from ivmweb.system import services as system
from ivmweb.system.models import (
    MANAGEMENT_PARTITION_ID,
    LogicalPartition,
    ManagedSystem,
    PartitionState,
    PhysicalVolume,
    VirtualEthernet,
    VirtualEthernetAdapter,
    VirtualServerAdapter,
    VirtualTargetDevice,
)
from ivmweb.system.models.partition import Environment
from migration.models import Migration, MigrationType, MobilityToken
from migration.peer.local import own_hello
from migration.peer.messages import Configuration, Disk, Hello, PrepareRequest, ValidateRequest
from migration.peer.remotes import known_by
from migration.states import Role, State

OFF = frozenset({PartitionState.NOT_ACTIVATED, PartitionState.MIGRATING_NOT_ACTIVATED})


@dataclass(frozen=True)
class SourceDisk:
    name: str  # hdisk, or the logical volume
    is_lun: bool
    reserve_policy: str = ""


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
    physical_adapters: tuple[str, ...]
    disks: tuple[SourceDisk, ...]

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
    def of(cls, partition: LogicalPartition, hello: Hello, remote_name: str) -> "SourceFacts":
        """Reads records and asks the hypervisor; `hello` is the destination's."""
        here = ManagedSystem.objects.get()
        inactive = is_inactive(partition)
        return cls(
            host_name=here.host_name,
            system_identity=here.identity,
            remote_name=remote_name,
            remote_identity=hello.system_identity,
            inactive=inactive,
            partition=partition.name,
            lpar_id=partition.lpar_id,
            is_management=partition.is_management or partition.environment == Environment.VIRTUAL_IO_SERVER,
            state=partition.state,
            hold=partition.hold,
            has_open_migration=Migration.objects.open().filter(partition_uuid=partition.uuid).exists(),
            rmc_state=partition.rmc_state,
            workload_group=partition.workload_group,
            physical_adapters=tuple(str(adapter) for adapter in partition.physical_adapters.all()),
            disks=disks_of(partition),
            is_capable=is_capable(here, inactive=inactive),
            hypervisor_error=hypervisor_error(),
            migrations_in_progress=in_progress(inactive=inactive),
            migrations_supported=supported(here, inactive=inactive),
            movers_busy=movers_busy(Role.SOURCE, State.TRANSFERRING),
            mover_slots=settings.MOVER_SLOTS,
        )


@dataclass(frozen=True)
class Volume:
    """The hdisk by which this system sees one of the partition's LUNs."""

    name: str
    reserve_policy: str
    used_by: str  # partition; empty: not mapped


@dataclass(frozen=True)
class DestinationFacts:
    own: Hello
    source: Hello
    inactive: bool
    configuration: Configuration
    source_is_known: bool
    user: str
    may_change: bool

    is_capable: bool
    hypervisor_error: str  # empty: it answers
    migrations_in_progress: int
    migrations_supported: int
    movers_busy: int
    mover_slots: int

    present_as: str  # why the partition itself is here already; empty: it is not
    name_taken_by: int | None  # partition ID
    partitions: int
    max_partitions: int
    free_memory_mb: int
    memory_region_mb: int
    free_units: Decimal
    compatibility_modes: tuple[str, ...]
    volumes: dict[str, Volume]  # by unique id
    bridges: dict[int, str]  # by VLAN; empty: not bridged
    mac_owners: dict[str, str]
    # Where the partition would get what it has at the source; None: there is none left.
    new_lpar_id: int | None
    new_slots: tuple[int | None, ...]
    new_device_names: tuple[str, ...]

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

    @classmethod
    def of(cls, request: ValidateRequest | PrepareRequest, token: MobilityToken) -> "DestinationFacts":
        """Reads records and asks the hypervisor; changes nothing."""
        here, wanted, inactive = ManagedSystem.objects.get(), request.configuration, request.inactive
        ids = frozenset(LogicalPartition.objects.values_list("lpar_id", flat=True)) | {MANAGEMENT_PARTITION_ID}
        new_id = mapping.free_partition_id(wanted.lpar_id, ids, here.max_partitions)
        same_name = LogicalPartition.objects.filter(name=wanted.name).exclude(uuid=wanted.uuid).first()
        return cls(
            own=own_hello(),
            source=request.hello,
            inactive=inactive,
            configuration=wanted,
            source_is_known=known_by(request.hello.system_identity) is not None,
            user=token.user,
            may_change=token.may_change,
            is_capable=is_capable(here, inactive=inactive),
            hypervisor_error=hypervisor_error(),
            migrations_in_progress=in_progress(inactive=inactive),
            migrations_supported=supported(here, inactive=inactive),
            movers_busy=movers_busy(Role.DESTINATION, State.PREPARED),
            mover_slots=settings.MOVER_SLOTS,
            present_as=present_as(wanted),
            name_taken_by=same_name.lpar_id if same_name else None,
            partitions=len(ids),
            max_partitions=here.max_partitions,
            free_memory_mb=here.free_memory_mb,
            memory_region_mb=here.memory_region_mb,
            free_units=here.free_units,
            compatibility_modes=tuple(here.compatibility_modes),
            volumes=volumes_of(wanted),
            bridges=dict(VirtualEthernet.objects.values_list("vlan_id", "bridge_adapter")),
            mac_owners=mac_owners(wanted),
            new_lpar_id=new_id,
            new_slots=new_slots(new_id, len(wanted.adapters), here.max_virtual_slots),
            new_device_names=new_device_names(wanted),
        )


def present_as(wanted: Configuration) -> str:
    if partition := LogicalPartition.objects.filter(uuid=wanted.uuid).first():
        return f"{partition.name} (ID {partition.lpar_id}, {partition.state})"
    migration = Migration.objects.open().filter(partition_uuid=wanted.uuid).first()
    return f"migration {migration.pk}, {migration.state}" if migration else ""


def volumes_of(wanted: Configuration) -> dict[str, Volume]:
    ids = [disk.unique_id for adapter in wanted.adapters for disk in adapter.disks]
    rows = PhysicalVolume.objects.filter(unique_id__in=ids, on_san=True)
    others = VirtualTargetDevice.objects.exclude(adapter__partition__uuid=wanted.uuid)
    users = dict(others.filter(physical_volume__in=rows).values_list("physical_volume", "adapter__partition__name"))
    return {row.unique_id: Volume(row.name, row.reserve_policy, users.get(row.pk, "")) for row in rows}


def mac_owners(wanted: Configuration) -> dict[str, str]:
    addresses = [ethernet.mac_address for ethernet in wanted.ethernets]
    others = VirtualEthernetAdapter.objects.exclude(partition__uuid=wanted.uuid)  # its own shell is another check's
    rows = others.filter(mac_address__in=addresses)
    return dict(rows.values_list("mac_address", "partition__name"))


def new_slots(lpar_id: int | None, count: int, limit: int) -> tuple[int | None, ...]:
    """The slots that *prepare* would choose, by the same rule."""
    taken = set(VirtualServerAdapter.objects.values_list("slot", flat=True))
    found: list[int | None] = []
    for _number in range(count):
        slot = mapping.server_slot(lpar_id, taken, limit) if lpar_id is not None else None
        found.append(slot)
        taken |= {slot} if slot is not None else set()
    return tuple(found)


def new_device_names(wanted: Configuration) -> tuple[str, ...]:
    names = [disk.name for adapter in wanted.adapters for disk in adapter.disks]
    return tuple(mapping.keep_or_rename(names, "vtscsi", VirtualTargetDevice.objects.values_list("name", flat=True)))


# What both sides gather in the same way


def is_inactive(partition: LogicalPartition) -> bool:
    """Which kind of migration it would be. A state that allows neither is judged as active, the stricter one."""
    return partition.state in OFF


def is_capable(here: ManagedSystem, *, inactive: bool) -> bool:
    return here.inactive_mobility_capable if inactive else here.active_mobility_capable


def supported(here: ManagedSystem, *, inactive: bool) -> int:
    return here.inactive_migrations_supported if inactive else here.active_migrations_supported


def in_progress(*, inactive: bool) -> int:
    """In both directions, as lslparmigr counts them."""
    return Migration.objects.open().filter(type=MigrationType.INACTIVE if inactive else MigrationType.ACTIVE).count()


def movers_busy(role: Role, state: State) -> int:
    return Migration.objects.filter(role=role, state=state, type=MigrationType.ACTIVE).count()


def hypervisor_error() -> str:
    try:
        system.hypervisor().describe_system()
    except HypervisorError as exc:
        return exc.text
    return ""


def disks_of(partition: LogicalPartition) -> tuple[SourceDisk, ...]:
    devices = VirtualTargetDevice.objects.filter(adapter__partition=partition).select_related("physical_volume")
    return tuple(disk_of(device.physical_volume, device.backing_device) for device in devices)


def disk_of(volume: PhysicalVolume | None, backing_device: str) -> SourceDisk:
    if volume is None:
        return SourceDisk(backing_device, is_lun=False)
    return SourceDisk(volume.name, is_lun=volume.on_san, reserve_policy=volume.reserve_policy)
