from typing import Any

from django import forms


class FocusOnFirst(forms.BaseForm):
    """A page whose purpose is its form begins in the first field; after a refusal it begins with what was wrong."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.is_bound:
            self.first.widget.attrs["autofocus"] = True

    @property
    def first(self) -> forms.Field:
        return next(iter(self.fields.values()))

    def leave_focus(self) -> None:
        """For a page that has something to read first."""
        self.first.widget.attrs.pop("autofocus", None)
