"""Words for a migration: what goes on, where the partition is now, what to press. Pure functions.

Read by an administrator at three in the morning, so each state says the same three things in the same order.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from ivmweb.pages.wording import in_words
from ivmweb.system.models import MANAGEMENT_PARTITION_ID
from migration.models import Activity, Migration, MigrationEvent
from migration.mover.convergence import Outlook
from migration.partner import SILENT
from migration.roles import WENT_DOWN
from migration.states import Act, Role, State

OVERDUE_S = 15  # some rounds of the schedule
FIGURES_WITHIN = timedelta(minutes=5)  # digests and the suspension felt are collected after the end


class Tone(StrEnum):
    """How a situation is coloured; the words never depend on it."""

    BUSY = "busy"  # goes on by itself
    GOOD = "good"
    QUIET = "quiet"  # ended without a move, as asked
    ATTENTION = "attention"  # waits for something
    BAD = "bad"


@dataclass(frozen=True)
class Situation:
    headline: str
    place: str  # where the partition is, or runs, now
    advice: str
    tone: Tone


@dataclass(frozen=True)
class ByRight:
    """What to do, for users who may press Stop and Recover, and for those who look on."""

    acting: str | Promise
    looking: str | Promise

    def words(self, *, may_act: bool) -> str:
        return str(self.acting if may_act else self.looking)


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
    hypervisor says so now, whatever the mover has reported. `runs_here`: after the end, what the hypervisor says of a
    partition that stayed or arrived here; None where it says nothing. `is_gone`: this console has it no more.
    `newer`: after the end, a later migration, which knows better where the partition is. `may_act`: its reader may
    press the buttons.
    """
    names = names_of(migration, here)
    if queue is not None and not migration.stop_requested:
        return queued(migration, names, *queue, may_act=may_act)
    if migration.is_final and newer is not None:
        return overtaken(migration, names, newer, here)
    if migration.is_final:
        return ended(migration, names, runs_here, is_gone=is_gone, may_act=may_act)
    if lapsed_s is not None:
        return interrupted(migration, names, takes_over_s - lapsed_s, suspended=suspended, may_act=may_act)
    if untaken_s is not None and not migration.stop_requested:
        return untaken(migration, names, untaken_s, here)
    return going_on(migration, names, suspended=suspended, may_act=may_act)


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
    advice = RECOVERED_SOON.words(may_act=may_act) % {"seconds": max(0, round(left_s))}
    return Situation(_("Interrupted: its worker was lost"), where, advice, Tone.ATTENTION)


def place_without_worker(migration: Migration, names: Names, *, suspended: bool) -> str:
    """A hypervisor whose stream breaks off lets the partition run on, so the last report may be out of date."""
    if migration.state == State.TRANSFERRING and suspended:
        return names.fill(_("On %(source)s, suspended until the migration is recovered; then it runs on."))
    if migration.state == State.TRANSFERRING and not migration.is_inactive:
        return names.fill(_("On %(source)s; its hypervisor lets it run on when the transfer breaks off."))
    return place(migration, names)


def going_on(migration: Migration, names: Names, *, suspended: bool, may_act: bool) -> Situation:
    headline, advice, tone = OPEN_WORDS[Role(migration.role), State(migration.state)]
    suspended = suspended and migration.state == State.TRANSFERRING
    title = str(headline or (Activity.SUSPENDED.label if suspended else activity(migration)))
    if migration.state == State.TRANSFERRING and migration.stop_requested:
        title, advice, tone = str(STOPPING), NOTHING_TO_DO, Tone.BUSY
    elif waits_before_suspension(migration, suspended=suspended):
        title, advice, tone = str(NO_ANSWER), NO_ANSWER_ADVICE, Tone.ATTENTION
    elif migration.state == State.TRANSFERRING and migration.outlook == Outlook.NOT_CONVERGING:
        advice, tone = SEE_OUTLOOK, Tone.ATTENTION
    elif migration.record.order is Act.YIELD:
        title, advice, tone = str(YIELDING), NOTHING_TO_DO, Tone.BUSY
    where = names.fill(_("On %(source)s, suspended for a moment.")) if suspended else place(migration, names)
    told = advice.words(may_act=may_act) if isinstance(advice, ByRight) else str(advice)
    return Situation(names.fill(title), where, names.fill(told), tone)


def waits_before_suspension(migration: Migration, *, suspended: bool) -> bool:
    """The destination's console is asked for a sign of life first, and gives none."""
    sends = migration.is_source and migration.state == State.TRANSFERRING and not migration.is_inactive
    return sends and not suspended and bool(migration.partner_error)


