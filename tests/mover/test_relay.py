"""Two movers over loopback, with hypervisors whose moves are scripted."""

import resource
import time
from contextlib import suppress
from threading import Event

import pytest

from ivmweb.common.errors import HypervisorError, OperationFailed, PeerError
from ivmweb.hypervisor.base import NextStep, Phase
from migration.mover import sender
from migration.mover.convergence import SLOWER, Limits
from migration.mover.errors import DestinationFailed, LinkLost, NotConverging, Stopped, StreamFailed
from migration.mover.progress import MoverPhase
from migration.mover.wire import FrameType

pytestmark = pytest.mark.timeout(30)
SOON = 5  # seconds for what takes milliseconds, on a busy machine


def fails(running, kind, within=SOON):
    error = running.exception(timeout=within)
    assert isinstance(error, kind), error
    return error


def fill_every_buffer(vasi):
    """Between two hypervisors of which one takes nothing; how many bytes that were."""
    chunk, taken = bytes(1 << 20), 0
    vasi.settimeout(0.5)
    with suppress(TimeoutError):
        while taken < 1 << 28:
            taken += vasi.send(chunk)
    return taken


def load(lab):
    """From the suspension to *loaded* at the destination and *completed* at the source."""
    lab.source.suspends()
    lab.destination.says(Phase.LOADED)
    lab.destination.vasi.sendall(b"all here")
    assert lab.source.reads(8) == b"all here"
    lab.source.says(Phase.COMPLETED)


def test_state_goes_one_way_and_the_answer_comes_back(lab):
    lab.start()
    load(lab)
    loaded = lab.sending.result(timeout=SOON)
    assert loaded.progress.percent == 100
    assert loaded.progress.bytes_transmitted == 5
    loaded.close()
    received = lab.receiving.result(timeout=SOON)
    assert (received.told, received.bytes_transmitted) == (True, 5)


def test_a_hypervisors_orderly_end_is_passed_on_as_an_end(lab):
    lab.start()
    lab.source.vasi.sendall(b"last")
    lab.source.vasi.shutdown(1)
    assert lab.destination.reads(4) == b"last"
    assert lab.destination.vasi.recv(1) == b""
    lab.destination.vasi.sendall(b"answer")
    lab.destination.vasi.shutdown(1)
    assert lab.source.reads(6) == b"answer"
    assert lab.source.vasi.recv(1) == b""
    assert not lab.sending.done()
    assert not lab.receiving.done()


def test_loaded_is_recorded_before_the_source_is_told(lab):
    order = []
    release = Event()

    def write_record():
        assert release.wait(SOON)
        order.append("recorded")

    lab.on_loaded = write_record
    lab.start()
    load(lab)
    with pytest.raises(TimeoutError):
        lab.sending.result(timeout=0.3)
    release.set()
    lab.sending.result(timeout=SOON)
    assert order == ["recorded"]


def test_recorded_before_completed_waits_for_completed(lab):
    lab.start()
    lab.source.suspends()
    lab.destination.says(Phase.LOADED)
    with pytest.raises(TimeoutError):
        lab.sending.result(timeout=0.3)
    lab.source.says(Phase.COMPLETED)
    lab.sending.result(timeout=SOON)


def test_the_link_stays_until_the_caller_closes(lab):
    lab.start()
    load(lab)
    loaded = lab.sending.result(timeout=SOON)
    with pytest.raises(TimeoutError):
        lab.receiving.result(timeout=1.5)  # past a PING
    loaded.close()
    assert lab.receiving.result(timeout=1).told


def test_another_pass_is_ordered_while_the_rest_is_too_much(lab):
    lab.start()
    lab.source.ends_pass(1, sent=100_000_000, rest=50_000_000)
    lab.source.wait_for_steps(1)
    lab.source.ends_pass(2, sent=150_000_000, rest=1_000, seconds=0.5)
    lab.source.wait_for_steps(2)
    assert lab.source.steps == [NextStep.PASS, NextStep.SUSPEND]


