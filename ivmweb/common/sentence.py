"""What a record keeps for people to read: English, translated only where it is shown."""

from dataclasses import dataclass, field
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

    def __str__(self) -> str:
        """In English, for logs."""
        return self.in_words(self.text)

    def in_words(self, translated: str) -> str:
        """`translated` filled in; as it is where its fields are not those of the params, as in an older record."""
        try:
            words = translated.format(**{name: yes_or_no(value) for name, value in self.params.items()})
        except (KeyError, IndexError, ValueError):
            words = translated
        return f"[{self.code}] {words}" if self.code else words


def yes_or_no(value: Any) -> Any:
    return ("yes" if value else "no") if isinstance(value, bool) else value


NOTHING_SAID = Sentence()
