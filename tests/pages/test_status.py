import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from ivmweb.common.boot import boot_id
from ivmweb.common.errors import PeerError, PrerequisiteFailed
from ivmweb.hypervisor.base import RunState
from ivmweb.system.models import LogicalPartition
from ivmweb.system.rights import VIEW_ONLY
from migration import destination, leases, partner
from migration.admission import WANTED_FOR_S
from migration.both_sides import Other
from migration.forcing import ORDERED
from migration.journal import STOP_PRESSED
from migration.models import Migration, MigrationEvent, RemoteSystem, TransferCurve
from migration.services import Recovered
from migration.states import Act, State
from tests import factories
from tests.pages.conftest import make_facts, text_of


def address(migration, more=""):
    return f"/migrations/{migration.pk}/{more}"


def fragment(client, migration, query=""):
    return client.get(address(migration, query), headers={"HX-Request": "true"})


@pytest.fixture
def running(make_migration):
    return make_migration(
        activity="transferring",
        percent=42,
        bytes_transmitted=460 * 2**20,
        bytes_remaining=614 * 2**20,
        rate_bytes_per_s=70 * 2**20,
        dirty_bytes_per_s=3 * 2**20,
        passes=2,
        seconds_left=9.3,
        remote_lpar_id=2,
    )


@pytest.fixture
def tombstone(uli14):
    """uli14 stopped a migration that waited in its queue: nothing was ever prepared here."""
    return destination.write_tombstone(uuid.uuid4(), uli14, "uli14's database")


@pytest.mark.parametrize("more", ["", "recover/"])
def test_a_migration_that_was_never_prepared_here_says_so(as_padmin, tombstone, more):
    page = text_of(as_padmin.get(address(tombstone, more), follow=True))
    assert f"never prepared the migration {tombstone.pk}: uli14 ended it before" in page
    assert "- / 0" not in page
    assert "Mend the cause" not in page


def test_status_shows_all_figures_of_a_running_migration(as_padmin, running, system):
    page = text_of(as_padmin.get(address(running)))
    for value in (
        "uli13lp1 / 2", "active", "Server-7998-61X-SN100390A", "Server-7998-60X-SN100E7DA", "uli13(1)", "uli14(1)",
        "460 MB", "614 MB", "70 MB per second", "3 MB per second", "9 s",
    ):  # fmt: skip
        assert value in page
    assert re.search(r'role="progressbar" aria-valuenow="42"', page)


def test_an_interrupted_transfer_shows_no_rate_and_no_time_left(as_padmin, running, monkeypatch):
    monkeypatch.setattr("migration.leases.lapsed_for_s", lambda migration: 3.0)
    page = text_of(as_padmin.get(address(running)))
    assert "460 MB" in page
    assert "70 MB per second" not in page
    assert "9 s" not in page.split("Transfer rate")[1].split("Migration type")[0]


def test_status_says_where_the_partition_runs_and_what_to_do(as_padmin, running):
    page = text_of(as_padmin.get(address(running)))
    assert "Sending memory while the partition runs" in page
    assert "Runs on uli13." in page
    assert "you may leave this page" in page


def test_the_history_tells_each_change_in_words(as_padmin, running):
    MigrationEvent.objects.create(
        migration=running, from_state="transferring", to_state="surrendered", text="given up to uli14"
    )
    page = text_of(as_padmin.get(address(running)))
    assert "Transferring → Surrendered" in page
    assert "given up to uli14" in page


def test_a_lost_worker_is_said_plainly_with_when_it_is_recovered(as_padmin, make_migration):
    migration = make_migration(lease_until=0.01, lease_boot="an earlier boot")  # counts as just lost
    page = text_of(as_padmin.get(address(migration)))
    assert "Interrupted: its worker was lost" in page
    assert re.search(r"recovered automatically in about \d+ s", page)


def test_a_migration_that_did_not_move_says_why(as_padmin, make_migration):
    migration = make_migration(
        "closed, kept",
        message_key="not-enough-memory",
        message_params={"name": "uli13lp1", "lpar_id": 2, "needed_mb": 1024, "system": "uli14", "free_mb": 512},
    )
    page = text_of(as_padmin.get(address(migration)))
    assert "The migration was rolled back; uli13lp1 stays on uli13" in page
    assert "[VIOSE01049000-9060]" in page


