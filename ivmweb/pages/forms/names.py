"""A field for a name or an address: what can't be seen is refused here, before it reaches a record or a log."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator

LONGEST_SHOWN = 63
# Of a widget: the browser neither proposes a name nor changes what is typed.
AS_TYPED = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class NameField(forms.CharField):
    """`refuse` makes the coded message for names that are no good, with the control characters written out."""

    def __init__(self, refuse: Callable[[str], str], **options: Any) -> None:
        super().__init__(**options)
        self.refuse = refuse
        self.validators = [one for one in self.validators if not isinstance(one, ProhibitNullCharactersValidator)]

    def clean(self, value: Any) -> str:
        text = str(value or "").strip(" ") if self.strip else str(value or "")
        if has_control_characters(text):
            raise ValidationError(self.refuse(written_out(text)[:LONGEST_SHOWN]))
        return str(super().clean(value))


def has_control_characters(text: str) -> bool:
    return any(ord(sign) < 32 or 127 <= ord(sign) < 160 for sign in text)


def written_out(text: str) -> str:
    """`uli\\x0013` for a name with a NUL in it."""
    return "".join(f"\\x{ord(sign):02x}" if has_control_characters(sign) else sign for sign in text)
