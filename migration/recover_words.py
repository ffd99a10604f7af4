"""What Recover would do, and what it came to: sentences for people. Nothing is decided or changed here."""

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from migration.models import Migration
from migration.states import Act, State, Wait
from migration.told import told

AT_WORK = gettext_lazy("A worker is at work on the migration at this moment, and does what Recover would do.")
QUIET = gettext_lazy(
    "The worker of this migration has said nothing for %(seconds)d s, and counts as lost in about %(left)d s. "
    "Nothing was done yet: press Recover again then."
)
QUIET_NOW = gettext_lazy(
    "The worker of this migration has said nothing for some seconds. Once it counts as lost, in a few seconds, "
    "Recover does its work."
)
ASKED_AGAIN = gettext_lazy("The migration waits for a free mover; it has been asked again.")
NOTHING_NOW = gettext_lazy(
    "A worker is at work on this migration and asks again by itself. Recover is of use once no worker has it."
)


DECIDED_THERE = gettext_lazy(
    "Recover asks %(remote)s again and changes nothing here: an operator has to decide there. Open Recover, "
    "explained, for this migration on the console of %(remote)s."
)
ONE_YIELDS = gettext_lazy(
    "Both consoles have %(partition)s, so nothing was changed. It ends when one of them yields: Recover, explained, "
    "here and on the console of %(remote)s says which one can."
)
GIVEN_UP = gettext_lazy(
    "%(partition)s was given up here by an operator's order. Recover asks %(remote)s: where it has %(partition)s, "
    "the rest is removed here; where it declines, %(partition)s stays on this system and can be activated."
)
IN_QUESTION = gettext_lazy(
    "Recover changes nothing yet: the database of this console was restored, and a later migration of %(partition)s "
    "that it does not know may have made this one void. The other consoles are asked; Restored Database says which "
    "of them has not answered."
)


def in_the_queue(place: int, of: int) -> str:
    return _("The migration waits in the queue, place %(place)d of %(of)d; there is nothing to recover.") % {
        "place": place,
        "of": of,
    }


def before_recover(migration: Migration, *, at_work: bool, is_quiet: bool) -> list[str]:
    """What Recover would do now, and what it would not, before anybody presses it."""
    if at_work:
        return [str(QUIET_NOW if is_quiet else NOTHING_NOW)]
    return [*will_do(migration), *will_not_do(migration)]


def will_do(migration: Migration) -> list[str]:
    if migration.is_given_up:
        return [fill(GIVEN_UP, migration)]
    return [fill(sentence, migration) for sentence in PROMISES.get(State(migration.state), ())]


def changes_nothing(migration: Migration) -> list[str]:
    """Both sides have it. One that has accepted tries to resume it all the same."""
    return [fill(ACCEPTED_TRIES if migration.state == State.ACCEPTED else OPERATOR_DECIDES, migration)]


def waits_for_a_person(migration: Migration) -> list[str]:
    """Nobody can tell whether it has run here."""
    return [fill(MAY_HAVE_RUN, migration)]


def an_operator_decides(migration: Migration) -> list[str]:
    """Here, or on the other console: Recover does not."""
    if not migration.waits_for_operator:
        return [fill(DECIDED_THERE, migration)]
    return waits_for_a_person(migration) if migration.restored else [fill(OPERATOR_DECIDES, migration)]


def will_not_do(migration: Migration) -> list[str]:
    return [fill(sentence, migration) for sentence in NEVER.get(State(migration.state), ())]


def after_recover(migration: Migration, reason: Wait) -> str:
    """What it came to; `reason` is what is waited for now."""
    if migration.state == State.CLOSED_MOVED:
        return fill(_("The migration of %(partition)s has been completed."), migration)
    if migration.is_final and migration.is_source:
        return fill(_("The migration has been rolled back; %(partition)s is on this system."), migration)
    if migration.is_final:
        return fill(_("The migration has been rolled back; %(partition)s is on %(remote)s."), migration)
    if reason is Wait.HYPERVISOR:
        return _("The hypervisor of this system does not answer or refused: %(error)s") % {
            "error": told(migration.local_error) or _("no answer")
        }
    if reason is Wait.PARTNER and migration.partner_error:
        return _("%(remote)s must answer before more can be done, and it does not: %(error)s") % {
            "remote": migration.remote.name,
            "error": told(migration.partner_error),
        }
    names = {"remote": migration.remote.name, "state": told(migration.partner_state) or _("unknown")}
    if migration.is_opposite:
        return fill(ONE_YIELDS, migration)
    if migration.partner_waits_for_operator and not migration.waits_for_operator:
        return fill(DECIDED_THERE, migration)
    if reason is Wait.OPERATOR:
        return (
            _("%(remote)s says that the migration is %(state)s, so an operator has to decide: Recover, explained.")
            % names
        )
    return _("%(remote)s says that the migration is %(state)s; nothing more can be done now.") % names


def already_ended(migration: Migration) -> str:
    sentences = ENDED_MOVED if migration.state == State.CLOSED_MOVED else ENDED_KEPT
    when = migration.ended_at.strftime("%H:%M:%S") if migration.ended_at else ""
    return str(sentences.get(migration.ended_by, sentences[""])) % {"when": when}


def fill(sentence: str | Promise, migration: Migration) -> str:
    return str(sentence) % {"partition": migration.partition_name, "remote": migration.remote.name}


