"""Records of Live Partition Mobility on one console: remote systems, migrations of both roles, reports, tokens."""

import uuid
from collections.abc import Collection
from typing import Self
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ivmweb.common.boot import boot_id
from ivmweb.common.sentence import Sentence
from ivmweb.monitor.models import MonitorTask
from ivmweb.system.models import LogicalPartition
from migration.states import (
    DESTINATION_STATES,
    FINAL_STATES,
    GIVEN_UP,
    SOURCE_STATES,
    TAKEN_OVER,
    Act,
    Record,
    Role,
    State,
    are_opposite,
)


class RemoteSystemQuerySet(models.QuerySet["RemoteSystem"]):
    def known(self) -> Self:
        """Those that migrations may go to and come from: not removed."""
        return self.filter(removed_at=None)


class RemoteSystem(models.Model):
    """Another console that a person has confirmed. Connections go to these only, with the certificate pinned.

    One that is removed keeps its row while migrations with it are on record: they are shown with its name, and what
    both consoles still have to tell each other about them goes on.
    """

    name = models.CharField(max_length=63)  # host name, as typed into Remote IVM or HMC
    address = models.CharField(max_length=255)  # host:port of its HTTPS
    certificate = models.TextField()  # PEM
    fingerprint = models.CharField(max_length=95)  # SHA-256, AA:BB:...
    system_name = models.CharField(max_length=64, blank=True, default="")  # Server-..., learned from its answer
    system_identity = models.CharField(max_length=40, blank=True, default="")  # 7998-60X*100E7DA
    last_heard_at = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)
    # After this console's database was restored: whether that console was asked, and what it knows that we do not.
    asked = models.BooleanField(default=True)
    lost = models.JSONField(default=list)  # peer.messages.KnownMigration, and whether the partition runs here
    has = models.JSONField(default=list)  # the partitions that it said it has, by their UUIDs
    on_record = models.JSONField(default=list)  # those it has records of, also where it says they are elsewhere
    passed_over = models.BooleanField(default=False)  # not asked: an operator went on without it
    # Whose suspension has the link to itself (turns.py). Monotonic seconds of this machine's current boot.
    suspending = models.UUIDField(null=True, blank=True)
    suspending_until = models.FloatField(default=0)
    suspending_boot = models.CharField(max_length=36, blank=True, default="")

    objects = RemoteSystemQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=[field], condition=Q(removed_at=None), name=f"one_remote_of_a_{field}")
            for field in ("name", "address")
        ]

    def __str__(self) -> str:
        return self.name


class MigrationType(models.TextChoices):
    """Attribute migration_type of lslparmigr."""

    ACTIVE = "active", _("active")
    INACTIVE = "inactive", _("inactive")


class RoleChoices(models.TextChoices):
    SOURCE = Role.SOURCE.value, _("Source")
    DESTINATION = Role.DESTINATION.value, _("Destination")


class Activity(models.TextChoices):
    """What a person reads while it runs. For display only; the state decides."""

    QUEUED = "queued", _("Waiting in the queue")
    PREPARING = "preparing", _("Preparing the destination")
    TRANSFERRING = "transferring", _("Sending memory while the partition runs")
    RECEIVING = "receiving", _("Receiving memory")
    SUSPENDED = "suspended", _("Partition suspended, sending the last pages")
    HANDING_OVER = "handing over", _("Handing over to the destination")
    CLEANING_UP = "cleaning up", _("Cleaning up")
    ROLLING_BACK = "rolling back", _("Rolling back")
    ENDED = "ended", _("Ended")


LONGEST_ERROR = 1000


class MigrationQuerySet(models.QuerySet["Migration"]):
    def open(self) -> Self:
        """Those whose state is not final."""
        return self.exclude(state__in=FINAL_STATES)

    def tombstones(self) -> Self:
        """Notes that an id never seen here is declined; there is no partition to them."""
        return self.filter(role=Role.DESTINATION, lpar_id=0)

    def of_partitions(self) -> Self:
        """What people see in lists."""
        return self.exclude(lpar_id=0)

    def partition_names(self, uuids: Collection[UUID]) -> dict[UUID, str]:
        """What partitions were called in their latest migration. One query."""
        rows = self.of_partitions().filter(partition_uuid__in=uuids).order_by("started_at", "pk")
        return dict(rows.values_list("partition_uuid", "partition_name"))


