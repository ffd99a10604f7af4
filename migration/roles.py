"""What both roles say when a record is about to be written."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Change:
    """What goes with a new state into one transaction: a line for the journal, columns, and other records."""

    text: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    also: Callable[[], None] | None = None
