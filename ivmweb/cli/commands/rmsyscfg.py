"""rmsyscfg: remove a partition that is not activated, with its vhost and virtual target devices."""

from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io, Option
from ivmweb.cli.selection import ID, STDERR, SYSTEM, check_system, partition_of
from ivmweb.system.rights import Right
from migration import removal

NAME = Option("-n", "name", "the partition, by its name")


def run(arguments: Arguments, io: Io) -> int:
    check_system(arguments)
    arguments.needed("-r")
    removal.remove(partition_of(arguments, NAME), user=io.caller.user, origin=io.caller.origin)
    return SUCCESS


COMMAND = Command(
    "rmsyscfg",
    Family.LPAR,
    "Remove a partition that is not activated, with its virtual adapters; its disks stay, and are free",
    run,
    (Option("-r", "resource", "what to remove", choices=("lpar",)), NAME, ID, SYSTEM, STDERR),
    changes=Right.CHANGE,
    syntax=("rmsyscfg -r lpar { -n name | --id partition-ID } [-m managed-system] [--stderr] [--help]",),
)
