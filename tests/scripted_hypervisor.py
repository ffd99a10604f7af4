"""A hypervisor in memory that does what a test tells it: `base.Hypervisor` without the bytes of state streams."""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import (
    BootFrom,
    Capacity,
    Definition,
    Digest,
    Fence,
    FoundLun,
    GuestKind,
    LunFacts,
    LunList,
    LunReference,
    OwnerState,
    OwnerWord,
    PartitionFacts,
    Phase,
    ReferenceCode,
    RunState,
    ShutdownKind,
    SystemFacts,
    TransferStatus,
)
from ivmweb.lab import data
from ivmweb.lab.records import partition_uuid

BOOTED = "Linux ppc64"
FREE = OwnerWord()
PAUSED = frozenset({RunState.COMPLETED, RunState.LOADED})


@dataclass
class Run:
    definition: Definition
    run_state: RunState = RunState.NOT_ACTIVATED
    uptime_s: float | None = None
    codes: list[ReferenceCode] = field(default_factory=list)
    words: list[OwnerWord] = field(default_factory=list)
    migration_id: str = ""
    phase: Phase = Phase.NONE
    longest_gap_ms: float | None = None


def first_owners() -> dict[str, OwnerWord]:
    """By unique id, as the lab's set-up leaves the SAN."""
    return {
        data.unique_id(number): OwnerWord(str(partition_uuid(partition, data.ULI13)), data.ULI13.identity)
        for partition in data.ULI13.partitions
        for number in partition.hdisks
    }


