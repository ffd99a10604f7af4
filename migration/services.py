"""Validate, migrate, stop, recover: the only way in, for pages, commands and the API alike."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import UUID

from django.db import IntegrityError
from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.common.fault_points import reached
from ivmweb.common.sentence import Sentence
from ivmweb.monitor import services as monitor
from ivmweb.monitor.models import TaskStatus
from ivmweb.system import audit
from ivmweb.system import services as system
from ivmweb.system.actions import Report, action
from ivmweb.system.models import LogicalPartition, PartitionState, VirtualTargetDevice
from ivmweb.system.plan import PartitionPlan, Placement
from ivmweb.system.rights import AnyUser, Right, require
from ivmweb.system.shells import ANYWHERE
from ivmweb.transactions import serialized
from migration import admission, leases, recovery, tasks, validation
from migration.credentials import Credentials, Session, authenticate, keep_for_queue
from migration.journal import STOP_PRESSED, note, publish, request_stop
from migration.leases import Fenced
from migration.models import Activity, Migration, MigrationType, Outcome, ValidationReport
from migration.peer.auth import seal
from migration.peer.client import Patience, PeerClient
from migration.peer.configuration import wish_of
from migration.peer.messages import NO_WISH, MoverAddress, PlacementWish
from migration.peer.remotes import find_remote, is_still_known
from migration.recover_words import (
    ASKED_AGAIN,
    AT_WORK,
    IN_QUESTION,
    QUIET,
    after_recover,
    already_ended,
    an_operator_decides,
    before_recover,
    changes_nothing,
    fill,
    in_the_queue,
)
from migration.roles import hold_reason, migration_of_hold
from migration.states import Role, State

MIGRATE_TASK = _("Migrate Partition")


def validate(
    *,
    partition: LogicalPartition,
    remote_manager: str,
    remote_user: str,
    password: str,
    session: Session,
    user: AnyUser,
    origin: str,
    placement: Placement = ANYWHERE,
) -> ValidationReport:
    """Run every check on both sides and keep the result; changes nothing. Raises IvmError when it could not run."""
    with action(user, origin, Right.MIGRATE, _("Validate Migration"), partition.task_target) as task:
        remote, wish = find_remote(remote_manager), checked_wish(partition, placement)
        with PeerClient(remote, patience=Patience()) as client:
            credentials = authenticate(client, remote, remote_manager, remote_user, password, session, user)
            report = run_checks(partition, credentials, client, user, wish)
        tell(task, report)
        return report


@dataclass(frozen=True)
class Prospect:
    """What both sides say of a migration that nobody has asked for yet."""

    partition: LogicalPartition
    mover: MoverAddress  # where the destination's would wait
    refusals: tuple[Sentence, ...]  # of the checks that failed; none: it can move


def foresee(
    partitions: Iterable[LogicalPartition],
    *,
    remote_manager: str,
    remote_user: str,
    password: str,
    session: Session,
    user: AnyUser,
) -> list[Prospect]:
    """Ask both sides as validate() does, but keep neither report nor task. Raises IvmError where it could not ask."""
    require(user, Right.MIGRATE)
    remote = find_remote(remote_manager)
    with PeerClient(remote, patience=Patience()) as client:
        credentials = authenticate(client, remote, remote_manager, remote_user, password, session, user)
        asked = [(one, validation.ask(one, remote, client, credentials.token)) for one in partitions]
    return [
        Prospect(one, found.mover, tuple(Sentence.of_message(b.message_key, b.message_params) for b in found.failed))
        for one, found in asked
    ]


def migrate(
    *,
    partition: LogicalPartition,
    remote_manager: str,
    remote_user: str,
    password: str,
    session: Session,
    user: AnyUser,
    origin: str,
    wait_minutes: int = 5,
    placement: Placement = ANYWHERE,
) -> tuple[ValidationReport, Migration | None]:
    """Validate again; then record the migration and ring for a worker. No migration where a check failed."""
    with action(user, origin, Right.MIGRATE, MIGRATE_TASK, partition.task_target) as task:
        remote, wish = find_remote(remote_manager), checked_wish(partition, placement)
        checked = system.plan_of(partition)
        with PeerClient(remote, patience=Patience()) as client:
            credentials = authenticate(client, remote, remote_manager, remote_user, password, session, user)
            report = run_checks(partition, credentials, client, user, wish)
            tell(task, report)
            if not report.passed:
                failed = report.findings.filter(outcome=Outcome.FAILED).first()
                task.refusal = failed.sentence if failed else None
                return report, None
            migration = start(partition, credentials, str(user), wait_minutes, wish, checked)
            if migration.queued:
                keep_for_queue(client, migration)
        task.goes_on = True
        ValidationReport.objects.filter(pk=report.pk).update(migration=migration)
    tasks.ring_wanted(migration)
    return report, migration


def tell(task: Report, report: ValidationReport) -> None:
    """What a validation found, for Monitor Tasks."""
    findings = list(report.findings.all())
    count, failed = len(findings), sum(finding.outcome == Outcome.FAILED for finding in findings)
    task.lines = [finding.sentence for finding in findings if finding.outcome in {Outcome.FAILED, Outcome.WARNING}]
    task.recorded = lambda row: ValidationReport.objects.filter(pk=report.pk).update(task=row)
    if failed:
        task.status = TaskStatus.FAILED
        task.detail = Sentence(_("Validation: {failed} of {count} checks failed"), {"failed": failed, "count": count})
    else:
        task.detail = Sentence(_("Validation passed: {count} checks"), {"count": count})


def checked_wish(partition: LogicalPartition, placement: Placement) -> PlacementWish:
    """Raises PrerequisiteFailed for the slot of an adapter that the partition does not have."""
    slots = sorted(partition.server_adapters.values_list("client_slot", flat=True)) if placement.slots else []
    for slot in placement.slots.keys() - set(slots):
        raise PrerequisiteFailed(
            "placement-unknown-slot",
            partition=partition.name,
            lpar_id=partition.lpar_id,
            slot=slot,
            slots=", ".join(map(str, slots)) or "none",
        )
    return wish_of(placement)


def run_checks(
    partition: LogicalPartition, credentials: Credentials, client: PeerClient, user: AnyUser, wish: PlacementWish
) -> ValidationReport:
    return validation.run(
        partition,
        credentials.remote,
        client,
        credentials.token,
        str(user),
        credentials.remote_manager,
        credentials.user,
        wish,
    )


def start(
    partition: LogicalPartition,
    credentials: Credentials,
    user: str,
    wait_minutes: int,
    wish: PlacementWish = NO_WISH,
    checked: PartitionPlan | None = None,
) -> Migration:
    """The row and the partition's hold, in one transaction; whoever comes second gets PrerequisiteFailed.

    `checked`: what the checks have seen, which must be so still.
    """
    migration = new_row(partition, credentials, user, wait_minutes, wish)
    inactive = migration.is_inactive
    reached("source", "write", "transferring", "before")
    try:
        with serialized():
            admission.refuse_while_held_back()
            if not is_still_known(credentials.remote):
                find_remote(credentials.remote.name)  # says so, and what is known
            if not system.hold(partition.pk, hold_reason(migration.pk), state=PartitionState(partition.state)):
                raise in_use(partition)
            refuse_other_devices(partition)
            if checked is not None and is_another(LogicalPartition.objects.get(pk=partition.pk), checked):
                raise PrerequisiteFailed("properties-changed-meanwhile", thing=partition.name)
            full = admission.refusal(Role.SOURCE, inactive=inactive)
            if full is not None:
                migration.queued, migration.wants, migration.activity = True, "", Activity.QUEUED
            migration.task = monitor.start_task(MIGRATE_TASK, partition.task_target, user)
            migration.save(force_insert=True)
            system.set_state(partition, PartitionState.migrating(inactive=inactive))
            note(migration.pk, Sentence(_("started by {user}"), {"user": user}), to_state=State.TRANSFERRING)
            if full is not None:
                note(migration.pk, Sentence(admission.WAITS, {"reason": full.text}))
                admission.tell_task(migration)
            publish(migration)
    except IntegrityError as exc:
        if not Migration.objects.open().filter(partition_uuid=partition.uuid).exists():
            raise
        raise PrerequisiteFailed("partition-is-migrating", partition=partition.name) from exc
    reached("source", "write", "transferring", "after")
    return migration


def new_row(
    partition: LogicalPartition, credentials: Credentials, user: str, wait_minutes: int, wish: PlacementWish
) -> Migration:
    """Not saved yet."""
    inactive = partition.state == PartitionState.NOT_ACTIVATED
    return Migration(
        role=Role.SOURCE,
        type=MigrationType.INACTIVE if inactive else MigrationType.ACTIVE,
        state=State.TRANSFERRING,
        wants="control",
        reserved_until=leases.now() + admission.WANTED_FOR_S,
        lease_boot=leases.boot_id(),
        partition=partition,
        partition_uuid=partition.uuid,
        partition_name=partition.name,
        lpar_id=partition.lpar_id,
        remote=credentials.remote,
        remote_manager=credentials.remote_manager,
        remote_user=credentials.user,
        user=user,
        wait_minutes=wait_minutes,
        placement=wish.model_dump(mode="json"),
        secret=seal(secrets.token_bytes(32)),
        token=seal(credentials.token.encode()),
        bytes_total=0 if inactive else partition.memory_mb * 2**20,
        bytes_remaining=0 if inactive else partition.memory_mb * 2**20,
    )


def is_another(partition: LogicalPartition, checked: PartitionPlan) -> bool:
    """Whether somebody has changed it; what its operating system reports of itself may differ."""
    now = system.plan_of(partition)
    reported = {name: getattr(now, name) for name in ("os_version", "rmc_state", "current_compatibility_mode")}
    return now != replace(checked, **reported)


def refuse_other_devices(partition: LogicalPartition) -> None:
    """Raises PrerequisiteFailed for what no plan has and would be lost: mapped after the checks, before the hold."""
    if LogicalPartition.objects.filter(pk=partition.pk).exclude(unsettled_luns=[]).exists():
        raise PrerequisiteFailed("luns-unsettled", partition=partition.name, lpar_id=partition.lpar_id)
    devices = VirtualTargetDevice.objects.filter(adapter__partition=partition, physical_volume=None)
    if names := [device.name for device in devices.select_related("medium") if not device.moves_as_drive]:
        who = {"partition": partition.name, "lpar_id": partition.lpar_id}
        raise PrerequisiteFailed("check-disks-not-luns", disks=", ".join(names), **who)


def in_use(partition: LogicalPartition) -> PrerequisiteFailed:
    """Who was faster, from the row as it is now."""
    row = LogicalPartition.objects.filter(pk=partition.pk).first()
    if row is None:
        return PrerequisiteFailed("partition-not-here", name=partition.name, lpar_id=partition.lpar_id)
    if migration_of_hold(row.hold):
        return PrerequisiteFailed("partition-is-migrating", partition=row.name)
    who = {"partition": row.name, "lpar_id": row.lpar_id, "state": row.state}
    if row.hold:
        return PrerequisiteFailed("partition-is-held", hold=row.hold, **who)
    return PrerequisiteFailed("partition-state-changed", needed=partition.state, **who)


def stop(migration: Migration, *, user: AnyUser, origin: str) -> None:
    """Ask the source to roll back; raises PrerequisiteFailed `too-late-to-stop` once it has been given up."""
    require(user, Right.MIGRATE)
    with audit.attempt(user, origin, "Stop", str(migration)):
        if not migration.is_source:
            raise PrerequisiteFailed(
                "stop-on-source", partition=migration.partition_name, remote=migration.remote.name
            )
        if not request_stop(migration, Sentence(STOP_PRESSED, {"user": str(user)})):
            if migration.stop_requested:
                return
            raise PrerequisiteFailed("too-late-to-stop", partition=migration.partition_name, state=migration.state)
        admission.tell_task(migration)
        if not leases.is_alive(migration):
            tasks.ring(tasks.recover, migration.pk)


@dataclass(frozen=True)
class Recovered:
    """What Recover came to. `is_in_hand`: what may be left to do is done without asking again."""

    words: str
    is_in_hand: bool = False


def recover(migration: Migration, *, user: AnyUser, origin: str) -> Recovered:
    """Go as far as facts allow, now."""
    require(user, Right.MIGRATE)
    with audit.attempt(user, origin, "Recover", str(migration)):
        if not migration.is_unfinished:
            return Recovered(already_ended(migration), is_in_hand=True)
        if migration.queued and not migration.stop_requested:
            return Recovered(in_the_queue(*admission.place_of(migration)))
        if migration.in_question:
            return Recovered(fill(IN_QUESTION, migration))
        if migration.wants and leases.is_ahead(migration, migration.reserved_until):
            tasks.ring_wanted(migration)
            return Recovered(str(ASKED_AGAIN), is_in_hand=True)
        note(migration.pk, Sentence(_("Recover pressed by {user}"), {"user": str(user)}))
        try:
            reason = recovery.recover(migration, "Recover", Patience())
        except Fenced:
            reason = None
        migration.refresh_from_db()
        if reason is None:
            return at_work(migration)
        return Recovered(after_recover(migration, reason), is_in_hand=not migration.is_unfinished)


def at_work(migration: Migration) -> Recovered:
    """Why Recover did nothing: a worker has the migration, as far as its lease tells."""
    quiet_s = leases.quiet_for_s(migration)
    if quiet_s is None or not leases.is_alive(migration):
        return Recovered(str(AT_WORK), is_in_hand=True)
    left_s = migration.lease_until - leases.now()
    return Recovered(str(QUIET) % {"seconds": round(quiet_s), "left": max(1, round(left_s))})


def latest_of(partition: LogicalPartition) -> Migration | None:
    return (
        Migration.objects.filter(partition_uuid=partition.uuid)
        .select_related("remote", "partition")
        .order_by("-started_at")
        .first()
    )


def latest_moved_from_here(lpar_id: int) -> Migration | None:
    """Of the partition that had this ID here and has none now; None while there is one."""
    if LogicalPartition.objects.filter(lpar_id=lpar_id).exists():
        return None
    moved = Migration.objects.filter(lpar_id=lpar_id, role=Role.SOURCE, state=State.CLOSED_MOVED)
    return moved.order_by("-started_at").first()


def by_id(migration_id: UUID) -> Migration:
    return Migration.objects.select_related("remote", "partition", "task").get(pk=migration_id)


def has_worker(migration: Migration) -> bool:
    """One is at work, or will be in a moment."""
    is_wanted = bool(migration.wants) and leases.is_ahead(migration, migration.reserved_until)
    return leases.is_alive(migration) or is_wanted


def is_carried(migration: Migration) -> bool:
    """Memory is sent or received. Elsewhere workers come and go, each for what Recover does as well."""
    return migration.state in {State.TRANSFERRING, State.PREPARED} and has_worker(migration)


def explain_recover(migration: Migration) -> list[str]:
    """What Recover would do now, and what it would not, before anybody presses it."""
    if migration.queued and not migration.stop_requested:
        return [in_the_queue(*admission.place_of(migration))]
    if migration.in_question:
        return [fill(IN_QUESTION, migration)]
    if migration.is_opposite:
        return changes_nothing(migration)
    if migration.waits_for_operator or migration.partner_waits_for_operator:
        return an_operator_decides(migration)
    is_quiet = leases.quiet_for_s(migration) is not None
    return before_recover(migration, at_work=is_carried(migration), is_quiet=is_quiet)
