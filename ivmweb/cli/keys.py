"""Keys of a line at the prompt that asyncssh's line editor does not have, or has otherwise than people are used to.

A key gets the line and where the cursor is, and answers both as they are then; False rings the bell.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from asyncssh.editor import SSHLineEditor

Edit = tuple[str, int] | bool
Key = Callable[[str, int], Edit]
BLANK = " \t"
MOST_LINES = 500  # of a history
SHIFT_TO_ALL = range(2, 9)  # what is held down beside a key, as xterm counts it
# Keys that do nothing here. Unbound, the editor would take their last characters for text.
SILENT = (
    *(f"\x1b[{number}~" for number in (2, 5, 6, *range(11, 35)) if number != 33),
    *(f"\x1bO{letter}" for letter in "PQRS"),
    *(f"\x1b[{letter}" for letter in "EGPQRSZ"),
    *(f"\x1b[1;{held}{letter}" for held in SHIFT_TO_ALL for letter in "ABPQRS"),
    *(f"\x1b[{number};{held}~" for held in SHIFT_TO_ALL for number in (2, 5, 6, *range(15, 25))),
)


def bind(channel: Any, keys: Mapping[str, Key]) -> None:
    """Of none that is text itself: for such a one register_key() goes through all of Unicode, 20 ms for each key."""
    editor = channel._editor
    for key, act in keys.items():
        editor._add_key(key, partial(SSHLineEditor._handle_key, key=key, handler=act))


def wrap(channel: Any) -> None:
    """Whatever the terminal is called: of one that the editor does not know, a line wider than that makes it raise.

    It moves the cursor as any terminal since the VT100 can, and not at all in a line that is only typed on.
    """
    channel._editor._wrap = True


def silent(_line: str, _position: int) -> Edit:
    return False


def to_start(line: str, _position: int) -> Edit:
    return line, 0


def to_end(line: str, _position: int) -> Edit:
    return line, len(line)


def word_back(line: str, position: int) -> Edit:
    return line, start_of_word(line, position)


def word_forward(line: str, position: int) -> Edit:
    after = line[position:]
    left = after.lstrip(BLANK)
    word = len(left) if not (rest := left.split(maxsplit=1)) else len(rest[0])
    return line, position + len(after) - len(left) + word


def erase_right(line: str, position: int) -> Edit:
    return (line[:position] + line[position + 1 :], position) if position < len(line) else False


def start_of_word(line: str, position: int) -> int:
    before = line[:position].rstrip(BLANK)
    return max(before.rfind(mark) for mark in BLANK) + 1


MOVES: Mapping[str, Key] = {
    **dict.fromkeys(SILENT, silent),
    **dict.fromkeys(("\x1bOH", "\x1b[7~"), to_start),
    **dict.fromkeys(("\x1bOF", "\x1b[8~"), to_end),
    **{f"\x1b[1;{held}H": to_start for held in SHIFT_TO_ALL},
    **{f"\x1b[1;{held}F": to_end for held in SHIFT_TO_ALL},
    **{f"\x1b[1;{held}D": word_back for held in SHIFT_TO_ALL},
    **{f"\x1b[1;{held}C": word_forward for held in SHIFT_TO_ALL},
    **{f"\x1b[3;{held}~": erase_right for held in SHIFT_TO_ALL},
    "\x1bb": word_back,
    "\x1bf": word_forward,
}


class Kills:
    """Ctrl-W, Ctrl-U and Ctrl-K take text out of a line, Ctrl-Y puts back what was taken last."""

    def __init__(self, is_hidden: Callable[[], bool]) -> None:
        self.is_hidden = is_hidden
        self.text = ""
        self.keys: Mapping[str, Key] = {
            "\x17": self.word,
            "\x15": self.line,
            "\x0b": self.rest,
            "\x19": self.put_back,
        }

    def take(self, line: str, start: int, end: int) -> Edit:
        if start == end:
            return False
        if not self.is_hidden():  # else a password would come back in sight
            self.text = line[start:end]
        return line[:start] + line[end:], start

    def word(self, line: str, position: int) -> Edit:
        return self.take(line, start_of_word(line, position), position)

    def line(self, line: str, _position: int) -> Edit:
        return self.take(line, 0, len(line))

    def rest(self, line: str, position: int) -> Edit:
        return self.take(line, position, len(line))

    def put_back(self, line: str, position: int) -> Edit:
        return (line[:position] + self.text + line[position:], position + len(self.text)) if self.text else False


class History:
    """Lines that were run, for Ctrl-R: the last one that has what stands there, then the one before that."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.wanted = ""
        self.at = 0
        self.found: str | None = None

    def add(self, line: str) -> None:
        self.lines = [*self.lines, line][-MOST_LINES:]
        self.found = None

    def back(self, line: str) -> str | None:
        """None: there is no other. `line` is what to look for, or what was found for it the last time."""
        if line != self.found:
            self.wanted, self.at = line, len(self.lines)
        for at in reversed(range(self.at)):
            if self.wanted in self.lines[at] and self.lines[at] != line:
                self.at, self.found = at, self.lines[at]
                return self.found
        return None
