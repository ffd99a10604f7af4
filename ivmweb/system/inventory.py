"""Compares the records with what the hypervisor reports, and repairs the records.

The records own the configuration, the hypervisor owns what runs. A partition that an operation holds is left to that
operation. Every write is a compare-and-set on the row as it was read before the hypervisor was asked, so an operation
that begins meanwhile wins.
"""

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from django.db.models import QuerySet
from django.utils import timezone

from ivmweb.common.errors import HypervisorError, PrerequisiteFailed
from ivmweb.common.sentence import NOTHING_SAID, Sentence
from ivmweb.hypervisor.base import Fence, Hypervisor, PartitionFacts, RunState, SystemFacts
from ivmweb.hypervisor.base import ReferenceCode as SeenCode
from ivmweb.monitor import notices
from ivmweb.monitor import services as monitor
from ivmweb.monitor.models import TaskStatus
from ivmweb.system import audit, capacity, luns, removal, services
from ivmweb.system.epochs import next_epoch, operator_fence
from ivmweb.system.models import (
    LogicalPartition,
    ManagedSystem,
    Operation,
    PartitionState,
    ReferenceCode,
    RmcState,
    VirtualEthernet,
)
from ivmweb.system.models.partition import is_removal
from ivmweb.system.words import in_english
from ivmweb.transactions import serialized

logger = logging.getLogger(__name__)

COMMAND_GRACE_S = 30  # a command that has not been answered for so long is settled here
REMOVAL_GRACE_S = 180  # of several commands
DEFAULT_MODE = "default"
OPERATION_PATIENCE_S = 300  # an accepted operation that has not begun or ended by then has failed
REFERENCE_CODES_KEPT = 200
PAGE_TIMEOUT_S = 1.0

RECORDED_AS = {
    RunState.NOT_ACTIVATED: PartitionState.NOT_ACTIVATED,
    RunState.STARTING: PartitionState.STARTING,
    RunState.OPEN_FIRMWARE: PartitionState.OPEN_FIRMWARE,
    RunState.RUNNING: PartitionState.RUNNING,
    RunState.SHUTTING_DOWN: PartitionState.SHUTTING_DOWN,
    RunState.ERROR: PartitionState.ERROR,
}
MODE_IN_FORCE_FROM = frozenset({PartitionState.STARTING, PartitionState.RUNNING})
RMC_AFTER = {PartitionState.RUNNING: RmcState.ACTIVE, PartitionState.NOT_ACTIVATED: RmcState.INACTIVE}

_told: set[tuple[int, str]] = set()  # of this process: what was said once is not said every two seconds
_asking = ThreadPoolExecutor(max_workers=4, thread_name_prefix="runtime-facts")


def take_inventory() -> list[str]:
    """One pass; what it repaired, in words. A hypervisor that does not answer changes no record."""
    before = list(LogicalPartition.objects.clients().select_related("operation_task"))
    vmc = services.hypervisor()
    try:
        facts = vmc.describe_system()
    except HypervisorError as exc:
        logger.debug("no inventory: %s", exc)
        _publish_if_changed(None)
        return []
    capacity.follow(facts.capacity)
    by_id = {fact.lpar_id: fact for fact in facts.partitions}
    repairs = [text for partition in before for text in _compare(vmc, partition, by_id.get(partition.lpar_id))]
    repairs += _tell_bridges(vmc, facts)
    _tell_orphans(facts)
    _publish_if_changed(facts, repaired=bool(repairs))
    return repairs


def _tell_bridges(vmc: Hypervisor, facts: SystemFacts) -> list[str]:
    """Virtual networks are bridged to the world outside where the records have them bridged to an adapter."""
    if facts.bridged_vlans is None:
        return []
    wanted = tuple(VirtualEthernet.objects.exclude(bridge_adapter="").values_list("vlan_id", flat=True))
    if wanted == facts.bridged_vlans:
        return []
    try:
        vmc.bridge(wanted)
    except HypervisorError as exc:
        logger.warning("virtual networks are not bridged as the records have it: %s", exc)
        return []
    vlans = ", ".join(map(str, wanted)) or "none"
    logger.info("bridged VLANs: %s", vlans)
    return [f"bridged VLANs: {vlans}"]


