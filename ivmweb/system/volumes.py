"""Physical volumes of the LUNs that the hypervisor finds, recorded once, under a name that stays, wherever they are.

A record is never dropped for what is not found: it may be mapped, and it is the name by which people know the disk.
What a partition that runs or is on its way has of its LUNs stays as it is; a changed path counts once it is off.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

from django.db.models import QuerySet
from django.db.models.functions import Length
from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import HypervisorError, PrerequisiteFailed
from ivmweb.common.sentence import Sentence
from ivmweb.hypervisor.base import FoundLun, LunList
from ivmweb.monitor import notices
from ivmweb.system import audit, pools, services
from ivmweb.system.actions import action
from ivmweb.system.models import (
    LogicalPartition,
    ManagedSystem,
    PartitionState,
    PhysicalVolume,
    VirtualTargetDevice,
    VolumeTrouble,
)
from ivmweb.system.rights import AnyUser, Right
from ivmweb.system.sections import who
from ivmweb.transactions import serialized

INITIALIZE, REMOVE = _("Initialize LUN"), _("Remove Physical Volume")
INITIALIZED = _("{path}: the LUN {unique_id}, {size_mb} MB")
REMOVED = _("{volume} (LUN {unique_id}) removed")
FOUND = _("Physical volumes found: {volumes}")
SAID = {
    VolumeTrouble.MISSING: _("Missing: {volumes}"),
    VolumeTrouble.UNREADABLE: _("Cannot be read: {volumes}"),
    VolumeTrouble.COPIED: _("There more than once, so that no partition is started with it: {volumes}"),
    VolumeTrouble.SMALLER: _("Smaller than before: {volumes}"),
    VolumeTrouble.ELSEWHERE: _("At another path, which is used once the partition is off: {volumes}"),
}
BACK = _("As they should be again: {volumes}")
MOVED = _("At another path now: {volumes}")
NOT_LOOKED_AT = _("{problem}")

FILE, DEVICE = "LUN in an image file", "LUN on a block device"  # as lsdev describes them
PREFIX = "hdisk"
MB = 2**20
MOST_NAMED = 8  # in one sentence
STAND_STILL = "luns-stand-still"

_told: set[str] = set()  # of this process: problems that are not said again at each look


@dataclass
class Changes:
    """What a look changes: rows to save, and the names of the disks by what is said of them."""

    new: list[PhysicalVolume] = field(default_factory=list)
    changed: list[PhysicalVolume] = field(default_factory=list)
    said: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    unsettled: defaultdict[int, set[str]] = field(default_factory=lambda: defaultdict(set))  # by partition

    def sentences(self) -> list[Sentence]:
        return [Sentence(text, {"volumes": listed(names)}) for text, names in self.said.items()]


def discover() -> list[Sentence]:
    """Have the records say what the hypervisor finds; what has changed, and what it could not look at.

    Raises HypervisorError with nothing changed. Of a hypervisor that was not told where LUNs are the records stay.
    """
    found = services.hypervisor().list_luns()
    if not found.has_places:
        return []
    with serialized():
        # Nobody reserves or starts one that is off before the commit: its disks' paths may change.
        LogicalPartition.objects.filter(hold="", state=PartitionState.NOT_ACTIVATED).update(hold="")
        changes = compare(found, recorded(), names_to_give())
        save(changes)
    return [*changes.sentences(), *(Sentence(NOT_LOOKED_AT, {"problem": problem}) for problem in found.errors)]


def recorded() -> QuerySet[PhysicalVolume]:
    rows = PhysicalVolume.objects.select_related("target_device__adapter__partition")
    return rows.order_by(Length("name"), "name")


def names_to_give() -> Iterator[str]:
    """hdiskN from the lowest free number on."""
    taken = pools.taken_names()
    return (name for number in count() if (name := f"{PREFIX}{number}") not in taken)


def compare(found: LunList, rows: Iterable[PhysicalVolume], names: Iterator[str]) -> Changes:
    """Changes the rows in memory; no query."""
    changes = Changes()
    by_id: defaultdict[str, list[FoundLun]] = defaultdict(list)
    for lun in found.luns:
        by_id[lun.unique_id].append(lun)
    unusable = {lun.path for lun in by_id.pop("", [])}
    for row in rows:
        if luns := by_id.pop(row.unique_id, []):
            update(row, luns, changes)
        elif row.is_discovered:
            say(row, VolumeTrouble.UNREADABLE if row.path in unusable else VolumeTrouble.MISSING, changes)
    for unique_id, luns in by_id.items():
        changes.new.append(made(next(names), unique_id, luns))
    for row in changes.new:
        changes.said[SAID[VolumeTrouble(row.trouble)] if row.trouble else FOUND].append(row.name)
    return changes


def made(name: str, unique_id: str, luns: Sequence[FoundLun]) -> PhysicalVolume:
    lun = luns[0]
    return PhysicalVolume(
        name=name,
        unique_id=unique_id,
        path=lun.path,
        size_mb=lun.size_bytes // MB,
        location="",
        description=DEVICE if lun.is_device else FILE,
        is_device=lun.is_device,
        is_discovered=True,
        trouble=VolumeTrouble.COPIED if len(luns) > 1 else "",
    )


def update(row: PhysicalVolume, luns: Sequence[FoundLun], changes: Changes) -> None:
    """By what was found of it, in one place or more."""
    lun = next((one for one in luns if one.path == row.path), luns[0])
    size_mb = lun.size_bytes // MB
    partition = partition_of(row)
    is_smaller = partition is not None and size_mb < row.size_mb
    may_move = partition is None or is_off(partition)
    troubles = {
        VolumeTrouble.COPIED: len(luns) > 1,
        VolumeTrouble.ELSEWHERE: lun.path != row.path and not may_move,
        VolumeTrouble.SMALLER: is_smaller,
    }
    trouble = next((one.value for one, is_so in troubles.items() if is_so), "")
    before = (row.path, row.size_mb, row.is_device, row.is_discovered)
    if may_move and lun.path != row.path:
        row.path = lun.path
        changes.said[MOVED].append(row.name)
        if partition is not None:
            changes.unsettled[partition.pk].add(row.unique_id)
    if not is_smaller:
        row.size_mb = size_mb
    if row.path == lun.path:
        row.is_device = lun.is_device
    row.is_discovered = True
    if not say(row, trouble, changes) and before != (row.path, row.size_mb, row.is_device, row.is_discovered):
        changes.changed.append(row)


def say(row: PhysicalVolume, trouble: str, changes: Changes) -> bool:
    """Whether the trouble is another one than before; the row is saved then."""
    if row.trouble == trouble:
        return False
    row.trouble = trouble
    changes.changed.append(row)
    changes.said[SAID[VolumeTrouble(trouble)] if trouble else BACK].append(row.name)
    return True


def partition_of(row: PhysicalVolume) -> LogicalPartition | None:
    device: VirtualTargetDevice | None = getattr(row, "target_device", None)
    return device.adapter.partition if device else None


def is_off(partition: LogicalPartition) -> bool:
    return not partition.hold and partition.state == PartitionState.NOT_ACTIVATED


def save(changes: Changes) -> None:
    """In the transaction in which the rows were read. A partition that is off gets its new path by luns.settle."""
    PhysicalVolume.objects.bulk_create(changes.new)
    PhysicalVolume.objects.bulk_update(
        changes.changed, ["path", "size_mb", "is_device", "is_discovered", "trouble"], batch_size=100
    )
    for partition in LogicalPartition.objects.filter(pk__in=changes.unsettled):
        luns = sorted({*partition.unsettled_luns, *changes.unsettled[partition.pk]})
        LogicalPartition.objects.filter(pk=partition.pk).update(unsettled_luns=luns)
    if changes.new or changes.changed:
        notices.publish(notices.PARTITIONS, notices.SYSTEM)


def listed(names: Sequence[str]) -> str:
    more = [f"and {len(names) - MOST_NAMED} more"] if len(names) > MOST_NAMED else []
    return ", ".join([*names[:MOST_NAMED], *more])


# What nobody has asked for


def watch() -> None:
    """Look again; what has changed goes to the audit trail, and each problem once, until it is over."""
    try:
        sentences = discover()
    except HypervisorError as exc:
        sentences = [Sentence.of(exc)] if exc.key == STAND_STILL else []  # that it does not answer shows everywhere
    problems = {str(sentence) for sentence in sentences if sentence.text == NOT_LOOKED_AT or sentence.code}
    for text in dict.fromkeys(str(sentence) for sentence in sentences):
        if text not in _told:
            outcome = audit.FAILED if text in problems else audit.REPAIRED
            audit.record(user="inventory", action="inventory", thing="LUNs", outcome=outcome, text=text)
    _told.clear()
    _told.update(problems)


# What an operator asks for


def initialize(path: str, *, force: bool, user: AnyUser, origin: str) -> FoundLun:
    """Have the hypervisor make a LUN of a file or block device, and record it; see its `init_lun`.

    Raises PrerequisiteFailed or HypervisorError with nothing written, unless the hypervisor did not answer.
    """
    with action(user, origin, Right.CHANGE, INITIALIZE, path) as report:
        lun = services.hypervisor().init_lun(path, force=force)
        size_mb = lun.size_bytes // MB
        report.lines.append(Sentence(INITIALIZED, {"path": lun.path, "unique_id": lun.unique_id, "size_mb": size_mb}))
        with suppress(HypervisorError):  # it is a LUN by now; the next look finds it
            report.lines += discover()
    return lun


def remove(name: str, *, user: AnyUser, origin: str) -> None:
    """Forget a physical volume whose LUN is gone. Raises PrerequisiteFailed."""
    with action(user, origin, Right.CHANGE, REMOVE, name) as report, serialized():
        volume = pools.physical_volume_named(name)
        if device := pools.device_of(volume):
            raise PrerequisiteFailed(
                "volume-in-use", volume=name, device=device.name, **who(device.adapter.partition)
            )
        if volume.trouble != VolumeTrouble.MISSING:
            system = ManagedSystem.objects.get().host_name
            raise PrerequisiteFailed("volume-present", volume=name, unique_id=volume.unique_id, system=system)
        volume.delete()
        report.lines.append(Sentence(REMOVED, {"volume": name, "unique_id": volume.unique_id}))
        notices.publish(notices.PARTITIONS, notices.SYSTEM)
