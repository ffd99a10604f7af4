"""Words for a migration: what goes on, where the partition is now, what to press. Pure functions.

Read by an administrator at three in the morning, so each state says the same three things in the same order.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from ivmweb.pages.wording import in_words
from ivmweb.system.models import MANAGEMENT_PARTITION_ID
from migration.forcing import ORDERED
from migration.models import Activity, Migration, MigrationEvent
from migration.mover.convergence import Outlook
from migration.partner import NOT_ASKED, SILENT
from migration.roles import GIVEN_UP_BY_ORDER, WENT_DOWN
from migration.states import FINAL_STATES, LET_GO, Act, Fact, Role, State
from migration.status_words import (
    ACTIVATE_FIRST,
    AN_OPERATOR_DECIDES,
    ANY_TIME,
    BOTH_RUN_PLACE,
    DOWN,
    GIVEN_UP,
    GIVEN_UP_ADVICE,
    GIVEN_UP_PLACE,
    GOES_ON_LATER,
    GONE,
    IN_QUESTION,
    IN_QUESTION_ADVICE,
    MEND_FIRST,
    NO_ANSWER,
    NO_ANSWER_ADVICE,
    NOTHING_TO_DO,
    OFF_ON_DESTINATION,
    OFF_ON_SOURCE,
    OPEN_WORDS,
    OPERATOR_ADVICE,
    OPERATOR_PLACES,
    OPPOSITE,
    OPPOSITE_ADVICE,
    OPPOSITE_PLACES,
    OVERDUE,
    PLACES,
    PLACES_INACTIVE,
    RECOVERED_SOON,
    ROLE_NAMES,
    RUNS_ON_DESTINATION,
    RUNS_ON_SOURCE,
    SEES_OUTLOOK,
    SOURCE_GOES_ON,
    STATE_NAMES,
    STAYS_GIVEN_UP,
    STOPPING,
    THERE_ADVICE,
    THERE_DECIDES,
    YIELDING,
    ByRight,
    Tone,
)

OVERDUE_S = 15  # some rounds of the schedule
FIGURES_WITHIN = timedelta(minutes=5)  # digests and the suspension felt are collected after the end


@dataclass(frozen=True)
class Situation:
    headline: str
    place: str  # where the partition is, or runs, now
    advice: str
    tone: Tone


@dataclass(frozen=True)
class Names:
    """What the sentences are filled with."""

    partition: str
    source: str  # host names of the two consoles
    destination: str

    def fill(self, text: str) -> str:
        return text % {"partition": self.partition, "source": self.source, "destination": self.destination}


def names_of(migration: Migration, here: str) -> Names:
    there = migration.remote.name
    source, destination = (here, there) if migration.is_source else (there, here)
    return Names(migration.partition_name, source, destination)


def can_stop(migration: Migration) -> bool:
    """Once the source has surrendered, or on the destination's page, there is no Stop."""
    return migration.is_source and migration.state == State.TRANSFERRING and not migration.stop_requested


def can_recover(migration: Migration) -> bool:
    return migration.is_unfinished


@dataclass(frozen=True)
class Newer:
    """The newest migration of the same partition that began here after the one that is shown."""

    migration: Migration
    runs_here: bool | None  # as in situation()
    is_gone: bool