def test_a_migration_that_moved_says_so_with_suspension_and_digests(as_padmin, make_migration):
    migration = make_migration("closed, moved", suspension_ms=74, local_digest="a" * 64, partner_digest="a" * 64)
    page = text_of(as_padmin.get(address(migration)))
    assert "uli13lp1 has moved to uli14" in page
    assert "74 ms" in page
    assert "Equal (digests compared)" in page


def test_the_write_rate_is_blank_until_it_has_been_measured(as_padmin, running):
    running.passes, running.dirty_bytes_per_s = 1, 0
    running.save()
    page = text_of(as_padmin.get(address(running)))
    assert page.split("Write rate of the partition</dt><dd>")[1].startswith("</dd>")


@pytest.fixture
def hopeless(running):
    running.outlook = "not converging"
    running.dirty_bytes_per_s, running.bandwidth_limit_bytes_per_s = 180 * 2**20, 64 * 2**20
    running.allowed_suspension_ms, running.fitting_bytes = 100, 64 * 2**20 // 10
    running.save()
    return running


def test_a_transfer_that_does_not_converge_is_told_with_both_rates_and_the_choices(as_padmin, hopeless, system):
    page = text_of(as_padmin.get(address(hopeless)))
    for words in (
        "writes 180 MB per second",
        "64 MB per second can be sent (held back by the bandwidth limit of 64 MB per second)",
        "allowed suspension of 100 ms carries 6.4 MB",
        "View/Modify System Properties",
        "have it suspended anyway",
        "rolled back",
        "To send them takes 9.59 s",
        "It will not finish as things are: Outlook says why",
    ):
        assert words in page
    assert "you may leave this page" not in page
    hopeless.bandwidth_limit_bytes_per_s = 200 * 2**20  # raised a moment ago
    hopeless.save()
    words = "64 MB per second can be sent (measured so far, below the bandwidth limit of 200 MB per second)"
    assert words in text_of(as_padmin.get(address(hopeless)))
    system.suspend_anyway = True
    system.save()
    assert "suspended anyway after some more passes, as the system properties say, for about 9.59 s" in text_of(
        as_padmin.get(address(hopeless))
    )


@pytest.mark.parametrize("suspends", [False, True])
def test_one_that_is_slowed_down_first_is_told_so_and_what_comes_after(as_padmin, hopeless, system, suspends):
    hopeless.slow_partition, system.suspend_anyway = True, suspends
    hopeless.save(), system.save()
    page = text_of(as_padmin.get(address(hopeless)))
    assert "the partition is slowed down meanwhile, step by step" in page
    end = (
        "suspended anyway, for about 9.59 s"
        if suspends
        else "for half a minute with the partition slowed down as far"
    )
    assert end in page
    assert "about half a minute after" not in page
    assert "after some more passes" not in page


def test_how_far_a_partition_is_slowed_down_is_what_its_hypervisor_says_now(as_padmin, running, facts):
    row = "Partition slowed down</dt><dd>"
    assert row not in text_of(as_padmin.get(address(running)))
    facts[2] = make_facts(2, "uli13lp1", slowed_percent=60)
    assert f"{row}By 60 percent, until the transfer ends" in text_of(as_padmin.get(address(running)))
    running.slowed_percent = 60
    running.save()
    facts.silence()
    assert f"{row}By up to 60 percent so far; whether it still is" in text_of(as_padmin.get(address(running)))
    facts.is_silent = False
    facts[2] = make_facts(2, "uli13lp1")  # its mover has died: the row does not know yet
    assert f"{row}Not now; by up to 60 percent before" in text_of(as_padmin.get(address(running)))
    running.state, running.ended_at = "closed, kept", timezone.now()
    running.save()
    assert f"{row}By up to 60 percent, while its memory was sent" in text_of(as_padmin.get(address(running)))


@pytest.mark.parametrize("changes", [{"state": "aborting"}, {"stop_requested": True}, {"outlook": "converging"}])
def test_no_outlook_is_told_where_it_does_not_matter_any_more(as_padmin, hopeless, changes):
    for name, value in changes.items():
        setattr(hopeless, name, value)
    hopeless.save()
    assert "does not converge" not in text_of(as_padmin.get(address(hopeless)))


