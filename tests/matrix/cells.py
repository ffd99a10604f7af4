"""The fault matrix as a table: at which moment of a move which fault. Data only; faults.py carries it out.

The partition uli13lp1 moves from uli13, the source, to uli14, the destination; a mirrored cell is of a move back.
There are two kinds of lab: with simulated partitions, and with real guests, whose memory is in a process of its own.
"""

from collections import Counter
from dataclasses import dataclass, replace
from itertools import product

SOURCE, DESTINATION = "uli13", "uli14"
BOTH = (SOURCE, DESTINATION)
OTHER = {SOURCE: DESTINATION, DESTINATION: SOURCE}
WEB, CONTROL, MOVERS = ("web",), ("control",), ("mover-out", "mover-in")
CONSOLE = ("web", "control", *MOVERS, "beat", "valkey")  # all but the hypervisor
SIMULATED, QEMU = "simulated", "qemu"
KINDS = (SIMULATED, QEMU)
# With leases of 2 s and a grace of 1 s: what lasts longer than both is beyond the lease.
BEYOND_LEASE_S = 4.5
A_WHILE_S = 4.0


@dataclass(frozen=True)
class Phase:
    """A moment of a move: the fault point at which it is held, by `holder`, while the fault is brought about."""

    name: str
    holder: str  # console/process
    point: str
    slow: bool = False  # the transfer is made slow until the fault is there
    passes: bool = False  # the transfer needs more than one pass
    stalled: bool = False  # the last pages stand still in the hypervisor: the partition is suspended
    rolls_back: bool = False  # Stop was pressed before
    has_incoming: bool = True  # the destination's hypervisor waits for it, or has it


PHASES = (
    Phase("begun", f"{SOURCE}/web", "source write transferring after", has_incoming=False),
    Phase("preparing", f"{SOURCE}/control", "source send prepare before", has_incoming=False),
    Phase("prepared", f"{DESTINATION}/mover-in", "destination write mover address after"),
    Phase("first pass", f"{SOURCE}/mover-out", "mover-out first pass", slow=True),
    Phase("later pass", f"{SOURCE}/mover-out", "mover-out later pass", passes=True),
    Phase("suspended", f"{SOURCE}/mover-out", "mover-out device", stalled=True),
    Phase("loaded", f"{DESTINATION}/mover-in", "destination write loaded after"),
    Phase("surrendering", f"{SOURCE}/mover-out", "source write surrendered before"),
    Phase("surrendered", f"{SOURCE}/mover-out", "source send surrendered before"),
    Phase("accepted", f"{DESTINATION}/web", "destination write accepted after"),
    Phase("resumed", f"{DESTINATION}/web", "command resume after"),
    Phase("completing", f"{SOURCE}/mover-out", "source write completing after"),
    Phase("rolling back", f"{SOURCE}/mover-out", "source write aborting after", slow=True, rolls_back=True),
)


@dataclass(frozen=True)
class Fault:
    """`action` is a function of faults.py; the fields after it are what it is told."""

    name: str
    action: str
    targets: tuple[str, ...] = ()  # processes, or consoles
    lasts_s: float = 0.0  # how long after the move goes on until the fault is ended
    link: str = ""  # "consoles" or "movers"
    senders: tuple[str, ...] = ()  # consoles whose bytes meet the fault on that link
    way: str = ""  # what the link does to them, or what else is special
    only: tuple[str, ...] = ()  # phases; none: all
    kinds: tuple[str, ...] = KINDS  # of labs that have it
    memory_in: str = "hypervisor"  # the process that holds the partition's memory

    @property
    def may_be_off_on(self) -> set[str]:
        """Consoles on which the partition may be found off at the end: its memory there is gone, or it shut down."""
        if self.action == "shut_down_from_inside":
            return set(BOTH)
        lost = self.targets if self.action in ("kill", "lose_power") else ()
        return {target.partition("/")[0] for target in lost if target.endswith(f"/{self.memory_in}")}

    def with_guests(self) -> "Fault":
        """The same in a lab of real guests: a machine that loses power loses their processes as well."""
        guests = of(self.targets[0].partition("/")[0], (QEMU,)) if self.action == "lose_power" else ()
        return replace(self, targets=(*self.targets, *guests), memory_in=QEMU)

    @property
    def may_log(self) -> tuple[str, ...]:
        """Tracebacks that the fault itself makes, as regular expressions: of libraries that lose the broker, and of a
        disk that takes no commit."""
        if self.action == "lose_power":
            return (*BROKER_IS_GONE, *DISK_IS_FULL)
        if any(target.endswith("/valkey") for target in self.targets):
            return BROKER_IS_GONE
        return DISK_IS_FULL if self.action == "fill_disk" else ()


