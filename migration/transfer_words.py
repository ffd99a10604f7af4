"""Words and figures for how a transfer goes: its pace, whether it will end, what limited it, how long each part took.

Pure functions.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ivmweb.pages import formats
from migration.admission import LEAVES, WAITS, WAITS_AGAIN
from migration.curve import Point
from migration.models import Migration, MigrationEvent
from migration.mover.convergence import Outlook
from migration.progress import LIMIT_CHANGED
from migration.states import Role, State

SENDS = frozenset({State.TRANSFERRING, State.PREPARED})
TOLD_WITHIN = timedelta(seconds=8)  # the source tells a destination how far it is each second
NEAR_THE_LIMIT = 0.85  # of the bandwidth limit; pauses between passes take the rest


@dataclass(frozen=True)
class Pace:
    """How fast memory goes over; None for what is not known now. Nothing goes over without a worker."""

    rate_bytes_per_s: int | None
    seconds_left: float | None


def pace(migration: Migration, quiet_s: float | None, now: datetime) -> Pace:
    """`quiet_s`: for how long its worker has not been heard of; None while it is."""
    if quiet_s is not None or migration.in_question or migration.state not in SENDS:
        return Pace(None, None)
    return Pace(migration.rate_bytes_per_s or None, migration.seconds_left if is_told(migration, now) else None)


def is_told(migration: Migration, now: datetime) -> bool:
    """Whether what is left, and how long that takes, are figures of now."""
    heard_at = migration.progress_heard_at
    return migration.is_source or (heard_at is not None and now - heard_at < TOLD_WITHIN)


def told_at(migration: Migration, now: datetime) -> datetime | None:
    """When the source told a destination what it still shows; None while that is of now, and after the end."""
    return migration.progress_heard_at if migration.state in SENDS and not is_told(migration, now) else None


def write_rate(migration: Migration, now: datetime) -> int | None:
    """How fast the partition writes its memory; None until it has been measured, and while nobody tells it."""
    if migration.state in SENDS and not is_told(migration, now):
        return None
    return migration.dirty_bytes_per_s if migration.dirty_bytes_per_s or migration.passes > 1 else None


def link_rate(migration: Migration) -> int:
    """Bytes per second that the decisions go by: what the allowed suspension carries, by its length."""
    return migration.fitting_bytes * 1000 // max(migration.allowed_suspension_ms, 1)


def warning(migration: Migration, *, at_work: bool, suspends_anyway: bool, may_act: bool = True) -> str:
    """That it will not converge, with the two rates and what can be done; empty while nothing speaks for that.

    `may_act`: its reader may press Stop and change the properties.
    """
    told = migration.outlook == Outlook.NOT_CONVERGING and migration.state == State.TRANSFERRING
    if not told or migration.stop_requested or not at_work:
        return ""
    seconds = migration.bytes_remaining / max(link_rate(migration), 1)
    ends = slowed_outcomes if migration.slow_partition else outcomes
    sentences = (NO_CONVERGENCE, *ends(suspends_anyway=suspends_anyway, may_act=may_act))
    return " ".join(map(str, sentences)) % {
        "partition": migration.partition_name,
        "writes": formats.rate(migration.dirty_bytes_per_s),
        "sent": formats.rate(link_rate(migration)),
        "by": carried_by(migration),
        "left": formats.amount(migration.bytes_remaining),
        "allowed_ms": migration.allowed_suspension_ms,
        "fits": formats.amount(migration.fitting_bytes),
        "suspension": formats.span(seconds),
    }


def outcomes(*, suspends_anyway: bool, may_act: bool) -> tuple[str | Promise, ...]:
    """What helps, and what becomes of it otherwise."""
    if suspends_anyway:
        return CHOICES if may_act else CHOICES_OF_OTHERS, SUSPENDS_ANYWAY
    if may_act:
        return CHOICES_AND_SUSPEND, ROLLS_BACK
    return CHOICES_AND_SUSPEND_OF_OTHERS, ROLLS_BACK_LATER


def slowed_outcomes(*, suspends_anyway: bool, may_act: bool) -> tuple[str | Promise, ...]:
    """Of one that is slowed down first."""
    helps, _end = outcomes(suspends_anyway=suspends_anyway, may_act=may_act)
    if suspends_anyway:
        return helps, SLOWS, SUSPENDS_SLOWED
    return helps, SLOWS, ROLLS_BACK_SLOWED if may_act else ROLLS_BACK_SLOWED_LATER


def slowed(migration: Migration, now_percent: int | None) -> str:
    """By how much the partition is, or was, slowed down; empty where it never was.

    `now_percent`: what the hypervisor says of a source; None where it does not answer.
    """
    if now_percent:
        return _("By %(percent)d percent, until the transfer ends") % {"percent": now_percent}
    if not migration.slowed_percent:
        return ""
    if now_percent is None:
        told = _("By up to %(percent)d percent so far; whether it still is, its hypervisor does not say")
        return told % {"percent": migration.slowed_percent}
    if migration.is_active and migration.state == State.TRANSFERRING:
        return _("Not now; by up to %(percent)d percent before") % {"percent": migration.slowed_percent}
    return _("By up to %(percent)d percent, while its memory was sent") % {"percent": migration.slowed_percent}


NO_CONVERGENCE = gettext_lazy(
    "This does not converge: %(partition)s writes %(writes)s of memory, and %(sent)s can be sent (%(by)s). %(left)s "
    "are left and do not get less; the allowed suspension of %(allowed_ms)d ms carries %(fits)s. To send them takes "
    "%(suspension)s."
)
CHOICES = gettext_lazy(
    "To help it, raise the bandwidth limit or the allowed suspension in View/Modify System Properties, which takes "
    "effect at once, or let the partition write less."
)
CHOICES_AND_SUSPEND = gettext_lazy(
    "To help it, raise the bandwidth limit or the allowed suspension in View/Modify System Properties, or have it "
    "suspended anyway there, which takes effect at once; or let the partition write less."
)
CHOICES_OF_OTHERS = gettext_lazy(
    "A user who may change settings can raise the bandwidth limit or the allowed suspension in View/Modify System "
    "Properties, which takes effect at once; it also helps when the partition writes less."
)
CHOICES_AND_SUSPEND_OF_OTHERS = gettext_lazy(
    "A user who may change settings can raise the bandwidth limit or the allowed suspension in View/Modify System "
    "Properties, or have it suspended anyway there, which takes effect at once; it also helps when the partition "
    "writes less."
)
ROLLS_BACK = gettext_lazy(
    "Otherwise it is rolled back about half a minute after the rest got no less; Stop does so at once."
)
ROLLS_BACK_LATER = gettext_lazy("Otherwise it is rolled back about half a minute after the rest got no less.")
SLOWS = gettext_lazy(
    "As the system properties say, the partition is slowed down meanwhile, step by step, until it writes slowly "
    "enough."
)
ROLLS_BACK_SLOWED = gettext_lazy(
    "If the rest gets no less for half a minute with the partition slowed down as far as possible, it is rolled "
    "back; Stop does so at once."
)
ROLLS_BACK_SLOWED_LATER = gettext_lazy(
    "If the rest gets no less for half a minute with the partition slowed down as far as possible, it is rolled back."
)
SUSPENDS_SLOWED = gettext_lazy(
    "If the rest gets no less with the partition slowed down as far as possible, the partition is suspended anyway, "
    "for about %(suspension)s."
)
SUSPENDS_ANYWAY = gettext_lazy(
    "Otherwise the partition is suspended anyway after some more passes, as the system properties say, for about "
    "%(suspension)s."
)


def is_limited(migration: Migration, rate: float) -> bool:
    limit = migration.bandwidth_limit_bytes_per_s
    return bool(limit) and rate >= NEAR_THE_LIMIT * limit


def carried_by(migration: Migration) -> str:
    """What sets the rate at which memory is sent; a limit that was changed a moment ago is not in the rate yet."""
    limit = {"limit": formats.rate(migration.bandwidth_limit_bytes_per_s)}
    if is_limited(migration, link_rate(migration)):
        return _("held back by the bandwidth limit of %(limit)s") % limit
    if migration.bandwidth_limit_bytes_per_s:
        return _("measured so far, below the bandwidth limit of %(limit)s") % limit
    return _("by network, movers and servers")


def limited_by(migration: Migration, events: Iterable[MigrationEvent], points: Sequence[Point] = ()) -> str:
    """What the transfer's length came from, once all memory has gone over; empty before.

    `events` tell where the limit was changed meanwhile, `points` how much was sent until then. A limit that was far
    from reached is not blamed; one without a record of when it was set may have been lower for some of the time.
    """
    if migration.transfer_started_at is None or migration.suspended_at is None:
        return ""
    seconds = (migration.suspended_at - migration.transfer_started_at).total_seconds()
    rate = int(migration.bytes_transmitted / max(seconds, 0.001))
    rates = {"limit": formats.rate(migration.bandwidth_limit_bytes_per_s), "rate": formats.rate(rate)}
    changes = [event for event in events if event.text == LIMIT_CHANGED]
    if changes:
        return limits_in_turn(changes, migration.transfer_started_at, points) % rates
    if is_limited(migration, rate):
        return _("The bandwidth limit of %(limit)s; %(rate)s were sent on average") % rates
    if migration.bandwidth_limit_bytes_per_s:
        return _("Network, movers and servers; %(rate)s were sent on average, below the limit of %(limit)s") % rates
    return _("Network, movers and servers; %(rate)s were sent on average") % rates


def limits_in_turn(changes: Sequence[MigrationEvent], began: datetime, points: Sequence[Point]) -> str:
    """With the average rate left open. The first limit is blamed where it was reached until it was changed."""
    first = changes[0]
    after_s = (first.time - began).total_seconds()
    old, new = first.params["old"], first.params["new"]
    sent = max((point.bytes_sent for point in points if point.seconds <= after_s), default=0)
    names = {"old": formats.rate(old), "new": formats.rate(new), "after": formats.span(after_s), "rate": "%(rate)s"}
    if len(changes) == 1 and old and sent >= NEAR_THE_LIMIT * old * after_s:
        return str(UNTIL_CHANGED if new else UNTIL_LIFTED) % names
    return str(CHANGED_MEANWHILE) % {"limits": ", ".join(limits_of(changes, began)), "rate": "%(rate)s"}


def limits_of(changes: Sequence[MigrationEvent], began: datetime) -> Iterator[str]:
    """`64 MB per second, after 17 s none`"""
    yield limit_name(changes[0].params["old"])
    for change in changes:
        after = formats.span((change.time - began).total_seconds())
        yield _("after %(after)s %(limit)s") % {"after": after, "limit": limit_name(change.params["new"])}


def limit_name(bytes_per_s: int) -> str:
    return formats.rate(bytes_per_s) if bytes_per_s else _("none")


UNTIL_LIFTED = gettext_lazy(
    "The bandwidth limit of %(old)s until it was lifted after %(after)s; %(rate)s were sent on average"
)
UNTIL_CHANGED = gettext_lazy(
    "The bandwidth limit of %(old)s until it was changed to %(new)s after %(after)s; %(rate)s were sent on average"
)
CHANGED_MEANWHILE = gettext_lazy(
    "%(rate)s were sent on average; the bandwidth limit was changed meanwhile: %(limits)s"
)


@dataclass(frozen=True)
class Phase:
    """A part of the migration on this side."""

    title: str
    started_at: datetime
    seconds: float | None  # None: it goes on
    share: float  # of the whole, in percent


WAITING = gettext_lazy("Waiting in the queue")
SENDING = gettext_lazy("Sending memory while the partition runs")
PHASE_TITLES: dict[tuple[str, str], str | Promise] = {
    (Role.SOURCE, WAITS): WAITING,
    (Role.SOURCE, WAITS_AGAIN): gettext_lazy("Waiting in the queue, asking the destination again"),
    (Role.SOURCE, LEAVES): gettext_lazy("Preparing the destination"),
    (Role.SOURCE, "begun"): gettext_lazy("Preparing the destination"),
    (Role.SOURCE, "transfer"): SENDING,
    (Role.SOURCE, "suspended"): gettext_lazy("Suspended: last pages and hand-over"),
    (Role.SOURCE, State.SURRENDERED): gettext_lazy("Handing over"),
    (Role.SOURCE, State.COMPLETING): gettext_lazy("Cleaning up"),
    (Role.SOURCE, State.ABORTING): gettext_lazy("Rolling back"),
    (Role.SOURCE, State.TAKEN_BACK): gettext_lazy("Taking back"),
    (Role.SOURCE, State.FORCED_BACK): gettext_lazy("Forced back by an operator"),
    (Role.SOURCE, State.IN_DOUBT): gettext_lazy("In doubt"),
    (Role.DESTINATION, "begun"): gettext_lazy("Prepared, waiting for memory"),
    (Role.DESTINATION, "transfer"): gettext_lazy("Receiving memory"),
    (Role.DESTINATION, State.LOADED): gettext_lazy("Handing over"),
    (Role.DESTINATION, State.STARTED): gettext_lazy("Waiting for the source to clean up"),
    (Role.DESTINATION, State.DECLINED): gettext_lazy("Rolling back"),
    (Role.DESTINATION, State.FORCED_RUN): gettext_lazy("Forced to run by an operator"),
    (Role.DESTINATION, State.YIELDED): gettext_lazy("Ending the copy here"),
    (Role.DESTINATION, State.SETTLED): gettext_lazy("Waiting for the source to clean up"),
}


def phases(migration: Migration, events: Iterable[MigrationEvent], now: datetime) -> list[Phase]:
    """In order, each until the next one begins; the last one goes on until the end."""
    marks = sorted(marks_of(migration, events), key=lambda mark: mark[0])
    ends = [*(time for time, _title in marks[1:]), migration.ended_at]
    whole = ((migration.ended_at or now) - migration.started_at).total_seconds()
    return [phase(title, begin, end, now, whole) for (begin, title), end in zip(marks, ends, strict=True)]


def marks_of(migration: Migration, events: Iterable[MigrationEvent]) -> Sequence[tuple[datetime, str]]:
    events = list(events)
    waits_first = any(event.text == WAITS for event in events)  # then nothing is prepared yet
    moments: list[tuple[datetime | None, str]] = [
        (migration.started_at, WAITS if waits_first else "begun"),
        (migration.transfer_started_at, "transfer"),
        (migration.suspended_at, "suspended"),
    ]
    # While it is suspended the surrender is a part of it.
    moments += [(event.time, event.text) for event in events if event.text in {LEAVES, WAITS_AGAIN}]
    moments += [
        (event.time, event.to_state)
        for event in events
        if not (event.to_state == State.SURRENDERED and migration.suspended_at)
    ]
    named = [(time, PHASE_TITLES.get((migration.role, name))) for time, name in moments]
    return [(time, str(title)) for time, title in named if time is not None and title is not None]


def phase(title: str, begin: datetime, end: datetime | None, now: datetime, whole_s: float) -> Phase:
    seconds = max(0.0, ((end or now) - begin).total_seconds())
    return Phase(title, begin, None if end is None else seconds, round(100 * seconds / max(whole_s, 0.001), 2))
