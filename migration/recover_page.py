"""Words of the page Recover: what both sides say now, what is wrong, what nobody can know, what may be forced.

Pure functions over what was seen and answered; nothing is decided here and nothing is guessed.
"""

from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from migration import states
from migration.models import Migration
from migration.presentation import Names, names_of, state_name, words_for
from migration.states import (
    GIVEN_UP,
    Act,
    Answer,
    Fact,
    Role,
    Seen,
    State,
    may_restart_restored,
)
from migration.status_words import ROLE_NAMES

RUNNING = frozenset({Fact.RUN, Fact.ACTIVE})
DOWN = frozenset({Fact.DEAD, Fact.NONE})
KEEPS_AN_IMAGE = frozenset({Fact.HELD, Fact.PARKED, Fact.LOADED})


@dataclass(frozen=True)
class Side:
    """One of the two servers: its record, and what its hypervisor says."""

    console: str
    role: str
    record: str
    fact: str
    tone: str
    heard: str  # when that was said


@dataclass(frozen=True)
class Claim:
    name: str  # of the tick box
    words: str


@dataclass(frozen=True)
class ActWords:
    act: Act
    title: str
    does: str
    loses: str
    claims: tuple[Claim, ...]
    recommended: bool


FACTS: dict[Fact, tuple[str | Promise, str]] = {
    Fact.UNKNOWN: (gettext_lazy("The hypervisor does not answer"), "attention"),
    Fact.NONE: (gettext_lazy("Not known to the hypervisor"), "quiet"),
    Fact.DEAD: (gettext_lazy("Not running"), "quiet"),
    Fact.ACTIVE: (gettext_lazy("Runs; its memory is being sent"), "good"),
    Fact.RUN: (gettext_lazy("Runs"), "good"),
    Fact.HELD: (gettext_lazy("Suspended; not everything is sent"), "attention"),
    Fact.PARKED: (gettext_lazy("Suspended; everything is sent, its memory is kept"), "attention"),
    Fact.INCOMING: (gettext_lazy("Does not run; memory is arriving"), "busy"),
    Fact.LOADED: (gettext_lazy("Does not run; its whole memory has arrived"), "attention"),
}


def own_side(migration: Migration, here: str, seen: Seen) -> Side:
    words, tone = FACTS[seen.fact]
    role = Role(migration.role)
    return Side(here, str(ROLE_NAMES[role]), state_name(migration.state), str(words), tone, _("now"))


def other_side(migration: Migration, answer: Answer | None, now: datetime, *, asked: bool = True) -> Side:
    """What it answered now; else what it said last, and how long ago."""
    role = ROLE_NAMES[Role.DESTINATION if migration.is_source else Role.SOURCE]
    name = migration.remote.name
    if answer is not None:
        words, tone = FACTS[answer.fact]
        return Side(name, str(role), state_name(answer.state), str(words), tone, _("now"))
    heard, state = last_heard(migration, now), last_state(migration)
    if not state:
        return Side(name, str(role), _("Never heard"), _("Not known: it does not answer"), "attention", heard)
    if not asked:
        over = _("Not asked any more: it is over on both sides")
        return Side(name, str(role), state_name(state), over, "quiet", heard)
    said = _("%(state)s, when it was last heard") % {"state": state_name(state)}
    return Side(name, str(role), said, _("Not known: it does not answer"), "attention", heard)


def last_state(migration: Migration) -> str:
    """Of the partner. A source that asked for *prepare* was transferring then; empty: it has said nothing."""
    return migration.partner_state or ("" if migration.is_source else State.TRANSFERRING.value)


def heard_at(migration: Migration) -> datetime | None:
    """By any message: its answers, *prepare*, the figures of its mover."""
    prepared_at = None if migration.is_source else migration.started_at
    times = (migration.partner_heard_at, migration.progress_heard_at, prepared_at)
    return max((time for time in times if time is not None), default=None)


