"""lssvcevents: what was done on this console lately, as its audit trail has it; by others, for whoever may see it."""

from datetime import timedelta

from django.utils import timezone

from ivmweb.cli.command import Arguments, Command, Family, Io, Option
from ivmweb.cli.records import FIELDS, HEADER, Attribute, print_records
from ivmweb.cli.selection import STDERR, SYSTEM, check_system
from ivmweb.system import audit
from ivmweb.system.models import AuditEvent
from ivmweb.system.rights import Right

MOST_DAYS, MOST_EVENTS = 365, 10_000

EVENTS: tuple[Attribute[AuditEvent], ...] = (
    Attribute("time", lambda event: f"{event.time:%m/%d/%Y %H:%M:%S}"),
    Attribute("userid", lambda event: event.user),
    Attribute("origin", lambda event: event.origin),
    Attribute("action", lambda event: event.action),
    Attribute("thing", lambda event: event.thing),
    Attribute("outcome", lambda event: event.outcome),
    Attribute("code", lambda event: event.code or None),
    Attribute("text", lambda event: event.text or None),
)


def run(arguments: Arguments, io: Io) -> int:
    check_system(arguments)
    arguments.needed("-t")
    since = timezone.now() - timedelta(days=arguments.number("-d", 7, least=1, most=MOST_DAYS))
    events = audit.visible_to(io.caller.user).filter(time__gte=since)[:MOST_EVENTS]
    return print_records(arguments, io, EVENTS, events)


COMMAND = Command(
    "lssvcevents",
    Family.LPAR,
    "What was done on this console lately, newest first",
    run,
    (
        Option("-t", "type", "console events", choices=("console",)),
        Option("-d", "days", "of so many days; else 7"),
        SYSTEM,
        FIELDS,
        HEADER,
        STDERR,
    ),
    also_needs={"what others did": Right.MANAGE_USERS},
)
