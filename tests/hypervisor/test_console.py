"""The console stream: what a virtual terminal shows and who answers it, and that it can hurt nobody."""

import signal
import socket
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import NextStep, Phase, RunState, ShutdownKind
from ivmweb.hypervisor.simulated import codes
from ivmweb.hypervisor.simulated.console import HELD_BYTES, Console
from ivmweb.hypervisor.simulated.machine import SimulatedMachine, SimulatedOptions
from ivmweb.hypervisor.vmc import server
from ivmweb.hypervisor.vmc.panel import ENDED
from tests.hypervisor.conftest import (
    FENCE,
    LOGIN,
    LPAR,
    OPERATOR,
    RUNNING_FACTS,
    ULI13,
    Vt,
    eventually,
    kept_by,
    read_all,
    serving,
)

# A console whose partition the test plays


class ScriptedPartition:
    """`ConsoleOwner`; the test sets the run state."""

    def __init__(self):
        self.changed = threading.Condition(threading.RLock())
        self.definition = SimpleNamespace(name="uli13lp1", memory_mb=16, virtual_processors=2)
        self.run_state = RunState.NOT_ACTIVATED

    @property
    def is_paused(self):
        return self.run_state in (RunState.SUSPENDED, RunState.COMPLETED, RunState.LOADED)

    def facts(self):
        return RUNNING_FACTS


def shown_by(console):
    return kept_by(console._terminal)


@pytest.fixture
def partition():
    return ScriptedPartition()


@pytest.fixture
def console(partition):
    """Of a partition that runs."""
    console = Console(partition)
    partition.run_state = RunState.RUNNING
    console.run_on()
    return console


@pytest.mark.parametrize("pause", [RunState.SUSPENDED, RunState.COMPLETED, RunState.LOADED])
def test_paused_partition_answers_when_it_runs_on(partition, console, pause):
    partition.run_state = pause
    before = shown_by(console)
    console.take_keys(b"root\runame\r")
    assert shown_by(console) == before == LOGIN
    partition.run_state = RunState.RUNNING
    console.run_on()
    assert shown_by(console).endswith("# uname\r\nLinux\r\n# ")
    console.run_on()
    assert shown_by(console).count("uname\r") == 1


def test_what_is_typed_in_a_pause_is_bounded(partition, console):
    partition.run_state = RunState.COMPLETED
    for _ in range(100):
        console.take_keys(b"x" * 256)
    partition.run_state = RunState.RUNNING
    console.run_on()
    shown = shown_by(console)
    assert shown.count("x") + shown.count("\a") == HELD_BYTES


@pytest.mark.parametrize(
    "state",
    [
        RunState.NOT_ACTIVATED,
        RunState.STARTING,
        RunState.SHUTTING_DOWN,
        RunState.INCOMING,
        RunState.FAILED_INCOMING,
        RunState.ERROR,
    ],
)
def test_what_is_typed_without_an_operating_system_is_lost(partition, console, state):
    partition.run_state = state
    console.take_keys(b"root\r")
    partition.run_state = RunState.RUNNING
    console.run_on()
    assert shown_by(console) == LOGIN


def test_next_run_asks_for_a_new_log_in(partition, console):
    console.take_keys(b"root\r")
    console.end_run()
    console.take_keys(b"uname\r")
    console.run_on()
    assert shown_by(console).endswith(f"# {LOGIN}")


# A whole hypervisor


@pytest.fixture
def open_vt(uli13):
    """Opens terminals of uli13 and closes them."""
    opened = []

    def open_(console=uli13, lpar_id=LPAR):
        opened.append(Vt(console, lpar_id))
        return opened[-1]

    yield open_
    for vt in opened:
        vt.close()


@pytest.fixture
def definition(define):
    return define()


@pytest.fixture
def vt(uli13, definition, open_vt):
    """Of a partition that runs, at its log-in."""
    uli13.boot(definition)
    vt = open_vt()
    vt.see(LOGIN)
    return vt


def reopened(open_vt, console):
    """A terminal, once the place is free."""

    def try_to():
        try:
            return open_vt(console)
        except HypervisorError as exc:
            assert exc.key == "terminal-connected"  # noqa: PT017

    return eventually(try_to)


def test_terminal_opened_before_activation_sees_the_whole_life(uli13, define, open_vt):
    uli13.create(define(), OPERATOR)
    vt = open_vt()
    uli13.activate(LPAR, OPERATOR)
    boot = vt.see(LOGIN)
    uli13.shut_down(LPAR, ShutdownKind.OS, OPERATOR)
    down = vt.see(ENDED)
    uli13.activate(LPAR, OPERATOR)
    vt.see(LOGIN)
    lines = boot.split("\r\n")
    assert lines[:-3] == [ENDED, *codes.BOOT]
    assert lines[-3:] == ["Simulated system: 16 MB, 1 virtual processors", codes.RUNNING, LOGIN]
    assert down.split() == [*codes.SHUTDOWN, ENDED]


