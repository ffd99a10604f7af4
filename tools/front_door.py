"""The commands of ./ivm, in the order in which they are printed."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from tools import checks, demo
from tools.paths import ToolError


@dataclass(frozen=True)
class Command:
    usage: str
    summary: str
    run: Callable[[list[str]], int]


COMMANDS = {
    "demo": Command("demo [--qemu] [--fast] [--detach]", "set up and start two consoles, uli13 and uli14", demo.demo),
    "stop": Command("stop", "stop a demo that was started elsewhere", demo.stop),
    "reset": Command("reset", "stop the demo and return it to its first state", demo.reset),
    "manage": Command("manage CONSOLE COMMAND ...", "run a manage.py command of uli13 or uli14", demo.manage),
    "test": Command(
        "test [--with-extras] [--postgres] [pytest arguments] | --matrix [--qemu] [--sample N] [--seed S]",
        "set up and run all tests, or the fault matrix",
        checks.test,
    ),
    "verify": Command("verify FILE", "prove a hand-over by the record that both consoles signed", checks.verify),
    "bench": Command("bench [NAME ...] [--json]", "measure speed and memory", checks.bench),
    "explore": Command(
        "explore [NAME ...] [--short] [--mutations]",
        "search the hand-over for a fault that breaks it",
        checks.explore,
    ),
    "soak": Command(
        "soak [--migrations N] [--seed S]",
        "move a partition to and fro for hours, with faults",
        checks.soak,
    ),
    "lint": Command("lint", "check style, types, templates and lock files", checks.lint),
    "lock": Command("lock [--upgrade]", "make requirements/*.lock again from the .in files", checks.lock),
}


def usage() -> str:
    width = max(len(command.usage) for command in COMMANDS.values())
    lines = [f"  ./ivm {command.usage:<{width}}  {command.summary}" for command in COMMANDS.values()]
    return "\n".join(["ivmweb: the console of one virtualization server, and a lab of two.", "", *lines])


def main(args: list[str]) -> int:
    if not args or args[0] in {"help", "-h", "--help"}:
        print(usage())
        return 0
    command = COMMANDS.get(args[0])
    if command is None:
        print(f"ivm: there is no command {args[0]!r}.\n\n{usage()}", file=sys.stderr)
        return 2
    try:
        return command.run(args[1:])
    except ToolError as exc:
        print(f"ivm: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
