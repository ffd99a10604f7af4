"""Checks that the source makes of its own partition and system. Pure: each looks at `SourceFacts` alone."""

from django.utils.translation import gettext_noop as _

from ivmweb.hypervisor.base import RunState
from ivmweb.system.models import MANAGEMENT_PARTITION_ID, PartitionState, RmcState
from ivmweb.system.models.partition import Environment, console_of, has_task
from migration.validation import system_level
from migration.validation.both import (
    found_hypervisor,
    found_management_rmc,
    found_migrations,
    found_movers,
    found_reserved,
)
from migration.validation.facts import SourceFacts
from migration.validation.found import Check, FoundCheck, failed, listing, not_applicable, passed, warned

MIGRATING = frozenset({PartitionState.MIGRATING_RUNNING, PartitionState.MIGRATING_NOT_ACTIVATED})
MOVABLE = frozenset({PartitionState.RUNNING, PartitionState.NOT_ACTIVATED})
# What the hypervisor may say of a partition in that state; empty: that it does not know it.
CONFIRMED_BY = {
    PartitionState.RUNNING: frozenset({RunState.RUNNING}),
    PartitionState.NOT_ACTIVATED: frozenset({RunState.NOT_ACTIVATED, ""}),
}


def partition_is_not_the_management_partition(facts: SourceFacts) -> FoundCheck:
    limit = f"not ID {MANAGEMENT_PARTITION_ID}"
    if facts.is_management:
        return failed("check-management-partition", measured=f"ID {facts.lpar_id}", limit=limit, **facts.who)
    return passed(f"ID {facts.lpar_id}", limit)


def partition_state_allows_migration(facts: SourceFacts) -> FoundCheck:
    limit = "Running or Not Activated"
    if facts.state in MIGRATING:
        return failed("check-already-migrating", measured=facts.state, limit=limit, **facts.who)
    if facts.state not in MOVABLE:
        return failed("check-partition-state", measured=facts.state, limit=limit, state=facts.state, **facts.who)
    return passed(facts.state, limit)


def hypervisor_confirms_the_state(facts: SourceFacts) -> FoundCheck:
    """The records follow the hypervisor within seconds; a migration must not start from what was true before."""
    if facts.run_state is None or facts.is_management or facts.state not in MOVABLE:
        return not_applicable()
    told = facts.run_state or "not known there"
    if facts.run_state not in CONFIRMED_BY[PartitionState(facts.state)]:
        return failed(
            "check-state-differs", measured=told, limit=facts.state, told=told, state=facts.state, **facts.who
        )
    return passed(told, facts.state)


def partition_is_free(facts: SourceFacts) -> FoundCheck:
    free = "no other operation"
    if facts.has_open_migration:
        return failed("check-migration-open", measured="migration not over", limit=free, **facts.who)
    if remote := console_of(facts.hold):
        return failed("check-partition-moved", measured=facts.hold, limit=free, remote=remote, **facts.who)
    if facts.hold:
        key = "check-partition-held" if has_task(facts.hold) else "check-partition-reserved"
        return failed(key, measured=facts.hold, limit=free, hold=facts.hold, **facts.who)
    return passed(free, free)


def source_is_mobility_capable(facts: SourceFacts) -> FoundCheck:
    if not facts.is_capable:
        names = {"system": facts.host_name, "kind": facts.kind}
        return failed("check-not-capable", measured="not capable", limit="capable", **names)
    return passed("capable", "capable")


def source_hypervisor_answers(facts: SourceFacts) -> FoundCheck:
    return found_hypervisor(facts.host_name, facts.hypervisor_error)


def source_management_partition_answers_over_rmc(facts: SourceFacts) -> FoundCheck:
    return found_management_rmc(facts.host_name, facts.management_rmc_state)


def source_allows_another_migration(facts: SourceFacts) -> FoundCheck:
    return found_migrations(facts.host_name, facts.kind, facts.migrations_in_progress, facts.migrations_supported)


