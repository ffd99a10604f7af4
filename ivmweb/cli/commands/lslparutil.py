"""lslparutil and chlparutil: samples of what partitions and the system use, and how often they are taken."""

import calendar
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db.models import QuerySet

from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io, Option
from ivmweb.cli.commands.lssyscfg import sharing_mode, units
from ivmweb.cli.records import LISTING, Attribute, filters, print_records
from ivmweb.cli.selection import PARTITION_FILTERS, STDERR, SYSTEM, check_filters, check_system
from ivmweb.common.digits import is_whole
from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system import system_properties
from ivmweb.system.changes import Asked
from ivmweb.system.models import ManagedSystem, PartitionUtilization, UtilizationSample
from ivmweb.system.rights import Right
from ivmweb.system.system_properties import SAMPLE_RATE, SAMPLE_RATES, UTILIZATION
from ivmweb.system.utilization import CYCLES_PER_US, MOST_SAMPLES, SECOND_US, is_shared

DEFAULT_POOL = 0
SPREAD = "-spread"
# Largest value, and what counts where it is left out: at the start, and at the end where another part of it is given.
PARTS = {"year": (9999, 1970), "month": (12, 1), "day": (31, 1), "hour": (23, 0), "minute": (59, 0)}


def when(time: datetime) -> str:
    return f"{time:%m/%d/%Y %H:%M:%S}"


def moment(resource: str) -> tuple[Attribute[UtilizationSample], ...]:
    """The console's clock is the system's."""
    return (
        Attribute("time", lambda row: when(row.time)),
        Attribute("sys_time", lambda row: when(row.time)),
        Attribute("event_type", lambda _: "sample"),
        Attribute("resource_type", lambda _: resource),
    )


def cycles(count_us: int | None) -> int | None:
    """None in samples of an earlier version, which counted nothing."""
    return None if count_us is None else count_us * CYCLES_PER_US


SYS: tuple[Attribute[UtilizationSample], ...] = (
    *moment("sys"),
    Attribute("state", lambda _: "Operating"),  # or its hypervisor would not have answered, and there were no sample
    Attribute("configurable_sys_proc_units", lambda row: units(row.installed_units)),
    Attribute("configurable_sys_mem", lambda row: row.installed_memory_mb),
    Attribute("curr_avail_sys_proc_units", lambda row: units(row.free_units)),
    Attribute("curr_avail_sys_mem", lambda row: row.free_memory_mb),
    Attribute("sys_firmware_mem", lambda row: row.firmware_memory_mb),
    Attribute("proc_cycles_per_second", lambda _: cycles(SECOND_US)),
)
POOL: tuple[Attribute[UtilizationSample], ...] = (
    *moment("pool"),
    Attribute("time_cycles", lambda row: cycles(row.time_us)),
    Attribute("shared_proc_pool_id", lambda _: DEFAULT_POOL),
    Attribute("curr_avail_pool_proc_units", lambda row: units(row.free_units)),
    Attribute("configurable_pool_proc_units", lambda row: units(row.pool_units)),
    # Processors of dedicated partitions that are off are the pool's own; those that run lend none of theirs.
    Attribute("borrowed_pool_proc_units", lambda _: units(Decimal())),
    Attribute("total_pool_cycles", lambda row: cycles(row.pool_us)),
    Attribute("utilized_pool_cycles", lambda row: cycles(row.utilized_pool_us)),
    Attribute("utilized_pool_proc_units", lambda row: f"{row.utilized_pool_units:.4f}"),
)


def of_shared_memory(_row: PartitionUtilization) -> None:
    """What only a partition with shared memory has, and none here is one."""


