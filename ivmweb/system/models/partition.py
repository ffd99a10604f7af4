import re
import uuid
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from ivmweb.monitor.models import MonitorTask

ID_AT_THE_END = re.compile(r" [0-9a-f]{8}-[0-9a-f-]{27}$")

MANAGEMENT_PARTITION_ID = 1


class PartitionState(models.TextChoices):
    """IVM's strings, also in `lssyscfg -F state`."""

    RUNNING = "Running", _("Running")
    STARTING = "Starting", _("Starting")
    OPEN_FIRMWARE = "Open Firmware", _("Open Firmware")
    NOT_ACTIVATED = "Not Activated", _("Not Activated")
    SHUTTING_DOWN = "Shutting Down", _("Shutting Down")
    ERROR = "Error", _("Error")
    NOT_AVAILABLE = "Not Available", _("Not Available")
    MIGRATING_RUNNING = "Migrating - Running", _("Migrating - Running")
    MIGRATING_NOT_ACTIVATED = "Migrating - Not Activated", _("Migrating - Not Activated")

    @classmethod
    def migrating(cls, *, inactive: bool) -> "PartitionState":
        return cls.MIGRATING_NOT_ACTIVATED if inactive else cls.MIGRATING_RUNNING


class Environment(models.TextChoices):
    AIX_OR_LINUX = "aixlinux", _("AIX or Linux")
    VIRTUAL_IO_SERVER = "vioserver", _("Virtual I/O Server")


class ProcessorMode(models.TextChoices):
    SHARED = "shared", _("Shared")
    DEDICATED = "ded", _("Dedicated")


class BootDevice(models.TextChoices):
    """hypervisor.base.BootFrom, with words."""

    DEFAULT = "default", _("As the hypervisor is set up")
    DISK = "disk", _("First disk")
    OPTICAL = "optical", _("Optical medium, then the first disk")
    KERNEL = "kernel", _("Kernel of the hypervisor")


class RmcState(models.TextChoices):
    ACTIVE = "active", _("Active")
    INACTIVE = "inactive", _("Inactive")
    NONE = "none", _("None")


MIGRATION = "migration"  # begins the hold of one that is migrated
REMOVAL = "remove"  # begins the hold of one that is being removed; the same removal is gone on with by another one
MOVED_TO = "moved to "  # begins the hold of a partition that another console says it has (migration/restored.py)


def is_removal(hold: str) -> bool:
    return hold.partition(" ")[0] == REMOVAL


def console_of(hold: str) -> str:
    """The console that a partition has moved to by this hold; empty: the hold is an operation's."""
    return hold.removeprefix(MOVED_TO) if hold.startswith(MOVED_TO) else ""


class Operation(models.TextChoices):
    """What an operator asked of the hypervisor; also the reason of the hold while it is being asked."""

    ACTIVATE = "activate", _("Activate")
    SHUT_DOWN = "shut down", _("Shutdown")
    RESTART = "restart", _("Restart")


def has_task(hold: str) -> bool:
    """Whether Monitor Tasks has a row of what reserves a partition: an order to the hypervisor, or a longer task."""
    return hold in Operation or hold.partition(" ")[0] in {MIGRATION, REMOVAL}


class LogicalPartitionQuerySet(models.QuerySet["LogicalPartition"]):
    def clients(self) -> Self:
        """All but the management partition."""
        return self.exclude(lpar_id=MANAGEMENT_PARTITION_ID)

    def not_moved(self) -> Self:
        """Clients, without those that a restored database still has and another console says it has."""
        return self.clients().exclude(hold__startswith=MOVED_TO)

    def here(self) -> Self:
        """All that are here, the management partition too."""
        return self.exclude(hold__startswith=MOVED_TO)


