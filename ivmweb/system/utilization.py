"""Samples of what the partitions use, taken by the schedule at the rate that is set, and kept for a while.

All that is in them was measured by the hypervisor or stood in the records at that moment, but for the counters, which
are summed up from it. The hypervisor measures how much a partition uses, and counts nothing; so a counter goes on, at
each sample, by what was measured then, times the time since the sample before (see go_on()).
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import NOT_RUN_HERE, PartitionFacts
from ivmweb.system import services
from ivmweb.system.models import (
    MANAGEMENT_PARTITION_ID,
    LogicalPartition,
    ManagedSystem,
    PartitionUtilization,
    UtilizationSample,
)
from ivmweb.system.models.partition import ProcessorMode
from ivmweb.transactions import serialized

logger = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=31)
MOST_SAMPLES = 8_640  # 30 days at the rate that a new console has
MOST_ROWS = 100_000  # of partitions; where there are many of these, their samples reach back less far
FINEST = Decimal("0.0001")
SECOND_US = 1_000_000
CYCLES_PER_US = 512  # POWER's time base runs at 512 MHz, whatever the processor's own clock


def take_sample_if_due(now: datetime | None = None) -> bool:
    """Whether one was taken. Where the hypervisor does not answer there is none, and it is tried again."""
    now = now or timezone.now()
    system = ManagedSystem.objects.first()
    if system is None or not is_due(system, now):
        return False
    try:
        facts = services.hypervisor().describe_system().partitions
    except HypervisorError as exc:
        logger.debug("no utilization sample: %s", exc)
        return False
    with serialized():
        same = ManagedSystem.objects.filter(sampled_at=system.sampled_at, sample_rate_s=system.sample_rate_s)
        if not same.update(sampled_at=beat(system, now)):
            return False  # somebody was faster
        record(now, {fact.uuid: fact for fact in facts})
        forget_old(now)
    return True


def is_due(system: ManagedSystem, now: datetime) -> bool:
    """A clock that was set back does not stop the samples."""
    if not system.sample_rate_s:
        return False
    last = system.sampled_at
    return last is None or last > now or now - last >= timedelta(seconds=system.sample_rate_s)


def beat(system: ManagedSystem, now: datetime) -> datetime:
    """From when the next one is counted: a look that comes late makes the ones after it no later."""
    last, rate = system.sampled_at, timedelta(seconds=system.sample_rate_s)
    return now if last is None or last > now else last + rate * ((now - last) // rate)


def record(now: datetime, facts: Mapping[str, PartitionFacts]) -> None:
    rows = [of_partition(row, facts.get(str(row.uuid))) for row in LogicalPartition.objects.here()]
    # By its key: that of a clock which was ahead is the last one, too.
    last = UtilizationSample.objects.order_by("-pk").prefetch_related("partitions").first()
    elapsed_us = since(last, now)
    earlier = {row.uuid: row for row in last.partitions.all()} if last else {}
    used_us = {row.lpar_id: go_on(row, earlier.get(row.uuid), elapsed_us) for row in rows if is_measured(row)}
    sample = of_system(now, rows)
    sample.time_us, sample.pool_us, sample.utilized_pool_us = totals(last)
    sample.time_us += elapsed_us
    sample.pool_us += int(elapsed_us * sample.pool_units)
    sample.utilized_pool_us += sum(used_us.get(row.lpar_id, 0) for row in rows if is_shared(row))
    sample.save()
    for row in rows:
        row.sample = sample
    PartitionUtilization.objects.bulk_create(rows)


def of_system(now: datetime, rows: Sequence[PartitionUtilization]) -> UtilizationSample:
    system = ManagedSystem.objects.get()
    return UtilizationSample(
        time=now,
        installed_memory_mb=system.installed_memory_mb,
        free_memory_mb=system.free_memory_mb,
        firmware_memory_mb=system.firmware_memory_mb,
        installed_units=system.installed_units,
        free_units=system.free_units,
        pool_units=system.installed_units - sum(dedicated_units(rows), Decimal()),
        utilized_pool_units=sum((row.utilized_units or Decimal() for row in rows if is_shared(row)), Decimal()),
    )


def is_measured(row: PartitionUtilization) -> bool:
    """Nobody measures the management partition, so it has no counters, rather than such that stand still."""
    return row.lpar_id != MANAGEMENT_PARTITION_ID


def since(last: UtilizationSample | None, now: datetime) -> int:
    """Microseconds; none for a clock that was set back, which makes no counter smaller."""
    return 0 if last is None else max(0, (now - last.time) // timedelta(microseconds=1))


def go_on(row: PartitionUtilization, before: PartitionUtilization | None, elapsed_us: int) -> int:
    """Count on from the sample before this; answers the processor-microseconds that were used since then.

    What is measured now counts for all that time, or for the time that the partition has been up. What it may use
    (its processing units) makes `entitled_us`; what it uses of that `capped_us`, and what it uses beyond it
    `uncapped_us`. 0.2 units of which 0.3 are used, for 300 s: 60, 60 and 30 million. While it does not run, nothing
    goes on; one that was not in the sample before begins at 0, since nobody knows from when on it was here.
    """
    row.entitled_us, row.capped_us, row.uncapped_us = counters(before)
    if before is None or row.uptime_s is None or row.utilized_units is None:
        return 0
    up_us = min(elapsed_us, row.uptime_s * SECOND_US)
    capped = int(up_us * min(row.utilized_units, row.processing_units))
    uncapped = int(up_us * max(row.utilized_units - row.processing_units, Decimal()))
    row.entitled_us += int(up_us * row.processing_units)
    row.capped_us += capped
    row.uncapped_us += uncapped
    return capped + uncapped


def totals(sample: UtilizationSample | None) -> tuple[int, int, int]:
    if sample is None:
        return 0, 0, 0
    return counted(sample.time_us), counted(sample.pool_us), counted(sample.utilized_pool_us)


def counters(row: PartitionUtilization | None) -> tuple[int, int, int]:
    if row is None:
        return 0, 0, 0
    return counted(row.entitled_us), counted(row.capped_us), counted(row.uncapped_us)


def counted(value: int | None) -> int:
    """A sample of an earlier version counted nothing."""
    return value or 0


def of_partition(row: LogicalPartition, fact: PartitionFacts | None) -> PartitionUtilization:
    ran = fact if fact is not None and fact.run_state not in NOT_RUN_HERE else None
    return PartitionUtilization(
        lpar_id=row.lpar_id,
        name=row.name,
        uuid=row.uuid,
        processor_mode=row.processor_mode,
        processing_units=row.processing_units,
        virtual_processors=row.virtual_processors,
        uncapped_weight=row.uncapped_weight,
        memory_mb=row.memory_mb,
        uptime_s=int(ran.uptime_s) if ran and ran.uptime_s is not None else None,
        utilized_units=measured(ran.utilized_units) if ran and ran.utilized_units is not None else None,
    )


def measured(units: float) -> Decimal:
    return Decimal(units).quantize(FINEST)


def is_shared(row: PartitionUtilization) -> bool:
    return row.processor_mode == ProcessorMode.SHARED.value


def dedicated_units(rows: Iterable[PartitionUtilization]) -> Iterable[Decimal]:
    """Processors that are a partition's alone while it runs."""
    return (row.processing_units for row in rows if not is_shared(row) and row.uptime_s is not None)


def forget_old(now: datetime) -> None:
    """Too old ones, those beyond the most that are kept, and those of a clock that was ahead."""
    partitions = max(1, LogicalPartition.objects.count())
    most = max(1, min(MOST_SAMPLES, MOST_ROWS // partitions))
    old = UtilizationSample.objects.filter(time__lt=now - KEPT_FOR) | UtilizationSample.objects.filter(time__gt=now)
    beyond = UtilizationSample.objects.order_by("-time").values_list("time", flat=True)[most - 1 : most].first()
    if beyond is not None:
        old |= UtilizationSample.objects.filter(time__lt=beyond)
    gone = list(old.values_list("pk", flat=True)[:1000])  # the rest with the next one
    PartitionUtilization.objects.filter(sample__in=gone).delete()
    UtilizationSample.objects.filter(pk__in=gone).delete()
