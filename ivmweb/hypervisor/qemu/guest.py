"""One partition as a QEMU process: its life cycle, and what its state streams do to it.

Run state, phase and counters are never guessed from what was ordered: a thread asks QEMU, at each of its events and
at intervals, and `facts.py` says what the answers mean. So a hypervisor process that starts anew knows as much.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from socket import socket
from typing import Any

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor import lun
from ivmweb.hypervisor.base import (
    Definition,
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
from ivmweb.hypervisor.qemu import drives as optical
from ivmweb.hypervisor.qemu import process, throttle
from ivmweb.hypervisor.qemu.agent import Agent, AgentRefused, AgentSilent, counts_in
from ivmweb.hypervisor.qemu.command_line import (
    Disk,
    Kind,
    Model,
    Places,
    boot_problem,
    command_line,
    disks_of,
    monitor_argument,
)
from ivmweb.hypervisor.qemu.console import BOOTED, NOTHING_TO_BOOT, GuestConsole
from ivmweb.hypervisor.qemu.facts import Answers, answers_of, has_stream_out, run_state_of
from ivmweb.hypervisor.qemu.faults import holds_switchover
from ivmweb.hypervisor.qemu.qmp import Event, Monitor, QmpClosed, QmpError
from ivmweb.hypervisor.qemu.record import Run, RunFile, make_empty
from ivmweb.hypervisor.qemu.stream import CAPABILITIES, HOLD, NOW, Stream, go_on, incoming_arguments
from ivmweb.hypervisor.qemu.switch.ports import GuestPorts
from ivmweb.hypervisor.vmc import owners
from ivmweb.hypervisor.vmc.machine import STREAM_STATES
from ivmweb.hypervisor.vmc.panel import ENDED, Panel

logger = logging.getLogger(__name__)

START_S = 15.0
LOOK_S = 1.0  # between two questions to QEMU, where it says nothing of itself
STREAM_LOOK_S = 0.1
ANSWER_S = 2.0
STUCK_S = 20.0  # in *device* without an answer: then the stream is broken, and the guest runs on
QUIT_S = 5.0
CANCEL_S = 1.0  # in *device* its main loop may hang in the stream
AGENT_S = 1.0
AGENT_EVERY_S = 1.0
FIRST_READINGS = 3  # of the guest's clock, after it has come: one that is late would hide its suspension
UNPLUG_S = 2.0
BOOT_SIGN_S = 60.0  # a guest that shows nothing for so long is taken to run
TAKES_MEDIA = frozenset({RunState.RUNNING, RunState.STARTING, RunState.OPEN_FIRMWARE})
STARTED, RECEIVING, ARRIVED = "C20081FF", "C20012FF", "C20082FF"
CRASHED = "BA000000"
# Not *completed*: its address may be at the destination by now. Where it is taken back, it is announced anew.
ON_THE_NETWORK = frozenset({RunState.STARTING, RunState.RUNNING, RunState.SHUTTING_DOWN, RunState.SUSPENDED})


@dataclass(frozen=True)
class Host:
    """What a guest has of its server."""

    system: str
    model: Model
    version: str  # of the hypervisor, as Validate compares it
    run_dir: Path  # sockets; short
    state_dir: Path
    keeps_failed_incoming: bool  # `exit-on-error` is known
    ends_guests: bool  # when the hypervisor process is told to end


class Guest:
    """`changed` guards what is kept here; it is never held while QEMU is asked."""

    def __init__(self, definition: Definition, host: Host, commands: threading.RLock) -> None:
        """`commands`: held by each command to this partition; a restart, which comes by itself, is one as well."""
        self.definition = definition
        self.changed = threading.Condition(threading.RLock())
        self.console = GuestConsole(self._show)
        self._host = host
        self._places = Places(host.run_dir / f"q{definition.lpar_id}")
        folder = host.state_dir / "guests" / str(definition.lpar_id)
        self._file, self._log = RunFile(folder), folder / "qemu.log"
        self._ports = GuestPorts(host.run_dir, definition.lpar_id)
        self._panel = Panel(lambda code: None)
        self._run: Run | None = None
        self._monitor: Monitor | None = None
        self._rescue: Monitor | None = None
        self._agent = Agent(self._places.agent)
        self._said: dict[str, int] = {}  # by the agent, last
        self._answers = Answers(run="")
        self._stream: Stream | None = None
        self._last_status = TransferStatus(Phase.NONE)
        self._sequence = 0
        self._wake = threading.Event()
        self._ask_agent_now = threading.Event()
        self._shutting_down = False
        self._restarts = False  # at the end of its process
        self._is_restarting = False  # its process has ended, and the next one does not answer yet
        self._commands = commands
        self._units = 0.0
        self._is_silent = False  # found again, but its monitor does not answer yet
        self._find_again()

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def uuid(self) -> str:
        return self.definition.uuid

    @property
    def run_state(self) -> RunState:
        with self.changed:
            run = self._run
            if self._is_restarting and self._monitor is None:
                return RunState.SHUTTING_DOWN
            if run is None:
                return RunState.NOT_ACTIVATED
            if self._monitor is None:
                return self._state_unheard(run)
            state = run_state_of(self._answers, is_booted=run.is_booted)
            if state is RunState.STARTING and self._panel.code == NOTHING_TO_BOOT:
                state = RunState.OPEN_FIRMWARE
            ending = self._shutting_down and state in (RunState.RUNNING, RunState.STARTING, RunState.OPEN_FIRMWARE)
            return RunState.SHUTTING_DOWN if ending else state

    def _state_unheard(self, run: Run) -> RunState:
        if self._is_silent:
            return RunState.ERROR
        return RunState.FAILED_INCOMING if run.is_incoming else RunState.NOT_ACTIVATED

    @property
    def is_silent(self) -> bool:
        """Its process is there and does not answer: nobody can say what it does."""
        return self._is_silent

    @property
    def holds_memory(self) -> bool:
        return self._monitor is not None or self._is_silent or self._is_restarting

    def refusal(self, command: str, needed: str) -> HypervisorError:
        return self.refusal_of("wrong-run-state", run_state=self.run_state.value, command=command, needed=needed)

    def refusal_of(self, key: str, **params: object) -> HypervisorError:
        return HypervisorError(key, name=self.name, lpar_id=self.definition.lpar_id, **params)

    # Facts.

    def facts(self) -> PartitionFacts:
        with self.changed:
            state, run = self.run_state, self._run
            runs = run is not None and state in (RunState.RUNNING, RunState.SHUTTING_DOWN, RunState.SUSPENDED)
            said = self._said if self.holds_memory else {}
            since = time.time() - run.booted_at if run is not None and runs else None
            return PartitionFacts(
                lpar_id=self.definition.lpar_id,
                uuid=self.uuid,
                name=self.name,
                run_state=state,
                memory_mb=self.definition.memory_mb,
                uptime_s=float(said["uptime"]) if runs and "uptime" in said else since,
                utilized_units=round(self._units, 2) if runs else None,
                reference_code=self._panel.code,
                migration_id=run.migration_id if run is not None else "",
                heartbeat=said.get("heartbeat"),
                longest_gap_ms=said["longest-gap-us"] / 1000 if "longest-gap-us" in said else None,
                last_record=said.get("record"),
                pages_checked=said.get("rewritten"),
                page_errors=said.get("page-errors"),
                slowed_percent=self._answers.slowed_percent if runs else 0,
            )

    def reference_codes(self, count: int) -> list[ReferenceCode]:
        with self.changed:
            return self._panel.newest(count)

    def _show(self, code: str) -> None:
        """A sign on the console."""
        with self.changed:
            if code != BOOTED and self._run is not None and self._run.is_booted:
                return  # its system may print what it likes
            self._panel.show(code)
            if code == BOOTED:
                self._note_booted()
            self.changed.notify_all()

    def _note_booted(self) -> None:
        if self._run is not None and not self._run.is_booted:
            self._note(replace(self._run, is_booted=True))

    def _keep(self, run: Run) -> None:
        """Raises HypervisorError `record-not-kept`; then nothing has changed."""
        try:
            self._file.write(run)
        except OSError as exc:
            reason = exc.strerror or str(exc)
            raise self.refusal_of("record-not-kept", file=str(self._file.path), reason=reason) from exc
        self._run = run

    def _note(self, run: Run) -> None:
        """As `_keep`, for what has happened already: it counts, whether or not there is room on the disk."""
        try:
            self._keep(run)
        except HypervisorError as exc:
            logger.error("%s", exc)
            self._run = run

    # Life cycle.

    def activate(self) -> None:
        with self.changed:
            if self.run_state in (RunState.STARTING, RunState.RUNNING):
                return
            self._refuse_if_not_loaded()
            if self.run_state is not RunState.NOT_ACTIVATED:
                raise self.refusal("activate", RunState.NOT_ACTIVATED.value)
        self._boot()

    def _boot(self) -> None:
        owners.claim(self.definition, self._host.system)
        self._start(Run(self.definition, booted_at=time.time()), STARTED)

    def _refuse_if_not_loaded(self) -> None:
        if self.run_state in (RunState.INCOMING, RunState.FAILED_INCOMING):
            raise self.refusal_of("not-loaded", run_state=self.run_state.value)

    def _start(self, run: Run, code: str) -> None:
        """A QEMU process of that definition, with its monitors; raises HypervisorError where it does not come up."""
        run = replace(run, started_as=self._host.version, accelerator=self._host.model.accelerator)
        spaces = [lun.space_of(Path(reference.path)) for reference in run.definition.luns]
        if reason := boot_problem(run.definition, self._host.model, is_incoming=run.is_incoming):
            raise self.refusal_of("boot-not-possible", boot_from=run.definition.boot_from.value, reason=reason)
        kind = Kind(self._host.model, self._host.system, is_incoming=run.is_incoming)
        command = command_line(run.definition, spaces, kind, self._places)
        has_process = False  # else the log is an earlier one's
        try:
            make_empty(self._places.folder)
            self._keep(run)
            self._ports.tell(run.definition.adapters, is_live=False)  # until it is seen to run
            has_process = True
            self._run = replace(run, process=process.start(command, self._log))
            self._keep(self._run)
            self._attach(START_S)
        except (OSError, QmpClosed, HypervisorError) as exc:
            self._kill()
            with self.changed:
                self._forget()
            if isinstance(exc, HypervisorError):
                raise
            words = process.last_words(self._log) if has_process else ""
            raise self.refusal_of("activate-refused", reason=words or str(exc)) from exc
        with self.changed:
            self._shutting_down = False
            self._panel.show(code)

    def _attach(self, timeout_s: float) -> None:
        """Monitors, console and the watching thread of a process that runs; raises QmpClosed."""
        monitor = self._connect(timeout_s)
        try:
            self._rescue = Monitor(self._places.rescue, out_of_band=True)
            answers = self._ask(monitor)
        except QmpClosed:
            monitor.close()  # QEMU serves one client at a time: the next attempt would find it taken
            self._end_monitors()
            raise
        with self.changed:
            self._monitor, self._answers, self._said, self._is_silent = monitor, answers, {}, False
            self._tell_ports()
        with suppress(OSError):
            self.console.attach(self._places.console)
        threading.Thread(target=self._watch, args=(monitor,), name="guest", daemon=True).start()
        threading.Thread(target=self._listen, args=(monitor,), name="guest agent", daemon=True).start()

    def _connect(self, timeout_s: float) -> Monitor:
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                return Monitor(self._places.monitor, self._hear, self._wake.set)
            except QmpClosed:
                if not self._is_alive() or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def _is_alive(self) -> bool:
        run = self._run
        return run is not None and run.process is not None and process.is_alive(run.process)

    def _find_again(self) -> None:
        """The guest that an earlier hypervisor process has started, with its stream, or what is left of it."""
        self._run = self._file.read()
        if self._run is None:
            return
        if self._run.process is None:
            self._end_orphan(self._run)
        elif self._is_alive():
            self._is_silent = not self._answers_again()
        if self._is_silent:
            threading.Thread(target=self._seek, name="guest found", daemon=True).start()
        elif self._monitor is None:
            with self.changed:
                self._forget()

    def _answers_again(self) -> bool:
        """False where its process is there and says nothing: its main loop may hang in a stream."""
        try:
            self._attach(ANSWER_S)
        except QmpClosed as exc:
            logger.warning("the guest %s is there and does not answer: %s", self.name, exc)
            return False
        with self.changed:
            if self._run is not None:  # not discarded just now
                self._find_stream(self._run)
                self._panel.show(BOOTED if self._run.is_booted else STARTED)
                self.changed.notify_all()
        return True

    def _seek(self) -> None:
        """Until it answers or has ended: a guest that may run on in a moment is not ended for its silence."""
        sought = self._run.process if self._run is not None else None
        while self._has(sought) and self._is_alive() and not self._answers_again():
            time.sleep(LOOK_S)
        with self.changed:
            if self._has(sought) and self._monitor is None:
                self._forget()

    def _has(self, sought: process.ProcessId | None) -> bool:
        return self._run is not None and self._run.process == sought

    def _end_orphan(self, run: Run) -> None:
        """We ended between its start and its record."""
        for found in process.find(monitor_argument(self._places)):
            process.kill(found)
            process.wait_for_end(found, QUIT_S)

    def _find_stream(self, run: Run) -> None:
        if not run.migration_id or (run.stream_out and not has_stream_out(self._answers)):
            return
        stream = self._new_stream(run.migration_id, is_out=run.stream_out, may_throttle=run.may_throttle)
        stream.has_begun = self._answers.migration != "none"  # an incoming one may still wait for it
        self._stream = stream
        stream.take(self._answers, time.monotonic())

    def shut_down(self, kind: ShutdownKind, *, restart: bool = False) -> None:
        with self.changed:
            state = self.run_state
            if state is RunState.NOT_ACTIVATED:
                return
            if state is RunState.SHUTTING_DOWN and kind is not ShutdownKind.IMMEDIATE:
                return
            if kind is ShutdownKind.OS and state is not RunState.RUNNING:
                raise self.refusal(kind.value, RunState.RUNNING.value)
            if state in STREAM_STATES:
                raise self.refusal(kind.value, RunState.RUNNING.value)
            if state is RunState.OPEN_FIRMWARE:
                kind = ShutdownKind.IMMEDIATE  # there is no system that could take its time
            monitor = None if kind is ShutdownKind.IMMEDIATE else self._need_monitor()
        if kind is ShutdownKind.OS:
            self._tell_agent("guest-shutdown", {"mode": "powerdown"})
        self._end_stream("the partition is shutting down")
        with self.changed:
            self._shutting_down, self._restarts = True, restart
            self._is_restarting = self._is_restarting and restart
            self.changed.notify_all()
        if kind is ShutdownKind.IMMEDIATE:
            self._quit()
        elif monitor is not None and kind is ShutdownKind.DELAYED:
            self._command(monitor, "system_powerdown")

    def discard(self) -> None:
        with self.changed:
            had_run = self._run is not None
            if self._stream is not None:
                self._stream.finish(Phase.CANCELLED, "the partition's run was discarded")
            self._restarts = self._is_restarting = False
        self._quit()
        if self._is_alive():
            raise self.refusal_of("guest-silent", act="ended")
        with self.changed:
            self._forget()
            self._last_status = TransferStatus(Phase.NONE, sequence=self._next_sequence())
            self.changed.notify_all()
        if had_run:
            self.console.close("the partition's run here has ended")

    def _quit(self) -> None:
        """The process has ended when this returns, unless the kernel does not let it go."""
        run, monitor = self._run, self._monitor
        if run is None or run.process is None:
            return
        if monitor is None or not self._quits(monitor) or not process.wait_for_end(run.process, QUIT_S):
            self._kill()

    def _quits(self, monitor: Monitor) -> bool:
        """False where it does not listen, as in the middle of a stream that stands still."""
        try:
            monitor.execute("quit", timeout_s=CANCEL_S)
        except QmpError:
            return False
        except QmpClosed:
            return not self._is_alive()
        return True

    def _kill(self) -> None:
        run = self._run
        if run is not None and run.process is not None:
            process.kill(run.process)
            process.wait_for_end(run.process, QUIT_S)

    def _forget(self) -> None:
        """There is no run any more. Needs the condition."""
        if self._stream is not None:
            self._last_status = self._stream.status()
        self._ports.forget()  # first: of what is forgotten nobody knows that it had any
        self._file.forget()
        self._run = self._stream = None
        self._is_silent = False
        self._end_monitors()
        self._panel.show(ENDED)
        self.changed.notify_all()

    def _end_monitors(self) -> None:
        for monitor in (self._monitor, self._rescue):
            if monitor is not None:
                monitor.close()
        self._monitor = self._rescue = None
        self._said, self._units, self._shutting_down = {}, 0.0, False
        self.console.detach()
        self._agent.close()

    def resume(self) -> None:
        with self.changed:
            state = self.run_state
            if state is RunState.RUNNING:
                return
            self._refuse_if_not_loaded()
            if state not in (RunState.COMPLETED, RunState.LOADED):
                raise self.refusal("resume", "completed or loaded")
            monitor = self._need_monitor()
        self._look_again(monitor, state)
        owners.claim(self.definition, self._host.system)
        self._command(monitor, "cont")
        with self.changed:
            assert self._run is not None  # noqa: S101 (it has a monitor)
            run = replace(self._run, is_incoming=False, is_booted=True)
            self._note(run if run.booted_at else replace(run, booted_at=time.time()))
            self._panel.show(BOOTED)
        with suppress(QmpClosed):  # it was told; what it says of it shows a moment later
            self._look(monitor)
        self._ask_agent_now.set()  # how long it was suspended shows by our time

    def _look_again(self, monitor: Monitor, state: RunState) -> None:
        """Right before `cont`: an incoming guest that is told too early runs by itself at the stream's end."""
        try:
            self._look(monitor)
        except QmpClosed as exc:
            raise HypervisorError("hypervisor-refused", command="resume", reason=str(exc)) from exc
        if self.run_state is not state:
            raise self.refusal("resume", state.value)

    def stop(self) -> None:
        """Guests live on, unless this server's hypervisor ends its guests with itself."""
        if self._host.ends_guests:
            with self.changed:
                self._restarts = self._is_restarting = False
            self._quit()
            self.console.close("the hypervisor ends")
            with self.changed:
                if self._run is not None and self._run.is_incoming:
                    self._file.forget()

    # Small commands.

    def change_luns(self, luns: tuple[LunReference, ...]) -> None:
        """Of one that runs."""
        with self.changed:
            if self.run_state is not RunState.RUNNING or self._has_stream():
                raise self.refusal("a change of LUNs", f"{RunState.RUNNING.value}, and not in a migration")
            first = self.definition.luns[:1]
            if first and first != luns[:1]:
                raise self.refusal_of("first-lun-in-use", unique_id=first[0].unique_id)
            if not self._host.model.plugs_disks:
                raise self.refusal("a change of LUNs at an adapter of the kind spapr-vscsi", "not activated")
            monitor = self._need_monitor()
        changed = replace(self.definition, luns=luns)
        owners.claim(changed, self._host.system)
        before, after = self._disks(self.definition), self._disks(changed)
        places = {disk.name for disk in after - before}
        for disk in before - after:
            if disk.name in places:
                self._unplug(monitor, disk)  # another one comes into its place
        try:
            for disk in after - before:
                self._plug(monitor, disk)
        except HypervisorError:
            kept = set(self.definition.luns)
            owners.give_up([one for one in luns if one not in kept], self.uuid, self._host.system)
            raise
        for disk in before - after:
            if disk.name not in places:
                self._unplug(monitor, disk)
        with self.changed:
            self.definition = changed
            assert self._run is not None  # noqa: S101 (it runs)
            self._keep(replace(self._run, definition=changed))

    def change_drives(self, drives: tuple[DriveReference, ...], *, force: bool) -> None:
        """Of one that runs."""
        with self.changed:
            if self.run_state not in TAKES_MEDIA or self._has_stream():
                raise self.refusal("a change of drives", f"{RunState.RUNNING.value}, and not in a migration")
            before, monitor = self.definition.drives, self._need_monitor()
            places = [{optical.name_of(drive) for drive in some} for some in (before, drives)]
            if places[0] != places[1] and not self._host.model.plugs_disks:
                raise self.refusal("a change of drives at an adapter of the kind spapr-vscsi", "not activated")
        optical.change(monitor, before, drives, force=force, refusal_of=self.refusal_of)
        with self.changed:
            self.definition = replace(self.definition, drives=drives)
            assert self._run is not None  # noqa: S101 (it runs)
            self._keep(replace(self._run, definition=self.definition))

    def _disks(self, definition: Definition) -> set[Disk]:
        spaces = [lun.space_of(Path(reference.path)) for reference in definition.luns]
        return set(disks_of(definition, spaces))

    def _plug(self, monitor: Monitor, disk: Disk) -> None:
        """Taken back as a whole where QEMU refuses a part of it."""
        added: list[str] = []
        try:
            for node in disk.nodes():
                self._command(monitor, "blockdev-add", node)
                added.insert(0, node["node-name"])
            self._command(monitor, "device_add", disk.device())
        except HypervisorError:
            for name in added:
                with suppress(QmpError, QmpClosed):
                    monitor.execute("blockdev-del", {"node-name": name})
            raise

    def _unplug(self, monitor: Monitor, disk: Disk) -> None:
        self._command(monitor, "device_del", {"id": disk.device()["id"]})
        for node in reversed(disk.nodes()):
            self._remove_node(monitor, node["node-name"])

    def _remove_node(self, monitor: Monitor, name: str) -> None:
        """It is in use until the guest's requests to the disk are over."""
        deadline = time.monotonic() + UNPLUG_S
        while True:
            try:
                monitor.execute("blockdev-del", {"node-name": name})
            except QmpClosed as exc:
                raise HypervisorError("hypervisor-refused", command="blockdev-del", reason=str(exc)) from exc
            except QmpError as exc:
                if time.monotonic() > deadline:
                    raise HypervisorError("hypervisor-refused", command="blockdev-del", reason=str(exc)) from exc
                time.sleep(0.02)
            else:
                return

    def set_workload(self, bytes_per_s: int) -> None:
        self.definition = replace(self.definition, workload_bytes_per_s=bytes_per_s)
        if self.run_state is RunState.RUNNING:
            words = {"set-mb": self.definition.workload_set_mb, "bytes-per-s": bytes_per_s}
            with suppress(AgentRefused):  # another operating system than the lab's has no workload of ours
                self._ask_agent("ivm-workload", words)

    def reset_heartbeat_gap(self) -> None:
        if self.run_state is not RunState.RUNNING:
            raise self.refusal("reset of the heartbeat gap", RunState.RUNNING.value)
        with suppress(AgentRefused):  # another operating system than the lab's keeps no heartbeat
            self._ask_agent("ivm-reset-gap")

    def prepare_for_migration(self, timeout_s: float) -> None:
        if self.run_state is not RunState.RUNNING:
            raise self.refusal("prepare for migration", RunState.RUNNING.value)
        self._refuse_other_settings()
        try:
            self._ask_agent("guest-ping", timeout_s=timeout_s)
        except AgentRefused as exc:
            raise self.refusal_of("rmc-refused", reason=str(exc)) from exc

    def _refuse_other_settings(self) -> None:
        """The destination makes its half by the settings: a guest from before a change of them would not fit in."""
        run, now = self._run, self._host.version
        if run is not None and run.started_as not in ("", now):
            raise self.refusal_of("started-as-other", started_as=run.started_as, now=now)

    def _ask_agent(self, command: str, arguments: dict[str, Any] | None = None, timeout_s: float = AGENT_S) -> Any:
        try:
            return self._agent.ask(command, arguments, timeout_s=max(timeout_s, 0.1))
        except AgentSilent as exc:
            raise self.refusal_of("rmc-silent", timeout_s=timeout_s) from exc

    def _tell_agent(self, command: str, arguments: dict[str, Any]) -> None:
        try:
            self._agent.tell(command, arguments, timeout_s=AGENT_S)
        except AgentSilent as exc:
            raise self.refusal_of("rmc-silent", timeout_s=AGENT_S) from exc
        except AgentRefused as exc:
            raise self.refusal_of("rmc-refused", reason=str(exc)) from exc

    # State streams.

    def become_incoming(self, definition: Definition, migration_id: str) -> None:
        self.definition = definition
        self._start(Run(definition, is_incoming=True, migration_id=migration_id), RECEIVING)
        monitor = self._need_monitor()
        self._command(monitor, "migrate-set-capabilities", {"capabilities": CAPABILITIES})
        with self.changed:
            self._stream = self._new_stream(migration_id, is_out=False)

    def open_state_out(
        self, connection: socket, migration_id: str, greet: Callable[[], None], *, may_throttle: bool
    ) -> None:
        with self.changed:
            if self.run_state is not RunState.RUNNING:
                raise self.refusal("a state stream", RunState.RUNNING.value)
            if self._stream and not self._stream.is_over:
                raise self.refusal_of("transfer-open", current=self._stream.migration_id)
            monitor = self._need_monitor()
            assert self._run is not None  # noqa: S101 (it runs)
            self._refuse_other_settings()
            self._keep(replace(self._run, migration_id=migration_id, stream_out=True, may_throttle=may_throttle))
            stream = self._stream = self._new_stream(migration_id, is_out=True, may_throttle=may_throttle)
        capabilities = [*CAPABILITIES, throttle.capability(may_throttle=may_throttle)]
        try:
            self._command(monitor, "migrate-set-capabilities", {"capabilities": capabilities})
            self._command(monitor, "migrate-set-parameters", go_on() | throttle.UNTIL_ORDERED)
        except HypervisorError as exc:
            with self.changed:
                stream.finish(Phase.FAILED, exc.text)
                self._step(stream)
            raise
        self._begin(stream, monitor, connection, greet, "migrate", {"uri": "fd:state"})

    def open_state_in(self, connection: socket, migration_id: str, greet: Callable[[], None]) -> None:
        with self.changed:
            stream = self._stream
            if self.run_state is not RunState.INCOMING or stream is None:
                raise self.refusal("a state stream", RunState.INCOMING.value)
            if stream.has_begun:
                raise self.refusal_of("transfer-open", current=stream.migration_id)
            monitor = self._need_monitor()
        arguments = incoming_arguments("state", keeps_process=self._host.keeps_failed_incoming)
        self._begin(stream, monitor, connection, greet, "migrate-incoming", arguments)

    def _begin(
        self,
        stream: Stream,
        monitor: Monitor,
        connection: socket,
        greet: Callable[[], None],
        command: str,
        arguments: dict[str, Any],
    ) -> None:
        """QEMU itself gets the connection, so that nothing of ours stands between it and the mover."""
        try:
            greet()
            connection.setblocking(True)
            monitor.execute("getfd", {"fdname": "state"}, descriptor=connection.fileno())
            monitor.execute(command, arguments)
        except (OSError, QmpError, QmpClosed) as exc:
            with self.changed:
                stream.finish(Phase.FAILED, str(exc))
                self._step(stream)
        finally:
            with self.changed:
                stream.has_begun = True
            connection.close()
            self._wake.set()

    def _new_stream(self, migration_id: str, *, is_out: bool, may_throttle: bool = False) -> Stream:
        began, sequence = time.monotonic(), self._next_sequence()
        return Stream(migration_id, is_out=is_out, began=began, sequence=sequence, may_throttle=may_throttle)

    def _next_sequence(self) -> int:
        self._sequence += 1
        return self._sequence

    def _step(self, stream: Stream) -> None:
        """Its phase has changed. Needs the condition."""
        stream.sequence = self._next_sequence()
        logger.debug("migration %s: %s at %s", stream.migration_id, stream.phase.value, self.name)
        self.changed.notify_all()

    def transfer_status(self) -> TransferStatus:
        with self.changed:
            return self._stream.status() if self._stream else self._last_status

    def wait_transfer(self, after_sequence: int, timeout_s: float) -> TransferStatus:
        with self.changed:
            self.changed.wait_for(lambda: self.transfer_status().sequence != after_sequence, timeout_s)
            return self.transfer_status()

    def continue_transfer(self, step: NextStep, suspend_at_bytes: int) -> None:
        with self.changed:
            stream = self._stream
            tells = stream is not None and not stream.was_told_to_suspend and step is NextStep.SUSPEND
            if stream is None or not stream.is_out or not stream.continue_with(step, suspend_at_bytes):
                phase = stream.phase if stream else Phase.NONE
                raise self.refusal_of("transfer-not-waiting", phase=phase.value, step=step.value)
            monitor = self._need_monitor()
            goes_on = step is NextStep.PASS and stream.phase is Phase.ACTIVE
        if tells or goes_on:
            self._command(monitor, "migrate-set-parameters", NOW if tells else go_on(suspend_at_bytes))
        self._wake.set()

    def throttle(self, percent: int) -> None:
        with self.changed:
            stream = self._stream
            if stream is None or not stream.is_out or stream.is_over:
                raise self.refusal_of("throttle-without-stream", percent=percent)
            if not stream.may_throttle:
                raise self.refusal_of("throttle-not-prepared", percent=percent)
            monitor = self._need_monitor()
        self._command(monitor, "migrate-set-parameters", throttle.parameters(percent))

    def cancel_transfer(self) -> None:
        with self.changed:
            if self.run_state in (RunState.COMPLETED, RunState.LOADED):
                raise self.refusal_of("transfer-completed")
        self._end_stream("cancelled", Phase.CANCELLED)
        if self.transfer_status().phase is Phase.COMPLETED:  # it was faster
            raise self.refusal_of("transfer-completed")

    def _end_stream(self, reason: str, phase: Phase = Phase.FAILED) -> None:
        """Break it off, unless it is over; a source that it suspended runs on, an incoming image is useless."""
        with self.changed:
            stream, monitor = self._stream, self._monitor
            if stream is None or stream.is_over or monitor is None:
                return
            stream.ordered_end = (phase, reason)
        if stream.is_out:
            try:
                monitor.execute("migrate_cancel", timeout_s=CANCEL_S)
            except QmpError as exc:
                logger.info("cancelling the stream of %s: %s", self.name, exc)
            except QmpClosed:
                self._yank()
            self._wait_until_it_runs(monitor)
        else:
            self._quit()
        with self.changed:
            if stream.finish(phase, reason):
                self._step(stream)

    def _wait_until_it_runs(self, monitor: Monitor) -> None:
        """After a cancel: QEMU resumes by itself, a moment later."""
        deadline = time.monotonic() + QUIT_S
        while time.monotonic() < deadline:
            with suppress(QmpClosed):
                self._look(monitor)
            with self.changed:
                is_over = self._answers.migration in ("cancelled", "failed", "completed", "none")
                if is_over and self._answers.run != "finish-migrate":
                    return
            time.sleep(0.02)

    # Watching.

    def _hear(self, event: Event) -> None:
        if event.get("event") == "RESET":
            self._show_restart()
        elif event.get("event") == "MIGRATION_PASS" and event.get("data", {}).get("pass", 0) > 1:
            self._hold_at_pass_end()
        self._wake.set()

    def _hold_at_pass_end(self) -> None:
        """At once: the next pass may take a millisecond."""
        with self.changed:
            if self._monitor is not None and self._stream is not None and self._stream.is_held_at_pass_end:
                self._monitor.post("migrate-set-parameters", HOLD)
                self._stream.hold()

    def _show_restart(self) -> None:
        with self.changed:
            if self._run is not None and self._run.is_booted:
                self._note(replace(self._run, is_booted=False, booted_at=time.time()))
                self._panel.show(STARTED)

    def _watch(self, monitor: Monitor) -> None:
        """Until the process has ended."""
        silent_since: float | None = None
        sampled_at, used = time.monotonic(), self._used()
        while not monitor.is_closed:
            self._wake.wait(STREAM_LOOK_S if self._has_stream() else LOOK_S)
            self._wake.clear()
            try:
                self._look(monitor)
                silent_since = None
                if self._is_stuck():
                    self._yank()
            except QmpClosed:
                silent_since = silent_since or time.monotonic()
                if time.monotonic() - silent_since > STUCK_S:
                    self._yank()
                    silent_since = None
            if (now := time.monotonic()) - sampled_at >= LOOK_S:
                self._units, sampled_at, used = self._used_units(sampled_at, used, now), now, self._used()
        self._ended(monitor)

    def _is_stuck(self) -> bool:
        """The last of the state is on its way, or its answer, and nothing moves: QEMU itself waits for ever."""
        with self.changed:
            stream = self._stream
            if stream is None or stream.phase is not Phase.DEVICE or not stream.is_out:
                return False
            return time.monotonic() - stream.moved_at > STUCK_S

    def _used(self) -> float:
        run = self._run
        return (process.processor_seconds(run.process) if run and run.process else None) or 0.0

    def _used_units(self, since: float, used: float, now: float) -> float:
        return max(0.0, self._used() - used) / (now - since)

    def _has_stream(self) -> bool:
        stream = self._stream
        return stream is not None and not stream.is_over

    def _look(self, monitor: Monitor) -> None:
        """Ask QEMU, and do what the answers call for; raises QmpClosed."""
        answers = self._ask(monitor)
        with self.changed:
            if self._monitor is not monitor:
                return
            self._answers = answers
            stream = self._stream
            if stream is not None and stream.take(answers, time.monotonic()):
                self._step(stream)
                if stream.phase is Phase.LOADED:
                    self._panel.show(ARRIVED)
            if stream is not None and (parameters := stream.let_go()):
                logger.warning("the stream of %s was held in a pass; it goes on", self.name)
                monitor.post("migrate-set-parameters", parameters)
            if answers.run == "guest-panicked":
                self._panel.show(CRASHED)
            self._tell_ports()
            self._take_for_booted()
            self.changed.notify_all()
        if answers.migration == "pre-switchover" and not holds_switchover(self._host.state_dir):
            with suppress(QmpError):  # it has been cancelled, or has gone on
                monitor.execute("migrate-continue", {"state": "pre-switchover"}, timeout_s=ANSWER_S)

    def _tell_ports(self) -> None:
        """Its addresses are here from the moment that it is seen to run here. Needs the condition."""
        run, state = self._run, self.run_state
        if run is not None:
            has_come = not (run.is_incoming and state is RunState.SUSPENDED)
            try:
                self._ports.tell(run.definition.adapters, is_live=state in ON_THE_NETWORK and has_come)
            except OSError as exc:  # it is said again at the next answer
                logger.error("the ports of %s are not told to the switch: %s", self.name, exc)

    def _take_for_booted(self) -> None:
        run = self._run
        if run is None or not run.booted_at or self._panel.code == NOTHING_TO_BOOT:
            return
        if time.time() - run.booted_at > BOOT_SIGN_S:
            self._note_booted()

    def _ask(self, monitor: Monitor) -> Answers:
        migrate = monitor.execute("query-migrate", timeout_s=ANSWER_S)
        status = monitor.execute(
            "query-status", timeout_s=ANSWER_S
        )  # second: a stream's end counts with what it left
        return answers_of(status, migrate)

    def _yank(self) -> None:
        """QEMU's main loop hangs in the stream: break it, and it resumes."""
        logger.warning("the stream of %s is stuck; it is broken off", self.name)
        rescue = self._rescue
        with self.changed:
            if self._stream is not None:
                self._stream.moved_at = time.monotonic()  # not at once again
        if rescue is not None and self._has_stream():
            with suppress(QmpClosed, QmpError):
                rescue.execute("yank", {"instances": [{"type": "migration"}]}, timeout_s=ANSWER_S)

    def _ended(self, monitor: Monitor) -> None:
        """The process has ended. One that only does not talk to us any more is sought again, and not harmed."""
        run = self._run
        lives = run is not None and run.process is not None and not process.wait_for_end(run.process, QUIT_S)
        with self.changed:
            if self._monitor is not monitor:
                return  # a discard was first
            if lives:
                self._end_monitors()
                self._is_silent = True
                threading.Thread(target=self._seek, name="guest found", daemon=True).start()
                return
            self._is_restarting, self._restarts = self._restarts, False
            words = process.last_words(self._log) or "it said nothing"
            is_incoming = self._run is not None and self._run.is_incoming
            had_arrived = self._stream is not None and self._stream.phase is Phase.LOADED
            if self._stream is not None and self._is_lost(self._stream, f"QEMU has ended: {words}"):
                self._step(self._stream)
            if is_incoming and not had_arrived:  # a broken stream is told until it is discarded
                self._end_monitors()
                self.changed.notify_all()
            else:  # who accepted an image that had arrived has a partition that is off
                self._forget()
        logger.info("the guest %s has ended: %s", self.name, words)
        if self._is_restarting:
            self._restart()

    def _restart(self) -> None:
        """Meanwhile it is no partition that is off, which could be removed, received or started by another order."""
        with self._commands:
            if not self._is_restarting:
                return  # somebody has ended it for good
            try:
                self._boot()
            except HypervisorError as exc:
                logger.error("the guest %s is not started again: %s", self.name, exc)
            finally:
                with self.changed:
                    self._is_restarting = False
                    self.changed.notify_all()

    def _is_lost(self, stream: Stream, reason: str) -> bool:
        """True where the end of the process changes what is known of it: what was loaded and never ran is gone."""
        has_not_run = self._run is not None and self._run.is_incoming
        return stream.lose(reason) if has_not_run else stream.finish(Phase.FAILED, reason)

    def _listen(self, monitor: Monitor) -> None:
        """What the operating system says of itself, while it runs."""
        named = False
        while not monitor.is_closed:
            self._ask_agent_now.wait(AGENT_EVERY_S)
            self._ask_agent_now.clear()
            if self.run_state is RunState.RUNNING and self._hear_agent(monitor):
                named = named or self._name_system()

    def _hear_agent(self, monitor: Monitor) -> bool:
        """True where it answers as the lab's guest does."""
        try:
            for _reading in range(1 if self._said else FIRST_READINGS):
                said = self._agent.ask("ivm-status", timeout_s=AGENT_S, with_time=True)
        except (AgentSilent, AgentRefused):
            return False
        with self.changed:
            if self._monitor is monitor:
                self._said = counts_in(said)
        return True

    def _name_system(self) -> bool:
        """For its records: on which server it runs. False where it does not want to know."""
        try:
            self._agent.ask("ivm-system", {"name": self._host.system}, timeout_s=AGENT_S)
        except (AgentSilent, AgentRefused):
            return False
        return True

    # QEMU.

    def _need_monitor(self) -> Monitor:
        if self._monitor is None:
            raise self.refusal("the command", RunState.RUNNING.value)
        return self._monitor

    def _command(self, monitor: Monitor, command: str, arguments: dict[str, Any] | None = None) -> Any:
        try:
            return monitor.execute(command, arguments)
        except (QmpError, QmpClosed) as exc:
            raise HypervisorError("hypervisor-refused", command=command, reason=str(exc)) from exc
