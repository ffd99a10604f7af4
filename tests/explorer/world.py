"""What a world of the explorer is, and what commands do to its two hypervisors and to the LUN's owner word.

A world is everything that outlives a crash: both records, both hypervisors, the owner word, and every message that
was ever sent, since any of them may be heard late, again or never. Values are the plain strings of migration.states,
so that worlds hash fast. `s_` is the source's, `d_` the destination's.
"""

from dataclasses import dataclass
from typing import NamedTuple

from migration.states import TAKEN_OVER, Effect, Fact, State

ACTIVE, RUN, HELD, PARKED = Fact.ACTIVE.value, Fact.RUN.value, Fact.HELD.value, Fact.PARKED.value
DEAD, NONE, LOADED = Fact.DEAD.value, Fact.NONE.value, Fact.LOADED.value
WAITING, FEEDING = "waits for the stream", "gets the stream"  # both are the fact *incoming*
RUNNING = frozenset({ACTIVE, RUN})
SUSPENDED = frozenset({HELD, PARKED})
WHOLE = frozenset({LOADED, RUN})  # destination: holds everything
ARRIVING = frozenset({WAITING, FEEDING})
BELONGS_THERE = frozenset(state.value for state in TAKEN_OVER)
SURRENDERED_OR_LATER = frozenset({State.SURRENDERED.value, State.TAKEN_BACK.value})

NOTHING = 0  # no message


class Held(NamedTuple):
    """What a worker had decided when it froze; it comes later, or never."""

    number: int  # of the migration
    what: str  # "write", or the name of a command
    old: str = ""  # write: the compare ...
    new: str = ""  # ... and set
    beside: bool = False  # what else is compared: the partner's incarnation on record
    fenced: bool = False  # by a worker that had commanded before, so that the next command of another one voids it
    whole: bool = True  # accept: its own hypervisor held the whole image when this was decided

    @property
    def is_refused(self) -> bool:
        """Once somebody else has commanded the hypervisor under a newer epoch."""
        return self.what != "write" or self.fenced


class World(NamedTuple):
    number: int = 1  # of the migration, of those one after the other
    turned: bool = False  # the second one goes back: who was destination is source
    s_state: str = State.TRANSFERRING.value  # "": no row
    s_stop: bool = False
    s_fact: str = RUN
    s_stale: bool = False  # another copy has run since the image in this hypervisor was taken
    s_order: str = ""  # an operator's order, which dies with the machine
    s_forced: bool = False
    s_incarnation: int = 0  # how often the database was restored
    s_restored: bool = False  # the row is of an earlier incarnation of the database
    s_knows: bool = False  # has recorded the destination's new incarnation
    s_on: bool = True
    d_state: str = ""  # "": no row, prepare has not arrived
    d_released: bool = False
    d_forced: bool = False
    d_fact: str = NONE
    d_stale: bool = False
    d_order: str = ""
    d_restored: bool = False
    d_incarnation: int = 0
    d_on: bool = True
    word: str = ""  # source, offered, destination; "": a partition without LUNs
    s_said: int = NOTHING
    d_said: int = NOTHING
    s_held: Held | None = None
    d_held: Held | None = None
    leftover: bool = False  # the destination has not released the migration before this one
    s_downs: int = 0
    d_downs: int = 0
    s_starts: int = 0
    d_starts: int = 0
    switches: int = 0
    s_past: tuple[str, ...] = ()  # states that a backup may hold
    d_past: tuple[str, ...] = ()
    whole: bool = False  # the destination held everything when its accept was decided
    waived: bool = False  # an operator's act, or a restore, may have cost the last image
    broken: str = ""  # the invariant that the last step broke, in words


@dataclass(frozen=True)
class Bounds:
    """What may happen in one run, and how often."""

    qemu: bool = True  # resumes by itself whenever the stream breaks; else it may also stay suspended
    luns: bool = True
    acknowledged: bool = True  # the source's hypervisor completes only once the destination's holds everything
    inactive: bool = False
    migrations: int = 1
    downs: int = 2  # of each side's hypervisor
    starts: int = 1  # from the disk, on each side, once the migration is closed there
    stale: bool = True  # a worker on each side may freeze
    switches: int = 0  # how often machines are switched off or on
    forces: str = ""  # "true": the claims of operators are true; "untrue": they need not be
    restores: str = ""  # "source", "destination" or "both": whose database may be restored once


