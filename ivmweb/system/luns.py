"""Changing which LUNs a partition has, in the records and at the hypervisor, so that neither is ahead of the other.

1. By itself: on record which LUNs may change, and the epoch of the command.
2. In one transaction: the records change, and last of all the hypervisor is told all LUNs that are on record now.
   No migration begins while the two differ, and what the hypervisor refuses takes the records back.

Where it does not answer, or this process dies, nobody knows what it has done, and step 1 stays on record: a migration
is refused, and the inventory has the hypervisor do what is on record, by a newer epoch, so that the old command can't
be carried out any more.
"""

import uuid
from collections.abc import Callable, Iterable
from typing import TypeVar

from ivmweb.common.errors import HypervisorError, IvmError
from ivmweb.hypervisor.base import Fence, LunReference
from ivmweb.system import owners, services
from ivmweb.system.epochs import next_epoch, operator_fence
from ivmweb.system.models import LogicalPartition, LogicalVolume, PhysicalVolume
from ivmweb.transactions import serialized

TRIES = 10  # against others that change the same partition's LUNs at the same time
UNANSWERED, OVERTAKEN = "hypervisor-unreachable", "stale-epoch"
DRIVES = "drives "  # among unsettled LUNs: optical drives, or what is loaded, may have changed

Result = TypeVar("Result")


def change(
    partition: LogicalPartition,
    backings: Iterable[PhysicalVolume | LogicalVolume | None],
    change_records: Callable[[], Result],
    *,
    with_drives: bool = False,
    force: bool = False,
) -> Result:
    """What `change_records` answers, which is called in the transaction, again where somebody was faster.

    `backings`: what is mapped or taken away. `with_drives`: optical drives change, or what is loaded; with `force`
    although the partition's system has locked one. Raises PrerequisiteFailed or HypervisorError with the records
    unchanged.
    """
    ids = [backing.unique_id for backing in backings if backing is not None and backing.path]
    needs_both = with_drives and bool(ids)
    ids += [f"{DRIVES}{uuid.uuid4().hex}"] if with_drives else []
    if not ids:
        with serialized():
            return change_records()
    for left in reversed(range(TRIES)):
        fence = announce(partition, ids)
        try:
            with serialized():
                answer = change_records()
                tell(partition, fence, force=force)
                settled(partition, ids)
                return answer
        except IvmError as error:
            key = error.key if isinstance(error, HypervisorError) else ""
            if isinstance(error, HypervisorError):
                owners.say_whose(error)
            if key == UNANSWERED:
                raise
            if key != OVERTAKEN or not left:
                if not needs_both:  # else one of two commands may have been carried out
                    with serialized():
                        settled(partition, ids)
                raise
    raise AssertionError("the last try returns or raises")


def announce(partition: LogicalPartition, ids: list[str]) -> Fence:
    with serialized():
        fence = Fence(epoch=next_epoch())
        rows = LogicalPartition.objects.filter(pk=partition.pk)
        for known in rows.values_list("unsettled_luns", flat=True):
            rows.update(unsettled_luns=sorted({*known, *ids}))
    return fence


def settled(partition: LogicalPartition, ids: list[str]) -> None:
    """Others of this partition may still be on their way."""
    rows = LogicalPartition.objects.filter(pk=partition.pk)
    for known in rows.values_list("unsettled_luns", flat=True):
        rows.update(unsettled_luns=sorted({*known} - {*ids}))


def tell(partition: LogicalPartition, fence: Fence, *, force: bool = False) -> None:
    """The LUNs and drives on record, and LUNs that may have been others are given back. Inside the transaction.

    Not of a restored database: the partition may have got LUNs since the backup, which it would lose.
    """
    if restored := services.why_nothing_starts():
        raise restored
    row = LogicalPartition.objects.get(pk=partition.pk)
    definition = services.definition_of(row)
    kept = {lun.unique_id for lun in definition.luns}
    others = {*row.unsettled_luns} - kept
    dropped = tuple(
        LunReference(*found)
        for kind in (PhysicalVolume, LogicalVolume)
        for found in kind.objects.filter(unique_id__in=others).values_list("unique_id", "path")
    )
    if any(each.startswith(DRIVES) for each in row.unsettled_luns):
        services.hypervisor().change_drives(definition, fence, force=force)
    if any(not each.startswith(DRIVES) for each in row.unsettled_luns):
        services.hypervisor().change_luns(definition, dropped, fence)


def settle(partition: LogicalPartition) -> bool:
    """For the inventory, of one that nobody holds; false where nothing was to be done. Raises HypervisorError."""
    if services.why_nothing_starts():
        return False
    fence = operator_fence()
    with serialized():
        row = LogicalPartition.objects.filter(pk=partition.pk, hold="").first()
        if row is None or not row.unsettled_luns:
            return False
        LogicalPartition.objects.filter(pk=row.pk).update(hold="")  # nobody takes it before the commit
        tell(row, fence)
        settled(row, row.unsettled_luns)
    return True
