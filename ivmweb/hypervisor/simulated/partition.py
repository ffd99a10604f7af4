"""One simulated partition: its run state, its life cycle, and what its state streams do to it."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from socket import socket

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import (
    Definition,
    Digest,
    DriveReference,
    LunReference,
    NextStep,
    PartitionFacts,
    Phase,
    ReferenceCode,
    RunState,
    ShutdownKind,
    TransferStatus,
)
from ivmweb.hypervisor.simulated import codes
from ivmweb.hypervisor.simulated.console import Console
from ivmweb.hypervisor.simulated.digest import compute_in_background
from ivmweb.hypervisor.simulated.faults import Faults
from ivmweb.hypervisor.simulated.memory import Memory
from ivmweb.hypervisor.simulated.records import RecordLog
from ivmweb.hypervisor.simulated.state_in import StateIn
from ivmweb.hypervisor.simulated.state_out import StateOut
from ivmweb.hypervisor.simulated.workload import Workload
from ivmweb.hypervisor.vmc import owners
from ivmweb.hypervisor.vmc.codec import Malformed
from ivmweb.hypervisor.vmc.machine import STREAM_STATES
from ivmweb.hypervisor.vmc.panel import ENDED, Panel

logger = logging.getLogger(__name__)

SWITCH_LOOK_S = 0.1
_BOOTED = frozenset({RunState.RUNNING, RunState.SHUTTING_DOWN, RunState.SUSPENDED})
_PAUSED = frozenset({RunState.SUSPENDED, RunState.COMPLETED, RunState.LOADED})


@dataclass(frozen=True)
class Surroundings:
    """What a partition has of its hypervisor."""

    system: str
    boot_step_s: float
    faults: Faults
    keep_digest: Callable[[int, Digest], None]


class Partition:
    """`changed` guards everything; it is never held while a stream sends or receives, or a boot step waits."""

    def __init__(self, definition: Definition, surroundings: Surroundings) -> None:
        self.definition = definition
        self.run_state = RunState.NOT_ACTIVATED
        self.changed = threading.Condition(threading.RLock())
        self.transfer: StateOut | StateIn | None = None
        self._around = surroundings
        self._memory: Memory | None = None
        self._workload: Workload | None = None
        self.console = Console(self)
        self._panel = Panel(self.console.show_code)
        self._boot_time = 0.0
        self._next_uptime_s = 0.0  # lab: the next boot pretends to be this old
        self._run = threading.Event()  # set when the run that it belongs to has ended; one for each run
        self._migration_id = ""
        self._sequence = 0
        self._last_status = TransferStatus(Phase.NONE)  # for as long as there is no `transfer`

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def uuid(self) -> str:
        return self.definition.uuid

    @property
    def faults(self) -> Faults:
        return self._around.faults

    @property
    def memory(self) -> Memory:
        if self._memory is None:
            raise RuntimeError(f"partition {self.name} holds no memory")
        return self._memory

    @property
    def workload(self) -> Workload:
        if self._workload is None:
            raise RuntimeError(f"partition {self.name} does not run")
        return self._workload

    @property
    def holds_memory(self) -> bool:
        return self._memory is not None

    @property
    def is_paused(self) -> bool:
        return self.run_state in _PAUSED

    def refusal(self, command: str, needed: str) -> HypervisorError:
        return HypervisorError(
            "wrong-run-state",
            name=self.name,
            lpar_id=self.definition.lpar_id,
            run_state=self.run_state.value,
            command=command,
            needed=needed,
        )

    def refusal_of(self, key: str, **params: object) -> HypervisorError:
        return HypervisorError(key, name=self.name, lpar_id=self.definition.lpar_id, **params)

    # Facts.

    def facts(self) -> PartitionFacts:
        with self.changed:
            readable = self.run_state in _BOOTED | _PAUSED and self._workload
            counters = readable.counters() if readable else None
            booted = self.run_state in _BOOTED and self._workload is not None
            return PartitionFacts(
                lpar_id=self.definition.lpar_id,
                uuid=self.uuid,
                name=self.name,
                run_state=self.run_state,
                memory_mb=self.definition.memory_mb,
                uptime_s=max(0.0, time.time() - self._boot_time) if booted else None,
                utilized_units=self._utilized_units() if booted else None,
                reference_code=self._panel.code,
                migration_id=self._migration_id,
                heartbeat=counters.heartbeat if counters else None,
                longest_gap_ms=round(counters.longest_gap_ms, 1) if counters else None,
                last_record=counters.last_record if counters else None,
                slowed_percent=self.transfer.slowed_percent if self.transfer else 0,
            )

    def _utilized_units(self) -> float:
        rate = self.workload.written_bytes_per_s if self.run_state is RunState.RUNNING else 0
        return codes.utilized_units(self.definition.processing_units, rate)

    def reference_codes(self, count: int) -> list[ReferenceCode]:
        """The newest first."""
        with self.changed:
            return self._panel.newest(count)

    # Life cycle. The hypervisor has checked fence and memory.

    def activate(self) -> None:
        with self.changed:
            if self.run_state in (RunState.STARTING, RunState.RUNNING):
                return
            self._refuse_if_not_loaded()
            if self.run_state is not RunState.NOT_ACTIVATED:
                raise self.refusal("activate", RunState.NOT_ACTIVATED.value)
            if self.faults.now().refuse_activate:
                raise self.refusal_of("activate-refused", reason="fault switch refuse_activate")
            owners.claim(self.definition, self._around.system)
            self._begin_boot()

    def change_luns(self, luns: tuple[LunReference, ...]) -> None:
        """Of one that runs; its system writes to the first one."""
        with self.changed:
            if self.run_state is not RunState.RUNNING or (self.transfer and not self.transfer.is_over):
                raise self.refusal("a change of LUNs", f"{RunState.RUNNING.value}, and not in a migration")
            first = self.definition.luns[:1]
            if first and first != luns[:1]:
                raise self.refusal_of("first-lun-in-use", unique_id=first[0].unique_id)
            changed = replace(self.definition, luns=luns)
            owners.claim(changed, self._around.system)
            self.definition = changed

    def change_drives(self, drives: tuple[DriveReference, ...], *, force: bool) -> None:
        """Of one that runs. Its system reads no media and locks no drive."""
        with self.changed:
            if self.run_state is not RunState.RUNNING or (self.transfer and not self.transfer.is_over):
                raise self.refusal("a change of drives", f"{RunState.RUNNING.value}, and not in a migration")
            self.definition = replace(self.definition, drives=drives)

    def _refuse_if_not_loaded(self) -> None:
        if self.run_state in (RunState.INCOMING, RunState.FAILED_INCOMING):
            raise self.refusal_of("not-loaded", run_state=self.run_state.value)

    def _begin_boot(self) -> None:
        self._memory = Memory(self.definition.memory_mb)
        self._migration_id = ""
        self._panel.show(codes.BOOT[0])
        self._in_a_new_run(RunState.STARTING, self._boot, name="boot")

    def _in_a_new_run(self, state: RunState, work: Callable[[threading.Event], None], name: str) -> None:
        """Enter `state` and do `work` in a thread, which gives up once the run it was given has ended."""
        self._run.set()
        self._run = threading.Event()
        self._enter(state)
        threading.Thread(target=work, args=(self._run,), name=name, daemon=True).start()

    def _enter(self, state: RunState) -> None:
        if state is not self.run_state:
            logger.info("partition %s: %s -> %s", self.name, self.run_state.value, state.value)
        self.run_state = state
        self.changed.notify_all()

    def _show_all(self, sequence: tuple[str, ...], run: threading.Event) -> bool:
        """One code after the other; false where the run ended meanwhile."""
        for code in sequence:
            with self.changed:
                if run.is_set():
                    return False
                self._panel.show(code)
            if run.wait(self._around.boot_step_s):
                return False
        return True

    def _may_start(self, run: threading.Event) -> bool:
        """Waits while the switch says so; false where the run ended meanwhile."""
        while self.faults.now().stay_starting:
            if run.wait(SWITCH_LOOK_S):
                return False
        return not run.is_set()

    def _boot(self, run: threading.Event) -> None:
        with self.changed:
            if run.is_set():
                return
            memory = self.memory
        memory.fill()
        try:
            workload = self._make_workload(memory)
            workload.boot()
        except (OSError, HypervisorError) as exc:
            return self._fail_boot(run, exc)
        if not self._show_all(codes.BOOT, run) or not self._may_start(run):
            return workload.close()
        with self.changed:
            if run.is_set():
                return workload.close()
            self._workload = workload
            self._boot_time, self._next_uptime_s = time.time() - self._next_uptime_s, 0.0
            self.console.boot()
            self._run_on()

    def _fail_boot(self, run: threading.Event, exc: Exception) -> None:
        logger.error("partition %s does not boot: %s", self.name, exc)
        with self.changed:
            if not run.is_set():
                self._panel.show(codes.BOOT_FAILED)
                self._enter(RunState.ERROR)

    def _make_workload(self, memory: Memory) -> Workload:
        luns = self.definition.luns
        record_log = RecordLog(Path(luns[0].path)) if luns else None
        return Workload(memory, self.definition, self._around.system, record_log)

    def _run_on(self) -> None:
        self.workload.start()
        self._panel.show(codes.RUNNING)
        self._enter(RunState.RUNNING)
        self.console.run_on()

    def shut_down(self, kind: ShutdownKind, *, restart: bool = False) -> None:
        with self.changed:
            if self.run_state is RunState.NOT_ACTIVATED:
                return
            if self.run_state is RunState.SHUTTING_DOWN and kind is not ShutdownKind.IMMEDIATE:
                return
            self._refuse_shut_down(kind)
            self._begin_shut_down(kind, restart=restart)

    def _refuse_shut_down(self, kind: ShutdownKind) -> None:
        if kind is ShutdownKind.OS:
            if self.run_state is not RunState.RUNNING:
                raise self.refusal(kind.value, RunState.RUNNING.value)
            self._ask_over_rmc(0)
        elif self.run_state in STREAM_STATES:
            raise self.refusal(kind.value, RunState.RUNNING.value)

    def shut_down_from_inside(self, *, restart: bool) -> None:
        """The operating system shuts itself down, whoever watches."""
        with self.changed:
            if self.run_state is not RunState.RUNNING:
                raise self.refusal("shut down from inside", RunState.RUNNING.value)
            self._begin_shut_down(ShutdownKind.DELAYED, restart=restart)

    def _begin_shut_down(self, kind: ShutdownKind, *, restart: bool) -> None:
        self._end_stream("the partition is shutting down")
        sequence = codes.IMMEDIATE_SHUTDOWN if kind is ShutdownKind.IMMEDIATE else codes.SHUTDOWN
        work = lambda run: self._shut_down(run, sequence, restart=restart)  # noqa: E731
        self._in_a_new_run(RunState.SHUTTING_DOWN, work, name="shutdown")

    def _shut_down(self, run: threading.Event, sequence: tuple[str, ...], *, restart: bool) -> None:
        if workload := self._workload:
            workload.stop()
        if not self._show_all(sequence, run):
            return
        with self.changed:
            if run.is_set():
                return
            self._give_up_memory()
            if restart:
                self._begin_boot()

    def discard(self) -> None:
        with self.changed:
            had_run = self.run_state is not RunState.NOT_ACTIVATED
            self._end_stream("the partition's run was discarded", Phase.CANCELLED)
            self._run.set()
            self._give_up_memory()
            self._migration_id = ""
            self._last_status = TransferStatus(Phase.NONE, sequence=self.next_sequence())
            if had_run:
                self.console.close("the partition's run here has ended")

    def _give_up_memory(self) -> None:
        if self._workload:
            self._workload.close()
        if self.transfer:
            self._last_status = self.transfer.status()
        self._workload = self._memory = self.transfer = None  # all that refers to the pages
        self.console.end_run()
        self._panel.show(ENDED)
        self._enter(RunState.NOT_ACTIVATED)

    def resume(self) -> None:
        with self.changed:
            if self.run_state is RunState.RUNNING:
                return
            self._refuse_if_not_loaded()
            if self.run_state not in (RunState.COMPLETED, RunState.LOADED):
                raise self.refusal("resume", "completed or loaded")
            owners.claim(self.definition, self._around.system)
            self._run_on()

    def stop(self) -> None:
        """The hypervisor ends: nothing is written any more, and no stream is left half open."""
        with self.changed:
            self._end_stream("the hypervisor ends", Phase.CANCELLED)
            self._run.set()
            if self._workload:
                self._workload.close()
            self.console.close("the hypervisor ends")

    # Small commands.

    def set_workload(self, bytes_per_s: int) -> None:
        with self.changed:
            self.definition = replace(self.definition, workload_bytes_per_s=bytes_per_s)
            if self._workload:
                self._workload.bytes_per_s = bytes_per_s

    def set_uptime(self, uptime_s: float) -> None:
        with self.changed:
            if self.run_state in _BOOTED:
                self._boot_time = time.time() - uptime_s
            else:
                self._next_uptime_s = uptime_s

    def reset_heartbeat_gap(self) -> None:
        with self.changed:
            if self.run_state is not RunState.RUNNING:
                raise self.refusal("reset of the heartbeat gap", RunState.RUNNING.value)
            self.workload.reset_gap()

    def prepare_for_migration(self, timeout_s: float) -> None:
        with self.changed:
            if self.run_state is not RunState.RUNNING:
                raise self.refusal("prepare for migration", RunState.RUNNING.value)
        self._ask_over_rmc(timeout_s)
        if self.faults.now().not_ready_for_migration:
            raise self.refusal_of("rmc-refused", reason="it is not ready for a migration")

    def _ask_over_rmc(self, timeout_s: float) -> None:
        rmc = self.faults.now().rmc
        if rmc == "silent":
            time.sleep(timeout_s)
            raise self.refusal_of("rmc-silent", timeout_s=timeout_s)
        if rmc == "refuse":
            raise self.refusal_of("rmc-refused", reason="a script of its own said no")

    # State streams.

    def become_incoming(self, definition: Definition, migration_id: str) -> None:
        with self.changed:
            self.definition = definition
            self._memory = Memory(definition.memory_mb)
            self._migration_id = migration_id
            self.transfer = StateIn(self, migration_id)
            self._panel.show(codes.INCOMING[0])
            self._enter(RunState.INCOMING)

    def open_state_out(
        self, connection: socket, migration_id: str, greet: Callable[[], None], *, may_throttle: bool
    ) -> None:
        """`greet` answers the caller, just before the first byte of the stream."""
        with self.changed:
            if self.run_state is not RunState.RUNNING:
                raise self.refusal("a state stream", RunState.RUNNING.value)
            if self.transfer and not self.transfer.is_over:
                raise self.refusal_of("transfer-open", current=self.transfer.migration_id)
            greet()
            self._migration_id = migration_id
            stream = StateOut(self, connection, migration_id, may_throttle=may_throttle)
            self.transfer = stream
            stream.start()
            self.changed.notify_all()

    def open_state_in(self, connection: socket, migration_id: str, greet: Callable[[], None]) -> None:
        with self.changed:
            stream = self.transfer
            if self.run_state is not RunState.INCOMING or not isinstance(stream, StateIn):
                raise self.refusal("a state stream", RunState.INCOMING.value)
            if stream.is_connected:
                raise self.refusal_of("transfer-open", current=stream.migration_id)
            greet()
            stream.start(connection)

    def transfer_status(self) -> TransferStatus:
        with self.changed:
            return self.transfer.status() if self.transfer else self._last_status

    def wait_transfer(self, after_sequence: int, timeout_s: float) -> TransferStatus:
        with self.changed:
            self.changed.wait_for(lambda: self.transfer_status().sequence != after_sequence, timeout_s)
            return self.transfer_status()

    def continue_transfer(self, step: NextStep, suspend_at_bytes: int) -> None:
        with self.changed:
            stream = self.transfer
            if not isinstance(stream, StateOut) or not stream.continue_with(step, suspend_at_bytes):
                phase = stream.phase if stream else Phase.NONE
                raise self.refusal_of("transfer-not-waiting", phase=phase.value, step=step.value)

    def throttle(self, percent: int) -> None:
        with self.changed:
            stream = self.transfer
            if not isinstance(stream, StateOut) or stream.is_over:
                raise self.refusal_of("throttle-without-stream", percent=percent)
            if not stream.may_throttle:
                raise self.refusal_of("throttle-not-prepared", percent=percent)
            stream.throttle(percent)

    def cancel_transfer(self) -> None:
        with self.changed:
            if self.run_state in (RunState.COMPLETED, RunState.LOADED):
                raise self.refusal_of("transfer-completed")
            self._end_stream("cancelled", Phase.CANCELLED)

    def _end_stream(self, reason: str, phase: Phase = Phase.FAILED) -> None:
        if self.transfer:
            self.transfer.end(phase, reason)

    # What the streams call, with `changed` held.

    def next_sequence(self) -> int:
        self._sequence += 1
        return self._sequence

    def suspend_for_stream(self) -> bool:
        if self.run_state is not RunState.RUNNING:
            return False
        self._enter(RunState.SUSPENDED)
        return True

    def resume_after_stream(self) -> None:
        if self.run_state is RunState.SUSPENDED:
            self._enter(RunState.RUNNING)
            self.console.run_on()
        if self.run_state is RunState.RUNNING and self.workload.is_stopped:
            self.workload.start()

    def device_state(self) -> dict[str, object]:
        return {"boot_time": self._boot_time, "name": self.name}

    def complete_stream(self, migration_id: str) -> None:
        self._enter(RunState.COMPLETED)
        self._start_digest(migration_id)

    def check_device_state(self, device: dict[str, object]) -> float:
        boot_time = device.get("boot_time")
        if set(device) != {"boot_time", "name"} or type(boot_time) is not float or not 0 < boot_time < 2**40:
            raise Malformed("the processors' state is not understood")
        return boot_time

    def show_progress(self, received_pages: int) -> None:
        with self.changed:
            if self.run_state is RunState.INCOMING:
                self._panel.show(codes.incoming_code(received_pages, self.memory.pages))

    def load_stream(self, migration_id: str, boot_time: float) -> None:
        """Raises OSError or HypervisorError where the first LUN can't be opened; nothing has changed then."""
        self._workload = self._make_workload(self.memory)
        self._boot_time = boot_time
        self._panel.show(codes.LOADED)
        self._enter(RunState.LOADED)
        self._start_digest(migration_id)

    def fail_stream(self) -> None:
        self._enter(RunState.FAILED_INCOMING)

    def _start_digest(self, migration_id: str) -> None:
        """In the background, with the memory in hand, so that a discard does not lose the digest."""
        memory, lpar_id = self.memory, self.definition.lpar_id
        digest = memory.start_digest()

        def keep(sha256: str) -> None:
            memory.end_digest(digest)
            self._around.keep_digest(lpar_id, Digest(migration_id, memory.pages, sha256))

        compute_in_background(digest, keep)
