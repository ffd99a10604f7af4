"""What can be done with this server's partitions.

Each writer of this app's models does so in a serialized transaction, of a partition only while nobody else holds it.
Activate, Shutdown and every reservation exclude each other in one row: `hold` is taken by compare-and-set, together
with the state that it needs, before the hypervisor is asked (docs/state-machine.md).
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import HypervisorError, PrerequisiteFailed
from ivmweb.common.sentence import Sentence
from ivmweb.hypervisor.base import (
    BootFrom,
    Definition,
    DriveReference,
    EthernetAdapter,
    Fence,
    Hypervisor,
    LunReference,
    ShutdownKind,
)
from ivmweb.monitor import notices
from ivmweb.monitor import services as monitor
from ivmweb.monitor.models import MonitorTask, TaskStatus
from ivmweb.system import audit, owners, virtual_disks
from ivmweb.system.epochs import next_epoch
from ivmweb.system.models import (
    MANAGEMENT_PARTITION_ID,
    LogicalPartition,
    LogicalVolume,
    ManagedSystem,
    Operation,
    PartitionState,
    PhysicalAdapter,
    PhysicalVolume,
    RmcState,
    VirtualTargetDevice,
    VolumeTrouble,
)
from ivmweb.system.models.partition import has_task, is_removal
from ivmweb.system.rights import AnyUser, Right, require
from ivmweb.system.sections import who
from ivmweb.system.shells import plan_of, release_shell, remove_partition, reserve_shell
from ivmweb.system.vmc import hypervisor
from ivmweb.system.words import in_english
from ivmweb.transactions import serialized

__all__ = [
    "activate",
    "cannot_begin",
    "definition_of",
    "held",
    "hold",
    "hypervisor",
    "plan_of",
    "release_hold",
    "release_physical_adapters",
    "release_shell",
    "remove_partition",
    "reserve_shell",
    "set_state",
    "shut_down",
    "why_nothing_starts",
]

logger = logging.getLogger(__name__)

TASK_NAMES = {
    Operation.ACTIVATE: _("Activate Partition"),
    Operation.SHUT_DOWN: _("Shutdown Partition"),
    Operation.RESTART: _("Restart Partition"),
}
OFF = frozenset({PartitionState.NOT_ACTIVATED})
ACTIVATED = frozenset(
    {PartitionState.RUNNING, PartitionState.STARTING, PartitionState.OPEN_FIRMWARE, PartitionState.ERROR}
)


def definition_of(partition: LogicalPartition) -> Definition:
    """What the hypervisor must know to run it; LUNs in the order of vhost slot and LUN number."""
    devices = (
        VirtualTargetDevice.objects.filter(adapter__partition=partition)
        .select_related("adapter", "physical_volume", "logical_volume", "medium")
        .order_by("adapter__slot", "lun_number")
    )
    luns = [lun_of(device) for device in devices if not device.is_optical]
    return Definition(
        lpar_id=partition.lpar_id,
        uuid=str(partition.uuid),
        name=partition.name,
        memory_mb=partition.memory_mb,
        processing_units=float(partition.processing_units),
        virtual_processors=partition.virtual_processors,
        luns=tuple(lun for lun in luns if lun.path),
        drives=tuple(drive_of(device) for device in devices if device.is_optical),
        adapters=tuple(
            EthernetAdapter(one.slot, one.mac_address, one.vlan_id) for one in partition.ethernet_adapters.all()
        ),
        boot_from=BootFrom(partition.boot_from),
        os_version=partition.os_version,
        workload_bytes_per_s=partition.workload_bytes_per_s,
        workload_set_mb=partition.workload_set_mb,
    )


def lun_of(device: VirtualTargetDevice) -> LunReference:
    """Of a disk, where its partition sees it. Without a path for a virtual disk that has no file."""
    backing = device.physical_volume or device.logical_volume
    assert backing is not None  # noqa: S101 (a constraint of the table)
    return LunReference(backing.unique_id, backing.path, *place_of(device))


def drive_of(device: VirtualTargetDevice) -> DriveReference:
    path = str(device.medium.path.absolute()) if device.medium else ""
    return DriveReference(*place_of(device), path)


def place_of(device: VirtualTargetDevice) -> tuple[int, int]:
    """Slot and target for the partition: SRP's first byte is two bits of method, six of target."""
    return device.adapter.client_slot, device.lun_number & 0x3F


def hold(partition_id: int, reason: str, *, state: PartitionState | None = None) -> bool:
    """Reserve the partition (its row's key) for an operation; false when another one has it, or it left `state`."""
    rows = LogicalPartition.objects.filter(pk=partition_id, hold="")
    if state is not None:
        rows = rows.filter(state=state)
    taken = bool(rows.update(hold=reason))
    notices.publish(notices.PARTITIONS)
    return taken


def release_hold(partition_id: int, reason: str) -> bool:
    """End the reservation of just this operation; false when it has none."""
    released = bool(LogicalPartition.objects.filter(pk=partition_id, hold=reason).update(hold=""))
    notices.publish(notices.PARTITIONS)
    return released


