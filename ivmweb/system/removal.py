"""Removing a partition: its LUNs are free, the hypervisor forgets it, then its records go, in this order.

Under a hold of its own nothing else begins with the partition meanwhile. A removal that dies in the middle leaves the
hold and the records: asked again, another one takes the hold over and goes on, since each step finds what is done
already; where nobody asks, the inventory ends the hold after a while. An error ends the hold at once. The partition
is an ordinary one again then: the next start takes its LUNs and defines it, whatever was done by then. Commands of a
removal that was overtaken are refused by their older epoch.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from django.db.models.functions import Length
from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import HypervisorError, IvmError, PrerequisiteFailed
from ivmweb.common.sentence import Sentence
from ivmweb.hypervisor.base import Definition, Fence, Hypervisor, OwnerWord, RunState
from ivmweb.monitor import notices
from ivmweb.monitor import services as monitor
from ivmweb.monitor.models import MonitorTask, TaskStatus
from ivmweb.system import audit, services
from ivmweb.system.epochs import next_epoch
from ivmweb.system.models import (
    LogicalPartition,
    LogicalVolume,
    ManagedSystem,
    Operation,
    PartitionState,
    PhysicalVolume,
)
from ivmweb.system.models.partition import REMOVAL, is_removal
from ivmweb.system.rights import AnyUser, Right, require
from ivmweb.system.sections import who
from ivmweb.transactions import serialized

Check = Callable[[LogicalPartition], None]

DELETE = _("Delete Partition")
ADAPTERS_BACK = _("Physical adapters back to the management partition: {locations}")
LUNS_FREE = _("Physical volumes and virtual disks that are free again: {luns}")
FREE = OwnerWord()


@dataclass(frozen=True)
class Removal:
    partition: LogicalPartition  # as it was claimed
    hold: str
    fence: Fence
    task: MonitorTask


def remove(partition: LogicalPartition, check: Check, *, user: AnyUser, origin: str) -> None:
    """Raises PrerequisiteFailed or HypervisorError, and the partition is there as before.

    `check` raises where something else than this app still needs the partition; it is asked in the transaction in
    which the partition is taken.
    """
    with audit.attempt(user, origin, "delete", partition.audit_thing):
        require(user, Right.CHANGE)
        removal = _claim(partition, check, user.get_username())
        try:
            freed = _take_in_turn(removal)
            _forget(removal, freed)
        except IvmError as error:
            _leave(removal, error)
            raise


def cannot_begin(partition: LogicalPartition) -> PrerequisiteFailed | None:
    """Why it would be refused as the records are now; None where it may be tried."""
    if partition.is_management:
        return PrerequisiteFailed("management-partition", operation=DELETE, **who(partition))
    if partition.hold and not is_removal(partition.hold):
        return services.held(partition)
    if partition.state != PartitionState.NOT_ACTIVATED:
        return _needs_off(partition, partition.state)
    return services.why_nothing_starts()


def _claim(partition: LogicalPartition, check: Check, user: str) -> Removal:
    """Hold, task and epoch in one transaction; raises PrerequisiteFailed with the reason."""
    if partition.is_management:
        raise PrerequisiteFailed("management-partition", operation=DELETE, **who(partition))
    with serialized():
        if restored := services.why_nothing_starts():
            raise restored
        fence = Fence(epoch=next_epoch())
        row = LogicalPartition.objects.filter(pk=partition.pk).select_related("operation_task").first()
        if row is None:
            raise PrerequisiteFailed("partition-not-here", **who(partition))
        if row.hold and not is_removal(row.hold):
            raise services.held(row)
        if row.state != PartitionState.NOT_ACTIVATED:
            raise _needs_off(row, row.state)
        check(row)
        hold = f"{REMOVAL} {uuid.uuid4()}"
        _take(row, hold)
        if row.operation_task is not None:  # a removal that died, or a shutdown whose end nobody has seen yet
            before = Operation(row.operation).label if row.operation else DELETE
            services.end_superseded(row.operation_task, before)
        task = monitor.start_task(DELETE, row.task_target, user)
        LogicalPartition.objects.filter(pk=row.pk).update(operation="", operation_task=task)
        notices.publish(notices.PARTITIONS)
    return Removal(row, hold, fence, task)


def _take(row: LogicalPartition, hold: str) -> None:
    """By compare-and-set: a migration takes its hold in a single statement, which may come in between."""
    if LogicalPartition.objects.filter(pk=row.pk, hold=row.hold, state=row.state).update(hold=hold):
        return
    now = LogicalPartition.objects.filter(pk=row.pk).first()
    if now is not None and now.hold:
        raise services.held(now)
    raise PrerequisiteFailed("partition-not-here", **who(row)) if now is None else _needs_off(now, now.state)


def _leave(removal: Removal, error: IvmError) -> None:
    """It failed: the partition is an ordinary one again. One that has overtaken it keeps its hold."""
    rows = LogicalPartition.objects.filter(pk=removal.partition.pk, hold=removal.hold)
    rows.update(hold="", operation_task=None)
    monitor.end_task(removal.task, TaskStatus.FAILED, Sentence.of(error))
    notices.publish(notices.PARTITIONS)


def give_up(partition: LogicalPartition) -> bool:
    """Of a removal that died, for the inventory: its hold and its task end. False where somebody went on with it."""
    with serialized():
        rows = LogicalPartition.objects.filter(pk=partition.pk, hold=partition.hold)
        if not rows.update(hold="", operation_task=None):
            return False
        if partition.operation_task is not None:
            died = PrerequisiteFailed("removal-died", **who(partition))
            monitor.end_task(partition.operation_task, TaskStatus.FAILED, Sentence.of(died))
        notices.publish(notices.PARTITIONS)
    return True


def _needs_off(row: LogicalPartition, state: str) -> PrerequisiteFailed:
    needed = PartitionState.NOT_ACTIVATED.value
    return PrerequisiteFailed("wrong-state", state=state, operation=DELETE, needed=needed, **who(row))


def _take_in_turn(removal: Removal) -> list[str]:
    """As _take_from_hypervisor. Raises PrerequisiteFailed where a later removal has the partition by now."""
    try:
        return _take_from_hypervisor(services.hypervisor(), removal)
    except HypervisorError as exc:
        rows = LogicalPartition.objects.filter(pk=removal.partition.pk, hold=removal.hold)
        if exc.key == "stale-epoch" and not rows.exists():
            raise PrerequisiteFailed("removal-taken-over", **who(removal.partition)) from exc
        raise


def _take_from_hypervisor(vmc: Hypervisor, removal: Removal) -> list[str]:
    """The LUNs, by their unique ids, that were its own and are free now. What was done before is found done.

    Defined again without LUNs of others, it lets the words of its own be changed; and after this first command of
    its epoch no older one is carried out any more, so what is seen then stays so.
    """
    row, fence = removal.partition, removal.fence
    definition = services.definition_of(row)
    own = OwnerWord(partition_uuid=str(row.uuid), system=ManagedSystem.objects.get().identity)
    words = _words_of(vmc, definition, row)
    _check_it_is_off(vmc, row)
    luns = tuple(lun for lun in definition.luns if words[lun.unique_id] in (own, FREE))
    vmc.create(replace(definition, luns=luns), fence)
    _check_it_is_off(vmc, row)
    vmc.change_owner_words(row.lpar_id, own, FREE, fence)
    vmc.remove(row.lpar_id, fence)
    return [lun.unique_id for lun in luns if words[lun.unique_id] == own]


def _words_of(vmc: Hypervisor, definition: Definition, row: LogicalPartition) -> dict[str, OwnerWord]:
    """By unique id. One that says another server, or is offered to one, is left as it is."""
    found = {}
    for lun in vmc.look_at_luns(definition.luns):
        if lun.owner is None:
            raise PrerequisiteFailed("lun-not-freed", unique_id=lun.unique_id, reason=lun.error, **who(row))
        found[lun.unique_id] = lun.owner
    return found


def _check_it_is_off(vmc: Hypervisor, row: LogicalPartition) -> None:
    fact = vmc.describe(row.lpar_id)
    if fact is not None and fact.uuid != str(row.uuid):
        raise PrerequisiteFailed("hypervisor-has-another", other=fact.name, **who(row))
    if fact is not None and fact.run_state is not RunState.NOT_ACTIVATED:
        raise _needs_off(row, fact.run_state.value)


def names_of(unique_ids: list[str]) -> list[str]:
    """Of the physical volumes and virtual disks that have these."""
    kinds = (PhysicalVolume, LogicalVolume)
    rows = [kind.objects.filter(unique_id__in=unique_ids).order_by(Length("name"), "name") for kind in kinds]
    return [name for found in rows for name in found.values_list("name", flat=True)]


def _forget(removal: Removal, freed: list[str]) -> None:
    """The records. Raises PrerequisiteFailed where another removal was faster."""
    with serialized():
        row = LogicalPartition.objects.filter(pk=removal.partition.pk, hold=removal.hold).first()
        if row is None:
            raise PrerequisiteFailed("removal-overtaken", **who(removal.partition))
        locations = services.release_physical_adapters(row)
        services.remove_partition(row)
        if freed:
            luns = ", ".join(names_of(freed))
            monitor.add_line(removal.task, Sentence(LUNS_FREE, {"luns": luns}))
        if locations:
            monitor.add_line(removal.task, Sentence(ADAPTERS_BACK, {"locations": ", ".join(locations)}))
        monitor.end_task(removal.task, TaskStatus.SUCCEEDED)
