"""Which move comes when: a function of the seed and the move's number only, so that each can be played again."""

import random
from dataclasses import dataclass

from tests.matrix.cells import PHASES, SIMULATED, Cell, Fault, faults_of

FAULT_EVERY = 4  # one move of so many has a fault
INACTIVE_SHARE = 0.1
# Where the partition is off there is no memory to send: these are the moments that such a move has, too.
INACTIVE_PHASES = ("begun", "preparing", "surrendering", "surrendered", "accepted", "completing")


@dataclass(frozen=True)
class Move:
    number: int  # from 1
    inactive: bool = False
    cell: Cell | None = None  # as of a move from uli13 to uli14; None: nothing is done to it

    @property
    def kind(self) -> str:
        return "inactive" if self.inactive else "active"

    @property
    def trouble(self) -> str:
        return self.cell.name if self.cell else "no fault"


def plan(seed: int, number: int) -> Move:
    """Each four moves have one with a fault; the faults are dealt from a pack, so that none is left out for long."""
    group, place = divmod(number - 1, FAULT_EVERY)
    inactive = dice(seed, "kind", number).random() < INACTIVE_SHARE
    if dice(seed, "place", group).randrange(FAULT_EVERY) != place:
        return Move(number, inactive)
    fault = dealt(seed, group)
    phase = dice(seed, "phase", number).choice([phase for phase in PHASES if fits(phase.name, fault, inactive)])
    return Move(number, inactive, Cell(phase, fault))


def dealt(seed: int, turn: int) -> Fault:
    pack, card = divmod(turn, len(PACK))
    return dice(seed, "pack", pack).sample(PACK, len(PACK))[card]


def fits(phase: str, fault: Fault, inactive: bool) -> bool:
    return (not fault.only or phase in fault.only) and (not inactive or phase in INACTIVE_PHASES)


def dice(seed: int, *words: str | int) -> random.Random:
    """For one decision: the same wherever the soak begins, in every process."""
    return random.Random(" ".join(map(str, (seed, *words))))


# Faults that end at once are in it three times: of those that last a while fewer can be played in the time.
PACK = [fault for fault in faults_of(SIMULATED) for _ in range(1 if fault.lasts_s or fault.way == "delay" else 3)]
