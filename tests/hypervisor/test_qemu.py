"""Real guests whose hypervisor, QEMU, stream, disk or operating system fails. Each boots in some seconds."""

import errno
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import Phase, RunState, ShutdownKind
from ivmweb.hypervisor.lun import Space
from ivmweb.hypervisor.qemu import guest, process
from ivmweb.hypervisor.qemu.command_line import Kind, Places, command_line, monitor_argument
from ivmweb.hypervisor.qemu.qmp import Monitor
from ivmweb.hypervisor.qemu.record import RunFile
from ivmweb.hypervisor.vmc.panel import ENDED
from tests.hypervisor.conftest import (
    FENCE,
    LPAR,
    MB,
    OPERATOR,
    ULI13,
    ULI14,
    Console,
    Move,
    Vt,
    eventually,
    serving_qemu,
    slow_down,
)
from tests.hypervisor.test_broken_stream import WithoutReader

pytestmark = pytest.mark.qemu
BUSY = (
    100 * MB
)  # bytes/s that the guest writes: more than a socket holds is left, and QEMU does not suspend by itself


@pytest.fixture
def kind():
    return "qemu"


def record_of(console):
    return RunFile(console.state_dir / "guests" / str(LPAR)).read()


def places_of(console):
    return Places(console._path.parent / f"q{LPAR}")


def kill_qemu(console):
    victim = record_of(console).process
    process.kill(victim)
    assert process.wait_for_end(victim, 10)


def assert_runs_on(console):
    console.wait_for(RunState.RUNNING)
    beat = console.describe(LPAR).heartbeat or 0
    eventually(lambda: (console.describe(LPAR).heartbeat or 0) > beat)


def assert_nothing_is_left(console):
    assert console.run_state() is RunState.NOT_ACTIVATED
    assert console.describe(LPAR).reference_code == ENDED
    assert record_of(console) is None
    assert process.find(monitor_argument(places_of(console))) == []


@pytest.fixture
def log_in(uli13):
    """Opens the shell of uli13's guest."""
    opened = []

    def open_(console=uli13):
        opened.append(vt := Vt(console))
        vt.type(b"\r")
        vt.see("# ")
        return vt

    yield open_
    for vt in opened:
        vt.close()


# The hypervisor process ends; its guests do not


@pytest.fixture
def start_process(folder, model):
    """Starts (again) a hypervisor process; at the end of the test they and their guests are ended."""
    processes = []

    def start(name="uli13", system=ULI13, *more):
        place = folder / name
        command = [sys.executable, "-m", "ivmweb.hypervisor.qemu", "--system", system, "--end-guests"]
        paths = ["--socket", place / "vmc", "--state-dir", place / "state"]
        kit = ["--kernel", model.kernel, "--initrd", model.initrd]
        processes.append(subprocess.Popen([*command, *paths, *kit, *more], stderr=subprocess.DEVNULL))
        console = Console(place / "vmc", system, place / "state")
        eventually(lambda: processes[-1].poll() is not None or answers(console))
        return processes[-1], console

    yield start
    for one in processes:
        one.terminate()
        one.wait(30)


def answers(console):
    try:
        return console.describe_system()
    except HypervisorError:
        return None


def kill(hypervisor):
    hypervisor.kill()
    hypervisor.wait(10)


def test_killed_hypervisor_finds_its_guest_as_it_runs(start_process, define, log_in):
    first, console = start_process()
    console.boot(define())
    before, qemu = console.describe(LPAR), record_of(console).process
    second, _ = start_process()
    assert second.wait(30) == 1, "a second one gives up and harms no guest"
    kill(first)
    assert process.is_alive(qemu)

    start_process()
    found = console.describe(LPAR)
    assert (found.run_state, record_of(console).process) == (RunState.RUNNING, qemu)
    assert found.uptime_s > 0
    eventually(lambda: (console.describe(LPAR).heartbeat or 0) > before.heartbeat)
    vt = log_in(console)
    vt.type(b"hostname\r")
    vt.see("uli13lp1\r\n")


