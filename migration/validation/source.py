"""Checks that the source makes of its own partition and system. Pure: each looks at `SourceFacts` alone."""

from django.utils.translation import gettext_noop as _

from ivmweb.system.models import PartitionState, RmcState
from migration.validation.both import found_hypervisor, found_migrations, found_movers, found_reserved
from migration.validation.facts import SourceFacts
from migration.validation.found import Check, FoundCheck, failed, listing, not_applicable, passed, warned

MIGRATING = frozenset({PartitionState.MIGRATING_RUNNING, PartitionState.MIGRATING_NOT_ACTIVATED})
MOVABLE = frozenset({PartitionState.RUNNING, PartitionState.NOT_ACTIVATED})


def partition_is_not_the_management_partition(facts: SourceFacts) -> FoundCheck:
    if facts.is_management:
        return failed("check-management-partition", measured=f"ID {facts.lpar_id}", **facts.who)
    return passed(f"ID {facts.lpar_id}")


def partition_state_allows_migration(facts: SourceFacts) -> FoundCheck:
    limit = "Running or Not Activated"
    if facts.state in MIGRATING:
        return failed("check-already-migrating", measured=facts.state, limit=limit, **facts.who)
    if facts.state not in MOVABLE:
        return failed("check-partition-state", measured=facts.state, limit=limit, state=facts.state, **facts.who)
    return passed(facts.state, limit)


def partition_is_free(facts: SourceFacts) -> FoundCheck:
    if facts.has_open_migration:
        return failed("check-migration-open", measured="migration not over", **facts.who)
    if facts.hold:
        return failed("check-partition-held", measured=facts.hold, hold=facts.hold, **facts.who)
    return passed("no other operation")


def source_is_mobility_capable(facts: SourceFacts) -> FoundCheck:
    if not facts.is_capable:
        return failed("check-not-capable", measured="not capable", system=facts.host_name, kind=facts.kind)
    return passed("capable")


def source_hypervisor_answers(facts: SourceFacts) -> FoundCheck:
    return found_hypervisor(facts.host_name, facts.hypervisor_error)


def source_allows_another_migration(facts: SourceFacts) -> FoundCheck:
    return found_migrations(facts.host_name, facts.kind, facts.migrations_in_progress, facts.migrations_supported)


def source_has_free_mover(facts: SourceFacts) -> FoundCheck:
    if facts.inactive:
        return not_applicable()
    return found_movers(facts.host_name, facts.movers_busy, facts.mover_slots)


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
    if facts.inactive:
        return not_applicable()
    if facts.rmc_state != RmcState.ACTIVE:
        return failed(
            "check-rmc", measured=facts.rmc_state, limit=RmcState.ACTIVE.value, rmc_state=facts.rmc_state, **facts.who
        )
    return passed(facts.rmc_state, RmcState.ACTIVE.value)


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
    """An active migration is refused; an inactive one takes them away."""
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
    Check(partition_is_not_the_management_partition, _("The partition is not the management partition")),
    Check(partition_state_allows_migration, _("The state of the partition allows a migration")),
    Check(partition_is_free, _("No other operation uses the partition")),
    Check(source_is_mobility_capable, _("The source can migrate partitions")),
    Check(source_hypervisor_answers, _("The hypervisor of the source answers")),
    Check(source_allows_another_migration, _("The source allows one more migration")),
    Check(source_has_free_mover, _("The source has a free mover")),
    Check(destination_is_another_system, _("The destination is another system")),
    Check(partition_answers_over_rmc, _("The partition answers over RMC")),
    Check(partition_is_in_no_workload_group, _("The partition is in no workload group")),
    Check(partition_has_no_physical_adapters, _("The partition has no physical adapters")),
    Check(disks_are_whole_san_volumes, _("All disks are whole physical volumes on the SAN")),
    Check(source_disks_are_not_reserved, _("The source does not reserve the disks")),
)
