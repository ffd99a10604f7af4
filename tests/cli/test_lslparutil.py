"""lslparutil and chlparutil: formats to the byte, time windows, and how many."""

from datetime import UTC, datetime, timedelta

import pytest

from ivmweb.cli.commands.lslparutil import spread
from ivmweb.cli.pairs import quoted
from ivmweb.lab import data
from ivmweb.monitor.models import MonitorTask
from ivmweb.system.models import LogicalPartition, ManagedSystem, PartitionUtilization, UtilizationSample
from ivmweb.system.rights import VIEW_ONLY
from ivmweb.system.utilization import take_sample_if_due
from tests import factories
from tests.cli.conftest import Prompt

T = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
HERTZ = 512_000_000
NOTHING = "[VIOSI01040010-0003] No results were found.\n"


@pytest.fixture
def samples(uli13lp1, uli13lp2):
    """Nine, five minutes apart, from 12:00 on."""
    for number in range(9):
        assert take_sample_if_due(T + timedelta(minutes=5 * number))


@pytest.fixture
def viewer(db):
    return Prompt(factories.make_user("viewer", VIEW_ONLY))


def test_a_partition(prompt, samples):
    assert prompt("lslparutil -r lpar -n 1 --filter lpar_names=uli13lp1") == (
        "time=11/27/2026 12:40:00,sys_time=11/27/2026 12:40:00,event_type=sample,resource_type=lpar,"
        f"time_cycles={2400 * HERTZ},lpar_id=2,"
        f"uptime={int(data.UPTIME_S)},curr_proc_mode=shared,curr_proc_units=0.10,curr_procs=1,curr_sharing_mode=uncap,"
        f"curr_uncap_weight=128,curr_mem=1024,entitled_cycles={240 * HERTZ},capped_cycles={72 * HERTZ},"
        "mem_mode=ded,uncapped_cycles=0,donated_cycles=0,utilized_proc_units=0.0300\n"
    )
    assert (prompt.status, prompt.err) == (0, "")


def test_one_that_is_off_has_nothing_measured(prompt, samples):
    assert "uptime" not in prompt("lslparutil -r lpar -n 1 --filter lpar_ids=3")
    listed = prompt("lslparutil -r lpar -n 1 --filter lpar_ids=3 -F lpar_id,uptime,utilized_proc_units --header")
    assert listed == "lpar_id,uptime,utilized_proc_units\n3,null,null\n"


def test_the_system_and_its_pool(prompt, samples):
    system = ManagedSystem.objects.get()
    assert prompt("lslparutil -r sys -n 1") == (
        "time=11/27/2026 12:40:00,sys_time=11/27/2026 12:40:00,event_type=sample,resource_type=sys,"
        f"state=Operating,configurable_sys_proc_units={system.installed_units:.2f},configurable_sys_mem={system.installed_memory_mb},"
        f"curr_avail_sys_proc_units={system.free_units:.2f},curr_avail_sys_mem={system.free_memory_mb},"
        f"sys_firmware_mem={system.firmware_memory_mb},proc_cycles_per_second=512000000\n"
    )
    assert prompt("lslparutil -r pool -n 1") == (
        "time=11/27/2026 12:40:00,sys_time=11/27/2026 12:40:00,event_type=sample,resource_type=pool,"
        f"time_cycles={2400 * HERTZ},shared_proc_pool_id=0,curr_avail_pool_proc_units={system.free_units:.2f},"
        f"configurable_pool_proc_units={system.installed_units:.2f},borrowed_pool_proc_units=0.00,"
        f"total_pool_cycles={int(2400 * system.installed_units) * HERTZ},utilized_pool_cycles={72 * HERTZ},"
        "utilized_pool_proc_units=0.0300\n"
    )


# What the program of this name asks an IVM for.
LPAR2RRD = ("time", "lpar_id", "curr_proc_units", "curr_procs", "curr_sharing_mode", "entitled_cycles")
LPAR2RRD += ("capped_cycles", "uncapped_cycles", "donated_cycles", "mem_mode", "curr_mem", "phys_run_mem")
LPAR2RRD += ("curr_io_entitled_mem", "mapped_io_entitled_mem", "mem_overage_cooperation")


