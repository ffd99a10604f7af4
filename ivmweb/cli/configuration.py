"""Attributes of partitions as mksyscfg and chsyscfg take them: read from -i or -f, and made the console's values."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from ivmweb.cli.command import Arguments, Io, Option
from ivmweb.cli.pairs import items, pairs
from ivmweb.common.digits import is_whole
from ivmweb.common.errors import IvmError, PrerequisiteFailed
from ivmweb.system.adapters import Ethernet, Scsi
from ivmweb.system.changes import Value
from ivmweb.system.models import MANAGEMENT_PARTITION_ID, ManagedSystem
from ivmweb.system.models.partition import ProcessorMode
from ivmweb.system.sections import whole_units
from ivmweb.system.usual_values import DEFAULT_WEIGHT

Given = Mapping[str, str]
Read = TypeVar("Read")
FILE = Option(
    "-f", "file", "the same from a file, or from - for what is typed or piped in: a line for each; # begins a comment"
)
DATA = Option("-i", "data", "attributes: name=value,...; a pair with commas in double quotes")
NONE, ANY = "none", "any"
COMMENT = "#"
MOST_DIGITS = 7  # of a number; more are out of range wherever one is asked for
MOST = 10**MOST_DIGITS - 1


MEMORY = {"min_mem": "memory_minimum_mb", "desired_mem": "memory_mb", "max_mem": "memory_maximum_mb"}
UNITS = {
    "min_proc_units": "processing_units_minimum",
    "desired_proc_units": "processing_units",
    "max_proc_units": "processing_units_maximum",
}
PROCESSORS = {
    "min_procs": "virtual_processors_minimum",
    "desired_procs": "virtual_processors",
    "max_procs": "virtual_processors_maximum",
}
OTHERS = (
    "work_group_id",
    "auto_start",
    "max_virtual_slots",
    "proc_mode",
    "sharing_mode",
    "uncap_weight",
    "lpar_proc_compat_mode",
)
VALUES = (*MEMORY, *UNITS, *PROCESSORS, *OTHERS)
# Scripts that make partitions on a real IVM give max_virtual_slots=30 and, some attributes later, =20. Either will do
# for them; two values of anything else are more likely a mistake.
REPEATABLE = frozenset({"max_virtual_slots"})
# What every partition here has and none can have otherwise, as lssyscfg prints it.
FIXED = {
    "all_resources": "0",
    "allow_perf_collection": "0",
    "boot_mode": "norm",
    "conn_monitoring": "0",
    "io_slots": NONE,
    "lhea_capabilities": NONE,
    "lhea_logical_ports": NONE,
    "lpar_env": "aixlinux",
    "lpar_io_pool_ids": NONE,
    "lpar_keylock": "norm",
    "mem_mode": "ded",
    "power_ctrl_lpar_ids": NONE,
    "virtual_fc_adapters": NONE,
    "virtual_serial_adapters": "0/server/1/any//any/1,1/server/1/any//any/1",
}
CAPPED, UNCAPPED, KEEPS_IDLE = "cap", "uncap", "keep_idle_procs"


# Lines


def each_line(arguments: Arguments, io: Io, read: Callable[[Given], Read]) -> list[Read]:
    """What `read` makes of -i, or of each line of the file of -f. Raises PrerequisiteFailed, naming the line."""
    return list(by_line(arguments, io, read).values())


def all_together(
    arguments: Arguments, io: Io, read: Callable[[Given], Read], act: Callable[[Sequence[Read]], object]
) -> None:
    """`act` on each_line(), all or none. Where its error is about one of them, the line of that is named as well."""
    found = by_line(arguments, io, read)
    try:
        act(list(found.values()))
    except IvmError as exc:
        if exc.at is None or not arguments.has("-f"):
            raise
        raise in_line(arguments, list(found)[exc.at], exc) from exc


def by_line(arguments: Arguments, io: Io, read: Callable[[Given], Read]) -> dict[int, Read]:
    """By the numbers of the lines, from 1; -i is one."""
    arguments.one_of("-i", "-f")
    if arguments.has("-i"):
        return {1: read(pairs(arguments.needed("-i"), REPEATABLE))}
    name = arguments.needed("-f")
    found = {}
    for number, line in enumerate(lines_of(name, io), 1):
        try:
            if is_data(line):
                found[number] = read(pairs(line, REPEATABLE))
        except IvmError as exc:
            raise in_line(arguments, number, exc) from exc
    if not found:
        raise PrerequisiteFailed("cli-file-empty", file=name[:100])
    return found


def in_line(arguments: Arguments, number: int, error: IvmError) -> PrerequisiteFailed:
    return PrerequisiteFailed("cli-in-line", line=number, file=arguments.text("-f")[:100], error=str(error))


def lines_of(name: str, io: Io) -> list[str]:
    """Not more than there can be partitions: each is a change, with its row in Monitor Tasks."""
    lines = io.read_file(name).split("\n")
    count, most = sum(is_data(line) for line in lines), ManagedSystem.objects.get().max_partitions
    if count > most:
        raise PrerequisiteFailed("cli-file-long", file=name[:100], count=count, most=most)
    return lines


def is_data(line: str) -> bool:
    """Neither empty nor a comment. No attribute begins with a #."""
    return bool(line.strip()) and not line.lstrip().startswith(COMMENT)


