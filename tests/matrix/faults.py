"""How each fault of cells.py is brought about and ended. Each action is a context: inside it the fault is there."""

import resource
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from uuid import UUID

import httpx

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import PartitionFacts, RunState
from ivmweb.lab import clock
from migration.states import DESTINATION_STATES, SOURCE_STATES
from tests.e2e.browse import Visitor, errors_in
from tests.e2e.world import CONSOLES, wait_for
from tests.matrix.cells import QEMU, Fault
from tests.matrix.stage import NAME, Stage

LATE_S = 4.0  # longer than the sender waits for the answer, so that its next message is faster
FULL_AT_BYTES = 4096  # no file may grow past this: less than the second page of a database's log
NOTHING, IDLE = "nothing", "none at work"
POWER_OFF, POWERS_OFF_WITHIN_S = b"\npoweroff -f\n", 10.0
WRITERS = ("web", "control", "mover-out", "mover-in")


@dataclass
class Scene:
    """One cell while it is played."""

    stage: Stage
    fault: Fault
    migration: UUID
    said: list[str]  # what people were answered
    holder: str  # the process in which the move is held
    met: str = ""  # what the fault met, where that can be seen

    def at_work(self) -> set[str]:
        """The process that holds the move, those that have a lease of it, and hypervisors that know the partition."""
        leases = "select worker from migration_migration where id = ? and lease_until > ?"
        rows = {
            f"{console}/{row['worker']}"
            for console in CONSOLES
            for row in self.stage.world.query(console, leases, self.migration.hex, time.monotonic())
        }
        knowing = {f"{console}/hypervisor" for console in CONSOLES if self.stage.world.facts(console, NAME)}
        guests = {f"{console}/{QEMU}" for console in CONSOLES if self.stage.guest(console)}
        return rows | knowing | guests | {self.holder}

    def note_processes(self) -> None:
        """Before they are disturbed."""
        at_work = set(self.fault.targets) & self.at_work()
        self.met = ", ".join(sorted(at_work)) or IDLE


def bring_about(scene: Scene) -> AbstractContextManager[None]:
    return ACTIONS[scene.fault.action](scene)


@contextmanager
def kill(scene: Scene) -> Iterator[None]:
    """All at once; whoever ends them starts them again. With `data` the broker's files are gone as well."""
    scene.note_processes()
    with ThreadPoolExecutor(len(scene.fault.targets)) as pool:
        list(pool.map(scene.stage.kill, scene.fault.targets))
    if scene.fault.way == "data":
        for target in scene.fault.targets:
            shutil.rmtree(scene.stage.folder(target.partition("/")[0]) / "valkey")
            (scene.stage.folder(target.partition("/")[0]) / "valkey").mkdir(mode=0o700)
    yield
    scene.stage.world.processes_back()


@contextmanager
def lose_power(scene: Scene) -> Iterator[None]:
    """Of one side: what its database had not synced is gone, then its processes are. They start once it is back."""
    stage, (console,) = scene.stage, {target.partition("/")[0] for target in scene.fault.targets}
    processes = [stage.lab.processes[target] for target in scene.fault.targets if not target.endswith(f"/{QEMU}")]
    scene.note_processes()
    for process in processes:
        process.restart = False
    disk = stage.disks.get(console)
    scene.met += "; what the database had not synced" if disk else "; processes only"
    for target in scene.fault.targets:  # nobody reads or writes between the one and the other
        stage.signal(target, signal.SIGSTOP)
    if disk is not None:
        disk.lose_power()
    with ThreadPoolExecutor(len(scene.fault.targets)) as pool:
        list(pool.map(stage.kill, scene.fault.targets))
    if disk is not None:
        disk.unmount()
        disk.mount()
    for process in processes:
        process.start()
        process.restart = True
    yield
    scene.stage.world.processes_back()


@contextmanager
def freeze(scene: Scene) -> Iterator[None]:
    """Not in the middle of a transaction: SQLite's write lock would be frozen with it, for everybody."""
    (target,) = scene.fault.targets
    scene.note_processes()
    while True:
        scene.stage.signal(target, signal.SIGSTOP)
        if scene.stage.world.can_write(target.partition("/")[0]):
            break
        scene.stage.signal(target, signal.SIGCONT)
        time.sleep(0.02)
    yield
    scene.stage.signal(target, signal.SIGCONT)


@contextmanager
def disturb(scene: Scene) -> Iterator[None]:
    scene.stage.relay.disturb(scene.fault.link, scene.fault.senders, scene.fault.way)
    yield
    scene.stage.relay.heal()
    kind, count = scene.stage.relay.met_by(scene.fault.way), scene.stage.relay.touched
    scene.met = f"{count} {kind}" if count else NOTHING


@contextmanager
def fill_disk(scene: Scene) -> Iterator[None]:
    """No file of the console's own processes may grow: neither its database's log nor its logs."""
    set_file_limit(scene, FULL_AT_BYTES)
    yield
    set_file_limit(scene, resource.RLIM_INFINITY)


def met_since(stage: Stage, fault: Fault) -> str:
    """Of messages, which go on after the fault is armed: how many points were passed."""
    if fault.action != "arm_messages":
        return ""
    passed = [mark for console in CONSOLES for mark in (stage.folder(console) / "fault-points").glob("*.reached")]
    return f"{len(passed)} messages" if passed else NOTHING