def silent_since(migration: Migration, events: Iterable[MigrationEvent]) -> datetime | None:
    """None while the other console answers, as far as is known."""
    if not migration.partner_error or migration.is_final:
        return None
    times = [event.time for event in events if event.text == SILENT]
    return times[-1] if times else None


def activity(migration: Migration) -> str | Promise:
    if migration.wants.startswith("mover"):
        return _("Waiting for the mover")
    return Activity(migration.activity).label


def ended(migration: Migration, names: Names, runs_here: bool | None, *, is_gone: bool, may_act: bool) -> Situation:
    is_gone = is_gone and ends_here(migration)
    where = place_since(migration, names, runs_here, is_gone=is_gone)
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
        where = _("It came back later. %(place)s") % {"place": where}
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
    if moved and migration.is_source and migration.suspension_ms is not None:
        return names.fill(_("On %(destination)s; it ran on there after the move."))
    return place(migration, names)


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
    return names.fill(_("The migration was rolled back; %(partition)s stays on %(source)s"))


def next_try(migration: Migration, names: Names, runs_here: bool | None, *, may_act: bool) -> str:
    if migration.message_key == WENT_DOWN and runs_here is False:
        return names.fill(ACTIVATE_FIRST.words(may_act=may_act))
    if migration.stop_requested or migration.forced:
        return ANY_TIME.words(may_act=may_act)
    return MEND_FIRST.words(may_act=may_act)


def place(migration: Migration, names: Names) -> str:
    """Where the partition is now, as far as this side knows."""
    state = State(migration.state)
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
    names = [state_name(event.from_state), state_name(event.to_state)]
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
    """None until both are known."""
    if not (migration.local_digest and migration.partner_digest):
        return None
    return migration.local_digest == migration.partner_digest


def may_change(migration: Migration, now: datetime) -> bool:
    """Whether a page that shows it has to look again: while it is open, and until its last figures are there."""
    if not migration.is_final or migration.ended_at is None:
        return True
    return now - migration.ended_at < FIGURES_WITHIN


GOES_ON_LATER = ByRight(
    gettext_lazy(
        "It goes on by itself when one of the migrations in progress has ended. Stop takes it out of the queue; "
        "%(partition)s then stays on %(source)s."
    ),
    gettext_lazy(
        "It goes on by itself when one of the migrations in progress has ended. Users who may migrate partitions can "
        "take it out of the queue; %(partition)s then stays on %(source)s."
    ),
)
OVERDUE = ByRight(
    gettext_lazy(
        "It should have been recovered automatically by now, so the schedule or the workers do not run. Press "
        "Recover, then look at their logs."
    ),
    gettext_lazy(
        "It should have been recovered automatically by now, so the schedule or the workers do not run. Tell an "
        "administrator: a user who may migrate partitions can recover it, and the logs say more."
    ),
)
RECOVERED_SOON = ByRight(
    gettext_lazy("It is recovered automatically in about %(seconds)d s. Recover does the same at once."),
    gettext_lazy("It is recovered automatically in about %(seconds)d s."),
)
ANY_TIME = ByRight(
    gettext_lazy("There is nothing to do. A new migration may be started at any time."),
    gettext_lazy("There is nothing to do. Users who may migrate partitions can start a new one at any time."),
)
ACTIVATE_FIRST = ByRight(
    gettext_lazy("Activate %(partition)s in View/Modify Partitions; then it can be migrated again."),
    gettext_lazy("Users who may migrate partitions can activate %(partition)s, and migrate it again."),
)
MEND_FIRST = ByRight(
    gettext_lazy("Mend the cause, then start the migration again."),
    gettext_lazy("Once the cause is mended, a user who may migrate partitions can start the migration again."),
)
SEE_OUTLOOK = ByRight(
    gettext_lazy(
        "It does not end like this: Outlook says why, what becomes of it and what helps. Stop ends the migration, "
        "and %(partition)s stays on %(source)s."
    ),
    gettext_lazy(
        "It does not end like this: Outlook says why, what becomes of it and what helps. Users who may migrate "
        "partitions can stop it; %(partition)s then stays on %(source)s."
    ),
)
NOTHING_TO_DO = gettext_lazy("There is nothing to do; this goes on by itself.")
YIELDING = gettext_lazy("Yielding: %(partition)s ends on %(destination)s and is left to %(source)s")
NO_ANSWER = gettext_lazy("Waiting for %(destination)s: its console does not answer")
NO_ANSWER_ADVICE = ByRight(
    gettext_lazy(
        "%(source)s asks again by itself, and %(partition)s is not suspended before %(destination)s answers. If it "
        "stays silent for about half a minute, the migration is rolled back and %(partition)s stays on %(source)s. "
        "Stop does so at once."
    ),
    gettext_lazy(
        "%(source)s asks again by itself, and %(partition)s is not suspended before %(destination)s answers. If it "
        "stays silent for about half a minute, the migration is rolled back and %(partition)s stays on %(source)s."
    ),
)
STOPPING = gettext_lazy("Stopping: %(partition)s stays on %(source)s")
Words = tuple[str | Promise | None, str | Promise | ByRight, Tone]  # headline (None: the activity), advice, tone

