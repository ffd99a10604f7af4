"""What ./ivm bench says; that it measures is seen by running it."""

import json

import pytest

from tests.bench.__main__ import as_json, as_table, benchmarks, main
from tests.bench.figures import at_least, at_most, percentile, told


def test_figures_are_printed_as_json_with_goal_and_verdict():
    figures = {
        "a.ratio": at_least(0.51, "of b", 0.5),
        "a.late": at_most(61, "ms", 60),
        "a.rate": told(7.12345, "MB/s"),
    }
    assert json.loads(as_json(figures)) == {
        "a.ratio": {"value": 0.51, "unit": "of b", "goal": "at least 0.5", "ok": True},
        "a.late": {"value": 61.0, "unit": "ms", "goal": "at most 60", "ok": False},
        "a.rate": {"value": 7.123, "unit": "MB/s", "goal": "", "ok": None},
    }


def test_a_missed_goal_stands_out_in_the_table():
    assert "(at most 60: MISSED)" in as_table({"a.late": at_most(61, "ms", 60)})


@pytest.mark.parametrize(("share", "value"), [(0.5, 51), (0.95, 96), (0.99, 100), (1.0, 100)])
def test_a_percentile_is_one_of_the_values(share, value):
    assert percentile([float(number) for number in range(100, 0, -1)], share) == value


def test_an_unknown_benchmark_is_named_with_those_there_are(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["bench", "speed"])
    with pytest.raises(SystemExit):
        main()
    said = capsys.readouterr().err
    assert "speed" in said
    assert all(name in said for name in benchmarks())