def test_the_curve_is_drawn_and_told_in_words(as_padmin, running):
    TransferCurve.objects.create(migration=running, points=[[0.5, 2**30, 2**25], [7, 2**29, 2**29], [14, 0, 2**30]])
    running.bytes_total = 2**30
    running.save()
    page = text_of(as_padmin.get(address(running)))
    assert 'points="75.7,10 228,69 392,128"' in page  # falls from the upper left to the lower right
    assert "1 GB were left after 500 ms, 0 bytes after 14 s." in page
    assert '<th scope="row" class="number">7 s</th><td class="number">512 MB</td>' in page


def test_a_partition_that_is_handed_over_has_no_rate_any_more(as_padmin, running):
    running.rate_bytes_per_s, running.seconds_left = 70 * 2**20, 0.0
    running.save()
    assert "70 MB per second" in text_of(as_padmin.get(address(running)))
    running.state = "surrendered"
    running.save()
    assert "70 MB per second" not in text_of(as_padmin.get(address(running)))


def test_what_limited_the_move_is_told_afterwards(as_padmin, make_migration):
    began = timezone.now()
    migration = make_migration(
        "closed, moved",
        transfer_started_at=began,
        suspended_at=began + timedelta(seconds=15),
        bytes_transmitted=15 * 70 * 2**20,
        bandwidth_limit_bytes_per_s=75 * 2**20,
    )
    assert "The bandwidth limit of 75 MB per second" in text_of(as_padmin.get(address(migration)))
    Migration.objects.update(bandwidth_limit_bytes_per_s=300 * 2**20)  # raised while it ran
    page = text_of(as_padmin.get(address(migration)))
    assert "on average, below the limit of 300 MB per second" in page
    Migration.objects.update(bandwidth_limit_bytes_per_s=0)
    assert "Network, movers and servers; 70 MB per second" in text_of(as_padmin.get(address(migration)))


def test_status_of_a_partition_that_has_moved_away_leads_to_its_migration(as_padmin, make_migration, uli13lp1):
    migration = make_migration("closed, moved")
    uli13lp1.delete()
    answer = as_padmin.get("/partitions/2/status/")
    assert answer.url == address(migration)


def test_an_inactive_migration_shows_no_transfer(as_padmin, make_migration):
    page = text_of(as_padmin.get(address(make_migration(type="inactive"))))
    assert "Bytes transmitted" not in page
    assert "On uli13, not activated." in page


def test_digests_that_differ_are_an_alarm(as_padmin, make_migration):
    migration = make_migration("closed, moved", local_digest="a" * 64, partner_digest="b" * 64)
    assert "Different: the digests do not match" in text_of(as_padmin.get(address(migration)))


@pytest.mark.parametrize(
    ("state", "fields", "buttons"),
    [
        ("transferring", {}, ["Stop", "Recover"]),
        ("transferring", {"stop_requested": True}, ["Recover"]),
        ("surrendered", {}, ["Recover"]),
        ("completing", {}, ["Recover"]),
        ("closed, moved", {}, []),
        ("prepared", {"role": "destination"}, ["Recover"]),
        ("loaded", {"role": "destination"}, ["Recover"]),
        ("declined", {"role": "destination", "released": True}, []),
        ("declined", {"role": "destination"}, ["Recover"]),
    ],
)
def test_stop_and_recover_are_there_while_they_can_do_something(as_padmin, make_migration, state, fields, buttons):
    page = text_of(as_padmin.get(address(make_migration(state, **fields))))
    assert re.findall(r"<button[^>]*>(Stop|Recover)</button>", page) == buttons


def test_recover_says_beforehand_what_it_will_do(as_padmin, running):
    page = text_of(as_padmin.get(address(running)))
    assert "Recover ends the transfer and uli13lp1 stays on this system." in page


def test_stop_asks_the_service_and_says_what_happens(as_padmin, running, monkeypatch):
    asked = []
    monkeypatch.setattr("migration.services.stop", lambda migration, **who: asked.append((migration, who["origin"])))
    answer = as_padmin.post(address(running, "stop/"), follow=True)
    assert asked == [(running, "127.0.0.1")]
    assert "[VIOSI01049000-9016]" in text_of(answer)


def test_stop_pressed_too_late_is_told(as_padmin, running, monkeypatch):
    def late(migration, **_):
        raise PrerequisiteFailed("choose-task")

    monkeypatch.setattr("migration.services.stop", late)
    assert "[VIOSE01049000-9005]" in text_of(as_padmin.post(address(running, "stop/"), follow=True))