def test_commands_tell_of_the_partition_itself(uli13, vt):
    record = eventually(lambda: uli13.describe(LPAR).last_record)
    beat = uli13.describe(LPAR).heartbeat
    vt.type(b"root\rrecords\rheartbeat\rhostname\r")
    vt.see("records\r\n")
    assert int(vt.see("\r\n")) >= record
    vt.see("heartbeat\r\n")
    assert int(vt.see("\r\n")) >= beat
    vt.see("hostname\r\nuli13lp1\r\n# ")


def test_terminal_that_comes_back_sees_what_was_shown_and_is_still_logged_in(uli13, vt, open_vt):
    vt.type(b"root\runame\r")
    vt.see("Linux\r\n# ")
    vt.close()
    back = reopened(open_vt, uli13)
    replayed = back.see("uname\r\nLinux\r\n# ")
    back.type(b"hostname\r")
    assert codes.BOOT[0] in replayed
    assert back.see("# ") == "hostname\r\nuli13lp1\r\n# "


def test_second_terminal_is_refused_and_the_first_one_works_on(uli13, vt):
    with pytest.raises(HypervisorError) as refused:
        uli13.open_console(LPAR)
    assert str(refused.value).startswith(
        "[VIOSE01049000-9422] Virtual terminal is already connected to partition uli13lp1 (ID 2). Close that terminal"
    )
    vt.type(b"root\r")
    vt.see("# ")


def test_a_terminal_is_ended_by_whoever_asks_and_told_so(uli13, vt, open_vt):
    assert uli13.close_console(LPAR) is True
    assert vt.rest() == "\r\nThe console is closed: somebody else ended this terminal.\r\n"
    assert uli13.close_console(LPAR) is False
    assert "ended this" not in open_vt().see(LOGIN)


def test_a_console_that_is_not_there_is_not_closed(uli13):
    with pytest.raises(HypervisorError, match="9403"):
        uli13.close_console(LPAR)


def test_partition_that_is_not_defined_has_no_console(uli13):
    with pytest.raises(HypervisorError, match="9403"):
        uli13.open_console(LPAR)


def test_killed_client_frees_the_place(uli13, define, open_vt):
    uli13.boot(define())
    program = (
        "import sys, time; from pathlib import Path; from ivmweb.hypervisor import connect\n"
        "vt = connect('simulated', Path(sys.argv[1]), 'uli13').open_console(2)\n"
        "print('open', flush=True); time.sleep(600)"
    )
    client = subprocess.Popen([sys.executable, "-c", program, str(uli13._path)], stdout=subprocess.PIPE)
    with client:
        assert client.stdout.readline() == b"open\n"
        with pytest.raises(HypervisorError, match="9422"):
            uli13.open_console(LPAR)
        client.send_signal(signal.SIGKILL)
    reopened(open_vt, uli13).see(LOGIN)


def test_removal_closes_the_console_and_says_why(uli13, define, open_vt):
    uli13.create(define(), OPERATOR)
    vt = open_vt()
    uli13.discard(LPAR, OPERATOR)  # there is no run that could end
    uli13.remove(LPAR, OPERATOR)
    assert vt.rest() == f"{ENDED}\r\nThe console is closed: the partition was removed.\r\n"


def test_discarded_run_closes_the_console_and_frees_the_place(uli13, vt, open_vt):
    uli13.discard(LPAR, OPERATOR)
    again = open_vt()
    assert vt.rest() == f"\r\n{ENDED}\r\nThe console is closed: the partition's run here has ended.\r\n"
    uli13.activate(LPAR, OPERATOR)
    again.see(LOGIN)
    assert "closed" not in again.see(LOGIN)


def test_console_moves_on_with_neither_history_nor_log_in(uli13, uli14, definition, move, open_vt):
    uli13.boot(definition)
    source = open_vt()
    source.type(b"root\r")
    source.see("# ")
    under_way = move(definition)
    destination = open_vt(uli14)
    destination.type(b"root\r")
    under_way.finish()
    source.type(b"hostname\r")
    under_way.hand_over()
    uli13.discard(LPAR, FENCE)
    arrived = destination.see(LOGIN)
    destination.type(b"\x03root\rhostname\r")
    destination.see("hostname\r\nuli13lp1\r\n# ")
    assert "hostname" not in source.rest()
    assert codes.LOADED in arrived
    assert codes.BOOT[-1] not in arrived
    assert "#" not in arrived


