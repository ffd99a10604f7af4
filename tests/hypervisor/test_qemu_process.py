"""QEMU processes and the record of them, without QEMU: who is found again, who is ended, what is refused."""

import contextlib
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import RunState
from ivmweb.hypervisor.qemu import process
from ivmweb.hypervisor.qemu.command_line import Model, Places, monitor_argument
from ivmweb.hypervisor.qemu.console import GuestConsole
from ivmweb.hypervisor.qemu.machine import QemuMachine, QemuOptions, qemu_version
from ivmweb.hypervisor.qemu.process import ProcessId
from ivmweb.hypervisor.qemu.record import Damaged, Run, RunFile, make_empty
from ivmweb.hypervisor.vmc.serve import Unusable
from tests.hypervisor.conftest import LPAR, OPERATOR, ULI13, eventually, serving_machine

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def kind():
    return "qemu"  # with the memory that it takes


@pytest.fixture
def sleeper(tmp_path):
    started = process.start([*SLEEPER, f"one of {tmp_path}"], tmp_path / "log")
    yield started
    process.kill(started)
    assert process.wait_for_end(started, 10)


# Processes


def test_a_process_is_itself_by_pid_start_time_and_boot(sleeper):
    assert process.is_alive(sleeper)
    assert not process.is_alive(replace(sleeper, started=sleeper.started + 1))
    assert not process.is_alive(replace(sleeper, boot_id="another"))


@pytest.mark.parametrize("change", [{"started": 1}, {"boot_id": "before"}])
def test_another_process_with_a_recycled_pid_is_not_killed(sleeper, change):
    process.kill(replace(sleeper, **change))
    assert not process.wait_for_end(sleeper, 0.1)


def test_a_process_that_was_killed_has_ended_though_nobody_waited_for_it(sleeper):
    process.kill(sleeper)
    assert process.wait_for_end(sleeper, 10)
    assert process.processor_seconds(sleeper) is None
    process.kill(sleeper)


def test_a_process_outlives_its_starter_and_gets_nothing_of_it(sleeper):
    assert os.getsid(sleeper.pid) == sleeper.pid != os.getsid(0)
    eventually(lambda: {name for name in files_of(sleeper) if not name.endswith("/log")} == {"/dev/null"})


def files_of(running):
    """It may open and close some of its own while it starts."""
    names = set()
    for number in os.listdir(f"/proc/{running.pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            names.add(os.readlink(f"/proc/{running.pid}/fd/{number}"))
    return names


def test_a_process_is_found_by_a_whole_argument_only(sleeper, tmp_path):
    assert process.find(f"one of {tmp_path}") == [sleeper]
    assert process.find(str(tmp_path)) == []


def test_last_words_are_the_end_of_the_log(tmp_path):
    (tmp_path / "log").write_bytes(b"x" * 10_000 + b"\nfirst\n\n  qemu: no \xff\nlast\n")
    assert process.last_words(tmp_path / "log") == "qemu: no \ufffd; last"
    assert process.last_words(tmp_path / "none") == ""


def test_a_log_begins_anew_with_each_process(tmp_path):
    (tmp_path / "log").write_text("old words\n")
    started = process.start([sys.executable, "-c", "print('new words')"], tmp_path / "log")
    assert process.wait_for_end(started, 10)
    assert process.last_words(tmp_path / "log") == "new words"


# The record


def test_a_record_is_read_as_it_was_written(tmp_path, define):
    file = RunFile(tmp_path / "guests" / "2")
    assert file.read() is None
    run = Run(define(), ProcessId(17, 4711, "b"), is_incoming=True, booted_at=1.5, migration_id="m1")
    file.write(run)
    assert RunFile(tmp_path / "guests" / "2").read() == run
    file.forget()
    file.forget()
    assert file.read() is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"definition": 1}', '{"unknown": 1}', "\udcff", "[" * 50_000])
def test_a_damaged_record_is_named_and_not_guessed(tmp_path, text):
    file = RunFile(tmp_path)
    file.path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(Damaged, match=r"run\.json can't be used"):
        file.read()


def test_a_record_that_is_cut_anywhere_is_damaged(tmp_path, define):
    file = RunFile(tmp_path)
    file.write(Run(define(luns=0)))
    whole = file.path.read_bytes()
    for length in range(len(whole)):
        file.path.write_bytes(whole[:length])
        with pytest.raises(Damaged):
            file.read()


def test_a_write_that_fails_leaves_the_old_record(tmp_path, define, monkeypatch):
    file = RunFile(tmp_path)
    file.write(old := Run(define(luns=0)))

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        file.write(replace(old, is_booted=True))
    assert file.read() == old


def test_what_an_earlier_guest_left_in_its_folder_is_gone(tmp_path):
    (tmp_path / "q2").mkdir()
    (tmp_path / "q2" / "qmp").touch()
    make_empty(tmp_path / "q2")
    assert list((tmp_path / "q2").iterdir()) == []
    assert (tmp_path / "q2").stat().st_mode & 0o777 == 0o700


# QEMU's version


