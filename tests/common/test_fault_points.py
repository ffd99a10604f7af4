"""Armed by a file, done once; and nothing at all where nobody watches."""

import os
import signal
import subprocess
import sys
import time
from threading import Thread

import pytest

from ivmweb.common import fault_points
from ivmweb.common.fault_points import reached
from tests.matrix.points import all_points
from tools.paths import ROOT


@pytest.fixture
def folder(tmp_path):
    before = fault_points._folder
    fault_points.watch(tmp_path)
    yield tmp_path
    fault_points._folder = before


def in_a_process(folder, *words):
    code = (
        "from pathlib import Path; from ivmweb.common import fault_points as f; "
        f"f.watch(Path({str(folder)!r})); f.reached(*{words!r}); print('went on')"
    )
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_kill_ends_the_process_there(folder):
    (folder / "source write surrendered before").write_text("kill")
    process = in_a_process(folder, "source", "write", "surrendered", "before")
    assert process.communicate(timeout=20)[0] == ""
    assert process.returncode == -signal.SIGKILL


def test_freeze_stops_the_process_until_it_is_continued(folder):
    (folder / "a step").write_text("freeze")
    process = in_a_process(folder, "a", "step")
    assert os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT).si_status == signal.SIGSTOP
    process.send_signal(signal.SIGCONT)
    assert process.communicate(timeout=20)[0] == "went on\n"


def test_hold_waits_until_the_mark_is_removed(folder):
    (folder / "a step").write_text("hold")
    thread = Thread(target=reached, args=("a", "step"))
    thread.start()
    mark = folder / "a step.reached"
    while not mark.exists():
        assert thread.is_alive()
    thread.join(0.05)
    assert thread.is_alive()
    mark.unlink()
    thread.join(5)
    assert not thread.is_alive()


def test_a_hold_that_nobody_ends_is_bounded(folder, monkeypatch):
    monkeypatch.setattr(fault_points, "LONGEST_S", 0.02)
    (folder / "a step").write_text("hold")
    assert reached("a", "step") is False


def test_delay_takes_its_time_and_no_more_than_the_longest(folder, monkeypatch):
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    for action in ("delay 2.5", "delay 3600", "delay much"):
        (folder / "a step").write_text(action)
        reached("a", "step")
    assert slept == [2.5, fault_points.LONGEST_S]


def test_again_is_told_to_the_caller_once(folder):
    (folder / "a step").write_text("again")
    assert [reached("a", "step"), reached("a", "step")] == [True, False]


def test_of_many_that_reach_it_at_once_one_has_it(folder):
    (folder / "a step").write_text("again")
    answers = []
    threads = [Thread(target=lambda: answers.append(reached("a", "step"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert sorted(answers) == [False] * 7 + [True]


def test_words_from_another_console_reach_no_other_folder(folder):
    inner = folder / "points"
    inner.mkdir()
    fault_points.watch(inner)
    (folder / "a step").write_text("again")
    assert reached("../a", "step") is False
    assert reached("x" * 5000) is False


def test_nothing_is_looked_at_where_nobody_watches(folder, monkeypatch):
    (folder / "a step").write_text("again")
    fault_points.watch(None)
    for name in ("exists", "stat", "open", "rename"):
        monkeypatch.setattr(os if name != "exists" else os.path, name, None)
    assert reached("a", "step") is False


def test_off_a_point_costs_a_few_microseconds_at_most(folder):
    """The best of five, since the machine may be busy; a move reaches about a hundred points."""
    fault_points.watch(None)
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(1000):
            reached("source", "write", "surrendered", "before")
        best = min(best, time.perf_counter() - began)
    assert best / 1000 < 10e-6


@pytest.mark.parametrize(("lab", "folder"), [("true", "fault-points"), ("false", "")])
def test_only_the_laboratory_watches(lab, folder, tmp_path):
    code = "import django; django.setup(); from ivmweb.common import fault_points; print(fault_points._folder)"
    outside = {name: value for name, value in os.environ.items() if not name.startswith("IVM_")}
    given = {"IVM_LAB": lab, "IVM_SECRET_KEY": "x", "IVM_STATE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**outside, **given, "DJANGO_SETTINGS_MODULE": "ivmweb.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == (str(tmp_path / folder) if folder else "")


def test_every_point_of_the_code_has_a_name():
    points = all_points()
    for expected in (
        "source write transferring after",
        "source write surrendered before",
        "source write surrendered after",
        "source send surrendered before",
        "destination hear surrendered after",
        "destination write accepted before",
        "destination write tombstone after",
        "destination send started after",
        "source hear started before",
        "command resume before",
        "command change_owner_words after",
        "claim mover-in after",
        "mover-out first pass",
        "mover-out later pass",
        "mover-out suspended",
        "mover-out device",
        "mover-in loaded",
        "mover-out recorded",
    ):
        assert expected in points
    assert len(points) > 150
