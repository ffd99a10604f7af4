"""What a record keeps for people to read: English, translated only where it is shown."""

from dataclasses import dataclass, field, replace
from typing import Any

from ivmweb.common.errors import IvmError, message


@dataclass(frozen=True)
class Sentence:
    """`text` has str.format fields for `params` (plain values, kept as JSON; true is said as "yes").

    `code` goes before it in brackets.
    """

    text: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    code: str = ""

    @classmethod
    def of(cls, error: IvmError) -> "Sentence":
        return cls(message(error.key).text, error.params, error.code)

    @classmethod
    def of_message(cls, key: str, params: dict[str, Any]) -> "Sentence":
        """As a record keeps it; says nothing where there is no key."""
        return cls(message(key).text, params, message(key).code) if key else cls()

    def __str__(self) -> str:
        """In English, for logs."""
        return self.in_words(self.text)

    @property
    def bare(self) -> str:
        """In English without its code, for an answer that has a field for that."""
        return str(replace(self, code=""))

    def in_words(self, translated: str) -> str:
        """`translated` filled in. An older record may lack what its message names by now; one without any params is
        a text that was kept as it is.
        """
        try:
            known = {name: yes_or_no(value) for name, value in self.params.items()}
            words = translated.format_map(Known(known)) if known else translated.format()
        except (KeyError, IndexError, ValueError):
            words = translated
        return f"[{self.code}] {words}" if self.code else words


class Known(dict[str, Any]):
    """Says "?" for what is not in it."""

    def __missing__(self, name: str) -> str:
        return "?"


def yes_or_no(value: Any) -> Any:
    return ("yes" if value else "no") if isinstance(value, bool) else value


NOTHING_SAID = Sentence()
