"""How long each part of a migration took: times of records, put in order."""

from datetime import UTC, datetime, timedelta

import pytest

from migration.curve import Point
from migration.models import Migration, MigrationEvent
from migration.progress import LIMIT_CHANGED
from migration.states import State
from migration.transfer_words import limited_by, phases

START = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)


def at(seconds):
    return START + timedelta(seconds=seconds)


def migration(role="source", **moments):
    return Migration(role=role, started_at=START, **{name: at(seconds) for name, seconds in moments.items()})


def event(state, seconds):
    return MigrationEvent(to_state=state, time=at(seconds))


def told(*arguments, now=60):
    return [(phase.title, phase.seconds) for phase in phases(*arguments, at(now))]


def test_a_migration_that_moved_has_four_parts_without_a_gap():
    moved = migration(transfer_started_at=1, suspended_at=15, ended_at=16)
    events = [event(State.SURRENDERED, 15.1), event(State.COMPLETING, 15.2), event(State.CLOSED_MOVED, 16)]
    assert told(moved, events) == [
        ("Preparing the destination", 1.0),
        ("Sending memory while the partition runs", 14.0),
        ("Suspended: last pages and hand-over", pytest.approx(0.2)),
        ("Cleaning up", pytest.approx(0.8)),
    ]


def test_the_part_that_goes_on_has_no_length_yet():
    assert told(migration(transfer_started_at=2), []) == [
        ("Preparing the destination", 2.0),
        ("Sending memory while the partition runs", None),
    ]


def test_a_roll_back_ends_what_went_on():
    rolled_back = migration(transfer_started_at=1, ended_at=8)
    assert told(rolled_back, [event(State.ABORTING, 7)])[-1] == ("Rolling back", 1.0)


def test_a_surrender_that_has_not_been_answered_is_a_part_of_its_own():
    waiting = migration(transfer_started_at=1)
    assert told(waiting, [event(State.SURRENDERED, 15)])[-1] == ("Handing over", None)


def test_the_destination_counts_its_own_parts():
    there = migration("destination", transfer_started_at=1, ended_at=16)
    events = [event(State.LOADED, 15), event(State.ACCEPTED, 15.1), event(State.STARTED, 15.2)]
    assert [title for title, _ in told(there, events)] == [
        "Prepared, waiting for memory",
        "Receiving memory",
        "Handing over",
        "Waiting for the source to clean up",
    ]


def test_the_shares_are_parts_of_the_whole():
    moved = migration(transfer_started_at=1, suspended_at=9, ended_at=10)
    assert sum(phase.share for phase in phases(moved, [], at(10))) == pytest.approx(100)


MB = 2**20


def limit_changed(old_mb, new_mb, seconds):
    return MigrationEvent(
        text=LIMIT_CHANGED,
        params={"old": old_mb * MB, "new": new_mb * MB, "old_mb": str(old_mb), "new_mb": str(new_mb)},
        time=at(seconds),
    )


def limited(*changes, sent_mb=1220, at_17_s=1080, limit_mb=0):
    sent = migration(transfer_started_at=0, suspended_at=18)
    sent.bytes_transmitted, sent.bandwidth_limit_bytes_per_s = sent_mb * MB, limit_mb * MB
    return limited_by(sent, changes, [Point(0, 0, 0), Point(16.9, 0, at_17_s * MB), Point(18, 0, sent_mb * MB)])


def test_a_limit_that_was_lifted_at_the_end_is_what_limited_it():
    assert limited(limit_changed(64, 0, 17)) == (
        "The bandwidth limit of 64 MB per second until it was lifted after 17 s; "
        "67.8 MB per second were sent on average"
    )
    assert "until it was changed to 96 MB per second after 17 s" in limited(limit_changed(64, 96, 17), limit_mb=96)


def test_a_limit_that_was_changed_and_far_from_reached_is_not_blamed():
    for changes in ([limit_changed(640, 0, 17)], [limit_changed(0, 64, 2), limit_changed(64, 0, 17)]):
        said = limited(*changes)
        assert said.startswith("67.8 MB per second were sent on average; the bandwidth limit was changed meanwhile:")
        assert "network" not in said
    assert said.endswith("meanwhile: none, after 2 s 64 MB per second, after 17 s none")


def test_without_a_limit_it_was_the_network():
    assert limited() == "Network, movers and servers; 67.8 MB per second were sent on average"
