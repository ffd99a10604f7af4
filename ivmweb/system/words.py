"""Words of this app as records keep them."""

from django.utils import translation
from django.utils.functional import Promise


def in_english(text: str | Promise) -> str:
    """Of a label: whatever language a user reads, records and the API have the English words."""
    with translation.override("en"):
        return str(text)