@pytest.fixture
def fake_qemu(tmp_path):
    def make(version_words, then="exit 1"):
        path = tmp_path / "qemu-fake"
        path.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "{version_words}" && exit 0\n{then}\n')
        path.chmod(0o755)
        return str(path)

    return make


def options(folder, program):
    return QemuOptions(ULI13, folder / "state", model=Model(program=program), run_dir=folder)


@pytest.mark.parametrize(
    ("words", "version"),
    [
        ("QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2~bpo12+1)", (10, 0, 2)),
        ("QEMU emulator version 8.2.0", (8, 2, 0)),
    ],
)
def test_version_is_read(fake_qemu, words, version):
    assert qemu_version(fake_qemu(words)) == version


@pytest.mark.parametrize("words", ["QEMU emulator version 7.2.22 (Debian 1:7.2)", "QEMU emulator version 8.1.5"])
def test_a_qemu_that_is_too_old_is_refused_with_the_reason(folder, fake_qemu, words):
    with pytest.raises(Unusable, match=r"qemu-fake is version [78]\.\d+\.\d+; it has to be 8\.2 or newer, since"):
        QemuMachine(options(folder, fake_qemu(words)))


def test_the_least_qemu_is_taken(folder, fake_qemu):
    machine = QemuMachine(options(folder, fake_qemu("QEMU emulator version 8.2.0")))
    assert machine.describe_system().capacity.version == "QEMU 8.2.0 pseries-10.0 power9 tcg spapr-vscsi"


def test_a_missing_program_is_named(folder):
    with pytest.raises(Unusable, match=r"/no/such/qemu does not run: .*No such file"):
        QemuMachine(options(folder, "/no/such/qemu"))


def test_a_program_that_says_no_version_is_refused(folder, fake_qemu):
    with pytest.raises(Unusable, match="says no version: 'hello"):
        QemuMachine(options(folder, fake_qemu("hello")))