def situation(
    migration: Migration,
    *,
    here: str,
    lapsed_s: float | None = None,
    takes_over_s: float = 0,
    untaken_s: float | None = None,
    queue: tuple[int, int] | None = None,
    suspended: bool = False,
    runs_here: bool | None = None,
    is_gone: bool = False,
    newer: Newer | None = None,
    may_act: bool = True,
) -> Situation:
    """`lapsed_s`: since when its worker is lost, None while one is at work; the schedule takes over after so long.

    `untaken_s`: since when a worker was asked for and none came, None while that is no wonder.
    `queue`: its place in the queue and how many there are; None where it is in none. `suspended`: the source's
    hypervisor says so now, whatever the mover has reported. `runs_here`: what the hypervisor says of it after the
    end, where it stayed or arrived here, and after opposite decisions; None where it says nothing. `is_gone`: this
    console has it no more. `newer`: after the end, a later migration, which knows better where the partition is.
    `may_act`: its reader may press the buttons.
    """
    names = names_of(migration, here)
    if migration.is_tombstone:
        return never_prepared(names)
    if queue is not None and not migration.stop_requested:
        return queued(migration, names, *queue, may_act=may_act)
    if migration.is_final and newer is not None:
        return overtaken(migration, names, newer, here)
    if migration.is_final:
        return ended(migration, names, runs_here, is_gone=is_gone, may_act=may_act)
    if migration.in_question:
        return in_question(names, runs_here, here)
    if migration.is_opposite:
        advice = OPPOSITE_ADVICE.words(may_act=may_act)
        both = bool(runs_here) and migration.partner_fact == Fact.RUN
        where = str(BOTH_RUN_PLACE if both else OPPOSITE_PLACES[runs_here])
        where %= {"here": here, "other": migration.remote.name}
        return Situation(names.fill(str(OPPOSITE)), where, names.fill(advice), Tone.BAD)
    if migration.waits_for_operator or migration.partner_waits_for_operator:
        return operators(migration, names, runs_here, here, may_act=may_act)
    if lapsed_s is not None:
        return interrupted(migration, names, takes_over_s - lapsed_s, suspended=suspended, may_act=may_act)
    if untaken_s is not None and not migration.stop_requested:
        return untaken(migration, names, untaken_s, here)
    return going_on(migration, names, suspended=suspended, may_act=may_act)


def in_question(names: Names, runs_here: bool | None, here: str) -> Situation:
    """Nothing that this record says is sure but what the hypervisor says now."""
    where = OPERATOR_PLACES[runs_here] % {"here": here}
    return Situation(str(IN_QUESTION) % {"here": here}, where, names.fill(str(IN_QUESTION_ADVICE)), Tone.BAD)


def operators(migration: Migration, names: Names, runs_here: bool | None, here: str, *, may_act: bool) -> Situation:
    """It goes on by an operator's act only, here or on the other console."""
    where = str(OPERATOR_PLACES[runs_here]) % {"here": here}
    if migration.waits_for_operator:
        advice = OPERATOR_ADVICE.words(may_act=may_act)
        return Situation(names.fill(str(AN_OPERATOR_DECIDES)), where, advice, Tone.BAD)
    other = {"other": migration.remote.name}
    return Situation(str(THERE_DECIDES) % other, where, str(THERE_ADVICE) % other, Tone.BAD)


def never_prepared(names: Names) -> Situation:
    """A note about an id that was never seen here; nobody here knows the partition."""
    advice = _("There is nothing to do: %(source)s ended the migration before it reached this console.")
    where = _("On %(source)s, which shows more about it.")
    return Situation(_("Never prepared here"), names.fill(where), names.fill(advice), Tone.QUIET)


def queued(migration: Migration, names: Names, number: int, of: int, *, may_act: bool) -> Situation:
    title = _("Waiting in the queue, place %(place)d of %(of)d") % {"place": number, "of": of}
    advice = names.fill(GOES_ON_LATER.words(may_act=may_act))
    return Situation(title, place(migration, names), advice, Tone.ATTENTION)


def untaken(migration: Migration, names: Names, seconds: float, here: str) -> Situation:
    advice = _(
        "The worker %(worker)s of %(system)s was asked for %(seconds)d s ago and has not come. Look whether it runs, "
        "and at its log. If none comes within a minute, the migration is rolled back by itself."
    )
    words = {"worker": migration.wants, "system": here, "seconds": seconds}
    return Situation(_("No worker takes it up"), place(migration, names), advice % words, Tone.ATTENTION)


