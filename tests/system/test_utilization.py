"""Samples of the utilization: measured ones, at their rate, and not for ever."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.hypervisor.base import RunState
from ivmweb.lab import data
from ivmweb.monitor.models import MonitorTask
from ivmweb.system import system_properties, utilization
from ivmweb.system.changes import Asked
from ivmweb.system.models import LogicalPartition, ManagedSystem, PartitionUtilization, UtilizationSample
from ivmweb.system.system_properties import SAMPLE_RATE, UTILIZATION
from ivmweb.system.utilization import take_sample_if_due

T = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def take(*seconds):
    """How many samples were taken at these moments."""
    return sum(take_sample_if_due(T + timedelta(seconds=each)) for each in seconds)


def times():
    return [(one.time - T).total_seconds() for one in UtilizationSample.objects.order_by("time")]


def test_a_sample_has_what_the_hypervisor_measured(uli13lp1, uli13lp2):
    assert take(0) == 1
    running = PartitionUtilization.objects.get(lpar_id=2)
    assert (running.name, running.uptime_s) == ("uli13lp1", int(data.UPTIME_S))
    assert (running.utilized_units, running.memory_mb) == (Decimal("0.0300"), uli13lp1.memory_mb)
    off = PartitionUtilization.objects.get(lpar_id=3)
    assert (off.uptime_s, off.utilized_units) == (None, None)
    sample = UtilizationSample.objects.get()
    system = ManagedSystem.objects.get()
    assert (sample.free_memory_mb, sample.free_units) == (system.free_memory_mb, system.free_units)
    assert (sample.utilized_pool_units, sample.pool_units) == (Decimal("0.0300"), system.installed_units)


def test_what_is_no_partition_of_the_records_is_measured_for_nobody(uli13lp1, hypervisor):
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(uuid="0a4ba2d2-5a0c-4c5b-9b3e-2a4b0c8f1d11")
    take(0)
    assert PartitionUtilization.objects.get(lpar_id=2).utilized_units is None


def test_what_another_console_has_is_not_in_it(uli13lp1):
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(hold="moved to uli14")
    take(0)
    assert set(PartitionUtilization.objects.values_list("lpar_id", flat=True)) == {1}


def test_dedicated_processors_in_use_are_not_the_pools(uli13lp1):
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(processor_mode="ded", processing_units=1)
    take(0)
    sample = UtilizationSample.objects.get()
    assert sample.pool_units == sample.installed_units - 1
    assert sample.utilized_pool_units == 0


def test_one_is_taken_at_each_beat_however_late_the_look(uli13):
    assert take(0, 10, 299) == 1
    assert take(310, 320, 599) == 1
    assert take(600, 610) == 1
    assert take(2000, 2010, 2100) == 2
    assert times() == [0, 310, 600, 2000, 2100]


def test_none_are_taken_at_the_rate_0_or_without_an_answer(uli13, hypervisor):
    ManagedSystem.objects.update(sample_rate_s=0)
    assert take(0) == 0
    ManagedSystem.objects.update(sample_rate_s=300)
    hypervisor.is_reachable = False
    assert take(0) == 0
    hypervisor.is_reachable = True
    assert take(10) == 1


def test_a_console_that_is_not_set_up_takes_none(db):
    assert take(0) == 0


def test_of_two_that_look_at_once_one_takes_it(uli13, hypervisor):
    hypervisor.before["describe_system"] = lambda: take_sample_if_due(T)
    assert not take_sample_if_due(T)
    assert times() == [0]


def test_a_clock_that_is_set_back_stops_nothing(uli13):
    take(0)
    assert take(-3600) == 1
    assert times() == [-3600]


def test_old_ones_and_too_many_go(uli13lp1, monkeypatch):
    take(-40 * 86400)
    take(0)
    assert times() == [0]
    monkeypatch.setattr(utilization, "MOST_SAMPLES", 3)
    take(300, 600, 900, 1200)
    assert times() == [600, 900, 1200]
    monkeypatch.setattr(utilization, "MOST_ROWS", 4)  # for two partitions
    take(1500)
    assert times() == [1200, 1500]
    assert PartitionUtilization.objects.count() == 4


def test_a_sample_takes_as_many_queries_for_many(uli13lp1, django_assert_max_num_queries):
    with django_assert_max_num_queries(16):
        take(0)


def test_the_rate_is_one_of_ibms(uli13, padmin):
    assert system_properties.change(UTILIZATION, Asked({SAMPLE_RATE: 30}, padmin, "here"))
    assert not system_properties.change(UTILIZATION, Asked({SAMPLE_RATE: 30}, padmin, "here"))
    assert [str(line.sentence) for line in MonitorTask.objects.get().lines.all()] == [
        "Utilization sample rate: 300 s → 30 s"
    ]
    with pytest.raises(PrerequisiteFailed, match="9076"):
        system_properties.change(UTILIZATION, Asked({SAMPLE_RATE: 31}, padmin, "here"))
    assert ManagedSystem.objects.get().sample_rate_s == 30


# Counters


def counters(lpar_id=2):
    """Of each sample, the oldest first; seconds instead of microseconds."""
    rows = PartitionUtilization.objects.filter(lpar_id=lpar_id).order_by("sample__pk")
    return [
        tuple(
            None if each is None else each / 1_000_000 for each in (row.entitled_us, row.capped_us, row.uncapped_us)
        )
        for row in rows
    ]


def entitle(partition, units):
    LogicalPartition.objects.filter(pk=partition.pk).update(processing_units=units, processing_units_minimum="0.01")


def test_counters_go_on_by_what_is_measured_and_the_time_since_the_sample_before(uli13lp1):
    take(0)
    entitle(uli13lp1, "0.20")
    take(300)
    entitle(uli13lp1, "0.01")
    take(1300)
    assert counters() == [(0, 0, 0), (60, 9, 0), (70, 19, 20)]


def test_counters_count_no_longer_than_a_partition_is_up(uli13lp1, hypervisor):
    take(0)
    hypervisor.runs[2].uptime_s = 100
    take(300)
    assert counters()[-1] == (10, 3, 0)


def test_counters_stand_still_while_a_partition_is_off_and_never_become_smaller(uli13lp1, hypervisor):
    take(0, 300)
    hypervisor.enter(2, RunState.NOT_ACTIVATED)
    take(600)
    assert counters()[-2:] == [(30, 9, 0), (30, 9, 0)]


def test_a_clock_that_is_set_back_makes_no_counter_smaller(uli13lp1):
    take(0, 300, -3600, -3300)
    rows = PartitionUtilization.objects.filter(lpar_id=2, sample__time__lt=T).order_by("sample__pk")
    assert [row.entitled_us for row in rows] == [30_000_000, 60_000_000]
    assert [one.time_us for one in UtilizationSample.objects.order_by("pk")] == [300_000_000, 600_000_000]


def test_another_partition_by_the_same_id_begins_at_0(uli13lp1, hypervisor):
    take(0, 300)
    PartitionUtilization.objects.update(uuid="0a4ba2d2-5a0c-4c5b-9b3e-2a4b0c8f1d11")
    take(600)
    assert counters()[-1] == (0, 0, 0)


def test_the_management_partition_has_no_counters(uli13lp1):
    take(0, 300)
    assert counters(1) == [(None, None, None)] * 2


def test_the_pool_counts_its_own_processors_and_what_shares_them(uli13lp1, uli13lp2, hypervisor):
    take(0)
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(processor_mode="ded", processing_units=1)
    take(300)
    sample = UtilizationSample.objects.first()
    assert sample.pool_us == 300_000_000 * (ManagedSystem.objects.get().installed_units - 1)
    assert (sample.utilized_pool_us, counters()[-1]) == (0, (300, 9, 0))
