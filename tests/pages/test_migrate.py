import re

import pytest

from ivmweb.common.errors import PeerError, PrerequisiteFailed
from ivmweb.system.models import LogicalPartition
from migration import views
from migration.models import Finding, RemoteSystem, ValidationReport
from tests.pages.conftest import text_of

TYPED = {"remote_manager": "uli14", "remote_user": "padmin", "password": "very secret"}
PAGE = "/partitions/2/migrate/"


@pytest.fixture
def report(uli13lp1):
    made = ValidationReport.objects.create(
        partition_uuid=uli13lp1.uuid,
        partition_name="uli13lp1",
        lpar_id=2,
        type="active",
        remote_manager="uli14",
        remote_user="padmin",
        user="padmin",
    )
    Finding.objects.create(
        report=made,
        check_name="enough_memory",
        side="destination",
        outcome="passed",
        measured="2752 MB",
        limit="1024 MB",
    )
    return made


@pytest.fixture
def failing(report):
    report.findings.create(
        check_name="no_such_check",
        side="source",
        outcome="failed",
        measured="1 adapter",
        limit="none",
        message_key="choose-one-partition",
        message_params={"task": "Migrate", "count": 2, "names": "a, b"},
    )
    return report


@pytest.fixture
def asked(monkeypatch, report):
    """What the service was asked for; it answers with the report and no migration."""
    calls = []

    def answer(**arguments):
        calls.append(arguments)
        return report

    monkeypatch.setattr("migration.services.validate", answer)
    monkeypatch.setattr("migration.services.migrate", lambda **arguments: (answer(**arguments), None))
    return calls


def test_the_page_has_the_fields_and_buttons_of_ivm(as_padmin, uli13lp1):
    page = text_of(as_padmin.get(PAGE))
    assert "Migrate Partition: uli13lp1" in page
    for label in ("Remote IVM or HMC", "Remote user ID", "Password"):
        assert f">{label}</label>" in page
    for button in ("Validate", "Migrate"):
        assert f">{button}</button>" in page


def test_validate_hands_over_what_was_typed_and_who_asks(as_padmin, asked, uli13lp1):
    as_padmin.post(PAGE, TYPED | {"validate": "1"})
    (call,) = asked
    assert {key: call[key] for key in TYPED} == TYPED
    assert call["partition"] == uli13lp1
    assert (call["user"].get_username(), call["origin"]) == ("padmin", "127.0.0.1")


def test_a_validation_that_passed_says_so_and_keeps_all_but_the_password(as_padmin, asked):
    page = text_of(as_padmin.post(PAGE, TYPED | {"validate": "1"}, follow=True))
    assert "The operation completed successfully. Partition uli13lp1 can be migrated to uli14." in page
    assert 'value="uli14"' in page
    assert "very secret" not in page
    assert "2752 MB" in page


def test_a_failed_check_is_shown_with_code_values_and_remedy(as_padmin, asked, failing):
    page = text_of(as_padmin.post(PAGE, TYPED | {"validate": "1"}, follow=True))
    assert "The operation completed successfully." not in page
    assert "[VIOSE01049000-9004]" in page
    assert "1 adapter" in page
    assert page.index("Failed") < page.index("Passed")


def test_the_password_need_not_be_typed_again_while_its_token_serves(as_padmin, asked, report, monkeypatch):
    monkeypatch.setattr("migration.views.has_token", lambda *_: True)
    assert "It need not be typed again" in text_of(as_padmin.get(f"{PAGE}?report={report.pk}"))
    monkeypatch.setattr("migration.views.has_token", lambda *_: False)
    assert "It need not be typed again" not in text_of(as_padmin.get(f"{PAGE}?report={report.pk}"))


def test_migrate_leads_to_its_status(as_padmin, report, make_migration, monkeypatch):
    migration = make_migration()
    monkeypatch.setattr("migration.services.migrate", lambda **_: (report, migration))
    answer = as_padmin.post(PAGE, TYPED | {"migrate": "1"})
    assert answer.headers["Location"] == f"/migrations/{migration.pk}/"


def test_migrate_with_a_failed_check_shows_the_report(as_padmin, asked, failing):
    answer = as_padmin.post(PAGE, TYPED | {"migrate": "1"})
    assert answer.headers["Location"] == f"{PAGE}?report={failing.pk}"


def test_a_console_that_does_not_answer_is_told_and_the_values_stay(as_padmin, uli13lp1, monkeypatch):
    def silent(**_):
        raise PeerError("peer-timeout", permanent=False, remote="uli14", address="127.0.0.1:8414", timeout_s=10)

    monkeypatch.setattr("migration.services.validate", silent)
    page = text_of(as_padmin.post(PAGE, TYPED | {"validate": "1"}))
    assert "[VIOSE01049000-9301]" in page
    assert 'value="uli14"' in page
    assert "very secret" not in page


def test_an_empty_field_is_complained_about_and_nothing_is_asked(as_padmin, asked):
    page = text_of(as_padmin.post(PAGE, TYPED | {"remote_manager": "", "validate": "1"}))
    assert 'class="complaint"' in page
    assert asked == []


@pytest.mark.parametrize("report_id", ["nonsense", "00000000-0000-0000-0000-000000000000"])
def test_a_report_that_is_not_there_is_no_fault(as_padmin, uli13lp1, report_id):
    assert as_padmin.get(f"{PAGE}?report={report_id}").status_code == 200


def test_a_report_of_another_partition_is_not_shown(as_padmin, report, uli13lp2):
    assert "2752 MB" not in text_of(as_padmin.get(f"/partitions/3/migrate/?report={report.pk}"))