def interrupted(migration: Migration, names: Names, left_s: float, *, suspended: bool, may_act: bool) -> Situation:
    where = place_without_worker(migration, names, suspended=suspended)
    if left_s < -OVERDUE_S:
        return Situation(_("Interrupted: its worker was lost"), where, OVERDUE.words(may_act=may_act), Tone.BAD)
    advice = RECOVERED_SOON.words(may_act=may_act) % {"seconds": max(1, round(left_s))}
    return Situation(_("Interrupted: its worker was lost"), where, advice, Tone.ATTENTION)


def place_without_worker(migration: Migration, names: Names, *, suspended: bool) -> str:
    """A hypervisor whose stream breaks off lets the partition run on, so the last report may be out of date."""
    if migration.state == State.TRANSFERRING and suspended:
        return names.fill(_("On %(source)s, suspended until the migration is recovered; then it runs on."))
    if migration.state == State.TRANSFERRING and not migration.is_inactive:
        return names.fill(_("On %(source)s; its hypervisor lets it run on when the transfer breaks off."))
    return place(migration, names)


def going_on(migration: Migration, names: Names, *, suspended: bool, may_act: bool) -> Situation:
    headline, advice, tone = OPEN_WORDS[Role(migration.role), words_for(migration)]
    suspended = suspended and migration.state == State.TRANSFERRING
    title = str(headline or (Activity.SUSPENDED.label if suspended else activity(migration)))
    if migration.state == State.TRANSFERRING and migration.stop_requested:
        title, advice, tone = str(STOPPING), NOTHING_TO_DO, Tone.BUSY
    elif waits_before_suspension(migration, suspended=suspended):
        title, advice, tone = str(NO_ANSWER), NO_ANSWER_ADVICE, Tone.ATTENTION
    elif migration.state in SEES_OUTLOOK and migration.outlook == Outlook.NOT_CONVERGING:
        advice, tone = SEES_OUTLOOK[State(migration.state)], Tone.ATTENTION
    elif migration.record.order is Act.YIELD:
        title, advice, tone = str(YIELDING), NOTHING_TO_DO, Tone.BUSY
    elif migration.is_given_up:
        title, advice, tone = str(GIVEN_UP), GIVEN_UP_ADVICE, Tone.BAD
    where = names.fill(_("On %(source)s, suspended for a moment.")) if suspended else place(migration, names)
    told = advice.words(may_act=may_act) if isinstance(advice, ByRight) else str(advice)
    return Situation(names.fill(title), where, names.fill(told), tone)


def words_for(migration: Migration) -> State:
    """One that runs by an operator's order is told so until the source has let go of it."""
    state = State(migration.state)
    is_ordered = migration.forced and state is State.STARTED and migration.partner_state not in LET_GO
    return State.FORCED_RUN if is_ordered else state


def waits_before_suspension(migration: Migration, *, suspended: bool) -> bool:
    """The destination's console is asked for a sign of life first, and gives none."""
    sends = migration.is_source and migration.state == State.TRANSFERRING and not migration.is_inactive
    return sends and not suspended and bool(migration.partner_error)


def silent_since(migration: Migration, events: Iterable[MigrationEvent]) -> datetime | None:
    """None while the other console answers, as far as is known."""
    if not migration.partner_error or migration.is_final:
        return None
    times = [event.time for event in events if event.text in {SILENT, NOT_ASKED}]
    return times[-1] if times else None


def activity(migration: Migration) -> str | Promise:
    if migration.wants.startswith("mover"):
        return _("Waiting for the mover")
    return Activity(migration.activity).label


def ended(migration: Migration, names: Names, runs_here: bool | None, *, is_gone: bool, may_act: bool) -> Situation:
    is_gone = is_gone and ends_here(migration)
    where = place_since(migration, names, runs_here, is_gone=is_gone)
    if not migration.is_source and migration.state == State.DECLINED and source_goes_on(migration):
        return Situation(outcome(migration, names), where, names.fill(str(SOURCE_GOES_ON)), Tone.ATTENTION)
    is_over = is_gone or migration.state == State.CLOSED_MOVED
    advice = _("There is nothing to do.") if is_over else next_try(migration, names, runs_here, may_act=may_act)
    return Situation(outcome(migration, names), where, advice, tone_after(migration))