LPAR: tuple[Attribute[PartitionUtilization], ...] = (
    Attribute("time", lambda row: when(row.sample.time)),
    Attribute("sys_time", lambda row: when(row.sample.time)),
    Attribute("event_type", lambda _: "sample"),
    Attribute("resource_type", lambda _: "lpar"),
    Attribute("time_cycles", lambda row: cycles(row.sample.time_us)),
    Attribute("lpar_id", lambda row: row.lpar_id),
    Attribute("uptime", lambda row: row.uptime_s),
    Attribute("curr_io_entitled_mem", of_shared_memory),
    Attribute("curr_proc_mode", lambda row: row.processor_mode),
    Attribute("curr_proc_units", lambda row: units(row.processing_units) if is_shared(row) else None),
    Attribute("curr_procs", lambda row: row.virtual_processors),
    Attribute("curr_sharing_mode", lambda row: sharing_mode(row)),
    Attribute("curr_uncap_weight", lambda row: row.uncapped_weight if is_shared(row) else None),
    Attribute("curr_mem", lambda row: row.memory_mb),
    Attribute("entitled_cycles", lambda row: cycles(row.entitled_us)),
    Attribute("capped_cycles", lambda row: cycles(row.capped_us)),
    Attribute("mapped_io_entitled_mem", of_shared_memory),
    Attribute("mem_mode", lambda _: "ded"),
    Attribute("mem_overage_cooperation", of_shared_memory),
    Attribute("phys_run_mem", of_shared_memory),
    Attribute("uncapped_cycles", lambda row: cycles(row.uncapped_us)),
    # Partitions here keep what their dedicated processors do not use (keep_idle_procs), so none is ever donated.
    Attribute("donated_cycles", lambda row: None if row.entitled_us is None else 0),
    Attribute("utilized_proc_units", lambda row: None if row.utilized_units is None else f"{row.utilized_units:.4f}"),
)
# Of a shared memory pool, which no server here has.
MEMPOOL: tuple[Attribute[UtilizationSample], ...] = (
    *moment("mempool"),
    *(
        Attribute[UtilizationSample](name, lambda _: None)
        for name in (
            "curr_pool_mem",
            "lpar_curr_io_entitled_mem",
            "lpar_mapped_io_entitled_mem",
            "lpar_run_mem",
            "page_faults",
            "page_in_delay",
            "sys_firmware_pool_mem",
        )
    ),
)
CONFIG: tuple[Attribute[ManagedSystem], ...] = (Attribute("sample_rate", lambda system: system.sample_rate_s),)


def show(arguments: Arguments, io: Io) -> int:
    system = check_system(arguments)
    resource = arguments.needed("-r")
    if resource == "config":
        for option in (*WINDOW, NUMBER, Option(SPREAD)):
            if arguments.has(option.name):
                raise PrerequisiteFailed("cli-operand", command="lslparutil", value=f"{option.name} with -r config")
        filters(arguments, ())
        return print_records(arguments, io, CONFIG, [system])
    wanted = filters(arguments, PARTITION_FILTERS if resource == "lpar" else ())
    check_filters(wanted)
    samples = UtilizationSample.objects.filter(time__gte=start_of(arguments))
    end = end_of(arguments)
    if end is not None:
        samples = samples.filter(time__lt=end)
    if resource == "mempool":
        return print_records(arguments, io, MEMPOOL, chosen(arguments, samples.none()))
    if resource != "lpar":
        return print_records(arguments, io, SYS if resource == "sys" else POOL, chosen(arguments, samples))
    rows = PartitionUtilization.objects.select_related("sample")
    if "lpar_names" in wanted:
        rows = rows.filter(name__in=wanted["lpar_names"])
    if "lpar_ids" in wanted:
        rows = rows.filter(lpar_id__in=[int(text) for text in wanted["lpar_ids"] if is_whole(text, 5)])
    if wanted:
        samples = samples.filter(pk__in=rows.values("sample"))
    return print_records(arguments, io, LPAR, rows.filter(sample__in=[one.pk for one in chosen(arguments, samples)]))