OPEN_WORDS: dict[tuple[Role, State], Words] = {
    (Role.SOURCE, State.TRANSFERRING): (
        None,
        ByRight(
            gettext_lazy(
                "This goes on by itself; you may leave this page. Stop ends the migration, and %(partition)s stays "
                "on %(source)s."
            ),
            gettext_lazy(
                "This goes on by itself; you may leave this page. Users who may migrate partitions can stop it; "
                "%(partition)s then stays on %(source)s."
            ),
        ),
        Tone.BUSY,
    ),
    (Role.SOURCE, State.ABORTING): (
        gettext_lazy("Rolling back: %(partition)s stays on %(source)s"),
        gettext_lazy("%(source)s waits for %(destination)s to give up its copy and asks again by itself."),
        Tone.ATTENTION,
    ),
    (Role.SOURCE, State.SURRENDERED): (
        gettext_lazy("Handing over: %(destination)s decides"),
        gettext_lazy(
            "Usually this takes less than a second. If it stays like this, %(destination)s cannot be reached: mend "
            "the network or start its console; %(source)s asks again by itself."
        ),
        Tone.ATTENTION,
    ),
    (Role.SOURCE, State.IN_DOUBT): (
        gettext_lazy("In doubt: the database of %(source)s was restored from a backup"),
        ByRight(
            gettext_lazy(
                "%(source)s does not run %(partition)s until %(destination)s has answered. Make sure that its "
                "console runs and can be reached, then press Recover."
            ),
            gettext_lazy(
                "%(source)s does not run %(partition)s until %(destination)s has answered. Once its console runs and "
                "can be reached, a user who may migrate partitions can recover the migration."
            ),
        ),
        Tone.BAD,
    ),
    (Role.SOURCE, State.TAKEN_BACK): (
        gettext_lazy("Taking back: %(destination)s declined, %(partition)s continues on %(source)s"),
        NOTHING_TO_DO,
        Tone.BUSY,
    ),
    (Role.SOURCE, State.COMPLETING): (
        gettext_lazy("Cleaning up: %(destination)s has taken over"),
        gettext_lazy(
            "%(source)s removes what is left of %(partition)s once %(destination)s reports that it has started."
        ),
        Tone.BUSY,
    ),
    (Role.SOURCE, State.FORCED_BACK): (
        gettext_lazy("Forced back: an operator ordered %(partition)s to run on %(source)s"),
        gettext_lazy(
            "This ends when the console of %(destination)s runs again and has given up its copy. Keep the server of "
            "%(destination)s switched off until then."
        ),
        Tone.BAD,
    ),
    (Role.DESTINATION, State.PREPARED): (
        None,
        ByRight(
            gettext_lazy(
                "This goes on by itself. It can be stopped on the console of %(source)s. Recover looks whether "
                "%(source)s still sends, and frees what is reserved here if it does not."
            ),
            gettext_lazy(
                "This goes on by itself. Users who may migrate partitions can stop it, on the console of %(source)s."
            ),
        ),
        Tone.BUSY,
    ),
    (Role.DESTINATION, State.LOADED): (
        gettext_lazy("Loaded: the whole memory is here, %(source)s decides"),
        gettext_lazy(
            "Usually this takes less than a second. If it stays like this, %(source)s cannot be reached: mend the "
            "network or start its console. The memory stays reserved here until it answers."
        ),
        Tone.ATTENTION,
    ),
    (Role.DESTINATION, State.ACCEPTED): (
        gettext_lazy("Starting %(partition)s on %(destination)s"),
        ByRight(
            gettext_lazy(
                "%(partition)s belongs to %(destination)s from now on. If it stays like this, the hypervisor refuses "
                "to start it; the cause stands above. Recover tries again."
            ),
            gettext_lazy(
                "%(partition)s belongs to %(destination)s from now on. If it stays like this, the hypervisor refuses "
                "to start it; the cause stands above."
            ),
        ),
        Tone.BUSY,
    ),
    (Role.DESTINATION, State.STARTED): (
        gettext_lazy("Moved: %(partition)s is on %(destination)s, %(source)s has yet to clean up"),
        gettext_lazy("There is nothing to do; %(source)s answers once its console can be reached."),
        Tone.BUSY,
    ),
    (Role.DESTINATION, State.FORCED_RUN): (
        gettext_lazy("Forced: an operator ordered %(partition)s to run on %(destination)s"),
        gettext_lazy("Keep the server of %(source)s switched off until this has ended."),
        Tone.BAD,
    ),
    (Role.DESTINATION, State.SETTLED): (
        gettext_lazy("Moved: %(partition)s is on %(destination)s, %(source)s has let go of it"),
        gettext_lazy("There is nothing to do; %(source)s answers once its console can be reached."),
        Tone.BUSY,
    ),
}

