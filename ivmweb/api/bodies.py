"""Records as the API answers them: from rows and run-time facts to the classes of schemas.py."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import Model, QuerySet
from django.utils import timezone

from ivmweb.api import schemas
from ivmweb.common.sentence import Sentence
from ivmweb.hypervisor.base import NOT_RUN_HERE, PartitionFacts
from ivmweb.monitor.models import MonitorTask, TaskStatus
from ivmweb.pages.partition_table import moved_to, state
from ivmweb.system.models import LogicalPartition, ManagedSystem, VirtualServerAdapter, VirtualTargetDevice
from migration import admission, both_sides, leases, presentation, recover_page, services, transfer_words
from migration.look import look
from migration.models import Finding, Migration, Outcome, RemoteSystem, ValidationReport
from migration.report import said
from migration.states import Role
from migration.validation.report import title_of

Facts = Mapping[int, PartitionFacts] | None  # by partition ID; None: the hypervisor does not answer
Row = TypeVar("Row", bound=Model)
LINES = 500
SYSTEM_FIELDS = (
    "host_name",
    "name",
    "type_model",
    "serial_number",
    "attention_led",
    "installed_memory_mb",
    "free_memory_mb",
    "firmware_memory_mb",
    "memory_region_mb",
    "compatibility_modes",
    "max_partitions",
    "max_virtual_slots",
    "active_mobility_capable",
    "inactive_mobility_capable",
    "active_migrations_supported",
    "inactive_migrations_supported",
    "migration_bandwidth_bytes_per_s",
    "allowed_suspension_ms",
    "slow_partition",
    "suspend_anyway",
)
PROFILE_FIELDS = (
    "environment",
    "os_version",
    "rmc_state",
    "boot_from",
    "auto_start",
    "memory_minimum_mb",
    "memory_maximum_mb",
    "processor_mode",
    "virtual_processors_minimum",
    "virtual_processors_maximum",
    "uncapped_weight",
    "compatibility_mode",
    "workload_group",
    "max_virtual_slots",
)
MIGRATION_FIELDS = (
    "id",
    "role",
    "type",
    "state",
    "stop_requested",
    "partition_name",
    "partition_uuid",
    "lpar_id",
    "remote_lpar_id",
    "remote_user",
    "user",
    "percent",
    "bytes_total",
    "bytes_transmitted",
    "bytes_remaining",
    "passes",
    "suspension_ms",
    "code",
    "started_at",
    "ended_at",
)
REMOTE_FIELDS = ("name", "address", "fingerprint", "system_name", "system_identity", "last_heard_at")
REPORT_FIELDS = ("id", "partition_name", "lpar_id", "type", "remote_manager", "remote_user", "user", "created_at")


def fields_of(row: Model, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def page_of(rows: "QuerySet[Row]", query: schemas.PageQuery, item: Callable[[Row], object]) -> dict[str, Any]:
    """The fields of a `Page`; one beyond the last is empty."""
    first = (query.page - 1) * query.size
    return {
        "total": rows.count(),
        "page": query.page,
        "size": query.size,
        "items": tuple(item(row) for row in rows[first : first + query.size]),
    }


def system_body(system: ManagedSystem, facts: Facts) -> schemas.System:
    used = None if facts is None else sum(fact.utilized_units or 0.0 for fact in facts.values())
    return schemas.System(
        **fields_of(system, SYSTEM_FIELDS),
        hypervisor_answers=facts is not None,
        installed_units=float(system.installed_units),
        free_units=float(system.free_units),
        utilized_units=used,
    )


def partition_fields(partition: LogicalPartition, facts: Facts) -> dict[str, Any]:
    remote = moved_to(partition, facts)
    fact = None if remote else (facts or {}).get(partition.lpar_id)
    ran = fact if fact and fact.run_state not in NOT_RUN_HERE else None
    return {
        "lpar_id": partition.lpar_id,
        "uuid": partition.uuid,
        "name": partition.name,
        "state": f"Moved to {remote}" if remote else state(partition, facts).value,
        "hold": partition.hold,
        "uptime_s": ran.uptime_s if ran else None,
        "memory_mb": partition.memory_mb,
        "virtual_processors": partition.virtual_processors,
        "processing_units": float(partition.processing_units),
        "utilized_units": ran.utilized_units if ran else None,
        "reference_code": fact.reference_code if fact else "",
    }


def partition_body(partition: LogicalPartition, facts: Facts) -> schemas.Partition:
    return schemas.Partition(**partition_fields(partition, facts))


def partition_details(partition: LogicalPartition, facts: Facts) -> schemas.PartitionDetails:
    adapters = partition.server_adapters.prefetch_related(
        "target_devices__physical_volume", "target_devices__logical_volume", "target_devices__medium"
    )
    latest = services.latest_of(partition)
    return schemas.PartitionDetails(
        **partition_fields(partition, facts),
        **fields_of(partition, PROFILE_FIELDS),
        processing_units_minimum=float(partition.processing_units_minimum),
        processing_units_maximum=float(partition.processing_units_maximum),
        server_adapters=tuple(server_adapter(adapter) for adapter in adapters),
        ethernet_adapters=tuple(
            schemas.EthernetAdapter(**fields_of(adapter, ("slot", "vlan_id", "mac_address")))
            for adapter in partition.ethernet_adapters.all()
        ),
        physical_adapters=tuple(
            schemas.PhysicalAdapter(**fields_of(adapter, ("location", "description")))
            for adapter in partition.physical_adapters.all()
        ),
        migration=latest.pk if latest else None,
    )


def server_adapter(adapter: VirtualServerAdapter) -> schemas.ServerAdapter:
    disks = tuple(disk_body(device) for device in adapter.target_devices.all())
    return schemas.ServerAdapter(**fields_of(adapter, ("name", "slot", "client_slot")), disks=disks)


def disk_body(device: VirtualTargetDevice) -> schemas.VirtualDisk:
    backing = device.physical_volume or device.logical_volume or device.medium
    return schemas.VirtualDisk(
        name=device.name,
        lun_number=device.lun_number,
        backing_device=device.backing_device,
        unique_id=getattr(backing, "unique_id", ""),
        size_mb=getattr(backing, "size_mb", 0),
        location=getattr(backing, "location", ""),
        reserve_policy=getattr(backing, "reserve_policy", ""),
        trouble=getattr(backing, "trouble", ""),
    )


def words(sentence: Sentence) -> dict[str, str]:
    return {"code": sentence.code, "message": sentence.bare}


def task_fields(task: MonitorTask) -> dict[str, Any]:
    """`migrations` should be prefetched for lists."""
    names = ("id", "name", "target", "user", "percent", "started_at", "ended_at")
    migrations = list(task.migrations.all())
    return {
        **fields_of(task, names),
        **words(task.sentence),
        "status": TaskStatus(task.status),
        "migration": migrations[0].pk if migrations else None,
    }


def task_body(task: MonitorTask) -> schemas.Task:
    return schemas.Task(**task_fields(task))


def task_details(task: MonitorTask) -> schemas.TaskDetails:
    latest = reversed(task.lines.order_by("-pk")[:LINES])
    lines = tuple(schemas.Line(time=line.time, **words(line.sentence)) for line in latest)
    return schemas.TaskDetails(**task_fields(task), lines=lines)


def finding_body(finding: Finding) -> schemas.Finding:
    code, text = said(finding)
    return schemas.Finding(
        check=finding.check_name,
        claim=title_of(finding.check_name),
        side=finding.side,  # type: ignore[arg-type]
        outcome=Outcome(finding.outcome),
        measured=finding.measured,
        limit=finding.limit,
        code=code,
        message=text,
        again_at=finding.again_at,
        again_by=finding.again_by,
    )


def report_body(report: ValidationReport) -> schemas.Report:
    return schemas.Report(
        **fields_of(report, REPORT_FIELDS),
        passed=report.passed,
        migration=report.migration_id,
        findings=tuple(finding_body(finding) for finding in report.findings.all()),
    )


def migration_fields(migration: Migration) -> dict[str, Any]:
    """What Status shows; `remote` should be joined for lists."""
    lapsed_s = leases.lapsed_for_s(migration)
    pace = transfer_words.pace(migration, leases.quiet_for_s(migration), timezone.now())
    situation = presentation.situation(
        migration,
        here=settings.CONSOLE,
        lapsed_s=lapsed_s,
        takes_over_s=settings.RECOVERY_GRACE_S,
        queue=admission.place_of(migration) if admission.waits(migration) else None,
    )
    return {
        **fields_of(migration, MIGRATION_FIELDS),
        "queued": admission.waits(migration),
        "migration_state": presentation.migration_state(migration),
        "headline": str(situation.headline),
        "place": str(situation.place),
        "advice": str(situation.advice),
        "is_open": not migration.is_final,
        "has_moved": migration.moved,
        "can_stop": presentation.can_stop(migration),
        "can_recover": presentation.can_recover(migration),
        "remote": migration.remote.name,
        "rate_bytes_per_s": pace.rate_bytes_per_s,
        "seconds_left": pace.seconds_left,
        "message": migration.cause.bare,
        "task": migration.task_id,
    }


def migration_body(migration: Migration) -> schemas.Migration:
    return schemas.Migration(**migration_fields(migration))


def migration_details(migration: Migration) -> schemas.MigrationDetails:
    can_recover = presentation.can_recover(migration)
    journal = [
        schemas.JournalLine(
            time=event.time, **fields_of(event, ("from_state", "to_state", "worker")), **words(event.sentence)
        )
        for event in reversed(migration.events.order_by("-pk")[:LINES])
    ]
    return schemas.MigrationDetails(
        **migration_fields(migration),
        recover_does=tuple(services.explain_recover(migration)) if can_recover else (),
        reports=tuple(migration.reports.values_list("pk", flat=True)),
        journal=tuple(journal),
    )


def both_sides_body(migration: Migration) -> schemas.BothSides:
    """Asks the other console, for some seconds at most."""
    other = both_sides.ask(migration)
    migration.refresh_from_db()  # its answer may have come with a change
    seen = look(migration, other.answer)
    here, there = settings.CONSOLE, migration.remote.name
    own, partners = (Role.SOURCE, Role.DESTINATION) if migration.is_source else (Role.DESTINATION, Role.SOURCE)
    answer, error = other.answer, other.error
    return schemas.BothSides(
        here=schemas.Side(console=here, role=own, state=migration.state, fact=seen.fact),
        there=schemas.Side(console=there, role=partners, state=answer.state, fact=answer.fact) if answer else None,
        code=error.code if error else "",
        message=error.text if error else "",
        alarms=tuple(recover_page.alarms(migration, presentation.names_of(migration, here), seen, answer)),
        journal=tuple(
            schemas.SideLine(
                time=line.time,
                console=here if line.ours else there,
                from_state=line.from_state,
                to_state=line.to_state,
                message=str(line.sentence),
            )
            for line in both_sides.time_line(migration, other)
        ),
    )


def remote_body(remote: RemoteSystem) -> schemas.RemoteSystem:
    return schemas.RemoteSystem(**fields_of(remote, REMOTE_FIELDS))
