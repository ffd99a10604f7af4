"""When to suspend: tables of pass histories."""

from dataclasses import replace

import pytest

from ivmweb.hypervisor.base import NextStep, Phase, TransferStatus
from migration.mover.convergence import Limits, Outlook, Pass, decide, pass_of

MB = 1_000_000
PASS, SUSPEND, GIVE_UP = NextStep.PASS, NextStep.SUSPEND, None


def history(*passes, dirty=50):
    """Passes as (MB sent, seconds, MB left)."""
    return [
        Pass(number, int(sent * MB), seconds, int(rest * MB), int(dirty * MB))
        for number, (sent, seconds, rest) in enumerate(passes, start=1)
    ]


@pytest.mark.parametrize(
    ("what", "passes", "step"),
    [
        ("nothing was written meanwhile", history((1000, 1.0, 0), dirty=0), SUSPEND),
        ("the rest is a fifth of what fits", history((1000, 1.0, 20)), SUSPEND),
        ("the rest fits, but a pass would halve it", history((1000, 1.0, 90)), PASS),
        ("the rest fits and writes are too fast for halving it", history((1000, 1.0, 90), dirty=600), SUSPEND),
        ("the rest does not fit", history((1000, 1.0, 101)), PASS),
        ("the last pass did not halve it, so the next would not", history((1000, 1.0, 90), (90, 0.09, 60)), SUSPEND),
        ("too much after three passes is not yet a trend", history(*[(100, 1.0, 50)] * 3), PASS),
        ("not a tenth less over three passes", history((900, 1.0, 100), *[(100, 1.0, 91)] * 3, dirty=91), GIVE_UP),
        ("a tenth less over three passes", history((900, 1.0, 100), *[(100, 1.0, 90)] * 3, dirty=90), PASS),
        ("it grows", history(*[(100, 1.0, 50 + growth) for growth in range(4)]), GIVE_UP),
    ],
)
def test_step_after(what, passes, step):
    assert decide(passes, Limits(max_passes=30, patience_s=0)).step is step, what


def shrinking(passes):
    return history((1000, 10.0, 100), *[(100 * 0.9**number, 1.0, 100 * 0.9**number) for number in range(1, passes)])


def test_the_last_allowed_pass_decides():
    assert decide(shrinking(5), Limits(max_passes=6)).step is PASS
    assert decide(shrinking(6), Limits(max_passes=6, patience_s=0)).step is GIVE_UP


def test_short_passes_leave_a_person_as_much_time_as_long_ones():
    """On a fast link thirty passes are over in three seconds."""
    fast = [(100, 0.1, 100)]
    assert decide(history((1000, 1.0, 100), *fast * 60, dirty=1000), Limits(allowed_suspension_ms=50)).step is PASS
    assert (
        decide(history((1000, 1.0, 100), *fast * 340, dirty=1000), Limits(allowed_suspension_ms=50)).step is GIVE_UP
    )


def test_suspend_anyway_suspends_where_it_would_give_up():
    hopeless = history(*[(100, 1.0, 100)] * 4, dirty=100)
    assert decide(hopeless, Limits(patience_s=0)).step is GIVE_UP
    assert decide(hopeless, Limits(suspend_anyway=True)).step is SUSPEND
    assert decide(hopeless[:3], Limits(suspend_anyway=True)).step is PASS


def slowed(ordered, *passes):
    """Passes as (percent that the hypervisor says, MB left), each a second long."""
    hopeless = history(*[(100, 1.0, 100)] * 4, dirty=100)
    return hopeless + [
        Pass(number, 100 * MB, 1.0, int(rest * MB), 100 * MB, ordered, percent)
        for number, (percent, rest) in enumerate(passes, start=5)
    ]


SLOW = Limits(slow_partition=True, patience_s=0)


@pytest.mark.parametrize(
    ("what", "passes", "percent"),
    [
        ("three passes prove nothing yet", history(*[(100, 1.0, 100)] * 3, dirty=100), 0),
        ("the rest does not shrink", history(*[(100, 1.0, 100)] * 4, dirty=100), 30),
        ("it shrinks", history((900, 1.0, 100), *[(100, 1.0, 90)] * 3, dirty=90), 0),
        ("too many passes were sent", shrinking(30), 30),
        ("the hypervisor has not done it yet", slowed(30, (0, 100), (0, 100), (0, 100), (0, 100)), 30),
        ("two passes under it prove nothing yet", slowed(30, (0, 100), (30, 100), (30, 100)), 30),
        ("the rest does not shrink under it", slowed(30, (30, 100), (30, 95), (30, 95)), 60),
        ("it shrinks under it", slowed(30, (30, 100), (30, 95), (30, 90)), 30),
        ("it is slowed further than ordered, from before", slowed(30, (60, 100), (60, 100), (60, 100)), 60),
        ("it fits: no further", slowed(60, (60, 10), (60, 10), (60, 9.9)), 60),
        ("there is no further step", slowed(95, (95, 100), (95, 100), (95, 100)), 95),
    ],
)
def test_slowed_down_after(what, passes, percent):
    assert decide(passes, SLOW).slow_percent == percent, what
    assert decide(passes, Limits(patience_s=0)).slow_percent == 0


def test_nothing_is_given_up_before_the_last_step_of_slowing_down():
    assert decide(slowed(90, *[(90, 100)] * 50), SLOW).step is PASS
    assert decide(slowed(90, *[(90, 100)] * 50), replace(SLOW, suspend_anyway=True)).step is PASS
    last = slowed(95, *[(95, 100)] * 4)
    assert decide(last[:-1], SLOW).step is PASS
    assert decide(last, SLOW).step is GIVE_UP
    assert decide(last, replace(SLOW, suspend_anyway=True)).step is SUSPEND
    assert decide(last, replace(SLOW, patience_s=30)).step is PASS