FROM_DISK = gettext_lazy("%(partition)s is started from disk on this system.")
# What an act has come to where the partition runs after it.
STARTS = {
    Act.RESTART: FROM_DISK,
    Act.RESTART_RESTORED: FROM_DISK,
    Act.RUN_IMAGE: gettext_lazy("%(partition)s runs on from its memory image on this system."),
}
# By who recovered it; with nobody's name for one that ended undisturbed.
ENDED_MOVED = {
    "schedule": gettext_lazy("Already completed at %(when)s UTC by the schedule."),
    "Recover": gettext_lazy("Already completed at %(when)s UTC by Recover."),
    "": gettext_lazy("Already completed at %(when)s UTC."),
}
ENDED_KEPT = {
    "schedule": gettext_lazy("Already rolled back at %(when)s UTC by the schedule."),
    "Recover": gettext_lazy("Already rolled back at %(when)s UTC by Recover."),
    "": gettext_lazy("Already rolled back at %(when)s UTC."),
}

PROMISES: dict[State, tuple[str | Promise, ...]] = {
    State.TRANSFERRING: (
        gettext_lazy(
            "%(partition)s has not been given up: Recover ends the transfer and %(partition)s stays on this system."
        ),
    ),
    State.ABORTING: (
        gettext_lazy(
            "%(partition)s stays on this system. Recover tells %(remote)s again to give back what it reserved."
        ),
    ),
    State.SURRENDERED: (
        gettext_lazy(
            "Recover asks %(remote)s whether it has taken %(partition)s over. If so, the rest is removed here; if it "
            "declined, %(partition)s is taken back."
        ),
    ),
    State.IN_DOUBT: (
        gettext_lazy(
            "Recover asks %(remote)s. If it declined, %(partition)s is taken back; if it has taken it over, the rest "
            "is removed here."
        ),
    ),
    State.FORCED_BACK: (
        gettext_lazy("Recover asks %(remote)s whether it gives its copy up. If so, the migration ends here."),
    ),
    State.TAKEN_BACK: (gettext_lazy("%(remote)s declined. Recover resumes %(partition)s on this system."),),
    State.COMPLETING: (gettext_lazy("%(partition)s is on %(remote)s. Recover removes what is left of it here."),),
    State.PREPARED: (
        gettext_lazy("Recover asks %(remote)s. If it has rolled back, everything reserved here is given back."),
    ),
    State.LOADED: (
        gettext_lazy(
            "Recover asks %(remote)s. If it has given %(partition)s up, it is resumed here; if it kept it, "
            "everything reserved here is given back."
        ),
    ),
    State.FORCED_RUN: (
        gettext_lazy("Recover goes on with the operator's order, as long as it lives, and asks %(remote)s."),
    ),
    State.YIELDED: (gettext_lazy("Recover gives back everything that is still reserved here."),),
    State.ACCEPTED: (gettext_lazy("%(partition)s belongs to this system. Recover resumes it here."),),
    State.STARTED: (gettext_lazy("%(partition)s is on this system. Recover asks %(remote)s to end the migration."),),
    State.SETTLED: (gettext_lazy("%(partition)s is on this system. Recover asks %(remote)s to end the migration."),),
    State.DECLINED: (gettext_lazy("Recover gives back everything that is still reserved here."),),
}

MAY_HAVE_RUN = gettext_lazy(
    "Recover asks %(remote)s and changes nothing: nobody can tell whether %(partition)s has run here, so an operator "
    "has to decide, below."
)
OPERATOR_DECIDES = gettext_lazy(
    "Recover asks %(remote)s again, and changes nothing while both consoles have %(partition)s."
)
ACCEPTED_TRIES = gettext_lazy(
    "Recover asks %(remote)s again. %(partition)s is resumed here only where its LUNs allow it, which they do not "
    "while %(remote)s has taken them. It ends when one of the consoles yields."
)
NEVER: dict[State, tuple[str | Promise, ...]] = {
    State.TRANSFERRING: (gettext_lazy("It gives nothing to %(remote)s that is not there whole."),),
    State.ABORTING: (gettext_lazy("%(partition)s is not restarted here, should its hypervisor have ended."),),
    State.SURRENDERED: (
        gettext_lazy("While %(remote)s does not answer, %(partition)s is not resumed here: it may be running there."),
    ),
    State.IN_DOUBT: (
        gettext_lazy("While %(remote)s does not answer, %(partition)s is neither run nor removed here."),
    ),
    State.COMPLETING: (gettext_lazy("%(partition)s does not run here again in this migration."),),
    State.FORCED_BACK: (gettext_lazy("It starts nothing without an operator's order of this boot."),),
    State.PREPARED: (gettext_lazy("%(partition)s is not started here."),),
    State.LOADED: (
        gettext_lazy("While %(remote)s does not answer, the memory of %(partition)s is held here and not resumed."),
    ),
    State.ACCEPTED: (gettext_lazy("%(partition)s is not given back: it may have run here."),),
    State.STARTED: (gettext_lazy("%(partition)s is not stopped here."),),
    State.SETTLED: (gettext_lazy("%(partition)s is not left to %(remote)s any more."),),
    State.FORCED_RUN: (gettext_lazy("It starts nothing without an operator's order of this boot."),),
}
