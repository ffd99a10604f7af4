"""Words after a command's name, sorted by its options. Wrong ones are refused in IBM's words."""

from collections.abc import Sequence
from difflib import get_close_matches

from ivmweb.cli.command import Arguments, Command, Option
from ivmweb.common.errors import PrerequisiteFailed

HELP = Option("--help", help="show the syntax")
LONGEST_SHOWN = 100


def parse(command: Command, words: Sequence[str]) -> Arguments:
    """Raises PrerequisiteFailed; `--help` anywhere wins over whatever else is wrong."""
    if HELP.name in words:
        return Arguments(command.name, {HELP.name: ()})
    given: dict[str, list[str]] = {}
    operands: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        option, values = split(command, word)
        if option is None:
            if word.startswith("-") and len(word) > 1:
                raise unknown(command, word)
            operands.append(word)
            continue
        if option.name in given and not option.repeats:
            raise PrerequisiteFailed("cli-parameter-twice", option=option.name)
        found = values or take(command, option, left)
        check(command, option, found)
        given.setdefault(option.name, []).extend(found)
    most = command.most_operands if command.operand else 0
    if most is not None and len(operands) > most:
        raise PrerequisiteFailed("cli-operand", command=command.name, value=operands[most][:LONGEST_SHOWN] or '""')
    return Arguments(command.name, given, operands)


def split(command: Command, word: str) -> tuple[Option | None, list[str]]:
    """`--ip=uli14` is `--ip uli14`; other options have their value in the next word."""
    option = command.option(word)
    if option is None and word.startswith("--") and "=" in word:
        name, _equals, value = word.partition("=")
        option = command.option(name)
        return (option, [value]) if option is not None and option.value else (None, [])
    return option, []


def take(command: Command, option: Option, left: list[str]) -> list[str]:
    """The words that belong to it, off the front of `left`."""
    if not option.value and not option.choices:
        return []
    if option.many:
        found: list[str] = []
        while left and not is_option(command, left[0]):
            found.append(left.pop(0))
        if not found:
            raise PrerequisiteFailed("cli-parameter-missing", option=option.name)
        return found
    if option.optional:
        return [] if not left or left[0].startswith("-") else [left.pop(0)]
    if not left or (is_option(command, left[0]) and option.name.startswith("-")):
        raise PrerequisiteFailed("cli-parameter-missing", option=option.name)
    return [left.pop(0)]


def is_option(command: Command, word: str) -> bool:
    return split(command, word)[0] is not None


def check(command: Command, option: Option, values: Sequence[str]) -> None:
    for value in values:
        if option.choices and value not in option.choices:
            raise PrerequisiteFailed(
                "cli-value-wrong",
                option=option.name,
                command=command.name,
                value=value[:LONGEST_SHOWN] or '""',
                needed=" or ".join(option.choices),
            )


def unknown(command: Command, word: str) -> PrerequisiteFailed:
    shown = word[:LONGEST_SHOWN]
    # Dashes and case aside: all have the dashes in common, which would make any two short ones near.
    names = {plain(option.name): option.name for option in (*command.options, HELP)}
    near = get_close_matches(plain(shown), names, n=1, cutoff=0.6)
    hint = f" The nearest that {command.name} has is {names[near[0]]}." if near else ""
    return PrerequisiteFailed("cli-parameter-unknown", option=shown, hint=hint)


def plain(option: str) -> str:
    return option.lstrip("-").lower()