def set_state(partition: LogicalPartition, state: PartitionState) -> None:
    """For an operation that holds the partition; the inventory leaves a held one alone."""
    old = partition.state
    rows = LogicalPartition.objects.filter(pk=partition.pk)
    rows.update(state=state)
    if state == PartitionState.NOT_ACTIVATED:  # nobody there answers any more
        rows.filter(rmc_state=RmcState.ACTIVE).update(rmc_state=RmcState.INACTIVE)
    partition.state = state
    notices.publish(notices.PARTITIONS)
    logger.info("partition %s (ID %s): %s → %s", partition.name, partition.lpar_id, old, state)


def release_physical_adapters(partition: LogicalPartition) -> list[str]:
    """Hand the partition's physical adapters to the management partition; their locations, to tell the user."""
    with serialized():
        adapters = PhysicalAdapter.objects.filter(partition=partition)
        locations = list(adapters.values_list("location", flat=True))
        adapters.update(partition=LogicalPartition.objects.filter(lpar_id=MANAGEMENT_PARTITION_ID).first())
    return locations


@dataclass(frozen=True)
class Order:
    """An operator's order to the hypervisor, and from which states to which it takes the partition."""

    operation: Operation
    user: str
    needed: frozenset[PartitionState]
    interim: PartitionState


def activate(partition: LogicalPartition, user: AnyUser, origin: str) -> MonitorTask:
    """Start a partition; the answer is its row in Monitor Tasks, which the inventory ends.

    Raises PrerequisiteFailed, or HypervisorError where the hypervisor refused or did not answer.
    """
    order = Order(Operation.ACTIVATE, user.get_username(), OFF, PartitionState.STARTING)
    with audit.attempt(user, origin, order.operation.value, partition.audit_thing):
        require(user, Right.CHANGE)
        _check_volumes(partition)
        for disk in LogicalVolume.objects.filter(target_device__adapter__partition=partition, path=""):
            virtual_disks.check_has_file(disk)
        return _carry_out(partition, order, lambda vmc, fence: vmc.activate(partition.lpar_id, fence))


def _check_volumes(partition: LogicalPartition) -> None:
    """That a LUN has shrunk nobody but the records can tell. Raises PrerequisiteFailed."""
    own = PhysicalVolume.objects.filter(target_device__adapter__partition=partition)
    if names := list(own.filter(trouble=VolumeTrouble.SMALLER).order_by("pk").values_list("name", flat=True)):
        raise PrerequisiteFailed("volume-smaller", volumes=", ".join(names), **who(partition))


def shut_down(
    partition: LogicalPartition,
    kind: ShutdownKind,
    restart: bool,
    user: AnyUser,
    origin: str,
) -> MonitorTask:
    """Shut a partition down, and start it again with `restart`; answers and raises as `activate`."""
    operation = Operation.RESTART if restart else Operation.SHUT_DOWN
    needed = frozenset({PartitionState.RUNNING}) if kind is ShutdownKind.OS else ACTIVATED
    if kind is ShutdownKind.IMMEDIATE:
        needed |= {PartitionState.SHUTTING_DOWN}  # ends a shutdown that hangs
    order = Order(operation, user.get_username(), needed, PartitionState.SHUTTING_DOWN)
    with audit.attempt(user, origin, order.operation.value, partition.audit_thing):
        require(user, Right.CHANGE)
        if kind is ShutdownKind.OS:
            _check_system_hears(partition)
        return _carry_out(
            partition, order, lambda vmc, fence: vmc.shut_down(partition.lpar_id, kind, fence, restart=restart)
        )


def _check_system_hears(partition: LogicalPartition) -> None:
    """Other shutdown types need no operating system that answers."""
    if not partition.hold and partition.state in ACTIVATED - {PartitionState.RUNNING}:
        raise PrerequisiteFailed("no-system-to-ask", state=partition.state, **who(partition))
    if partition.state == PartitionState.RUNNING and partition.rmc_state != RmcState.ACTIVE:
        raise PrerequisiteFailed("rmc-not-active", rmc_state=partition.rmc_state, **who(partition))


def _carry_out(
    partition: LogicalPartition, order: Order, command: Callable[[Hypervisor, Fence], None]
) -> MonitorTask:
    if partition.is_management:
        raise _of_management(partition, order.operation)
    vmc = hypervisor()
    is_defined = _is_defined(vmc, partition, order)
    old_state = partition.state
    task, fence = _claim(partition, order)
    try:
        if order.operation is Operation.ACTIVATE or not is_defined:  # its properties may have changed meanwhile
            vmc.create(definition_of(partition), fence)
        command(vmc, fence)
    except HypervisorError as exc:
        owners.say_whose(exc)
        _answer_to_refusal(partition, order, task, old_state, exc)
        raise
    accepted = {"ever_activated": True} if order.operation is Operation.ACTIVATE else {}
    LogicalPartition.objects.filter(pk=partition.pk, hold=order.operation).update(hold="", **accepted)
    partition.refresh_from_db()
    return task