@pytest.mark.parametrize(("state", "level"), [("transferring", "warning"), ("closed, kept", "success")])
def test_recover_is_a_success_only_where_it_is_over(as_padmin, running, monkeypatch, state, level):
    Migration.objects.update(state=state)
    monkeypatch.setattr("migration.services.recover", lambda migration, **_: Recovered("uli14 must answer."))
    answer = as_padmin.post(address(running, "recover/"), follow=True)
    assert f'class="message {level}"' in answer.content.decode()


def test_one_that_was_forced_back_asks_for_no_mend(as_padmin, running):
    Migration.objects.update(state="closed, kept", forced=True, ended_at=timezone.now())
    page = text_of(as_padmin.get(address(running)))
    assert "uli13 has taken uli13lp1 back by an operator" in page
    assert "Mend the cause" not in page


def test_recover_shows_what_it_did(as_padmin, running, monkeypatch):
    ended = Recovered("Already rolled back at 14:03 UTC.")
    monkeypatch.setattr("migration.services.recover", lambda migration, **_: ended)
    answer = as_padmin.post(address(running, "recover/"), follow=True)
    said = "[VIOSI01049000-9017] Recover of partition uli13lp1: Already rolled back at 14:03 UTC."
    assert re.search(rf"<p>At \d\d:\d\d:\d\d UTC: {re.escape(said)}", text_of(answer))  # the page goes on below it


@pytest.mark.parametrize("act", ["stop", "recover"])
def test_a_view_only_user_sees_no_button_and_is_refused(as_viewer, running, act, monkeypatch):
    asked = []
    monkeypatch.setattr(f"migration.services.{act}", lambda *_, **__: asked.append(act))
    page = text_of(as_viewer.get(address(running)))
    assert "What Recover does now" not in page
    assert f">{act.capitalize()}</button>" not in page
    assert f'/{act}/" data-once' not in page
    assert as_viewer.post(address(running, f"{act}/")).status_code == 403
    assert asked == []


def test_a_link_does_not_stop(as_padmin, running):
    assert as_padmin.get(address(running, "stop/")).status_code == 405


def test_an_unfinished_migration_leads_to_what_recover_does(as_viewer, running):
    assert f'href="{address(running, "recover/")}"' in text_of(as_viewer.get(address(running)))


def test_a_view_only_user_reads_advice_that_names_no_button(as_viewer, hopeless, system):
    for page in (text_of(as_viewer.get(address(hopeless))), text_of(fragment(as_viewer, hopeless))):
        assert "Users who may migrate partitions can stop it" in page
        assert "A user who may change settings can raise the bandwidth limit" in page
        assert not re.search(r"\bStop\b|\bhelp it, raise\b", page)


def test_watchers_of_both_roles_do_not_share_their_advice(as_padmin, running, monkeypatch):
    monkeypatch.setattr("ivmweb.pages.events.Hub.heard", 1)
    assert "Stop ends the migration" in text_of(fragment(as_padmin, running))
    as_padmin.force_login(factories.make_user("viewer", VIEW_ONLY))
    assert "Stop ends the migration" not in text_of(fragment(as_padmin, running))


def test_an_old_status_does_not_say_that_a_partition_is_here_which_has_left_since(as_padmin, make_migration):
    migration = make_migration("closed, kept")
    assert "On uli13" in text_of(as_padmin.get(address(migration)))
    LogicalPartition.objects.filter(lpar_id=2).delete()
    page = text_of(as_padmin.get(address(migration)))
    assert "Not on uli13 any more: it was moved or removed later." in page
    assert "start the migration again" not in page


def test_one_that_has_ended_does_not(as_padmin, make_migration):
    migration = make_migration("closed, kept")
    assert address(migration, "recover/") not in text_of(as_padmin.get(address(migration)))


def test_the_live_part_asks_for_new_buttons_only_when_they_change(as_padmin, running):
    shown = re.search(r"\?seen=([^\"]*)", text_of(fragment(as_padmin, running))).group(1)
    assert "HX-Trigger" not in fragment(as_padmin, running, f"?seen={shown}").headers
    running.state = State.SURRENDERED
    running.save()
    assert fragment(as_padmin, running, f"?seen={shown}").headers["HX-Trigger"] == "actions"


def test_the_actions_are_a_part_of_their_own(as_padmin, running):
    part = text_of(fragment(as_padmin, running, "?part=actions"))
    assert part.strip().startswith('<div id="actions"')
    assert "progressbar" not in part


