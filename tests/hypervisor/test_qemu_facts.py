"""What QEMU's answers mean, and what a stream makes of them. Values as QEMU 8.2 to 10 gives them."""

import pytest

from ivmweb.hypervisor.base import NextStep, Phase, RunState
from ivmweb.hypervisor.qemu.console import sign_in
from ivmweb.hypervisor.qemu.facts import (
    Answers,
    Counters,
    answers_of,
    has_stream_out,
    phase_in,
    phase_out,
    run_state_of,
)
from ivmweb.hypervisor.qemu.stream import Stream, go_on, incoming_arguments

# (run, migration) as they come one after the other, and what is made of it.
SOURCE = [
    ("running", "none", RunState.RUNNING, Phase.SETUP),
    ("running", "setup", RunState.RUNNING, Phase.SETUP),
    ("running", "active", RunState.RUNNING, Phase.ACTIVE),
    ("running", "wait-unplug", RunState.RUNNING, Phase.ACTIVE),
    ("finish-migrate", "active", RunState.SUSPENDED, Phase.ACTIVE),
    ("finish-migrate", "pre-switchover", RunState.SUSPENDED, Phase.DEVICE),
    ("finish-migrate", "device", RunState.SUSPENDED, Phase.DEVICE),
    ("finish-migrate", "completed", RunState.SUSPENDED, Phase.DEVICE),
    ("postmigrate", "completed", RunState.COMPLETED, Phase.COMPLETED),
    ("finish-migrate", "failed", RunState.SUSPENDED, Phase.FAILED),
    ("running", "failed", RunState.RUNNING, Phase.FAILED),
    ("running", "cancelling", RunState.RUNNING, Phase.CANCELLED),
    ("running", "cancelled", RunState.RUNNING, Phase.CANCELLED),
    ("guest-panicked", "active", RunState.ERROR, Phase.ACTIVE),
    ("io-error", "active", RunState.ERROR, Phase.ACTIVE),
    ("internal-error", "none", RunState.ERROR, Phase.SETUP),
    ("watchdog", "none", RunState.ERROR, Phase.SETUP),
    ("running", "a state of a later QEMU", RunState.RUNNING, Phase.ACTIVE),
]
DESTINATION = [
    ("inmigrate", "none", RunState.INCOMING, Phase.SETUP),
    ("inmigrate", "setup", RunState.INCOMING, Phase.SETUP),
    ("inmigrate", "active", RunState.INCOMING, Phase.ACTIVE),
    ("inmigrate", "completed", RunState.INCOMING, Phase.ACTIVE),
    ("paused", "completed", RunState.LOADED, Phase.LOADED),
    ("running", "completed", RunState.RUNNING, Phase.LOADED),
    ("inmigrate", "failed", RunState.FAILED_INCOMING, Phase.FAILED),
    ("inmigrate", "cancelled", RunState.FAILED_INCOMING, Phase.FAILED),
]


@pytest.mark.parametrize(("run", "migration", "state", "phase"), SOURCE)
def test_source_is_what_qemu_says(run, migration, state, phase):
    answers = Answers(run, migration)
    assert (run_state_of(answers, is_booted=True), phase_out(answers)) == (state, phase)


@pytest.mark.parametrize(("run", "migration", "state", "phase"), DESTINATION)
def test_destination_is_what_qemu_says(run, migration, state, phase):
    answers = Answers(run, migration)
    assert (run_state_of(answers, is_booted=True), phase_in(answers)) == (state, phase)


def test_nothing_but_a_stop_for_good_is_called_completed():
    called = [run for run, migration, *_ in SOURCE if phase_out(Answers(run, migration)) is Phase.COMPLETED]
    assert called == ["postmigrate"]


def test_a_guest_that_runs_without_a_sign_of_its_system_is_starting():
    assert run_state_of(Answers("running"), is_booted=False) is RunState.STARTING


@pytest.mark.parametrize(
    ("run", "migration", "open_"),
    [
        ("running", "none", False),
        ("running", "completed", False),  # taken back, or it came here by a move
        ("running", "active", True),
        ("running", "failed", True),
        ("finish-migrate", "device", True),
        ("postmigrate", "completed", True),
    ],
)
def test_a_guest_found_again_has_a_stream_or_none(run, migration, open_):
    assert has_stream_out(Answers(run, migration)) is open_


