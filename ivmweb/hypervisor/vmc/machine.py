"""What every hypervisor process does the same way: its partitions, its fences, and the VMC commands.

The methods that `COMMANDS` and `STREAMS` name are called with values already checked against their annotations.
"""

import threading
import uuid
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from socket import socket
from typing import ClassVar, Generic, Protocol, TypeVar

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor import lun, lun_making
from ivmweb.hypervisor.base import (
    BootFrom,
    Capacity,
    Definition,
    Digest,
    DriveReference,
    Fence,
    FoundLun,
    LunFacts,
    LunList,
    LunReference,
    NextStep,
    OwnerWord,
    PartitionFacts,
    ReferenceCode,
    RunState,
    ShutdownKind,
    SystemFacts,
    TransferStatus,
)
from ivmweb.hypervisor.vmc import owners, volumes
from ivmweb.hypervisor.vmc.definitions import check_definition, same_definition
from ivmweb.hypervisor.vmc.discovery import Discovery, Places, look_at
from ivmweb.hypervisor.vmc.store import Store

MAX_LPAR_ID = 254
MAX_MIGRATION_ID = 64
MAX_WAIT_S = 600.0
MOST_SLOWED = 99  # percent; a partition that stands still would be suspended

# States in which the run or the image belongs to a migration's stream.
STREAM_STATES = frozenset(
    {RunState.SUSPENDED, RunState.COMPLETED, RunState.INCOMING, RunState.LOADED, RunState.FAILED_INCOMING}
)


@dataclass(frozen=True)
class Options:
    system: str  # type-model*serial
    state_dir: Path
    memory_mb: int = 8192
    processing_units: float = 4.0
    lun_places: Places = field(default_factory=Places)
    disk_dir: Path | None = None  # of virtual disks; None: in the state folder


class PartitionConsole(Protocol):
    def open(self, connection: socket, greet: Callable[[], None]) -> bool:
        """False where a terminal is connected already. `greet` answers the caller, before the first byte."""
        ...

    def close(self, reason: str) -> bool:
        """False where no terminal is connected."""
        ...


class HostedPartition(Protocol):
    """One partition, as the machine sees it. The machine has checked fence and memory before it commands.

    What `base.Hypervisor` says of each command holds here too. `greet` answers the caller of a stream, just before
    the first byte of it.
    """

    definition: Definition

    @property
    def name(self) -> str: ...
    @property
    def uuid(self) -> str: ...
    @property
    def run_state(self) -> RunState: ...
    @property
    def holds_memory(self) -> bool: ...
    @property
    def console(self) -> PartitionConsole: ...

    def refusal_of(self, key: str, **params: object) -> HypervisorError: ...
    def facts(self) -> PartitionFacts: ...
    def reference_codes(self, count: int) -> list[ReferenceCode]: ...
    def activate(self) -> None: ...
    def change_luns(self, luns: tuple[LunReference, ...]) -> None: ...
    def change_drives(self, drives: tuple[DriveReference, ...], *, force: bool) -> None: ...
    def shut_down(self, kind: ShutdownKind, *, restart: bool = False) -> None: ...
    def resume(self) -> None: ...
    def discard(self) -> None: ...
    def set_workload(self, bytes_per_s: int) -> None: ...
    def reset_heartbeat_gap(self) -> None: ...
    def prepare_for_migration(self, timeout_s: float) -> None: ...
    def become_incoming(self, definition: Definition, migration_id: str) -> None: ...
    def open_state_out(
        self, connection: socket, migration_id: str, greet: Callable[[], None], *, may_throttle: bool
    ) -> None: ...
    def open_state_in(self, connection: socket, migration_id: str, greet: Callable[[], None]) -> None: ...
    def wait_transfer(self, after_sequence: int, timeout_s: float) -> TransferStatus: ...
    def continue_transfer(self, step: NextStep, suspend_at_bytes: int) -> None: ...
    def throttle(self, percent: int) -> None: ...
    def cancel_transfer(self) -> None: ...
    def stop(self) -> None:
        """The hypervisor process ends."""
        ...


P = TypeVar("P", bound=HostedPartition)