def source_has_free_mover(facts: SourceFacts) -> FoundCheck:
    return found_movers(facts.host_name, facts.movers_busy, facts.mover_slots)


def destination_mover_can_be_reached(facts: SourceFacts) -> FoundCheck:
    """Silence is a warning: a firewall may let through what it drops while nobody listens."""
    link, limit = facts.mover_link, "answers"
    if link is None:
        return not_applicable()
    who = {"address": link.address, "remote": facts.remote_name, "system": facts.host_name}
    if link.problem:
        return failed(
            "check-mover-unreachable",
            measured=f"{link.address}: {link.problem}",
            limit=limit,
            reason=link.problem,
            **who,
        )
    if not link.answers:
        return warned("check-mover-silent", measured="no answer", limit=limit, **who)
    return passed(f"{link.address} answers", limit)


def destination_is_another_system(facts: SourceFacts) -> FoundCheck:
    if facts.remote_identity == facts.system_identity:
        return failed(
            "check-same-system",
            measured=facts.remote_identity,
            limit=f"not {facts.system_identity}",
            remote=facts.remote_name,
            system_identity=facts.system_identity,
        )
    return passed(facts.remote_identity, f"not {facts.system_identity}")


def partition_answers_over_rmc(facts: SourceFacts) -> FoundCheck:
    if facts.state not in MOVABLE:
        return not_applicable()
    if facts.rmc_state != RmcState.ACTIVE:
        return failed(
            "check-rmc", measured=facts.rmc_state, limit=RmcState.ACTIVE.value, rmc_state=facts.rmc_state, **facts.who
        )
    return passed(facts.rmc_state, RmcState.ACTIVE.value)


def operating_system_is_aix_or_linux(facts: SourceFacts) -> FoundCheck:
    limit = Environment.AIX_OR_LINUX.value
    if facts.environment != limit:
        measured = facts.environment
        return failed("check-environment", measured=measured, limit=limit, environment=measured, **facts.who)
    return passed(facts.environment, limit)


def operating_system_level_supports_migration(facts: SourceFacts) -> FoundCheck:
    """One that is known without its level passes here: it answers for itself in the next check."""
    if facts.environment != Environment.AIX_OR_LINUX or facts.state not in MOVABLE:
        return not_applicable()
    found, level = facts.os_version or "unknown", system_level.level_of(facts.os_version)
    if level is None or not level.is_supported:
        needed = system_level.NEEDED
        return failed("check-os-level", measured=found, limit=needed, found=found, needed=needed, **facts.who)
    return passed(found if level.is_told else f"{found}, level not told", system_level.NEEDED)


def operating_system_is_ready(facts: SourceFacts) -> FoundCheck:
    """Silence is a warning: Migrate asks again, for minutes."""
    if facts.readiness is None:
        return not_applicable()
    if facts.readiness.is_silent:
        return warned("check-os-silent", measured="no answer", limit="ready", **facts.who)
    if facts.readiness.refusal:
        reason = facts.readiness.refusal
        return failed("check-os-not-ready", measured="not ready", limit="ready", reason=reason, **facts.who)
    return passed("ready", "ready")


def virtual_slots_are_within_the_maximum(facts: SourceFacts) -> FoundCheck:
    highest, most = facts.highest_slot, facts.max_virtual_slots
    limit = f"below C{most}"
    if highest >= most:
        return failed("check-slot-numbers", measured=f"C{highest}", limit=limit, slot=highest, most=most, **facts.who)
    return passed(f"C{highest}" if highest else "no adapters", limit)


def partition_is_in_no_workload_group(facts: SourceFacts) -> FoundCheck:
    if facts.workload_group is not None:
        return failed(
            "check-workload-group",
            measured=f"group {facts.workload_group}",
            limit="none",
            group=facts.workload_group,
            **facts.who,
        )
    return passed("none", "none")