def _is_defined(vmc: Hypervisor, partition: LogicalPartition, order: Order) -> bool:
    """Raises where the hypervisor does not answer: nothing is changed then, and Monitor Tasks has what was asked."""
    began = timezone.now()
    try:
        return vmc.describe(partition.lpar_id) is not None
    except HypervisorError as exc:
        monitor.add_ended(
            TASK_NAMES[order.operation],
            partition.task_target,
            order.user,
            started_at=began,
            status=TaskStatus.FAILED,
            detail=Sentence.of(exc),
        )
        raise


def cannot_begin(partition: LogicalPartition, operation: Operation) -> PrerequisiteFailed | None:
    """Why that operation would be refused as the records are now, whatever its kind; None where it may be tried."""
    if partition.is_management:
        return _of_management(partition, operation)
    needed = OFF if operation is Operation.ACTIVATE else ACTIVATED | {PartitionState.SHUTTING_DOWN}
    if operation is Operation.ACTIVATE and (restored := why_nothing_starts()):
        return restored
    if not partition.hold and partition.state in needed:
        return None
    return _refusal_of(partition, operation, needed)


def why_nothing_starts() -> PrerequisiteFailed | None:
    """After a restore, until every partner was asked where partitions are."""
    is_held_back = ManagedSystem.objects.filter(held_back=True).exists()
    return PrerequisiteFailed("database-restored") if is_held_back else None


def _of_management(partition: LogicalPartition, operation: Operation) -> PrerequisiteFailed:
    return PrerequisiteFailed(
        "management-partition",
        name=partition.name,
        lpar_id=partition.lpar_id,
        operation=in_english(operation.label),
    )


def _claim(partition: LogicalPartition, order: Order) -> tuple[MonitorTask, Fence]:
    """Hold, interim state, task and epoch in one transaction; raises PrerequisiteFailed with the reason."""
    with serialized():
        if order.operation is Operation.ACTIVATE and (restored := why_nothing_starts()):
            raise restored
        fence = Fence(epoch=next_epoch())
        rows = LogicalPartition.objects.filter(pk=partition.pk)
        earlier = rows.filter(operation_task__isnull=False).values_list("operation", "operation_task").first()
        task = monitor.start_task(TASK_NAMES[order.operation], partition.task_target, order.user)
        taken = rows.filter(hold="", state__in=order.needed).update(
            hold=order.operation, state=order.interim, operation=order.operation, operation_task=task
        )
        if not taken:
            raise _refusal(partition, order)
        if earlier:
            end_superseded(MonitorTask.objects.get(pk=earlier[1]), Operation(earlier[0]).label)
        notices.publish(notices.PARTITIONS)
    partition.refresh_from_db()
    return task, fence


def _refusal(partition: LogicalPartition, order: Order) -> PrerequisiteFailed:
    """Why the row could not be taken, from the row as it is now."""
    row = LogicalPartition.objects.filter(pk=partition.pk).first()
    if row is None:
        return PrerequisiteFailed("partition-not-here", **who(partition))
    return _refusal_of(row, order.operation, order.needed)


def _refusal_of(row: LogicalPartition, operation: Operation, needed: frozenset[PartitionState]) -> PrerequisiteFailed:
    if row.hold:
        return held(row)
    if operation is Operation.ACTIVATE and row.state in ACTIVATED:
        return PrerequisiteFailed("already-activated", state=row.state, **who(row))
    if operation is not Operation.ACTIVATE and row.state == PartitionState.NOT_ACTIVATED:
        return PrerequisiteFailed("not-activated", **who(row))
    states = " or ".join(sorted(needed))
    return PrerequisiteFailed(
        "wrong-state", state=row.state, operation=in_english(operation.label), needed=states, **who(row)
    )


def held(row: LogicalPartition) -> PrerequisiteFailed:
    """A reservation has an end to wait for; what a restored database keeps from coming back has none."""
    if row.moved_to:
        return PrerequisiteFailed("partition-moved", remote=row.moved_to, **who(row))
    if is_removal(row.hold):
        return PrerequisiteFailed("partition-being-removed", **who(row))
    key = "partition-held" if has_task(row.held_for) else "partition-reserved"
    return PrerequisiteFailed(key, hold=row.held_for, **who(row))


def end_superseded(task: MonitorTask, operation: str | Promise) -> None:
    """The row in Monitor Tasks of what a later operation on the same partition has overtaken."""
    notice = PrerequisiteFailed("operation-superseded", operation=in_english(operation))
    monitor.end_task(task, TaskStatus.STOPPED, Sentence.of(notice))


def _answer_to_refusal(
    partition: LogicalPartition, order: Order, task: MonitorTask, old_state: str, error: HypervisorError
) -> None:
    """Put the row back, unless the command may yet be carried out: then the inventory finds out and settles it."""
    if error.key == "hypervisor-unreachable":
        monitor.update_task(task, detail=Sentence.of(error))
        return
    LogicalPartition.objects.filter(pk=partition.pk, hold=order.operation).update(
        hold="", state=old_state, operation="", operation_task=None
    )
    partition.refresh_from_db()
    monitor.end_task(task, TaskStatus.FAILED, Sentence.of(error))
    notices.publish(notices.PARTITIONS)