def test_stream_goes_on_while_both_hypervisors_are_killed_and_started_again(start_process, define):
    left, source = start_process()
    right, destination = start_process("uli14", ULI14)
    source.boot(definition := define(workload_bytes_per_s=BUSY))
    move = Move(source, destination, definition).to_pass_end()
    for hypervisor in (left, right):
        kill(hypervisor)
    (left, _), (right, _) = start_process(), start_process("uli14", ULI14)
    assert (source.run_state(), destination.run_state()) == (RunState.RUNNING, RunState.INCOMING)
    assert [end.wait_transfer(LPAR, -1, 0).migration_id for end in (source, destination)] == [FENCE.migration_id] * 2
    assert [status.phase for status in move.finish()] == [Phase.COMPLETED, Phase.LOADED]

    for hypervisor in (left, right):
        kill(hypervisor)
    start_process(), start_process("uli14", ULI14)
    assert (source.run_state(), destination.run_state()) == (RunState.COMPLETED, RunState.LOADED)
    move.hand_over()
    source.discard(LPAR, FENCE)
    assert_nothing_is_left(source)
    assert_runs_on(destination)


def test_guest_is_slowed_down_no_longer_than_its_stream_lasts_while_its_hypervisor_is_killed(start_process, define):
    left, source = start_process()
    _right, destination = start_process("uli14", ULI14)
    source.boot(definition := define(workload_bytes_per_s=BUSY))
    move = Move(source, destination, definition, may_throttle=True)
    slow_down(move, 80)
    kill(left)
    left, _ = start_process()
    assert source.describe(LPAR).slowed_percent == 80, "the stream is as it was"
    source.throttle(LPAR, 60, FENCE)
    kill(left)
    move.relay.close()
    start_process()
    eventually(lambda: source.run_state() is RunState.RUNNING and not source.describe(LPAR).slowed_percent)
    assert_runs_on(source)
    move.relay.join()


def test_hypervisor_that_starts_again_takes_no_old_stream_for_an_open_one(start_process, define):
    """The guest was taken back after *completed*, and an incoming one still waits for its stream."""
    left, source = start_process()
    right, destination = start_process("uli14", ULI14)
    source.boot(definition := define())
    Move(source, destination, definition).finish()
    destination.discard(LPAR, FENCE)
    source.resume(LPAR, FENCE)
    destination.create_incoming(definition, FENCE)
    for hypervisor in (left, right):
        kill(hypervisor)
    start_process(), start_process("uli14", ULI14)
    assert source.wait_transfer(LPAR, -1, 0).phase is Phase.NONE
    move = Move(source, destination, definition)
    assert [status.phase for status in move.finish()] == [Phase.COMPLETED, Phase.LOADED]


def test_guest_from_before_a_change_of_the_settings_runs_on_and_is_not_moved(start_process, define):
    """The destination would start it by the new ones: QEMU would refuse the stream at its end, or not even that."""
    left, source = start_process()
    source.boot(define())
    kill(left)
    left, _ = start_process("uli13", ULI13, "--processor", "power10")
    assert " power10 " in source.describe_system().capacity.version
    for act in (lambda: source.prepare_for_migration(LPAR, 1), lambda: source.open_state_out(LPAR, FENCE)):
        with pytest.raises(
            HypervisorError, match=r"9745.*started as QEMU \S+ pseries-10.0 power9 .* settings are QEMU"
        ):
            act()
    assert_runs_on(source)
    kill(left)
    start_process()
    source.prepare_for_migration(LPAR, 5)


# QEMU ends


def to_active(move):
    move.destination.wait_for_phase(Phase.ACTIVE)
    move.relay.flows.clear()
    move.source.wait_for_phase(Phase.ACTIVE, Phase.PASS_END)


def to_pass_end(move):
    move.to_pass_end()


def to_device(move):
    """All has arrived, and nobody tells the source so."""
    move.to_pass_end()
    move.relay.answers.clear()
    move.suspend()
    move.destination.wait_for_phase(Phase.LOADED)


def test_source_runs_on_in_whatever_phase_the_destinations_qemu_dies(uli13, uli14, define, move):
    uli13.boot(definition := define(workload_bytes_per_s=BUSY))
    for to_phase in (to_active, to_pass_end, to_device):
        to_phase(one := move(definition))
        kill_qemu(uli14)
        one.relay.close()
        assert uli13.wait_for_phase(Phase.FAILED).error
        assert_runs_on(uli13)
        assert "QEMU has ended" in uli14.wait_for_phase(Phase.FAILED).error
        # Off, where all of it had arrived just before.
        eventually(lambda: uli14.run_state() in (RunState.FAILED_INCOMING, RunState.NOT_ACTIVATED))
        with pytest.raises(HypervisorError, match=r"9406|9407"):
            uli14.resume(LPAR, FENCE)
        uli14.discard(LPAR, FENCE)
        assert_nothing_is_left(uli14)


