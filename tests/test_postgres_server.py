"""The PostgreSQL server of `./ivm test --postgres`, with small programs in the place of PostgreSQL's."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools import bootstrap, checks, extras, postgres
from tools.front_door import main
from tools.paths import ROOT

pytestmark = pytest.mark.timeout(60)

VERSION = 'if [ "$1" = --version ]; then echo "postgres (PostgreSQL) {version}"; exit; fi\n'
# Holds what it is told in its data folder; says that it is ready as PostgreSQL does; ends at SIGINT.
RUNS = """
mkdir -p "$2"
printf '1\\n2\\n3\\n4\\n5\\n6\\n7\\nready   \\n' > "$2/postmaster.pid"
trap 'exit 0' INT
while :; do sleep 0.02; done
"""
FAILS = "echo 'could not create shared memory'\nexit 1\n"


def program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o755)


def make(folder, version="16.2", server=RUNS, initdb="exit 0\n"):
    program(folder / "postgres", VERSION.format(version=version) + server)
    program(folder / "initdb", initdb)
    return folder


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """As ourselves, since another user is not let into this test's folders."""
    monkeypatch.setattr(postgres, "unprivileged", lambda: None)
    monkeypatch.setattr(postgres.tempfile, "tempdir", str(tmp_path))

    def installed(**programs):
        return postgres.installation(make(tmp_path / "bin", **programs))

    return installed


def left_behind(tmp_path):
    return list(tmp_path.glob("ivm-postgres-*"))


def test_the_newest_installation_is_taken(tmp_path):
    places = [make(tmp_path / version, version) for version in ("15.9", "17.1", "9.6.24")]
    assert postgres.find(places).folder == tmp_path / "17.1"


def test_programs_too_old_or_without_initdb_are_none(tmp_path):
    client_only = make(tmp_path / "client")
    (client_only / "initdb").unlink()
    assert postgres.find([make(tmp_path / "old", "13.18"), client_only, tmp_path / "nothing"]) is None


def test_a_server_runs_for_the_block_and_leaves_nothing(installed, tmp_path):
    with postgres.Server(installed()) as server:
        assert server.url.startswith("postgres://ivm@%2F")
        assert left_behind(tmp_path) == [server.folder]
        assert server.folder.stat().st_mode & 0o777 == 0o700
    assert left_behind(tmp_path) == []


def test_a_failure_inside_the_block_ends_the_server_too(installed, tmp_path):
    with pytest.raises(KeyboardInterrupt), postgres.Server(installed()):
        raise KeyboardInterrupt
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize(
    ("programs", "problem"),
    [({"server": FAILS}, "PostgreSQL 16.2 did not start"), ({"initdb": FAILS}, "PostgreSQL 16.2 made no database")],
)
def test_a_server_that_does_not_start_is_told_with_its_own_words(installed, tmp_path, programs, problem):
    with pytest.raises(checks.ToolError, match=rf"(?s)could not create shared memory.*{problem}"):
        postgres.Server(installed(**programs)).__enter__()
    assert left_behind(tmp_path) == []


def is_running(number):
    """It has not ended, whether somebody has taken note of that or not."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="prctl(PR_SET_PDEATHSIG) is Linux's")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_the_server_ends_with_the_command_however_that_ends(tmp_path, number):
    number_of_server = tmp_path / "number"
    make(tmp_path / "bin", server=f"echo $$ >{number_of_server}\n{RUNS}")
    script = f"""
import tempfile, time
from pathlib import Path
from tools import postgres
tempfile.tempdir = {str(tmp_path)!r}
postgres.unprivileged = lambda: None
with postgres.Server(postgres.installation(Path({str(tmp_path / "bin")!r}))):
    print("ready", flush=True)
    time.sleep(100)
