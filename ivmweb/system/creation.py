"""Making partitions: records, memory, units, vhost and Ethernet adapters at once; then the hypervisor hears of them.

Should it not hear it, the inventory defines the partition there again. What a partition needs is checked by the same
functions as a change of its properties.
"""

import logging
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import count
from uuid import UUID

from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import HypervisorError, PrerequisiteFailed, each
from ivmweb.common.sentence import Sentence
from ivmweb.hypervisor.base import Definition, Fence
from ivmweb.monitor import notices
from ivmweb.system import adapters, capacity, first_storage, services
from ivmweb.system.actions import action
from ivmweb.system.adapters import Ethernet, Scsi
from ivmweb.system.changes import Values
from ivmweb.system.epochs import next_epoch
from ivmweb.system.first_storage import NOTHING, Storage
from ivmweb.system.models import MANAGEMENT_PARTITION_ID, LogicalPartition, ManagedSystem
from ivmweb.system.rights import AnyUser, Right, require
from ivmweb.system.sections import ROW, who
from ivmweb.system.shells import take_memory_and_units
from ivmweb.transactions import serialized

logger = logging.getLogger(__name__)

CREATE = _("Create Partition")
MADE = _("Partition {name} made with ID {lpar_id}")
FIRST_CLIENT_ID = MANAGEMENT_PARTITION_ID + 1


@dataclass(frozen=True)
class Wanted:
    """A partition to make. `values`: all of sections.ROW. Without an ID it gets the lowest free one."""

    values: Values
    lpar_id: int | None = None
    adapters: tuple[Scsi, ...] = (Scsi(),)
    ethernets: tuple[Ethernet, ...] = ()
    mac_base: str = ""  # ten digits of its MAC addresses; empty: new ones
    storage: Storage = NOTHING  # behind the first of its adapters
    uuid: UUID | None = None  # None: a new one
    may_be_told_twice: bool = False  # by its UUID: it makes one partition, and is no error the second time
    lines: tuple[Sentence, ...] = ()  # more for Monitor Tasks

    @property
    def name(self) -> str:
        return str(self.values["name"])


@dataclass(frozen=True)
class Named:
    """What the request names, for whichever of its partitions: no other one of them is given it."""

    lpar_ids: frozenset[int]
    server_slots: frozenset[int]


@dataclass(frozen=True)
class Below:
    """What the hypervisor has now, also under IDs that no record has, and what it sees of the disks of each wish."""

    names: Mapping[int, str]  # by partition ID
    uuids: Mapping[str, int]  # the partition ID
    disks: Sequence[first_storage.Seen]  # as the wishes are


@dataclass(frozen=True)
class Made:
    """A partition in the records; `lines` is for Monitor Tasks."""

    definition: Definition
    fence: Fence
    lines: tuple[Sentence, ...]


def create(wanted: Sequence[Wanted], *, user: AnyUser, origin: str) -> None:
    """All of them or none. Raises PrerequisiteFailed or HypervisorError with nothing changed; `at` of it
    is the index in `wanted`, where it is about one of them.

    The hypervisor is asked first which IDs it has partitions under: what is in no record here may be one of them.
    """
    with ExitStack() as stack:
        reports = [stack.enter_context(action(user, origin, Right.CHANGE, CREATE, one.name)) for one in wanted]
        below = _look_below(wanted)
        with serialized():
            made = _make_all(wanted, below)
            notices.publish(notices.PARTITIONS, notices.SYSTEM)
        for done, report in zip(made, reports, strict=True):
            report.lines.extend(done.lines if done else ())
            report.goes_on = done is None  # the row of Monitor Tasks is that of the first time
    for done in made:
        if done:
            _tell_hypervisor(done)


def check(wanted: Wanted, *, user: AnyUser) -> None:
    """Raises what create() would now, and changes nothing: the partition is made, and taken back.

    Not for a wish with a new disk, whose file is made at once.
    """
    require(user, Right.CHANGE)
    below = _look_below([wanted])
    with suppress(_TakenBack), serialized():
        _make_all([wanted], below)
        raise _TakenBack


class _TakenBack(Exception):
    pass


def _look_below(wanted: Sequence[Wanted]) -> Below:
    """Raises PrerequisiteFailed or HypervisorError; not inside a transaction."""
    facts = services.hypervisor().describe_system()
    capacity.follow(facts.capacity)
    return Below(
        {fact.lpar_id: fact.name for fact in facts.partitions},
        {fact.uuid: fact.lpar_id for fact in facts.partitions},
        each(wanted, lambda one: first_storage.look(one.storage)),
    )


