"""Guards that are left out one at a time: the search finds what each prevents, or the second one that covers it.

Guards of step() are left out by a function in front of it; guards of the database, of the hypervisor and of the
consoles by name, in model.py and world.py.
"""

from collections.abc import Callable, Container
from dataclasses import dataclass, field, replace

from migration.states import (
    LET_GO,
    TAKEN_OVER,
    Act,
    Answer,
    Effect,
    Fact,
    Record,
    Role,
    Seen,
    State,
    Step,
    Word,
    do,
    partner_state,
    step,
    write,
)
from tests.explorer.world import Bounds

Says = Container[State | None]
ANYTHING: Says = frozenset({None, *State})
SILENCE: Says = frozenset({None})
Instead = Callable[[Record, Seen], Step | None]  # None: as step() says
ONE = Bounds(luns=False)
WITH_LUNS = Bounds()
TWO = Bounds(luns=False, migrations=2, downs=0)
INACTIVE = Bounds(luns=False, inactive=True)
FORCED = Bounds(luns=False, downs=1, switches=1, forces="true")
FORCED_TWICE = Bounds(luns=False, downs=0, switches=2, forces="true")
UNTRUE = Bounds(downs=1, forces="untrue")
RESTORED_SOURCE = Bounds(luns=False, restores="source")
RESTORED_DESTINATION = Bounds(luns=False, restores="destination")
RESTORED_BOTH_INACTIVE = Bounds(luns=False, inactive=True, restores="both", stale=False)
RESTORED_AND_FORCED = Bounds(luns=False, downs=0, restores="destination", forces="true")
RESTORED_FORCED_AND_DEAD = Bounds(downs=1, restores="destination", forces="true", stale=False)
RESTORED_TWO = Bounds(inactive=True, migrations=2, downs=1, restores="both", stale=False)


@dataclass(frozen=True)
class Mutation:
    """A guard that is left out, where its absence is looked for, and what covers it where nothing is found."""

    guard: str
    bounds: Bounds = ONE
    instead: Instead | None = None
    without: frozenset[str] = field(default_factory=frozenset)
    looks_for: str = ""  # the invariant whose end is looked for; any one without
    covered_by: str = ""  # another mutation: left out together with this one, something breaks

    def decide(self, record: Record, seen: Seen) -> Step:
        return (self.instead and self.instead(record, seen)) or step(record, seen)


def together(one: Mutation, other: Mutation) -> Mutation:
    def instead(record: Record, seen: Seen) -> Step | None:
        for mutation in (one, other):
            if mutation.instead and (answer := mutation.instead(record, seen)):
                return answer
        return None

    return Mutation(f"{one.guard}, and {other.guard}", one.bounds, instead, one.without | other.without)


def when(
    state: State, answer: Step, *, facts: set[Fact] | None = None, says: Says = ANYTHING, **flags: object
) -> Instead:
    """`answer` in that state, whatever step() says; `says`: what the partner may say."""

    def instead(record: Record, seen: Seen) -> Step | None:
        if record.state is not state or (facts is not None and seen.fact not in facts):
            return None
        if says is not ANYTHING and partner_state(seen) not in says:
            return None
        if any(getattr(seen, name, getattr(record, name, None)) != value for name, value in flags.items()):
            return None
        return answer

    return instead


def surrenders_before_its_own_end(record: Record, seen: Seen) -> Step | None:
    ready = seen.partner == Answer(State.LOADED, Fact.LOADED)
    surrenders = record.state is State.TRANSFERRING and ready and not record.stop and not record.restored
    return write(State.SURRENDERED) if surrenders else None


def rolls_back_unrecorded(record: Record, seen: Seen) -> Step | None:
    if record.state is not State.TRANSFERRING or seen.working or record.restored:
        return None
    if step(record, seen).state is not State.ABORTING:
        return None
    if seen.fact is Fact.PARKED:
        return do(Effect.RESUME)
    return do(Effect.CANCEL) if seen.fact in {Fact.ACTIVE, Fact.HELD} else None


def accepts_dead(record: Record, seen: Seen) -> Step | None:
    told = partner_state(seen) in LET_GO and not record.restored
    return write(State.ACCEPTED) if record.state is State.LOADED and told else None


def resumes_before_it_records(record: Record, seen: Seen) -> Step | None:
    if record.state is not State.LOADED or record.restored or partner_state(seen) not in LET_GO:
        return None
    if seen.fact is Fact.LOADED:
        return do(Effect.RESUME)
    return write(State.ACCEPTED) if seen.fact is Fact.RUN else None


def closes_without_the_last_command(record: Record, seen: Seen) -> Step | None:
    normal = step(record, seen)
    last = do(Effect.RECLAIM_WORD, then=State.CLOSED_KEPT)
    return write(State.CLOSED_KEPT) if normal == last else None