def partition_has_no_physical_adapters(facts: SourceFacts) -> FoundCheck:
    """An active migration is refused; an inactive one takes them away. Those of the VIOS are the server's."""
    if facts.is_management:
        return not_applicable()
    count, adapters = len(facts.physical_adapters), listing(facts.physical_adapters)
    if not count:
        return passed(0, 0)
    if facts.inactive:
        return warned("check-adapters-removed", measured=count, limit=0, adapters=adapters, **facts.who)
    return failed("check-adapters-present", measured=count, limit=0, adapters=adapters, **facts.who)


def disks_are_whole_san_volumes(facts: SourceFacts) -> FoundCheck:
    others = [disk.name for disk in facts.disks if not disk.is_lun]
    measured, limit = f"{len(facts.disks) - len(others)} of {len(facts.disks)}", "all"
    if others:
        return failed("check-disks-not-luns", measured=measured, limit=limit, disks=listing(others), **facts.who)
    return passed(measured, limit)


def source_disks_are_not_reserved(facts: SourceFacts) -> FoundCheck:
    return found_reserved(
        facts.host_name, [(disk.name, disk.reserve_policy) for disk in facts.disks if disk.is_lun], facts.partition
    )


SOURCE_CHECKS: tuple[Check[SourceFacts], ...] = (
    Check(
        partition_is_not_the_management_partition,
        _("The partition is not the management partition"),
        ("check-management-partition",),
    ),
    Check(
        partition_state_allows_migration,
        _("The state of the partition allows a migration"),
        ("check-partition-state", "check-already-migrating"),
    ),
    Check(
        hypervisor_confirms_the_state,
        _("The hypervisor confirms the state of the partition"),
        ("check-state-differs",),
    ),
    Check(
        partition_is_free,
        _("No other operation uses the partition"),
        ("check-partition-held", "check-partition-reserved", "check-migration-open", "check-partition-moved"),
    ),
    Check(source_is_mobility_capable, _("The source can migrate partitions"), ("check-not-capable",)),
    Check(source_hypervisor_answers, _("The hypervisor of the source answers"), ("check-hypervisor-silent",)),
    Check(
        source_management_partition_answers_over_rmc,
        _("The management partition of the source answers over RMC"),
        ("check-management-rmc",),
    ),
    Check(
        source_allows_another_migration,
        _("The source allows one more migration"),
        ("check-too-many-migrations", "check-queue"),
    ),
    Check(
        source_has_free_mover,
        _("The source has a free mover"),
        ("check-queue-movers", "check-queue-no-mover"),
        active_only=True,
    ),
    Check(
        destination_mover_can_be_reached,
        _("The source reaches the mover of the destination"),
        ("check-mover-unreachable", "check-mover-silent"),
        active_only=True,
        asks_remote=True,
    ),
    Check(
        destination_is_another_system,
        _("The destination is another system"),
        ("check-same-system",),
        asks_remote=True,
    ),
    Check(operating_system_is_aix_or_linux, _("The operating system is AIX or Linux"), ("check-environment",)),
    Check(
        operating_system_level_supports_migration,
        _("The level of the operating system supports migration"),
        ("check-os-level",),
        active_only=True,
    ),
    Check(partition_answers_over_rmc, _("The partition answers over RMC"), ("check-rmc",), active_only=True),
    Check(
        operating_system_is_ready,
        _("The operating system is ready to be moved"),
        ("check-os-not-ready", "check-os-silent"),
        active_only=True,
    ),
    Check(partition_is_in_no_workload_group, _("The partition is in no workload group"), ("check-workload-group",)),
    Check(
        partition_has_no_physical_adapters,
        _("The partition has no physical adapters"),
        ("check-adapters-present", "check-adapters-removed"),
    ),
    Check(
        virtual_slots_are_within_the_maximum,
        _("The virtual slots are within the partition's maximum"),
        ("check-slot-numbers",),
    ),
    Check(
        disks_are_whole_san_volumes, _("All disks are whole physical volumes on the SAN"), ("check-disks-not-luns",)
    ),
    Check(source_disks_are_not_reserved, _("The source does not reserve the disks"), ("check-reserve-policy",)),
)
