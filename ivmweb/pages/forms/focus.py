"""Where the keyboard begins on a page whose purpose is its form."""

from typing import Any

from django import forms


class FocusOnFirst(forms.BaseForm):
    """Begins in the first field that is empty; after a refusal the page begins with what was wrong.

    Not in one that is filled: what is typed there would be added to it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        empty = [field for name, field in self.fields.items() if not self.get_initial_for_field(field, name)]
        if empty and not self.is_bound:
            empty[0].widget.attrs["autofocus"] = True

    def leave_focus(self) -> None:
        """For a page that has something to read first."""
        for field in self.fields.values():
            field.widget.attrs.pop("autofocus", None)