def releases_without_the_last_command(record: Record, seen: Seen) -> Step | None:
    last = do(Effect.QUIT, Effect.RELEASE)
    return do(Effect.RELEASE) if step(record, seen) == last else None


def surrenders_anew(record: Record, seen: Seen) -> Step | None:
    if record.role is Role.SOURCE and record.restored and seen.fact in {Fact.PARKED, Fact.DEAD}:
        return write(State.SURRENDERED)
    return None


def goes_on_as_recorded(role: Role) -> Instead:
    def instead(record: Record, seen: Seen) -> Step | None:
        if record.role is not role or not record.restored:
            return None
        return step(Record(**{**vars(record), "restored": False}), seen)

    return instead


def removes_at_the_surrender(record: Record, seen: Seen) -> Step | None:
    if record.state is State.SURRENDERED and seen.partner is None:
        return write(State.COMPLETING)
    if record.state is State.COMPLETING and seen.fact is Fact.NONE and seen.partner is None:
        return write(State.CLOSED_MOVED)
    return None


def accepts_unoffered(record: Record, seen: Seen) -> Step | None:
    told = partner_state(seen) in LET_GO and seen.fact is Fact.LOADED
    return write(State.ACCEPTED) if record.state is State.LOADED and told else None


def without(*names: str) -> frozenset[str]:
    return frozenset(names)


