"""After the end: digests and the suspension are collected, differences told, and secrets forgotten."""

import pytest
from django.utils import timezone

from ivmweb.common.errors import HypervisorError, PeerError
from migration import aftermath, failures, tasks
from migration.failures import apart
from migration.models import Migration, MigrationEvent
from migration.peer.auth import unseal
from migration.states import State
from tests.handover.conftest import SECRET, fetch
from tests.handover.partner import TOKEN

OURS, OTHER = "a" * 64, "b" * 64


@pytest.fixture(autouse=True)
def nothing_told_before(monkeypatch):
    monkeypatch.setattr(failures, "_told", {})


@pytest.fixture
def moved(start, uli13lp1, partner):
    """An active migration from here that has just ended."""
    partner.state = State.CLOSED_MOVED
    return start(uli13lp1, State.CLOSED_MOVED, ended_at=timezone.now())


@pytest.fixture
def arrived(incoming, hypervisor):
    """An active migration to here that has just ended."""
    migration = incoming("loaded")
    hypervisor.boot(migration.lpar_id)
    Migration.objects.filter(pk=migration.pk).update(state=State.CLOSED_MOVED, ended_at=timezone.now())
    return fetch(migration)


def differences(migration):
    return MigrationEvent.objects.filter(migration=migration, text__startswith="memory digests differ").count()


def test_the_source_collects_both_digests_and_the_suspension(moved, hypervisor, partner):
    aftermath.sweep()
    assert (fetch(moved).local_digest, fetch(moved).partner_digest) == ("", "")
    hypervisor.finish_digest(moved.lpar_id, moved.pk, OURS)
    partner.fields = {"digest": OURS, "suspension_ms": 87.5}
    aftermath.sweep()
    row = fetch(moved)
    assert (row.local_digest, row.partner_digest, row.suspension_ms) == (OURS, OURS, 87.5)
    assert partner.told[-1].digest == OURS
    assert differences(moved) == 0


def test_the_source_collects_the_suspension_where_no_pages_are_hashed_and_then_asks_no_more(moved, partner):
    partner.fields = {"suspension_ms": 87.5}
    for _ in range(3):
        aftermath.sweep()
    assert fetch(moved).suspension_ms == 87.5
    assert len(partner.told) == 1


def test_the_destination_collects_its_digest_and_the_gap_that_was_felt(arrived, hypervisor):
    hypervisor.finish_digest(arrived.lpar_id, arrived.pk, OURS)
    hypervisor.runs[arrived.lpar_id].longest_gap_ms = 61.0
    aftermath.sweep()
    assert (fetch(arrived).local_digest, fetch(arrived).suspension_ms) == (OURS, 61.0)


def test_a_difference_of_the_digests_is_told_once(moved, hypervisor, partner, caplog):
    hypervisor.finish_digest(moved.lpar_id, moved.pk, OURS)
    partner.fields = {"digest": OTHER}  # the suspension is still missing, so it is collected again
    for _ in range(3):
        aftermath.sweep()
    assert differences(moved) == 1
    assert sum("digests differ" in record.message for record in caplog.records) == 1


def test_collecting_does_not_write_over_what_came_meanwhile(moved, hypervisor, partner):
    """The suspension arrives with the partner's message while our digest is asked for."""
    hypervisor.finish_digest(moved.lpar_id, moved.pk, OURS)
    hypervisor.before["digest"] = lambda: Migration.objects.filter(pk=moved.pk).update(suspension_ms=42.0)
    partner.is_silent = True
    aftermath.sweep()
    assert (fetch(moved).local_digest, fetch(moved).suspension_ms) == (OURS, 42.0)


def test_one_migration_that_can_not_be_collected_does_not_stop_the_others(moved, hypervisor, partner):
    hypervisor.is_reachable = False
    with pytest.raises(HypervisorError):
        hypervisor.digest(moved.lpar_id, str(moved.pk))
    tasks.sweep()
    assert fetch(moved).local_digest == ""


