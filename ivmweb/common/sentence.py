"""What a record keeps for people to read: English, translated only where it is shown."""

from dataclasses import dataclass, field
from typing import Any

from ivmweb.common.errors import IvmError, message


@dataclass(frozen=True)
class Sentence:
    """`text` has str.format fields for `params` (plain values, kept as JSON); `code` goes before it in brackets."""

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
            words = translated.format(**self.params)
        except (KeyError, IndexError, ValueError):
            words = translated
        return f"[{self.code}] {words}" if self.code else words


NOTHING_SAID = Sentence()