MUTATIONS = {
    "own-completed": Mutation(
        "the source surrenders only once its own hypervisor has completed", instead=surrenders_before_its_own_end
    ),
    "loaded-first": Mutation(
        "the source waits for *loaded* before it surrenders",
        instead=when(State.TRANSFERRING, write(State.SURRENDERED), facts={Fact.PARKED}, stop=False, restored=False),
    ),
    "surrender-told-late": Mutation(
        "the surrender is recorded before it is told", without=without("surrendered is recorded first")
    ),
    "no-way-back": Mutation(
        "a source that has surrendered does not roll back when the link is lost",
        instead=when(State.SURRENDERED, write(State.ABORTING), says=SILENCE),
    ),
    "no-time-out": Mutation(
        "the source takes back on *declined* only, never on silence",
        instead=when(State.SURRENDERED, write(State.TAKEN_BACK), says=SILENCE),
    ),
    "abort-recorded": Mutation(
        "*aborting* is recorded before the partition is resumed", instead=rolls_back_unrecorded
    ),
    "surrender-compared": Mutation(
        "the surrender is a compare-and-set", without=without("compare-and-set: surrendered")
    ),
    "stop-compared": Mutation("Stop is part of that compare-and-set", without=without("stop in the compare-and-set")),
    "source-fence": Mutation(
        "commands to the source's hypervisor carry epoch and migration id",
        TWO,
        without=without("fence of the source", "id in the commands of the source"),
    ),
    "source-epoch": Mutation(
        "commands to the source's hypervisor carry an epoch",
        TWO,
        without=without("fence of the source"),
        covered_by="source-id",
    ),
    "source-id": Mutation(
        "commands to the source's hypervisor carry the migration's id",
        TWO,
        without=without("id in the commands of the source"),
        covered_by="source-epoch",
    ),
    "quit-late": Mutation(
        "the source discards its image once the destination has accepted, not at the surrender",
        instead=when(State.SURRENDERED, do(Effect.QUIT), facts={Fact.PARKED}),
    ),
    "quit-before-close": Mutation(
        "the source closes only when its hypervisor has nothing left",
        instead=when(State.COMPLETING, write(State.CLOSED_MOVED), says=TAKEN_OVER),
    ),
    "close-on-started": Mutation(
        "the source keeps the configuration until the destination says *started*",
        instead=when(State.COMPLETING, write(State.CLOSED_MOVED), facts={Fact.NONE}, says=TAKEN_OVER),
        covered_by="accepted-final",
    ),
    "abort-answered": Mutation(
        "an abort is closed on *declined* only, never on silence",
        FORCED,
        instead=when(State.ABORTING, write(State.CLOSED_KEPT), facts={Fact.RUN, Fact.DEAD}, says=SILENCE),
        looks_for="I1",
    ),
    "own-loaded": Mutation("the destination accepts only an image that it holds now", instead=accepts_dead),
    "loaded-fact": Mutation(
        "*loaded* is recorded only on the hypervisor's word",
        instead=when(State.PREPARED, write(State.LOADED), facts={Fact.INCOMING}, says=SILENCE, restored=False),
        covered_by="own-loaded",
    ),
    "accept-recorded": Mutation(
        "*accepted* is recorded before the partition is resumed", instead=resumes_before_it_records
    ),
    "commit-needed": Mutation(
        "the destination accepts only after the source's surrender",
        instead=when(State.LOADED, write(State.ACCEPTED), facts={Fact.LOADED}, restored=False),
    ),
    "messages-id": Mutation(
        "every message names its migration", TWO, without=without("id in the messages"), looks_for="I1"
    ),
    "accepted-final": Mutation(
        "*accepted* never turns back",
        instead=when(State.ACCEPTED, write(State.DECLINED), facts={Fact.LOADED}, says=SILENCE),
    ),
    "decline-told-late": Mutation(
        "*declined* is recorded before it is told", without=without("declined is recorded first")
    ),
    "accept-told-late": Mutation(
        "*accepted* is recorded before it is told", without=without("accepted is recorded first")
    ),
    "decline-compared": Mutation("the decline is a compare-and-set", without=without("compare-and-set: declined")),
    "accept-compared": Mutation("the accept is a compare-and-set", without=without("compare-and-set: accepted")),
    "take-back-compared": Mutation(
        "taking back is a compare-and-set",
        without=without("compare-and-set: taken back"),
        covered_by="decline-compared",
    ),
    "destination-fence": Mutation(
        "commands to the destination's hypervisor carry epoch and migration id",
        TWO,
        without=without("fence of the destination", "id in the commands of the destination"),
    ),
    "loaded-held": Mutation(
        "no timer discards a loaded image",
        instead=when(State.LOADED, write(State.DECLINED), expired=True, restored=False),
    ),
    "tombstone": Mutation("an abort of an unknown id leaves a record", without=without("tombstone")),
    "quit-before-release": Mutation(
        "reservations are given back only once the hypervisor has nothing left",
        instead=when(State.DECLINED, do(Effect.RELEASE), released=False),
    ),
    "offer-refused": Mutation(
        "a source that has taken back closes with a last command", WITH_LUNS, closes_without_the_last_command
    ),
    "shell-refused": Mutation(
        "a destination that has declined releases with a last command", instead=releases_without_the_last_command
    ),
    "luns-offered": Mutation(
        "the destination accepts only LUNs that are offered", WITH_LUNS, instead=accepts_unoffered
    ),
    "offer-after-surrender": Mutation(
        "LUNs are offered only after the surrender",
        WITH_LUNS,
        instead=when(
            State.TRANSFERRING,
            do(Effect.OFFER_WORD),
            facts={Fact.PARKED},
            words=frozenset({Word.MINE}),
            restored=False,
        ),
    ),
    "reclaim-first": Mutation(
        "the source takes its offer of the LUNs back before it resumes",
        WITH_LUNS,
        instead=when(State.TAKEN_BACK, do(Effect.RESUME), facts={Fact.PARKED}),
    ),
    "take-first": Mutation(
        "the destination takes the LUNs before it resumes",
        WITH_LUNS,
        instead=when(State.ACCEPTED, do(Effect.RESUME), facts={Fact.LOADED}),
    ),
    "inactive-no-time-out": Mutation(
        "inactive: the source takes back on *declined* only",
        INACTIVE,
        instead=when(State.SURRENDERED, write(State.TAKEN_BACK), says=SILENCE),
        looks_for="I1",
    ),
    "inactive-remove-late": Mutation(
        "inactive: the source keeps the configuration until the destination has accepted",
        INACTIVE,
        instead=removes_at_the_surrender,
    ),
    "inactive-shell": Mutation(
        "inactive: a shell can't be activated", INACTIVE, without=without("shells are not activated"), looks_for="I1"
    ),
    "inactive-hold": Mutation(
        "inactive: a partition that migrates can't be activated", INACTIVE, without=without("hold while transferring")
    ),
    "inactive-hold-surrendered": Mutation(
        "inactive: a partition that was given up can't be activated",
        INACTIVE,
        without=without("hold after the surrender"),
    ),
    "inactive-one-row": Mutation(
        "inactive: Activate is recorded where Migrate looks, not decided before and done later",
        INACTIVE,
        without=without("Activate and Migrate in one row"),
    ),
    "claim-true": Mutation(
        "an operator who restarts the partition here is right that the other machine is off",
        FORCED,
        without=without("the other machine is off"),
    ),
    "image-newest": Mutation(
        "a forced memory image is newer than any other run",
        FORCED,
        without=without("forced image is the newest"),
    ),
    "order-dies": Mutation(
        "an operator's order dies with the machine", FORCED_TWICE, without=without("orders die with the machine")
    ),
    "source-restarts-closed": Mutation(
        "a partition that is down is restarted at the source only once the migration is closed",
        FORCED,
        without=without("restart at the source when closed"),
    ),
    "destination-restarts-closed": Mutation(
        "a partition that is down is restarted at the destination only once the migration is closed",
        FORCED,
        without=without("restart at the destination when closed"),
    ),
    "forced-compared": Mutation(
        "what was decided before a forced act is void",
        FORCED_TWICE,
        without=without("epoch in the compare-and-set"),
    ),
    "yield-without-image": Mutation(
        "a destination yields only to a source without an image",
        UNTRUE,
        instead=lambda record, seen: (
            do(Effect.RETURN_WORD, then=State.YIELDED)
            if record.state is State.STARTED
            and partner_state(seen) is State.FORCED_BACK
            and seen.fact is Fact.DEAD
            and not record.forced
            else None
        ),
    ),
    "yield-asked": Mutation(
        "a side yields only what the partner has just said that it has",
        FORCED,
        without=without("yield asks the partner"),
    ),
    "yield-settled": Mutation(
        "where anybody was forced, the source closes once the destination can't yield any more",
        FORCED_TWICE,
        instead=when(State.COMPLETING, write(State.CLOSED_MOVED), facts={Fact.NONE}, says={State.STARTED}),
    ),
    "yield-ends-first": Mutation(
        "a source that yields ends its run before it offers the LUNs",
        UNTRUE,
        instead=when(State.COMPLETING, do(Effect.OFFER_WORD), facts={Fact.RUN}, words=frozenset({Word.MINE})),
    ),
    "yield-no-image": Mutation(
        "nothing is left to a side that has an image, which may be older than the disks",
        UNTRUE,
        without=without("yield to no image"),
    ),
    "close-luns": Mutation(
        "only a partition whose LUNs say this server is closed without the partner",
        FORCED_TWICE,
        instead=lambda record, seen: (
            do(Effect.RECLAIM_WORD, then=State.CLOSED_KEPT)
            if record.order is Act.CLOSE and record.role is Role.SOURCE
            else None
        ),
        without=without("close needs LUNs"),
    ),
    "restored-in-doubt": Mutation(
        "a source with a restored database asks before it resumes",
        RESTORED_SOURCE,
        instead=goes_on_as_recorded(Role.SOURCE),
    ),
    "restored-no-surrender": Mutation(
        "a source with a restored database does not surrender anew", RESTORED_SOURCE, surrenders_anew, looks_for="I1"
    ),
    "restored-holds": Mutation(
        "a destination with a restored database asks before it declines",
        RESTORED_DESTINATION,
        instead=goes_on_as_recorded(Role.DESTINATION),
    ),
    "restored-says": Mutation(
        "a source with a restored database does not tell of its surrender again before it has looked",
        RESTORED_BOTH_INACTIVE,
        without=without("surrenders again after a restore"),
    ),
    "restored-announced": Mutation(
        "a restored destination goes on only once what it had said before is void",
        RESTORED_AND_FORCED,
        instead=when(State.LOADED, write(State.LOADED), facts={Fact.LOADED}, says={State.SURRENDERED}, restored=True),
    ),
    "restored-offered": Mutation(
        "a restored destination accepts only LUNs that are offered",
        RESTORED_FORCED_AND_DEAD,
        instead=when(State.PREPARED, write(State.ACCEPTED), says={State.COMPLETING}, restored=True),
    ),
    "restored-restart-known": Mutation(
        "a restored destination is restarted beside a source that answers only once what it had said before is void",
        replace(RESTORED_FORCED_AND_DEAD, luns=False),
        without=without("restart waits until the source knows"),
    ),
    "restored-compared": Mutation(
        "what was decided on an answer that is void by now is void too",
        RESTORED_AND_FORCED,
        without=without("incarnation in the compare-and-set"),
    ),
    "restored-workers": Mutation(
        "workers end before a database is restored",
        RESTORED_SOURCE,
        without=without("workers end at a restore"),
    ),
    "restored-tombstone": Mutation(
        "a surrender of an unknown id leaves no tombstone",
        RESTORED_DESTINATION,
        without=without("no tombstone after a surrender"),
    ),
    "restored-lost": Mutation(
        "a lost migration gets its record again, so that the other side can close",
        RESTORED_SOURCE,
        without=without("lost records are made again"),
    ),
    "restored-leftover": Mutation(
        "not before the one before it is released at the same destination",
        RESTORED_TWO,
        without=without("a lost record waits for the one before"),
    ),
    "source-durable": Mutation(
        "a commit at the source survives a power loss", without=without("commits of the source survive")
    ),
    "destination-durable": Mutation(
        "a commit at the destination survives a power loss",
        without=without("commits of the destination survive"),
        looks_for="I1",
    ),
}