def test_completed_source_that_is_taken_back_answers_what_was_typed(uli13, uli14, definition, vt, move):
    vt.type(b"root\r")
    vt.see("# ")
    move(definition).finish()
    vt.type(b"hostname\r")
    uli14.discard(LPAR, FENCE)
    uli13.resume(LPAR, FENCE)
    assert vt.see("# ") == "hostname\r\nuli13lp1\r\n# "


def test_suspended_source_answers_once_it_runs_on_by_itself(uli13, vt):
    with uli13.open_state_out(LPAR, FENCE) as stream:
        reader = threading.Thread(target=lambda: stream.makefile("rb").read(), daemon=True)
        reader.start()
        uli13.wait_for_phase(Phase.PASS_END)
        uli13.continue_transfer(LPAR, NextStep.SUSPEND, FENCE)
        uli13.wait_for_phase(Phase.DEVICE)  # for as long as nobody acknowledges the state
        vt.type(b"root\r")
        uli13.cancel_transfer(LPAR, FENCE)
        vt.see("# ")
        reader.join(30)


def test_flood_of_anything_leaves_partition_and_console_well(uli13, vt):
    beat = uli13.describe(LPAR).heartbeat
    vt.type(bytes(range(256)) * 256)
    vt.type(b"\x03\x04\rroot\r\rhostname\r")
    vt.see("hostname\r\nuli13lp1\r\n# ")
    assert uli13.describe(LPAR).heartbeat > beat


def test_terminal_that_never_reads_stops_nothing(uli13, vt):
    vt.type(b"root\r" + b"help\r" * 10_000)  # answers of 1 MB
    beat = uli13.describe(LPAR).heartbeat
    eventually(lambda: uli13.describe(LPAR).heartbeat > beat + 20)
    uli13.shut_down(LPAR, ShutdownKind.OS, OPERATOR)
    uli13.wait_for(RunState.NOT_ACTIVATED)
    uli13.remove(LPAR, OPERATOR)


def test_consoles_take_no_place_of_commands(folder, define, monkeypatch):
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 1)
    with serving(folder / "small", ULI13) as console:
        for lpar_id in (2, 3, 4):
            eventually(lambda lpar_id=lpar_id: succeeds(console.create, define(lpar_id, luns=0), OPERATOR))
        opened = [eventually(lambda lpar_id=lpar_id: succeeds(Vt, console, lpar_id)) for lpar_id in (2, 3, 4)]
        assert len(eventually(lambda: succeeds(console.describe_system)).partitions) == 3
        for vt in opened:
            vt.close()


def succeeds(call, *arguments):
    """What the call gives, or True; None where another connection still has the only slot."""
    try:
        return call(*arguments) or True
    except HypervisorError as exc:
        assert exc.key == "hypervisor-busy"  # noqa: PT017


def test_end_of_the_hypervisor_closes_the_console(folder, define):
    with serving(folder / "short", ULI13) as console:
        console.create(define(), OPERATOR)
        vt = Vt(console)
    assert vt.rest().endswith("The console is closed: the hypervisor ends.\r\n")
    vt.close()


# What a rival does just before the console is open


@pytest.fixture
def machine(folder, define):
    """With a partition that is not activated."""
    machine = SimulatedMachine(
        SimulatedOptions(system=ULI13, state_dir=folder / "state", memory_mb=128, boot_step_s=0)
    )
    machine.create(define(luns=0), OPERATOR)
    yield machine
    machine.stop()


def test_partition_removed_while_its_console_opens_closes_it(machine):
    ours, theirs = socket.socketpair()
    machine.open_console(theirs, LPAR, greet=lambda: machine.remove(LPAR, OPERATOR))
    assert "the partition was removed" in read_all(ours)


def test_partition_removed_before_its_console_opens_closes_it(machine, monkeypatch):
    partition = machine.get(LPAR)
    machine.remove(LPAR, OPERATOR)
    monkeypatch.setattr(machine, "get", lambda lpar_id: partition)
    ours, theirs = socket.socketpair()
    machine.open_console(theirs, LPAR, greet=lambda: None)
    assert "the partition was removed" in read_all(ours)


def test_partition_can_be_asked_while_its_console_is_greeted(machine):
    described = []

    def greet():
        asker = threading.Thread(target=lambda: described.append(machine.describe(LPAR)), daemon=True)
        asker.start()
        asker.join(30)

    ours, theirs = socket.socketpair()
    machine.open_console(theirs, LPAR, greet)
    ours.close()
    assert described[0].run_state is RunState.NOT_ACTIVATED