class Hypervisors:
    """What a command does. A guard of the hypervisor that is in `without` is missing."""

    def __init__(self, bounds: Bounds, without: frozenset[str] = frozenset()) -> None:
        self.bounds = bounds
        self.without = without

    def refused_by_word(self, world: World, side: str) -> World | None:
        """Of a resume or start: what comes of it where the LUN's owner word is not this side's."""
        if not self.bounds.luns or world.word == side:
            return None
        if self.bounds.forces == "untrue":
            return world
        return world._replace(broken=f"the LUN's owner word had to refuse a start on the {side}")

    def refuses(self, world: World, effect: str) -> bool:
        """An owner word is compared before it is set; what is set already is no fault."""
        if effect in {Effect.OFFER_WORD, Effect.RECLAIM_WORD}:
            return world.word == "destination"
        return effect in {Effect.TAKE_WORD, Effect.RETURN_WORD} and world.word == "source"

    def source(self, world: World, effect: str) -> World:
        if effect == Effect.CANCEL:
            return self.broken_stream(world) if world.s_fact in {ACTIVE, HELD} else world
        if effect == Effect.RESUME:
            return self.source_runs_on(world, "source") if world.s_fact == PARKED else world
        if effect == Effect.QUIT:
            return self.source_quits(world)
        if effect == Effect.DROP:
            return self.source_quits(world, left=DEAD)
        if effect == Effect.DEFINE:
            return world._replace(s_fact=DEAD) if world.s_fact == NONE else world
        if effect == Effect.START:
            return self.source_starts(world)
        if effect == Effect.OFFER_WORD:
            return world._replace(word="offered") if world.word == "source" else world
        assert effect == Effect.RECLAIM_WORD, effect
        return world._replace(word="source") if world.word == "offered" else world

    def destination(self, world: World, effect: str) -> World:
        if effect == Effect.RESUME:
            return self.destination_resumes(world)
        if effect == Effect.QUIT:
            return self.destination_quits(world, NONE)
        if effect == Effect.DROP:
            return self.destination_quits(world, DEAD)
        if effect == Effect.DEFINE:
            return world._replace(d_fact=DEAD) if world.d_fact == NONE else world
        if effect == Effect.START:
            return self.destination_starts(world)
        if effect == Effect.RELEASE:
            return world._replace(d_released=True)
        if effect == Effect.RETURN_WORD:
            return world._replace(word="offered") if world.word == "destination" else world
        assert effect == Effect.TAKE_WORD, effect
        return world._replace(word="destination") if world.word == "offered" else world

    # The source's

    def broken_stream(self, world: World) -> World:
        """Before *completed* the source runs on by itself; what had not arrived whole is useless."""
        fact = DEAD if world.d_fact == FEEDING else world.d_fact
        return self.source_runs_on(world._replace(d_fact=fact))

    def source_runs_on(self, world: World, asked_by: str = "") -> World:
        if asked_by and (refused := self.refused_by_word(world, asked_by)):
            return refused
        broken = (
            "I1b: the source runs an image on, and the partition has run elsewhere since" if world.s_stale else ""
        )
        stale = world.d_stale or (world.s_fact in SUSPENDED and world.d_fact in {FEEDING, LOADED})
        return world._replace(s_fact=RUN, d_stale=stale, broken=world.broken or broken)

    def source_starts(self, world: World) -> World:
        if world.s_fact != DEAD:
            return world
        if refused := self.refused_by_word(world, "source"):
            return refused
        return world._replace(s_fact=RUN, s_stale=False, d_stale=world.d_stale or world.d_fact in {FEEDING, LOADED})

    def source_quits(self, world: World, left: str = NONE) -> World:
        broken = ""
        holds = world.s_fact in RUNNING or (world.s_fact in SUSPENDED and not world.s_stale)
        if holds and not world.waived:
            elsewhere = world.d_fact in WHOLE and not world.d_stale
            if world.d_state not in BELONGS_THERE:
                broken = "I2: the source's copy is discarded, and the destination has not accepted it"
            elif not elsewhere and not world.whole:
                broken = "I2: the last copy is discarded: the destination had none when it accepted"
        fact = DEAD if world.d_fact == FEEDING else world.d_fact
        return world._replace(s_fact=left, s_stale=False, d_fact=fact, broken=world.broken or broken)

    # The destination's

    def destination_resumes(self, world: World) -> World:
        if world.d_fact != LOADED:
            return world
        if refused := self.refused_by_word(world, "destination"):
            return refused
        broken = "I1b: the destination runs an image, and the source has run since it was taken"
        return world._replace(
            d_fact=RUN,
            s_stale=world.s_stale or world.s_fact in SUSPENDED,
            broken=world.broken or (broken if world.d_stale else ""),
        )

    def destination_starts(self, world: World) -> World:
        if world.d_fact != DEAD:
            return world
        if refused := self.refused_by_word(world, "destination"):
            return refused
        return world._replace(d_fact=RUN, d_stale=False, s_stale=world.s_stale or world.s_fact in SUSPENDED)

    def destination_quits(self, world: World, left: str) -> World:
        broken = ""
        holds = world.d_fact in WHOLE and not world.d_stale
        if holds and not world.waived:
            if world.d_state in BELONGS_THERE:
                broken = "I2: the destination's copy is discarded, and the partition is the destination's"
            elif world.s_state in SURRENDERED_OR_LATER and world.s_fact not in {*RUNNING, *SUSPENDED}:
                broken = "I2: the last copy is discarded: the source had given it up and lost its own"
        return world._replace(d_fact=left, d_stale=False, broken=world.broken or broken)

    def breaks(self, world: World) -> list[World]:
        """The stream ends, in every way it may."""
        if world.s_fact not in {ACTIVE, HELD}:
            return []
        ends = [self.broken_stream(world)]
        if world.s_fact == HELD and not self.bounds.qemu:  # this one may stay suspended
            ends.append(world._replace(d_fact=DEAD if world.d_fact == FEEDING else world.d_fact))
        return ends

    def source_dies(self, world: World) -> World:
        fact = DEAD if world.d_fact == FEEDING else world.d_fact
        return world._replace(s_fact=DEAD, s_stale=False, d_fact=fact)

    def destination_dies(self, world: World) -> World:
        return world._replace(d_fact=DEAD, d_stale=False)