def test_the_page_stops_asking_some_minutes_after_the_end(as_padmin, make_migration):
    migration = make_migration("closed, moved")
    assert "hx-trigger" in text_of(fragment(as_padmin, migration))
    migration.ended_at = migration.started_at.replace(year=2020)
    migration.save()
    assert "hx-trigger" not in text_of(fragment(as_padmin, migration))


def test_status_of_a_partition_leads_to_its_latest_migration(as_padmin, make_migration):
    make_migration("closed, kept")
    latest = make_migration()
    assert as_padmin.get("/partitions/2/status/").headers["Location"] == address(latest)


def test_status_of_a_partition_that_never_moved_is_explained(as_padmin, uli13lp2):
    answer = as_padmin.get("/partitions/3/status/")
    assert answer.status_code == 200
    page = text_of(answer)
    assert "[VIOSI01049000-9007] Partition uli13lp2 (ID 3)" in page
    assert "message info" in page
    assert "not carried out" not in page
    assert '<a href="/partitions/3/migrate/">Migrate</a>' in page


def test_who_may_not_migrate_gets_no_link_to_it(as_viewer, uli13lp2):
    assert "/partitions/3/migrate/" not in text_of(as_viewer.get("/partitions/3/status/"))


def test_an_unknown_migration_is_a_page_not_found(as_padmin, system):
    answer = as_padmin.get(f"/migrations/{uuid.uuid4()}/")
    assert answer.status_code == 404
    assert "[VIOSE01049000-9044] uli13 has no migration with the number" in text_of(answer)


def test_a_longer_history_costs_no_more_queries(as_padmin, running, django_assert_max_num_queries):
    MigrationEvent.objects.bulk_create(MigrationEvent(migration=running, text=f"line {n}") for n in range(50))
    with django_assert_max_num_queries(12):
        fragment(as_padmin, running)


@pytest.mark.parametrize(("worker_is_lost", "words"), [(False, "suspended for a moment"), (True, "suspended until")])
def test_a_suspension_that_the_mover_has_not_told_is_seen(as_padmin, running, system, facts, worker_is_lost, words):
    if worker_is_lost:
        Migration.objects.filter(pk=running.pk).update(lease_until=1, lease_boot="before")
    facts[2] = make_facts(2, "uli13lp1", RunState.SUSPENDED)
    page = text_of(fragment(as_padmin, running))
    assert words in page
    assert "Sending memory while the partition runs" not in page
    facts[2] = make_facts(2, "uli13lp1")
    assert words not in text_of(fragment(as_padmin, running))


@pytest.mark.parametrize(("run_state", "words"), [("RUNNING", "Runs on uli13."), ("NOT_ACTIVATED", "not activated.")])
def test_after_the_end_the_page_says_whether_it_runs_here(
    as_padmin, make_migration, facts, settings, run_state, words
):
    settings.CONSOLE = "uli13"
    facts[2] = make_facts(2, "uli13lp1", RunState[run_state])
    assert f"<dd>{words}" in text_of(as_padmin.get(address(make_migration("closed, kept")))).replace("On uli13, ", "")


def test_a_silent_hypervisor_says_nothing_of_it(as_padmin, make_migration, facts):
    facts.silence()
    page = text_of(as_padmin.get(address(make_migration("closed, kept"))))
    assert "Runs on" not in page
    assert "not activated" not in page


def test_of_a_partition_that_left_it_says_what_the_other_side_told(as_padmin, make_migration, facts):
    told = make_migration("closed, moved", suspension_ms=48.0)
    assert "On uli14; it ran on there after the move." in text_of(as_padmin.get(address(told)))
    silent = make_migration("closed, moved")
    assert "<dd>On uli14.</dd>" in text_of(as_padmin.get(address(silent)))


def test_of_a_partition_that_had_not_come_and_came_later_it_is_not_said_that_it_came_back(
    as_padmin, make_migration, facts, settings
):
    settings.CONSOLE = "uli13"
    stopped = make_migration("declined", role="destination", released=True)
    make_migration("closed, moved", role="destination")
    facts[2] = make_facts(2, "uli13lp1")
    assert "It came here later. Runs on uli13." in text_of(as_padmin.get(address(stopped)))