def test_a_suspension_that_is_not_allowed_yet_is_put_off_and_another_pass_sent(lab):
    answers = iter([False, True, True])
    lab.may_suspend = lambda: next(answers)
    lab.start()
    lab.source.ends_pass(1, sent=100_000_000, rest=1_000)
    lab.source.wait_for_steps(1)
    lab.source.ends_pass(2, sent=100_001_000, rest=1_000)
    lab.source.wait_for_steps(2)
    assert lab.source.steps == [NextStep.PASS, NextStep.SUSPEND]


def test_a_short_pass_that_will_leave_little_may_be_followed_by_the_suspension_at_once(lab):
    lab.start()
    lab.source.ends_pass(1, sent=100_000_000, rest=50_000_000)
    lab.source.wait_for_steps(1)
    lab.source.says(Phase.DEVICE, pass_number=2, bytes_sent=150_000_000)
    lab.destination.says(Phase.LOADED)
    lab.source.says(Phase.COMPLETED)
    lab.sending.result(SOON)
    assert (lab.source.steps, lab.source.suspends_at) == ([NextStep.PASS], [500_000])


@pytest.mark.parametrize(
    ("allowed", "rest", "dirty"),
    [(False, 50_000_000, 1_000_000), (True, 200_000_000, 1_000_000), (True, 50_000_000, 9_000_000)],
    ids=["another one is being suspended", "it takes two seconds", "it leaves 4.5 MB"],
)
def test_a_pass_that_may_not_be_followed_by_the_suspension_ends_with_a_question(lab, allowed, rest, dirty):
    lab.may_suspend = lambda: allowed
    lab.start()
    lab.source.ends_pass(1, sent=100_000_000, rest=rest, dirty=dirty)
    lab.source.wait_for_steps(1)
    assert (lab.source.steps, lab.source.suspends_at) == ([NextStep.PASS], [0])
    lab.stop_source.set()
    fails(lab.sending, Stopped)


def test_a_hypervisor_that_suspends_by_itself_is_shown_as_suspended_since_then(lab):
    """QEMU under load: nothing was left, before it could be held."""
    shown = Event()
    lab.on_progress = lambda progress: progress.phase is MoverPhase.SUSPENDED and shown.set()
    lab.start()
    lab.source.says(Phase.DEVICE, bytes_sent=100_000_000)
    assert shown.wait(SOON), "half a second later, as all progress"
    lab.destination.says(Phase.LOADED)
    lab.source.says(Phase.COMPLETED)
    with lab.sending.result(SOON) as loaded:
        assert loaded.progress.suspended_at < time.monotonic() - 0.4
    assert lab.source.steps == []


def test_a_partition_that_writes_too_fast_fails_naming_both_rates(lab):
    lab.limits = Limits(patience_s=0)
    lab.start()
    for number in range(1, 5):
        lab.source.ends_pass(number, sent=number * 100_000_000, rest=100_000_000, dirty=120_000_000)
        if number < 4:
            lab.source.wait_for_steps(number)
    error = fails(lab.sending, NotConverging)
    assert lab.progress[-1].bytes_remaining == 100_000_000  # what its page shows is what the message says
    assert error.key == "no-convergence"
    assert "114.4 MB per second" in error.text
    assert "95.4 MB per second" in error.text
    lab.source.sees_its_stream_end()
    fails(lab.receiving, LinkLost)


def test_changed_limits_give_a_partition_that_writes_too_fast_another_chance(lab):
    lab.limits = Limits(patience_s=0)
    lab.start()
    for number in range(1, 4):
        lab.source.ends_pass(number, sent=number * 100_000_000, rest=100_000_000, dirty=120_000_000)
        lab.source.wait_for_steps(number)
    lab.limits = Limits(allowed_suspension_ms=200, patience_s=0)
    lab.source.ends_pass(4, sent=400_000_000, rest=100_000_000, dirty=120_000_000)
    lab.source.wait_for_steps(4)
    assert lab.source.steps == [NextStep.PASS] * 4
    lab.stop_source.set()
    fails(lab.sending, Stopped, within=1)
    fails(lab.receiving, LinkLost)