class Migration(models.Model):
    """One press of Migrate, as one side sees it; both consoles use the same id. Only journal.py writes `state`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    role = models.CharField(max_length=12, choices=RoleChoices)
    type = models.CharField(max_length=8, choices=MigrationType)
    state = models.CharField(max_length=16)  # migration.states.State
    stop_requested = models.BooleanField(default=False)  # set only while transferring, by compare-and-set
    queued = models.BooleanField(default=False)  # source, transferring: waits until there is room (admission.py)
    forced = models.BooleanField(default=False)  # an operator ordered it to run here, or to yield
    order = models.CharField(max_length=24, blank=True, default="")  # states.Act; alive during that boot only
    order_boot = models.CharField(max_length=36, blank=True, default="")
    restored = models.BooleanField(default=False)  # written under an earlier incarnation of this database
    # After a restore, until the partners were asked: a later migration that this database has lost makes it void.
    in_question = models.BooleanField(default=False)
    released = models.BooleanField(default=False)  # destination: reservations are gone

    # Lease of the worker that drives it (leases.py). Monotonic seconds of this machine's current boot.
    epoch = models.PositiveBigIntegerField(default=0)
    lease_until = models.FloatField(default=0)
    lease_boot = models.CharField(max_length=36, blank=True, default="")
    worker = models.CharField(max_length=64, blank=True, default="")  # "mover-out", "control": for people
    wants = models.CharField(max_length=10, blank=True, default="")  # queue whose worker must take it next
    due_at = models.FloatField(default=0)  # when the schedule looks again; clock as lease_until
    # Dead-man timer, clock as lease_until: destination while prepared, source while it waits for a worker.
    reserved_until = models.FloatField(default=0)
    sequence = models.PositiveBigIntegerField(default=0)  # of the last message sent to the partner

    partition = models.ForeignKey(LogicalPartition, models.SET_NULL, null=True, blank=True, related_name="migrations")
    partition_uuid = models.UUIDField()
    partition_name = models.CharField(max_length=31)
    lpar_id = models.PositiveIntegerField()  # here
    remote_lpar_id = models.PositiveIntegerField(null=True, blank=True)
    configuration = models.JSONField(default=dict)  # as sent at prepare: peer.messages.Configuration
    placement = models.JSONField(default=dict)  # wanted there, by the source: peer.messages.PlacementWish
    remote = models.ForeignKey(RemoteSystem, models.PROTECT, related_name="migrations")
    remote_manager = models.CharField(max_length=255)  # as the user typed it
    remote_user = models.CharField(max_length=150)
    user = models.CharField(max_length=150)
    task = models.ForeignKey(MonitorTask, models.SET_NULL, null=True, blank=True, related_name="migrations")
    wait_minutes = models.PositiveIntegerField(default=5)  # longest wait for the partition's answer over RMC

    secret = models.BinaryField(default=bytes)  # per-migration key, encrypted (peer.auth); empty once both are final
    token = models.BinaryField(default=bytes)  # source: mobility token, encrypted; empty once closed
    mover_host = models.CharField(max_length=255, blank=True, default="")
    mover_port = models.PositiveIntegerField(null=True, blank=True)
    mover_fingerprint = models.CharField(max_length=95, blank=True, default="")

    partner_state = models.CharField(max_length=16, blank=True, default="")  # last answer; for people and polling
    partner_fact = models.CharField(max_length=16, blank=True, default="")
    partner_heard_at = models.DateTimeField(null=True, blank=True)
    partner_answers_since = models.DateTimeField(null=True, blank=True)  # first answer after a silence
    partner_incarnations = models.TextField(blank=True, default="")  # of its database, oldest first, one a line
    partner_cause = models.JSONField(default=dict)  # why it ended the migration: peer.messages.Cause
    # For people: nobody but an operator can say how to go on; here, and there as the partner said last.
    waits_for_operator = models.BooleanField(default=False)
    partner_waits_for_operator = models.BooleanField(default=False)
    # What the hypervisor here refused last, and why the last call to the partner failed.
    local_error = models.CharField(max_length=LONGEST_ERROR, blank=True, default="")
    partner_error = models.CharField(max_length=LONGEST_ERROR, blank=True, default="")

    activity = models.CharField(max_length=16, choices=Activity, default=Activity.PREPARING)
    percent = models.PositiveSmallIntegerField(default=0)
    bytes_transmitted = models.PositiveBigIntegerField(default=0)
    bytes_remaining = models.PositiveBigIntegerField(default=0)
    bytes_total = models.PositiveBigIntegerField(default=0)
    passes = models.PositiveIntegerField(default=0)
    rate_bytes_per_s = models.PositiveBigIntegerField(default=0)
    dirty_bytes_per_s = models.PositiveBigIntegerField(default=0)
    seconds_left = models.FloatField(null=True, blank=True)
    progress_heard_at = models.DateTimeField(null=True, blank=True)  # destination: the source told the figures above
    # Source: what was allowed when it last reported, and what that makes of the passes so far.
    outlook = models.CharField(max_length=16, blank=True, default="")  # mover.convergence.Outlook
    fitting_bytes = models.PositiveBigIntegerField(default=0)  # what the allowed suspension carries
    bandwidth_limit_bytes_per_s = models.PositiveBigIntegerField(default=0)  # 0: none
    allowed_suspension_ms = models.PositiveIntegerField(default=0)
    slow_partition = models.BooleanField(default=False)  # it is slowed down where memory does not converge
    slowed_percent = models.PositiveSmallIntegerField(default=0)  # the most that it was slowed down
    transfer_started_at = models.DateTimeField(null=True, blank=True)
    suspended_at = models.DateTimeField(null=True, blank=True)
    suspension_ms = models.FloatField(null=True, blank=True)  # felt by the partition: its largest heartbeat gap
    local_digest = models.CharField(max_length=64, blank=True, default="")
    digest_kind = models.CharField(max_length=8, default="pages")  # of both; "stream" where pages are not hashed
    partner_digest = models.CharField(max_length=64, blank=True, default="")

    handover_record = models.TextField(blank=True, default="")  # the file that both consoles signed

    code = models.CharField(max_length=32, blank=True, default="")  # why it did not move, when it did not
    message_key = models.CharField(max_length=64, blank=True, default="")
    message_params = models.JSONField(default=dict)
    ended_by = models.CharField(max_length=32, blank=True, default="")  # "schedule" or "Recover"; empty: undisturbed
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True, db_index=True)

    objects = MigrationQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(role="source", state__in=sorted(SOURCE_STATES))
                | Q(role="destination", state__in=sorted(DESTINATION_STATES)),
                name="state_fits_role",
            ),
            # One open migration of a partition: the row refuses a second one, whoever asks.
            models.UniqueConstraint(
                fields=["partition_uuid"],
                condition=~Q(state__in=sorted(FINAL_STATES)),
                name="one_open_migration_of_a_partition",
            ),
        ]
        indexes = [models.Index(fields=["state", "due_at"], name="open_migrations")]

    def __str__(self) -> str:
        return f"{self.partition_name} {self.id}"

    @property
    def is_source(self) -> bool:
        return self.role == Role.SOURCE

    @property
    def is_inactive(self) -> bool:
        return self.type == MigrationType.INACTIVE

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES

    @property
    def is_active(self) -> bool:
        """It still goes on, or waits for something: pages refresh themselves."""
        return not self.is_final

    @property
    def is_tombstone(self) -> bool:
        return not self.is_source and self.lpar_id == 0

    @property
    def is_unfinished(self) -> bool:
        """Something is still to be done: not final, or declined with reservations not given back yet."""
        return not self.is_final or (self.state in GIVEN_UP and not self.released)

    @property
    def is_opposite(self) -> bool:
        """Both sides have it by what they have told each other, and an operator ordered that on one of them."""
        if self.is_final:
            return False
        if self.is_source:  # which does not keep whether the destination was forced
            return are_opposite(self.state, self.partner_state, forced=False)
        return are_opposite(self.partner_state, self.state, forced=self.forced)

    @property
    def is_given_up(self) -> bool:
        """By an operator's order: the destination has not said that it has taken the partition over."""
        return self.state == State.COMPLETING and self.partner_state not in TAKEN_OVER

    @property
    def moved(self) -> bool:
        return self.state in {State.COMPLETING, State.CLOSED_MOVED, State.ACCEPTED, State.STARTED, State.SETTLED}

    @property
    def record(self) -> Record:
        """The part that decides, for states.step()."""
        return Record(
            role=Role(self.role),
            state=State(self.state),
            inactive=self.is_inactive,
            stop=self.stop_requested,
            forced=self.forced,
            released=self.released,
            order=Act(self.order) if self.order and self.order_boot == boot_id() else None,
            restored=self.restored,
        )

    @property
    def cause(self) -> Sentence:
        """Why it did not move; says nothing where nobody knows a reason."""
        return Sentence.of_message(self.message_key, self.message_params)

    @property
    def known_incarnations(self) -> tuple[str, ...]:
        """Of the partner's database, oldest first; what an older one had said is void."""
        return tuple(self.partner_incarnations.split())


