"""Traces as sentences, so that a person can follow them and read what breaks in the end."""

from collections.abc import Iterator

from tests.explorer.model import Label
from tests.explorer.search import Broken
from tests.explorer.world import ACTIVE, DEAD, HELD, LOADED, NONE, PARKED, RUN, World

FACTS = {
    ACTIVE: "runs, sends its state",
    RUN: "runs",
    HELD: "suspended",
    PARKED: "suspended, all is sent",
    DEAD: "is down",
    NONE: "no such partition",
    LOADED: "holds the whole image",
}
COMMANDS = {
    "cancel": "cancels the stream",
    "resume": "resumes the partition",
    "quit": "discards what its hypervisor holds of the partition",
    "offer word": "offers the LUN to the destination",
    "reclaim word": "takes its offer of the LUN back",
    "take word": "takes the LUN that was offered",
    "return word": "offers the LUN back to the source",
    "release": "gives its reservations back",
    "drop": "drops the image and keeps the definition",
    "define": "gives its hypervisor the definition",
    "start": "starts the partition from the disk",
    "suspend": "suspends the partition for its last pages",
    "makes the shell wait": "lets its hypervisor wait for the stream",
}


def told(broken: Broken) -> Iterator[str]:
    """The trace, a line a step, each with what is true after it where that has changed."""
    before = broken.start
    yield f"     {present(before)}"
    for number, (label, world) in enumerate(broken.trace, 1):
        if number == len(broken.trace) - broken.recovering + 1:
            yield "     Faults end, both machines are on, and both sides recover:"
        yield f"{number:>3}. {sentence(label)}"
        if present(world) != present(before):
            yield f"     {present(world)}"
        before = world
    if broken.recovering == 0 and not before.broken:
        yield "     Faults end, and recovery has nothing to do."
    yield f"  ** {broken.invariant}."


def present(world: World) -> str:
    lun = f"; LUN: {world.word}" if world.word else ""
    number = f"migration {world.number}: " if world.number > 1 else ""
    return (
        f"[{number}source: {world.s_state or 'no record'}, {fact(world.s_fact, is_on=world.s_on)}; "
        f"destination: {world.d_state or 'no record'}, {fact(world.d_fact, is_on=world.d_on)}{lun}]"
    )


def fact(value: str, *, is_on: bool) -> str:
    return FACTS.get(value, value) if is_on else "machine off"


def sentence(label: Label) -> str:
    kind, *rest = label
    for side in ("source", "destination"):
        if kind == f"{side} records":
            return f"The {side} {and_then(rest[1:])}records *{rest[0]}*."
        if kind == f"{side} commands":
            return f"The {side} {' and '.join(map(command, rest))}."
        if kind == f"{side} freezes before it records":
            return f"A worker of the {side} {and_then(rest[1:])}decides to record *{rest[0]}*, and freezes."
        if kind == f"{side} freezes before it commands":
            return f"A worker of the {side} {and_then(rest[1:])}decides to act, and freezes: it {command(rest[0])}."
        if kind == f"{side} thaws and records":
            return f"The frozen worker of the {side} comes back and tries to record *{rest[0]}*."
        if kind == f"{side} thaws and commands":
            return f"The frozen worker of the {side} comes back: it {command(rest[0])}."
    if kind == "destination commands for the migration before":
        return f"The destination {' and '.join(map(command, rest))}: cleaning up after the migration before."
    return OTHERS[kind].format(*(word or "nothing of it" for word in rest))


def command(name: str) -> str:
    return COMMANDS[name]


def and_then(names: list[str]) -> str:
    return "".join(f"{command(name)} and " for name in names)


OTHERS = {
    "prepare arrives": "*prepare* arrives: the destination reserves everything and records *prepared*.",
    "destination makes the shell wait": "The destination lets its hypervisor wait for the stream.",
    "destination freezes before it makes the shell wait": (
        "A worker of the destination is about to let its hypervisor wait for the stream, and freezes."
    ),
    "destination thaws and makes the shell wait": (
        "The frozen worker of the destination comes back and lets the hypervisor wait for a stream."
    ),
    "destination defines": "The destination gives its hypervisor the definition.",
    "the stream begins": "The stream begins: pages go over while the partition runs.",
    "source suspends": "The source suspends the partition for its last pages.",
    "source freezes before it suspends": "The source's mover is about to suspend the partition, and freezes.",
    "source thaws and suspends": "The source's frozen mover comes back and suspends the partition.",
    "the whole state has arrived": "The whole state has arrived: the destination's hypervisor holds it, paused.",
    "source's hypervisor completes": "The source's hypervisor hears so and completes.",
    "source's hypervisor completes without an acknowledgement": (
        "The source's hypervisor has sent everything and completes; nothing has come back."
    ),
    "the destination cannot load it": "The destination's hypervisor cannot load what it got, and ends.",
    "the stream breaks": "The stream breaks.",
    "source's hypervisor dies": "At the source the hypervisor dies, or the partition is shut down.",
    "destination's hypervisor dies": "At the destination the hypervisor dies, or the partition is shut down.",
    "Stop is pressed": "Stop is pressed, and the answer is that the partition stays.",
    "source records the destination's new incarnation": (
        "The source hears that the destination's database was restored, and records its new incarnation."
    ),
    "destination leaves a tombstone for": (
        "The destination has never seen the id, hears *{0}* of the source, and records *declined*."
    ),
    "the partition is activated at the source": "Somebody activates the partition at the source.",
    "the partition is activated at the destination": "Somebody activates the partition at the destination.",
    "Migrate is pressed again": "Migrate is pressed again: the next migration begins, in the same direction.",
    "Migrate is pressed at the other side": (
        "Migrate is pressed where the partition is now: it goes back, and the sides change their roles."
    ),
    "the source's machine is switched off": "The source's machine is switched off.",
    "the source's machine is switched on": "The source's machine is switched on again.",
    "the destination's machine is switched off": "The destination's machine is switched off.",
    "the destination's machine is switched on": "The destination's machine is switched on again.",
    "the operator orders at the source": "An operator orders at the source: {0}.",
    "the operator orders at the destination": "An operator orders at the destination: {0}.",
    "source restored": "The source's database is restored from a backup that says *{0}*.",
    "destination restored": "The destination's database is restored from a backup that says *{0}*.",
    "source hears of a migration that it has lost": (
        "The source asks the destination, which has a record of the migration, and makes one anew."
    ),
    "destination hears of a migration that it has lost": (
        "The destination asks the source, which has a record of the migration, and makes one anew."
    ),
    "source tells before it records": "The source tells *{0}* before it has recorded it.",
    "destination tells before it records": "The destination tells *{0}* before it has recorded it.",
    "destination answers and leaves nothing": "The destination answers *declined* to an id that it has never seen.",
    "an Activate that was decided before": "An Activate was decided before Migrate was pressed; it is still to come.",
    "source loses power and its last commit": "The source loses power, and its last commit with it: *{0}*.",
    "destination loses power and its last commit": "The destination loses power, and its last commit with it: *{0}*.",
    "operators order on both sides": "Operators order on both sides at once: {0}.",
    "it never ends": "Recovery goes round and round.",
}
