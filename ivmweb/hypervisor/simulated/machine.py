"""The simulated hypervisor itself: its partitions, its fences, and the VMC commands.

The methods that `VMC_COMMANDS` names are called with values already checked against their annotations.
"""

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from socket import socket

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor import lun
from ivmweb.hypervisor.base import (
    Capacity,
    Definition,
    Digest,
    Fence,
    LunFacts,
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
from ivmweb.hypervisor.simulated import owners
from ivmweb.hypervisor.simulated.definitions import check_definition, same_definition
from ivmweb.hypervisor.simulated.faults import Faults
from ivmweb.hypervisor.simulated.memory import PAGE_BYTES
from ivmweb.hypervisor.simulated.partition import STREAM_STATES, Partition, Surroundings
from ivmweb.hypervisor.simulated.store import Store

VERSION = "simulated 1"
MAX_LPAR_ID = 254
MAX_MIGRATION_ID = 64
MAX_UPTIME_S = 100 * 366 * 86400.0
MAX_WAIT_S = 600.0
KEPT_DIGESTS = 8


@dataclass(frozen=True)
class Options:
    system: str  # type-model*serial
    state_dir: Path
    memory_mb: int = 8192
    processing_units: float = 4.0
    boot_step_s: float = 0.08


class Machine:
    def __init__(self, options: Options) -> None:
        self._options = options
        self._store = Store(options.state_dir)
        self._lock = threading.Lock()  # of the dictionaries and the kept files
        self._command_locks: defaultdict[int, threading.RLock] = defaultdict(threading.RLock)
        self._digests: defaultdict[int, OrderedDict[str, Digest]] = defaultdict(OrderedDict)
        faults = Faults(self._store.faults_path)
        self._around = Surroundings(options.system, options.boot_step_s, faults, self._keep_digest)
        self._partitions = {d.lpar_id: Partition(d, self._around) for d in self._store.definitions()}

    def stop(self) -> None:
        for partition in self._all():
            partition.stop()

    @property
    def is_silent(self) -> bool:
        return self._around.faults.now().silent

    # Facts.

    def describe_system(self) -> SystemFacts:
        version = self._around.faults.now().version or VERSION
        capacity = Capacity(self._options.memory_mb, self._options.processing_units, PAGE_BYTES, version)
        return SystemFacts(capacity, self._store.incarnation, tuple(p.facts() for p in self._all()))

    def describe(self, lpar_id: int) -> PartitionFacts | None:
        partition = self._partitions.get(lpar_id)
        return partition.facts() if partition else None

    def reference_codes(self, lpar_id: int, count: int) -> list[ReferenceCode]:
        return self._get(lpar_id).reference_codes(count)

    def digest(self, lpar_id: int, migration_id: str) -> Digest | None:
        with self._lock:
            return self._digests[lpar_id].get(migration_id) if lpar_id in self._digests else None

    def owner_words(self, lpar_id: int) -> tuple[OwnerWord, ...]:
        return owners.read_words(self._get(lpar_id).definition)

    def look_at_luns(self, luns: tuple[LunReference, ...]) -> tuple[LunFacts, ...]:
        return tuple(owners.look(reference) for reference in luns)

    def wait_transfer(self, lpar_id: int, after_sequence: int, timeout_s: float) -> TransferStatus:
        return self._get(lpar_id).wait_transfer(after_sequence, min(timeout_s, MAX_WAIT_S))

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
            present = self._partitions.get(definition.lpar_id)
            if present is None or present.run_state is RunState.NOT_ACTIVATED:
                self._define(definition)
            elif present.uuid != definition.uuid:
                raise _exists(present)
            else:
                present.change_luns(definition.luns)
                with self._lock:
                    self._save_definitions()
            # Not before the definition without them is on the disk: it must not have LUNs that are somebody else's.
            kept = {reference.unique_id for reference in definition.luns}
            freed = [reference for reference in dropped if reference.unique_id not in kept]
            owners.give_up(freed, definition.uuid, self._options.system)

    def create_incoming(self, definition: Definition, fence: Fence) -> None:
        check_definition(definition)
        if not fence.migration_id:
            raise _refused("create_incoming", "there is no migration id")
        with self._fenced(definition.lpar_id, fence):
            present = self._partitions.get(definition.lpar_id)
            if present and _waits_for(present, definition, fence.migration_id):
                return
            if present and present.run_state is not RunState.NOT_ACTIVATED:
                raise _exists(present)
            with self._memory_reserved_for(definition):
                self._define(definition).become_incoming(definition, fence.migration_id)

    def _define(self, definition: Definition) -> Partition:
        """The partition with that definition, kept on the disk; another one's place is not taken."""
        with self._lock:
            present = self._partitions.get(definition.lpar_id)
            if present and present.uuid != definition.uuid:
                raise _exists(present)
            partition = present or Partition(definition, self._around)
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

    # Life cycle.

    def activate(self, lpar_id: int, fence: Fence) -> None:
        with (
            self._commanded(lpar_id, fence) as partition,
            self._memory_reserved_for(partition.definition),
        ):
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
        self._get(lpar_id).reset_heartbeat_gap()

    def prepare_for_migration(self, lpar_id: int, timeout_s: float) -> None:
        self._get(lpar_id).prepare_for_migration(max(0.0, min(timeout_s, MAX_WAIT_S)))

    def set_uptime(self, lpar_id: int, uptime_s: float) -> None:
        if not 0 <= uptime_s <= MAX_UPTIME_S:
            raise _refused("set_uptime", f"{uptime_s} s are not between 0 and {MAX_UPTIME_S:.0f}")
        self._get(lpar_id).set_uptime(uptime_s)

    def shut_down_from_inside(self, lpar_id: int, restart: bool) -> None:
        self._get(lpar_id).shut_down_from_inside(restart=restart)

    # Hand-over.

    def continue_transfer(self, lpar_id: int, step: NextStep, fence: Fence) -> None:
        with self._commanded(lpar_id, fence) as partition:
            _check_stream(partition, fence)
            partition.continue_transfer(step)

    def cancel_transfer(self, lpar_id: int, fence: Fence) -> None:
        with self._commanded(lpar_id, fence) as partition:
            _check_stream(partition, fence)
            partition.cancel_transfer()

    def change_owner_words(self, lpar_id: int, expected: OwnerWord, new: OwnerWord, fence: Fence) -> None:
        if any(len(text) > lun.MAX_TEXT for text in (new.partition_uuid, new.system, new.migration_id)):
            raise _refused("change_owner_words", f"a text of the new word has over {lun.MAX_TEXT} characters")
        with self._commanded(lpar_id, fence) as partition:
            owners.change(partition.definition, expected, new)

    def open_state_out(self, connection: socket, lpar_id: int, fence: Fence, greet: Callable[[], None]) -> None:
        if not fence.migration_id:
            raise _refused("open_state_out", "there is no migration id")
        with self._commanded(lpar_id, fence) as partition:
            partition.open_state_out(connection, fence.migration_id, greet)

    def open_state_in(self, connection: socket, lpar_id: int, fence: Fence, greet: Callable[[], None]) -> None:
        with self._commanded(lpar_id, fence) as partition:
            _check_stream(partition, fence)
            partition.open_state_in(connection, fence.migration_id, greet)

    # Console.

    def open_console(self, connection: socket, lpar_id: int, greet: Callable[[], None]) -> None:
        partition = self._get(lpar_id)
        if not partition.console.open(connection, greet):
            raise partition.refusal_of("terminal-connected")
        if self._partitions.get(lpar_id) is not partition:  # removed meanwhile, maybe before the console was open
            partition.console.close("the partition was removed")

    def close_console(self, lpar_id: int) -> bool:
        return self._get(lpar_id).console.close("somebody else ended this terminal")

    # Helpers.

    def _all(self) -> list[Partition]:
        with self._lock:
            return [self._partitions[lpar_id] for lpar_id in sorted(self._partitions)]

    def _get(self, lpar_id: int) -> Partition:
        partition = self._partitions.get(lpar_id)
        if partition is None:
            raise HypervisorError("unknown-partition", lpar_id=lpar_id)
        return partition

    @contextmanager
    def _fenced(self, lpar_id: int, fence: Fence) -> Iterator[None]:
        """Refuse an older epoch; while the command runs no newer one can begin."""
        if not 1 <= lpar_id <= MAX_LPAR_ID:
            raise _refused("the command", f"partition ID {lpar_id} is not between 1 and {MAX_LPAR_ID}")
        if fence.epoch < 0 or len(fence.migration_id) > MAX_MIGRATION_ID:
            raise _refused(
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
    def _commanded(self, lpar_id: int, fence: Fence) -> Iterator[Partition]:
        with self._fenced(lpar_id, fence):
            partition = self._get(lpar_id)
            _check_migration(partition, fence)
            yield partition

    @contextmanager
    def _memory_reserved_for(self, definition: Definition) -> Iterator[None]:
        """Refuse what does not fit beside the others; nobody else takes the memory meanwhile."""
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

    def _keep_digest(self, lpar_id: int, digest: Digest) -> None:
        with self._lock:
            kept = self._digests[lpar_id]
            kept[digest.migration_id] = digest
            while len(kept) > KEPT_DIGESTS:
                kept.popitem(last=False)


_reservations = threading.Lock()


def _waits_for(partition: Partition, definition: Definition, migration_id: str) -> bool:
    facts = partition.facts()
    asked = (facts.run_state, facts.migration_id) == (RunState.INCOMING, migration_id)
    return asked and same_definition(partition.definition, definition)


def _check_migration(partition: Partition, fence: Fence) -> None:
    """While a run or image belongs to one migration's stream, commands of another one are refused."""
    if fence.migration_id and partition.run_state in STREAM_STATES:
        _check_stream(partition, fence)


def _check_stream(partition: Partition, fence: Fence) -> None:
    current = partition.facts().migration_id
    if fence.migration_id and current and current != fence.migration_id:
        raise HypervisorError(
            "other-migration",
            name=partition.name,
            lpar_id=partition.definition.lpar_id,
            current=current,
            migration_id=fence.migration_id,
        )


def _exists(partition: Partition) -> HypervisorError:
    state = partition.run_state.value
    return HypervisorError(
        "partition-exists", lpar_id=partition.definition.lpar_id, name=partition.name, run_state=state
    )


def _refused(command: str, reason: str) -> HypervisorError:
    return HypervisorError("hypervisor-refused", command=command, reason=reason)