class TransferCurve(models.Model):
    """How much memory was left over time: points of [seconds, bytes left, bytes sent], thinned out as they grow."""

    migration = models.OneToOneField(Migration, models.CASCADE, related_name="curve")
    points = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{self.migration_id}: {len(self.points)} points"


class MigrationEvent(models.Model):
    """The journal: one line for each durable change and each thing worth telling, in order."""

    migration = models.ForeignKey(Migration, models.CASCADE, related_name="events")
    time = models.DateTimeField(auto_now_add=True)
    from_state = models.CharField(max_length=16, blank=True, default="")
    to_state = models.CharField(max_length=16, blank=True, default="")
    epoch = models.PositiveBigIntegerField(default=0)
    worker = models.CharField(max_length=64, blank=True, default="")
    text = models.CharField(max_length=512, blank=True, default="")  # a Sentence, with its params and code
    params = models.JSONField(default=dict)
    code = models.CharField(max_length=32, blank=True, default="")

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.from_state} → {self.to_state}" if self.to_state else str(self.sentence)

    @property
    def sentence(self) -> Sentence:
        return Sentence(self.text, self.params, self.code)


class MobilityToken(models.Model):
    """Issued to another console for a user's password: mobility only. The token itself is not kept, its hash is."""

    hash = models.CharField(max_length=64, primary_key=True)
    user = models.CharField(max_length=150)
    system_identity = models.CharField(max_length=40)  # of the console it was issued to
    may_change = models.BooleanField(default=True)  # false for a View Only user: validates, never migrates
    migration_id = models.UUIDField(null=True, blank=True)  # a ticket: prepares that migration and does nothing else
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.user} for {self.system_identity}"


