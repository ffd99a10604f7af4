"""One tree of expected errors and one catalogue of their messages.

Each area registers its messages in a file `messages.py` of its own; pages, commands and the peer API render the
same object. A message names the thing, the value, the need and the next step. Codes are IBM's where IBM's are
known; ours end in -9000 and above, so that nobody takes them for IBM's.

Ranges: 9000 pages and users, 9050 system, 9100 validation, 9200 migration, 9300 peer and trust, 9400 hypervisor,
9450 mover, 9500 API, 9550 command line.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

Thing = TypeVar("Thing")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Message:
    code: str  # VIOSE01049000-9101: kind E, W or I; component; number
    text: str  # English, str.format fields; translated where it is shown

    def render(self, params: dict[str, Any]) -> str:
        return self.text.format(**params)


_catalogue: dict[str, Message] = {}


def register(messages: dict[str, Message]) -> None:
    """Add an area's messages; a key or a code used twice is a bug and raises ValueError."""
    codes = {message.code: key for key, message in _catalogue.items()}
    for key, message in messages.items():
        if key in _catalogue and _catalogue[key] != message:
            raise ValueError(f"message key {key} is registered twice")
        if codes.setdefault(message.code, key) != key:
            raise ValueError(f"message code {message.code} is used by {codes[message.code]} and {key}")
        _catalogue[key] = message


def message(key: str) -> Message:
    return _catalogue[key]


def catalogue() -> dict[str, Message]:
    """All registered messages by key."""
    return dict(_catalogue)


class IvmError(Exception):
    """An expected, explained failure: no traceback is shown for it.

    `key` names the message; `params` are plain values (str, int, float) that fill its fields and may travel as JSON.
    """

    at: int | None = None  # of several things asked for together, the one that it is about, from 0: see each()

    def __init__(self, key: str, **params: Any) -> None:
        self.key = key
        self.params = params
        super().__init__(str(self))

    @property
    def code(self) -> str:
        return message(self.key).code

    @property
    def text(self) -> str:
        return message(self.key).render(self.params)

    def __str__(self) -> str:
        return f"[{self.code}] {self.text}"


def each(things: Iterable[Thing], act: Callable[[Thing], Made]) -> list[Made]:
    """What `act` makes of them, one after the other. An IvmError of it tells in `at` which one it is about."""
    made = []
    for index, thing in enumerate(things):
        try:
            made.append(act(thing))
        except IvmError as exc:
            exc.at = index
            raise
    return made


class PrerequisiteFailed(IvmError):
    """Refused before anything was changed."""


class OperationFailed(IvmError):
    """Something was changed before it failed; the text says what recovery will do."""


class PeerError(IvmError):
    """The other console could not be reached or refused.

    `permanent` is false where trying again later may help (no answer, overload).
    """

    def __init__(self, key: str, *, permanent: bool, **params: Any) -> None:
        self.permanent = permanent
        super().__init__(key, **params)


class HypervisorError(IvmError):
    """The hypervisor refused a command or did not answer."""