class ScriptedHypervisor:
    def __init__(self, system: str = data.ULI13.identity) -> None:
        self.system = system  # for the owner words of LUNs
        self.digests: dict[tuple[int, str], Digest] = {}
        self.runs: dict[int, Run] = {}
        self.bridged_vlans: tuple[int, ...] | None = None  # it has no network
        self.epochs: dict[int, int] = {}
        self.calls: list[tuple[str, int]] = []  # commands that were carried out
        self.refusals: dict[str, HypervisorError] = {}  # by command
        self.before: dict[str, Callable[[], object]] = {}  # what a rival does just before a call is answered
        self.is_reachable = True
        self.hashes_pages = True
        self.memory_block_mb = 1
        self.boots_from = (BootFrom.DEFAULT,)
        self.volumes: dict[str, str] = {}  # paths of virtual disks by unique id
        self.guests: GuestKind | None = None
        self.consoles: dict[int, socket.socket] = {}  # the hypervisor's end of each terminal that is connected
        self.san = first_owners()  # what a system sees that has not defined the partition
        self.found = LunList()  # what it finds where LUNs may be; nobody has said where
        self._clock = time.time()

    # What a test says

    def boot(self, lpar_id: int, uptime_s: float = 1.0) -> None:
        self.enter(lpar_id, RunState.RUNNING, BOOTED)
        self.runs[lpar_id].uptime_s = uptime_s

    def enter(self, lpar_id: int, state: RunState, code: str = "") -> None:
        run = self.runs[lpar_id]
        run.run_state, run.uptime_s = state, None
        if code:
            self._clock += 1
            run.codes.append(ReferenceCode(code, self._clock))

    def open_stream(self, lpar_id: int, migration_id: object) -> None:
        """A state stream is under way; the partition runs."""
        self.runs[lpar_id].migration_id, self.runs[lpar_id].phase = str(migration_id), Phase.ACTIVE

    def park(self, lpar_id: int, migration_id: object) -> None:
        """The source's hypervisor has sent everything and keeps the image."""
        self.enter(lpar_id, RunState.COMPLETED)
        self.runs[lpar_id].migration_id, self.runs[lpar_id].phase = str(migration_id), Phase.COMPLETED

    def load(self, lpar_id: int) -> None:
        """The destination's hypervisor has the whole image."""
        self.enter(lpar_id, RunState.LOADED)
        self.runs[lpar_id].phase = Phase.LOADED

    def finish_digest(self, lpar_id: int, migration_id: object, sha256: str) -> None:
        self.digests[lpar_id, str(migration_id)] = Digest(str(migration_id), 1, sha256)

    def refuse(self, command: str, key: str = "hypervisor-refused", **params: object) -> None:
        params = params or {"command": command, "reason": "the test says so"}
        self.refusals[command] = HypervisorError(key, **params)

    def crash(self) -> None:
        """Comes back with every partition Not Activated."""
        for lpar_id in self.runs:
            self.enter(lpar_id, RunState.NOT_ACTIVATED)

    # base.Hypervisor

    def describe_system(self) -> SystemFacts:
        self._answer("describe_system")
        facts = tuple(self._facts(run) for run in self.runs.values())
        capacity = Capacity(
            8192, 4.0, 4096, "scripted 1", self.memory_block_mb, self.boots_from, self.hashes_pages, self.guests
        )
        return SystemFacts(capacity, "an incarnation", facts, self.bridged_vlans)

    def bridge(self, vlan_ids: tuple[int, ...]) -> None:
        self._answer("bridge")
        self.bridged_vlans = vlan_ids

    def describe(self, lpar_id: int) -> PartitionFacts | None:
        self._answer("describe")
        run = self.runs.get(lpar_id)
        return self._facts(run) if run else None

    def create(self, definition: Definition, fence: Fence) -> None:
        self._command("create", definition.lpar_id, fence)
        run = self.runs.get(definition.lpar_id)
        if run is None:
            words = [OwnerWord() for _ in definition.luns]
            self.runs[definition.lpar_id] = Run(definition, words=words)
        elif run.run_state is RunState.NOT_ACTIVATED or replace(run.definition, name=definition.name) == definition:
            run.definition = definition
        else:
            self._refuse_state("partition-exists", definition.lpar_id)

    def change_luns(self, definition: Definition, dropped: tuple[LunReference, ...], fence: Fence) -> None:
        """All owner words of a partition that runs are its own afterwards, as those of `dropped` are free."""
        self._command("change_luns", definition.lpar_id, fence)
        run = self.runs.setdefault(definition.lpar_id, Run(definition))
        if run.run_state not in (RunState.NOT_ACTIVATED, RunState.RUNNING):
            self._refuse_state("wrong-run-state", definition.lpar_id, command="change_luns", needed="running")
        running = run.run_state is RunState.RUNNING
        run.definition = replace(run.definition, luns=definition.luns) if running else definition
        run.words = [FREE for _ in definition.luns]
        owned = OwnerWord(definition.uuid, self.system)
        for lun in definition.luns if running else ():
            self.san[lun.unique_id] = owned
        for lun in dropped:
            if self.san.get(lun.unique_id) == owned:
                self.san[lun.unique_id] = FREE

    def change_drives(self, definition: Definition, fence: Fence, *, force: bool) -> None:
        self._command("change_drives force" if force else "change_drives", definition.lpar_id, fence)
        run = self.runs.setdefault(definition.lpar_id, Run(definition))
        if run.run_state not in (RunState.NOT_ACTIVATED, RunState.RUNNING):
            self._refuse_state("wrong-run-state", definition.lpar_id, command="change_drives", needed="running")
        running = run.run_state is RunState.RUNNING
        run.definition = replace(run.definition, drives=definition.drives) if running else definition

    def create_incoming(self, definition: Definition, fence: Fence) -> None:
        self._command("create_incoming", definition.lpar_id, fence)
        run = self.runs.setdefault(definition.lpar_id, Run(definition, words=[OwnerWord() for _ in definition.luns]))
        if run.run_state not in (RunState.NOT_ACTIVATED, RunState.INCOMING):
            self._refuse_state("partition-exists", definition.lpar_id)
        run.migration_id = fence.migration_id
        self.enter(definition.lpar_id, RunState.INCOMING)

    def remove(self, lpar_id: int, fence: Fence) -> None:
        self._command("remove", lpar_id, fence)
        run = self.runs.get(lpar_id)
        if run is not None and run.run_state is not RunState.NOT_ACTIVATED:
            self._refuse_state("partition-holds-memory", lpar_id)
        self.runs.pop(lpar_id, None)

    def activate(self, lpar_id: int, fence: Fence) -> None:
        self._command("activate", lpar_id, fence, RunState.NOT_ACTIVATED)
        self.enter(lpar_id, RunState.STARTING, "C2001000")

    def shut_down(self, lpar_id: int, kind: ShutdownKind, fence: Fence, *, restart: bool = False) -> None:
        self._command(f"shut_down {kind.value}{' restart' if restart else ''}", lpar_id, fence)
        self.enter(lpar_id, RunState.SHUTTING_DOWN, "D20080FF")

    def resume(self, lpar_id: int, fence: Fence) -> None:
        self._command("resume", lpar_id, fence)
        run = self.runs[lpar_id]
        if run.run_state is RunState.RUNNING:
            return
        if run.run_state not in PAUSED:
            self._refuse_state("wrong-run-state", lpar_id, command="resume", needed="completed or loaded")
        for word in run.words:
            if not word.is_free and (word.system, word.state) != (self.system, OwnerState.OWNED):
                raise HypervisorError(
                    "owner-word-refused", name=run.definition.name, unique_id="", owner=str(word), system=self.system
                )
        self.boot(lpar_id)

    def discard(self, lpar_id: int, fence: Fence) -> None:
        self._command("discard", lpar_id, fence)
        if lpar_id in self.runs:
            self.enter(lpar_id, RunState.NOT_ACTIVATED)

    def cancel_transfer(self, lpar_id: int, fence: Fence) -> None:
        self._command("cancel_transfer", lpar_id, fence)
        run = self.runs[lpar_id]
        if run.run_state is RunState.COMPLETED:
            self._refuse_state("wrong-run-state", lpar_id, command="cancel_transfer", needed="not completed")
        if run.run_state is RunState.SUSPENDED:
            self.boot(lpar_id)
        run.phase = Phase.CANCELLED

    def wait_transfer(self, lpar_id: int, after_sequence: int, timeout_s: float) -> TransferStatus:
        self._answer("wait_transfer")
        run = self.runs[lpar_id]
        return TransferStatus(run.phase, run.migration_id)

    def prepare_for_migration(self, lpar_id: int, timeout_s: float) -> None:
        self._answer("prepare_for_migration")
        self.calls.append(("prepare_for_migration", lpar_id))

    def digest(self, lpar_id: int, migration_id: str) -> Digest | None:
        self._answer("digest")
        return self.digests.get((lpar_id, migration_id))

    def reset_heartbeat_gap(self, lpar_id: int) -> None:
        self._answer("reset_heartbeat_gap")
        self.runs[lpar_id].longest_gap_ms = 0.0

    def set_workload(self, lpar_id: int, bytes_per_s: int, fence: Fence) -> None:
        self._command("set_workload", lpar_id, fence)
        run = self.runs[lpar_id]
        run.definition = replace(run.definition, workload_bytes_per_s=bytes_per_s)

    def reference_codes(self, lpar_id: int, count: int) -> list[ReferenceCode]:
        self._answer("reference_codes")
        return self.runs[lpar_id].codes[-count:]

    def owner_words(self, lpar_id: int) -> tuple[OwnerWord, ...]:
        self._answer("owner_words")
        return tuple(self.runs[lpar_id].words)

    def look_at_luns(self, luns: tuple[LunReference, ...]) -> tuple[LunFacts, ...]:
        self._answer("look_at_luns")
        return tuple(LunFacts(lun.unique_id, self.san.get(lun.unique_id, FREE)) for lun in luns)

    def list_luns(self) -> LunList:
        self._answer("list_luns")
        return self.found

    def init_lun(self, path: str, *, force: bool = False) -> FoundLun:
        self._answer("init_lun")
        self.calls.append((f"init_lun {path}{' force' if force else ''}", 0))
        made = FoundLun(path, f"IVM{len(self.found.luns)}", 2**30, FREE)
        self.found = replace(self.found, luns=(*self.found.luns, made), has_places=True)
        return made

    def mark_luns(self, lpar_id: int, fence: Fence) -> None:
        self._command("mark_luns", lpar_id, fence)

    def change_owner_words(self, lpar_id: int, expected: OwnerWord, new: OwnerWord, fence: Fence) -> None:
        self._command("change_owner_words", lpar_id, fence)
        run = self.runs[lpar_id]
        for index, word in enumerate(run.words):
            if word not in (expected, new):
                raise HypervisorError("owner-word-mismatch", unique_id=str(index), found=str(word), expected="")
            run.words[index] = new

    def create_volume(self, name: str, unique_id: str, size_mb: int) -> str:
        self._answer("create_volume")
        path = f"/disks/{name}.{unique_id}"
        self.volumes[unique_id] = path
        return path

    def remove_volume(self, unique_id: str, path: str) -> None:
        self._answer("remove_volume")
        for run in self.runs.values():
            if unique_id in [lun.unique_id for lun in run.definition.luns]:
                self._refuse_state("virtual-disk-in-use", run.definition.lpar_id, unique_id=unique_id)
        self.volumes.pop(unique_id, None)

    def open_console(self, lpar_id: int) -> socket.socket:
        self._answer("open_console")
        if lpar_id not in self.runs:
            raise HypervisorError("unknown-partition", lpar_id=lpar_id)
        if lpar_id in self.consoles:
            raise HypervisorError("terminal-connected", name=self.runs[lpar_id].definition.name, lpar_id=lpar_id)
        ours, self.consoles[lpar_id] = socket.socketpair()
        return ours

    def close_console(self, lpar_id: int) -> bool:
        self._answer("close_console")
        if lpar_id not in self.runs:
            raise HypervisorError("unknown-partition", lpar_id=lpar_id)
        connection = self.consoles.pop(lpar_id, None)
        if connection is None:
            return False
        connection.sendall(b"The console is closed: the test says so.\r\n")
        connection.close()
        return True

    def _facts(self, run: Run) -> PartitionFacts:
        return PartitionFacts(
            lpar_id=run.definition.lpar_id,
            uuid=run.definition.uuid,
            name=run.definition.name,
            run_state=run.run_state,
            memory_mb=run.definition.memory_mb,
            uptime_s=run.uptime_s,
            utilized_units=0.03 if run.run_state is RunState.RUNNING else None,
            reference_code=run.codes[-1].code if run.codes else "",
            migration_id=run.migration_id,
            longest_gap_ms=run.longest_gap_ms,
        )

    def _command(self, name: str, lpar_id: int, fence: Fence, needed: RunState | None = None) -> None:
        self._answer(name)
        newest = self.epochs.get(lpar_id, 0)
        if fence.epoch < newest:
            raise HypervisorError("stale-epoch", lpar_id=lpar_id, epoch=fence.epoch, newest=newest)
        self.epochs[lpar_id] = fence.epoch
        if needed and self.runs[lpar_id].run_state is not needed:
            self._refuse_state("wrong-run-state", lpar_id, command=name, needed=needed.value)
        self.calls.append((name, lpar_id))

    def _answer(self, name: str) -> None:
        if rival := self.before.pop(name, None):
            rival()
        if not self.is_reachable:
            raise HypervisorError(
                "hypervisor-unreachable", host="uli13", socket="scripted", reason="the test says so"
            )
        if name in self.refusals:
            raise self.refusals[name]

    def _refuse_state(self, key: str, lpar_id: int, **params: object) -> None:
        run = self.runs[lpar_id]
        raise HypervisorError(key, lpar_id=lpar_id, name=run.definition.name, run_state=run.run_state.value, **params)
