"""What counts as growth of a process, and what does not."""

import os
import subprocess
import sys

import pytest

from tests.soak import growth
from tests.soak.growth import Growth, Size

STEADY = [Size(100.0, 5, 20)] * 100


def test_what_stays_as_it_was_has_not_grown():
    assert growth.grown(STEADY) == []


@pytest.mark.parametrize(
    ("sizes", "found"),
    [
        ([Size(100.0, 5, 20 + n) for n in range(100)], "files"),
        ([Size(100.0, 5 + n // 2, 20) for n in range(100)], "threads"),
        ([Size(100.0 + n, 5, 20) for n in range(100)], "MB"),
    ],
)
def test_a_leak_of_each_kind_is_found(sizes, found):
    (fault,) = growth.grown(sizes)
    assert found in fault


def test_a_peak_is_no_leak():
    peak = [*STEADY[:60], *[Size(100.0, 40, 90)] * 5, *STEADY[:35]]
    assert growth.grown(peak) == []


def test_a_partition_that_comes_and_goes_is_no_growth_of_its_hypervisor():
    assert growth.grown([Size(40.0 + 64 * (n % 2), 5, 20) for n in range(100)]) == []


def test_a_copy_that_is_seen_once_while_a_digest_is_taken_is_no_growth():
    assert growth.grown([*STEADY[:90], Size(165.0, 5, 20), *STEADY[:2]]) == []


def test_what_a_process_takes_while_it_warms_up_is_no_growth():
    warming = [Size(50.0 + 10 * n, 2 + n, 10 + 2 * n) for n in range(growth.WARM_UP)]
    assert growth.grown([*warming, *[Size(150.0, 12, 30)] * 90]) == []


def test_a_short_life_says_nothing():
    sizes = [Size(100.0, 5, 20 + 5 * n) for n in range(growth.WARM_UP + growth.LEAST_SAMPLES - 1)]
    assert growth.grown(sizes) == []


def test_a_process_that_was_started_again_begins_anew():
    seen = Growth()
    for number in range(100):
        seen.add("uli13/web", 1 if number < 50 else 2, Size(100.0, 5, 20 if number < 50 else 80))
    assert seen.faults() == []
    for number in range(100):
        seen.add("uli13/web", 2, Size(100.0, 5, 80 + number))
    assert len(seen.faults()) == 1
    assert seen.faults()[0].startswith("growth of uli13/web: ")
    assert len(seen.lines()) == 1
    assert "the longest of 2)" in seen.lines()[0]


def test_a_process_is_measured_with_what_it_has_started():
    child = "import subprocess, sys; subprocess.Popen(['cat']); print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", child]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as leader:
        leader.stdout.readline()
        alone = growth.size_of(growth.PROC / str(leader.pid))
        both = growth.sizes_by_session()[leader.pid]
        assert both.threads == alone.threads + 1
        assert both.files > alone.files
        assert both.rss_mb > alone.rss_mb > 1
        os.killpg(leader.pid, 9)


def test_the_inventory_is_counted_over_both_consoles_and_histories_are_not_in_it():
    here = {"uli13.system_logicalpartition": 3, "uli14.system_logicalpartition": 1, "uli13.system_auditevent": 9}
    there = {"uli13.system_logicalpartition": 2, "uli14.system_logicalpartition": 2, "uli13.monitor_monitortask": 5}
    assert growth.inventory(here) == growth.inventory(there) == {"system_logicalpartition": 4}


def test_only_tables_with_more_rows_are_named():
    assert growth.more_rows({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 5, "c": 2}) == {"b": 3}