"""
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) as command:
        assert command.stdout.readline() == "ready\n"
        command.send_signal(number)
    server = int(number_of_server.read_text())
    while is_running(server):  # the test's time limit is the bound
        time.sleep(0.02)
    assert bool(left_behind(tmp_path)) == (number == signal.SIGKILL)


def test_root_runs_it_as_somebody_else(monkeypatch):
    monkeypatch.setattr(postgres.os, "geteuid", lambda: 0)
    assert postgres.unprivileged().pw_name in postgres.UNPRIVILEGED
    monkeypatch.setattr(postgres.os, "geteuid", lambda: 1000)
    assert postgres.unprivileged() is None


# ./ivm test


@pytest.fixture
def runs(monkeypatch):
    """Every call of pytest, with what it is told; none takes place."""
    made = []

    def call(command, **options):
        made.append((command[3:], options["env"]))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(checks.subprocess, "run", call)
    monkeypatch.setattr(bootstrap, "ensure", lambda wanted: Path("python"))
    monkeypatch.setattr(checks, "provide", lambda *wanted, install: None)
    monkeypatch.setattr(checks.qemu, "provide", lambda *, install: False)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv(postgres.GIVEN, "postgres://given/postgres")
    return made


def told(runs):
    return [(env.get("IVM_DATABASE_URL"), env.get(postgres.GIVEN), env.get(postgres.CONSOLE)) for _, env in runs]


GIVEN = "postgres://given/postgres"


def test_all_tests_are_unit_tests_on_both_databases_and_two_consoles_with_one_on_each(runs):
    assert main(["test"]) == 0
    ends = 6 * [(None, GIVEN, "uli14")]  # browser tests and two-console tests
    assert told(runs) == [(None, None, None), (GIVEN, GIVEN, None), *ends]
    units, ends = [command for command, _ in runs[:2]], [command for command, _ in runs[2:]]
    assert all("not e2e and not browser" in command for command in units)
    assert {command[command.index("-m") + 1] for command in ends} == {
        "browser and not e2e",
        "e2e and not qemu",
        "e2e and qemu",
    }


def test_tests_with_a_lab_of_their_own_run_once_and_beside_the_others(runs):
    assert main(["test"]) == 0
    two_consoles = [command for command, _ in runs if "e2e and not qemu" in command]
    for path in checks.APART:
        assert sorted((path in command, f"--ignore={path}" in command) for command in two_consoles) == [
            (False, False),
            (False, False),
            (False, True),
            (True, False),
        ]


def test_all_tests_with_two_consoles_or_a_browser_are_where_they_are_looked_for():
    looked_for = (checks.BROWSER, *checks.TWO_CONSOLES, *checks.APART)
    marked = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("test_*.py")
        if re.search(r"^(pytestmark = |    |@)pytest\.mark\.(e2e|browser)\b", path.read_text(), re.MULTILINE)
    ]
    assert len(marked) >= 8
    assert [path for path in marked if not path.startswith(looked_for)] == []


def test_what_asks_no_database_runs_once_where_both_are_tried(runs):
    assert main(["test"]) == 0
    assert main(["test", "--postgres"]) == 0
    left_out = ["--ignore=tests/mover" in command for command, _ in runs]
    assert left_out == [False, True, *13 * [False]]


def test_all_tests_on_postgresql_put_the_other_console_on_it(runs):
    assert main(["test", "--postgres"]) == 0
    assert told(runs) == [(GIVEN, GIVEN, None), *6 * [(None, GIVEN, "uli13")]]


def test_named_tests_run_where_they_are_told_to(runs):
    assert main(["test", "tests/pages"]) == 0
    assert main(["test", "--postgres", "tests/pages"]) == 0
    assert [command for command, _ in runs] == 2 * [["tests/pages"]]
    assert told(runs) == [(None, None, None), (GIVEN, GIVEN, None)]


def test_a_bad_status_on_either_database_is_the_answer(runs, monkeypatch):
    statuses = iter([0, 1, 0, 0, 0, 0, 0, 0])
    monkeypatch.setattr(checks, "pytest", lambda *args: next(statuses))
    assert main(["test"]) == 1


def test_without_postgresql_all_tests_run_on_sqlite(runs, monkeypatch):
    monkeypatch.delenv(postgres.GIVEN)
    monkeypatch.setattr(postgres, "find", lambda: None)
    assert main(["test"]) == 0
    assert told(runs) == 7 * [(None, None, None)]


def test_asking_for_postgresql_where_there_is_none_is_one_line_and_no_success(runs, monkeypatch, capsys):
    monkeypatch.delenv(postgres.GIVEN)
    monkeypatch.setattr(checks.POSTGRESQL.__class__, "is_here", lambda extra: False)
    assert main(["test", "--postgres", "tests/pages"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "PostgreSQL 14 or newer is not installed" in line
    assert "--with-extras" in line
    assert runs == []


def test_a_part_that_is_not_on_the_path_is_looked_for_where_it_says():
    found = [None, object()]
    extra = extras.Extra("Xyz", ("no-such-program",), "xyz", "nothing", lambda: found.pop())
    assert extra.is_here()
    assert not extra.is_here()
