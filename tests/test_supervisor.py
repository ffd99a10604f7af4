"""The lab's supervisor with small programs in the place of the console's."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

from tools import lab as lab_module
from tools import process as process_module
from tools import run_folder
from tools.lab import Lab, LabOptions
from tools.paths import ROOT, ToolError
from tools.process import Process, Spec

pytestmark = pytest.mark.timeout(30)

# Holds a lock on its file for as long as it lives; touches another one when it does.
HOLDER = """
import fcntl, pathlib, signal, sys, time
lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
{extra}
pathlib.Path(sys.argv[2]).touch()
time.sleep(100)
"""
PLAIN = HOLDER.format(extra="")


class Said(list):
    """What the supervisor has said; a test can wait for a line."""

    def __init__(self):
        super().__init__()
        self.event = threading.Event()

    def __call__(self, line):
        self.append(line)
        self.event.set()


@pytest.fixture
def said():
    return Said()


@pytest.fixture
def make(tmp_path, said, monkeypatch):
    """Makes a process of a Python program; all are gone after the test."""
    monkeypatch.setattr(process_module, "FIRST_DELAY_S", 0.05)
    made = []

    def make(program=PLAIN):
        lock, ready = tmp_path / "lock", tmp_path / "ready"
        command = (sys.executable, "-c", program, str(lock), str(ready))
        made.append(Process(Spec("x/y", command, dict(os.environ), tmp_path / "y.log", ready.exists, ready), said))
        return made[-1]

    yield make
    for process in made:
        process.stop(grace_s=0)


def wait_for_the_end(tmp_path):
    """Returns when no process holds the lock; the test's time limit is the limit."""
    with (tmp_path / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)


def test_a_process_that_dies_is_started_again_and_that_is_said(make, said):
    process = make()
    process.start()
    process.wait_ready(10)
    process.restart = True
    first = process.pid
    process.kill()
    process.wait_ready(10)
    assert process.pid != first
    assert said == ["x/y was ended by SIGKILL; it is started again in 0.1 s."]


def test_each_death_in_a_row_is_followed_by_a_longer_pause(make, said, monkeypatch):
    monkeypatch.setattr(process_module, "LAST_DELAY_S", 0.3)
    process = make("raise SystemExit(7)")
    process.restart = True
    process.start()
    while len(said) < 5:
        said.event.wait()
        said.event.clear()
    process.stop()
    assert [line.rpartition(" in ")[2] for line in said[:5]] == ["0.1 s.", "0.1 s.", "0.2 s.", "0.3 s.", "0.3 s."]
    assert "ended with status 7" in said[0]


def test_a_process_that_shall_not_restart_stays_dead_until_it_is_started(make, said):
    process = make()
    process.start()
    process.wait_ready(10)
    process.kill()
    assert process.pid is None
    process.start()
    process.wait_ready(10)
    assert process.pid is not None
    assert said == []


def test_a_death_before_ready_is_told_with_the_end_of_the_log(make):
    process = make("raise SystemExit('the port is taken')")
    process.start()
    with pytest.raises(ToolError, match=r"(?s)x/y ended with status 1 before it was ready.*the port is taken"):
        process.wait_ready(10)


def test_a_process_that_ignores_the_request_is_killed_with_what_it_started(make, tmp_path):
    extra = (
        "import subprocess\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "subprocess.Popen(['sleep', '100'], pass_fds=[lock.fileno()])"  # the lock is held until both are gone
    )
    process = make(HOLDER.format(extra=extra))
    process.start()
    process.wait_ready(10)
    process.stop(grace_s=0.1)
    assert process.pid is None
    wait_for_the_end(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="prctl(PR_SET_PDEATHSIG) is Linux's")
def test_no_process_outlives_a_killed_supervisor(tmp_path):
    program = f"""
import os, sys, time
from pathlib import Path
from tools.process import Process, Spec
folder = Path({str(tmp_path)!r})
command = (sys.executable, "-c", {PLAIN!r}, str(folder / "lock"), str(folder / "ready"))
process = Process(Spec("x/y", command, dict(os.environ), folder / "log", (folder / "ready").exists), print)
process.start()
process.wait_ready(10)
print("ready", flush=True)
time.sleep(100)
"""
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout.readline() == "ready\n"
        supervisor.send_signal(signal.SIGKILL)
    wait_for_the_end(tmp_path)


def test_a_second_lab_in_the_same_folder_is_refused_and_the_first_one_named(tmp_path):
    with lab_module.claim(tmp_path):
        (tmp_path / lab_module.FACTS).write_text('{"pid": 4711, "port_offset": 0}')
        with pytest.raises(ToolError, match=r"running already \(process 4711\).*\./ivm stop"):
            Lab(tmp_path).start()
    assert not lab_module.is_running(tmp_path)


def test_a_port_in_use_is_named_with_the_variable_that_moves_it(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        lab = Lab(tmp_path, port - 8013)
        with pytest.raises(ToolError, match=rf"Port {port} of console uli13.*IVM_LAB_PORT_OFFSET"):
            lab.start()
        lab.stop()
    assert not lab_module.is_running(tmp_path)


def test_stopping_a_lab_that_does_not_run_says_so(tmp_path):
    assert lab_module.stop_running(tmp_path / "none") is False
    lab_module.claim(tmp_path).close()
    assert lab_module.stop_running(tmp_path) is False


def test_only_a_stopped_lab_is_deleted(tmp_path):
    (tmp_path / "letter.txt").touch()
    with pytest.raises(ToolError, match="holds no lab"):
        lab_module.remove(tmp_path)
    with lab_module.claim(tmp_path), pytest.raises(ToolError, match="running"):
        lab_module.remove(tmp_path)
    lab_module.remove(tmp_path)
    assert not tmp_path.exists()


def test_the_run_folder_must_be_ours_alone(tmp_path):
    open_to_all, link, ours = tmp_path / "open", tmp_path / "link", tmp_path / "ours"
    open_to_all.mkdir(mode=0o755)
    link.symlink_to(open_to_all)
    for folder in (open_to_all, link):
        with pytest.raises(ToolError, match="only you can open"):
            run_folder.make(folder)
    run_folder.make(ours)
    run_folder.make(ours)
    assert run_folder.is_private(ours)


def test_socket_paths_fit_however_deep_the_lab_lies(tmp_path):
    console = Lab(tmp_path / ("deep" * 40)).consoles["uli13"]
    assert len(str(console.hypervisor_socket)) < 80


def test_a_console_gets_its_settings_from_the_lab_alone_and_its_key_by_file(tmp_path, monkeypatch):
    monkeypatch.setenv("IVM_SECRET_KEY", "another console's")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "")
    lab = Lab(tmp_path / "lab", 100, LabOptions(memory_mb=64, fast=True))
    run_folder.make(lab.run)
    try:
        for console in lab.consoles.values():
            console.make_folders()
    finally:
        run_folder.remove(lab.run)
    keys = [console.secret_key.read_text() for console in lab.consoles.values()]
    assert len(set(keys)) == 2
    for console in lab.consoles.values():
        assert console.secret_key.stat().st_mode & 0o777 == 0o600
        specs = [*console.services(), console.setup(), *console.applications()]
        told = " ".join(f"{spec.command} {spec.environment}" for spec in specs)
        assert not any(key in told for key in [*keys, "another console's"])
        assert console.environment()["IVM_LAB_MEMORY_MB"] == "64"
        assert console.environment()["IVM_PUBLIC_ADDRESS"] == f"127.0.0.1:{console.https_port}"
