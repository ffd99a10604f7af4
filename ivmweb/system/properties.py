"""Changing the properties of a partition, and asking its operating system whether it answers over RMC.

A change and an operation exclude each other in the partition's row: the change is made only where nobody holds it, by
compare-and-set, in one transaction with the server's free memory and units (docs/state-machine.md).
"""

import logging
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack
from dataclasses import dataclass, replace
from decimal import Decimal

from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import HypervisorError, PrerequisiteFailed, each
from ivmweb.common.sentence import Sentence
from ivmweb.hypervisor.base import Definition, Fence, RunState
from ivmweb.monitor import notices
from ivmweb.monitor import services as monitor
from ivmweb.monitor.models import TaskStatus
from ivmweb.system import audit, services
from ivmweb.system.changes import Asked, Value, Values, check_seen, differences, record_task
from ivmweb.system.epochs import next_epoch
from ivmweb.system.models import LogicalPartition, PartitionState, RmcState
from ivmweb.system.property_words import label
from ivmweb.system.rights import AnyUser, Right, require
from ivmweb.system.sections import Section, refused_by_constraints, who
from ivmweb.transactions import serialized

logger = logging.getLogger(__name__)

CHANGE = _("Change Partition Properties")
RETRIEVE = _("Retrieve Capabilities")
RMC_WAIT_S = 3.0  # somebody waits for the page


@dataclass(frozen=True)
class Recorded:
    """A change that is in the records, and what the hypervisor has to be told of it."""

    definition: Definition | None
    fence: Fence


@dataclass(frozen=True)
class Change:
    """Of a partition. `by`: the numbers asked for are added to what is there when the change is made."""

    partition: LogicalPartition
    section: Section
    asked: Asked
    by: bool = False

    def wanted(self, now: Values) -> Values:
        if not self.by:
            return self.asked.wanted
        return {key: _number(now[key]) + _number(more) for key, more in self.asked.wanted.items()}


def _number(value: Value) -> int | Decimal:
    return value if isinstance(value, int | Decimal) else 0


def change(partition: LogicalPartition, section: Section, asked: Asked) -> bool:
    """Make the section's values what is asked, all or none; false when they were so already.

    Raises PrerequisiteFailed or HypervisorError with nothing changed. The hypervisor is told afterwards; should it
    not hear it, Activate defines the partition again in any case.
    """
    return change_together([Change(partition, section, asked)])


def change_together(changes: Sequence[Change]) -> bool:
    """Several changes, all or none, one after the other; answers and raises as change().

    `at` of an error is the index in `changes`, where it is about one of them.
    """
    with ExitStack() as attempts:
        for one in changes:
            asked = one.asked
            attempts.enter_context(
                audit.attempt(asked.user, asked.origin, "change properties", one.partition.audit_thing)
            )
        for one in changes:
            require(one.asked.user, Right.CHANGE)
        each(changes, _check_beforehand)
        with serialized():
            recorded = [found for found in each(changes, _recorded) if found is not None]
    for told in recorded:
        if told.definition is not None:
            _tell_hypervisor(told.definition, told.fence)
    return bool(recorded)


def _check_beforehand(one: Change) -> None:
    if one.partition.is_management and not one.section.of_management:
        raise PrerequisiteFailed("management-partition", operation=CHANGE, **who(one.partition))
    _ask_whether_off(one)


def _recorded(one: Change) -> Recorded | None:
    with refused_by_constraints(**who(one.partition)):
        return _record(one)


def _ask_whether_off(one: Change) -> None:
    """The hypervisor knows best what runs: a record that is behind must not change what is in use."""
    partition, now = one.partition, one.section.read(one.partition)
    off_only = one.section.off_only_of(differences(now, one.wanted(now)))
    if not off_only or partition.state != PartitionState.NOT_ACTIVATED:
        return
    fact = services.hypervisor().describe(partition.lpar_id)
    if fact is not None and fact.run_state is not RunState.NOT_ACTIVATED:
        raise _needs_off(partition, fact.run_state.value, off_only)


def _needs_off(partition: LogicalPartition, state: str, keys: AbstractSet[str]) -> PrerequisiteFailed:
    fields = ", ".join(label(key) for key in sorted(keys))
    return PrerequisiteFailed("properties-need-off", state=state, fields=fields, **who(partition))


def _record(one: Change) -> Recorded | None:
    section = one.section
    with serialized():
        fence = Fence(epoch=next_epoch())
        row = LogicalPartition.objects.filter(pk=one.partition.pk).first()
        if row is None:
            raise PrerequisiteFailed("partition-not-here", **who(one.partition))
        now = section.read(row)
        asked = replace(one.asked, wanted=one.wanted(now))
        changed = differences(now, asked.wanted)
        if not changed:
            return None
        check_seen(asked, now, row.name)
        _check_state(row, section, changed)
        section.check(row, {**now, **changed}, changed)
        definition = services.definition_of(row)
        claim(row, changed if section.is_columns else {})
        section.write(row, changed)
        record_task(CHANGE, row.task_target, asked, now, changed)
        notices.publish(notices.PARTITIONS, notices.SYSTEM)
        after = services.definition_of(LogicalPartition.objects.get(pk=row.pk))
    logger.info("partition %s (ID %s): changed %s", row.name, row.lpar_id, ", ".join(changed))
    return Recorded(after if after != definition else None, fence)