def test_collecting_ends_after_a_while(moved, partner):
    Migration.objects.filter(pk=moved.pk).update(ended_at=timezone.now() - 2 * aftermath.COLLECT_FOR)
    assert moved not in aftermath.incomplete()


def test_a_partner_that_is_away_before_the_end_is_left_to_recovery(start, uli13lp1, partner, hypervisor):
    """A row may stay *completing* for days; collecting its digest must not cost a time-out every two seconds."""
    migration = start(uli13lp1, State.COMPLETING)
    hypervisor.finish_digest(migration.lpar_id, migration.pk, OURS)
    aftermath.sweep()
    assert fetch(migration).local_digest == OURS
    assert partner.told == []


# Secrets


def age(migration, **fields):
    ended_at = timezone.now() - aftermath.KEEP_SECRETS_FOR - timezone.timedelta(seconds=1)
    Migration.objects.filter(pk=migration.pk).update(ended_at=ended_at, **fields)
    aftermath.sweep()
    row = fetch(migration)
    return bytes(row.secret), bytes(row.token)


def test_secret_and_token_are_sealed_while_they_are_needed(start, uli13lp1):
    row = start(uli13lp1)
    assert len(unseal(bytes(row.secret))) == 32
    assert unseal(bytes(row.token)) == TOKEN.encode()
    assert TOKEN.encode() not in bytes(row.token)
    assert unseal(bytes(row.secret)) not in bytes(row.secret)


def test_the_destinations_secret_is_sealed(prepare):
    row = prepare()
    assert unseal(bytes(row.secret)) == SECRET
    assert SECRET not in bytes(row.secret)
    assert SECRET.hex().encode() not in bytes(row.secret)


def test_secret_and_token_are_blank_once_both_sides_are_final(moved):
    assert age(moved, partner_state=State.CLOSED_MOVED) == (b"", b"")


def test_secret_and_token_stay_while_the_partner_is_not_final(moved, partner):
    partner.is_silent = True
    assert all(age(moved, partner_state=State.STARTED))


def test_a_partner_whose_last_word_was_lost_is_asked_until_it_is_final(moved, partner):
    """It closed, and its answer was lost: nobody would ever say it again."""
    assert age(moved, partner_state=State.STARTED) == (b"", b"")


def test_a_destination_that_declined_learns_of_the_sources_end_and_forgets(incoming, partner):
    migration = incoming("declined")
    Migration.objects.filter(pk=migration.pk).update(released=True)
    partner.state = State.CLOSED_KEPT
    assert age(migration, partner_state=State.ABORTING) == (b"", b"")


@pytest.fixture
def forgetful(partner):
    """It has erased its secrets of the migration, or lost the row; answers how often it was asked."""
    asked = []

    def refuse():
        asked.append(1)
        refused = {"remote_code": "9330", "remote_message": "-", "remote_key": "peer-migration-unknown"}
        raise PeerError("peer-refused", permanent=True, remote="uli14", **refused)

    partner.before = [refuse] * 10
    return asked


def test_a_partner_that_does_not_know_it_any_more_is_asked_once_an_hour(incoming, forgetful, clock):
    migration = incoming("declined")
    assert age(migration, partner_state=State.ABORTING, released=True)[0]
    clock.pass_s(aftermath.ASK_FINAL_EVERY_S + 1)
    aftermath.sweep()
    assert len(forgetful) == 1
    clock.pass_s(3600)
    aftermath.sweep()
    assert len(forgetful) == 2


def test_and_after_a_day_its_secrets_are_erased_here_too(incoming, forgetful):
    migration = incoming("declined")
    yesterday = timezone.now() - timezone.timedelta(days=1, seconds=1)
    Migration.objects.filter(pk=migration.pk).update(ended_at=yesterday, partner_state=State.ABORTING, released=True)
    aftermath.sweep()
    assert bytes(fetch(migration).secret) == b""


