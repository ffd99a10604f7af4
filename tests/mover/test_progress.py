import pytest

from ivmweb.hypervisor.base import Phase, TransferStatus
from migration.mover.progress import MoverPhase, ProgressMeter, percent_of, seconds_left

MB = 1_000_000


def status(remaining, *, dirty=0, pass_number=1):
    return TransferStatus(
        Phase.ACTIVE,
        pass_number=pass_number,
        bytes_total=1000 * MB,
        bytes_remaining=remaining * MB,
        dirty_bytes_per_s=dirty * MB,
    )


@pytest.mark.parametrize(
    ("phase", "status", "percent"),
    [
        (MoverPhase.TRANSFERRING, TransferStatus(Phase.NONE), 0),
        (MoverPhase.TRANSFERRING, status(0, pass_number=0), 0),
        (MoverPhase.TRANSFERRING, status(1000), 0),
        (MoverPhase.TRANSFERRING, status(505), 49),
        (MoverPhase.SUSPENDED, status(0), 99),
        (MoverPhase.TRANSFERRING, status(2000), 0),
        (MoverPhase.LOADED, status(0), 100),
    ],
)
def test_percent(phase, status, percent):
    assert percent_of(phase, status) == percent


@pytest.mark.parametrize(
    ("phase", "dirty", "rate", "seconds"),
    [
        (MoverPhase.TRANSFERRING, 50, 100, 10.0),
        (MoverPhase.TRANSFERRING, 100, 100, None),
        (MoverPhase.TRANSFERRING, 0, 0, None),
        (MoverPhase.SUSPENDED, 100, 100, 5.0),
        (MoverPhase.LOADED, 0, 0, 0.0),
    ],
)
def test_seconds_left_counts_what_the_link_gains_over_the_writes(phase, dirty, rate, seconds):
    assert seconds_left(phase, status(500, dirty=dirty), rate * MB) == seconds


def test_rate_is_that_of_the_last_two_seconds():
    now = 0.0
    meter = ProgressMeter(lambda: now)
    rates = []
    for second in range(10):
        now = float(second)
        sent = 100 * MB * min(second, 5)
        rates.append(meter.measure(MoverPhase.TRANSFERRING, status(500), sent).rate_bytes_per_s)
    assert rates[0] == 0
    assert rates[5] == 100 * MB
    assert rates[9] == 0