def runtime_facts(timeout_s: float = PAGE_TIMEOUT_S) -> dict[int, PartitionFacts] | None:
    """What runs now, by partition ID, for pages; None when the hypervisor does not answer in time."""
    facts = runtime_system(timeout_s)
    return None if facts is None else {fact.lpar_id: fact for fact in facts.partitions}


def runtime_system(timeout_s: float = PAGE_TIMEOUT_S) -> SystemFacts | None:
    """What the hypervisor says of itself and all partitions, for pages; None when it does not answer in time."""
    asked = _asking.submit(lambda: services.hypervisor().describe_system())
    try:
        return asked.result(timeout_s)
    except (HypervisorError, TimeoutError):
        asked.cancel()
        return None


def codes_to_come(newest: Mapping[LogicalPartition, str], count: int) -> list[ReferenceCode]:
    """Rows that the next pass adds, not saved: the last `count` of each partition that shows another code by now.

    `newest`: the code on record; empty where there is none. Nothing where the hypervisor does not answer.
    """
    facts, found = runtime_facts() or {}, []
    for partition, code in newest.items():
        fact = facts.get(partition.lpar_id)
        if fact and fact.uuid == str(partition.uuid) and fact.reference_code not in {"", code}:
            found += _codes_shown(partition, count)
    return found


def _codes_shown(partition: LogicalPartition, count: int) -> list[ReferenceCode]:
    try:
        return [row_of(partition, code) for code in services.hypervisor().reference_codes(partition.lpar_id, count)]
    except HypervisorError:
        return []


def row_of(partition: LogicalPartition, code: SeenCode) -> ReferenceCode:
    return ReferenceCode(partition=partition, code=code.code, time=datetime.fromtimestamp(code.time, UTC))


def outcome_of(operation: str, fact: PartitionFacts, age_s: float) -> TaskStatus | None:
    """How the operation that the hypervisor accepted `age_s` ago ended; None while it goes on.

    Pure. A restart has ended when the partition runs for less long than the operation is old.
    """
    state = fact.run_state
    if operation == Operation.ACTIVATE:
        if state is RunState.RUNNING:
            return TaskStatus.SUCCEEDED
        return None if state is RunState.STARTING else TaskStatus.FAILED
    if operation == Operation.SHUT_DOWN and state is RunState.NOT_ACTIVATED:
        return TaskStatus.SUCCEEDED
    restarted = fact.uptime_s is not None and fact.uptime_s < age_s
    if operation == Operation.RESTART and state is RunState.RUNNING and restarted:
        return TaskStatus.SUCCEEDED
    in_progress = state in {RunState.SHUTTING_DOWN, RunState.STARTING}
    return None if in_progress or age_s < OPERATION_PATIENCE_S else TaskStatus.FAILED


def _compare(vmc: Hypervisor, partition: LogicalPartition, fact: PartitionFacts | None) -> list[str]:
    """All repairs of one partition; one that goes wrong is logged and does not stop the others."""
    try:
        return _repair(vmc, partition, fact)
    except HypervisorError as exc:
        logger.warning("partition %s (ID %s): not repaired: %s", partition.name, partition.lpar_id, exc)
        return []


def _repair(vmc: Hypervisor, partition: LogicalPartition, fact: PartitionFacts | None) -> list[str]:
    if fact is not None and fact.uuid != str(partition.uuid):
        _tell_once(partition.lpar_id, fact.uuid, "is another partition than the records say; it is left alone")
        return []
    if partition.hold:
        _remember_codes(vmc, partition, fact)
        if is_removal(partition.hold):
            return _settle_removal(vmc, partition, fact)
        return _settle_command(vmc, partition, fact) if partition.hold in Operation.values else []
    if partition.unsettled_luns and luns.settle(partition):
        return [_say(partition, "a change of its disks was not answered; the hypervisor has those on record now")]
    if fact is None:
        return _define_again(vmc, partition)
    state_text = _repair_state(partition, fact)
    end_text = _end_operation(partition, fact)
    _remember_codes(vmc, partition, fact, changed=bool(state_text or end_text))
    return [text for text in (state_text, end_text) if text]


