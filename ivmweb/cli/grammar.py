"""The line that somebody typed, as commands: quotes, `;`, `&&`, `||`, `|` and `$?`. There is no shell behind it.

    list     = pipeline { (";" | "&&" | "||") pipeline } [ ";" ]
    pipeline = command { "|" command }
    command  = word { word }

Whatever else means something to a shell (variables, redirection, globbing, substitution) is refused where it stands
outside quotes and could be meant so; nothing is ever run that was not understood whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from ivmweb.common.errors import PrerequisiteFailed

LONGEST_LINE = 65_536
EMPTY = ";;"  # a token of its own in every shell, which has a meaning where there is `case` only
STATUS = "\0status\0"  # stands for $? until the line is run; no line has a NUL
BLANK, BACKSLASH, SINGLE, DOUBLE, NEWLINE = " \t", "\\", "'", '"', "\n"
REFUSED = {
    ">": "Redirection (>)",
    "<": "Redirection (<)",
    "&": "A command in the background (&)",
    "`": "Substitution of commands (`)",
    "(": "A subshell (()",
    ")": "A subshell ())",
}
SPECIAL = frozenset({*BLANK, BACKSLASH, SINGLE, DOUBLE, "$", ";", "|", *REFUSED})
IN_DOUBLE_QUOTES = '\\"$`'  # what a backslash takes its meaning from there


class After(StrEnum):
    """When a pipeline runs, by how the one before it ended."""

    ALWAYS = ";"
    SUCCESS = "&&"
    FAILURE = "||"


@dataclass
class Pipeline:
    when: After
    commands: list[list[str]] = field(default_factory=list)


def parse(line: str) -> list[Pipeline]:
    """Raises PrerequisiteFailed, and then nothing of it shall be run. An empty line has no pipelines."""
    if len(line) > LONGEST_LINE:
        raise PrerequisiteFailed("cli-line-too-long", limit=LONGEST_LINE)
    for character in line:
        if (character < " " and character not in "\t\n\r") or character == "\x7f":
            raise PrerequisiteFailed("cli-not-text", character=f"\\x{ord(character):02x}")
    pipelines = [Pipeline(After.ALWAYS)]
    words: list[str] = []
    for token in tokens(line.replace("\r", "")):
        if isinstance(token, Word):
            words.append(token.text)
            continue
        last = pipelines[-1]
        if token.text == EMPTY or not (words or token.text == NEWLINE):
            raise PrerequisiteFailed("cli-incomplete", near=token.text, where=f"before {token.text}")
        end_pipe(last, words)
        words = []
        if token.text != "|" and last.commands:
            pipelines.append(Pipeline(After(";" if token.text == NEWLINE else token.text)))
    end_pipe(pipelines[-1], words)
    return [pipeline for pipeline in pipelines if pipeline.commands]


def end_pipe(last: Pipeline, words: list[str]) -> None:
    """Its last command, which may be missing where the line has none, and after `;`."""
    if words:
        last.commands.append(words)
    elif last.commands or last.when is not After.ALWAYS:
        operator = "|" if last.commands else last.when.value
        raise PrerequisiteFailed("cli-incomplete", near=operator, where=f"after {operator} in its line")


@dataclass(frozen=True)
class Word:
    text: str


@dataclass(frozen=True)
class Operator:
    text: str


def tokens(line: str) -> Iterator[Word | Operator]:
    at = 0
    while at < len(line):
        character = line[at]
        if character in BLANK:
            at += 1
        elif character == "#":  # at the beginning of a word: a comment
            end = line.find(NEWLINE, at)
            at = len(line) if end < 0 else end
        elif operator := operator_at(line, at):
            yield Operator(operator)
            at += len(operator)
        else:
            text, at = word_at(line, at)
            yield Word(text)


def operator_at(line: str, at: int) -> str:
    for operator in ("&&", "||", EMPTY, ";", "|", NEWLINE):
        if line.startswith(operator, at):
            return operator
    return ""


def word_at(line: str, at: int) -> tuple[str, int]:
    """The word that begins there, without its quotes, and the place after it."""
    pieces: list[str] = []
    while at < len(line) and line[at] not in BLANK and not operator_at(line, at):
        character = line[at]
        if character == SINGLE:
            end = line.find(SINGLE, at + 1)
            if end < 0:
                raise PrerequisiteFailed("cli-quote-open", mark=SINGLE)
            piece, at = line[at + 1 : end], end + 1
        elif character == DOUBLE:
            piece, at = in_double_quotes(line, at + 1)
        elif character == BACKSLASH:
            piece, at = line[at + 1 : at + 2], at + 2
        elif character == "$":
            piece, at = dollar_at(line, at)
        elif character in REFUSED:
            raise PrerequisiteFailed("cli-not-allowed", what=REFUSED[character])
        else:
            piece, at = character, at + 1
        pieces.append(piece)
    return "".join(pieces), at


@dataclass(frozen=True)
class Started:
    """The last word of a line that may go on: from `at` on, without its quotes, of which `mark` is still open."""

    at: int
    text: str = ""
    mark: str = ""


def unfinished(line: str) -> tuple[list[str], Started] | None:
    """The words of the last command before the one that the line ends in. None where no word can be told from it."""
    words: list[str] = []
    at = 0
    while at < len(line):
        if line[at] in BLANK:
            at += 1
        elif line[at] == "#":
            return None
        elif operator := operator_at(line, at):
            words = []
            at += len(operator)
        elif started := started_at(line, at):
            return words, started
        else:
            try:
                text, at = word_at(line, at)
            except PrerequisiteFailed:
                return None
            words.append(text)
    return words, Started(len(line))


def started_at(line: str, at: int) -> Started | None:
    """The word from there to the end of the line, whatever is needed to end it; None where it ends before."""
    for mark in ("", DOUBLE, SINGLE):
        try:
            text, end = word_at(line + mark, at)
        except PrerequisiteFailed:
            continue
        if end >= len(line + mark):
            return Started(at, text, mark)
        return None
    return None


def quoted(text: str, mark: str, *, is_whole: bool) -> str:
    """As a word that word_at() reads, or its beginning; in quotes of `mark`, or none and with backslashes."""
    if mark == SINGLE and SINGLE in text:
        mark = DOUBLE
    if not mark:
        text = "".join(f"{BACKSLASH}{one}" if one in SPECIAL else one for one in text)
        return f"{BACKSLASH}{text}" if text.startswith("#") else text
    if mark == DOUBLE:
        text = "".join(f"{BACKSLASH}{one}" if one in IN_DOUBLE_QUOTES else one for one in text)
    return f"{mark}{text}{mark}" if is_whole else f"{mark}{text}"


def in_double_quotes(line: str, at: int) -> tuple[str, int]:
    pieces: list[str] = []
    while at < len(line):
        character = line[at]
        if character == DOUBLE:
            return "".join(pieces), at + 1
        if character == BACKSLASH and line[at + 1 : at + 2] and line[at + 1] in IN_DOUBLE_QUOTES:
            piece, at = line[at + 1], at + 2
        elif character == "$":
            piece, at = dollar_at(line, at)
        elif character == "`":
            raise PrerequisiteFailed("cli-not-allowed", what=REFUSED[character])
        else:
            piece, at = character, at + 1
        pieces.append(piece)
    raise PrerequisiteFailed("cli-quote-open", mark=DOUBLE)


def dollar_at(line: str, at: int) -> tuple[str, int]:
    """`$?`; a dollar sign that begins no name is one."""
    following = line[at + 1 : at + 2]
    if following == "?":
        return STATUS, at + 2
    if following.isalnum() or following in {"_", "{", "(", "$", "!", "#", "@", "*", "-"} - {""}:
        raise PrerequisiteFailed("cli-not-allowed", what=f"A variable (${following})")
    return "$", at + 1


def with_status(words: list[str], status: int) -> list[str]:
    return [word.replace(STATUS, str(status)) for word in words]
