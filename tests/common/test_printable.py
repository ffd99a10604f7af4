"""What is shown of others' text."""

import pytest

from ivmweb.common.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("plain, with spaces", "plain, with spaces"),
        ("分区 é \\n", "分区 é \\n"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\0\x1b[31m\x7f\x85", r"\x00\x1b[31m\x7f\x85"),
        ("\u202eevil\u2028\ufeff", r"\u202eevil\u2028\ufeff"),
        ("\udce9", r"\udce9"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_steers_a_terminal_or_can_not_be_seen_is_escaped(text, shown):
    assert printable(text) == shown
