"""What a soak prints: a line a move, the trace of a broken one, and the whole at the end."""

from collections import Counter
from collections.abc import Iterable
from statistics import median
from typing import Any

from tests.matrix.cells import SIMULATED, faults_of

Moves = list[dict[str, Any]]


def line(move: dict[str, Any], total: int) -> str:
    ends = "BROKEN" if not move["ok"] else "moved" if moved(move) else "kept"
    late = f", safe {move['safe_after_s']:g} s after it" if move["fault"] and move["ok"] else ""
    pressed = ", Recover pressed" if move["recover"] else ""
    way = f"{move['began_on']} -> {other(move['began_on'])}"
    what = f"{move['cell']}: {ends}{late}{pressed}"
    return f"{move['number']:5}/{total} {way} {move['kind']:8} {what} ({move['took_s']:g} s)"


def moved(move: dict[str, Any]) -> bool:
    return (move["source"], move["destination"]) == ("closed, moved", "closed, moved")


def other(console: str) -> str:
    return {"uli13": "uli14", "uli14": "uli13"}[console]


def trace(move: dict[str, Any], seed: int, ran_on: Iterable[str], log_tails: Iterable[str], kept: str) -> list[str]:
    """For the person who looks for the reason."""
    return [
        "",
        f"Move {move['number']} of seed {seed} broke an invariant:",
        *(f"  {fault}" for fault in move["found"]),
        f"Migration {move['migration'] or '(none was begun)'}, {move['began_on']} -> {other(move['began_on'])}, "
        f"{move['kind']}; {move['cell']}.",
        f"The source records {move['source']}, the destination {move['destination']}.",
        f"Seen running on, in this order: {', '.join(ran_on) or 'nowhere'}.",
        f"Answered: {'; '.join(move['said']) or 'nothing'}.",
        f"Errors in the logs: {'; '.join(move['bugs']) or 'none'}.",
        "Both journals:",
        *(f"  {entry}" for entry in move["journal"]),
        *log_tails,
        f"Logs and databases are in {kept}.",
        "The same again, on a new lab:",
        f"  ./ivm soak --seed {seed} --from {move['number']} --at {move['began_on']} --migrations 1",
    ]


def summary(moves: Moves, seed: int, total: int) -> list[str]:
    if not moves:
        return [f"No move of seed {seed} was played."]
    broken = [move for move in moves if not move["ok"]]
    took_s = sum(move["took_s"] for move in moves)
    verdict = f"move {broken[0]['number']} broke an invariant" if broken else "every invariant held"
    each_s = took_s / len(moves)
    held = [move for move in moves if move["ok"]]
    with_fault = [move for move in held if move["fault"]]
    stayed = sum(not moved(move) for move in held)
    return [
        f"{len(moves)} of {total} moves of seed {seed} in {took_s:.0f} s, {each_s:.1f} s each: {verdict}.",
        f"  {len(held) - stayed} moved, {stayed} kept; {sum(move['kind'] == 'inactive' for move in moves)} inactive; "
        f"Recover pressed {sum(move['recover'] for move in moves)} times",
        *fault_lines(with_fault),
        suspension_line("without a fault", [move for move in moves if not move["fault"]]),
        suspension_line("with a fault", with_fault),
        digests_line(moves),
    ]


def fault_lines(moves: Moves) -> list[str]:
    by_kind = Counter(move["fault"] for move in moves)
    worst = max((move["safe_after_s"] for move in moves), default=0.0)
    stayed, kinds = sum(not moved(move) for move in moves), len(faults_of(SIMULATED))
    return [
        f"  {len(moves)} with a fault, {len(by_kind)} kinds of {kinds}: {len(moves) - stayed} moved, {stayed} "
        f"kept; at the latest safe {worst:g} s after the fault's end",
        *(f"    {number:3} x {kind}" for kind, number in sorted(by_kind.items())),
    ]


def suspension_line(which: str, moves: Moves) -> str:
    felt = [move["suspension_ms"] for move in moves if move.get("suspension_ms") is not None]
    figures = f"median {median(felt):.0f} ms, worst {max(felt):.0f} ms" if felt else "none measured"
    return f"  suspension in moves {which}: {figures}"


def digests_line(moves: Moves) -> str:
    asked = [move for move in moves if move["kind"] == "active" and moved(move)]
    compared = sum(bool(move.get("digests_compared")) for move in asked)
    return f"  memory digests of both sides compared and equal: {compared} of {len(asked)} active moves"