def set_file_limit(scene: Scene, number: int) -> None:
    for console in scene.fault.targets:
        for name in WRITERS:
            pid = scene.stage.lab.processes[f"{console}/{name}"].pid
            with suppress(ProcessLookupError):
                if pid is not None:
                    resource.prlimit(pid, resource.RLIMIT_FSIZE, (number, resource.RLIM_INFINITY))


@contextmanager
def set_clock(scene: Scene) -> Iterator[None]:
    for console in scene.fault.targets:
        clock.set_offset(scene.stage.folder(console), int(scene.fault.way))
    yield
    for console in scene.fault.targets:
        clock.set_offset(scene.stage.folder(console), 0)
    scene.stage.forget_visitors()


@contextmanager
def arm_messages(scene: Scene) -> Iterator[None]:
    """From now on: each message once more (`again`), or kept by the receiver until the sender has sent another."""
    here, there = scene.stage.source, scene.stage.destination
    said = [(here, there, "source", SOURCE_STATES), (there, here, "destination", DESTINATION_STATES)]
    for sender, receiver, role, states in said:
        other = "destination" if role == "source" else "source"
        words = [*sorted(states), *(["prepare"] if role == "source" else [])]
        for what in words:
            if scene.fault.way == "again":
                scene.stage.arm(sender, f"{role} send {what} after", "again")
            else:
                scene.stage.arm(receiver, f"{other} hear {what} before", f"delay {LATE_S}")
    yield


@contextmanager
def press_stop(scene: Scene) -> Iterator[None]:
    press(scene, lambda visitor: visitor.stop(scene.migration))
    yield


@contextmanager
def press_stop_and_recover(scene: Scene) -> Iterator[None]:
    """Two people, each with a window of their own, at the same moment."""
    buttons = [lambda visitor: visitor.stop(scene.migration), lambda visitor: visitor.recover(scene.migration)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda button: press(scene, button, alone=True), buttons))
    yield


def press(scene: Scene, button: Callable[[Visitor], httpx.Response], *, alone: bool = False) -> None:
    stage = scene.stage
    visitor = Visitor(stage.lab.consoles[stage.source].url) if alone else stage.world.visitor(stage.source)
    response = button(visitor)
    scene.said += errors_in(response.text)[:1] or [f"{response.status_code}"]


@contextmanager
def migrate_again(scene: Scene) -> Iterator[None]:
    """Of the same partition, from each console that has it: refused, which `refused` asserts.

    Held in a web process, the move is gone on with by the schedule, and may be over before the second press.
    """
    ends = (scene.stage.source, scene.stage.destination)
    for here, there in (ends, ends[::-1]):
        row = scene.stage.world.partition(here, NAME)
        if row is not None and row["hold"]:
            page = scene.stage.world.visitor(here).refused(row["lpar_id"], there)
            scene.said += errors_in(page)[:1]
    yield


@contextmanager
def shut_down_from_inside(scene: Scene) -> Iterator[None]:
    """Where it runs. One that is suspended cannot."""
    scene.met = NOTHING
    for console in CONSOLES:
        facts = scene.stage.world.facts(console, NAME)
        with suppress(HypervisorError):
            if facts is not None and told_to_power_off(scene.stage, console, facts):
                scene.met = f"it on {console}"
    yield


def told_to_power_off(stage: Stage, console: str, facts: PartitionFacts) -> bool:
    """False where it cannot hear. To a real guest it is typed, at its console."""
    hypervisor = stage.world.hypervisor(console)
    if stage.kind != QEMU:
        hypervisor.shut_down_from_inside(facts.lpar_id)
        return True
    if facts.run_state is not RunState.RUNNING:
        return False
    with hypervisor.open_console(facts.lpar_id) as terminal:
        terminal.sendall(POWER_OFF)
    wait_for("it to power off", lambda: stage.run_state(console) is not RunState.RUNNING, POWERS_OFF_WITHIN_S)
    return True


@contextmanager
def fill_memory(scene: Scene) -> Iterator[None]:
    """The management partition takes all that was free, after it was validated."""
    (console,) = scene.fault.targets
    world = scene.stage.world
    free = world.free(console)[0]
    move_memory(scene, console, free)
    yield
    move_memory(scene, console, -free)


def move_memory(scene: Scene, console: str, megabytes: int) -> None:
    """To the management partition, or back."""
    query = scene.stage.world.query
    query(console, "update system_managedsystem set free_memory_mb = free_memory_mb - ?", megabytes)
    columns = "memory_mb = memory_mb + ?, memory_maximum_mb = memory_maximum_mb + ?"
    query(console, f"update system_logicalpartition set {columns} where lpar_id = 1", megabytes, megabytes)


ACTIONS: dict[str, Callable[[Scene], AbstractContextManager[None]]] = {
    action.__name__: action
    for action in (
        kill,
        freeze,
        disturb,
        lose_power,
        fill_disk,
        set_clock,
        arm_messages,
        press_stop,
        press_stop_and_recover,
        migrate_again,
        shut_down_from_inside,
        fill_memory,
    )
}