def test_answers_are_read_from_both_queries():
    ram = {"total": 100, "transferred": 60, "remaining": 40, "dirty-sync-count": 2, "dirty-pages-rate": 5}
    answers = answers_of({"status": "running"}, {"status": "active", "ram": {**ram, "page-size": 65536}})
    assert answers == Answers("running", "active", Counters(2, 100, 60, 40, 5 * 65536))
    assert answers_of({"status": "inmigrate"}, {}) == Answers("inmigrate")  # before its stream
    failed = answers_of({"status": "running"}, {"status": "failed", "error-desc": "Broken pipe"})
    assert failed.error == "Broken pipe"


# A stream


def begun(*, is_out=True):
    stream = Stream("m1", is_out=is_out, began=0.0, sequence=1)
    stream.has_begun = True
    return stream


def active(passes, *, sent=0, remaining=0, rate=0, run="running", migration="active"):
    """`passes` have ended."""
    return Answers(run, migration, Counters(passes + 1, 1000, sent, remaining, rate))


def test_what_qemu_says_before_it_was_told_is_of_an_earlier_stream():
    stream = Stream("m1", is_out=True, began=0.0, sequence=1)
    assert not stream.take(Answers("running", "failed"), 1.0)
    assert stream.phase is Phase.SETUP


def test_a_pass_that_ends_waits_for_an_order_and_is_measured():
    stream = begun()
    assert stream.take(active(0), 1.0)
    assert stream.status().pass_number == 1
    assert stream.take(active(1, sent=900, remaining=100), 2.0)
    status = stream.status()
    assert (status.phase, status.pass_number, status.pass_seconds) == (Phase.PASS_END, 1, 2.0)
    assert (status.bytes_sent, status.bytes_remaining, status.dirty_bytes_per_s) == (900, 100, 50)
    assert not stream.take(active(1, sent=950, remaining=100), 2.5), "the same pass"
    assert stream.continue_with(NextStep.PASS)
    assert stream.phase is Phase.ACTIVE
    assert stream.take(active(2, rate=7), 3.0)
    assert (stream.status().pass_number, stream.status().dirty_bytes_per_s) == (2, 7)


def test_of_several_passes_since_the_last_look_the_last_one_counts():
    stream = begun()
    assert stream.take(active(4), 2.0)
    assert (stream.status().pass_number, stream.status().pass_seconds) == (4, 0.5)


def test_one_that_may_suspend_is_not_held_at_the_end_of_its_passes_until_the_mover_takes_that_back():
    stream = begun()
    stream.has_begun = True
    stream.take(active(1), 1.0)
    assert stream.is_held_at_pass_end
    assert stream.continue_with(NextStep.PASS, suspend_at_bytes=5000)
    assert not stream.is_held_at_pass_end
    stream.take(active(2), 2.0)
    assert stream.phase is Phase.PASS_END, "and is told, though it goes on"
    assert stream.continue_with(NextStep.PASS)
    assert stream.is_held_at_pass_end


def test_an_order_that_comes_when_it_has_suspended_by_itself_is_no_error():
    stream = begun()
    stream.take(active(1), 1.0)
    assert stream.continue_with(NextStep.PASS, suspend_at_bytes=5000)
    stream.take(active(2), 2.0)
    stream.take(active(2, run="finish-migrate", migration="device"), 2.1)
    assert stream.continue_with(NextStep.PASS)
    assert stream.phase is Phase.DEVICE


def test_an_order_to_hold_that_came_after_the_movers_answer_is_taken_back():
    stream = begun()
    stream.take(active(1), 1.0)
    stream.hold()
    assert stream.let_go() is None, "the mover is asked"
    stream.continue_with(NextStep.PASS)
    stream.take(active(1), 1.1)
    assert stream.let_go() is None, "it goes on"
    stream.hold()
    assert [stream.let_go() for _look in range(4)] == [None, None, go_on(), None]


def test_the_threshold_is_never_nought():
    """QEMU would take its estimate of what is left for the truth."""
    for suspend_at_bytes, threshold in ((0, 1), (5000, 5000)):
        told = go_on(suspend_at_bytes)
        assert told["avail-switchover-bandwidth"] * told["downtime-limit"] // 1000 == threshold
        assert told["max-bandwidth"] == 0


def test_one_that_was_told_to_suspend_waits_at_no_pass_end():
    stream = begun()
    stream.take(active(1), 1.0)
    assert stream.continue_with(NextStep.SUSPEND)
    stream.take(active(2), 2.0)
    assert stream.phase is Phase.ACTIVE
    assert stream.continue_with(NextStep.SUSPEND), "again is fine"
    assert not stream.continue_with(NextStep.PASS)
    stream.take(active(2, run="finish-migrate", migration="device"), 3.0)
    assert stream.continue_with(NextStep.SUSPEND)
    stream.take(active(2, run="postmigrate", migration="completed", remaining=5), 4.0)
    assert (stream.phase, stream.status().bytes_remaining) == (Phase.COMPLETED, 0)