def _make_all(wanted: Sequence[Wanted], below: Below) -> list[Made | None]:
    """None for what has been made already."""
    if restored := services.why_nothing_starts():
        raise restored
    named = _named_in(wanted)
    return each(
        zip(wanted, below.disks, strict=True),
        lambda one: None if is_made(one[0]) else _make(*one, below, named),
    )


def is_made(wanted: Wanted) -> bool:
    """By the same wish before: it was sent twice, and there is nothing more to do."""
    if wanted.uuid is None or not wanted.may_be_told_twice:
        return False
    return LogicalPartition.objects.filter(uuid=wanted.uuid).exists()


def _named_in(wanted: Sequence[Wanted]) -> Named:
    slots = (adapter.server_slot for one in wanted for adapter in one.adapters)
    return Named(
        frozenset(one.lpar_id for one in wanted if one.lpar_id is not None),
        frozenset(slot for slot in slots if slot is not None),
    )


def _make(wanted: Wanted, disks: first_storage.Seen, below: Below, named: Named) -> Made:
    system = ManagedSystem.objects.get()
    fence = Fence(epoch=next_epoch())
    row = LogicalPartition(lpar_id=_id_for(wanted, below.names.keys(), named, system), **wanted.values)
    if wanted.uuid is not None:
        row.uuid = wanted.uuid
        _check_uuid(row, below, system)
    ROW.check(row, wanted.values, wanted.values)
    take_memory_and_units(row, system)
    row.save()
    base = wanted.mac_base or adapters.new_mac_base()
    ethernets = [adapters.make_ethernet(row, one, base) for one in wanted.ethernets]
    # Those that name their slot come first: the others take what is left.
    in_order = sorted(wanted.adapters, key=lambda one: one.client_slot is None)
    hosts = [adapters.make_scsi(row, one, named.server_slots) for one in in_order]
    lines = (
        Sentence(MADE, who(row)),
        *wanted.lines,
        *map(adapters.scsi_sentence, hosts),
        *map(adapters.ethernet_sentence, ethernets),
        *(first_storage.attach(hosts[0], wanted.storage, disks) if hosts else ()),
    )
    return Made(services.definition_of(row), fence, lines)


def _check_uuid(row: LogicalPartition, below: Below, system: ManagedSystem) -> None:
    """A second partition of one UUID would be a second copy. Raises PrerequisiteFailed."""
    present = LogicalPartition.objects.filter(uuid=row.uuid).first()
    if present is not None:
        held = {"state": present.state, "hold": present.held_for or "no operation"}
        raise PrerequisiteFailed("partition-already-here", system=system.host_name, **held, **who(present))
    if str(row.uuid) in below.uuids:
        lpar_id = below.uuids[str(row.uuid)]
        names = {"system": system.host_name, "uuid": str(row.uuid), "known": below.names[lpar_id]}
        raise PrerequisiteFailed("uuid-unrecorded", lpar_id=lpar_id, name=row.name, **names)


def _id_for(wanted: Wanted, known_below: AbstractSet[int], named: Named, system: ManagedSystem) -> int:
    """As wanted, or the lowest that is free on record, below and in the request. Raises PrerequisiteFailed."""
    recorded = dict(LogicalPartition.objects.values_list("lpar_id", "name"))
    names = {"name": wanted.name, "system": system.host_name, "maximum": system.max_partitions}
    if len(recorded) >= system.max_partitions:
        raise PrerequisiteFailed("no-partition-id", **names)
    if wanted.lpar_id is None:
        taken = recorded.keys() | known_below | named.lpar_ids
        return next(number for number in count(FIRST_CLIENT_ID) if number not in taken)
    if not FIRST_CLIENT_ID <= wanted.lpar_id <= system.max_partitions:
        raise PrerequisiteFailed("partition-id-out-of-range", lpar_id=wanted.lpar_id, low=FIRST_CLIENT_ID, **names)
    if wanted.lpar_id in recorded:
        owner = recorded[wanted.lpar_id]
        raise PrerequisiteFailed("partition-id-taken", lpar_id=wanted.lpar_id, owner=owner, **names)
    if wanted.lpar_id in known_below:
        raise PrerequisiteFailed("partition-id-unrecorded", lpar_id=wanted.lpar_id, **names)
    return wanted.lpar_id


def _tell_hypervisor(made: Made) -> None:
    try:
        services.hypervisor().create(made.definition, made.fence)
    except HypervisorError as exc:
        logger.info("partition %s: the hypervisor hears of it later: %s", made.definition.name, exc)
