"""chsyscfg: properties of partitions, of their profiles, and of the system, by the services of those pages."""

from collections.abc import Mapping, Sequence

from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io, Option
from ivmweb.cli.configuration import (
    DATA,
    FILE,
    FIXED,
    PROCESSORS,
    VALUES,
    Given,
    all_together,
    check_fixed,
    check_known,
    each_line,
    one_of,
    values_of,
    whole,
)
from ivmweb.cli.selection import STDERR, SYSTEM, by_id, by_name, check_system, is_system
from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system import system_properties
from ivmweb.system.changes import Asked, Value
from ivmweb.system.models import LogicalPartition, ManagedSystem
from ivmweb.system.models.partition import ProcessorMode
from ivmweb.system.properties import Change, change_together
from ivmweb.system.rights import Right
from ivmweb.system.sections import ROW, whole_units

MODE_AS_LISTED = "desired_lpar_proc_compat_mode"  # as `lssyscfg -r lpar` calls it
LPAR = ("name", "lpar_id", "new_name", "default_profile", MODE_AS_LISTED, *VALUES, *FIXED)
PROF = ("name", "lpar_name", "lpar_id", *(name for name in VALUES if name != "work_group_id"), *FIXED)
SELECT = frozenset({"name", "lpar_name", "lpar_id"})
NUMBERS_OF_SYSTEM = {
    "num_active_migrations_supported": "active_migrations_supported",
    "num_inactive_migrations_supported": "inactive_migrations_supported",
}
SWITCHES_OF_SYSTEM = {
    "active_lpar_mobility_capable": "active_mobility_capable",
    "inactive_lpar_mobility_capable": "inactive_mobility_capable",
}
SYS = ("name", "new_name", *SWITCHES_OF_SYSTEM, *NUMBERS_OF_SYSTEM)


def run(arguments: Arguments, io: Io) -> int:
    system = check_system(arguments)
    resource = arguments.needed("-r")
    if resource == "sys":
        return change_system(arguments, io, system)

    def change_of(given: Given) -> Change:
        partition, wanted = profile(given) if resource == "prof" else partition_values(given)
        return Change(partition, ROW, Asked(wanted, io.caller.user, io.caller.origin))

    all_together(arguments, io, change_of, change_together)
    return SUCCESS


# Partitions


def partition_values(given: Given) -> tuple[LogicalPartition, dict[str, Value]]:
    check_known(given, LPAR)
    if MODE_AS_LISTED in given:
        if "lpar_proc_compat_mode" in given:
            raise PrerequisiteFailed(
                "cli-attributes-exclude", attribute=MODE_AS_LISTED, other="lpar_proc_compat_mode"
            )
        given = {**given, "lpar_proc_compat_mode": given[MODE_AS_LISTED]}
    partition = chosen(given, "name")
    if given.get("default_profile", partition.name) != partition.name:
        names = {"partition": partition.name, "value": given["default_profile"][:64]}
        raise PrerequisiteFailed("cli-profile-name", **names)
    named: dict[str, Value] = {"name": given["new_name"]} if "new_name" in given else {}
    return partition, named | checked_values(given, partition, LPAR)


def profile(given: Given) -> tuple[LogicalPartition, dict[str, Value]]:
    """Of a partition, by its own or the profile's name, which are one."""
    check_known(given, PROF)
    partition = chosen(given, "lpar_name" if given.keys() & {"lpar_name", "lpar_id"} else "name")
    if given.get("name", partition.name) != partition.name:
        names = {"partition": partition.name, "value": given["name"][:64]}
        raise PrerequisiteFailed("cli-profile-name", **names)
    return partition, checked_values(given, partition, PROF)


def chosen(given: Given, name: str) -> LogicalPartition:
    """By ID or name; where both are given they have to be one's."""
    if "lpar_id" not in given:
        if not given.get(name):
            needed = f"{name} or lpar_id"
            raise PrerequisiteFailed("cli-attribute-missing", attribute=name, command="chsyscfg", needed=needed)
        return by_name(given[name])
    whole(given, "lpar_id")
    partition = by_id(given["lpar_id"])
    if given.get(name, partition.name) != partition.name:
        by_name(given[name])
        raise PrerequisiteFailed(
            "cli-attributes-exclude", attribute=f"{name}={given[name]}", other=f"lpar_id={partition.lpar_id}"
        )
    return partition


def checked_values(given: Given, partition: LogicalPartition, known: Sequence[str]) -> dict[str, Value]:
    if not given.keys() - SELECT:
        possible = ", ".join(name for name in known if name not in SELECT)
        raise PrerequisiteFailed("cli-nothing-to-change", thing=partition.name, attributes=possible)
    check_fixed(given)
    found = values_of(given, partition.processor_mode, partition.uncapped_weight)
    return found | units_that_follow(given, found, partition)


def units_that_follow(given: Given, found: Mapping[str, Value], partition: LogicalPartition) -> dict[str, Value]:
    """Of one that becomes dedicated also those of processors that are not given."""
    if given.get("proc_mode") != ProcessorMode.DEDICATED:
        return {}
    return whole_units({column: found.get(column, getattr(partition, column)) for column in PROCESSORS.values()})


# The system


def change_system(arguments: Arguments, io: Io, system: ManagedSystem) -> int:
    found = each_line(arguments, io, lambda given: system_values(given, system))
    wanted = {key: value for one in found for key, value in one.items()}
    names = (*system_properties.GENERAL, *system_properties.MOBILITY)
    system_properties.change(names, Asked(wanted, io.caller.user, io.caller.origin))
    return SUCCESS


def system_values(given: Given, system: ManagedSystem) -> dict[str, Value]:
    check_known(given, SYS)
    if "name" in given and not is_system(given["name"], system.name, system.identity):
        raise PrerequisiteFailed(
            "cli-other-system",
            option="name",
            value=given["name"][:64],
            system=system.name,
            identity=system.identity,
        )
    if not given.keys() - {"name"}:
        raise PrerequisiteFailed("cli-nothing-to-change", thing=system.name, attributes=", ".join(SYS[1:]))
    found: dict[str, Value] = {"system_name": given["new_name"]} if "new_name" in given else {}
    for name, column in SWITCHES_OF_SYSTEM.items():
        if name in given:
            found[column] = one_of(given, name, ("0", "1")) == "1"
    return found | {column: whole(given, name) for name, column in NUMBERS_OF_SYSTEM.items() if name in given}


COMMAND = Command(
    "chsyscfg",
    Family.LPAR,
    "Change partitions, their profiles, or the managed system",
    run,
    (
        Option("-r", "resource", "what to change", choices=("lpar", "prof", "sys")),
        DATA,
        FILE,
        SYSTEM,
        STDERR,
    ),
    page="Properties of a partition; View/Modify System Properties",
    api="PATCH /api/v1/system; PATCH /api/v1/partitions/{lpar_id}/general; "
    "PATCH /api/v1/partitions/{lpar_id}/memory; PATCH /api/v1/partitions/{lpar_id}/processing",
    changes=Right.CHANGE,
    syntax=(
        'chsyscfg -r lpar | prof | sys { -f file | -i "name=value,..." } [-m managed-system] [--stderr] [--help]',
        f"of lpar: name or lpar_id; new_name, {', '.join(VALUES)}",
        f"of prof: lpar_name or lpar_id; {', '.join(name for name in VALUES if name != 'work_group_id')}",
        f"of sys: {', '.join(SYS)}",
    ),
)
