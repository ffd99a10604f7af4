"""What a check finds, and how a list of checks is run."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, TypeVar

from migration.models import Outcome
from migration.peer.messages import FindingBody, as_params, as_text


class HasKind(Protocol):
    @property
    def inactive(self) -> bool: ...


Facts = TypeVar("Facts", bound=HasKind)
LONGEST_LIST = 200  # characters; a report's columns and the peer API's texts have 255


@dataclass(frozen=True)
class FoundCheck:
    """The result of one check. A message goes with warnings and failures: thing, value, need, how to mend it."""

    outcome: Outcome
    measured: str = ""
    limit: str = ""
    message_key: str = ""
    message_params: dict[str, str | int | float] = field(default_factory=dict)
    check_name: str = ""  # filled in by `examine`

    @property
    def body(self) -> FindingBody:
        return FindingBody(
            check_name=self.check_name,
            outcome=self.outcome.value,  # type: ignore[arg-type]
            measured=as_text(self.measured),
            limit=as_text(self.limit),
            message_key=self.message_key,
            message_params=as_params(self.message_params),
        )


@dataclass(frozen=True)
class Check(Generic[Facts]):
    """A claim about facts. Its function's name is the check's stable name; the title is for people."""

    examine: Callable[[Facts], FoundCheck]
    title: str
    says: tuple[str, ...]  # keys of the messages it may give
    active_only: bool = False  # an inactive migration does without
    asks_remote: bool = False  # a check of the source that needs the destination's answer

    @property
    def name(self) -> str:
        return self.examine.__name__


def examine(checks: Iterable[Check[Facts]], facts: Facts) -> list[FoundCheck]:
    """Every check, never only up to the first that fails."""
    return [replace(one_of(check, facts), check_name=check.name) for check in checks]


def one_of(check: Check[Facts], facts: Facts) -> FoundCheck:
    return not_applicable() if check.active_only and facts.inactive else check.examine(facts)


def passed(measured: object = "", limit: object = "") -> FoundCheck:
    return FoundCheck(Outcome.PASSED, str(measured), str(limit))


def not_applicable() -> FoundCheck:
    return FoundCheck(Outcome.NOT_APPLICABLE)


def failed(key: str, *, measured: object = "", limit: object = "", **params: str | int | float) -> FoundCheck:
    return FoundCheck(Outcome.FAILED, str(measured), str(limit), key, params)


def warned(key: str, *, measured: object = "", limit: object = "", **params: str | int | float) -> FoundCheck:
    return FoundCheck(Outcome.WARNING, str(measured), str(limit), key, params)


def listing(things: Sequence[str]) -> str:
    """`hdisk5, hdisk6 and 3 more`: as many as fit."""
    shown: list[str] = []
    for thing in things:
        if shown and len(", ".join([*shown, thing])) > LONGEST_LIST:
            return f"{', '.join(shown)} and {len(things) - len(shown)} more"
        shown.append(thing[:LONGEST_LIST])
    return ", ".join(shown)
