from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ivmweb.pages import formats
from ivmweb.pages.templatetags.ivm import wraps


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (13.47 * 86400, "13.47 Days"),
        (86400, "1.00 Days"),
        (86399, "24.00 Hours"),
        (3 * 3600 + 900, "3.25 Hours"),
        (59, "0.98 Minutes"),
        (0, "0.00 Minutes"),
        (None, ""),
    ],
)
def test_uptime_has_two_decimals_and_the_largest_fitting_unit(seconds, shown):
    assert formats.uptime(seconds) == shown


@pytest.mark.parametrize(("mb", "shown"), [(2752, "2.69 GB"), (1024, "1 GB"), (320, "320 MB"), (1536, "1.5 GB")])
def test_memory_is_written_as_ivm_writes_it(mb, shown):
    assert formats.memory(mb) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(Decimal("1.80"), "1.8"), (Decimal("4.00"), "4"), (0.03, "0.03"), (10, "10"), (0.0, "0")]
)
def test_processing_units_carry_no_needless_zeros(value, shown):
    assert formats.units(value) == shown


def test_utilization_shows_units_and_percent():
    assert formats.utilization(0.04, Decimal("4.00")) == "0.04 (1.0%)"


@pytest.mark.parametrize(
    ("count", "shown"),
    [(1090875392, "1.02 GB"), (2366013, "2.26 MB"), (512, "512 bytes"), (1, "1 byte"), (0, "0 bytes")],
)
def test_bytes_are_written_for_people(count, shown):
    assert formats.amount(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(9.3, "9 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (7620, "2 h 07 min"), (None, "")]
)
def test_a_duration_is_short(seconds, shown):
    assert formats.duration(seconds) == shown


@pytest.mark.parametrize(("ms", "shown"), [(74.4, "74 ms"), (1250, "1.25 s"), (None, "")])
def test_a_suspension_is_told_in_milliseconds_or_seconds(ms, shown):
    assert formats.milliseconds(ms) == shown


def test_a_moment_names_its_zone():
    assert formats.moment(datetime(2026, 11, 23, 14, 3, tzinfo=UTC)) == "2026-11-23 14:03:00 UTC"


@pytest.mark.parametrize(
    ("code", "pieces"),
    [
        ("0x8100000000000000", ["0x81000000", "00000000"]),
        ("U789D.001.DQD3F62-P1-C5", ["U789D.", "001.", "DQD3F62-", "P1-", "C5"]),
        ("hdisk2", ["hdisk2"]),
        ("<b>", ["&lt;b&gt;"]),
    ],
)
def test_a_code_wraps_at_its_joints(code, pieces):
    assert wraps(code) == "<wbr>".join(pieces)
