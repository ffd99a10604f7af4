"""English inside a message, said in the reader's language.

Messages, findings and notes name states, kinds and other messages in their params. Records and consoles keep these
in English; here they are recognised: a word of ours, a phrase or a message with its values, a list of such. What is
none of these, such as the words of an operating system, stays as it is. Names are left alone: only the params in
SAYING are looked at.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from string import Formatter
from typing import Any

from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import catalogue
from ivmweb.common.sentence import yes_or_no
from ivmweb.hypervisor.base import OwnerState, Phase, RunState
from ivmweb.system.changes import EMPTY
from ivmweb.system.models import Operation, PartitionState, RmcState
from ivmweb.system.models.partition import REMOVAL, Environment
from ivmweb.system.property_words import LABELS
from ivmweb.system.rights import IN_WORDS, RIGHTS
from ivmweb.system.words import in_english
from migration.admission import LEAVES, WAITS, WAITS_AGAIN
from migration.journal import STOP_PRESSED
from migration.models import MigrationType
from migration.mover.progress import MoverPhase
from migration.partner import ANSWERS_AGAIN, NOT_ASKED, SILENT
from migration.progress import LET_GO, LIMIT_CHANGED, SLOWED, SUSPENSION_CHANGED
from migration.restored import RECORDS_REMOVED
from migration.states import Act, Fact, Role, State

SAYING = frozenset({
    "act", "adapters", "address", "addresses", "answer", "cause", "changes", "check", "detail", "disks",
    "environment", "error", "fact", "field", "fields", "found", "hold", "kind", "known", "limit", "maximum_field",
    "measured", "minimum_field", "needed", "networks", "operation", "outcome", "phase", "present",
    "processors_field", "reason", "reasons", "remains", "remote_message", "right", "rmc_state", "role", "roles",
    "run_state", "state", "step", "task", "text", "things", "told", "units_field", "which",
})  # fmt: skip
CODED = re.compile(r"\[(VIOS[EWI][0-9A-F]+-\d+)\] (.+)", re.DOTALL)
BETWEEN_ITEMS = re.compile(r", (?![^()]*\))")  # not inside brackets
BETWEEN_RULES = re.compile(r"(?<=\.) (?=Th(?:e|is) password is)")  # what Django says of a new password
CALLED = re.compile(r"(.+) \(ID (\d+)\)")  # how a message calls a partition
CALLED_IN_WORDS = _("{name} (ID {number})")
AND_MORE = re.compile(r"(.+) and (\d+) more")
NUMBER, ONE_WORD = re.compile(r"[\d.]+"), re.compile(r"(VLAN )?\S+")
NUMBERS = frozenset({"number", "of", "there", "here"})  # fields of a phrase
TEXTS = frozenset({"state", "reason", "act", "text", "error"})  # the other ones are one word

# Words of enumerations: states, facts, acts and the like, as they are stored.
KINDS = (RunState, Phase, MoverPhase, State, Fact, Act, Role, OwnerState, PartitionState, RmcState, MigrationType)
OTHER_WORDS = (
    _("migration"), _("schedule"), _("no operation"), _("yes"), _("no"), _("unknown"), _("nothing"), _("all"),
    _("free"), _("ahead of"), _("behind"), _("no answer"), _("answers"), _("capable"), _("not capable"), _("ready"),
    _("not ready"), _("no disks"), _("no adapters"), _("not known there"), _("migration not over"),
    _("no other operation"), _("a remote system"), _("may migrate"), _("not there"), _("not mapped"), _("equal"),
    _("read"), _("can be read"), _("as needed"), _("exist and are bridged"), _("does not exist"), _("not bridged"),
    _("no mover"), _("unused"), _("unchanged"), _("Running or Not Activated"), _("a migration in the other role"),
    _("a record of the present database, not of a backup"), _("a migration of a running partition"),
    _("a partition that does not run here"), _("suspended, everything sent"), _("loaded, the whole memory is here"),
    _("AIX 5.3 TL7, AIX 6.1 or Linux 2.6.16"), _("that address is this system itself"),
    _("Name or service not known"), _("Temporary failure in name resolution"),
    _("No address associated with hostname"), _("No route to host"), _("Network is unreachable"),
    _("the connection was closed"), _("the connection ended without a farewell"),
    _("connection reset by peer"), _("broken pipe"),
    _("the source closed the connection"), _("the other mover closed the connection"),
    _("newer connections took its place"), _("the destination gave up"), _("the destination no longer waits"),
    _("it is not ready for a migration"), _("a script of its own said no"), _("no such file"),
    _("This password is too common."), _("This password is entirely numeric."),
    _("This password is nothing but white space."), _("The password is too similar to the username."),
)  # fmt: skip
# With values, as `found` of checks and reasons have them.
PHRASES = (
    _("{number} in progress"),
    _("fewer than {number}"),
    _("{number} at work"),
    _("ID {number}"),
    _("{address} answers"),
    _("{address}: {reason}"),
    _("any port of {host}"),
    _("any port of {host} answers"),
    _("any port of {host}: {reason}"),
    _("not {system}"),
    _("not ID {number}"),
    _("{system}, level not told"),
    _("below {slot}"),
    _("group {number}"),
    _("{number} of {of}"),
    _("up to {number}"),
    _("up to {number} s"),
    _("up to {number} MB"),
    _("{number} s"),
    _("{number} s ahead"),
    _("{number} s behind"),
    _("maximum {number}"),
    _("{number} or more supported"),
    _("{number} MB free"),
    _("{number} free"),
    _("multiples of {number} MB"),
    _("{number} for {of}"),
    _("{number} or more"),
    _("{number} can be given"),
    _("{number} needed"),
    _("owned by {system}"),
    _("{thing} (by {owner})"),
    _("{thing} (of {owner}, ID {number})"),
    _("{thing} ({state})"),
    _("{thing} (ID {number}, {state})"),
    _("{thing} ({there} MB there, {here} MB here)"),
    _("{thing}: {old} to {new}"),
    _("migration {id}"),
    _("migration {id}, {state}"),
    _("moved to {system}"),
    _("This password is too short. It must contain at least {number} characters."),
    _("its name is not known here: {reason}"),
    _("{state} by {system} for partition {id}"),
    _("{state} by {system} for partition {id}, migration {migration}"),
)
# Of the other console's journal.
NOTES = (
    _("started by {user}"),
    _("prepared for {remote}"),
    WAITS,
    LEAVES,
    WAITS_AGAIN,
    RECORDS_REMOVED,
    LIMIT_CHANGED,
    SUSPENSION_CHANGED,
    SLOWED,
    LET_GO,
    SILENT,
    NOT_ASKED,
    ANSWERS_AGAIN,
    STOP_PRESSED,
    _("Recover pressed by {user}"),
    _("worker {worker} had stopped answering"),
    _("{user} ordered while {remote} did not answer: {act}"),
    _("{user} ordered to leave it to {remote}: {act}"),
)


@dataclass(frozen=True)
class Pattern:
    """A text with str.format fields, in pieces: the literal text before each field, and its name."""

    text: str
    pieces: tuple[tuple[str, str], ...]  # a last piece without a field may follow
    is_phrase: bool  # short, so its values must be of the right kind

    @property
    def literal(self) -> int:
        return sum(len(before) for before, _field in self.pieces)

    def values_in(self, said: str) -> dict[str, str] | None:
        """The values that make `said` of the text, each as short as can be; None where none do."""
        found: dict[str, str] = {}
        at, field = 0, ""
        for before, next_field in self.pieces:
            if not field and not said.startswith(before, at):
                return None
            place = said.find(before, at) if next_field or not field else len(said) - len(before)
            if place < at or not said.startswith(before, place):
                return None
            if field and found.setdefault(field, said[at:place]) != said[at:place]:
                return None
            at, field = place + len(before), next_field
        if at < len(said) or (self.is_phrase and not all(map(fits, found, found.values()))):
            return None
        return found


def fits(field: str, value: str) -> bool:
    if field in TEXTS:
        return True
    return bool((NUMBER if field in NUMBERS else ONE_WORD).fullmatch(value))


def pattern(text: str, *, is_phrase: bool) -> Pattern:
    pieces = [(before, field or "") for before, field, _format, _conversion in Formatter().parse(text)]
    return Pattern(text, (*pieces, ("", "")) if pieces[-1][1] else tuple(pieces), is_phrase)


@cache
def patterns() -> tuple[Pattern, ...]:
    """Of phrases, then of messages; those with the most text of their own first."""
    phrases = [pattern(text, is_phrase=True) for text in (*PHRASES, *NOTES)]
    messages = [pattern(message.text, is_phrase=False) for message in catalogue().values()]
    return tuple(made for group in (phrases, messages) for made in sorted(group, key=lambda made: -made.literal))


@cache
def words() -> frozenset[str]:
    of_kinds = {word.value for kind in KINDS for word in kind if word.value}
    labels = {in_english(label) for label in (*LABELS.values(), *Operation.labels)}
    return frozenset(of_kinds | labels | {*OTHER_WORDS, *Operation.values, REMOVAL, *RIGHTS, *IN_WORDS.values()})


def told_params(params: dict[str, Any]) -> dict[str, Any]:
    """What fills a message: as it is, or said in the reader's language."""
    return {name: told_param(name, value) for name, value in params.items()}


