"""Samples of what the partitions use, taken by the schedule at the rate that is set, and kept for a while.

All that is in them was measured by the hypervisor or stood in the records at that moment.
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import NOT_RUN_HERE, PartitionFacts
from ivmweb.system import services
from ivmweb.system.models import LogicalPartition, ManagedSystem, PartitionUtilization, UtilizationSample
from ivmweb.system.models.partition import ProcessorMode
from ivmweb.transactions import serialized

logger = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=31)
MOST_SAMPLES = 8_640  # 30 days at the rate that a new console has
MOST_ROWS = 100_000  # of partitions; where there are many of these, their samples reach back less far
FINEST = Decimal("0.0001")


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
    system = ManagedSystem.objects.get()
    rows = [of_partition(row, facts.get(str(row.uuid))) for row in LogicalPartition.objects.here()]
    sample = UtilizationSample.objects.create(
        time=now,
        installed_memory_mb=system.installed_memory_mb,
        free_memory_mb=system.free_memory_mb,
        firmware_memory_mb=system.firmware_memory_mb,
        installed_units=system.installed_units,
        free_units=system.free_units,
        pool_units=system.installed_units - sum(dedicated_units(rows), Decimal()),
        utilized_pool_units=sum((row.utilized_units or Decimal() for row in rows if is_shared(row)), Decimal()),
    )
    for row in rows:
        row.sample = sample
    PartitionUtilization.objects.bulk_create(rows)


def of_partition(row: LogicalPartition, fact: PartitionFacts | None) -> PartitionUtilization:
    ran = fact if fact is not None and fact.run_state not in NOT_RUN_HERE else None
    return PartitionUtilization(
        lpar_id=row.lpar_id,
        name=row.name,
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