class LogicalPartition(models.Model):
    """A partition and its one profile: under IVM there is exactly one."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True)  # identity; kept by a move, in the LUNs' owner words
    lpar_id = models.PositiveIntegerField(unique=True)
    name = models.CharField(max_length=31, unique=True)
    environment = models.CharField(max_length=10, choices=Environment, default=Environment.AIX_OR_LINUX)
    state = models.CharField(max_length=32, choices=PartitionState, default=PartitionState.NOT_ACTIVATED)
    # Empty, or the operation that reserves the partition: an Operation, "migration <uuid>". Taken by
    # compare-and-set, so that Activate and Migrate exclude each other in one row (docs/state-machine.md).
    hold = models.CharField(max_length=64, blank=True, default="")
    # The last Activate or Shutdown that the inventory has not seen the end of, and its row in Monitor Tasks.
    operation = models.CharField(max_length=16, choices=Operation, blank=True, default="")
    operation_task = models.ForeignKey(MonitorTask, models.SET_NULL, null=True, blank=True, related_name="+")

    # Unique ids of LUNs whose mapping is being changed, or was by somebody who never heard the hypervisor's answer.
    unsettled_luns = models.JSONField(default=list)

    memory_minimum_mb = models.PositiveIntegerField()
    memory_mb = models.PositiveIntegerField()
    memory_maximum_mb = models.PositiveIntegerField()
    processor_mode = models.CharField(max_length=8, choices=ProcessorMode, default=ProcessorMode.SHARED)
    processing_units_minimum = models.DecimalField(max_digits=6, decimal_places=2)
    processing_units = models.DecimalField(max_digits=6, decimal_places=2)
    processing_units_maximum = models.DecimalField(max_digits=6, decimal_places=2)
    virtual_processors_minimum = models.PositiveIntegerField(default=1)
    virtual_processors = models.PositiveIntegerField(default=1)
    virtual_processors_maximum = models.PositiveIntegerField(default=1)
    uncapped_weight = models.PositiveIntegerField(default=128)
    compatibility_mode = models.CharField(max_length=16, default="default")
    current_compatibility_mode = models.CharField(max_length=16, blank=True, default="")  # it runs in; empty: off
    workload_group = models.PositiveIntegerField(null=True, blank=True)
    os_version = models.CharField(max_length=64, blank=True, default="")
    rmc_state = models.CharField(max_length=8, choices=RmcState, default=RmcState.NONE)
    boot_from = models.CharField(max_length=8, choices=BootDevice, default=BootDevice.DEFAULT)
    auto_start = models.BooleanField(default=False)
    ever_activated = models.BooleanField(default=False)
    max_virtual_slots = models.PositiveIntegerField(default=20)
    # Simulated hypervisor: the load that its workload makes; travels with the partition.
    workload_bytes_per_s = models.PositiveBigIntegerField(default=0)
    workload_set_mb = models.PositiveIntegerField(default=0)

    objects = LogicalPartitionQuerySet.as_manager()

    class Meta:
        ordering = ["lpar_id"]
        constraints = [
            models.CheckConstraint(condition=Q(lpar_id__gte=1), name="lpar_id_from_1"),
            models.CheckConstraint(
                condition=Q(
                    memory_minimum_mb__gt=0,
                    memory_mb__gte=F("memory_minimum_mb"),
                    memory_maximum_mb__gte=F("memory_mb"),
                ),
                name="memory_in_order",
            ),
            models.CheckConstraint(
                condition=Q(
                    virtual_processors_minimum__gt=0,
                    virtual_processors__gte=F("virtual_processors_minimum"),
                    virtual_processors_maximum__gte=F("virtual_processors"),
                ),
                name="virtual_processors_in_order",
            ),
            models.CheckConstraint(
                condition=Q(
                    processing_units_minimum__gt=0,
                    processing_units__gte=F("processing_units_minimum"),
                    processing_units_maximum__gte=F("processing_units"),
                ),
                name="processing_units_in_order",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def task_target(self) -> str:
        """`uli13lp1 (2)`, as Monitor Tasks lists it."""
        return f"{self.name} ({self.lpar_id})"

    @property
    def audit_thing(self) -> str:
        """`partition uli13lp1 (2)`, as the audit trail calls it."""
        return f"partition {self.task_target}"

    @property
    def is_management(self) -> bool:
        return self.lpar_id == MANAGEMENT_PARTITION_ID

    @property
    def is_activated(self) -> bool:
        return self.state not in {PartitionState.NOT_ACTIVATED, PartitionState.MIGRATING_NOT_ACTIVATED}

    @property
    def held_for(self) -> str:
        """The hold for people, without the id that makes it one of a kind."""
        return ID_AT_THE_END.sub("", self.hold)

    @property
    def moved_to(self) -> str:
        """The console that has it, where only a restored database still knows it here; empty: it is here."""
        return console_of(self.hold)


class ReferenceCode(models.Model):
    """History of a partition's reference codes, newest last; goes with the partition."""

    partition = models.ForeignKey(LogicalPartition, models.CASCADE, related_name="reference_codes")
    code = models.CharField(max_length=32)
    time = models.DateTimeField()

    class Meta:
        ordering = ["time", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["partition", "code", "time"], name="reference_code_once"),
        ]

    def __str__(self) -> str:
        return self.code
