"""Parts of docs/ that are made from the code, so that they can't tell another story: `manage.py docs`.

A document is written by hand but for the parts between two marks, `<!-- made: NAME -->` and `<!-- end: NAME -->`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import ivmweb.api.messages
import ivmweb.cli.messages
import ivmweb.hypervisor.messages
import ivmweb.pages.messages
import ivmweb.system.libvirt.messages
import ivmweb.system.messages  # noqa: F401
import migration.messages
import migration.mover.messages  # noqa: F401
from ivmweb.cli.command import Command, Family
from ivmweb.cli.commands import ALL as COMMANDS
from ivmweb.cli.help import usage
from ivmweb.common.errors import Message, catalogue
from ivmweb.lab.scenarios import BY_HAND, SCENARIOS
from ivmweb.system.rights import IN_WORDS, Right
from ivmweb.system.words import in_english
from migration.validation import DESTINATION_CHECKS, SOURCE_CHECKS
from migration.validation.found import Check

# First number of each range of messages (common/errors.py), and what it is about. IBM's own numbers are below.
RANGES = {
    0: "IBM's codes",
    9000: "Pages and users",
    9050: "Managed system, partitions, storage, networks",
    9100: "Validation",
    9200: "Migration",
    9285: "Managed system, partitions, storage (more)",
    9290: "Migration (more)",
    9300: "Other consoles and trust",
    9400: "Hypervisor",
    9450: "Mover",
    9500: "API",
    9550: "Command line",
    9615: "Managed system, partitions, storage (more)",
    9630: "Command line (more)",
    9633: "Managed system, partitions, storage (more)",
    9634: "Command line (more)",
    9647: "Managed system, partitions, storage (more)",
    9670: "Command line (more)",
    9683: "Managed system, partitions, storage (more)",
    9720: "Hypervisor (more)",
    9760: "Migration (more)",
    9780: "Managed system, partitions, storage (more)",
}
KINDS = {"E": "error", "W": "warning", "I": "information"}


@dataclass(frozen=True)
class Part:
    document: str  # file in docs/
    name: str
    text: Callable[[], str]


def checks_text() -> str:
    """One table a side, in the order in which a report has them before it is sorted."""
    return "\n\n".join(
        f"### Made by the {side}\n\n" + table(HEAD, [check_row(check) for check in checks])
        for side, checks in (("source", SOURCE_CHECKS), ("destination", DESTINATION_CHECKS))
    )


HEAD = ("claim", "for", "messages", "to see it fail", "name")


def check_row(check: Check[Any]) -> tuple[str, ...]:
    kinds = "active" if check.active_only else "both"
    codes = ", ".join(f"{number_of(catalogue()[key])}{marker(catalogue()[key])}" for key in check.says)
    return check.title, kinds, codes, how_to_see(check.name), f"`{check.name}`"


def how_to_see(check_name: str) -> str:
    made = [f"`{name}` ({made.where})" for name, made in SCENARIOS.items() if check_name in made.shows]
    return ", ".join(made) or BY_HAND[check_name]


def marker(message: Message) -> str:
    return " (warning)" if kind_of(message) == "W" else ""


def messages_text() -> str:
    """By range, each in the order of its numbers."""
    sections = []
    for start, end in pairwise([*RANGES, 100_000]):
        rows = [
            (message.code, KINDS[kind_of(message)], message.text, f"`{key}`")
            for key, message in sorted(catalogue().items(), key=lambda item: number_of(item[1]))
            if start <= number_of(message) < end
        ]
        if rows:
            sections.append(f"## {RANGES[start]}\n\n" + table(("code", "kind", "text", "key"), rows))
    return "\n\n".join(sections)


def kind_of(message: Message) -> str:
    """E, W or I of `VIOSE01049000-9101`."""
    return message.code[4]


def number_of(message: Message) -> int:
    return int(message.code.rpartition("-")[2])


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


# A test knows that every other call stands beside a command.
WITHOUT_COMMAND = {
    "POST /api/v1/tokens": "a log-in over SSH takes its place",
    "DELETE /api/v1/tokens": "`exit`",
    "PATCH /api/v1/partitions/{lpar_id}/adapters": "`lshwres -r io` lists them; no command gives one to a partition",
    "GET /api/v1/tasks": "Monitor Tasks is a page of IVM; `lssvcevents` tells the audit trail instead",
    "GET /api/v1/tasks/{task_id}": "so are its lines",
    "GET /api/v1/reports/{report_id}": "`migrlpar` prints what a check found, and keeps no number of the report",
    "POST /api/v1/reports/{report_id}/check-again": "`migrlpar -o v` makes all checks again",
    "GET /api/v1/migrations/{migration_id}/both-sides": "`lslparmigr` on each console",
    "POST /api/v1/migrations/{migration_id}/force": "a person decides, on the page Recover",
    "GET /api/v1/remote-systems": "`mkauthkeys --ip NAME --test` tells whether one is known",
}


def commands_text() -> str:
    """By family: what each does, where the console's pages and the API do the same, and its syntax."""
    sections = []
    for family in Family:
        found = [command for command in COMMANDS if command.family is family]
        rows = [(f"`{one.name}`", one.summary, one.page or "-", code(one.api), right_of(one)) for one in found]
        sections.append(f"## {family.value}\n\n" + table(("command", "does", "page", "API", "right"), rows))
    calls = table(("call", "why"), [(f"`{call}`", why) for call, why in WITHOUT_COMMAND.items()])
    sections.append(f"## Calls of the API that no command makes\n\n{calls}")
    return "\n\n".join([*sections, "## Syntax", *(f"```\n{usage(command)}```" for command in COMMANDS)])


def code(text: str) -> str:
    return f"`{text}`" if text else "-"


def right_of(command: Command) -> str:
    words = [in_english(IN_WORDS[command.changes or Right.VIEW])]
    words += [f"{what}: {in_english(IN_WORDS[right])}" for what, right in command.also_needs.items()]
    return "; ".join(words)


PARTS = (
    Part("validation.md", "checks", checks_text),
    Part("messages.md", "messages", messages_text),
    Part("cli.md", "commands", commands_text),
)


def made_again(text: str, part: Part) -> str:
    """The document with this part as the code has it now; ValueError where its marks are not there."""
    begin, end = f"<!-- made: {part.name} -->", f"<!-- end: {part.name} -->"
    before, found, rest = text.partition(begin)
    _old, found_too, after = rest.partition(end)
    if not found or not found_too:
        raise ValueError(f"docs/{part.document} has no marks for {part.name}: {begin} and {end}")
    return f"{before}{begin}\n\n{part.text()}\n\n{end}{after}"


def out_of_date(folder: Path) -> list[str]:
    """Names of the documents that do not say what the code does."""
    return sorted(
        {part.document for part in PARTS if (text := (folder / part.document).read_text()) != made_again(text, part)}
    )


def write(folder: Path) -> list[str]:
    """Make the parts anew; the documents that changed."""
    changed = out_of_date(folder)
    for part in PARTS:
        path = folder / part.document
        path.write_text(made_again(path.read_text(), part))
    return changed