def end_hopeless_passes(lab, numbers, **values):
    for number in numbers:
        lab.source.ends_pass(number, sent=number * 100_000_000, rest=100_000_000, dirty=120_000_000, **values)
        lab.source.wait_for_steps(number)


def test_a_partition_that_writes_too_fast_is_slowed_down_step_by_step_where_that_was_chosen(lab):
    lab.limits = Limits(slow_partition=True, patience_s=0)
    lab.start()
    end_hopeless_passes(lab, range(1, 4))
    assert lab.source.slowed == []
    end_hopeless_passes(lab, range(4, 5))
    assert lab.source.slowed == [30]
    end_hopeless_passes(lab, range(5, 8), slowed_percent=30)
    assert lab.source.slowed == [30, 60]
    assert lab.progress[-1].slow_partition
    lab.source.ends_pass(8, sent=800_000_000, rest=1000, slowed_percent=60)
    lab.source.wait_for_steps(8)
    assert lab.source.steps[-1] is NextStep.SUSPEND
    assert lab.source.slowed == [30, 60]  # the end of the stream lifts it
    lab.stop_source.set()
    fails(lab.sending, Stopped, within=1)
    fails(lab.receiving, LinkLost)


def test_a_partition_is_let_go_when_it_is_not_to_be_slowed_down_any_more(lab):
    lab.limits = Limits(slow_partition=True, patience_s=0)
    lab.start()
    end_hopeless_passes(lab, range(1, 5))
    lab.limits = Limits(patience_s=0)
    end_hopeless_passes(lab, range(5, 6), slowed_percent=30)
    assert lab.source.slowed == [30, 0]
    lab.stop_source.set()
    fails(lab.sending, Stopped, within=1)
    fails(lab.receiving, LinkLost)


def test_a_partition_whose_stream_was_not_opened_for_it_is_not_slowed_down(lab):
    """Chosen too late: what was to be done otherwise is done."""
    lab.limits = Limits(patience_s=0)
    lab.start()
    end_hopeless_passes(lab, range(1, 2))
    lab.limits = Limits(slow_partition=True, patience_s=0)
    end_hopeless_passes(lab, range(2, 4))
    lab.source.ends_pass(4, sent=400_000_000, rest=100_000_000, dirty=120_000_000)
    assert fails(lab.sending, NotConverging).key == "no-convergence"
    assert not lab.progress[-1].slow_partition
    assert lab.source.slowed == []
    fails(lab.receiving, LinkLost)


def test_one_that_was_slowed_down_in_vain_fails_saying_by_how_much(lab):
    lab.limits = Limits(slow_partition=True, patience_s=0)
    lab.start()
    end_hopeless_passes(lab, range(1, 5))
    number = 5
    for percent in SLOWER:
        end_hopeless_passes(lab, range(number, number + 3), slowed_percent=percent)
        number += 3
    lab.source.ends_pass(number, sent=number * 100_000_000, rest=100_000_000, slowed_percent=95)
    error = fails(lab.sending, NotConverging)
    assert (error.key, error.params["percent"]) == ("no-convergence-slowed", 95)
    assert lab.source.slowed == list(SLOWER)
    fails(lab.receiving, LinkLost)


def test_stop_closes_the_stream_and_commands_nothing(lab):
    lab.start()
    lab.stop_source.set()
    error = fails(lab.sending, Stopped, within=1)
    assert error.params["sent_mb"] == round(lab.progress[-1].bytes_transmitted / 2**20, 2)
    lab.source.sees_its_stream_end()
    assert lab.source.steps == []
    fails(lab.receiving, LinkLost)
    lab.destination.sees_its_stream_end()