def check_known(given: Given, known: Sequence[str]) -> None:
    for name in given:
        if name not in known:
            raise PrerequisiteFailed("cli-attribute-unknown", attribute=name[:64], attributes=", ".join(known))


def check_fixed(given: Given) -> None:
    for name, only in FIXED.items():
        if given.get(name, only) != only:
            raise PrerequisiteFailed("cli-attribute-fixed", attribute=name, value=shown(given[name]), only=only)


def shown(text: str) -> str:
    return text[:64] or '""'


def wrong(attribute: str, value: str, needed: str) -> PrerequisiteFailed:
    return PrerequisiteFailed("cli-attribute-wrong", attribute=attribute, value=shown(value), needed=needed)


# Values


def whole(given: Given, attribute: str) -> int:
    text = given[attribute]
    if not is_whole(text, MOST_DIGITS):
        is_long = is_whole(text, len(text)) and bool(text)
        raise wrong(attribute, text, f"a whole number from 0 to {MOST}" if is_long else "a whole number")
    return int(text)


def decimal(attribute: str, text: str) -> Decimal:
    try:
        number = Decimal(text) if text.isascii() and text.replace(".", "", 1).isdigit() else None
    except InvalidOperation:
        number = None
    if number is None:
        raise wrong(attribute, text, "a number such as 0.5")
    if len(text) > MOST_DIGITS:
        raise wrong(attribute, text, f"a number such as 0.5, of {MOST_DIGITS} characters at most")
    return number


def one_of(given: Given, attribute: str, choices: Sequence[str]) -> str:
    if given[attribute] not in choices:
        raise wrong(attribute, given[attribute], " or ".join(choices))
    return given[attribute]


def values_of(given: Given, mode: str, weight: int) -> dict[str, Value]:
    """The columns for what is given. `mode` and `weight`: of the partition, where they are not among it."""
    found: dict[str, Value] = {column: whole(given, name) for name, column in MEMORY.items() if name in given}
    found |= processors_of(given, mode, weight)
    if "work_group_id" in given:
        found["workload_group"] = None if given["work_group_id"] == NONE else whole(given, "work_group_id")
    if "auto_start" in given:
        found["auto_start"] = one_of(given, "auto_start", ("0", "1")) == "1"
    if "max_virtual_slots" in given:
        found["max_virtual_slots"] = whole(given, "max_virtual_slots")
    return found


def processors_of(given: Given, mode: str, weight: int) -> dict[str, Value]:
    found: dict[str, Value] = {column: whole(given, name) for name, column in PROCESSORS.items() if name in given}
    if "proc_mode" in given:
        mode = one_of(given, "proc_mode", ProcessorMode.values)
        found["processor_mode"] = mode
    if "lpar_proc_compat_mode" in given:
        found["compatibility_mode"] = given["lpar_proc_compat_mode"]
    if mode == ProcessorMode.DEDICATED:
        check_dedicated(given)
        return found | whole_units(found)
    found |= {column: decimal(name, given[name]) for name, column in UNITS.items() if name in given}
    return found | weight_of(given, weight)