def told_param(name: str, value: Any) -> Any:
    if name == "partition" and (found := CALLED.fullmatch(str(value))):
        return gettext(CALLED_IN_WORDS).format(name=found[1], number=found[2])
    if isinstance(value, bool):
        return gettext(yes_or_no(value))
    if value == EMPTY:
        return gettext(EMPTY)
    return told(value) if name in SAYING and isinstance(value, str) else value


def told(said: str) -> str:
    """An English text of ours in the reader's language; anything else as it is."""
    if said in Environment:
        return str(Environment(said).label)
    if not said or in_english_already():
        return said
    if found := CODED.fullmatch(said):
        return f"[{found[1]}] {told(found[2])}"
    return recognised(said) or said


def told_note(said: str) -> str:
    """A line of the other console's journal, which comes as finished English."""
    words = gettext(said) if said else said
    return words if words != said else told(said)


def in_english_already() -> bool:
    return (get_language() or "en").startswith("en")


def recognised(said: str) -> str | None:
    if said in words():
        return gettext(said)
    for separator, between in ((", ", BETWEEN_ITEMS), (" ", BETWEEN_RULES)):
        items = between.split(said)
        if len(items) > 1 and (listed := of_items(items, separator)):
            return listed
    if found := AND_MORE.fullmatch(said):
        return gettext("{things} and {number} more").format(things=told(found[1]), number=found[2])
    for known in patterns():
        values = known.values_in(said)
        if values is not None:
            return gettext(known.text).format(**told_params(values))
    return None


def of_items(items: list[str], separator: str) -> str | None:
    """A list of ours is one whose items are all known."""
    known = [words for item in items if (words := recognised(item))]
    return separator.join(known) if len(known) == len(items) else None


def all_texts() -> Iterator[str]:
    """What must have a translation for this to work."""
    yield from sorted(words())
    yield from PHRASES
    yield from (CALLED_IN_WORDS, _("{things} and {number} more"))