def test_stop_ends_the_wait_for_the_destination_to_answer(lab):
    lab.send()  # nobody accepts
    lab.stop_source.set()
    fails(lab.sending, Stopped, within=1)
    assert not lab.source.opened


def test_a_fenced_worker_ends_the_transfer_with_its_own_error(lab):
    lab.start()

    def fenced(_):
        raise PermissionError("zero rows")

    lab.on_progress = fenced
    fails(lab.sending, PermissionError, within=2)
    lab.source.sees_its_stream_end()


@pytest.mark.parametrize("channels", [(0,), (1,), (0, 1)], ids=["state", "return", "both"])
@pytest.mark.parametrize("moment", ["while it runs", "while it is suspended"])
def test_a_cut_link_ends_both_streams_within_a_second(lab, channels, moment):
    lab.start()
    if moment == "while it is suspended":
        lab.source.suspends()
    lab.cable.cut(*channels)
    lab.source.sees_its_stream_end()
    lab.destination.sees_its_stream_end()
    lab.source.says(Phase.FAILED, error="stream broke")
    lab.destination.says(Phase.FAILED, error="stream broke")
    assert not fails(lab.sending, LinkLost, within=2).completed
    fails(lab.receiving, LinkLost, within=2)


def test_a_link_cut_with_bytes_on_their_way_ends_both(lab):
    lab.start()
    fill_every_buffer(lab.source.vasi)
    lab.cable.cut()
    lab.source.sees_its_stream_end()
    fails(lab.sending, LinkLost, within=3)
    lab.destination.sees_its_stream_end()
    fails(lab.receiving, LinkLost, within=3)


def test_a_link_lost_after_completed_and_before_recorded_says_so(lab):
    hold = Event()
    lab.on_loaded = lambda: hold.wait(SOON)
    lab.start()
    load(lab)
    lab.cable.cut()
    error = fails(lab.sending, LinkLost, within=2)
    hold.set()
    assert error.completed
    assert error.key == "mover-link-lost-completed"
    assert not lab.receiving.result(timeout=SOON).told


def test_a_link_lost_after_recorded_changes_nothing(lab):
    lab.start()
    load(lab)
    loaded = lab.sending.result(timeout=SOON)
    lab.cable.cut()
    assert lab.receiving.result(timeout=2).told
    loaded.close()


def test_recorded_then_a_lost_link_still_waits_for_completed(lab, monkeypatch):
    heard, take = Event(), sender.Sender._take_frame

    def note(self, kind, payload, stream):
        take(self, kind, payload, stream)
        if kind is FrameType.RECORDED:
            heard.set()

    monkeypatch.setattr(sender.Sender, "_take_frame", note)
    lab.start()
    lab.source.suspends()
    lab.destination.says(Phase.LOADED)
    lab.destination.vasi.sendall(b"all here")
    assert lab.source.reads(8) == b"all here"
    assert heard.wait(SOON)  # what is still on the cable when it is cut is lost
    lab.cable.cut()
    lab.receiving.result(timeout=SOON)
    lab.source.says(Phase.COMPLETED)
    lab.sending.result(timeout=SOON)


def test_the_destinations_reason_reaches_the_source_in_words(lab):
    lab.start()
    lab.destination.says(Phase.FAILED, error="page 17 did not check")
    error = fails(lab.sending, DestinationFailed)
    assert "page 17 did not check" in error.text
    assert error.remote_code == "VIOSE01049000-9458"
    fails(lab.receiving, StreamFailed)
    lab.source.sees_its_stream_end()


def test_a_destination_hypervisor_that_closes_first_still_gets_to_say_why(lab):
    lab.start()
    lab.destination.vasi.close()
    lab.source.vasi.sendall(b"into the void")
    lab.source.sees_its_stream_end()
    lab.destination.says(Phase.FAILED, error="memory is full")
    assert "memory is full" in fails(lab.sending, DestinationFailed).text


