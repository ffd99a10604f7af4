"""The page of a validation report: what was measured when, what has changed, and Check again."""

import datetime as dt

import pytest
from django.utils import timezone

from ivmweb.common.errors import PeerError
from ivmweb.system.models import AuditEvent, LogicalPartition
from migration import checking_again
from migration.credentials import SESSION_KEY
from migration.models import Outcome, ValidationReport
from migration.peer.auth import seal
from migration.peer.messages import FindingBody, MoverAddress
from migration.report import Change, Check, changes, counts
from migration.validation.report import BothSides
from tests.pages.conftest import text_of

MEMORY = "destination:destination_has_memory"
FREE = "source:partition_is_free"
MOVER = MoverAddress(host="127.0.0.1", port=0)


def make_report(partition, remote, minutes_ago=0, **findings):
    """With `outcome, measured` of each check; those with a key of the catalogue where they failed."""
    report = ValidationReport.objects.create(
        partition_uuid=partition.uuid,
        partition_name=partition.name,
        lpar_id=partition.lpar_id,
        type="active",
        remote=remote,
        remote_manager="uli14",
        remote_user="padmin",
        user="padmin",
    )
    created_at = timezone.now() - dt.timedelta(minutes=minutes_ago)
    ValidationReport.objects.filter(pk=report.pk).update(created_at=created_at)
    for name, (outcome, measured) in findings.items():
        side = "destination" if name.startswith("destination") else "source"
        report.findings.create(check_name=name, side=side, outcome=outcome, measured=measured)
    return ValidationReport.objects.get(pk=report.pk)


@pytest.fixture
def report(uli13lp1, uli14):
    return make_report(
        uli13lp1, uli14, destination_has_memory=("failed", "100 MB free"), partition_is_free=("passed", "free")
    )


@pytest.fixture
def address(report):
    return f"/reports/{report.pk}/"


@pytest.fixture
def with_token(as_padmin):
    """padmin typed the password of padmin on uli14 a moment ago."""
    session = as_padmin.session
    until = timezone.now().timestamp() + 60
    session[SESSION_KEY] = {"remote": "uli14", "user": "padmin", "token": seal(b"x" * 43).hex(), "until": until}
    session.save()
    return as_padmin


class Console:
    """uli14's, in PeerClient's place."""

    def __init__(self, remote, patience):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@pytest.fixture
def both(monkeypatch):
    """What both sides find when everything is asked again; a test changes it."""
    answers = {"own": [], "theirs": []}
    monkeypatch.setattr(checking_again, "PeerClient", Console)
    monkeypatch.setattr(checking_again, "both_sides", lambda *_, **__: BothSides(**answers, mover=MOVER))
    return answers


def test_the_page_says_what_was_measured_and_when(as_padmin, address, report):
    page = text_of(as_padmin.get(address))
    assert "Validation Report: uli13lp1" in page
    assert "100 MB free" in page
    assert f"{timezone.localtime(report.created_at):%Y-%m-%d %H:%M:%S}" in page
    assert page.index("The destination has enough free memory") < page.index("No other operation uses the partition")


def test_a_finding_of_before_an_update_says_what_it_has_kept(as_padmin, address, report):
    params = {"system": "uli14", "partition": "uli13lp1", "lpar_id": 2, "disks": "hdisk3"}
    report.findings.filter(outcome="failed").update(message_key="check-luns-missing", message_params=params)
    page = text_of(as_padmin.get(address))
    assert "uli14 sees ? of ? disks of partition uli13lp1 (ID 2)" in page


def test_a_report_that_is_not_there_is_not_found(as_padmin, address, report):
    report.delete()
    answer = as_padmin.get(address)
    assert answer.status_code == 404
    assert "[VIOSE01049000-9045] uli13 has no validation report with the number" in text_of(answer)


def test_view_only_sees_the_report_without_buttons_and_can_not_check_again(as_viewer, address, report):
    page = text_of(as_viewer.get(address))
    assert "100 MB free" in page
    assert "Check again" not in page
    assert as_viewer.post(f"{address}again/", {"check": FREE}).status_code == 403
    assert report.findings.count() == 2


def test_migrate_and_status_lead_to_the_report(as_padmin, address, report, make_migration):
    assert address in text_of(as_padmin.get("/partitions/2/migrate/"))
    assert address in text_of(as_padmin.get(f"/partitions/2/migrate/?report={report.pk}"))
    migration = make_migration()
    ValidationReport.objects.filter(pk=report.pk).update(migration=migration)
    assert address in text_of(as_padmin.get(f"/migrations/{migration.pk}/"))


# Compared with the one before


def test_it_is_compared_with_the_one_before_of_the_same_partition_and_remote(
    as_padmin, report, address, uli13lp1, uli13lp2, uli14
):
    make_report(uli13lp1, uli14, 9, destination_has_memory=("passed", "9999 MB free"))
    before = make_report(uli13lp1, uli14, 5, destination_has_memory=("passed", "2752 MB free"))
    make_report(uli13lp2, uli14, 1, destination_has_memory=("passed", "1111 MB free"))
    make_report(uli13lp1, None, 1, destination_has_memory=("passed", "3333 MB free"))
    page = text_of(as_padmin.get(address))
    assert f"Changed since {timezone.localtime(before.created_at):%Y-%m-%d %H:%M:%S}" in page
    assert "2752 MB free" in page
    assert not any(other in page for other in ("9999 MB", "1111 MB", "3333 MB"))