class Machine(ABC, Generic[P]):
    COMMANDS: ClassVar[tuple[str, ...]] = (
        *("describe_system", "describe", "create", "create_incoming", "remove", "change_luns", "change_drives"),
        "bridge",
        *("activate", "shut_down", "resume", "discard", "set_workload"),
        *("reset_heartbeat_gap", "prepare_for_migration", "reference_codes"),
        *("wait_transfer", "continue_transfer", "throttle", "cancel_transfer", "digest"),
        *("owner_words", "look_at_luns", "list_luns", "init_lun", "mark_luns", "change_owner_words"),
        "close_console",
        *("create_volume", "remove_volume"),
    )
    STREAMS: ClassVar[tuple[str, ...]] = ("open_state_out", "open_state_in", "open_console")

    def __init__(self, options: Options) -> None:
        self._options = options
        self._store = Store(options.state_dir)
        self._lock = threading.Lock()  # of the dictionaries and the kept files
        self._volumes = threading.Lock()
        self._command_locks: defaultdict[int, threading.RLock] = defaultdict(threading.RLock)
        self._partitions: dict[int, P] = {}
        self._discovery = Discovery(options.lun_places)

    def load(self) -> None:
        """The partitions that are defined; called once, before the first command."""
        self._partitions = {d.lpar_id: self.make_partition(d) for d in self._store.definitions()}

    @property
    def system(self) -> str:
        return self._options.system

    @abstractmethod
    def make_partition(self, definition: Definition) -> P: ...

    @property
    @abstractmethod
    def version(self) -> str:
        """Of hypervisor and state stream; equal on both sides of a move."""
        ...

    @property
    def bridged_vlans(self) -> tuple[int, ...] | None:
        """None: there is no network."""
        return None

    def bridge(self, vlan_ids: tuple[int, ...]) -> None:
        raise refused("bridge", "this hypervisor has no network")

    @property
    def hashes_pages(self) -> bool:
        return False

    @property
    @abstractmethod
    def page_bytes(self) -> int: ...

    @property
    def memory_block_mb(self) -> int:
        return 1

    @property
    def boots_from(self) -> tuple[BootFrom, ...]:
        return (BootFrom.DEFAULT,)

    def stop(self) -> None:
        for partition in self._all():
            partition.stop()

    @property
    def is_silent(self) -> bool:
        """No new request is answered."""
        return False

    # Facts.

    def describe_system(self) -> SystemFacts:
        capacity = Capacity(
            memory_mb=self._options.memory_mb,
            processing_units=self._options.processing_units,
            memory_page_bytes=self.page_bytes,
            version=self.version,
            memory_block_mb=self.memory_block_mb,
            boots_from=self.boots_from,
            hashes_pages=self.hashes_pages,
        )
        partitions = tuple(p.facts() for p in self._all())
        return SystemFacts(capacity, self._store.incarnation, partitions, self.bridged_vlans)

    def describe(self, lpar_id: int) -> PartitionFacts | None:
        partition = self._partitions.get(lpar_id)
        return partition.facts() if partition else None

    def reference_codes(self, lpar_id: int, count: int) -> list[ReferenceCode]:
        return self.get(lpar_id).reference_codes(count)

    def digest(self, lpar_id: int, migration_id: str) -> Digest | None:
        """None: pages are not hashed."""
        return None

    def owner_words(self, lpar_id: int) -> tuple[OwnerWord, ...]:
        return owners.read_words(self.get(lpar_id).definition)

    def look_at_luns(self, luns: tuple[LunReference, ...]) -> tuple[LunFacts, ...]:
        return tuple(owners.look(reference) for reference in luns)

    def list_luns(self, after: str) -> LunList:
        return self._discovery.listing(after)

    def init_lun(self, path: str, force: bool) -> FoundLun:
        """Under the name by which it is found."""
        candidate = self._discovery.find(path)
        lun_making.make_identity(candidate.path, f"IVM{uuid.uuid4().hex.upper()}", force=force)
        return look_at(candidate)

    def wait_transfer(self, lpar_id: int, after_sequence: int, timeout_s: float) -> TransferStatus:
        return self.get(lpar_id).wait_transfer(after_sequence, min(timeout_s, MAX_WAIT_S))

    # Definitions.

    def create(self, definition: Definition, fence: Fence) -> None:
        check_definition(definition)
        with self._fenced(definition.lpar_id, fence):
            present = self._partitions.get(definition.lpar_id)
            if present and present.run_state is not RunState.NOT_ACTIVATED:
                renamed = replace(present.definition, name=definition.name)
                if not same_definition(renamed, definition) or present.run_state in STREAM_STATES:
                    raise _exists(present)
                definition = renamed
            self._define(definition)

    def change_luns(self, definition: Definition, dropped: tuple[LunReference, ...], fence: Fence) -> None:
        check_definition(definition)
        with self._fenced(definition.lpar_id, fence):
            if present := self._defined_or_activated(definition):
                self._discovery.check_single(set(definition.luns) - set(present.definition.luns))
                present.change_luns(definition.luns)
                with self._lock:
                    self._save_definitions()
            # Not before the definition without them is on the disk: it must not have LUNs that are somebody else's.
            kept = {reference.unique_id for reference in definition.luns}
            freed = [reference for reference in dropped if reference.unique_id not in kept]
            owners.give_up(freed, definition.uuid, self._options.system)

    def change_drives(self, definition: Definition, force: bool, fence: Fence) -> None:
        check_definition(definition)
        with self._fenced(definition.lpar_id, fence):
            if present := self._defined_or_activated(definition):
                present.change_drives(definition.drives, force=force)
                with self._lock:
                    self._save_definitions()

    def _defined_or_activated(self, definition: Definition) -> P | None:
        """The partition, where it is activated and has to change itself; one that is off has the definition then."""
        present = self._partitions.get(definition.lpar_id)
        if present is None or present.run_state is RunState.NOT_ACTIVATED:
            self._define(definition)
            return None
        if present.uuid != definition.uuid:
            raise _exists(present)
        return present

    def create_incoming(self, definition: Definition, fence: Fence) -> None:
        check_definition(definition)
        if not fence.migration_id:
            raise refused("create_incoming", "there is no migration id")
        with self._fenced(definition.lpar_id, fence):
            present = self._partitions.get(definition.lpar_id)
            if present and _waits_for(present, definition, fence.migration_id):
                return
            if present and present.run_state is not RunState.NOT_ACTIVATED:
                raise _exists(present)
            self._discovery.check_single(definition.luns)
            with self._memory_reserved_for(definition):
                self._define(definition).become_incoming(definition, fence.migration_id)

    def _define(self, definition: Definition) -> P:
        """The partition with that definition, kept on the disk; another one's place is not taken."""
        with self._lock:
            present = self._partitions.get(definition.lpar_id)
            if present and present.uuid != definition.uuid:
                raise _exists(present)
            partition = present or self.make_partition(definition)
            partition.definition = definition
            self._partitions[definition.lpar_id] = partition
            self._save_definitions()
            return partition

    def remove(self, lpar_id: int, fence: Fence) -> None:
        with self._fenced(lpar_id, fence):
            partition = self._partitions.get(lpar_id)
            if partition is None:
                return
            if partition.run_state is not RunState.NOT_ACTIVATED:
                state = partition.run_state.value
                raise HypervisorError("partition-holds-memory", name=partition.name, lpar_id=lpar_id, run_state=state)
            with self._lock:
                del self._partitions[lpar_id]
                self._save_definitions()
            partition.console.close("the partition was removed")

    def _save_definitions(self) -> None:
        self._store.save_definitions([p.definition for p in self._partitions.values()])

    # Virtual disks.

    def create_volume(self, name: str, unique_id: str, size_mb: int) -> str:
        with self._volumes:  # two that are made at once must not both count on the same room
            return volumes.make(self._disk_dir, name, unique_id, size_mb)

    def remove_volume(self, unique_id: str, path: str) -> None:
        with self._lock:  # no definition comes to have it meanwhile
            for partition in self._partitions.values():
                if any(reference.unique_id == unique_id for reference in partition.definition.luns):
                    raise partition.refusal_of("virtual-disk-in-use", unique_id=unique_id)
            volumes.remove(self._disk_dir, unique_id, Path(path))

    @property
    def _disk_dir(self) -> Path:
        return (self._options.disk_dir or self._options.state_dir / "disks").absolute()

    # Life cycle.

    def activate(self, lpar_id: int, fence: Fence) -> None:
        with self._commanded(lpar_id, fence) as partition:
            if partition.run_state is RunState.NOT_ACTIVATED:  # one that runs already has what it has
                self._discovery.check_single(partition.definition.luns)
            with self._memory_reserved_for(partition.definition):
                partition.activate()

    def shut_down(self, lpar_id: int, kind: ShutdownKind, fence: Fence, restart: bool) -> None:
        with self._commanded(lpar_id, fence) as partition:
            partition.shut_down(kind, restart=restart)

    def resume(self, lpar_id: int, fence: Fence) -> None:
        with self._commanded(lpar_id, fence) as partition:
            partition.resume()

    def discard(self, lpar_id: int, fence: Fence) -> None:
        with self._fenced(lpar_id, fence):
            partition = self._partitions.get(lpar_id)
            if partition:
                _check_migration(partition, fence)
                partition.discard()

    def set_workload(self, lpar_id: int, bytes_per_s: int, fence: Fence) -> None:
        with self._commanded(lpar_id, fence) as partition:
            check_definition(replace(partition.definition, workload_bytes_per_s=bytes_per_s))
            partition.set_workload(bytes_per_s)
            with self._lock:
                self._save_definitions()

    def reset_heartbeat_gap(self, lpar_id: int) -> None:
        self.get(lpar_id).reset_heartbeat_gap()

    def prepare_for_migration(self, lpar_id: int, timeout_s: float) -> None:
        self.get(lpar_id).prepare_for_migration(max(0.0, min(timeout_s, MAX_WAIT_S)))

    # Hand-over.

    def continue_transfer(self, lpar_id: int, step: NextStep, fence: Fence, suspend_at_bytes: int) -> None:
        if suspend_at_bytes < 0:
            raise refused("continue_transfer", f"{suspend_at_bytes} bytes can't be left")
        with self._commanded(lpar_id, fence) as partition:
            _check_stream(partition, fence)
            partition.continue_transfer(step, suspend_at_bytes)

    def throttle(self, lpar_id: int, percent: int, fence: Fence) -> None:
        if not 0 <= percent <= MOST_SLOWED:
            raise refused("throttle", f"{percent} percent is not between 0 and {MOST_SLOWED}")
        with self._commanded(lpar_id, fence) as partition:
            _check_stream(partition, fence)
            partition.throttle(percent)

    def cancel_transfer(self, lpar_id: int, fence: Fence) -> None:
        with self._commanded(lpar_id, fence) as partition:
            _check_stream(partition, fence)
            partition.cancel_transfer()

    def change_owner_words(self, lpar_id: int, expected: OwnerWord, new: OwnerWord, fence: Fence) -> None:
        if any(len(text) > lun.MAX_TEXT for text in (new.partition_uuid, new.system, new.migration_id)):
            raise refused("change_owner_words", f"a text of the new word has over {lun.MAX_TEXT} characters")
        with self._commanded(lpar_id, fence) as partition:
            owners.change(partition.definition, expected, new)

    def mark_luns(self, lpar_id: int, fence: Fence) -> None:
        if not fence.migration_id:
            raise refused("mark_luns", "there is no migration id")
        with self._commanded(lpar_id, fence) as partition:
            owners.mark(partition.definition, fence.migration_id)

    def open_state_out(
        self, connection: socket, lpar_id: int, fence: Fence, may_throttle: bool, greet: Callable[[], None]
    ) -> None:
        if not fence.migration_id:
            raise refused("open_state_out", "there is no migration id")
        with self._commanded(lpar_id, fence) as partition:
            partition.open_state_out(connection, fence.migration_id, greet, may_throttle=may_throttle)

    def open_state_in(self, connection: socket, lpar_id: int, fence: Fence, greet: Callable[[], None]) -> None:
        with self._commanded(lpar_id, fence) as partition:
            _check_stream(partition, fence)
            partition.open_state_in(connection, fence.migration_id, greet)

    # Console.

    def open_console(self, connection: socket, lpar_id: int, greet: Callable[[], None]) -> None:
        partition = self.get(lpar_id)
        if not partition.console.open(connection, greet):
            raise partition.refusal_of("terminal-connected")
        if self._partitions.get(lpar_id) is not partition:  # removed meanwhile, maybe before the console was open
            partition.console.close("the partition was removed")

    def close_console(self, lpar_id: int) -> bool:
        return self.get(lpar_id).console.close("somebody else ended this terminal")

    # Helpers.

    def _all(self) -> list[P]:
        with self._lock:
            return [self._partitions[lpar_id] for lpar_id in sorted(self._partitions)]

    def get(self, lpar_id: int) -> P:
        """Raises HypervisorError `unknown-partition`."""
        partition = self._partitions.get(lpar_id)
        if partition is None:
            raise HypervisorError("unknown-partition", lpar_id=lpar_id)
        return partition

    @contextmanager
    def _fenced(self, lpar_id: int, fence: Fence) -> Iterator[None]:
        """Refuse an older epoch; while the command runs no newer one can begin."""
        if not 1 <= lpar_id <= MAX_LPAR_ID:
            raise refused("the command", f"partition ID {lpar_id} is not between 1 and {MAX_LPAR_ID}")
        if fence.epoch < 0 or len(fence.migration_id) > MAX_MIGRATION_ID:
            raise refused(
                "the command", f"its epoch is negative or its migration id over {MAX_MIGRATION_ID} characters"
            )
        with self._command_lock(lpar_id):
            newest = self._store.epochs.get(lpar_id, 0)
            if fence.epoch < newest:
                raise HypervisorError("stale-epoch", lpar_id=lpar_id, epoch=fence.epoch, newest=newest)
            if fence.epoch > newest:
                with self._lock:
                    self._store.save_epoch(lpar_id, fence.epoch)
            yield

    def _command_lock(self, lpar_id: int) -> threading.RLock:
        with self._lock:
            return self._command_locks[lpar_id]

    @contextmanager
    def _commanded(self, lpar_id: int, fence: Fence) -> Iterator[P]:
        with self._fenced(lpar_id, fence):
            partition = self.get(lpar_id)
            _check_migration(partition, fence)
            yield partition

    @contextmanager
    def _memory_reserved_for(self, definition: Definition) -> Iterator[None]:
        """Refuse what does not fit beside the others; nobody else takes the memory meanwhile."""
        self._check_blocks(definition)
        with _reservations:
            others = [p for p in self._all() if p.holds_memory and p.definition.lpar_id != definition.lpar_id]
            free_mb = self._options.memory_mb - sum(p.definition.memory_mb for p in others)
            if definition.memory_mb > free_mb:
                raise HypervisorError(
                    "hypervisor-memory",
                    name=definition.name,
                    lpar_id=definition.lpar_id,
                    memory_mb=definition.memory_mb,
                    free_mb=free_mb,
                    capacity_mb=self._options.memory_mb,
                )
            yield

    def _check_blocks(self, definition: Definition) -> None:
        if definition.memory_mb % self.memory_block_mb:
            raise HypervisorError(
                "memory-not-in-blocks",
                name=definition.name,
                lpar_id=definition.lpar_id,
                memory_mb=definition.memory_mb,
                block_mb=self.memory_block_mb,
            )


_reservations = threading.Lock()


def _waits_for(partition: HostedPartition, definition: Definition, migration_id: str) -> bool:
    facts = partition.facts()
    asked = (facts.run_state, facts.migration_id) == (RunState.INCOMING, migration_id)
    return asked and same_definition(partition.definition, definition)


def _check_migration(partition: HostedPartition, fence: Fence) -> None:
    """While a run or image belongs to one migration's stream, commands of another one are refused."""
    if fence.migration_id and partition.run_state in STREAM_STATES:
        _check_stream(partition, fence)


def _check_stream(partition: HostedPartition, fence: Fence) -> None:
    current = partition.facts().migration_id
    if fence.migration_id and current and current != fence.migration_id:
        raise HypervisorError(
            "other-migration",
            name=partition.name,
            lpar_id=partition.definition.lpar_id,
            current=current,
            migration_id=fence.migration_id,
        )


def _exists(partition: HostedPartition) -> HypervisorError:
    state = partition.run_state.value
    return HypervisorError(
        "partition-exists", lpar_id=partition.definition.lpar_id, name=partition.name, run_state=state
    )


def refused(command: str, reason: str) -> HypervisorError:
    return HypervisorError("hypervisor-refused", command=command, reason=reason)