def test_source_can_be_taken_back_when_the_loaded_image_is_lost(uli13, uli14, define, move):
    uli13.boot(definition := define())
    move(definition).finish()
    kill_qemu(uli14)
    uli14.wait_for(RunState.NOT_ACTIVATED)
    assert uli14.wait_for_phase(Phase.FAILED).error
    assert uli13.run_state() is RunState.COMPLETED
    uli13.resume(LPAR, FENCE)
    assert_runs_on(uli13)


def test_nothing_runs_when_the_sources_qemu_dies_before_the_end(uli13, uli14, define, move):
    uli13.boot(definition := define(workload_bytes_per_s=BUSY))
    to_pass_end(move(definition))
    kill_qemu(uli13)
    uli13.wait_for(RunState.NOT_ACTIVATED)
    assert "QEMU has ended" in uli13.wait_transfer(LPAR, -1, 0).error
    assert uli14.wait_for_phase(Phase.FAILED).error
    assert uli14.run_state() is RunState.FAILED_INCOMING
    assert_nothing_is_left(uli13)
    uli13.activate(LPAR, OPERATOR)
    assert uli13.run_state() is RunState.STARTING


def test_loaded_image_runs_when_the_completed_sources_qemu_has_died(uli13, uli14, define, move):
    uli13.boot(definition := define())
    one = move(definition)
    one.finish()
    kill_qemu(uli13)
    uli13.wait_for(RunState.NOT_ACTIVATED)
    assert uli13.wait_transfer(LPAR, -1, 0).phase is Phase.COMPLETED
    assert uli14.run_state() is RunState.LOADED
    one.hand_over()
    assert_runs_on(uli14)


def test_stream_without_an_answer_is_broken_off_and_the_guest_runs_on(uli13, define, move, monkeypatch):
    """QEMU itself would wait for ever, and answers meanwhile."""
    uli13.boot(definition := define())
    to_device(move(definition))
    assert uli13.run_state() is RunState.SUSPENDED
    monkeypatch.setattr(guest, "STUCK_S", 0.5)
    assert uli13.wait_for_phase(Phase.FAILED).error
    assert_runs_on(uli13)


def test_stream_that_nobody_reads_is_broken_off_and_the_guest_runs_on(uli13, define, monkeypatch):
    """QEMU hangs in sending, and answers nobody."""
    one = WithoutReader(uli13, define(workload_bytes_per_s=BUSY))
    monkeypatch.setattr(guest, "STUCK_S", 0.5)
    assert uli13.wait_for_phase(Phase.FAILED).error
    assert_runs_on(uli13)
    one.connection.close()


# What a start needs


def test_lun_that_another_process_has_locked_is_refused_with_qemus_words(uli13, define, folder, model):
    uli13.create(definition := define(), OPERATOR)
    elsewhere = Places(folder / "elsewhere")
    elsewhere.folder.mkdir()
    holder = process.start(
        [*command_line(definition, [Space(4 * MB)], Kind(model, ULI14), elsewhere), "-S"], folder / "elsewhere.log"
    )
    try:
        eventually(lambda: elsewhere.monitor.exists())
        Monitor(elsewhere.monitor).execute("query-status")  # all is set up when it answers
        with pytest.raises(HypervisorError, match=r'9421.*Failed to get "write" lock'):
            uli13.activate(LPAR, OPERATOR)
        assert_nothing_is_left(uli13)
    finally:
        process.kill(holder)
        assert process.wait_for_end(holder, 10)
    uli13.activate(LPAR, OPERATOR)
    assert uli13.run_state() is RunState.STARTING


def test_missing_lun_is_refused(uli13, uli14, define):
    uli13.create(definition := define(), OPERATOR)
    Path(definition.luns[0].path).unlink()
    with pytest.raises(HypervisorError, match=r"9413.*no such file"):
        uli13.activate(LPAR, OPERATOR)
    with pytest.raises(HypervisorError, match=r"9413.*no such file"):
        uli14.create_incoming(definition, FENCE)
    assert_nothing_is_left(uli13)
    assert_nothing_is_left(uli14)