@pytest.mark.parametrize(
    ("every_s", "age_s"),
    [(aftermath.ASK_FIGURES_EVERY_S, 0), (aftermath.ASK_FINAL_EVERY_S, 3600)],
    ids=["soon while somebody may look at its figures", "seldom afterwards"],
)
def test_a_silent_partner_is_asked_again(moved, partner, clock, every_s, age_s):
    ended = timezone.now() - timezone.timedelta(seconds=age_s)
    Migration.objects.filter(pk=moved.pk).update(local_digest="a" * 64, ended_at=ended, partner_state=State.STARTED)
    asked = []
    partner.is_silent = True
    partner.before = [lambda: asked.append(1)] * 10
    aftermath.sweep()
    aftermath.sweep()
    assert len(asked) == 1
    clock.pass_s(every_s + 1)
    aftermath.sweep()
    assert len(asked) == 2


def test_of_two_sweeps_at_once_only_one_asks(moved, partner):
    """A call to a partner that says nothing lasts, and the next sweep begins meanwhile."""
    Migration.objects.filter(pk=moved.pk).update(local_digest="a" * 64, ended_at=timezone.now())
    partner.is_silent = True
    asked = []
    partner.before = [lambda: (asked.append(1), aftermath.sweep())] * 10
    aftermath.sweep()
    assert len(asked) == 1


# Old rows


def test_rows_are_forgotten_after_a_month(moved):
    Migration.objects.filter(pk=moved.pk).update(ended_at=timezone.now() - timezone.timedelta(days=31))
    aftermath.sweep()
    assert not Migration.objects.exists()


def test_a_row_with_something_left_to_give_back_is_never_forgotten(incoming):
    migration = incoming("declined")
    Migration.objects.filter(pk=migration.pk).update(ended_at=timezone.now() - timezone.timedelta(days=31))
    aftermath.sweep()
    assert fetch(migration).partition is not None


# What fails


@pytest.fixture
def two_that_moved(start, uli13lp1, uli13lp2, partner):
    """Both lack the other side's last word."""
    partner.state = State.CLOSED_MOVED
    ended = timezone.now() - timezone.timedelta(minutes=6)
    fields = {"ended_at": ended, "partner_state": State.STARTED}
    return [start(partition, State.CLOSED_MOVED, **fields) for partition in (uli13lp1, uli13lp2)]


def damage(migration):
    Migration.objects.filter(pk=migration.pk).update(secret=b"under another key")


def test_a_secret_that_cannot_be_read_keeps_no_other_row_from_its_turn(two_that_moved, partner):
    old = timezone.now() - timezone.timedelta(minutes=11)
    Migration.objects.update(ended_at=old)
    first, second = two_that_moved
    damage(first)
    aftermath.sweep()
    assert [told.migration_id for told in partner.told] == [second.pk]
    assert "IVM_SECRET_KEY" in fetch(first).partner_error


def test_one_row_that_fails_keeps_no_other_one_from_its_turn_and_is_told_once(two_that_moved, monkeypatch, caplog):
    first, second = two_that_moved
    Migration.objects.update(ended_at=timezone.now(), type="active")
    collected = []

    def collect(migration, silent):
        if migration.pk == first.pk:
            raise ValueError("a\nkey " + "x" * 2000)
        collected.append(migration.pk)

    monkeypatch.setattr(aftermath, "collect", collect)
    aftermath.sweep()
    aftermath.sweep()
    assert collected == [second.pk] * 2
    (line,) = [record.getMessage() for record in caplog.records if "was not collected" in record.message]
    assert line.startswith(f"migration {first.pk}: its digest was not collected: ValueError: a key xxx")
    assert len(line) < 700


def test_what_fails_again_after_it_was_well_is_told_again(monkeypatch, caplog):
    for broken in (True, False, True):
        with apart("it failed", "x"):
            if broken:
                raise OSError("no space left")
    assert caplog.text.count("x: it failed: OSError: no space left") == 2


def test_old_rows_go_although_secrets_cannot_be_dropped(moved, monkeypatch):
    def broken():
        raise OSError("the disk is full")

    monkeypatch.setattr(aftermath, "forget_secrets", broken)
    Migration.objects.filter(pk=moved.pk).update(ended_at=timezone.now() - timezone.timedelta(days=31))
    aftermath.sweep()
    assert not Migration.objects.exists()
