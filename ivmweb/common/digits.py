"""Whole numbers that people type: digits 0 to 9. Python takes those of every script, and people misread them."""


def is_whole(text: str, most_digits: int) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= most_digits