def _settle_command(vmc: Hypervisor, partition: LogicalPartition, fact: PartitionFacts | None) -> list[str]:
    """Free a partition whose command was never answered; the next pass sees what became of it.

    A newer epoch reaches the hypervisor first, so the old command is refused should it still be on its way.
    """
    if _age_s(partition) < COMMAND_GRACE_S:
        return []
    _overtake(vmc, partition, fact)
    if not services.release_hold(partition.pk, partition.hold):
        return []
    return [_say(partition, f"the command to {partition.hold} was not answered and is not waited for any more")]


def _overtake(vmc: Hypervisor, partition: LogicalPartition, fact: PartitionFacts | None) -> None:
    """Have the hypervisor refuse whatever was commanded before."""
    if fact is None:
        vmc.create(services.definition_of(partition), operator_fence())
    else:  # the one fenced command that changes nothing
        vmc.set_workload(partition.lpar_id, partition.workload_bytes_per_s, operator_fence())


def _settle_removal(vmc: Hypervisor, partition: LogicalPartition, fact: PartitionFacts | None) -> list[str]:
    """A removal that died: the partition is an ordinary one again. Commands of one that is late are refused."""
    if _age_s(partition) < REMOVAL_GRACE_S:
        return []
    _overtake(vmc, partition, fact)
    if not removal.give_up(partition):
        return []
    return [_say(partition, "its removal was broken off, and nobody went on with it; it stays")]


def _define_again(vmc: Hypervisor, partition: LogicalPartition) -> list[str]:
    """Not while a restored database is held back: the partition may have moved away since the backup."""
    with serialized():  # as it is now: it may have been removed since, or be on its way
        fence = Fence(epoch=next_epoch())
        row = _same_row(partition).first()
        if row is None or ManagedSystem.objects.filter(held_back=True).exists():
            return []
        definition = services.definition_of(row)
    vmc.create(definition, fence)
    return [_say(partition, "the hypervisor did not know it; it was defined there again")]


def _repair_state(partition: LogicalPartition, fact: PartitionFacts) -> str:
    state = RECORDED_AS.get(fact.run_state)
    if state is None:
        _tell_once(partition.lpar_id, fact.run_state, f"is {fact.run_state} without an operation that holds it")
        return ""
    if state == partition.state:
        if (
            state == PartitionState.RUNNING and not partition.current_compatibility_mode
        ):  # a record of an older version
            _same_row(partition).update(current_compatibility_mode=mode_in_force(partition))
        return ""
    changed: dict[str, object] = {"state": state}
    if state in RMC_AFTER:
        changed["rmc_state"] = RMC_AFTER[state]
    if state in MODE_IN_FORCE_FROM:
        changed["current_compatibility_mode"] = mode_in_force(partition)
    if state == PartitionState.NOT_ACTIVATED:
        changed["current_compatibility_mode"] = ""
    if state == PartitionState.RUNNING and not partition.os_version:
        changed["os_version"] = fact.reference_code.split(" ")[0]  # "Linux ppc64" says the system has started
    if not _same_row(partition).update(**changed):
        return ""
    text = f"{partition.state} → {state.value}"
    if not partition.operation:  # nobody here asked for it
        return _say(partition, text)
    logger.info("partition %s (ID %s): %s", partition.name, partition.lpar_id, text)
    return f"{partition.name}: {text}"


def mode_in_force(partition: LogicalPartition) -> str:
    """The processor compatibility mode of a partition that starts now: for `default` the system's newest one."""
    if partition.compatibility_mode != DEFAULT_MODE:
        return partition.compatibility_mode
    return newest_mode(ManagedSystem.objects.values_list("compatibility_modes", flat=True).get())


def newest_mode(modes: Sequence[str]) -> str:
    """The last of a system's modes, which are in their order of age."""
    named = [mode for mode in modes if mode != DEFAULT_MODE]
    return named[-1] if named else DEFAULT_MODE