def overtaken(migration: Migration, names: Names, newer: Newer, here: str) -> Situation:
    """What it came to stays true; where the partition is now is said by the newer one."""
    latest = newer.migration
    if latest.is_final:
        where = place_since(latest, names_of(latest, here), newer.runs_here, is_gone=newer.is_gone)
    else:
        where = _("A newer migration of it is in progress here, and says where it is.")
    if latest.is_final and ends_here(latest) and not ends_here(migration) and not newer.is_gone:
        came = _("It came back later. %(place)s") if migration.is_source else _("It came here later. %(place)s")
        where = came % {"place": where}
    elif latest.moved and not newer.is_gone:
        where = _("It was migrated again later. %(place)s") % {"place": where}
    advice = _("There is nothing to do here: this page tells of an earlier migration.")
    return Situation(outcome(migration, names), where, advice, tone_after(migration))


def outcome(migration: Migration, names: Names) -> str:
    if migration.state == State.CLOSED_MOVED:
        return names.fill(_("The migration completed: %(partition)s has moved to %(destination)s"))
    return not_moved(migration, names)


def tone_after(migration: Migration) -> Tone:
    return Tone.GOOD if migration.state == State.CLOSED_MOVED else Tone.QUIET


def place_since(migration: Migration, names: Names, runs_here: bool | None, *, is_gone: bool) -> str:
    if is_gone and ends_here(migration):
        return names.fill(str(GONE[Role(migration.role)]))
    return place_after(migration, names, runs_here)


def place_after(migration: Migration, names: Names, runs_here: bool | None) -> str:
    """Whether it runs there, where that is known: here from the hypervisor, there from what the partner told."""
    moved = migration.state == State.CLOSED_MOVED
    if ends_here(migration) and runs_here is not None:
        told = (
            (RUNS_ON_DESTINATION if runs_here else OFF_ON_DESTINATION)
            if moved
            else (RUNS_ON_SOURCE if runs_here else OFF_ON_SOURCE)
        )
        return names.fill(str(told))
    if moved and migration.forced:
        return names.fill(_("On %(destination)s, by an operator's order."))
    if moved and migration.is_source and migration.suspension_ms is not None:
        return names.fill(_("On %(destination)s; it ran on there after the move."))
    return place(migration, names)


def source_goes_on(migration: Migration) -> bool:
    """As far as a destination that has declined was told; a source that never said where it stands may be over."""
    told = migration.partner_state and not migration.stop_requested
    return bool(told) and State(migration.partner_state) not in FINAL_STATES


def ends_here(migration: Migration) -> bool:
    """The end left the partition to this console."""
    return migration.state == (State.CLOSED_KEPT if migration.is_source else State.CLOSED_MOVED)


def elsewhere(partition: str, remote: str) -> Situation:
    """A restored database: what it knows of the partition's migrations is older than where the partition is."""
    names = {"partition": partition, "remote": remote}
    return Situation(
        _("%(remote)s has %(partition)s; this record is older than that") % names,
        _("On %(remote)s, as that console says.") % names,
        _("The database of this console was restored from a backup of before the move. Look at Restored Database."),
        Tone.ATTENTION,
    )


def removed(partition: str, remote: str) -> Situation:
    """The same, once an operator has removed the records of the partition here."""
    names = {"partition": partition, "remote": remote}
    return Situation(
        _("%(remote)s has %(partition)s; its records were removed here") % names,
        _("On %(remote)s, as that console has said.") % names,
        _("There is nothing to do here. This page tells of a migration before that."),
        Tone.QUIET,
    )


