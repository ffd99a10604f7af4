"""sysstat: how long this machine is up, its load, and who is logged in."""

import os
import time
from datetime import datetime

from django.contrib.auth.models import User
from django.utils import timezone

from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io, Option
from ivmweb.cli.logins import LoggedIn, logged_in

ROW = "{:<16} {:<8} {:<12} {}"
UNKNOWN = "-"


def run(arguments: Arguments, io: Io) -> int:
    arguments.not_both("-long", "-short")
    sessions = logged_in()
    if arguments.operands:
        name = wanted_user(arguments)
        sessions = [one for one in sessions if one.user == name]
    up_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    io.line(heading(timezone.now(), up_s, len(sessions), os.getloadavg()))
    if not arguments.has("-short"):
        io.line(ROW.format("User", "tty", "login@", "from"))
        for one in sessions:
            io.line(row_of(one))
    return SUCCESS


def wanted_user(arguments: Arguments) -> str:
    [name] = arguments.operands
    if not User.objects.filter(username=name).exists():
        raise arguments.not_there("user", name)
    return name


def heading(now: datetime, up_s: float, users: int, load: tuple[float, float, float]) -> str:
    """As AIX has it: `02:54PM  up 24 days,  5:41, 1 user, load average: 0.06, 0.03, 0.02`."""
    who = f"{users} user" if users == 1 else f"{users} users"
    averages = ", ".join(f"{one:.2f}" for one in load)
    return f"{now:%I:%M%p}  up {uptime(up_s)}, {who}, load average: {averages}"


def uptime(up_s: float) -> str:
    minutes = int(up_s) // 60
    days, hours = minutes // 1440, minutes // 60 % 24
    clock = f"{hours:2}:{minutes % 60:02}"
    if not days:
        return clock if hours else f"{minutes} min{'s' * (minutes != 1)}"
    return f"{days} day, {clock}" if days == 1 else f"{days} days, {clock}"


def row_of(one: LoggedIn) -> str:
    since = f"{one.since:%d%b %H:%M}" if one.since else UNKNOWN
    return ROW.format(one.user, one.by, since, one.origin or UNKNOWN)


COMMAND = Command(
    "sysstat",
    Family.IOS,
    "How long this machine is up, its load, and who is logged in (over SSH: to be seen over SSH)",
    run,
    (
        Option("-long", help="with a line for each log-in; so it is without an option"),
        Option("-short", help="one line"),
    ),
    operand="user",
    syntax=("sysstat [-long | -short] [user]",),
)