def _end_operation(partition: LogicalPartition, fact: PartitionFacts) -> str:
    outcome = outcome_of(partition.operation, fact, _age_s(partition)) if partition.operation else None
    if outcome is None:
        return ""
    task = partition.operation_task
    rows = LogicalPartition.objects.filter(pk=partition.pk, operation=partition.operation, operation_task=task)
    if not rows.update(operation="", operation_task=None) or task is None:
        return ""
    failure = _failure_of(partition, fact)
    failed = outcome is TaskStatus.FAILED
    monitor.end_task(task, outcome, Sentence.of(failure) if failed else NOTHING_SAID)
    return f"{partition.name}: {partition.operation} {outcome.value}"


def _failure_of(partition: LogicalPartition, fact: PartitionFacts) -> PrerequisiteFailed:
    names = {"name": partition.name, "lpar_id": partition.lpar_id}
    if fact.run_state is RunState.OPEN_FIRMWARE:
        return PrerequisiteFailed("nothing-to-boot", code=fact.reference_code, **names)
    operation = in_english(Operation(partition.operation).label)
    return PrerequisiteFailed("operation-abandoned", operation=operation, state=fact.run_state.value, **names)


def _same_row(partition: LogicalPartition) -> QuerySet[LogicalPartition]:
    return LogicalPartition.objects.filter(
        pk=partition.pk, state=partition.state, hold="", operation_task=partition.operation_task
    )


def _age_s(partition: LogicalPartition) -> float:
    task = partition.operation_task
    return (timezone.now() - task.started_at).total_seconds() if task else OPERATION_PATIENCE_S


def _remember_codes(
    vmc: Hypervisor, partition: LogicalPartition, fact: PartitionFacts | None, *, changed: bool = False
) -> None:
    """Add the codes not seen yet; the hypervisor is asked for them only when the present one is new."""
    if fact is None or not (fact.reference_code or changed):
        return
    newest = partition.reference_codes.order_by("-time", "-pk").values_list("code", flat=True).first()
    if newest == fact.reference_code and not changed:
        return
    seen = vmc.reference_codes(partition.lpar_id, REFERENCE_CODES_KEPT)
    with serialized():
        if LogicalPartition.objects.filter(pk=partition.pk).exists():  # it may have moved away meanwhile
            _add_codes(partition, seen)


def _add_codes(partition: LogicalPartition, seen: Iterable[SeenCode]) -> None:
    ReferenceCode.objects.bulk_create(
        [row_of(partition, code) for code in sorted(seen, key=lambda code: code.time)],
        ignore_conflicts=True,
    )
    kept = partition.reference_codes.order_by("-time", "-pk").values_list("pk", flat=True)[:REFERENCE_CODES_KEPT]
    partition.reference_codes.exclude(pk__in=list(kept)).delete()


def _publish_if_changed(facts: SystemFacts | None, *, repaired: bool = False) -> None:
    displayed = digest_of(facts)
    changed = ManagedSystem.objects.exclude(displayed=displayed).update(displayed=displayed)
    if changed or repaired:
        notices.publish(notices.PARTITIONS, notices.SYSTEM)


def digest_of(facts: SystemFacts | None) -> str:
    """Equal as long as a page would show the same, uptime left aside."""
    if facts is None:
        return "no answer"
    shown = sorted(
        (fact.lpar_id, fact.run_state.value, fact.reference_code, round(fact.utilized_units or 0, 2))
        for fact in facts.partitions
    )
    return hashlib.sha256(repr(shown).encode()).hexdigest()


def _tell_orphans(facts: SystemFacts) -> None:
    known = set(LogicalPartition.objects.values_list("lpar_id", flat=True))  # read after the facts: a new one counts
    for fact in facts.partitions:
        if fact.lpar_id not in known:
            _tell_once(fact.lpar_id, fact.uuid, f"({fact.name}, {fact.run_state}) is in no record; it is left alone")


def _tell_once(lpar_id: int, what: str, text: str) -> None:
    if (lpar_id, what) not in _told:
        _told.add((lpar_id, what))
        logger.warning("partition ID %s of the hypervisor %s", lpar_id, text)


def _say(partition: LogicalPartition, text: str) -> str:
    audit.record(
        user="inventory",
        action="inventory",
        thing=partition.audit_thing,
        outcome=audit.REPAIRED,
        text=text,
    )
    return f"{partition.name}: {text}"