def not_moved(migration: Migration, names: Names) -> str:
    if migration.state == State.YIELDED and migration.forced:
        return names.fill(_("An operator ended %(partition)s on %(destination)s and left it to %(source)s"))
    if migration.state == State.YIELDED or (migration.forced and migration.state == State.CLOSED_KEPT):
        return names.fill(_("%(source)s has taken %(partition)s back by an operator's order"))
    if migration.stop_requested:
        return names.fill(_("The migration was stopped; %(partition)s stays on %(source)s"))
    if migration.message_key == GIVEN_UP_BY_ORDER:
        return names.fill(str(STAYS_GIVEN_UP))
    if migration.message_key == WENT_DOWN:
        return names.fill(str(DOWN))
    return names.fill(_("The migration was rolled back; %(partition)s stays on %(source)s"))


def next_try(migration: Migration, names: Names, runs_here: bool | None, *, may_act: bool) -> str:
    if migration.message_key in {WENT_DOWN, GIVEN_UP_BY_ORDER} and runs_here is False:
        return names.fill(ACTIVATE_FIRST.words(may_act=may_act))
    if migration.stop_requested or migration.forced:
        return ANY_TIME.words(may_act=may_act)
    return MEND_FIRST.words(may_act=may_act)


def place(migration: Migration, names: Names) -> str:
    """Where the partition is now, as far as this side knows."""
    state = words_for(migration)
    if migration.is_given_up:
        return names.fill(str(GIVEN_UP_PLACE))
    if migration.is_inactive:
        return names.fill(str(PLACES_INACTIVE[state]))
    if state is State.TRANSFERRING and migration.activity == Activity.SUSPENDED:
        return names.fill(_("On %(source)s, suspended for a moment."))
    return names.fill(str(PLACES[state]))


@dataclass(frozen=True)
class End:
    """One of the two servers, as far as it is known here."""

    title: str
    system: str
    console: str
    lpar_id: int | None

    @property
    def mover(self) -> str:
        """The mover service partition is the management partition: `uli13(1)`."""
        return f"{self.console}({MANAGEMENT_PARTITION_ID})"


def ends(migration: Migration, *, here: str, system_name: str) -> list[End]:
    """Source first."""
    source, destination = _("Source"), _("Destination")
    own = End(source if migration.is_source else destination, system_name, here, migration.lpar_id)
    other = End(
        destination if migration.is_source else source,
        migration.remote.system_name,
        migration.remote.name,
        migration.remote_lpar_id,
    )
    return [own, other] if migration.is_source else [other, own]


@dataclass(frozen=True)
class Line:
    """One line of the history."""

    time: datetime
    change: str  # "Transferring → Surrendered"; empty for a remark
    text: str
    worker: str


def line(event: MigrationEvent) -> Line:
    """An order to yield is recorded as a state of the other order; its words say what was ordered."""
    is_yield = event.text == ORDERED[Act.YIELD]
    names = [] if is_yield else [state_name(event.from_state), state_name(event.to_state)]
    return Line(event.time, " → ".join(name for name in names if name), in_words(event.sentence), event.worker)


def role_name(role: str) -> str:
    return str(ROLE_NAMES[Role(role)])


def state_name(state: str) -> str:
    """A state of the journal in two or three words; empty for no state."""
    return str(STATE_NAMES[State(state)]) if state else ""


def migration_state(migration: Migration) -> str:
    """Attribute migration_state of lslparmigr while it goes on and at its end."""
    if not migration.is_final:
        return gettext_noop("Migration Starting")
    return gettext_noop("Migration Complete") if migration.moved else gettext_noop("Not Migrating")


def digests_equal(migration: Migration) -> bool | None:
    """None until both are known, and where an operator's order decided: the copies may have run apart."""
    if migration.forced or not (migration.local_digest and migration.partner_digest):
        return None
    return migration.local_digest == migration.partner_digest


def may_change(migration: Migration, now: datetime) -> bool:
    """Whether a page that shows it has to look again: while it is open, and until its last figures are there."""
    if not migration.is_final or migration.ended_at is None:
        return True
    return now - migration.ended_at < FIGURES_WITHIN