def last_heard(migration: Migration, now: datetime) -> str:
    heard = heard_at(migration)
    if heard is None:
        return _("never heard in this migration")
    seconds = max(0, round((now - heard).total_seconds()))
    if seconds < 120:
        return _("last heard %(seconds)d s ago") % {"seconds": seconds}
    if seconds < 7200:
        return _("last heard %(minutes)d min ago") % {"minutes": seconds // 60}
    return _("last heard %(hours)d h ago") % {"hours": seconds // 3600}


def is_behind(migration: Migration, answer: Answer | None) -> bool:
    """Nobody can tell whether the partition has run here, and the source, which answers, waits for this side."""
    return may_restart_restored(migration.record, answer)


def alarms(migration: Migration, names: Names, seen: Seen, answer: Answer | None) -> list[str]:
    """What must not be, said as it is. Without an answer nothing can be said of the other side."""
    if answer is None:
        return []
    found = []
    if seen.fact in RUNNING and answer.fact in RUNNING:
        found.append(names.fill(str(BOTH_RUN)))
    if are_opposite(migration, answer):
        found.append(opposite(migration, names, seen, answer))
    if not migration.is_inactive and seen.fact in DOWN and answer.fact in DOWN:
        found.append(nowhere(migration, names, answer))
    return found


def nowhere(migration: Migration, names: Names, answer: Answer) -> str:
    """Who ends that."""
    if migration.is_final:
        keeper = names.destination if migration.state == State.CLOSED_MOVED else names.source
        return names.fill(str(NOWHERE_OVER)) % {"keeper": keeper}
    if is_behind(migration, answer):
        return names.fill(str(NOWHERE_BEHIND))
    if migration.partner_waits_for_operator:
        return names.fill(str(NOWHERE_THERE)) % {"other": migration.remote.name}
    return names.fill(str(NOWHERE))


def are_opposite(migration: Migration, answer: Answer) -> bool:
    """As Migration.is_opposite, with what the partner says now."""
    if migration.is_source:
        return states.are_opposite(migration.state, answer.state, forced=answer.forced)
    return states.are_opposite(answer.state, migration.state, forced=migration.forced)


def opposite(migration: Migration, names: Names, seen: Seen, answer: Answer) -> str:
    """What is so on each side, source first."""
    own = (State(migration.state), seen.fact)
    source, destination = (own, (answer.state, answer.fact))[:: 1 if migration.is_source else -1]
    return str(OPPOSITE) % {
        "partition": names.partition,
        "source": names.source,
        "destination": names.destination,
        "on_source": said_of(*source),
        "on_destination": said_of(*destination),
    }


def only_there(migration: Migration, answer: Answer) -> str:
    """Why this side can't yield although both have it; empty where they have not."""
    names = {"partition": migration.partition_name, "other": migration.remote.name}
    if not are_opposite(migration, answer):
        return ""
    return str(SETTLED_HERE if migration.state == State.SETTLED else IMAGE_THERE) % names


def said_of(state: State, fact: Fact) -> str:
    return _("%(state)s; its hypervisor: %(fact)s") % {"state": state_name(state), "fact": FACTS[fact][0]}


def unknown(migration: Migration, names: Names, now: datetime) -> list[str]:
    """What can't be known while the partner does not answer."""
    state = words_for(migration)
    if state in GIVEN_UP or state in {State.CLOSED_KEPT, State.CLOSED_MOVED}:
        return []
    open_question = UNKNOWN_AT_SOURCE if migration.is_source else UNKNOWN_AT_DESTINATION
    said = {"remote": migration.remote.name, "heard": last_heard(migration, now)}
    since = _("%(remote)s does not answer: %(heard)s. What it said then may be out of date.")
    if heard_at(migration) is None:
        since = _("%(remote)s does not answer: %(heard)s.")
    questions = (MAY_BE_VOID,) if migration.in_question else open_question.get(state, (ONLY_THEIRS,))
    return [since % said, *(names.fill(str(words)) for words in questions)]


def act_words(act: Act, migration: Migration, here: str) -> ActWords:
    names = names_of(migration, here)
    other = migration.remote.name

    def fill(text: str | Promise) -> str:
        return str(text) % {
            "partition": names.partition,
            "source": names.source,
            "destination": names.destination,
            "here": here,
            "other": other,
        }

    title, does, loses, claims = ACTS[act]
    boxes = tuple(Claim(f"claim{number}", fill(claim)) for number, claim in enumerate(claims, 1))
    return ActWords(
        act, fill(title), fill(does), fill(loses), boxes, recommended=act in {Act.RESTART, Act.RESTART_RESTORED}
    )


BOTH_RUN = gettext_lazy(
    "Both hypervisors say that they run %(partition)s: on %(source)s and on %(destination)s. Nothing is changed by "
    "either console. Decide at once which one is to keep it, since disks that both write are destroyed: shut its "
    "operating system down from inside on the other one, or yield on that console."
)
NOWHERE = gettext_lazy(
    "%(partition)s runs nowhere: neither the hypervisor of %(source)s nor that of %(destination)s runs it or keeps "
    "its memory. It can be activated, from its disks, where the migration ends; Recover ends it."
)
NOWHERE_OVER = gettext_lazy(
    "%(partition)s runs nowhere: neither the hypervisor of %(source)s nor that of %(destination)s runs it or keeps "
    "its memory. The migration is over: activate it on %%(keeper)s, in View/Modify Partitions."
)
NOWHERE_THERE = gettext_lazy(
    "%(partition)s runs nowhere: neither the hypervisor of %(source)s nor that of %(destination)s runs it or keeps "
    "its memory. An operator has to decide on %%(other)s: Recover, explained, there says how to start it from its "
    "disks."
)
NOWHERE_BEHIND = gettext_lazy(
    "%(partition)s runs nowhere: neither the hypervisor of %(source)s nor that of %(destination)s runs it or keeps "
    "its memory. Start it from its disks with the act below."
)
OPPOSITE = gettext_lazy(
    "Opposite decisions: both consoles have %(partition)s. %(source)s: %(on_source)s. %(destination)s: "
    "%(on_destination)s. Neither console settles this by itself. Look at both, decide which one is to keep it, then "
    "yield on the other one."
)
SETTLED_HERE = gettext_lazy(
    "This console has told %(other)s that it keeps %(partition)s and never yields any more: yield on %(other)s."
)
IMAGE_THERE = gettext_lazy(
    "%(partition)s cannot be left to %(other)s as it is: memory that is kept there may be older than the disks, or "
    "its hypervisor does not answer. Yield on %(other)s. Where both servers keep memory, switch one of them off; "
    "then restart from disk on the other."
)
MAY_BE_VOID = gettext_lazy(
    "Whether a later migration of %(partition)s, which the restored database does not know, has made this one void."
)
ONLY_THEIRS = gettext_lazy("What is open on the other console, and what is still reserved there.")
UNKNOWN_AT_SOURCE: dict[State, tuple[str | Promise, ...]] = {
    State.SURRENDERED: (
        gettext_lazy("Whether %(destination)s has accepted %(partition)s."),
        gettext_lazy("Whether %(partition)s runs there now, or ran there for a while."),
    ),
    State.IN_DOUBT: (
        gettext_lazy("How far the migration had come after the backup was taken."),
        gettext_lazy("Whether %(partition)s runs on %(destination)s now, or ran there for a while."),
    ),
    State.FORCED_BACK: (
        gettext_lazy("Whether %(destination)s still keeps a copy of the memory of %(partition)s."),
        gettext_lazy("Whether %(partition)s runs there as well, should the claim not have been true."),
    ),
    State.COMPLETING: (gettext_lazy("Whether %(partition)s has started on %(destination)s."),),
}
UNKNOWN_AT_DESTINATION: dict[State, tuple[str | Promise, ...]] = {
    State.PREPARED: (gettext_lazy("Whether %(source)s still sends."),),
    State.LOADED: (
        gettext_lazy("Whether %(source)s has given %(partition)s up."),
        gettext_lazy("Whether %(partition)s runs there now: then the memory here is older than its disks."),
    ),
    State.FORCED_RUN: (
        gettext_lazy("Whether %(source)s still keeps a copy of the memory of %(partition)s."),
        gettext_lazy("Whether %(partition)s runs there as well, should the claim not have been true."),
    ),
}

Words = tuple[str | Promise, str | Promise, str | Promise, tuple[str | Promise, ...]]  # title, does, loses, claims
OFF = gettext_lazy(
    "The server %(other)s is switched off. I have looked at it, or somebody who stands beside it has told me. "
    "(That only its console does not answer is not enough: the hypervisor outlives it.)"
)
RESTART_HERE = gettext_lazy("Restart %(partition)s from disk on %(here)s")
MEMORY_LOST = gettext_lazy("Lost: everything that was in memory and not on the disks, as after a power failure.")
ACTS: dict[Act, Words] = {
    Act.YIELD: (
        gettext_lazy("Yield: end %(partition)s here and leave it to %(other)s"),
        gettext_lazy(
            "%(here)s ends what runs of %(partition)s here, gives its LUNs over and removes it here. What runs on "
            "%(other)s goes on; what is off can be activated there once the migration has ended."
        ),
        gettext_lazy(
            "Lost: everything that is in memory here and not on the disks. Shut the operating system down first, "
            "where it runs here."
        ),
        (gettext_lazy("%(partition)s ends on %(here)s; the copy on %(other)s is the one that is kept."),),
    ),
    Act.DISCARD: (
        gettext_lazy("Discard the copy on %(here)s"),
        gettext_lazy("%(here)s declines %(partition)s for good and frees everything that is reserved for it."),
        gettext_lazy(
            "May be lost: the memory of %(partition)s, where %(other)s has lost its own. It then starts from its "
            "disks, as after a power failure."
        ),
        (gettext_lazy("The memory of %(partition)s that is on %(here)s may be thrown away."),),
    ),
    Act.GIVE_UP: (
        gettext_lazy("Give %(partition)s up to %(other)s"),
        gettext_lazy(
            "%(here)s throws the suspended memory away, never runs %(partition)s again in this migration, and keeps "
            "its definition until %(other)s has answered."
        ),
        gettext_lazy(
            "May be lost: the memory of %(partition)s, where %(other)s has none; and the partition itself until "
            "%(other)s is back."
        ),
        (gettext_lazy("The memory of %(partition)s that is on %(here)s may be thrown away."),),
    ),
    Act.RESTART: (
        RESTART_HERE,
        gettext_lazy(
            "Memory that may be kept here is thrown away, and %(partition)s starts on %(here)s from its disks. The "
            "order ends when this server restarts."
        ),
        MEMORY_LOST,
        (OFF,),
    ),
    Act.RUN_IMAGE: (
        gettext_lazy("Run the memory image on %(here)s"),
        gettext_lazy(
            "%(partition)s goes on from the moment of its suspension. The order ends when this server restarts."
        ),
        gettext_lazy(
            "Lost, if the second claim is not true: the file systems. Memory that is older than the disks destroys "
            "them. In doubt restart from disk."
        ),
        (
            OFF,
            gettext_lazy(
                "The copy of %(partition)s on %(other)s has not run since the suspension. A source lets its copy run "
                "on when a transfer breaks off, and a destination runs what it has accepted, so this needs a proof: "
                "a log, or the owner's word."
            ),
        ),
    ),
    Act.CLOSE: (
        gettext_lazy("Close the migration without %(other)s"),
        gettext_lazy(
            "The migration ends here, and %(partition)s is an ordinary partition of %(here)s: it can be shut down, "
            "changed and migrated again. Should %(other)s come back all the same, it hears that it is over, and the "
            "LUNs keep it from starting %(partition)s."
        ),
        gettext_lazy(
            "Nothing is lost here. What is reserved on %(other)s stays reserved there until its console runs again."
        ),
        (
            gettext_lazy(
                "The server %(other)s is switched off and not expected back. I have looked at it, or somebody who "
                "stands beside it has told me."
            ),
        ),
    ),
    Act.RESTART_RESTORED: (
        RESTART_HERE,
        gettext_lazy(
            "Memory that may be kept here is thrown away, and %(partition)s starts on %(here)s from its disks. "
            "%(other)s then removes what it still has of it. The order ends when this server restarts."
        ),
        MEMORY_LOST,
        (
            gettext_lazy(
                "%(partition)s may have run on %(here)s after the backup was taken: memory that either server keeps "
                "no longer counts."
            ),
        ),
    ),
}
