"""Where the keyboard begins on a page with a form, and which field a refusal is about."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms

from ivmweb.common.errors import IvmError
from ivmweb.pages.wording import words_of
from ivmweb.system.words import in_english

NAMED_BY = ("field", "units_field")  # params of a message that hold a field's label


class Guiding(forms.BaseForm):
    """After a refusal the page begins in the first field that is wrong; else with the message (refused.html).

    `about`: the field of messages that name none in their params.
    """

    about: ClassVar[Mapping[str, str]] = {}
    marked = ""  # the field that the message at the head of the page is about

    def full_clean(self) -> None:
        super().full_clean()
        wrong = [name for name in self.errors if name in self.fields and not self.fields[name].widget.is_hidden]
        if wrong:
            self._begin_in(wrong[0])

    @property
    def begins_in_field(self) -> bool:
        return any("autofocus" in field.widget.attrs for field in self.fields.values())

    def refused_by(self, error: IvmError) -> str:
        """What the service said, in words for the head of the page; the field it is about is marked."""
        name = self.about.get(error.key) or self._labelled(error)
        if name in self.fields:
            self.mark(name)
        return words_of(error)

    def mark(self, name: str) -> None:
        """As wrong for the reason that the head of the page gives."""
        self.marked = name
        described = f"{self[name].id_for_label}_helptext refused" if self.fields[name].help_text else "refused"
        self.fields[name].widget.attrs |= {"aria-invalid": "true", "aria-describedby": described}
        self._begin_in(name)

    def _begin_in(self, name: str) -> None:
        self.fields[name].widget.attrs["autofocus"] = True

    def _labelled(self, error: IvmError) -> str:
        """The one field with the label that the message names; empty where there are none or more."""
        labels = {error.params.get(param) for param in NAMED_BY}
        found = [name for name, field in self.fields.items() if field.label and in_english(field.label) in labels]
        return found[0] if len(found) == 1 else ""


class FocusOnFirst(Guiding):
    """Begins in the first field that is empty, where the page's purpose is its form.

    Not in one that is filled: what is typed there would be added to it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        empty = [name for name, field in self.fields.items() if not self.get_initial_for_field(field, name)]
        if empty and not self.is_bound:
            self._begin_in(empty[0])

    def leave_focus(self) -> None:
        """For a page that has something to read first."""
        for field in self.fields.values():
            field.widget.attrs.pop("autofocus", None)