def test_the_other_reports_of_the_partition_are_listed_newest_first(as_padmin, report, address, uli13lp1, uli14):
    older = [make_report(uli13lp1, uli14, minutes) for minutes in range(1, 30)]
    page = text_of(as_padmin.get(address)).partition("Other reports of this partition")[2]
    places = [page.find(str(one.pk)) for one in older]
    assert -1 not in places[:20]
    assert places[:20] == sorted(places[:20])
    assert set(places[20:]) == {-1}


def test_a_report_that_passed_with_a_warning_is_listed_so(as_padmin, report, address, uli13lp1, uli14):
    make_report(uli13lp1, uli14, 1, destination_has_memory=("passed", "1 MB"), clocks_agree=("warning", "200 s"))
    assert "Passed, with warnings" in text_of(as_padmin.get(address)).partition("Other reports of this partition")[2]


def check(key, outcome=Outcome.PASSED, measured=""):
    return Check(outcome, key, "Source", measured, "", "", "", key)


def test_changes_are_outcomes_and_values_the_outcomes_first():
    same, value, mended, gone, new = (check(key) for key in ("same", "value", "mended", "gone", "new"))
    worse = check("mended", Outcome.FAILED)
    other = check("value", measured="2")
    assert changes([same, value, worse, gone], [same, other, mended, new]) == [
        Change(worse, mended),
        Change(None, new),
        Change(gone, None),
        Change(value, other),
    ]
    assert changes([same, value], [value, same]) == []


def test_outcomes_are_counted_the_worst_first():
    checks = [check("a"), check("b"), check("c", Outcome.FAILED)]
    assert counts(checks) == [(Outcome.FAILED, "bad", 1), (Outcome.PASSED, "good", 2)]


# Check again


def test_a_check_of_the_source_is_made_again_and_kept_beside_the_first(as_padmin, address, report, uli13lp1):
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(hold="activate")
    page = text_of(as_padmin.post(f"{address}again/", {"check": FREE}, follow=True))
    assert "Checked again: No other operation uses the partition. Now: Failed." in page
    assert "in the report: Passed, free" in page
    first, again = report.findings.filter(check_name="partition_is_free")
    assert (first.outcome, first.again_at) == ("passed", None)
    assert (again.outcome, again.measured, again.again_by) == ("failed", "activate", "padmin")
    assert again.again_at > report.created_at
    assert AuditEvent.objects.get().action == "Check again"


def test_only_the_newest_of_those_made_again_is_kept(as_padmin, address, report, uli13lp1):
    for _press in range(3):
        as_padmin.post(f"{address}again/", {"check": FREE})
    assert report.findings.filter(check_name="partition_is_free").count() == 2


def test_a_check_of_the_destination_is_made_there_with_the_sessions_token(with_token, address, report, both):
    both["theirs"] = [
        FindingBody(check_name="another", outcome="failed"),
        FindingBody(check_name="destination_has_memory", outcome="passed", measured="2752 MB free"),
    ]
    page = text_of(with_token.post(f"{address}again/", {"check": MEMORY}, follow=True))
    assert "Now: Passed." in page
    assert "2752 MB free" in page
    assert "The partition could not be migrated at" in page  # that is what Validate found, and stays
    assert not ValidationReport.objects.get().passed
    assert report.findings.count() == 3


def test_without_a_token_the_destination_is_not_asked_and_the_user_is_told_what_to_do(
    as_padmin, address, report, both
):
    page = text_of(as_padmin.post(f"{address}again/", {"check": MEMORY}, follow=True))
    assert "[VIOSE01049000-9155] This check is made by uli14, for padmin there" in page
    assert report.findings.count() == 2


def test_a_token_for_another_remote_user_stays_and_does_not_serve(with_token, address, report, both):
    ValidationReport.objects.update(remote_user="root")
    assert "[VIOSE01049000-9155]" in text_of(with_token.post(f"{address}again/", {"check": MEMORY}, follow=True))
    assert SESSION_KEY in with_token.session


@pytest.mark.parametrize("change", ["no answer", "gone", "off", "unknown", "not there any more"])
def test_what_can_not_be_checked_again_is_told_and_the_report_stays(
    with_token, address, report, uli13lp1, both, monkeypatch, change
):
    codes = {"no answer": 9301, "gone": 9157, "off": 9156, "unknown": 9158, "not there any more": 9158}
    if change == "no answer":

        def silent(*_, **__):
            raise PeerError("peer-timeout", permanent=False, remote="uli14", address="x", timeout_s=10)

        monkeypatch.setattr(checking_again, "both_sides", silent)
    if change == "gone":
        uli13lp1.delete()
    if change == "off":
        LogicalPartition.objects.filter(pk=uli13lp1.pk).update(state="Not Activated")
    checked = "source:no_such_check" if change == "unknown" else MEMORY
    page = text_of(with_token.post(f"{address}again/", {"check": checked}, follow=True))
    assert f"[VIOSE01049000-{codes[change]}]" in page
    assert report.findings.count() == 2
    assert AuditEvent.objects.get().outcome != "accepted"


def test_the_environment_is_shown_in_words(as_padmin, report):
    report.findings.create(
        check_name="operating_system_is_aix_or_linux", side="source", outcome="failed", measured="vioserver",
        limit="aixlinux", message_key="choose-task",
    )  # fmt: skip
    page = text_of(as_padmin.get(f"/reports/{report.pk}/"))
    assert "Virtual I/O Server" in page
    assert "vioserver" not in page
    assert "aixlinux" not in page
