"""The hypervisor boundary: what a console may ask of its hypervisor, and the values that pass.

VMC is the control channel, VASI the state stream, VT a partition's virtual terminal. A partition is named by its
partition ID. Every command that changes something carries a `Fence`; the hypervisor refuses one whose epoch is
older than the newest it has seen for that partition, so a worker that was frozen past its lease can do no harm.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from socket import socket
from typing import Protocol


class RunState(StrEnum):
    """What the hypervisor says of a partition now. Facts, never intentions."""

    NOT_ACTIVATED = "not activated"
    STARTING = "starting"
    OPEN_FIRMWARE = "open firmware"  # activated; the firmware found nothing to boot and waits at its prompt
    RUNNING = "running"
    SHUTTING_DOWN = "shutting down"
    ERROR = "error"
    # As source of a state stream:
    SUSPENDED = "suspended"  # stopped for the last pages; resumes by itself when the stream breaks
    COMPLETED = "completed"  # the destination has everything; stable, left by `resume` or `discard` alone
    # As destination:
    INCOMING = "incoming"  # waits for or receives a state stream; can't be started
    LOADED = "loaded"  # holds a complete, checked image; paused
    FAILED_INCOMING = "failed incoming"  # the stream broke or did not check; the image is useless


# One that is being received has not run here yet: no uptime and no utilization.
NOT_RUN_HERE = frozenset({RunState.NOT_ACTIVATED, RunState.INCOMING, RunState.LOADED, RunState.FAILED_INCOMING})


class Phase(StrEnum):
    """Where a state stream stands, at either end."""

    NONE = "none"
    SETUP = "setup"  # opened, nothing sent yet
    ACTIVE = "active"  # a pass is being sent while the partition runs
    PASS_END = "pass end"  # source waits for `continue_transfer`  # noqa: S105
    DEVICE = "device"  # suspended; last pages and processor state are on their way
    COMPLETED = "completed"  # source: the destination's hypervisor acknowledged everything
    LOADED = "loaded"  # destination
    FAILED = "failed"
    CANCELLED = "cancelled"


class NextStep(StrEnum):
    """What the mover tells a source hypervisor that waits at the end of a pass."""

    PASS = "pass"  # noqa: S105
    SUSPEND = "suspend"


class ShutdownKind(StrEnum):
    """Shutdown types of IVM's page."""

    OS = "osshutdown"  # asks the operating system over RMC
    DELAYED = "shutdown"  # the white button
    IMMEDIATE = "immediate"


@dataclass(frozen=True)
class Fence:
    """Who commands: a migration's id (empty for an operator's command) and the console's epoch at its claim."""

    epoch: int
    migration_id: str = ""


@dataclass(frozen=True)
class LunReference:
    unique_id: str
    path: str
    slot: int = 2  # of the partition's virtual SCSI adapter
    target: int = 0  # there: 1 for LUN 0x8100000000000000; 0 where the order says it


@dataclass(frozen=True)
class EthernetAdapter:
    """A partition's adapter on a virtual Ethernet. The simulated hypervisor has no network and keeps it only."""

    slot: int
    mac_address: str  # 12 hex digits
    vlan_id: int  # of the frames that it sends and gets, which have no tag


@dataclass(frozen=True)
class DriveReference:
    """An optical drive of the partition."""

    slot: int  # of the partition's virtual SCSI adapter
    target: int
    path: str = ""  # of the medium that is loaded; empty: none is


class BootFrom(StrEnum):
    """What the firmware starts. Of a hypervisor that has no firmware of its own there is the default alone."""

    DEFAULT = "default"  # the kernel that the hypervisor was given, or else the first disk
    DISK = "disk"
    OPTICAL = "optical"  # the first drive with a medium that boots, then the first disk
    KERNEL = "kernel"


@dataclass(frozen=True)
class Definition:
    """What a hypervisor must know to run a partition. The same values make the incoming one."""

    lpar_id: int
    uuid: str  # the partition's identity, kept by a move
    name: str
    memory_mb: int
    processing_units: float
    virtual_processors: int
    luns: tuple[LunReference, ...] = ()
    adapters: tuple[EthernetAdapter, ...] = ()
    drives: tuple[DriveReference, ...] = ()
    boot_from: BootFrom = BootFrom.DEFAULT
    os_version: str = ""
    workload_bytes_per_s: int = 0  # simulated: memory written per second
    workload_set_mb: int = 0  # simulated: memory over which these writes are spread; 0 = all


