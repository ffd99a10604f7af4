import re

from django.utils import timezone

from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io

FORMAT = re.compile(r"\+(?:[^%]|%[aAbBcdDeFhHIjmMnprRStTuUVwWxXyYzZ%])*", re.DOTALL)  # fields that AIX knows, too


def run(arguments: Arguments, io: Io) -> int:
    """As AIX prints it in English, or by a format. In the language of the process, which is English."""
    now = timezone.now()
    if not arguments.operands:
        io.line(f"{now:%a %b} {now.day:2} {now:%H:%M:%S} UTC {now:%Y}")
        return SUCCESS
    [text] = arguments.operands
    if not FORMAT.fullmatch(text):
        raise arguments.wrong("The operand", text, 'one format, e.g. "+%m/%d/%Y %H:%M:%S"')
    io.line(now.strftime(text.removeprefix("+")))
    return SUCCESS


COMMAND = Command("date", Family.IOS, "Date and time of this console, in UTC", run, operand="+format")
