"""grep, egrep and fgrep, which old scripts pipe listings into. Patterns are matched with a time limit."""

from collections.abc import Sequence
from dataclasses import dataclass
from getopt import GetoptError, gnu_getopt

import regex

from ivmweb.cli.command import Arguments, Command, Family, Option
from ivmweb.cli.options import HELP, unknown
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
LETTERS = "".join(flag.removeprefix("-") for flag in FLAGS) + "e:"  # as getopt(3) has them
PATIENCE_S = 1.0  # for one line
FOUND, NOT_FOUND = 0, 1


@dataclass(frozen=True)
class Wanted:
    patterns: Sequence["regex.Pattern[str]"]
    flags: frozenset[str]


def command_of(name: str) -> Command:
    options = (*(Option(flag, help=text, repeats=True) for flag, text in FLAGS.items()), PATTERN)
    return Command(name, Family.SHELL, "Lines of another command's output", never, options, operand="pattern")


def never(arguments: Arguments, _io: object) -> int:
    where = "before it, and it filters what another one prints"
    raise PrerequisiteFailed("cli-incomplete", near=arguments.command, where=where)


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
    """As every grep reads its words: `-iv`, `-i -i`, `-iepattern`, and `--` before a pattern with a dash."""
    name = words[0]
    try:
        given, operands = gnu_getopt(list(words[1:]), LETTERS)
    except GetoptError as exc:
        raise refused(name, exc.opt) from exc
    patterns = [value for option, value in given if option == PATTERN.name] or operands[:1]
    if not patterns:
        raise PrerequisiteFailed("cli-parameter-missing", option="pattern")
    flags = frozenset(option for option, _value in given)
    if len(operands) > (0 if PATTERN.name in flags else 1):
        raise PrerequisiteFailed("cli-operand", command=name, value=operands[-1][:100])
    extended = name == "egrep" or "-E" in flags
    fixed = name == "fgrep" or "-F" in flags
    return Wanted([compiled(name, pattern, flags, extended=extended, fixed=fixed) for pattern in patterns], flags)


def refused(name: str, option: str) -> PrerequisiteFailed:
    """`option` has no dashes: a letter, or the name after two."""
    if option == HELP.name.removeprefix("--"):  # which nothing is filtered with
        return PrerequisiteFailed("cli-operand", command=name, value=HELP.name)
    if f"-{option}" == PATTERN.name:
        return PrerequisiteFailed("cli-parameter-missing", option=PATTERN.name)
    return unknown(COMMANDS[name], f"-{option}" if len(option) == 1 else f"--{option}")


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
