import time

import pytest
from django.utils import timezone

from ivmweb.lab import clock


@pytest.fixture
def true_clock(monkeypatch):
    """Whatever a test does to the clock is undone."""
    monkeypatch.setattr(time, "time", time.time)
    monkeypatch.setattr(timezone, "now", timezone.now)
    return time.time


def test_without_its_file_the_clock_is_right(tmp_path, true_clock):
    clock.shift(tmp_path)
    assert time.time() - true_clock() == pytest.approx(0, abs=5)
    clock.set_offset(tmp_path, 3600)
    assert time.time() - true_clock() == pytest.approx(3600, abs=5)
    clock.set_offset(tmp_path, 0)
    assert time.time() - true_clock() == pytest.approx(0, abs=5)


def test_the_file_shifts_the_time_of_day_and_may_change_at_any_time(tmp_path, true_clock):
    (tmp_path / "clock-offset").write_text("3600")
    clock.shift(tmp_path)
    assert time.time() - true_clock() == pytest.approx(3600, abs=5)
    assert timezone.now().timestamp() - true_clock() == pytest.approx(3600, abs=5)
    (tmp_path / "clock-offset").write_text("-3600")
    assert time.time() - true_clock() == pytest.approx(-3600, abs=5)


def test_while_the_file_cannot_be_read_the_last_number_stands(tmp_path, true_clock):
    (tmp_path / "clock-offset").write_text("60")
    clock.shift(tmp_path)
    time.time()
    (tmp_path / "clock-offset").unlink()
    assert time.time() - true_clock() == pytest.approx(60, abs=5)
