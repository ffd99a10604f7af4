"""The lab on which all cells are run, one after the other: two consoles behind a relay, and the way back home."""

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID

from ivmweb.hypervisor.base import PartitionFacts, RunState
from ivmweb.lab import clock
from tests.e2e.world import CONSOLES, World, wait_for
from tests.matrix import guests
from tests.matrix.cells import DESTINATION, OTHER, QEMU, SIMULATED, SOURCE
from tests.matrix.disk import Disk, is_possible
from tests.matrix.relay import SHOWN, Port, Relay
from tools import qemu, run_folder
from tools.lab import Lab, LabOptions
from tools.paths import ToolError

NAME = "uli13lp1"
MEMORY_MB = {SIMULATED: 64, QEMU: 256}  # QEMU's pseries has memory in pieces of 256 MB
# QEMU goes on by itself between passes: one that has much left at the end of a pass does not run away from the mover.
WORKLOAD_MB_PER_S = {SIMULATED: 2.0, QEMU: 4.0}
LEASE_S, GRACE_S, SCHEDULE_S, PEER_TIMEOUT_S = 2, 1, 0.5, 3
SUSPENSION_MS = 100
MOVER_PORTS = range(8500, 8508)  # plus the lab's offset
HOME_S = 40
LOOPBACK, LISTEN = "0100007F:", "0A"  # in /proc/*/net/tcp: 127.0.0.1, on a little-endian machine, and the state


class Stage:
    def __init__(
        self,
        lab: Lab,
        relay: Relay,
        mover_ports: range,
        disks: dict[str, Disk] | None = None,
        kind: str = SIMULATED,
    ) -> None:
        self.lab, self.relay, self.mover_ports, self.kind = lab, relay, mover_ports, kind
        self.disks = disks or {}  # by console; none where a loss of power can't be had
        self.world = World(lab)
        self.source, self.destination = SOURCE, DESTINATION

    def face(self, source: str) -> None:
        """Moves go from there from now on; cells of those from uli14 are mirrored."""
        self.source, self.destination = source, OTHER[source]
        self.relay.mirrored = source != SOURCE

    def folder(self, console: str) -> Path:
        return self.lab.consoles[console].folder

    # Processes

    def signal(self, process: str, number: int) -> None:
        """To one of the lab's, or to the QEMU that has the partition on that console, where there is one."""
        console, _, name = process.partition("/")
        if name != QEMU:
            self.lab.kill(process, number)
        elif guest := self.guest(console):
            guests.tell(guest, number)

    def kill(self, process: str) -> None:
        self.signal(process, signal.SIGKILL)

    def guest(self, console: str) -> guests.ProcessId | None:
        return guests.of_partition(self.folder(console) / "hypervisor", NAME)

    # Fault points

    def arm(self, console: str, point: str, action: str) -> None:
        """The file appears whole, so that nobody finds it without its action."""
        folder = self.folder(console) / "fault-points"
        folder.mkdir(exist_ok=True)
        new = folder / "new.tmp"
        new.write_text(action)
        new.rename(folder / point)

    def is_reached(self, console: str, point: str) -> bool:
        return self._mark(console, point).exists()

    def release(self, console: str, point: str) -> None:
        self._mark(console, point).unlink(missing_ok=True)

    def disarm(self) -> None:
        for console in CONSOLES:
            shutil.rmtree(self.folder(console) / "fault-points", ignore_errors=True)

    def _mark(self, console: str, point: str) -> Path:
        return self.folder(console) / "fault-points" / f"{point}.reached"

    # Order

    def forget_visitors(self) -> None:
        """Whoever was logged in while a clock jumped is not any more."""
        for visitor in self.world.visitors.values():
            visitor.http.close()
        self.world.visitors.clear()

    def end_every_fault(self) -> None:
        self.disarm()
        self.relay.heal()
        for console in CONSOLES:
            self.world.set_fault(console)
            clock.set_offset(self.folder(console), 0)
            self.signal(f"{console}/{QEMU}", signal.SIGCONT)

    def bring_home(self) -> None:
        """uli13lp1 running on the source, nothing open, no fault; raises AssertionError where that does not come."""
        self.end_every_fault()
        self.world.processes_back()
        self.world.limit_bandwidth(0)
        self.world.allow_suspension(SUSPENSION_MS)
        wait_for("all migrations to end", lambda: not any(map(self.open_migrations, CONSOLES)), HOME_S)
        if self.world.partition(self.destination, NAME):
            wait_for("its hold to be released", lambda: not self.held(self.destination), HOME_S)
            lpar_id = self.world.partition(self.destination, NAME)["lpar_id"]
            moved = self.world.visitor(self.destination).migrate(lpar_id, self.source)
            assert self.world.wait_ended(moved, HOME_S) == ("closed, moved",) * 2, self.world.why(moved)
        wait_for("its hold to be released", lambda: not self.held(self.source), HOME_S)
        if self.run_state(self.source) is RunState.NOT_ACTIVATED:
            self.activate()
        wait_for("it to run", lambda: self.run_state(self.source) is RunState.RUNNING, HOME_S)
        wait_for("it to be said to run", lambda: self.recorded("state") == "Running", HOME_S)
        wait_for("its RMC", lambda: self.recorded("rmc_state") == "active", HOME_S)

    def activate(self) -> None:
        wait_for("the records to say that it is off", lambda: self.recorded("state") == "Not Activated", HOME_S)
        lpar_id = str(self.world.partition(self.source, NAME)["lpar_id"])
        page = f"/partitions/activate/?partition={lpar_id}"
        self.world.visitor(self.source).post("/partitions/activate/", {"partition": lpar_id}, page=page)

    def recorded(self, what: str) -> object:
        """Of the partition, by the source, which has it."""
        return self.world.partition(self.source, NAME)[what]

    def states(self, migration: UUID) -> tuple[str, str]:
        """What the source records, and what the destination does; "-" for nothing."""
        rows = [self.world.migration(console, migration) for console in (self.source, self.destination)]
        return tuple(row["state"] if row else "-" for row in rows)  # type: ignore[return-value]

    def held(self, console: str) -> bool:
        row = self.world.partition(console, NAME)
        return row is not None and row["hold"] != ""

    def facts(self) -> PartitionFacts | None:
        """Of the partition, by the source's hypervisor."""
        return self.world.facts(self.source, NAME)

    def run_state(self, console: str) -> RunState | None:
        facts = self.world.facts(console, NAME)
        return facts.run_state if facts else None

    def open_migrations(self, console: str) -> list[dict]:
        return self.world.query(
            console,
            "select id, state from migration_migration where state not in "
            "('closed, kept', 'closed, moved', 'declined', 'yielded') or (state = 'declined' and not released)",
        )

    def listening_movers(self) -> list[int]:
        return sorted(listening_ports() & set(self.mover_ports))


