"""mksyscfg: make partitions; what is not given has IVM's defaults."""

from collections.abc import Mapping
from decimal import Decimal
from functools import partial

from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io, Option
from ivmweb.cli.configuration import (
    DATA,
    FILE,
    FIXED,
    PROCESSORS,
    UNITS,
    VALUES,
    Given,
    adapters_of,
    all_together,
    check_fixed,
    check_known,
    ethernets_of,
    values_of,
    whole,
    wrong,
)
from ivmweb.cli.selection import STDERR, SYSTEM, check_system
from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system.adapters import check_mac_base
from ivmweb.system.changes import Value
from ivmweb.system.creation import Wanted, create
from ivmweb.system.models import ManagedSystem
from ivmweb.system.models.partition import ProcessorMode
from ivmweb.system.rights import Right
from ivmweb.system.sections import LEAST_UNITS, whole_units
from ivmweb.system.usual_values import DEFAULT_WEIGHT, DEFAULTS

NEEDED = ("name", "lpar_env", "min_mem", "desired_mem", "max_mem")
ADAPTERS = ("virtual_scsi_adapters", "virtual_eth_adapters", "virtual_eth_mac_base_value")
KNOWN = ("name", "lpar_id", "profile_name", *VALUES, *ADAPTERS, *FIXED)


def run(arguments: Arguments, io: Io) -> int:
    check_system(arguments)
    arguments.needed("-r")
    make = partial(create, user=io.caller.user, origin=io.caller.origin)
    all_together(arguments, io, wanted_of, make)
    return SUCCESS


def wanted_of(given: Given) -> Wanted:
    check_known(given, KNOWN)
    for name in NEEDED:
        if name not in given:
            needed = ", ".join(NEEDED)
            raise PrerequisiteFailed("cli-attribute-missing", attribute=name, command="mksyscfg", needed=needed)
    check_fixed(given)
    if given.get("profile_name", given["name"]) != given["name"]:
        names = {"partition": given["name"][:64], "value": given["profile_name"][:64]}
        raise PrerequisiteFailed("cli-profile-name", **names)
    ethernets = ethernets_of(given) if "virtual_eth_adapters" in given else ()
    return Wanted(
        values=all_values(given),
        lpar_id=whole(given, "lpar_id") if "lpar_id" in given else None,
        adapters=adapters_of(given),
        ethernets=ethernets,
        mac_base=mac_base(given, has_ethernet=bool(ethernets)),
    )


def mac_base(given: Given, *, has_ethernet: bool) -> str:
    """Nothing would keep one that no adapter has."""
    if "virtual_eth_mac_base_value" not in given:
        return ""
    base = check_mac_base(given["virtual_eth_mac_base_value"])
    if not has_ethernet:
        names = {"attribute": "virtual_eth_adapters", "needed": "it for virtual_eth_mac_base_value"}
        raise PrerequisiteFailed("cli-attribute-missing", command="mksyscfg", **names)
    return base


def all_values(given: Given) -> dict[str, Value]:
    """Of what is left out IVM's: one virtual processor, shared, with a tenth of a unit each, uncapped."""
    found: dict[str, Value] = {"name": given["name"], **DEFAULTS}
    found |= values_of(given, ProcessorMode.SHARED, DEFAULT_WEIGHT)
    desired = number_in(found, "virtual_processors", 1)
    installed = ManagedSystem.objects.get().installed_units
    is_dedicated = found["processor_mode"] == ProcessorMode.DEDICATED
    for name, units, default in zip(PROCESSORS, UNITS.values(), (1, desired, desired), strict=True):
        number = number_in(found, PROCESSORS[name], default)
        found[PROCESSORS[name]] = number
        if not is_dedicated and units not in found:
            is_most = name == "max_procs"
            found[units] = min(Decimal(number), installed) if is_most else least_units(name, number, installed)
    return found | whole_units(found) if is_dedicated else found


def least_units(attribute: str, processors: int, installed: Decimal) -> Decimal:
    """Of so many virtual processors. Raises PrerequisiteFailed about these: the units are not what was typed."""
    if LEAST_UNITS * processors > installed:
        needed = f"at most {int(installed / LEAST_UNITS)}, each with {LEAST_UNITS} of {installed} processing units"
        raise wrong(attribute, str(processors), needed)
    return LEAST_UNITS * processors


def number_in(found: Mapping[str, Value], column: str, default: int) -> int:
    value = found.get(column, default)
    assert isinstance(value, int)  # noqa: S101 (values_of makes it one)
    return value


COMMAND = Command(
    "mksyscfg",
    Family.LPAR,
    "Make partitions, each with its virtual SCSI adapters",
    run,
    (
        Option("-r", "resource", "what to make", choices=("lpar",)),
        DATA,
        FILE,
        SYSTEM,
        STDERR,
    ),
    changes=Right.CHANGE,
    syntax=(
        'mksyscfg -r lpar { -f file | -i "name=value,..." } [-m managed-system] [--stderr] [--help]',
        f"needed: {', '.join(NEEDED)}",
        f"possible: {', '.join(name for name in KNOWN if name not in NEEDED)}",
    ),
)