def used_by_lpar2rrd(newest_first):
    """Processing units between the oldest and the newest line, as LPAR2RRD works them out."""
    new, old = (dict(zip(LPAR2RRD, line.split(","), strict=True)) for line in (newest_first[0], newest_first[-1]))
    grown = {name: int(new[name]) - int(old[name]) for name in LPAR2RRD if name.endswith("_cycles")}
    share = (grown["capped_cycles"] + grown["uncapped_cycles"]) / grown["entitled_cycles"]
    return share * float(new["curr_proc_units"])


@pytest.mark.parametrize("units", ["0.10", "0.02"])  # of which the partition uses less, or more
def test_an_old_program_works_out_what_a_partition_uses(prompt, uli13lp1, units):
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(processing_units=units, processing_units_minimum="0.01")
    for number in range(4):
        take_sample_if_due(T + timedelta(minutes=5 * number))
    window = "--startyear 2026 --startmonth 11 --startday 27 --starthour 12 --startminute 1"
    listed = prompt.lines(
        f"LC_ALL=en_US LANG=en_US LC_NUMERIC=en_US lslparutil -r lpar {window} -m {data.ULI13.name} "
        f"-F {','.join(LPAR2RRD)} --filter lpar_names=uli13lp1"
    )
    assert prompt.err == ""
    assert len(listed) == 3
    assert used_by_lpar2rrd(listed) == pytest.approx(0.03)
    assert listed[0].endswith(",0,ded,1024,null,null,null,null")


def test_an_old_program_works_out_what_the_pool_uses(prompt, samples):
    fields = (
        "time,total_pool_cycles,utilized_pool_cycles,configurable_pool_proc_units,borrowed_pool_proc_units,"
        "curr_avail_pool_proc_units"
    )
    new, *_between, old = (line.split(",") for line in prompt.lines(f"lslparutil -r pool -F {fields}"))
    total, utilized = (int(new[at]) - int(old[at]) for at in (1, 2))
    assert utilized / total * (float(new[3]) + float(new[4])) == pytest.approx(0.03)


def test_an_old_program_finds_no_shared_memory_pool(prompt, samples):
    fields = "time,curr_pool_mem,lpar_curr_io_entitled_mem,lpar_mapped_io_entitled_mem,lpar_run_mem"
    assert prompt(f"lslparutil -r mempool --startyear 2026 -F {fields},sys_firmware_pool_mem") == ""
    assert (prompt.status, prompt.err) == (0, NOTHING)


def test_samples_of_an_earlier_version_have_no_counters(prompt, samples):
    UtilizationSample.objects.update(time_us=None, pool_us=None, utilized_pool_us=None)
    PartitionUtilization.objects.update(uuid=None, entitled_us=None, capped_us=None, uncapped_us=None)
    names = "time_cycles,entitled_cycles,capped_cycles,uncapped_cycles,donated_cycles"
    assert prompt(f"lslparutil -r lpar -n 1 --filter lpar_ids=2 -F {names}") == "null,null,null,null,null\n"
    assert "cycles" not in prompt("lslparutil -r pool -n 1")
    take_sample_if_due(T + timedelta(minutes=45))
    assert prompt(f"lslparutil -r lpar -n 1 --filter lpar_ids=2 -F {names}") == f"{300 * HERTZ},0,0,0,0\n"


@pytest.mark.parametrize(
    ("options", "minutes"),
    [
        ("", "40 35 30 25 20 15 10 05 00"),
        ("-n 2", "40 35"),
        ("-n 3 -spread", "40 20 00"),
        ("-n 100", "40 35 30 25 20 15 10 05 00"),
        ("--startyear 2026 --startmonth 11 --startday 27 --starthour 12 --startminute 30", "40 35 30"),
        ("--endyear 2026 --endmonth 11 --endday 27 --endhour 12 --endminute 10", "10 05 00"),
        ("--endyear 2026 --endmonth 11 --endday 27 --endhour 12 --endminute 9", "05 00"),
        ("--startyear 2026 --startmonth 11 --endyear 2026 --endmonth 11 -n 1", "40"),
        ("--endyear 9999", "40 35 30 25 20 15 10 05 00"),
    ],
)
@pytest.mark.parametrize("resource", ["sys", "lpar --filter lpar_ids=2"])
def test_which_are_listed_newest_first(prompt, samples, options, minutes, resource):
    times = prompt.lines(f"lslparutil -r {resource} {options} -F time")
    assert times == [f"11/27/2026 12:{minute}:00" for minute in minutes.split()]