@pytest.mark.parametrize("step", list(NextStep))
def test_one_that_has_not_begun_its_pass_takes_no_order(step):
    assert not begun().continue_with(step)


@pytest.mark.parametrize("ended", [("running", "failed"), ("running", "cancelled")])
def test_an_end_that_was_ordered_has_the_reason_of_the_order(ended):
    stream = begun()
    stream.ordered_end = (Phase.CANCELLED, "cancelled")
    assert stream.take(Answers(*ended, error="Unable to write"), 1.0)
    assert (stream.phase, stream.error) == (Phase.CANCELLED, "cancelled")


@pytest.mark.parametrize(("error", "told"), [("Broken pipe", "Broken pipe"), ("", "QEMU gave no reason")])
def test_an_end_that_was_not_ordered_has_qemus_reason(error, told):
    stream = begun()
    stream.take(Answers("running", "failed", error=error), 1.0)
    assert (stream.phase, stream.error) == (Phase.FAILED, told)


def test_a_stream_that_is_over_stays_as_it_ended():
    stream = begun()
    stream.take(active(1, run="postmigrate", migration="completed"), 1.0)
    assert stream.is_over
    assert not stream.take(active(1, migration="cancelled"), 2.0)
    assert not stream.finish(Phase.FAILED, "too late")
    assert (stream.phase, stream.error) == (Phase.COMPLETED, "")


def test_an_order_to_end_one_that_completes_meanwhile_changes_nothing():
    stream = begun()
    stream.ordered_end = (Phase.CANCELLED, "cancelled")
    stream.take(active(1, run="postmigrate", migration="completed"), 1.0)
    assert stream.phase is Phase.COMPLETED


def test_a_destination_counts_no_passes_and_loses_what_it_had_loaded_with_its_process():
    stream = begun(is_out=False)
    stream.take(active(3, run="inmigrate"), 1.0)
    assert stream.status().pass_number == 0
    stream.take(active(3, run="paused", migration="completed"), 2.0)
    assert stream.phase is Phase.LOADED
    assert stream.lose("QEMU has ended")
    assert (stream.phase, stream.error) == (Phase.FAILED, "QEMU has ended")


def test_a_stream_moves_while_its_counters_do():
    stream = begun()
    for now, sent, moved_at in ((1.0, 0, 1.0), (2.0, 0, 1.0), (3.0, 1, 3.0), (4.0, 1, 3.0)):
        stream.take(active(1, sent=sent, run="finish-migrate", migration="device"), now)
        assert stream.moved_at == moved_at


def test_a_qemu_that_can_stay_after_a_failure_is_told_to():
    assert incoming_arguments("state", keeps_process=True) == {"uri": "fd:state", "exit-on-error": False}
    assert incoming_arguments("state", keeps_process=False) == {"uri": "fd:state"}


# The console


@pytest.mark.parametrize(
    ("shown", "code"),
    [
        (b"SLOF\x1b[0m\x1b[?25l **********\r\nQEMU Starting", "CA000000"),
        (b"  Trying to load:  from: /vdevice/v-scsi ...", "CA00E134"),
        (b"E3404: Not a bootable device!", ""),  # the next one may be
        (b"E3407: Load failed", "AA00E158"),
        (b"Ready! \r\n0 > ", "AA00E158"),
        (b"10 > 9", ""),
        (b"Linux ppc64le\n#1 SMP Debian 6.1", "Linux ppc64"),
        (b"[    0.000000] Linux version 6.1.0-50-powerpc64le", "Linux ppc64"),
        (b"uli13lp1 login: ", "Linux ppc64"),
        (b"login: root\r\nSLOF ***", "CA000000"),
        (b"", ""),
        (b"\xff\xfe\x1b[2J", ""),
    ],
)
def test_the_last_sign_on_the_console_is_the_code(shown, code):
    assert sign_in(shown) == code


def test_a_sign_that_was_told_is_told_again_only_when_it_comes_again():
    line = b"uli13lp1 login: "
    assert sign_in(line, known=0) == "Linux ppc64"
    assert sign_in(line + b"\r\n", known=len(line)) == ""
    assert sign_in(b"uli13lp1 log" + b"in: ", known=12) == "Linux ppc64"
    assert sign_in(line + b"\r\nlogin:", known=len(line)) == "Linux ppc64"
