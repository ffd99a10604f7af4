"""grep, egrep and fgrep, which old scripts pipe listings into. Patterns are matched with a time limit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import regex

from ivmweb.cli.command import Command, Family, Option
from ivmweb.cli.options import parse
from ivmweb.common.errors import PrerequisiteFailed

FLAGS = {
    "-E": "extended pattern",
    "-F": "a fixed text, no pattern",
    "-i": "upper and lower case are the same",
    "-v": "lines that do not match",
    "-c": "only the number of lines",
    "-n": "the number of each line before it",
    "-w": "whole words",
    "-x": "whole lines",
    "-q": "nothing but the status",
}
PATTERN = Option("-e", "pattern", "one more pattern", repeats=True)
PATIENCE_S = 1.0  # for one line
FOUND, NOT_FOUND = 0, 1


@dataclass(frozen=True)
class Wanted:
    patterns: Sequence["regex.Pattern[str]"]
    flags: frozenset[str]


def command_of(name: str) -> Command:
    options = (*(Option(flag, help=text) for flag, text in FLAGS.items()), PATTERN)
    return Command(name, Family.SHELL, "Lines of another command's output", never, options, operand="pattern")


def never(*_: object) -> int:
    raise PrerequisiteFailed("cli-incomplete", where="before grep: it filters what another one prints")


COMMANDS = {name: command_of(name) for name in ("grep", "egrep", "fgrep")}


def select(words: Sequence[str], text: str) -> tuple[str, int]:
    """What `grep ...` makes of that text, and its status. Raises PrerequisiteFailed."""
    name, wanted = words[0], read(words)
    found: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if matches(name, wanted, line) is not ("-v" in wanted.flags):
            found.append(f"{number}:{line}" if "-n" in wanted.flags else line)
    status = FOUND if found else NOT_FOUND
    if "-q" in wanted.flags:
        return "", status
    if "-c" in wanted.flags:
        return f"{len(found)}\n", status
    return "".join(f"{line}\n" for line in found), status


def read(words: Sequence[str]) -> Wanted:
    name = words[0]
    arguments = parse(COMMANDS[name], list(apart(words[1:])))
    operands = list(arguments.operands)
    patterns = arguments.words("-e") or operands[:1]
    if not patterns:
        raise PrerequisiteFailed("cli-parameter-missing", option="pattern")
    if len(operands) > (0 if arguments.has("-e") else 1):
        raise PrerequisiteFailed("cli-operand", command=name, value=operands[-1][:100])
    flags = frozenset(arguments.given)
    extended = name == "egrep" or "-E" in flags
    fixed = name == "fgrep" or "-F" in flags
    return Wanted([compiled(name, pattern, flags, extended=extended, fixed=fixed) for pattern in patterns], flags)


def apart(words: Iterable[str]) -> Iterable[str]:
    """`-iv` is `-i -v`."""
    for word in words:
        letters = word[1:]
        if word.startswith("-") and len(letters) > 1 and all(f"-{letter}" in FLAGS for letter in letters):
            yield from (f"-{letter}" for letter in letters)
        else:
            yield word


def compiled(name: str, pattern: str, flags: frozenset[str], *, extended: bool, fixed: bool) -> "regex.Pattern[str]":
    text = regex.escape(pattern) if fixed else pattern if extended else from_basic(pattern)
    if "-x" in flags:
        text = f"^(?:{text})$"
    elif "-w" in flags:
        text = rf"(?<!\w)(?:{text})(?!\w)"
    try:
        return regex.compile(text, regex.IGNORECASE if "-i" in flags else 0)
    except regex.error as exc:
        raise PrerequisiteFailed("cli-pattern-wrong", command=name, pattern=pattern[:100], reason=str(exc)) from exc


def from_basic(pattern: str) -> str:
    """POSIX basic to extended: there it is the backslash that gives `(){}|+?` their meaning."""
    made, at, in_set = [], 0, False
    while at < len(pattern):
        character, following = pattern[at], pattern[at + 1 : at + 2]
        if in_set:
            made.append(character)
            in_set = character != "]"
        elif character == "\\" and following:
            made.append(following if following in "(){}|+?" else character + following)
            at += 1
        elif character == "[":
            made.append(character)
            in_set = True
        else:
            made.append(f"\\{character}" if character in "(){}|+?" else character)
        at += 1
    return "".join(made)


def matches(name: str, wanted: Wanted, line: str) -> bool:
    for pattern in wanted.patterns:
        try:
            if pattern.search(line, timeout=PATIENCE_S):
                return True
        except TimeoutError as exc:
            raise PrerequisiteFailed("cli-pattern-slow", command=name, pattern=pattern.pattern[:100]) from exc
    return False