@pytest.mark.parametrize("options", ["--startyear 2027", "--endyear 2025", "--startyear 2026 --startmonth 12"])
def test_a_time_without_samples_has_no_results(prompt, samples, options):
    assert prompt(f"lslparutil -r sys {options}") == ""
    assert (prompt.status, prompt.err) == (0, NOTHING)


def test_a_partition_that_has_left_is_still_told_of(prompt, samples, uli13lp1):
    LogicalPartition.objects.filter(pk=uli13lp1.pk).delete()
    take_sample_if_due(T + timedelta(minutes=45))
    assert prompt("lslparutil -r lpar --filter lpar_names=uli13lp1 -n 1 -F time,lpar_id") == "11/27/2026 12:40:00,2\n"


def test_names_with_commas_quotes_and_others_letters_are_found(prompt, uli13lp1):
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(name='a "b", é')
    take_sample_if_due(T)
    wanted = quoted('lpar_names=a "b", é')
    assert prompt(f"lslparutil -r lpar --filter '{wanted}' -F lpar_id") == "2\n"
    assert prompt("lslparutil -r lpar --filter lpar_names=uli13lp1") == ""
    assert prompt.err == NOTHING


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ("", "0006"),
        ("-r procpool", "9550"),
        ("-r mempool -F lpar_id", "9554"),
        ("-r mempool --filter lpar_ids=2", "9555"),
        ("-r sys --filter lpar_ids=2", "9555"),
        ("-r lpar --filter lpar_ids=2,lpar_names=x", "9551"),
        ("-r lpar --filter slots=2", "9555"),
        ("-r lpar -F lpar_name", "9554"),
        ("-r sys -n 0", "9550"),
        ("-r sys -n x", "9550"),
        ("-r sys -spread", "0006"),
        ("-r sys --startmonth 13", "9550"),
        ("-r sys --startyear 2026 --startmonth 2 --startday 30", "9550"),
        ("-r sys --endhour 24", "9550"),
        ("-r sys --header", "0006"),
        ("-r config -n 1", "9552"),
        ("-r config --endyear 2026", "9552"),
        ("-r sys -m other", "9557"),
    ],
)
def test_wrong_input_is_said(prompt, samples, options, code):
    assert prompt(f"lslparutil {options}") == ""
    assert prompt.status == 1
    assert f"-{code}]" in prompt.err


def test_the_rate_is_shown_and_changed(prompt, uli13):
    assert prompt("lslparutil -r config") == "sample_rate=300\n"
    for _press in (1, 2):
        assert prompt("chlparutil -r config -s 30") == ""
        assert (prompt.status, prompt.err) == (0, "")
    assert prompt("lslparutil -r config -F sample_rate --header") == "sample_rate\n30\n"
    task = MonitorTask.objects.get()
    assert (task.name, task.user) == ("Change System Properties", "padmin")


@pytest.mark.parametrize("line", ["chlparutil -r config -s 31", "chlparutil -r config", "chlparutil -s 30"])
def test_a_rate_that_is_none_is_refused(prompt, uli13, line):
    prompt(line)
    assert (prompt.status, prompt.out) == (1, "")
    assert prompt.err.startswith("[VIOSE")
    assert ManagedSystem.objects.get().sample_rate_s == 300


def test_a_viewer_looks_and_changes_nothing(viewer, samples):
    assert viewer("lslparutil -r sys -n 1") != ""
    viewer("chlparutil -r config -s 30")
    assert "may not change partitions and settings" in viewer.err
    assert ManagedSystem.objects.get().sample_rate_s == 300


def test_many_partitions_take_as_many_queries_as_one(prompt, samples, django_assert_max_num_queries):
    with django_assert_max_num_queries(6):
        prompt("lslparutil -r lpar")
    assert len(prompt.out.splitlines()) == 27


@pytest.mark.parametrize(
    ("count", "there", "taken"),
    [(1, 9, [0]), (2, 9, [0, 8]), (3, 9, [0, 4, 8]), (4, 9, [0, 3, 5, 8]), (9, 9, list(range(9))), (5, 0, [])],
)
def test_spread_takes_both_ends_and_even_steps(count, there, taken):
    assert spread(list(range(there)), count) == taken