class OwnerState(StrEnum):
    OWNED = "owned"
    OFFERED = "offered"  # by a source that surrendered; only the destination of that migration may take it


@dataclass(frozen=True)
class OwnerWord:
    """The owner word of a LUN: who may run a partition on it. Changed by compare-and-set only."""

    partition_uuid: str = ""  # empty: free
    system: str = ""  # type-model*serial of the owning server
    migration_id: str = ""  # of the last hand-over; empty before the first
    state: OwnerState = OwnerState.OWNED

    @property
    def is_free(self) -> bool:
        return not self.partition_uuid

    def is_owned_by(self, partition_uuid: str, system: str) -> bool:
        """And not on offer to another server."""
        return (self.partition_uuid, self.system, self.state) == (partition_uuid, system, OwnerState.OWNED)


@dataclass(frozen=True)
class LunFacts:
    """What this server sees of a LUN now, whether or not a partition of its own uses it."""

    unique_id: str  # as asked
    owner: OwnerWord | None = None  # None: it can't be read
    error: str = ""  # why it can't be read
    is_device: bool = False  # a block device: between servers the owner word alone guards it
    mark: str | None = None  # id of the migration that was prepared last, as its source wrote it; None: not known


@dataclass(frozen=True)
class FoundLun:
    """A file or block device where LUNs may be, as this server sees it now."""

    path: str  # here; another server may have another one
    unique_id: str = ""  # empty: it has no identity, or that can't be read
    size_bytes: int = 0  # as a partition would see it
    owner: OwnerWord | None = None
    is_device: bool = False
    error: str = ""  # why it can't be used, in words


@dataclass(frozen=True)
class LunList:
    luns: tuple[FoundLun, ...] = ()  # by path; a copy comes beside its original
    errors: tuple[str, ...] = ()  # of folders and devices that can't be looked at, in words
    has_places: bool = False  # false: nobody has said where LUNs are, so that nothing here says that one is missing
    next: str = ""  # a long list comes in portions: the path after which the next one begins; empty: there is none


@dataclass(frozen=True)
class GuestKind:
    """The machine that all partitions of a hypervisor are, where an operating system of their own runs in them."""

    machine: str  # QEMU's names
    processor: str
    accelerator: str
    disks: str  # kind of their adapters
    kernel: str = ""  # file that all boot; empty: they boot from their first disk


@dataclass(frozen=True)
class Capacity:
    memory_mb: int
    processing_units: float
    memory_page_bytes: int
    version: str  # of hypervisor and stream format; equal on both sides of a move
    memory_block_mb: int = 1  # a partition's memory is a multiple of it
    boots_from: tuple[BootFrom, ...] = (BootFrom.DEFAULT,)
    hashes_pages: bool = True  # else `digest` is always None, and the movers compare the streams
    guests: GuestKind | None = None  # None: simulated


@dataclass(frozen=True)
class PartitionFacts:
    lpar_id: int
    uuid: str
    name: str
    run_state: RunState
    memory_mb: int
    uptime_s: float | None  # None while not running
    utilized_units: float | None
    reference_code: str
    migration_id: str = ""  # of the stream that is or was last open in this run
    heartbeat: int | None = None  # counter kept in the partition's own memory
    longest_gap_ms: float | None = None  # largest heartbeat gap since it was last reset
    last_record: int | None = None  # number of the last record written to the first LUN
    pages_checked: int | None = None  # by a system that looks at its pages before it changes them; else None
    page_errors: int | None = None  # of them, those that were not as it had left them
    slowed_percent: int = 0  # of its processors' time that it does without, for a stream (`throttle`)


