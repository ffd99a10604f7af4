"""View/Modify Partitions: what its rows and its System Overview say. Pure functions of records and facts."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from ivmweb.hypervisor.base import NOT_RUN_HERE, PartitionFacts
from ivmweb.pages import formats
from ivmweb.system.models import LogicalPartition, ManagedSystem, PartitionState

MIGRATING = frozenset({PartitionState.MIGRATING_RUNNING, PartitionState.MIGRATING_NOT_ACTIVATED})
TONES = {
    PartitionState.RUNNING: "good",
    PartitionState.STARTING: "busy",
    PartitionState.OPEN_FIRMWARE: "busy",
    PartitionState.SHUTTING_DOWN: "busy",
    PartitionState.MIGRATING_RUNNING: "busy",
    PartitionState.MIGRATING_NOT_ACTIVATED: "busy",
    PartitionState.ERROR: "bad",
    PartitionState.NOT_AVAILABLE: "attention",
    PartitionState.NOT_ACTIVATED: "quiet",
}


@dataclass(frozen=True)
class Row:
    lpar_id: int
    name: str
    state: PartitionState
    uptime: str
    memory: str
    processors: int
    entitled: str
    utilized: str
    reference_code: str
    is_chosen: bool
    place: tuple[int, int] | None  # its migration waits in the queue: second of four
    waits_for: str  # what its migration waits for; empty while it goes on
    held_for: str  # what reserves it where its state does not tell
    is_conflict: bool  # both consoles have it by their records
    moved_to: str  # the console that has it since, by what a restored database was told; empty: it is here

    @property
    def words(self) -> str:
        """One in the queue still does what it did before Migrate was pressed."""
        if self.moved_to:
            return _("Moved to %(remote)s") % {"remote": self.moved_to}
        return str(BEFORE[self.state].label if self.place and self.state in BEFORE else self.state.label)

    @property
    def tone(self) -> str:
        if self.is_conflict:
            return "bad"
        return "attention" if self.moved_to or self.waits_for or self.place else TONES[self.state]


@dataclass(frozen=True)
class Overview:
    total_memory: str
    memory_available: str
    firmware_memory: str
    attention_led: bool
    total_units: str
    units_available: str
    pool_utilization: str


NONE_WAITS: Mapping[UUID, str] = {}
NONE_QUEUED: Mapping[UUID, tuple[int, int]] = {}
BEFORE = {
    PartitionState.MIGRATING_RUNNING: PartitionState.RUNNING,
    PartitionState.MIGRATING_NOT_ACTIVATED: PartitionState.NOT_ACTIVATED,
}
Facts = Mapping[int, PartitionFacts] | None  # by partition ID; None: the hypervisor does not answer


def table(
    partitions: Iterable[LogicalPartition],
    facts: Facts,
    chosen: set[int],
    queued: Mapping[UUID, tuple[int, int]] = NONE_QUEUED,
    waiting: Mapping[UUID, str] = NONE_WAITS,
    conflicts: Collection[UUID] = (),
) -> list[Row]:
    """`queued`: whose migration waits in the queue, and its place; `waiting`: what other migrations wait for."""
    return [
        row(
            partition,
            facts,
            partition.lpar_id in chosen,
            place=queued.get(partition.uuid),
            waits_for=waiting.get(partition.uuid, ""),
            is_conflict=partition.uuid in conflicts,
        )
        for partition in partitions
    ]


def row(
    partition: LogicalPartition,
    facts: Facts,
    is_chosen: bool,
    *,
    place: tuple[int, int] | None = None,
    waits_for: str = "",
    is_conflict: bool = False,
) -> Row:
    elsewhere = moved_to(partition, facts)
    fact = None if elsewhere else (facts or {}).get(partition.lpar_id)
    ran = fact if fact and fact.run_state not in NOT_RUN_HERE else None
    return Row(
        lpar_id=partition.lpar_id,
        name=partition.name,
        state=state(partition, facts),
        uptime=formats.uptime(ran.uptime_s if ran else None),
        memory=formats.memory(partition.memory_mb),
        processors=partition.virtual_processors,
        entitled=formats.units(partition.processing_units),
        utilized="" if ran is None or ran.utilized_units is None else formats.units(ran.utilized_units),
        reference_code=fact.reference_code if fact else "",
        is_chosen=is_chosen,
        place=place,
        is_conflict=is_conflict,
        waits_for=waits_for,
        held_for="" if place or elsewhere or partition.state in MIGRATING else partition.held_for,
        moved_to=elsewhere,
    )


def moved_to(partition: LogicalPartition, facts: Facts) -> str:
    """Not where the hypervisor says that it runs here all the same: then that is told."""
    fact = (facts or {}).get(partition.lpar_id)
    if fact and fact.uuid == str(partition.uuid) and fact.run_state not in NOT_RUN_HERE:
        return ""
    return partition.moved_to


def state(partition: LogicalPartition, facts: Facts) -> PartitionState:
    """The recorded one; while the hypervisor is silent only this console's own partition is known to run."""
    if facts is None and not partition.is_management:
        return PartitionState.NOT_AVAILABLE
    return PartitionState(partition.state)


def overview(system: ManagedSystem, facts: Facts) -> Overview:
    return Overview(
        total_memory=formats.memory(system.installed_memory_mb),
        memory_available=formats.memory(system.free_memory_mb),
        firmware_memory=formats.memory(system.firmware_memory_mb),
        attention_led=system.attention_led,
        total_units=formats.units(system.installed_units),
        units_available=formats.units(system.free_units),
        pool_utilization="" if facts is None else pool_utilization(facts, system),
    )


def pool_utilization(facts: Mapping[int, PartitionFacts], system: ManagedSystem) -> str:
    used = sum(fact.utilized_units or 0.0 for fact in facts.values())
    return formats.utilization(used, system.installed_units)