def _check_state(row: LogicalPartition, section: Section, changed: Values) -> None:
    if row.hold:
        raise services.held(row)
    if row.state == PartitionState.NOT_ACTIVATED:
        return
    if off_only := section.off_only_of(changed):
        raise _needs_off(row, row.state, off_only)
    if section.needs_system:
        check_reconfigures(row)


def check_reconfigures(row: LogicalPartition) -> None:
    """Raises PrerequisiteFailed where its devices can't change: it is activated, and its system takes no part."""
    can_reconfigure = row.state == PartitionState.RUNNING and row.rmc_state == RmcState.ACTIVE
    if row.state != PartitionState.NOT_ACTIVATED and not can_reconfigure:
        raise PrerequisiteFailed("devices-need-rmc", state=row.state, rmc_state=row.rmc_state, **who(row))


def claim_for_devices(partition: LogicalPartition) -> LogicalPartition:
    """The row as it is now, which nobody reserves until the transaction ends: its adapters may change in there.

    Call inside a serialized transaction. Raises PrerequisiteFailed.
    """
    row = LogicalPartition.objects.filter(pk=partition.pk).first()
    if row is None:
        raise PrerequisiteFailed("partition-not-here", **who(partition))
    if row.hold:
        raise services.held(row)
    check_reconfigures(row)
    claim(row, {})
    return row


def claim(row: LogicalPartition, values: Values) -> None:
    """Write the columns if the row is still as it was read; with none, the row itself is claimed until the commit."""
    same = {key: getattr(row, key) for key in values}
    rows = LogicalPartition.objects.filter(pk=row.pk, hold="", state=row.state, rmc_state=row.rmc_state, **same)
    if rows.update(**(values or {"hold": ""})):
        return
    now = LogicalPartition.objects.filter(pk=row.pk).first()
    if now and now.hold:
        raise services.held(now)
    raise PrerequisiteFailed("properties-changed-meanwhile", thing=row.name)


def _tell_hypervisor(definition: Definition, fence: Fence) -> None:
    """By the change's own epoch: whatever was begun since is newer, and has told the hypervisor itself."""
    try:
        services.hypervisor().create(definition, fence)
    except HypervisorError as exc:
        logger.info("partition %s: the hypervisor hears of the change at the next start: %s", definition.name, exc)


def retrieve_capabilities(partition: LogicalPartition, user: AnyUser, origin: str) -> RmcState:
    """Ask the operating system over RMC and record whether it answers; raises with nothing changed where nobody may.

    It may answer that it is not ready for a migration; that, too, is an answer.
    """
    with audit.attempt(user, origin, "retrieve capabilities", partition.audit_thing):
        require(user, Right.CHANGE)
        if partition.is_management:
            raise PrerequisiteFailed("management-partition", operation=RETRIEVE, **who(partition))
        if partition.hold:
            raise services.held(partition)
        if partition.state != PartitionState.RUNNING:
            raise PrerequisiteFailed(
                "wrong-state", state=partition.state, operation=RETRIEVE, needed="Running", **who(partition)
            )
        state, answer = _ask_over_rmc(partition)
        _record_rmc(partition, state, answer, user.get_username())
    return state


def _ask_over_rmc(partition: LogicalPartition) -> tuple[RmcState, Sentence]:
    try:
        services.hypervisor().prepare_for_migration(partition.lpar_id, RMC_WAIT_S)
    except HypervisorError as exc:
        if exc.key not in {"rmc-silent", "rmc-refused"}:
            raise
        return RmcState.INACTIVE if exc.key == "rmc-silent" else RmcState.ACTIVE, Sentence.of(exc)
    return RmcState.ACTIVE, Sentence()


def _record_rmc(partition: LogicalPartition, state: RmcState, answer: Sentence, user: str) -> None:
    with serialized():
        rows = LogicalPartition.objects.filter(pk=partition.pk, hold="", state=PartitionState.RUNNING)
        if not rows.update(rmc_state=state):
            raise PrerequisiteFailed("properties-changed-meanwhile", thing=partition.name)
        task = monitor.start_task(RETRIEVE, partition.task_target, user)
        silent = state is RmcState.INACTIVE
        monitor.end_task(task, TaskStatus.FAILED if silent else TaskStatus.SUCCEEDED, answer)
        notices.publish(notices.PARTITIONS)
