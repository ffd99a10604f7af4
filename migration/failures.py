"""One thing that fails does not stop the others, and what fails again and again is logged once."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from ivmweb.common.errors import IvmError
from migration.peer.messages import as_text

logger = logging.getLogger(__name__)

MOST_KEPT = 1000  # texts of this process; past that, one is told twice rather than kept for ever
LONGEST = 500
EXPECTED = (IvmError, OSError, ValueError)  # anything else is a bug, whose traceback is wanted

_told: dict[tuple[str, str], str] = {}


@contextmanager
def apart(what: str, thing: str = "the schedule") -> Iterator[None]:
    """Whatever goes wrong inside ends here: clean-up never stops at the first failure."""
    try:
        yield
    except Exception as exc:
        text = f"{type(exc).__name__}: {exc}"
        unexpected = None if isinstance(exc, EXPECTED) else exc
        tell_once(logger, logging.ERROR, what, thing, text, error=unexpected)
    else:
        forget(what, thing)


def tell_once(
    to: logging.Logger, level: int, what: str, thing: str, text: str, *, error: Exception | None = None
) -> None:
    """One line for each text, however often it comes back; another text is told again."""
    said = as_text(text, LONGEST)
    key = (what, thing)
    if _told.get(key) == said:
        return
    if len(_told) >= MOST_KEPT:
        _told.clear()
    _told[key] = said
    to.log(level, "%s: %s: %s", thing, what, said, exc_info=error)


def forget(what: str, thing: str) -> None:
    _told.pop((what, thing), None)