def chosen(arguments: Arguments, samples: QuerySet[UtilizationSample]) -> list[UtilizationSample]:
    """Newest first: all, the newest, or as many spread over the whole time."""
    if arguments.has(SPREAD):
        arguments.needed(NUMBER.name)
    if not arguments.has(NUMBER.name):
        return list(samples)
    count = arguments.number(NUMBER.name, 1, least=1, most=MOST_SAMPLES)
    return spread(list(samples), count) if arguments.has(SPREAD) else list(samples[:count])


def spread(samples: Sequence[UtilizationSample], count: int) -> list[UtilizationSample]:
    """So many of them at even distances, the first and the last among them: 3 of 1 to 9 are 1, 5 and 9."""
    if count >= len(samples) or count == 1:
        return list(samples[:count])
    last = len(samples) - 1
    return [samples[round(number * last / (count - 1))] for number in range(count)]


def start_of(arguments: Arguments) -> datetime:
    return point(arguments, "start", {name: least for name, (_most, least) in PARTS.items()})


def end_of(arguments: Arguments) -> datetime | None:
    """What comes after the last minute that counts; None: until now."""
    if not any(arguments.has(f"--end{name}") for name in PARTS):
        return None
    defaults = {name: most for name, (most, _least) in PARTS.items()}
    last = point(arguments, "end", {**defaults, "year": datetime.now(UTC).year})
    return last + timedelta(minutes=1) if last.year < datetime.max.year else last


def point(arguments: Arguments, which: str, defaults: dict[str, int]) -> datetime:
    least = {"year": 1970, "month": 1, "day": 1}
    found = {
        name: arguments.number(f"--{which}{name}", defaults[name], least=least.get(name, 0), most=most)
        for name, (most, _least) in PARTS.items()
    }
    days = calendar.monthrange(found["year"], found["month"])[1]
    if found["day"] > days:
        if arguments.has(f"--{which}day"):
            raise arguments.wrong(f"--{which}day", str(found["day"]), f"a day of that month, at most {days}")
        found["day"] = days
    return datetime(**found, tzinfo=UTC)


def change(arguments: Arguments, io: Io) -> int:
    check_system(arguments)
    arguments.needed("-r")
    rate = int(arguments.needed("-s"))
    system_properties.change(UTILIZATION, Asked({SAMPLE_RATE: rate}, io.caller.user, io.caller.origin))
    return SUCCESS


NUMBER = Option("-n", "number", "so many samples of each at most, the newest")
WINDOW = tuple(
    Option(f"--{which}{name}", name, f"{text} {default}")
    for which, text, defaults in (
        ("start", "only those from then on (UTC); left out:", ("1970", "1", "1", "0", "0")),
        ("end", "only those until then; left out:", ("this one", "12", "the last", "23", "59")),
    )
    for name, default in zip(PARTS, defaults, strict=True)
)
COMMANDS = (
    Command(
        "lslparutil",
        Family.LPAR,
        "Samples of what partitions and the system use, newest first, or how often they are taken",
        show,
        (
            Option("-r", "resource", "what to list", choices=("lpar", "sys", "pool", "mempool", "config")),
            *WINDOW,
            NUMBER,
            Option(SPREAD, help="with -n: spread evenly over the whole time, not the newest"),
            SYSTEM,
            *LISTING,
            STDERR,
        ),
        page="View/Modify Partitions; View/Modify System Properties",
    ),
    Command(
        "chlparutil",
        Family.LPAR,
        "Change how often samples of the utilization are taken",
        change,
        (
            Option("-r", "resource", "what to change", choices=("config",)),
            Option("-s", "seconds", "between two samples; 0: none are taken", choices=tuple(map(str, SAMPLE_RATES))),
            SYSTEM,
            STDERR,
        ),
        changes=Right.CHANGE,
        syntax=("chlparutil -r config -s 0 | 30 | 60 | 300 | 1800 | 3600 [-m managed-system]",),
    ),
)