def test_of_a_partition_that_came_back_the_earlier_migration_says_that_it_runs_here(
    as_padmin, make_migration, facts, settings
):
    settings.CONSOLE = "uli13"
    away = make_migration("closed, moved", suspension_ms=48.0)
    back = make_migration("closed, moved", role="destination")
    facts[2] = make_facts(2, "uli13lp1")
    page = text_of(as_padmin.get(address(away)))
    assert "It came back later. Runs on uli13." in page
    assert "ran on there after the move" not in page
    assert f'href="{address(back)}"' in page
    assert "It came back later" not in text_of(as_padmin.get(address(back)))
    LogicalPartition.objects.filter(lpar_id=2).delete()
    assert "Not on uli13 any more" in text_of(as_padmin.get(address(away)))


@pytest.mark.parametrize("state", ["closed, moved", "closed, kept"])
def test_an_earlier_migration_says_that_a_newer_one_is_in_progress(as_padmin, make_migration, state):
    earlier = make_migration(state)
    newer = make_migration("prepared", role="destination")
    page = text_of(as_padmin.get(address(earlier)))
    assert "A newer migration of it is in progress here" in page
    assert f'href="{address(newer)}"' in page
    assert "start the migration again" not in page


def test_of_one_that_went_on_to_a_third_console_the_newest_migration_tells(as_padmin, make_migration):
    third = RemoteSystem.objects.create(name="uli15", address="127.0.0.1:8415", certificate="-", fingerprint="CC")
    earlier = make_migration("closed, moved")
    make_migration("closed, moved", remote=third)
    LogicalPartition.objects.filter(lpar_id=2).delete()
    assert "<dd>On uli15. " in text_of(as_padmin.get(address(earlier)))


def test_a_destination_that_does_not_answer_is_waited_for_and_said_so(as_padmin, running):
    silence = PeerError("peer-timeout", permanent=False, remote="uli14", address="127.0.0.1:8414", timeout_s="10")
    for _number in range(2):
        partner.remember_silence(running, silence)
    page = text_of(fragment(as_padmin, running))
    assert "Waiting for uli14: its console does not answer" in page
    assert "situation panel attention" in page
    assert "This goes on by itself" not in page
    assert "the migration is rolled back" in page
    assert re.search(r"<dt>uli14 does not answer</dt><dd>Since \d", page)
    assert running.events.filter(text=partner.SILENT).count() == 1
    as_others_read_it = Migration.objects.get(pk=running.pk)
    for row in (running, as_others_read_it):
        partner.forget_silence(row)
    assert running.events.filter(text=partner.ANSWERS_AGAIN).count() == 1
    page = text_of(fragment(as_padmin, running))
    assert "uli14 answers again" in page
    assert "does not answer</dt>" not in page
    assert "This goes on by itself" in page


AT_WORK = {"lease_until": 1e12, "lease_boot": boot_id()}
QUEUED = {"queued": True, "activity": "queued"}
WANTED = {"wants": "mover-out", "reserved_until": 1e12, "lease_boot": boot_id()}


@pytest.mark.parametrize(
    ("state", "fields"),
    [
        ("transferring", AT_WORK),
        ("transferring", WANTED),
        ("transferring", QUEUED),
        ("transferring", QUEUED | {"stop_requested": True}),
        ("transferring", {}),
        ("prepared", {"role": "destination"} | AT_WORK),
        ("surrendered", AT_WORK),
    ],
)
def test_recover_is_offered_until_it_is_over_and_says_what_it_does(as_padmin, make_migration, facts, state, fields):
    migration = make_migration(state, **fields)
    status = text_of(as_padmin.get(address(migration)))
    assert re.search(r"<button[^>]*>Recover</button>", status)
    assert "What Recover does now" in status
    assert address(migration, "recover/") in status


def test_recover_explained_says_that_a_worker_is_at_work(as_padmin, make_migration, monkeypatch):
    monkeypatch.setattr("migration.both_sides.ask", lambda migration: Other(error=None, answer=None))
    page = text_of(as_padmin.get(address(make_migration(**AT_WORK), "recover/")))
    assert "Recover is of use once no worker has it." in page


def test_who_has_ended_it_is_not_said_before_the_end(as_padmin, make_migration):
    """It is on record as soon as somebody takes the place of a worker that was lost."""
    migration = make_migration("surrendered", ended_by="schedule")
    assert "Ended by" not in text_of(as_padmin.get(address(migration)))
    Migration.objects.update(state="closed, moved", ended_at=timezone.now())
    assert "Ended by" in text_of(as_padmin.get(address(migration)))


