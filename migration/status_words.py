"""The sentences of Migration Status, by state and role; presentation.py chooses among them and fills them."""

from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from migration.states import Role, State


class Tone(StrEnum):
    """How a situation is coloured; the words never depend on it."""

    BUSY = "busy"  # goes on by itself
    GOOD = "good"
    QUIET = "quiet"  # ended without a move, as asked
    ATTENTION = "attention"  # waits for something
    BAD = "bad"


@dataclass(frozen=True)
class ByRight:
    """What to do, for users who may press Stop and Recover, and for those who look on."""

    acting: str | Promise
    looking: str | Promise

    def words(self, *, may_act: bool) -> str:
        return str(self.acting if may_act else self.looking)


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
DOWN = gettext_lazy("%(partition)s went down on %(source)s, and the migration was rolled back")
STAYS_GIVEN_UP = gettext_lazy(
    "An operator gave %(partition)s up; %(destination)s had not taken it over, so it stays on %(source)s"
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
        "It will not finish as things are: Outlook says why, what becomes of it and what helps. Stop ends the "
        "migration, and %(partition)s stays on %(source)s."
    ),
    gettext_lazy(
        "It will not finish as things are: Outlook says why, what becomes of it and what helps. Users who may "
        "migrate partitions can stop it; %(partition)s then stays on %(source)s."
    ),
)
SEES_OUTLOOK: dict[State, str | Promise | ByRight] = {
    State.TRANSFERRING: SEE_OUTLOOK,
    State.PREPARED: gettext_lazy(
        "%(source)s says that it will not finish as things are: Outlook on its Status page says why, what becomes of "
        "it and what helps."
    ),
}
SOURCE_GOES_ON = gettext_lazy(
    "Nothing more happens here. %(source)s has yet to end its side, usually within half a minute: its Status page "
    "says where it stands, and whether there is something to mend before the next try."
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
OPPOSITE = gettext_lazy("Opposite decisions: both consoles have %(partition)s")
OPPOSITE_PLACES: dict[bool | None, str | Promise] = {
    True: gettext_lazy("Runs on %(here)s, as its hypervisor says. Recover, explained, asks both."),
    False: gettext_lazy("Does not run on %(here)s, as its hypervisor says. Recover, explained, asks both."),
    None: gettext_lazy("On one of the two servers: Recover, explained, asks both."),
}
BOTH_RUN_PLACE = gettext_lazy(
    "On both: the hypervisor of %(here)s runs it, and that of %(other)s as its console said last. Recover, "
    "explained, asks both."
)
OPPOSITE_ADVICE = ByRight(
    gettext_lazy(
        "It does not end by itself. Open Recover, explained: it says where %(partition)s runs, and on which console "
        "Yield ends this."
    ),
    gettext_lazy(
        "It does not end by itself. Recover, explained, says where %(partition)s runs, and on which console a user "
        "who may migrate partitions can end this by Yield."
    ),
)
IN_QUESTION = gettext_lazy("In question: the database of %(here)s was restored from a backup")
IN_QUESTION_ADVICE = gettext_lazy(
    "A later migration of %(partition)s, which the database does not know, may have made this one void, so nothing "
    "is done for it, and its figures are of the time of the backup. It goes on by itself once the other consoles "
    "were asked; Restored Database says which of them has not answered."
)
AN_OPERATOR_DECIDES = gettext_lazy("An operator has to decide what becomes of %(partition)s")
OPERATOR_PLACES: dict[bool | None, str | Promise] = {
    True: gettext_lazy("Runs on %(here)s, as its hypervisor says. Recover, explained, asks both servers."),
    False: gettext_lazy("Does not run on %(here)s, as its hypervisor says. Recover, explained, asks both servers."),
    None: gettext_lazy("Not known on this page: Recover, explained, asks both servers."),
}
OPERATOR_ADVICE = ByRight(
    gettext_lazy("It does not end by itself. Open Recover, explained, here: it says why, and which acts end this."),
    gettext_lazy(
        "It does not end by itself. Recover, explained, says why, and which acts of a user who may migrate "
        "partitions end this."
    ),
)
THERE_DECIDES = gettext_lazy("Waiting for an operator on %(other)s")
THERE_ADVICE = gettext_lazy(
    "It does not end by itself, and nothing can be done here. Open Recover, explained, for it on the console of "
    "%(other)s: it says why, and which acts end this."
)
GIVEN_UP = gettext_lazy("Given up by an operator's order: whether %(destination)s has %(partition)s is not known")
GIVEN_UP_PLACE = gettext_lazy("Not on %(source)s. Whether it is on %(destination)s, that console has to say.")
GIVEN_UP_ADVICE = gettext_lazy(
    "%(source)s asks %(destination)s again by itself. Bring that console back: where it has %(partition)s, the rest "
    "is removed here; where it declines, %(partition)s stays on %(source)s and can be activated there."
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
            "It goes on as soon as %(destination)s answers, usually within a second. If it stays like this, mend the "
            "network or start the console of %(destination)s; %(source)s asks again by itself."
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
        ByRight(
            gettext_lazy(
                "Leave the server of %(destination)s switched off until it is mended. Once its console runs again, "
                "it hears of this order, gives up its copy, and this ends. Should both have %(partition)s then, this "
                "page says so, and how to end it. If that server never comes back, Recover, explained, can close the "
                "migration without it."
            ),
            gettext_lazy(
                "The server of %(destination)s is to stay switched off until it is mended. Once its console runs "
                "again, it hears of this order, gives up its copy, and this ends. Should both have %(partition)s "
                "then, this page says so."
            ),
        ),
        Tone.BAD,
    ),
    (Role.DESTINATION, State.PREPARED): (
        None,
        ByRight(
            gettext_lazy("This goes on by itself. It can be stopped on the console of %(source)s."),
            gettext_lazy(
                "This goes on by itself. Users who may migrate partitions can stop it, on the console of %(source)s."
            ),
        ),
        Tone.BUSY,
    ),
    (Role.DESTINATION, State.LOADED): (
        gettext_lazy("Loaded: the whole memory is here, %(source)s decides"),
        gettext_lazy(
            "It goes on as soon as %(source)s answers, usually within a second. If it stays like this, mend the "
            "network or start the console of %(source)s. The memory stays reserved here until it answers."
        ),
        Tone.ATTENTION,
    ),
    (Role.DESTINATION, State.ACCEPTED): (
        gettext_lazy("Starting %(partition)s on %(destination)s"),
        ByRight(
            gettext_lazy(
                "%(partition)s belongs to %(destination)s from now on. If it stays like this, the hypervisor refuses "
                "to start it; this page says why. Recover tries again."
            ),
            gettext_lazy(
                "%(partition)s belongs to %(destination)s from now on. If it stays like this, the hypervisor refuses "
                "to start it; this page says why."
            ),
        ),
        Tone.BUSY,
    ),
    (Role.DESTINATION, State.STARTED): (
        gettext_lazy("Moved: %(partition)s is on %(destination)s, %(source)s has yet to clean up"),
        gettext_lazy("There is nothing to do; %(source)s is asked again by itself until it has ended its side."),
        Tone.BUSY,
    ),
    (Role.DESTINATION, State.FORCED_RUN): (
        gettext_lazy("Forced: an operator ordered %(partition)s to run on %(destination)s"),
        ByRight(
            gettext_lazy(
                "Leave the server of %(source)s switched off until it is mended. Once its console runs again, it "
                "hears of this order, lets go of its copy, and this ends. Should both have %(partition)s then, this "
                "page says so, and how to end it. If that server never comes back, Recover, explained, can close the "
                "migration without it."
            ),
            gettext_lazy(
                "The server of %(source)s is to stay switched off until it is mended. Once its console runs again, "
                "it hears of this order, lets go of its copy, and this ends. Should both have %(partition)s then, "
                "this page says so."
            ),
        ),
        Tone.BAD,
    ),
    (Role.DESTINATION, State.SETTLED): (
        gettext_lazy("Moved: %(partition)s is on %(destination)s, %(source)s has let go of it"),
        gettext_lazy("There is nothing to do; %(source)s is asked again by itself until it has ended its side."),
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