def test_guest_moves_between_servers_of_which_one_touches_memory_at_the_start(folder, define, model):
    touching = replace(model, preallocates=True)
    with (
        serving_qemu(folder / "a", ULI13, model) as source,
        serving_qemu(folder / "b", ULI14, touching) as destination,
    ):
        source.boot(definition := define())
        move = Move(source, destination, definition)
        assert resident_mb(destination) > definition.memory_mb
        move.finish()
        move.hand_over()
        assert_runs_on(destination)
        source.discard(LPAR, FENCE)


def resident_mb(console):
    status = Path(f"/proc/{record_of(console).process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024


def test_memory_that_the_server_does_not_have_is_refused(folder, define, model):
    with serving_qemu(folder / "big", ULI13, model, memory_mb=2**40) as console:
        console.create(replace(define(), memory_mb=200 * 2**20), OPERATOR)
        with pytest.raises(HypervisorError, match=r"9421.*[Cc]annot (allocate|set up).* memory"):
            console.activate(LPAR, OPERATOR)
        assert_nothing_is_left(console)


def test_guest_comes_up_though_the_disk_of_the_records_is_full(uli13, define, monkeypatch):
    uli13.create(define(), OPERATOR)
    uli13.activate(LPAR, OPERATOR)

    def write(self, run):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(RunFile, "write", write)
    assert_runs_on(uli13)
    with pytest.raises(HypervisorError, match=r"9423.*No space left on device"):
        uli13.open_state_out(LPAR, FENCE)
    assert_runs_on(uli13)


# The operating system ends, or does not answer


def test_shutdown_from_inside_frees_everything_also_in_the_middle_of_a_move(uli13, uli14, define, move, log_in):
    uli13.boot(definition := define())
    vt = log_in()
    move(definition).to_pass_end()
    vt.type(b"poweroff -f\r")
    uli13.wait_for(RunState.NOT_ACTIVATED)
    assert_nothing_is_left(uli13)
    assert uli13.wait_transfer(LPAR, -1, 0).phase is Phase.FAILED
    assert uli14.wait_for_phase(Phase.FAILED).error


def test_silent_operating_system_is_named_and_can_be_shut_down_by_its_power_button(uli13, define, log_in):
    uli13.boot(define())
    first = record_of(uli13).process
    vt = log_in()
    vt.type(b"killall -STOP workload; echo is $((40 + 2))\r")
    vt.see("is 42")
    with pytest.raises(HypervisorError, match=r"9419.*within 0\.5 s"):
        uli13.prepare_for_migration(LPAR, 0.5)
    with pytest.raises(HypervisorError, match="9419"):
        uli13.shut_down(LPAR, ShutdownKind.OS, OPERATOR)
    assert uli13.run_state() is RunState.RUNNING
    vt.type(b"killall -CONT workload\r")
    eventually(lambda: is_ready(uli13))

    uli13.shut_down(LPAR, ShutdownKind.DELAYED, OPERATOR, restart=True)
    eventually(lambda: uli13.run_state() is RunState.STARTING and record_of(uli13).process not in (None, first))
    uli13.shut_down(LPAR, ShutdownKind.IMMEDIATE, OPERATOR)
    uli13.wait_for(RunState.NOT_ACTIVATED)
    assert_nothing_is_left(uli13)


def is_ready(console):
    try:
        console.prepare_for_migration(LPAR, 1)
    except HypervisorError:
        return False
    return True


def test_guest_that_panics_shows_an_error_and_can_be_ended(uli13, define, log_in):
    uli13.boot(define())
    log_in().type(b"echo c > /proc/sysrq-trigger\r")
    uli13.wait_for(RunState.ERROR)
    assert uli13.describe(LPAR).reference_code == guest.CRASHED
    with pytest.raises(HypervisorError, match="9406"):
        uli13.open_state_out(LPAR, FENCE)
    uli13.shut_down(LPAR, ShutdownKind.IMMEDIATE, OPERATOR)
    uli13.wait_for(RunState.NOT_ACTIVATED)
    assert_nothing_is_left(uli13)