def listening_ports() -> set[int]:
    """Asked of the kernel: a connection would disturb a mover, and a program may have that number at its own end."""
    rows = [line.split() for line in Path("/proc/thread-self/net/tcp").read_text().splitlines()[1:]]
    return {int(row[1].partition(":")[2], 16) for row in rows if row[1].startswith(LOOPBACK) and row[3] == LISTEN}


@contextmanager
def running_stage(
    folder: Path, port_offset: int, network: type[Relay] = Relay, kind: str = SIMULATED
) -> Iterator[Stage]:
    movers = range(MOVER_PORTS.start + port_offset, MOVER_PORTS.stop + port_offset)
    environment = {
        "IVM_MOVER_HOST": SHOWN,
        "IVM_MOVER_PORTS": f"{movers[0]}-{movers[-1]}",
        "IVM_ALLOWED_HOSTS": f"localhost,127.0.0.1,{SHOWN}",
        "IVM_PEER_TIMEOUT_S": str(PEER_TIMEOUT_S),
    }
    options = LabOptions(
        fast=True,
        memory_mb=MEMORY_MB[kind],
        workload=WORKLOAD_MB_PER_S[kind],
        boot_step_ms=5,
        lease_s=LEASE_S,
        recovery_grace_s=GRACE_S,
        schedule_s=SCHEDULE_S,
        environment=environment,
        guest=qemu.kit() if kind == QEMU else None,
    )
    with (
        own_disks(folder) as disks,
        no_guests_left(folder),
        Lab(folder, port_offset, options) as lab,
        network(ports_of(lab, movers)) as relay,
    ):
        stage = Stage(lab, relay, movers, disks, kind)
        for here, there in ((SOURCE, DESTINATION), (DESTINATION, SOURCE)):
            address = f"{SHOWN}:{lab.consoles[there].https_port}"
            stage.world.query(here, "update migration_remotesystem set address = ? where name = ?", address, there)
        yield stage


@contextmanager
def no_guests_left(folder: Path) -> Iterator[None]:
    """Guests outlive a hypervisor that was killed, and the supervisor of both."""
    try:
        yield
    finally:
        run_folder.end_guests(run_folder.path_for(folder))


@contextmanager
def own_disks(folder: Path) -> Iterator[dict[str, Disk]]:
    """Each console's database is on a disk of its own, where that is possible."""
    disks = {console: Disk(folder / f"{console}-disk") for console in CONSOLES} if is_possible() else {}
    try:
        for console, disk in disks.items():
            disk.make()
            (folder / console).mkdir(mode=0o700)
            (folder / console / "console.sqlite3").symlink_to(disk.data / "console.sqlite3")
        yield disks
    finally:
        for disk in disks.values():
            with suppress(ToolError):
                disk.unmount()


def ports_of(lab: Lab, movers: range) -> list[Port]:
    """Faults are about moves from the source; whoever calls a mover's port is the source then."""
    consoles = [
        Port(lab.consoles[called].https_port, "consoles", caller, called)
        for caller, called in ((SOURCE, DESTINATION), (DESTINATION, SOURCE))
    ]
    return consoles + [Port(number, "movers", SOURCE, DESTINATION) for number in movers]