BROKER_IS_GONE = (
    r"(redis|kombu)\.exceptions\.\w+: ",
    r"celery\.beat\.SchedulingError: Couldn't apply scheduled task \w+: ",
    r"Connection(Refused|Reset)Error: \[Errno 1(11|04)\]",
    r"BrokenPipeError: \[Errno 32\]",
    r"AttributeError: 'NoneType' object has no attribute 'hostname'",  # kombu, closing what it has closed already
)
DISK_IS_FULL = (
    r"(django\.db\.utils|sqlite3)\.OperationalError: (disk I/O error|database or disk is full|unable to open)",
)


def kill(name: str, *targets: str, **more: object) -> Fault:
    return Fault(f"kill {name}", "kill", targets, **more)  # type: ignore[arg-type]


def freeze(name: str, *targets: str, **more: object) -> Fault:
    return Fault(f"freeze {name}", "freeze", targets, BEYOND_LEASE_S, **more)  # type: ignore[arg-type]


def of(console: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{console}/{name}" for name in names)


def network(link: str, name: str, way: str, senders: tuple[str, ...] = BOTH) -> Fault:
    return Fault(f"{link}: {name}", "disturb", lasts_s=A_WHILE_S, link=link, senders=senders, way=way)


FAULTS = (
    kill("source web", *of(SOURCE, WEB)),
    kill("destination web", *of(DESTINATION, WEB)),
    kill("source control worker", *of(SOURCE, CONTROL)),
    kill("destination control worker", *of(DESTINATION, CONTROL)),
    kill("source mover", f"{SOURCE}/mover-out"),
    kill("destination mover", f"{DESTINATION}/mover-in"),
    kill("source beat", f"{SOURCE}/beat"),
    kill("destination beat", f"{DESTINATION}/beat"),
    kill("source broker", f"{SOURCE}/valkey"),
    kill("destination broker", f"{DESTINATION}/valkey"),
    kill("source broker and its data", f"{SOURCE}/valkey", way="data"),
    kill("destination broker and its data", f"{DESTINATION}/valkey", way="data"),
    kill("source hypervisor", f"{SOURCE}/hypervisor"),
    kill("destination hypervisor", f"{DESTINATION}/hypervisor"),
    kill("source QEMU", f"{SOURCE}/{QEMU}", kinds=(QEMU,)),
    kill("destination QEMU", f"{DESTINATION}/{QEMU}", kinds=(QEMU,)),
    kill("both consoles", *of(SOURCE, CONSOLE), *of(DESTINATION, CONSOLE)),
    Fault("power loss of source", "lose_power", of(SOURCE, (*CONSOLE, "hypervisor"))),
    Fault("power loss of destination", "lose_power", of(DESTINATION, (*CONSOLE, "hypervisor"))),
    freeze("source mover", f"{SOURCE}/mover-out"),
    freeze("destination mover", f"{DESTINATION}/mover-in"),
    freeze("source control worker", f"{SOURCE}/control"),
    freeze("destination control worker", f"{DESTINATION}/control"),
    freeze("source web", f"{SOURCE}/web"),
    freeze("destination web", f"{DESTINATION}/web"),
    freeze("source QEMU", f"{SOURCE}/{QEMU}", kinds=(QEMU,)),
    freeze("destination QEMU", f"{DESTINATION}/{QEMU}", kinds=(QEMU,)),
    network("consoles", "cut", "cut"),
    network("consoles", "cut from source to destination", "cut", (SOURCE,)),
    network("consoles", "cut from destination to source", "cut", (DESTINATION,)),
    network("consoles", "loss", "loss"),
    network("consoles", "delay", "delay"),
    network("consoles", "slow", "slow"),
    network("movers", "cut", "cut"),
    network("movers", "cut from source to destination", "cut", (SOURCE,)),
    network("movers", "cut from destination to source", "cut", (DESTINATION,)),
    network("movers", "loss", "loss"),
    network("movers", "delay", "delay"),
    network("movers", "slow", "slow"),
    Fault("disk full at source", "fill_disk", (SOURCE,), A_WHILE_S),
    Fault("disk full at destination", "fill_disk", (DESTINATION,), A_WHILE_S),
    Fault("clock of source an hour ahead", "set_clock", (SOURCE,), A_WHILE_S, way="3600"),
    Fault("clock of destination an hour ahead", "set_clock", (DESTINATION,), A_WHILE_S, way="3600"),
    Fault("clock of destination an hour behind", "set_clock", (DESTINATION,), A_WHILE_S, way="-3600"),
    Fault("messages twice", "arm_messages", way="again"),
    Fault("messages late and overtaken", "arm_messages", way="delay"),
    Fault("Stop", "press_stop"),
    Fault("Stop and Recover at once", "press_stop_and_recover"),
    Fault("second migration started", "migrate_again"),
    Fault("partition shut down from inside", "shut_down_from_inside"),
    Fault("destination full", "fill_memory", (DESTINATION,), A_WHILE_S, only=("begun", "preparing")),
)


@dataclass(frozen=True)
class Cell:
    phase: Phase
    fault: Fault

    @property
    def name(self) -> str:
        """Stable: results are kept under it."""
        return f"{self.phase.name} / {self.fault.name}"

    def mirrored(self) -> "Cell":
        """The same of a move from uli14 to uli13."""
        phase = replace(self.phase, holder=opposite(self.phase.holder))
        targets, senders = (tuple(map(opposite, names)) for names in (self.fault.targets, self.fault.senders))
        return Cell(phase, replace(self.fault, targets=targets, senders=senders))


def opposite(name: str) -> str:
    """Of a console, or of a process of one."""
    console, slash, process = name.partition("/")
    return f"{OTHER[console]}{slash}{process}"


def all_cells(kind: str = SIMULATED) -> list[Cell]:
    """Phase by phase, so that the same process is not killed in two cells that follow each other."""
    made = [Cell(p, f) for p, f in product(PHASES, faults_of(kind)) if not left_out(p, f)]
    return [Cell(one.phase, one.fault.with_guests()) for one in made] if kind == QEMU else made


def faults_of(kind: str) -> list[Fault]:
    return [fault for fault in FAULTS if kind in fault.kinds]


def left_out(phase: Phase, fault: Fault) -> str:
    """Why there is no such cell; empty where there is."""
    if fault.only and phase.name not in fault.only:
        return f"{fault.name}: later nobody asks for it any more"
    if fault.targets == (f"{DESTINATION}/{QEMU}",) and not phase.has_incoming:
        return f"{fault.name}: before there is one"
    return ""


def reasons(kind: str) -> Counter[str]:
    """How many cells of all phases and faults are left out, by the reason."""
    found = (left_out(phase, fault) for phase, fault in product(PHASES, faults_of(kind)))
    return Counter(reason for reason in found if reason)


# Part of every run of the tests: each action once, each part of the protocol that decides who runs the partition.
SPREAD = (
    "preparing / destination full",
    "prepared / messages twice",
    "first pass / kill destination mover",
    "suspended / movers: cut",
    "loaded / freeze source mover",
    "surrendering / Stop and Recover at once",
    "surrendered / consoles: cut from destination to source",
    "surrendered / power loss of destination",
    "accepted / kill destination web",
    "resumed / messages late and overtaken",
    "completing / disk full at source",
    "rolling back / kill both consoles",
)


# The same for real guests: each process whose death matters is killed, both with the partition running and suspended.
SPREAD_OF_GUESTS = (
    "prepared / kill destination QEMU",
    "first pass / kill source mover",
    "later pass / kill source hypervisor",
    "suspended / kill destination QEMU",
    "suspended / kill destination mover",
    "loaded / kill destination hypervisor",
    "surrendering / Stop",
    "surrendered / kill source QEMU",
    "accepted / kill both consoles",
    "completing / kill source hypervisor",
)


def spread(kind: str = SIMULATED) -> list[Cell]:
    named = {cell.name: cell for cell in all_cells(kind)}
    return [named[name] for name in (SPREAD_OF_GUESTS if kind == QEMU else SPREAD)]
