"""Plays one move of a soak from where the partition is, on a lab that has seen all the moves before it."""

import time
from dataclasses import dataclass, field
from uuid import UUID

from ivmweb.hypervisor.base import RunState
from tests.e2e.world import CONSOLES, wait_for
from tests.matrix import judge
from tests.matrix.cells import BOTH, SOURCE, Cell
from tests.matrix.judge import Logs, Records, Watch
from tests.matrix.play import Result, conclude, disturb, settle, until_it_breaks
from tests.matrix.stage import HOME_S, NAME, Stage
from tests.soak import growth
from tests.soak.growth import Growth
from tests.soak.plan import Move

PATIENCE = 20  # so many moves later a digest or a suspension that is not known is not waited for any more
# The console erases keys and tokens ten minutes after the end, or later where the partner was silent.
SECRETS = "select id from migration_migration where secret != x'' or token != x''"
SECRETS_S = 900.0
LIVE_TOKENS = "select hash from migration_mobilitytoken where expires_at > datetime('now')"
MOST_TOKENS = 30  # each lives for 15 minutes at most, and the next sign-in ends the one before


@dataclass
class Owed:
    """A move whose digests or suspension the consoles have not collected yet."""

    number: int
    migration: UUID
    destination: str


@dataclass
class Played:
    result: Result
    ran_on: list[str]
    ended_on: str


@dataclass
class Player:
    """Remembers between moves what must go on without a gap."""

    stage: Stage
    owed: list[Owed] = field(default_factory=list)
    growth: Growth = field(default_factory=Growth)
    ended: dict[str, float] = field(default_factory=dict)  # migrations since whose end the clocks were right

    def __post_init__(self) -> None:
        self.rows_before = growth.rows(self.stage.world)
        self._inventory = growth.inventory(self.rows_before)
        self._last_record: int | None = None

    def play(self, move: Move) -> Played:
        stage, cell = self.stage, facing(self.stage, move.cell)
        phase, fault = (cell.phase.name, cell.fault.name) if cell else ("", "")
        result = Result(move.trouble, phase, fault)
        watch = Watch(stage)
        with until_it_breaks(stage, result):
            logs, records = Logs(stage), Records(stage, self._last_record)
            with watch:
                stage.bring_home()
                if move.inactive:
                    shut_down(stage)
                migration = disturb(stage, cell, watch, result) if cell else undisturbed(stage, watch, result)
                settle(stage, migration, result)
                result.found += self._judged(move, cell, migration)
                if cell:
                    result.found += judge.stop_faults(stage, migration, cell.fault, result.said)
            bugs = logs.bugs()
            found = watch.found | logs.refused_by_word() | records.faults()
            found |= judge.unexpected(bugs, cell.fault.may_log if cell else ())
            conclude(stage, migration, result, found, bugs)
            self._last_record = records.last
            self.growth.look(stage.lab)
            self._note_end(migration, cell)
            result.found += self.growth.faults() + self._too_much()
            if not move.inactive and stage.states(migration) in judge.MOVED:
                self.owed.append(Owed(move.number, migration, stage.destination))
        return Played(result, watch.ran_on, place_of(stage))

    def _judged(self, move: Move, cell: Cell | None, migration: UUID) -> list[str]:
        stage = self.stage
        off = set(BOTH) if move.inactive else cell.fault.may_be_off_on if cell else set()
        found = judge.verdict(stage, migration, may_be_off_on=off)
        if move.inactive and (runs := stage.world.running_on(NAME)):
            found.append(f"I2: it was off, and nobody has activated it; it runs on {', '.join(runs)}")
        if cell is None and stage.states(migration) not in judge.MOVED:
            found.append("I4: nothing was done to it, and it has not moved")
        return found

    def _note_end(self, migration: UUID, cell: Cell | None) -> None:
        """A clock that runs ahead has one side erase the keys early, of all before; the other one then keeps them."""
        if cell is not None and cell.fault.action == "set_clock":
            self.ended.clear()
        else:
            self.ended[migration.hex] = time.monotonic()

    def _too_much(self) -> list[str]:
        """Of what a migration must leave as it found it."""
        world = self.stage.world
        now = growth.inventory(growth.rows(world, growth.INVENTORY))
        was, now_s = self._inventory, time.monotonic()
        long_over = {migration for migration, at in self.ended.items() if now_s - at > SECRETS_S}
        found = [f"I5: {name} has {now[name]} rows, and had {was[name]}" for name in was if now[name] > was[name]]
        for console in CONSOLES:
            if overdue := {row["id"] for row in world.query(console, SECRETS)} & long_over:
                found.append(f"I5: {console} still has keys of {len(overdue)} migrations that are long over")
            if len(tokens := world.query(console, LIVE_TOKENS)) > MOST_TOKENS:
                found.append(f"I5: {len(tokens)} mobility tokens of {console} are alive")
        return found

    def collect(self, number: int) -> tuple[list[tuple[int, dict]], list[str]]:
        """What has become known of earlier moves, and which of their digests differ (I3)."""
        known, found, still = [], [], []
        for owed in self.owed:
            faults = judge.digest_faults(self.stage, owed.migration)
            found += [f"{fault} (of move {owed.number})" for fault in faults]
            row = self.stage.world.migration(owed.destination, owed.migration) or {}
            suspension_ms, compared = row.get("suspension_ms"), judge.digests_known(self.stage, owed.migration)
            late = number - owed.number >= PATIENCE
            if late or (compared and suspension_ms is not None):
                known.append((owed.number, {"suspension_ms": suspension_ms, "digests_compared": compared}))
            elif not faults:
                still.append(owed)
        self.owed = still
        return known, found


def facing(stage: Stage, cell: Cell | None) -> Cell | None:
    return cell.mirrored() if cell and stage.source != SOURCE else cell


def undisturbed(stage: Stage, watch: Watch, result: Result) -> UUID:
    lpar_id = stage.world.partition(stage.source, NAME)["lpar_id"]
    migration = stage.world.visitor(stage.source).migrate(lpar_id, stage.destination)
    watch.migration, result.migration = migration, str(migration)
    return migration


def shut_down(stage: Stage) -> None:
    world, here = stage.world, stage.source
    world.hypervisor(here).shut_down_from_inside(world.partition(here, NAME)["lpar_id"])
    wait_for("it to be off", lambda: stage.run_state(here) is RunState.NOT_ACTIVATED, HOME_S)
    wait_for("it to be said to be off", lambda: world.partition(here, NAME)["state"] == "Not Activated", HOME_S)


def place_of(stage: Stage) -> str:
    """Empty where it is not on just one system: then the move is broken."""
    where = [console for console in CONSOLES if stage.world.partition(console, NAME)]
    return where[0] if len(where) == 1 else ""
