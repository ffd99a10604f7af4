"""What ./ivm bench says; that it measures is seen by running it."""

import json

import pytest

from tests.bench.__main__ import as_json, as_table, benchmarks, main
from tests.bench.cli import ROUNDS, WARM_UP, compared, in_rounds
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


def test_what_is_missing_is_named_with_what_to_install_and_is_no_success(monkeypatch, capsys):
    monkeypatch.setattr("tests.bench.ssh.shutil.which", lambda name, path: None if name == "sshd" else f"/bin/{name}")
    monkeypatch.setattr("sys.argv", ["bench", "cli", "--json"])
    assert main() == 1
    said = capsys.readouterr()
    assert "OpenSSH's sshd is not on this machine; install it: apt-get install openssh-server" in said.err
    assert json.loads(said.out) == {}


def test_a_ratio_is_of_two_turns_of_one_round():
    said = []
    figures = compared("open.hostname", [10.0, 40.0, 90.0], [20.0, 50.0, 60.0], said.append)
    assert figures["cli.open.hostname"].value == 0.8
    assert figures["cli.open.hostname"].ok is True
    assert "0.80 times" in said[0]
    assert "all from 0.50 to 1.50" in said[0]
    assert compared("open.hostname", [21.0, 51.0], [20.0, 50.0], said.append)["cli.open.hostname"].ok is False
    assert compared("new.hostname", [21.0, 51.0], [20.0, 50.0], said.append)["cli.new.hostname"].ok is True


def test_each_has_its_turn_in_every_round_and_the_first_rounds_do_not_count():
    order = []
    took = in_rounds({name: lambda name=name: order.append(name) or float(len(order)) for name in "abc"})
    assert {name: len(times) for name, times in took.items()} == dict.fromkeys("abc", ROUNDS)
    rounds = [order[at : at + 3] for at in range(0, len(order), 3)]
    assert all(sorted(one) == ["a", "b", "c"] for one in rounds)
    assert len(rounds) == ROUNDS + WARM_UP
    assert len({tuple(one) for one in rounds}) > 1