@dataclass(frozen=True)
class TransferStatus:
    """Counters of a state stream. Bytes count memory pages, not headers."""

    phase: Phase
    migration_id: str = ""
    sequence: int = 0  # rises at each change of phase or pass; `wait_transfer` waits for it
    pass_number: int = 0
    bytes_total: int = 0  # memory of the partition
    bytes_sent: int = 0  # all passes together
    bytes_remaining: int = 0  # of this pass, plus what was written again meanwhile
    dirty_bytes_per_s: int = 0  # memory that the partition writes, measured early in a pass (see the driver)
    pass_seconds: float = 0.0
    error: str = ""  # why it failed, in words
    slowed_percent: int = 0  # as in the partition's facts; what is ordered may take some passes to show


@dataclass(frozen=True)
class Digest:
    """Content of all pages at the suspension: equal at both ends, or the move was wrong (invariant I3)."""

    migration_id: str
    pages: int
    sha256: str


@dataclass(frozen=True)
class ReferenceCode:
    code: str
    time: float  # seconds since the epoch


@dataclass(frozen=True)
class SystemFacts:
    capacity: Capacity
    incarnation: str
    partitions: tuple[PartitionFacts, ...] = field(default=())
    bridged_vlans: tuple[int, ...] | None = None  # carried to other servers, in order; None: there is no network


