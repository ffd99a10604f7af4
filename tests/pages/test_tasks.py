import html
import re
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from ivmweb.monitor.models import MonitorTask
from migration.models import ValidationReport
from tests.pages.conftest import text_of


def make_task(**fields):
    return MonitorTask.objects.create(
        **{"name": "Migrate Partition", "target": "uli13lp1 (2)", "user": "padmin"} | fields
    )


@pytest.fixture
def task(system):
    return make_task(percent=42)


def test_a_running_task_shows_its_progress(as_padmin, task):
    page = text_of(as_padmin.get("/tasks/"))
    assert re.search(r"Migrate Partition</th>\s*<td[^>]*>uli13lp1 \(2\)", page)
    assert "Running" in page
    assert 'aria-valuenow="42"' in page


def test_an_ended_task_shows_status_and_time_and_no_bar(as_padmin, task):
    MonitorTask.objects.update(status="succeeded", percent=100, ended_at=timezone.now())
    page = text_of(as_padmin.get("/tasks/"))
    assert "Completed successfully" in page
    assert "progressbar" not in page


def test_the_newest_task_comes_first(as_padmin, task):
    make_task(target="newest (9)")
    page = text_of(as_padmin.get("/tasks/"))
    assert page.index("newest (9)") < page.index("uli13lp1 (2)")


def link(page, words):
    return html.unescape(re.search(rf'href="([^"]*)"[^>]*>{words}<', page).group(1))


def test_the_table_has_25_rows_a_page_and_leads_on_and_back(as_padmin, system):
    for number in range(30):
        make_task(target=f"lpar{number}")
    first = text_of(as_padmin.get("/tasks/"))
    assert first.count('name="selected"') == 25
    second = text_of(as_padmin.get(link(first, "Older")))
    assert second.count('name="selected"') == 5
    assert ">Older<" not in second
    assert "lpar29" in text_of(as_padmin.get(link(second, "Newer")))
    assert link(second, "Newest") == "/tasks/?"


def test_a_filter_stays_in_the_address_of_pages_and_of_the_live_part(as_padmin, system):
    for number in range(60):
        make_task(target=f"lpar{number}", status="failed" if number % 2 else "succeeded")
    page = text_of(as_padmin.get("/tasks/?status=failed&target=lpar"))
    assert page.count('name="selected"') == 25
    older = link(page, "Older")
    assert older.startswith("/tasks/?status=failed&target=lpar&before=")
    second = text_of(as_padmin.get(older))
    assert second.count('name="selected"') == 5
    assert f'hx-get="{html.escape(older)}"' in second
    assert '<option value="failed" selected>' in second


def test_properties_leads_back_to_the_same_filter(as_padmin, task):
    answer = as_padmin.get(f"/tasks/?user=padmin&properties=1&selected={task.pk}", follow=True)
    assert link(text_of(answer), "Close") == "/tasks/?user=padmin"


def test_no_task_passes_a_filter_says_so(as_padmin, task):
    page = text_of(as_padmin.get("/tasks/?target=elsewhere"))
    assert "No task passes the filter." in page
    assert 'href="/tasks/">Show all<' in page


@pytest.mark.parametrize("wrong", ["status=burning", "before=x", "after=-1", "before=" + "9" * 40, "user=a%00b"])
def test_a_wrong_filter_is_told_and_left_out(as_padmin, task, wrong):
    page = text_of(as_padmin.get(f"/tasks/?{wrong}"))
    assert "[VIOSE01049000-9036]" in page
    assert "uli13lp1 (2)" in page


def test_a_live_row_costs_no_query_of_its_own(as_padmin, system, django_assert_max_num_queries):
    for _ in range(25):
        make_task()
    with django_assert_max_num_queries(7):
        as_padmin.get("/tasks/", headers={"HX-Request": "true"})


def test_properties_needs_a_selected_row(as_padmin, task):
    assert "[VIOSE01049000-9008]" in text_of(as_padmin.get("/tasks/?properties=1"))
    assert as_padmin.get(f"/tasks/?properties=1&selected={task.pk}").headers["Location"] == f"/tasks/{task.pk}/"


def test_properties_shows_the_lines_and_leads_to_the_migration(as_padmin, task, make_migration):
    migration = make_migration(task=task, bytes_transmitted=460 * 2**20)
    task.lines.create(text="Validation passed: 24 checks")
    page = text_of(as_padmin.get(f"/tasks/{task.pk}/"))
    assert "Validation passed: 24 checks" in page
    assert "460 MB" in page
    assert f'href="/migrations/{migration.pk}/"' in page


def test_properties_of_a_validation_lead_to_its_report(as_padmin, task):
    report = ValidationReport.objects.create(
        partition_uuid=uuid.uuid4(), partition_name="uli13lp1", lpar_id=2, type="active", task=task
    )
    assert f'href="/reports/{report.pk}/"' in text_of(as_padmin.get(f"/tasks/{task.pk}/"))


def test_a_task_of_long_ago_says_why_it_failed(as_padmin, task):
    MonitorTask.objects.update(
        status="failed", code="VIOSE01049000-9060", detail="No memory.", ended_at=timezone.now() - timedelta(days=1)
    )
    page = text_of(as_padmin.get(f"/tasks/{task.pk}/"))
    assert "[VIOSE01049000-9060]" in page
    assert "No memory." in page
    assert "hx-trigger" not in page


def test_a_task_that_is_not_there_is_a_page_not_found(as_padmin, system):
    assert as_padmin.get("/tasks/77/").status_code == 404


def test_a_view_only_user_may_look_at_tasks(as_viewer, task):
    assert "uli13lp1 (2)" in text_of(as_viewer.get("/tasks/"))
