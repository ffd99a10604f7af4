"""bkprofdata and rstprofdata: the configuration of the partitions, into a file of this console and back."""

from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io, Option
from ivmweb.cli.selection import STDERR, SYSTEM, check_system
from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system import profile_backup
from ivmweb.system.profile_files import DEFAULT_NAME
from ivmweb.system.rights import Right
from migration import profiles

# As IBM numbers them. A full restore would also remove what the backup does not have; here a restore never removes
# anything, which makes it the same as a merge that prefers the backup.
FULL, BACKUP_FIRST, CURRENT_FIRST, INITIALIZE = "1", "2", "3", "4"
FILE = Option("-f", "backup-name", f"the backup, by its name without a path; else {DEFAULT_NAME}")


def back_up(arguments: Arguments, io: Io) -> int:
    check_system(arguments)
    arguments.needed("-o")
    profile_backup.back_up(name_of(arguments), io.caller.user, io.caller.origin)
    return SUCCESS


def restore(arguments: Arguments, io: Io) -> int:
    """What was left out is told; it is no failure, since it must be so."""
    check_system(arguments)
    kind = kind_of(arguments)
    left_out = profiles.restore(
        name_of(arguments),
        changes_present=kind in {FULL, BACKUP_FIRST},
        user=io.caller.user,
        origin=io.caller.origin,
    )
    for sentence in left_out:
        io.err(f"{sentence}\n")
    return SUCCESS


def kind_of(arguments: Arguments) -> str:
    """Raises PrerequisiteFailed, for INITIALIZE in words of its own: it needs no backup, so nothing could undo it."""
    kind = arguments.needed("-l")
    if kind == INITIALIZE:
        raise PrerequisiteFailed("cli-no-initialize")
    if kind not in {FULL, BACKUP_FIRST, CURRENT_FIRST}:
        raise arguments.wrong("-l", kind, f"{FULL}, {BACKUP_FIRST} or {CURRENT_FIRST}")
    return kind


def name_of(arguments: Arguments) -> str:
    return arguments.text(FILE.name, DEFAULT_NAME)


COMMANDS = (
    Command(
        "bkprofdata",
        Family.LPAR,
        "Back up the configuration of all partitions of this system",
        back_up,
        (Option("-o", "operation", "what to do", choices=("backup",)), FILE, SYSTEM, STDERR),
        changes=Right.CHANGE,
        syntax=("bkprofdata -o backup [-f backup-name] [-m managed-system]",),
    ),
    Command(
        "rstprofdata",
        Family.LPAR,
        "Make partitions of a backup that are gone; one that is on another system by now is never made",
        restore,
        (
            Option(
                "-l",
                "restore-type",
                "1 or 2: and those that are here, Not Activated and unreserved, have its properties again; 3: only "
                "those that are gone",
            ),
            FILE,
            SYSTEM,
            STDERR,
        ),
        changes=Right.CHANGE,
        syntax=("rstprofdata -l 1 | 2 | 3 [-f backup-name] [-m managed-system]",),
    ),
)