def test_a_destination_hypervisor_that_dies_is_told_to_the_source(lab):
    lab.start()
    lab.destination.dies()
    fails(lab.receiving, HypervisorError)
    assert "unreachable" in fails(lab.sending, DestinationFailed).text


def test_a_record_that_cannot_be_written_is_told_to_the_source(lab):
    def refuse():
        raise OperationFailed("mover-bad-ports", ports="the database is read only")

    lab.on_loaded = refuse
    lab.start()
    lab.source.suspends()
    lab.destination.says(Phase.LOADED)
    assert "the database is read only" in fails(lab.sending, DestinationFailed).text
    fails(lab.receiving, OperationFailed)


def test_a_bug_at_the_destination_tells_its_kind_and_no_details(lab):
    def crash():
        raise ZeroDivisionError("secret 0x1234")

    lab.on_loaded = crash
    lab.start()
    lab.source.suspends()
    lab.destination.says(Phase.LOADED)
    text = fails(lab.sending, DestinationFailed).text
    assert "ZeroDivisionError" in text
    assert "secret" not in text
    fails(lab.receiving, ZeroDivisionError)


def test_the_sources_hypervisor_failing_by_itself_is_its_own_reason(lab):
    lab.start()
    lab.source.says(Phase.FAILED, error="memory could not be read")
    assert "memory could not be read" in fails(lab.sending, StreamFailed).text
    fails(lab.receiving, LinkLost)


def test_a_destination_that_is_stopped_tells_the_source(lab):
    lab.start()
    lab.stop_destination.set()
    fails(lab.receiving, Stopped)
    assert "stopped" in fails(lab.sending, DestinationFailed).text


def test_nothing_moving_for_the_allowed_time_is_given_up(lab):
    lab.limits = Limits(stall_timeout_s=0.5)
    lab.start()
    error = fails(lab.sending, OperationFailed)
    assert error.key == "mover-stalled"
    lab.source.sees_its_stream_end()


def test_a_source_that_never_comes_is_given_up(lab):
    running = lab.receive(timeout_s=0.3)
    error = fails(running, PeerError)
    assert error.key == "mover-no-source"
    assert not lab.destination.opened


def test_a_stalled_reader_stops_the_sender_within_bounded_memory(lab):
    lab.start()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    taken = fill_every_buffer(lab.source.vasi)
    assert taken < 64 << 20  # socket buffers of the movers and of the cable, and one MiB in each mover
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024  # KiB


def test_the_bandwidth_limit_holds_and_can_be_lifted_while_it_runs(lab):
    lab.limits = Limits(bandwidth_bytes_per_s=1_000_000)
    lab.start()
    started = time.monotonic()
    lab.source.vasi.sendall(bytes(100_000))
    lab.source.vasi.settimeout(0.01)
    lab.destination.reads(100_000)
    assert time.monotonic() - started >= 0.04  # 50 ms at once, the rest at the rate
    lab.limits = Limits(bandwidth_bytes_per_s=20_000)
    time.sleep(0.7)  # the limits are read twice a second
    lab.source.vasi.sendall(bytes(150_000))  # 7.5 s at that rate
    lab.limits = Limits()
    started = time.monotonic()
    lab.destination.reads(150_000)
    assert time.monotonic() - started < 3


def test_progress_never_runs_backwards_and_says_loaded_at_the_end_only(lab):
    lab.start()
    for rest in (60_000_000, 20_000_000, 50_000_000):
        lab.source.says(Phase.ACTIVE, bytes_remaining=rest)
        seen = len(lab.progress)
        while len(lab.progress) < seen + 2:
            time.sleep(0.01)
    percents = [progress.percent for progress in lab.progress]
    assert percents == sorted(percents)
    assert percents[-1] == 80
    load(lab)
    last = lab.sending.result(timeout=SOON).progress
    assert (last.percent, last.phase, last.seconds_left) == (100, MoverPhase.LOADED, 0.0)
    assert all(progress.percent < 100 for progress in lab.progress)