class Hypervisor(Protocol):
    """VMC calls. Each raises HypervisorError (`hypervisor-unreachable`, `hypervisor-refused`, ...) with a reason.

    Creating what is there as asked and removing what is gone are successes, so that a step can run twice.
    """

    def describe_system(self) -> SystemFacts: ...

    def bridge(self, vlan_ids: tuple[int, ...]) -> None:
        """Carry these VLANs, and no others, to other servers. What is told last counts: nothing is fenced.

        Refused where there is no network.
        """
        ...

    def describe(self, lpar_id: int) -> PartitionFacts | None:
        """None where no such partition is defined."""
        ...

    def create(self, definition: Definition, fence: Fence) -> None:
        """Define the partition, or define it anew while it is off. One that runs takes another name, nothing else."""
        ...

    def change_luns(self, definition: Definition, dropped: tuple[LunReference, ...], fence: Fence) -> None:
        """Give a partition the LUNs of the definition while it is off or runs; all or nothing.

        One that runs owns new LUNs at once, and keeps its first one, to which it writes (`first-lun-in-use`). Those
        of `dropped` are free then, where their owner word says this partition on this system; one that can't be read
        keeps its word. Refused while a state stream has the partition.
        """
        ...

    def change_drives(self, definition: Definition, fence: Fence, *, force: bool) -> None:
        """Give a partition the optical drives of the definition, and what is loaded, while it is off or runs.

        `force`: although its system has locked the drive; else HypervisorError `drive-locked`. Called again it goes
        on with what was left. Refused while a state stream has the partition.
        """
        ...

    def create_incoming(self, definition: Definition, fence: Fence) -> None:
        """Define the partition and let it wait for a state stream of `fence.migration_id`."""
        ...

    def remove(self, lpar_id: int, fence: Fence) -> None:
        """Forget the partition; its memory must have been given up (`discard`) or never held."""
        ...

    def activate(self, lpar_id: int, fence: Fence) -> None: ...

    def shut_down(self, lpar_id: int, kind: ShutdownKind, fence: Fence, *, restart: bool = False) -> None: ...

    def resume(self, lpar_id: int, fence: Fence) -> None:
        """Run a suspended, completed or loaded partition; reads the owner words first. Refused while incoming."""
        ...

    def discard(self, lpar_id: int, fence: Fence) -> None:
        """End a partition's run at once and give up its memory image (QEMU: quit). The definition stays."""
        ...

    def set_workload(self, lpar_id: int, bytes_per_s: int, fence: Fence) -> None: ...

    def reset_heartbeat_gap(self, lpar_id: int) -> None: ...

    def prepare_for_migration(self, lpar_id: int, timeout_s: float) -> None:
        """Ask the operating system over RMC whether it is ready; raises where it refuses or does not answer.

        Changes nothing, so Validate asks as well.
        """
        ...

    def reference_codes(self, lpar_id: int, count: int) -> list[ReferenceCode]: ...

    def open_state_out(self, lpar_id: int, fence: Fence, *, may_throttle: bool = False) -> socket:
        """VASI at the source: state bytes to read, return-path bytes to write. The first pass begins at once.

        `may_throttle`: `throttle` may be ordered later. It can't be decided while the stream is open.
        """
        ...

    def open_state_in(self, lpar_id: int, fence: Fence) -> socket:
        """VASI at the destination: state bytes to write, return-path bytes to read."""
        ...

    def wait_transfer(self, lpar_id: int, after_sequence: int, timeout_s: float) -> TransferStatus:
        """The stream's counters, as soon as `sequence` is past `after_sequence`, or after the time-out."""
        ...

    def continue_transfer(self, lpar_id: int, step: NextStep, fence: Fence, suspend_at_bytes: int = 0) -> None:
        """Answers PASS_END. With `suspend_at_bytes` a next pass is followed by the suspension, without another
        PASS_END, as soon as no more than that is left: so no time goes by in which the partition writes again. Who
        orders PASS when that has just happened is not refused, and sees it by the phase.
        """
        ...

    def throttle(self, lpar_id: int, percent: int, fence: Fence) -> None:
        """Slow a partition down whose state is being sent, by 0 to 99 percent, so that it writes less memory.

        It ends with the stream, whichever way that ends, since it belongs to the stream alone. Raises HypervisorError
        `throttle-without-stream`, or `throttle-not-prepared` where the stream was not opened for it.
        """
        ...

    def cancel_transfer(self, lpar_id: int, fence: Fence) -> None:
        """End the stream and run on. Harmless when there is none; refused once completed."""
        ...

    def digest(self, lpar_id: int, migration_id: str) -> Digest | None:
        """The digest taken at the suspension, once it has been computed; None before."""
        ...

    def owner_words(self, lpar_id: int) -> tuple[OwnerWord, ...]:
        """Of the partition's LUNs, in the order of its definition."""
        ...

    def look_at_luns(self, luns: tuple[LunReference, ...]) -> tuple[LunFacts, ...]:
        """Whether this server can read each of these LUNs, and its owner word; in the same order.

        They need not belong to a partition that is defined here: Validate asks for those that would come.
        """
        ...

    def list_luns(self) -> LunList:
        """What there is where LUNs may be. Raises HypervisorError `luns-stand-still` while an earlier look hangs."""
        ...

    def init_lun(self, path: str, *, force: bool = False) -> FoundLun:
        """Write an identity, at the end of a file or over the last block of a device: the LUN is free then.

        Raises HypervisorError with nothing written: `lun-elsewhere`, `lun-unfit`, `lun-busy`, `lun-not-empty`
        (which `force` overrules), `lun-taken`.
        """
        ...

    def mark_luns(self, lpar_id: int, fence: Fence) -> None:
        """Write the migration's id to the partition's LUNs, beside the owner words.

        Whoever reads it there sees this LUN, and not a copy with the same identity that was made before.
        """
        ...

    def change_owner_words(self, lpar_id: int, expected: OwnerWord, new: OwnerWord, fence: Fence) -> None:
        """Compare-and-set on every LUN of the partition; a LUN that already says `new` is left alone.

        Raises HypervisorError `owner-word-mismatch` where one says anything else; those changed before stay, and
        calling again completes them.
        """
        ...

    def create_volume(self, name: str, unique_id: str, size_mb: int) -> str:
        """Make the image file of a virtual disk, a free LUN; its path. Called again it answers the same.

        Raises HypervisorError where it can't be made, or where there is no room (`volume-folder-full`).
        """
        ...

    def remove_volume(self, unique_id: str, path: str) -> None:
        """Remove that file; raises HypervisorError `virtual-disk-in-use` while a partition's definition has it."""
        ...

    def open_console(self, lpar_id: int) -> socket:
        """VT: raw bytes both ways. First what the console showed last, then what happens from then on.

        Any run state will do, Not Activated too: it is silent until the partition is activated. Nothing durable
        changes, so there is no fence. The socket blocks without a time-out; closing it frees the place.

        1. One terminal at a time; raises HypervisorError `terminal-connected` while there is one.
        2. The hypervisor never waits for the reader: who reads too slowly misses the oldest output.
        3. It closes the connection when the run is given up (`discard`; so the source does after a move) and when
           the partition is removed, not at a shutdown. After a move the console has to be opened at the destination.
        """
        ...

    def close_console(self, lpar_id: int) -> bool:
        """End the terminal that is connected, whoever has it; false where there is none."""
        ...