def test_a_rest_that_gets_less_at_all_under_the_last_step_is_waited_for():
    """QEMU makes short passes then: over a slow link three of them take little of much."""
    passes = [(95, 100 * 0.99**number) for number in range(200)]
    assert decide(slowed(95, *passes), SLOW).step is PASS


def test_a_hypervisor_that_does_not_slow_the_partition_down_is_not_waited_for_for_ever():
    patient = replace(SLOW, patience_s=30)
    assert decide(slowed(30, *[(0, 100)] * 29), patient).step is PASS
    assert decide(slowed(30, *[(0, 100)] * 30), patient).step is GIVE_UP


@pytest.mark.parametrize(
    ("passes", "step"), [(4, PASS), (32, PASS), (33, GIVE_UP)], ids=["at once", "before 30 s", "after 30 s"]
)
def test_a_person_has_half_a_minute_to_help(passes, step):
    """The first three passes of a second each prove nothing; from the fourth on the rest shrinks no more."""
    assert decide(history(*[(100, 1.0, 100)] * passes, dirty=100), Limits(max_passes=99)).step is step


def test_a_rest_that_shrinks_again_begins_the_half_minute_anew():
    passes = history(*[(100, 1.0, 100)] * 30, (100, 1.0, 50), (50, 1.0, 50), (50, 1.0, 50), (50, 1.0, 50), dirty=50)
    assert decide(passes, Limits(max_passes=99, allowed_suspension_ms=1)).step is PASS


def test_a_short_pass_that_only_filled_buffers_does_not_raise_the_rate():
    decision = decide(history((1000, 10.0, 60), (60, 0.001, 60)), Limits())
    assert decision.rate_bytes_per_s == pytest.approx(106 * MB, rel=0.01)
    assert decision.step is PASS


def test_a_link_that_became_slow_is_believed():
    fast_then_slow = history((1000, 1.0, 100), (100, 2.0, 60), (60, 2.0, 40), (40, 2.0, 10))
    assert decide(fast_then_slow, Limits()).rate_bytes_per_s == pytest.approx(33.3 * MB, rel=0.01)


def test_a_lowered_bandwidth_limit_counts_at_once():
    decision = decide(history((1000, 1.0, 20)), Limits(bandwidth_bytes_per_s=10 * MB))
    assert decision.rate_bytes_per_s == 10 * MB
    assert decision.fitting_bytes == MB
    assert decision.step is PASS


def test_allowed_suspension_is_what_makes_it_fit():
    left = history((1000, 1.0, 300), dirty=900)
    assert decide(left, Limits(allowed_suspension_ms=299)).step is PASS
    assert decide(left, Limits(allowed_suspension_ms=300)).step is SUSPEND


def test_passes_measured_in_no_time_do_not_divide_by_zero():
    assert decide(history((0, 0.0, 0)), Limits()).step is SUSPEND


def test_a_partition_writing_50_mb_a_second_over_an_unlimited_link_is_suspended_with_little_left():
    rate, dirty, rest, passes = 700, 50, 1074.0, []
    step = PASS
    while step is PASS:
        seconds = rest / rate
        passes.append((rest, seconds, dirty * seconds))
        rest = passes[-1][2]
        step = decide(history(*passes, dirty=dirty), Limits()).step
    assert step is SUSPEND
    assert rest / rate < 0.02  # seconds of sending while it is suspended
    assert len(passes) <= 3


@pytest.mark.parametrize(
    ("what", "passes", "outlook"),
    [
        ("it fits", history((1000, 1.0, 90), dirty=900), Outlook.CONVERGING),
        ("written more slowly than it is sent", history((64, 1.0, 30), dirty=50), Outlook.CONVERGING),
        ("written faster than it is sent", history((64, 1.0, 64), dirty=180), Outlook.NOT_CONVERGING),
        ("written fast, over little memory", history((640, 10.0, 20), (20, 0.3, 5), dirty=180), Outlook.CONVERGING),
        ("the rest stays what it was", history((640, 10.0, 20), (20, 0.3, 20), dirty=60), Outlook.NOT_CONVERGING),
        ("the rest grows", history((640, 10.0, 20), (20, 0.3, 25), dirty=60), Outlook.NOT_CONVERGING),
    ],
)
def test_outlook_after(what, passes, outlook):
    assert decide(passes, Limits()).outlook is outlook, what


def test_a_partition_that_writes_180_mb_a_second_against_a_limit_of_64_is_told_after_the_first_pass():
    decision = decide(history((1074, 16.8, 1074), dirty=180), Limits(bandwidth_bytes_per_s=64 * MB))
    assert decision.outlook is Outlook.NOT_CONVERGING
    assert decision.step is PASS
    assert decision.rate_bytes_per_s == pytest.approx(64 * MB, rel=0.01)


def test_what_is_given_up_was_announced_before():
    """The outlook is told at least one pass before the default rule ends the transfer."""
    hopeless = history(*[(100, 1.0, 100)] * 4, dirty=100)
    assert decide(hopeless, Limits(patience_s=0)).step is GIVE_UP
    assert decide(hopeless[:3], Limits()).outlook is Outlook.NOT_CONVERGING


def test_a_pass_is_the_difference_of_two_counters():
    first = TransferStatus(Phase.PASS_END, pass_number=1, bytes_sent=1000, bytes_remaining=70, pass_seconds=2.0)
    second = TransferStatus(
        Phase.PASS_END, pass_number=2, bytes_sent=1070, bytes_remaining=9, pass_seconds=0.5, dirty_bytes_per_s=20
    )
    assert pass_of(second, first) == Pass(2, 70, 0.5, 9, 20)
