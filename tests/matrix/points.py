"""Every fault point there is, read from the code itself: each call of `reached`, with what its words may be."""

import ast
import inspect
from collections.abc import Iterator
from itertools import product

from ivmweb.hypervisor.simulated.client import SimulatedHypervisor
from migration.states import DESTINATION_STATES, SOURCE_STATES, TRANSITIONS, Role, State
from tools.paths import ROOT

# Of these a migration has no use, or its operator does not name one.
OPERATORS_COMMANDS = {"activate", "shut_down", "set_workload"}
CLAIMANTS = ("control", "mover-out", "mover-in", "web", "schedule", "Recover")


def commands() -> list[str]:
    """What a migration tells a hypervisor to change: the calls of the driver that carry a fence."""
    calls = inspect.getmembers(SimulatedHypervisor, inspect.isfunction)
    with_fence = [name for name, call in calls if "fence" in inspect.signature(call).parameters]
    return sorted(set(with_fence) - OPERATORS_COMMANDS)


def writes() -> list[tuple[str, str, str]]:
    """By `advance`: every state that a transition leads to."""
    found = {(role, "write", to) for role, table in TRANSITIONS.items() for after in table.values() for to in after}
    return sorted(found)


def said() -> list[tuple[str, State]]:
    return [(role, state) for role, states in STATES.items() for state in sorted(states)]


STATES = {Role.SOURCE: SOURCE_STATES, Role.DESTINATION: DESTINATION_STATES}
OTHER = {Role.SOURCE: Role.DESTINATION, Role.DESTINATION: Role.SOURCE}
# What a call's words may be, where they are not all in the call.
FAMILIES = {
    "migration.role, 'write', 'record'": [(role, "write", "record") for role in Role],
    "migration.role, 'write', 'suspension turn'": [(role, "write", "suspension turn") for role in Role],
    "migration.role, 'write', to": writes(),
    "role, 'send', what": [(role, "send", state) for role, state in said()] + [(Role.SOURCE, "send", "prepare")],
    "migration.role, 'hear', body.state": [(OTHER[role], "hear", state) for role, state in said()],
    "'command', command": [("command", command) for command in commands()],
    "'claim', worker": [("claim", worker) for worker in CLAIMANTS],
}


def calls() -> Iterator[list[ast.expr]]:
    """The words of each call of `reached` in the product."""
    for package in ("ivmweb", "migration"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "reached":
                    yield node.args


def names_of(words: list[ast.expr]) -> list[str]:
    """KeyError where a call has words that are neither in it nor in FAMILIES."""
    if all(isinstance(word, ast.Constant) for word in words):
        return [" ".join(word.value for word in words)]
    last = words[-1]
    ends = [last.value] if isinstance(last, ast.Constant) and last.value in {"before", "after"} else []
    family = ", ".join(ast.unparse(word) for word in words[: len(words) - len(ends)])
    return [" ".join([*begin, *end]) for begin, end in product(FAMILIES[family], [ends])]


def all_points() -> list[str]:
    return sorted({name for words in calls() for name in names_of(words)})