def check_dedicated(given: Given) -> None:
    """A dedicated processor has neither units of its own nor a weight. Raises PrerequisiteFailed."""
    for name in (*UNITS, "uncap_weight"):
        if name in given:
            raise PrerequisiteFailed("cli-attributes-exclude", attribute=name, other="proc_mode=ded")
    if "sharing_mode" in given:
        one_of(given, "sharing_mode", (KEEPS_IDLE,))


def weight_of(given: Given, weight: int) -> dict[str, Value]:
    """Capped is the weight 0. One that is given for a capped partition does not count, as scripts for IVM expect."""
    if "sharing_mode" in given and one_of(given, "sharing_mode", (CAPPED, UNCAPPED)) == CAPPED:
        return {"uncapped_weight": 0}
    if "uncap_weight" in given:
        return {"uncapped_weight": whole(given, "uncap_weight")}
    return {"uncapped_weight": weight or DEFAULT_WEIGHT} if "sharing_mode" in given else {}


# Adapters


def parts_of(attribute: str, text: str, needed: str, count: int) -> list[str]:
    parts = text.split("/")
    if len(parts) != count:
        raise wrong(attribute, text, needed)
    return parts


def listed(given: Given, attribute: str) -> list[str]:
    text = given[attribute]
    try:
        return [] if text == NONE else items(text)
    except ValueError as exc:
        raise wrong(attribute, text, "a list with commas between its parts") from exc


def ethernets_of(given: Given) -> tuple[Ethernet, ...]:
    """`slot/ieee/vlan/addl-vlans/trunk/required`, a list of such."""
    return tuple(ethernet_of(text) for text in listed(given, "virtual_eth_adapters"))


def ethernet_of(text: str) -> Ethernet:
    form = "slot/0/vlan//0/0"
    slot, ieee, vlan, more, trunk, required = parts_of("virtual_eth_adapters", text, form, 6)
    if not is_whole(slot, MOST_DIGITS) or not is_whole(vlan, MOST_DIGITS):
        raise wrong("virtual_eth_adapters", text, form)
    only = {"ieee_virtual_eth": (ieee, "0"), "is_trunk": (trunk, "0"), "is_required": (required, "0")}
    check_plain(slot, {**only, "addl_vlan_ids": ("" if more == NONE else more, "")})
    return Ethernet(int(slot), int(vlan))


def check_plain(slot: str, asked: Mapping[str, tuple[str, str]]) -> None:
    """`asked`: of an Ethernet adapter's attributes what is asked for, and the only value that there is."""
    for attribute, (value, only) in asked.items():
        if value != only:
            raise PrerequisiteFailed(
                "cli-trunk", slot=slot, attribute=attribute, value=shown(value), only=f"{attribute}={only or NONE}"
            )


def adapters_of(given: Given) -> tuple[Scsi, ...]:
    """`slot/client/VIOS-ID/VIOS-name/VIOS-slot/required`, a list of such; without the attribute one adapter."""
    if "virtual_scsi_adapters" not in given:
        return (Scsi(),)
    host = ManagedSystem.objects.get().host_name
    return tuple(adapter_of(text, host) for text in listed(given, "virtual_scsi_adapters"))


def adapter_of(text: str, host: str) -> Scsi:
    form = f"slot/client/{MANAGEMENT_PARTITION_ID}/{host}/VIOS-slot/1; ID, name and slot of the VIOS may be empty"
    slot, kind, remote_id, remote_name, remote_slot, required = parts_of("virtual_scsi_adapters", text, form, 6)
    is_right = (
        is_whole(slot, MOST_DIGITS)
        and kind == "client"
        and remote_id in {"", str(MANAGEMENT_PARTITION_ID)}
        and remote_name in {"", host}
        and (remote_slot in {"", ANY} or is_whole(remote_slot, MOST_DIGITS))
        and required in {"", "1"}
    )
    if not is_right:
        raise wrong("virtual_scsi_adapters", text, form)
    return Scsi(int(slot), None if remote_slot in {"", ANY} else int(remote_slot))
