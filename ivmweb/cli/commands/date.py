from django.utils import timezone

from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io


def run(_arguments: Arguments, io: Io) -> int:
    now = timezone.now()
    io.line(f"{now:%a %b} {now.day:2} {now:%H:%M:%S} UTC {now:%Y}")
    return SUCCESS


COMMAND = Command("date", Family.IOS, "Date and time of this console, in UTC", run)