STAYS = gettext_lazy("On %(source)s.")
RUNS_ON_SOURCE = gettext_lazy("Runs on %(source)s.")
GIVEN_AWAY = gettext_lazy(
    "Suspended on %(source)s, which has given it up and does not run it. %(destination)s knows whether it runs there."
)
HELD = gettext_lazy(
    "Not running on %(destination)s, which holds its whole memory. %(source)s knows whether it runs there."
)
BELONGS_TO_DESTINATION = gettext_lazy("On %(destination)s. It will not run on %(source)s again.")
MOVED = gettext_lazy("On %(destination)s.")

PLACES: dict[State, str | Promise] = {
    State.TRANSFERRING: RUNS_ON_SOURCE,
    State.ABORTING: STAYS,
    State.SURRENDERED: GIVEN_AWAY,
    State.IN_DOUBT: gettext_lazy("Not known on this side; %(destination)s knows."),
    State.TAKEN_BACK: STAYS,
    State.COMPLETING: BELONGS_TO_DESTINATION,
    State.FORCED_BACK: gettext_lazy("On %(source)s, by an operator's order."),
    State.CLOSED_KEPT: STAYS,
    State.CLOSED_MOVED: MOVED,
    State.PREPARED: STAYS,
    State.LOADED: HELD,
    State.ACCEPTED: BELONGS_TO_DESTINATION,
    State.STARTED: MOVED,
    State.DECLINED: STAYS,
    State.FORCED_RUN: gettext_lazy("On %(destination)s, by an operator's order."),
    State.YIELDED: STAYS,
    State.SETTLED: MOVED,
}
GONE: dict[Role, str | Promise] = {
    Role.SOURCE: gettext_lazy("Not on %(source)s any more: it was moved or removed later."),
    Role.DESTINATION: gettext_lazy("Not on %(destination)s any more: it was moved or removed later."),
}
OFF_ON_SOURCE = gettext_lazy("On %(source)s, not activated.")
RUNS_ON_DESTINATION = gettext_lazy("Runs on %(destination)s.")
OFF_ON_DESTINATION = gettext_lazy("On %(destination)s, not activated.")
PLACES_INACTIVE: dict[State, str | Promise] = PLACES | {
    State.TRANSFERRING: OFF_ON_SOURCE,
    State.PREPARED: OFF_ON_SOURCE,
    State.ABORTING: OFF_ON_SOURCE,
    State.TAKEN_BACK: OFF_ON_SOURCE,
    State.SURRENDERED: gettext_lazy("Not activated; it cannot be activated until the hand-over is decided."),
    State.ACCEPTED: OFF_ON_DESTINATION,
}

ROLE_NAMES: dict[Role, str | Promise] = {
    Role.SOURCE: gettext_lazy("Source"),
    Role.DESTINATION: gettext_lazy("Destination"),
}
STATE_NAMES: dict[State, str | Promise] = {
    State.TRANSFERRING: gettext_lazy("Transferring"),
    State.ABORTING: gettext_lazy("Rolling back"),
    State.SURRENDERED: gettext_lazy("Surrendered"),
    State.IN_DOUBT: gettext_lazy("In doubt"),
    State.TAKEN_BACK: gettext_lazy("Taken back"),
    State.COMPLETING: gettext_lazy("Completing"),
    State.FORCED_BACK: gettext_lazy("Forced back"),
    State.CLOSED_KEPT: gettext_lazy("Closed, kept on the source"),
    State.CLOSED_MOVED: gettext_lazy("Closed, moved"),
    State.PREPARED: gettext_lazy("Prepared"),
    State.LOADED: gettext_lazy("Loaded"),
    State.ACCEPTED: gettext_lazy("Accepted"),
    State.STARTED: gettext_lazy("Started"),
    State.DECLINED: gettext_lazy("Declined"),
    State.FORCED_RUN: gettext_lazy("Forced to run"),
    State.YIELDED: gettext_lazy("Yielded"),
    State.SETTLED: gettext_lazy("Settled"),
}