def test_the_process_ends_with_the_reason_where_qemu_is_missing(folder):
    command = [sys.executable, "-m", "ivmweb.hypervisor.qemu", "--system", ULI13, "--program", "/no/such/qemu"]
    paths = ["--socket", str(folder / "vmc"), "--state-dir", str(folder / "state")]
    done = subprocess.run([*command, *paths], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "the hypervisor does not start: /no/such/qemu does not run" in done.stderr
    assert "Traceback" not in done.stderr


# A hypervisor whose QEMU is a program that the test plays


@pytest.fixture
def machine(folder, fake_qemu):
    """Makes the hypervisor of uli13, with a QEMU that does this when it is started."""

    def make(then="exit 1"):
        return QemuMachine(options(folder, fake_qemu("QEMU emulator version 10.0.2", then)))

    return make


def record_of(folder):
    return folder / "state" / "guests" / str(LPAR) / "run.json"


def test_a_damaged_record_is_a_refusal_to_start_that_says_what_to_do(folder, machine, define):
    with serving_machine(machine(), folder) as console:
        console.create(define(), OPERATOR)
    record_of(folder).write_text("{")
    with pytest.raises(Unusable, match=r"guests/2/run\.json can't be used: .* restore it, or end that process"):
        machine()


def test_a_guest_that_does_not_come_up_is_refused_with_qemus_words_and_leaves_nothing(folder, machine, define):
    with serving_machine(machine("echo qemu-fake: no room >&2; exit 1"), folder) as console:
        console.create(define(), OPERATOR)
        with pytest.raises(HypervisorError, match=r"could not start partition uli13lp1 .*: qemu-fake: no room"):
            console.activate(LPAR, OPERATOR)
        assert console.run_state() is RunState.NOT_ACTIVATED
        assert not record_of(folder).exists()
        assert console.describe_system().partitions[0].memory_mb


def test_a_start_that_fails_before_qemu_does_not_quote_an_earlier_run(folder, machine, define):
    with serving_machine(machine("echo qemu-fake: no room >&2; exit 1"), folder) as console:
        console.create(define(), OPERATOR)
        with pytest.raises(HypervisorError, match="no room"):
            console.activate(LPAR, OPERATOR)
        places = folder / f"q{LPAR}"
        places.rmdir()
        places.touch()  # in the way of the folder of its sockets
        with pytest.raises(HypervisorError, match=r"9421.*File exists") as refused:
            console.activate(LPAR, OPERATOR)
        assert "no room" not in refused.value.text


def test_a_program_that_went_away_is_refused_with_its_name(folder, machine, define, fake_qemu):
    with serving_machine(machine(), folder) as console:
        console.create(define(), OPERATOR)
        os.unlink(fake_qemu(""))
        with pytest.raises(HypervisorError, match=r"could not start partition uli13lp1 .*qemu-fake"):
            console.activate(LPAR, OPERATOR)
        assert not record_of(folder).exists()


@pytest.mark.parametrize("kept", [0, 1])
def test_a_full_disk_refuses_the_start_and_leaves_no_process(folder, machine, define, monkeypatch, kept):
    """The record is written before the process is started, and after it."""
    written = []
    really = RunFile.write

    def write(self, run):
        if len(written) == kept:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(run)
        really(self, run)

    monkeypatch.setattr(RunFile, "write", write)
    with serving_machine(machine("exec sleep 600"), folder) as console:
        console.create(define(), OPERATOR)
        with pytest.raises(HypervisorError, match=r"9423.*run\.json: No space left on device"):
            console.activate(LPAR, OPERATOR)
        assert console.run_state() is RunState.NOT_ACTIVATED
        assert process.find(monitor_argument(Places(folder / f"q{LPAR}"))) == []
        assert not record_of(folder).exists()


@pytest.fixture
def defined(folder, machine, define):
    """With uli13lp1, whose hypervisor is not there now."""
    with serving_machine(machine(), folder) as console:
        console.create(definition := define(), OPERATOR)
    return definition


def test_a_run_that_was_recorded_and_not_started_is_forgotten(folder, machine, defined):
    RunFile(record_of(folder).parent).write(Run(defined))
    with serving_machine(machine(), folder) as console:
        assert console.run_state() is RunState.NOT_ACTIVATED
    assert not record_of(folder).exists()


def test_a_run_that_was_started_and_has_no_pid_in_its_record_is_ended(folder, machine, defined, tmp_path):
    RunFile(record_of(folder).parent).write(Run(defined))
    orphan = process.start([*SLEEPER, monitor_argument(Places(folder / f"q{LPAR}"))], tmp_path / "log")
    other = process.start([*SLEEPER, monitor_argument(Places(folder / "q20"))], tmp_path / "log")
    try:
        with serving_machine(machine(), folder) as console:
            assert console.run_state() is RunState.NOT_ACTIVATED
        assert not process.is_alive(orphan)
        assert process.is_alive(other)
    finally:
        for started in (orphan, other):
            process.kill(started)
            process.wait_for_end(started, 10)
    assert not record_of(folder).exists()


def test_a_run_whose_pid_is_another_process_by_now_is_forgotten_and_that_one_left_alone(
    folder, machine, defined, sleeper
):
    RunFile(record_of(folder).parent).write(Run(defined, replace(sleeper, started=1)))
    with serving_machine(machine(), folder) as console:
        assert console.run_state() is RunState.NOT_ACTIVATED
        console.discard(LPAR, OPERATOR)
    assert process.is_alive(sleeper)


def listed(console):
    (facts,) = console.describe_system().partitions
    return facts.run_state


def test_a_guest_that_does_not_answer_is_kept_and_shown_as_an_error_until_it_is_ended(
    folder, machine, defined, sleeper
):
    """Its main loop may hang in a stream that breaks in a moment; then it runs on."""
    RunFile(record_of(folder).parent).write(Run(defined, sleeper, is_booted=True))
    with serving_machine(machine(), folder) as console:
        assert listed(console) is RunState.ERROR
        with pytest.raises(HypervisorError, match="9424"):
            console.describe(LPAR)  # a hand-over must not be decided on it
        assert process.is_alive(sleeper)
        with pytest.raises(HypervisorError, match="9406"):
            console.activate(LPAR, OPERATOR)
        console.discard(LPAR, OPERATOR)
        assert console.run_state() is RunState.NOT_ACTIVATED
        assert not process.is_alive(sleeper)


@pytest.fixture
def half_a_monitor(folder):
    """The first monitor answers once; there is no second one. How often it was asked."""
    (folder / "q2").mkdir()
    asked = []

    def serve(listener):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.sendall(b'{"QMP": {}}\n')
                    asked.append(json.loads(connection.makefile().readline()))
                    connection.sendall(json.dumps({"return": {}, "id": asked[-1]["id"]}).encode() + b"\n")
                    connection.recv(1)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "q2" / "qmp"))
        listener.listen()
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield asked
        listener.shutdown(socket.SHUT_RDWR)


def test_a_guest_is_not_taken_for_off_while_it_is_sought(folder, machine, defined, sleeper, half_a_monitor):
    RunFile(record_of(folder).parent).write(Run(defined, sleeper, is_booted=True))
    with serving_machine(machine(), folder) as console:
        eventually(lambda: len(half_a_monitor) >= 2)
        assert listed(console) is RunState.ERROR
        eventually(lambda: len(half_a_monitor) >= 3)
        assert listed(console) is RunState.ERROR


def test_a_silent_guest_that_ends_by_itself_is_off(folder, machine, defined, sleeper):
    RunFile(record_of(folder).parent).write(Run(defined, sleeper, is_booted=True))
    with serving_machine(machine(), folder) as console:
        os.kill(sleeper.pid, signal.SIGKILL)
        eventually(lambda: listed(console) is RunState.NOT_ACTIVATED)
    assert not record_of(folder).exists()


# The console


def test_a_sign_is_told_once_though_its_line_goes_on(tmp_path):
    told = []
    console = GuestConsole(told.append)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "con"))
        listener.listen()
        console.attach(tmp_path / "con")
        guest, _ = listener.accept()
        with guest:
            for words in (b"uli13lp1 log", b"in: ", b"\r\n", b"SLOF **", b"*\r\n"):
                guest.sendall(words)
                eventually(lambda words=words: told or b":" not in words, 10)
            eventually(lambda: told == ["Linux ppc64", "CA000000"], 10)
        console.detach()