def test_a_new_explanation_is_asked_for_when_the_worker_has_gone(as_padmin, make_migration):
    migration = make_migration(**AT_WORK)
    shown = re.search(r"\?seen=([^\"]*)", text_of(fragment(as_padmin, migration))).group(1)
    assert "HX-Trigger" not in fragment(as_padmin, migration, f"?seen={shown}").headers
    Migration.objects.update(lease_until=0)
    assert fragment(as_padmin, migration, f"?seen={shown}").headers["HX-Trigger"] == "actions"


def test_a_worker_that_says_nothing_is_not_said_to_be_at_work(as_padmin, make_migration, settings, monkeypatch):
    """It may be, until its lease is over."""
    now = leases.now()
    monkeypatch.setattr(leases, "now", lambda: now)  # however slow the machine is
    migration = make_migration(lease_boot=boot_id(), lease_until=now + settings.LEASE_S - 4, seconds_left=9)
    page = text_of(as_padmin.get(address(migration)))
    assert "The worker of this migration has said nothing for some seconds." in page
    assert page.split("Estimated time left</dt><dd>")[1].startswith("</dd>")
    answer = text_of(as_padmin.post(address(migration, "recover/"), follow=True))
    assert re.search(r"said nothing for 4 s, and counts as lost in about 1 s. Nothing was done yet: press", answer)


def test_a_worker_that_does_not_come_is_not_said_to_be_at_work(as_padmin, make_migration):
    page = text_of(as_padmin.get(address(make_migration(**WANTED | {"reserved_until": 1.0}))))
    assert "Recover ends the transfer and uli13lp1 stays on this system." in page
    assert "A worker is at work" not in page


def test_a_worker_that_was_asked_for_and_has_not_come_is_named_after_a_while(as_padmin, make_migration):
    asked = {"wants": "mover-out", "lease_boot": boot_id()}
    migration = make_migration(**asked, reserved_until=leases.now() + WANTED_FOR_S - 5)
    assert "Waiting for the mover" in text_of(as_padmin.get(address(migration)))
    Migration.objects.update(reserved_until=leases.now() + WANTED_FOR_S - 12)
    status = text_of(as_padmin.get(address(migration)))
    assert "The worker mover-out of uli13 was asked for 12 s ago and has not come." in status
    assert "No worker takes it up" in text_of(as_padmin.get("/"))
    Migration.objects.update(**AT_WORK)
    assert "No worker takes it up" not in text_of(as_padmin.get(address(migration)))


@pytest.mark.parametrize(
    ("role", "state", "there"),
    [
        ("source", "forced back", "accepted"),
        ("source", "forced back", "settled"),
        ("destination", "accepted", "forced back"),
        ("destination", "forced run", "closed, kept"),
    ],
)
def test_opposite_decisions_are_said_wherever_the_migration_is(as_padmin, make_migration, facts, role, state, there):
    migration = make_migration(state, role=role, partner_state=there, forced=state.startswith("forced"))
    status = text_of(as_padmin.get(address(migration)))
    assert "Opposite decisions: both consoles have uli13lp1" in status
    assert "on which console Yield ends this" in status
    assert "It will not run on" not in status
    assert "Recover resumes it here" not in status
    listed = text_of(as_padmin.get("/"))
    assert "Both consoles have it, by opposite decisions; see Recover, explained" in listed
    assert '<span class="state bad">' in listed
    Migration.objects.update(partner_state="yielded" if role == "source" else "surrendered")
    assert "Opposite decisions" not in text_of(as_padmin.get(address(migration)))


def test_a_status_says_that_both_run_it_as_far_as_they_have_told(as_padmin, make_migration, facts):
    facts[2] = make_facts(2, "uli13lp1")
    migration = make_migration("forced back", partner_state="started", partner_fact="run", forced=True)
    assert "On both: the hypervisor of uli13 runs it, and that of uli14" in text_of(as_padmin.get(address(migration)))
    Migration.objects.update(partner_fact="dead")
    assert "Runs on uli13, as its hypervisor says" in text_of(as_padmin.get(address(migration)))