def test_a_partition_that_is_being_migrated_has_a_link_and_no_form(as_padmin, make_migration, uli13lp1):
    migration = make_migration()
    assert 'name="migrate"' in text_of(as_padmin.get(PAGE))
    LogicalPartition.objects.filter(lpar_id=2).update(hold=f"migration {migration.pk}")
    page = text_of(as_padmin.get(PAGE))
    assert "Partition uli13lp1 is being migrated now" in page
    assert f'href="/migrations/{migration.pk}/"' in page
    for field in (
        "remote_manager",
        'type="password"',
        'name="validate"',
        'name="migrate"',
        "Validate checks on both",
    ):
        assert field not in page


def test_a_request_made_by_hand_reaches_the_service_which_refuses(as_padmin, make_migration, uli13lp1, asked):
    migration = make_migration()
    LogicalPartition.objects.filter(lpar_id=2).update(hold=f"migration {migration.pk}")
    as_padmin.post(PAGE, TYPED | {"migrate": "1"})
    assert len(asked) == 1  # the service decides


def test_a_partition_that_is_gone_is_named(as_padmin, system):
    answer = as_padmin.get("/partitions/77/migrate/")
    assert answer.status_code == 409
    assert "[VIOSE01049000-9006] There is no partition with ID 77 on uli13" in text_of(answer)


def test_a_partition_that_has_moved_away_is_named_with_the_system_that_has_it(as_padmin, uli13lp1, make_migration):
    make_migration("closed, moved")
    uli13lp1.delete()
    answer = as_padmin.get(PAGE)
    assert answer.status_code == 409
    assert "[VIOSE01049000-9029] Partition uli13lp1, which had the ID 2 on uli13, is not here" in text_of(answer)
    assert "it has moved to uli14" in text_of(answer)


@pytest.mark.parametrize("button", ["validate", "migrate"])
def test_a_view_only_user_is_refused(as_viewer, asked, button):
    answer = as_viewer.post(PAGE, TYPED | {button: "1"})
    assert answer.status_code == 403
    assert asked == []


@pytest.mark.parametrize(("count", "words"), [(1, "with 1 warning: it stands"), (2, "with 2 warnings: they stand")])
def test_a_validation_that_passed_counts_its_warnings(as_padmin, asked, report, count, words):
    for number in range(count):
        report.findings.create(
            check_name=f"check_{number}", side="source", outcome="warning", measured="", limit="",
            message_key="choose-task",
        )  # fmt: skip
    page = text_of(as_padmin.post(PAGE, TYPED | {"validate": "1"}, follow=True))
    assert f"Partition uli13lp1 can be migrated, {words} first in the report below." in page


def test_a_validation_without_warnings_speaks_of_none(as_padmin, asked):
    assert "can be migrated, with" not in text_of(as_padmin.post(PAGE, TYPED | {"validate": "1"}, follow=True))


def test_a_remote_console_with_a_control_character_is_refused_with_a_code(as_padmin, asked, uli14):
    page = text_of(as_padmin.post(PAGE, TYPED | {"remote_manager": "uli\x0014", "validate": "1"}))
    assert r"[VIOSE01049000-9312] uli\x0014 is not a remote system of this console. Known are: uli14." in page
    assert asked == []


def test_the_only_remote_system_is_typed_already(as_padmin, uli13lp1, uli14):
    assert re.search(r'name="remote_manager" value="uli14"', text_of(as_padmin.get(PAGE)))
    RemoteSystem.objects.create(name="uli15", address="uli15:8443", certificate="-", fingerprint="BB")
    assert not re.search(r'name="remote_manager" value=', text_of(as_padmin.get(PAGE)))


def test_a_partition_that_is_being_migrated_leads_to_its_status(as_padmin, make_migration, uli13lp1):
    migration = make_migration()
    assert "is being migrated now" not in text_of(as_padmin.get(PAGE))
    type(uli13lp1).objects.filter(pk=uli13lp1.pk).update(hold=f"migration {migration.pk}")
    page = text_of(as_padmin.get(PAGE))
    assert "Partition uli13lp1 is being migrated now" in page
    assert f'<a href="/migrations/{migration.pk}/">Migration Status</a>' in page


def test_the_keyboard_begins_in_the_first_field_that_is_empty(as_padmin, uli13lp1, uli14):
    page = as_padmin.get(PAGE).content.decode()
    (focused,) = re.findall(r"<input[^>]*\bautofocus\b[^>]*>", page)
    assert 'name="password"' in focused


@pytest.mark.parametrize(
    ("key", "field", "described_by"),
    [
        ("remote-unknown", "remote_manager", "id_remote_manager_helptext refused"),
        ("remote-password-missing", "password", "refused"),
        ("peer-timeout", "", ""),
    ],
)
def test_the_field_that_a_refusal_is_about_is_marked_and_has_the_keyboard(
    as_padmin, uli13lp1, uli14, monkeypatch, key, field, described_by
):
    def refuse(**_):
        names = {"typed": "x", "known": "uli14", "remote": "uli14", "user": "x", "address": "x", "timeout_s": "3"}
        raise PrerequisiteFailed(key, **names)

    monkeypatch.setattr(views.services, "validate", refuse)
    typed = {"remote_manager": "x", "remote_user": "padmin", "password": "", "validate": "1"}
    page = as_padmin.post(PAGE, typed).content.decode()
    begins = re.findall(r"<(?:input|div)[^>]*\bautofocus\b[^>]*>", page)
    marked = re.findall(r'<input[^>]*aria-invalid="true"[^>]*>', page)
    assert len(begins) == 1
    assert ('role="alert"' in begins[0]) is not bool(field)
    assert [re.search(r'name="(\w+)"', one)[1] for one in marked] == ([field] if field else [])
    assert all(f'aria-describedby="{described_by}"' in one for one in marked)
