"""The JSON of the API. Bounds of what arrives stand here; unknown fields are refused. Sizes carry their unit."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Path, Query
from pydantic import BeforeValidator, Field

from ivmweb.hypervisor.base import ShutdownKind
from ivmweb.monitor.models import TaskStatus
from ivmweb.system.models.partition import ProcessorMode
from ivmweb.system.models.storage import ReservePolicy
from migration.models import Outcome, RoleChoices
from migration.peer.messages import LARGEST, PRINTABLE, Body, Refused
from migration.states import Act, Role

LARGEST_PAGE = 100

LparId = Annotated[int, Path(ge=1, le=65535, description="ID of the partition on this system.", examples=[2])]
TaskId = Annotated[int, Path(ge=1, le=LARGEST, description="ID of the task.", examples=[1])]
Moment = Annotated[datetime, Field(description="UTC.")]


class PageQuery(Body):
    page: Annotated[int, Field(ge=1, le=1_000_000, description="From 1.")] = 1
    size: Annotated[int, Field(ge=1, le=LARGEST_PAGE, description="Items a page.")] = 25


class MigrationQuery(PageQuery):
    state: Annotated[
        Literal["open", "ended"] | None,
        Field(description="Only those that go on or wait, or only those that are over."),
    ] = None


class TaskQuery(PageQuery):
    status: Annotated[TaskStatus | None, Field(description="Only tasks of this status.")] = None


PageParameters = Query[PageQuery]
MigrationParameters = Query[MigrationQuery]
TaskParameters = Query[TaskQuery]


class Page(Body):
    total: Annotated[int, Field(description="Items on all pages together.")]
    page: int
    size: int


# Log-in


class LogIn(Body):
    user: Annotated[str, Field(min_length=1, max_length=150, pattern=PRINTABLE, examples=["padmin"])]
    password: Annotated[str, Field(min_length=1, max_length=1024, examples=["padmin"])]


class Token(Body):
    token: Annotated[str, Field(description="For the header Authorization: Bearer TOKEN. Shown once, kept nowhere.")]
    user: str
    rights: Annotated[tuple[str, ...], Field(description="What the user may do now.")]
    idle_s: Annotated[int, Field(description="Seconds without a call after which the token ends.")]
    expires_at: Annotated[datetime, Field(description="When it ends in any case; UTC.")]


# Server


class System(Body):
    host_name: str
    name: str
    type_model: str
    serial_number: str
    hypervisor_answers: Annotated[bool, Field(description="False: what runs now is not known; such fields are null.")]
    attention_led: bool
    installed_memory_mb: int
    free_memory_mb: int
    firmware_memory_mb: int
    memory_region_mb: int
    installed_units: Annotated[float, Field(description="Processing units.")]
    free_units: Annotated[float, Field(description="Processing units.")]
    utilized_units: Annotated[float | None, Field(description="Processing units that the partitions use now.")]
    compatibility_modes: tuple[str, ...]
    max_partitions: int
    max_virtual_slots: int
    active_mobility_capable: bool
    inactive_mobility_capable: bool
    active_migrations_supported: int
    inactive_migrations_supported: int
    migration_bandwidth_bytes_per_s: Annotated[int, Field(description="0: no limit.")]
    allowed_suspension_ms: int
    slow_partition: Annotated[
        bool, Field(description="Slow a partition down first whose memory left over does not shrink.")
    ]
    suspend_anyway: Annotated[bool, Field(description="Suspend also where the memory left over does not shrink.")]


class Partition(Body):
    """A row of View/Modify Partitions."""

    lpar_id: int
    uuid: Annotated[UUID, Field(description="Kept by a move; the ID may change.")]
    name: str
    state: str
    hold: Annotated[str, Field(description="The operation that reserves the partition; empty: none.")]
    uptime_s: float | None
    memory_mb: int
    virtual_processors: int
    processing_units: float
    utilized_units: float | None
    reference_code: str


class PartitionPage(Page):
    items: tuple[Partition, ...]


class VirtualDisk(Body):
    """A virtual target device and what is behind it."""

    name: str
    lun_number: int
    backing_device: Annotated[str, Field(description="Of an optical drive its medium; empty: none is loaded.")]
    unique_id: Annotated[
        str, Field(description="Identity of the LUN; empty: a logical volume or an optical drive, which can't move.")
    ]
    size_mb: int
    location: str
    reserve_policy: str
    trouble: Annotated[
        str,
        Field(description="missing, unreadable, copied, smaller or elsewhere, when LUNs were looked for; or empty."),
    ]


class ServerAdapter(Body):
    name: Annotated[str, Field(description="vhost")]
    slot: Annotated[int, Field(description="Of the management partition.")]
    client_slot: int
    disks: tuple[VirtualDisk, ...]


class EthernetAdapter(Body):
    slot: int
    vlan_id: int
    mac_address: str


class PhysicalAdapter(Body):
    location: str
    description: str


class PartitionDetails(Partition):
    """A partition with its profile and its adapters."""

    environment: str
    os_version: str
    rmc_state: str
    boot_from: str
    auto_start: bool
    memory_minimum_mb: int
    memory_maximum_mb: int
    processor_mode: str
    processing_units_minimum: float
    processing_units_maximum: float
    virtual_processors_minimum: int
    virtual_processors_maximum: int
    uncapped_weight: int
    compatibility_mode: str
    workload_group: int | None
    max_virtual_slots: int
    server_adapters: tuple[ServerAdapter, ...]
    ethernet_adapters: tuple[EthernetAdapter, ...]
    physical_adapters: tuple[PhysicalAdapter, ...]
    migration: Annotated[UUID | None, Field(description="Its latest migration from or to this system.")]


class Shutdown(Body):
    type: Annotated[
        ShutdownKind,
        Field(
            description="osshutdown: by the operating system; shutdown: delayed; immediate: as by a power cut.",
            examples=["osshutdown"],
        ),
    ]
    restart: Annotated[bool, Field(description="Start it again afterwards.")] = False


# Changes of properties: only the fields that are sent are changed


def changed(**bounds: Any) -> Any:
    return Field(default=None, **bounds)


def no_word(value: Any) -> Any:
    """A number is sent as one: true is not 1, and "8" is text."""
    if isinstance(value, bool | str):
        raise ValueError("not a number")
    return value


NUMBER = BeforeValidator(no_word)  # stands last: what stands before it is described


Megabytes = Annotated[int, changed(ge=1, le=LARGEST), NUMBER]
Units = Annotated[float, changed(gt=0, le=9999, description="In hundredths."), NUMBER]
Processors = Annotated[int, changed(ge=1, le=LARGEST), NUMBER]


class SystemChange(Body):
    system_name: Annotated[str, changed(min_length=1, max_length=64, pattern=PRINTABLE)]
    attention_led: Annotated[bool, changed(strict=True)]
    active_mobility_capable: Annotated[bool, changed(strict=True)]
    inactive_mobility_capable: Annotated[bool, changed(strict=True)]
    active_migrations_supported: Annotated[int, changed(ge=0, le=8), NUMBER]
    inactive_migrations_supported: Annotated[int, changed(ge=0, le=64), NUMBER]
    migration_bandwidth_bytes_per_s: Annotated[int, changed(ge=0, le=LARGEST, description="0: no limit."), NUMBER]
    allowed_suspension_ms: Annotated[int, changed(ge=10, le=30_000), NUMBER]
    slow_partition: Annotated[
        bool, changed(strict=True, description="Slow it down first; counts for migrations that begin later.")
    ]
    suspend_anyway: Annotated[bool, changed(strict=True, description="Suspend also where the rest does not shrink.")]


class GeneralChange(Body):
    name: Annotated[str, changed(min_length=1, max_length=31, pattern=PRINTABLE)]
    workload_group: Annotated[int | None, changed(ge=1, le=255, description="null: none."), NUMBER]


class MemoryChange(Body):
    memory_minimum_mb: Megabytes
    memory_mb: Megabytes
    memory_maximum_mb: Megabytes


class ProcessingChange(Body):
    processor_mode: Annotated[ProcessorMode, changed()]
    processing_units_minimum: Units
    processing_units: Units
    processing_units_maximum: Units
    virtual_processors_minimum: Processors
    virtual_processors: Processors
    virtual_processors_maximum: Processors
    uncapped_weight: Annotated[int, changed(ge=0, le=255), NUMBER]
    compatibility_mode: Annotated[str, changed(min_length=1, max_length=16, pattern=PRINTABLE)]


class Network(Body):
    slot: Annotated[int, Field(ge=0, le=65535, description="Of the partition's virtual Ethernet adapter."), NUMBER]
    vlan_id: Annotated[int, Field(ge=1, le=4094), NUMBER]


class NetworksChange(Body):
    ethernet_adapters: Annotated[tuple[Network, ...], Field(max_length=64)]


class DiskPolicy(Body):
    backing_device: Annotated[str, Field(min_length=1, max_length=15, pattern=PRINTABLE, examples=["hdisk2"])]
    reserve_policy: ReservePolicy


class DisksChange(Body):
    disks: Annotated[tuple[DiskPolicy, ...], Field(max_length=256)]


class AdapterChoice(Body):
    location: Annotated[str, Field(min_length=1, max_length=64, pattern=PRINTABLE)]
    assigned: Annotated[bool, Field(strict=True, description="False: back to the management partition.")]


class AdaptersChange(Body):
    physical_adapters: Annotated[tuple[AdapterChoice, ...], Field(max_length=64)]


class ReferenceCode(Body):
    code: str
    time: Moment


class ReferenceCodePage(Page):
    items: tuple[ReferenceCode, ...]


# Tasks


class Line(Body):
    time: Moment
    code: str
    message: str


class Task(Body):
    """A row of Monitor Tasks."""

    id: int
    name: str
    target: str
    user: str
    status: TaskStatus
    percent: int | None
    code: str
    message: str
    started_at: Moment
    ended_at: datetime | None
    migration: UUID | None


class TaskPage(Page):
    items: tuple[Task, ...]


class TaskDetails(Task):
    lines: Annotated[tuple[Line, ...], Field(description="The latest 500, oldest first.")]


# Mobility


class RemoteAccess(Body):
    remote_manager: Annotated[
        str,
        Field(
            min_length=1,
            max_length=255,
            pattern=PRINTABLE,
            description="Host name or address of the other console.",
            examples=["uli14"],
        ),
    ]
    remote_user: Annotated[str, Field(min_length=1, max_length=150, pattern=PRINTABLE, examples=["padmin"])]
    password: Annotated[
        str,
        Field(
            max_length=1024,
            description="Of the remote user; not kept. May be left out for some minutes after the same token has "
            "validated with the same remote console and user.",
            examples=["padmin"],
        ),
    ] = ""


class Finding(Body):
    check: Annotated[str, Field(description="Stable name of the check.")]
    claim: Annotated[str, Field(description="What it checks, for people.")]
    side: Literal["source", "destination"]
    outcome: Outcome
    measured: str
    limit: str
    code: str
    message: Annotated[str, Field(description="What is wrong and how to mend it; empty where nothing is.")]
    again_at: Annotated[datetime | None, Field(description="Null: made when the report was.")]
    again_by: str


class CheckAgain(Body):
    check: Annotated[str, Field(min_length=1, max_length=64, pattern=PRINTABLE, description="Of the report.")]
    side: RoleChoices


class Report(Body):
    id: UUID
    partition_name: str
    lpar_id: int
    type: Literal["active", "inactive"]
    remote_manager: str
    remote_user: str
    user: str
    created_at: Moment
    passed: bool
    migration: Annotated[UUID | None, Field(description="The migration that it let begin.")]
    findings: tuple[Finding, ...]


class ChecksFailed(Refused):
    report: Annotated[Report | None, Field(description="Where checks failed: all of them.")] = None


class Migration(Body):
    """A migration as this side of it sees it; both consoles use the same ID."""

    id: UUID
    role: Literal["source", "destination"]
    type: Literal["active", "inactive"]
    state: str
    migration_state: Annotated[str, Field(description="As lslparmigr prints it.")]
    headline: Annotated[str, Field(description="What goes on, for people.")]
    place: Annotated[str, Field(description="Where the partition is now, as far as this side knows.")]
    advice: Annotated[str, Field(description="What there is to do.")]
    is_open: bool
    has_moved: bool
    can_stop: bool
    can_recover: bool
    queued: Annotated[bool, Field(description="It waits until there is room; the headline has its place.")]
    stop_requested: bool
    partition_name: str
    partition_uuid: UUID
    lpar_id: Annotated[int, Field(description="The partition's ID on this system.")]
    remote_lpar_id: int | None
    remote: Annotated[str, Field(description="The other console.")]
    remote_user: str
    user: str
    percent: int
    bytes_total: int
    bytes_transmitted: int
    bytes_remaining: int
    passes: int
    rate_bytes_per_s: Annotated[int | None, Field(description="Null: nothing is sent now.")]
    seconds_left: float | None
    suspension_ms: Annotated[float | None, Field(description="As the partition felt it.")]
    code: Annotated[str, Field(description="Why it did not move.")]
    message: str
    started_at: Moment
    ended_at: datetime | None
    task: Annotated[int | None, Field(description="Its row of Monitor Tasks; null on the destination.")]


class MigrationPage(Page):
    items: tuple[Migration, ...]


class JournalLine(Line):
    from_state: str
    to_state: str
    worker: str


class MigrationDetails(Migration):
    recover_does: Annotated[tuple[str, ...], Field(description="What recover would do now.")]
    reports: Annotated[tuple[UUID, ...], Field(description="Newest first; on the source only.")]
    journal: Annotated[tuple[JournalLine, ...], Field(description="The latest 500 lines, oldest first.")]


class Side(Body):
    console: str
    role: Role
    state: Annotated[str, Field(description="Its durable record.")]
    fact: Annotated[str, Field(description="What its hypervisor says now.")]


class SideLine(Body):
    time: Annotated[datetime, Field(description="By this console's clock.")]
    console: str
    from_state: str
    to_state: str
    message: str


class BothSides(Body):
    """What each side says of itself now; the other one was asked for this."""

    here: Side
    there: Annotated[Side | None, Field(description="Null: it does not answer, or is not asked any more.")]
    code: Annotated[str, Field(description="Why there is no answer.")]
    message: str
    alarms: Annotated[tuple[str, ...], Field(description="What must not be: both run, nowhere, opposite orders.")]
    journal: Annotated[tuple[SideLine, ...], Field(description="Of both sides, oldest first.")]


class Force(Body):
    """What an operator orders on a claim that no console can check; docs/state-machine.md says when it is refused."""

    act: Act
    partition_name: Annotated[
        str, Field(min_length=1, max_length=31, pattern=PRINTABLE, description="Of the partition, to be sure.")
    ]
    claims: Annotated[
        int,
        Field(ge=0, le=2, description="How many of the claims of the page Recover you make; two to run an image."),
        NUMBER,
    ]


class Recovered(Body):
    outcome: Annotated[str, Field(description="What it came to, for people.")]
    migration: MigrationDetails


class RemoteSystem(Body):
    """Another console that a person has confirmed."""

    name: str
    address: str
    fingerprint: Annotated[str, Field(description="SHA-256 of its certificate.")]
    system_name: str
    system_identity: str
    last_heard_at: datetime | None


class RemoteSystemPage(Page):
    items: tuple[RemoteSystem, ...]