def test_one_in_question_says_what_the_hypervisor_says_and_no_more(as_padmin, make_migration, facts):
    """Its record is of the time of the backup; it may have been over for long."""
    facts[2] = make_facts(2, "uli13lp1")
    rate = {"rate_bytes_per_s": 70 * 2**20, "progress_heard_at": timezone.now()}
    migration = make_migration("prepared", role="destination", restored=True, in_question=True, **rate)
    page = text_of(as_padmin.get(address(migration)))
    assert "In question: the database of uli13 was restored from a backup" in page
    assert "Runs on uli13, as its hypervisor says" in page
    assert "This goes on by itself." not in page
    assert "On uli14." not in page
    assert "70.0 MB per second" not in page


def test_a_status_that_goes_on_can_be_refreshed_where_nothing_does_so_by_itself(as_padmin, make_migration):
    migration = make_migration()
    link = f'href="{address(migration)}">Refresh</a>'
    assert link in text_of(as_padmin.get(address(migration)))
    Migration.objects.update(state="closed, moved", ended_at=timezone.now())
    assert link not in text_of(as_padmin.get(address(migration)))


def test_the_list_says_that_the_worker_of_a_migration_was_lost(as_padmin, make_migration):
    make_migration(lease_until=1.0, lease_boot=boot_id())
    assert "Interrupted: its worker was lost" in text_of(as_padmin.get("/"))


def test_an_order_to_yield_is_not_called_forced_to_run(as_padmin, make_migration):
    migration = make_migration("forced run", role="destination", partner_state="forced back", forced=True)
    MigrationEvent.objects.create(
        migration=migration,
        from_state="accepted",
        to_state="forced run",
        text=ORDERED[Act.YIELD],
        params={"user": "padmin", "remote": "uli14", "act": "yield"},
    )
    history = text_of(as_padmin.get(address(migration))).split("History")[-1]
    assert "padmin ordered to leave it to uli14: yield" in history
    assert "Forced to run" not in history


def test_after_its_hypervisor_has_died_the_partition_has_to_be_activated_first(as_padmin, make_migration, facts):
    gone = {"message_key": "partition-went-down", "message_params": {"system": "uli13", "partition": "uli13lp1"}}
    migration = make_migration("closed, kept", ended_at=timezone.now(), **gone)
    facts[2] = make_facts(2, "uli13lp1", RunState.NOT_ACTIVATED)
    assert "Activate uli13lp1 in View/Modify Partitions" in text_of(as_padmin.get(address(migration)))
    facts[2] = make_facts(2, "uli13lp1", RunState.RUNNING)
    assert "Mend the cause, then start the migration again." in text_of(as_padmin.get(address(migration)))


@pytest.mark.parametrize("state", ["aborting", "closed, kept"])
def test_stop_after_it_was_stopped_says_when_that_was(as_padmin, make_migration, state):
    migration = make_migration(state, stop_requested=True)
    MigrationEvent.objects.create(migration=migration, text=STOP_PRESSED, params={"user": "padmin"})
    MigrationEvent.objects.update(time=datetime(2026, 11, 26, 20, 31, 5, tzinfo=UTC))
    page = text_of(as_padmin.post(address(migration, "stop/"), follow=True))
    assert "The migration of uli13lp1 was stopped already, at 2026-11-26 20:31:05 UTC" in page
    assert "Stop came in time" not in page


def test_a_silent_hypervisor_is_said_while_the_migration_goes_on(as_padmin, running, facts):
    assert "[VIOSW01049000-9013]" not in text_of(as_padmin.get(address(running)))
    facts.silence()
    assert "[VIOSW01049000-9013] The hypervisor of uli13" in text_of(as_padmin.get(address(running)))


def test_what_the_source_told_of_the_transfer_is_dated_once_it_is_silent(as_padmin, make_migration):
    migration = make_migration("prepared", role="destination", bytes_remaining=3 * 2**20, dirty_bytes_per_s=2**20)
    Migration.objects.update(passes=2, seconds_left=4, progress_heard_at=timezone.now())
    page = text_of(as_padmin.get(address(migration)))
    assert "said so at" not in page
    assert "1 MB per second" in page
    Migration.objects.update(progress_heard_at=timezone.now() - timedelta(seconds=30))
    page = text_of(as_padmin.get(address(migration)))
    assert re.search(r"3 MB <span class=.hint.>\(uli14 said so at ", page)
    assert "1 MB per second" not in page
    assert page.split("Estimated time left</dt><dd>")[1].startswith("</dd>")
