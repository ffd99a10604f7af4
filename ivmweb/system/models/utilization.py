from django.db import models


class UtilizationSample(models.Model):
    """One look at the whole system; goes when it is old (ivmweb/system/utilization.py)."""

    time = models.DateTimeField(unique=True)
    installed_memory_mb = models.PositiveIntegerField()
    free_memory_mb = models.IntegerField()
    firmware_memory_mb = models.PositiveIntegerField()
    installed_units = models.DecimalField(max_digits=6, decimal_places=2)
    free_units = models.DecimalField(max_digits=6, decimal_places=2)
    pool_units = models.DecimalField(max_digits=6, decimal_places=2)  # without those of dedicated processors in use
    utilized_pool_units = models.DecimalField(max_digits=8, decimal_places=4)  # of shared processors, as measured
    # Counters that only grow, from the first sample on; processor-microseconds, but for the first: microseconds.
    # Samples of an earlier version have none.
    time_us = models.PositiveBigIntegerField(null=True)
    pool_us = models.PositiveBigIntegerField(null=True)
    utilized_pool_us = models.PositiveBigIntegerField(null=True)

    class Meta:
        ordering = ["-time"]

    def __str__(self) -> str:
        return f"{self.time:%Y-%m-%d %H:%M:%S}"


class PartitionUtilization(models.Model):
    """A partition at that moment. It keeps its name and ID, wherever the partition is by now."""

    sample = models.ForeignKey(UtilizationSample, models.CASCADE, related_name="partitions")
    lpar_id = models.PositiveIntegerField()
    name = models.CharField(max_length=31)
    uuid = models.UUIDField(null=True)  # whose counters go on from sample to sample, whatever its ID and name
    processor_mode = models.CharField(max_length=8)
    processing_units = models.DecimalField(max_digits=6, decimal_places=2)
    virtual_processors = models.PositiveIntegerField()
    uncapped_weight = models.PositiveIntegerField()
    memory_mb = models.PositiveIntegerField()
    # As the hypervisor has measured them; none where it did not run here.
    uptime_s = models.PositiveBigIntegerField(null=True)
    utilized_units = models.DecimalField(max_digits=8, decimal_places=4, null=True)
    # Counters that only grow, in processor-microseconds; samples of an earlier version have none.
    entitled_us = models.PositiveBigIntegerField(null=True)
    capped_us = models.PositiveBigIntegerField(null=True)
    uncapped_us = models.PositiveBigIntegerField(null=True)

    class Meta:
        ordering = ["-sample__time", "lpar_id"]
        constraints = [models.UniqueConstraint(fields=["sample", "lpar_id"], name="one_utilization_of_a_partition")]

    def __str__(self) -> str:
        return f"{self.name} at {self.sample}"