class Outcome(models.TextChoices):
    PASSED = "passed", _("Passed")
    WARNING = "warning", _("Warning")
    FAILED = "failed", _("Failed")
    NOT_APPLICABLE = "not applicable", _("Not applicable")


class ValidationReport(models.Model):
    """All checks of one press of Validate or Migrate, with what each side measured."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partition_uuid = models.UUIDField()
    partition_name = models.CharField(max_length=31)
    lpar_id = models.PositiveIntegerField()
    type = models.CharField(max_length=8, choices=MigrationType)
    remote = models.ForeignKey(RemoteSystem, models.SET_NULL, null=True, blank=True, related_name="reports")
    remote_manager = models.CharField(max_length=255)  # as the user typed it
    remote_user = models.CharField(max_length=150)
    placement = models.JSONField(default=dict)  # wanted there: peer.messages.PlacementWish
    user = models.CharField(max_length=150)
    migration = models.ForeignKey(Migration, models.SET_NULL, null=True, blank=True, related_name="reports")
    task = models.ForeignKey(MonitorTask, models.SET_NULL, null=True, blank=True, related_name="reports")
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.partition_name} to {self.remote_manager}"

    @property
    def passed(self) -> bool:
        """When it was made; what was checked again since does not change what Validate had found."""
        return not any(finding.outcome == Outcome.FAILED for finding in self.made_together)

    @property
    def has_warnings(self) -> bool:
        return any(finding.outcome == Outcome.WARNING for finding in self.made_together)

    @property
    def made_together(self) -> list["Finding"]:
        return [finding for finding in self.findings.all() if finding.again_at is None]


class Finding(models.Model):
    """One check: what it claims, what was measured, what is needed, which side said so, how to mend it.

    A check made once more is a row of its own beside the first one, with its own time.
    """

    report = models.ForeignKey(ValidationReport, models.CASCADE, related_name="findings")
    check_name = models.CharField(max_length=64)  # key of the check function
    side = models.CharField(max_length=12, choices=RoleChoices)
    outcome = models.CharField(max_length=16, choices=Outcome)
    measured = models.CharField(max_length=255, blank=True, default="")
    limit = models.CharField(max_length=255, blank=True, default="")
    message_key = models.CharField(max_length=64, blank=True, default="")
    message_params = models.JSONField(default=dict)
    again_at = models.DateTimeField(null=True, blank=True)  # empty: made when the report was
    again_by = models.CharField(max_length=150, blank=True, default="")

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.check_name} {self.outcome}"

    @property
    def sentence(self) -> Sentence:
        """What is wrong and how to mend it; says nothing where nothing is."""
        return Sentence.of_message(self.message_key, self.message_params)
