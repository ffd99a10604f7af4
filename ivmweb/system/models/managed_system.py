from django.db import models
from django.db.models import F, Q


class ManagedSystem(models.Model):
    """The one server that this console manages. Exactly one row."""

    host_name = models.CharField(max_length=63)  # of the management partition; what others type as Remote IVM
    name = models.CharField(max_length=64)  # system name: Server-7998-61X-SN100390A
    type_model = models.CharField(max_length=16)
    serial_number = models.CharField(max_length=16)
    fibre_channel_location = models.CharField(max_length=64)
    installed_memory_mb = models.PositiveIntegerField()
    firmware_memory_mb = models.PositiveIntegerField()
    free_memory_mb = models.IntegerField()
    memory_region_mb = models.PositiveIntegerField(default=16)
    installed_units = models.DecimalField(max_digits=6, decimal_places=2)
    free_units = models.DecimalField(max_digits=6, decimal_places=2)
    compatibility_modes = models.JSONField(default=list)  # processor modes it can run, e.g. ["default", "POWER6"]
    boot_devices = models.JSONField(default=list)  # BootFrom; empty: the hypervisor has no choice
    max_virtual_processors = models.PositiveIntegerField(default=64)  # of one partition
    max_partitions = models.PositiveIntegerField(default=40)
    max_virtual_slots = models.PositiveIntegerField(default=200)  # of the management partition
    active_mobility_capable = models.BooleanField(default=True)
    inactive_mobility_capable = models.BooleanField(default=True)
    active_migrations_supported = models.PositiveIntegerField(default=4)
    inactive_migrations_supported = models.PositiveIntegerField(default=40)
    migration_bandwidth_bytes_per_s = models.PositiveBigIntegerField(default=0)  # 0: no limit
    allowed_suspension_ms = models.PositiveIntegerField(default=100)
    slow_partition = models.BooleanField(default=False)  # where pre-copy does not converge, before what is said next
    suspend_anyway = models.BooleanField(default=False)  # where pre-copy does not converge
    attention_led = models.BooleanField(default=False)
    sample_rate_s = models.PositiveIntegerField(default=300)  # between two samples of the utilization; 0: none
    sampled_at = models.DateTimeField(null=True, blank=True)
    displayed = models.CharField(max_length=64, blank=True, default="")  # digest of what the inventory last saw
    # Source of all epochs of this console, so that the hypervisor can tell older commands from newer ones.
    epoch = models.PositiveBigIntegerField(default=0)
    incarnation = models.CharField(max_length=36)  # of this database; a restored one is told by it (incarnation.py)
    restored_at = models.DateTimeField(null=True, blank=True)
    strays = models.BooleanField(default=False)  # LUNs or the hypervisor tell of what no record does (stranded.py)
    held_back = models.BooleanField(default=False)  # restored, and not every partner was asked: nothing starts

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(pk=1), name="one_managed_system"),
            models.CheckConstraint(
                condition=Q(free_memory_mb__gte=0, free_memory_mb__lte=F("installed_memory_mb")),
                name="free_memory_in_range",
            ),
            models.CheckConstraint(
                condition=Q(free_units__gte=0, free_units__lte=F("installed_units")), name="free_units_in_range"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def identity(self) -> str:
        """`7998-61X*100390A`: names the server in owner words and on the command line."""
        return f"{self.type_model}*{self.serial_number}"

    @property
    def location_prefix(self) -> str:
        """`U7998.61X.100390A`: begins each virtual location code."""
        return f"U{self.type_model.replace('-', '.')}.{self.serial_number}"
