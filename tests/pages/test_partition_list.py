import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ivmweb.hypervisor.base import RunState
from ivmweb.monitor.models import MonitorTask
from ivmweb.system.models import LogicalPartition
from migration.models import Migration
from tests.pages.conftest import make_facts, make_partition, text_of


@pytest.fixture
def cast(uli13lp1, uli13lp2, facts):
    return facts


def cells(response, lpar_id):
    row = re.search(rf'<tr id="partition-{lpar_id}-row">(.*?)</tr>', text_of(response), re.S).group(1)
    return [re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.S)]


def test_a_running_partition_fills_all_ten_columns(as_padmin, cast):
    assert cells(as_padmin.get("/"), 2) == [
        "", "2", "uli13lp1", "Running", "13.47 Days", "1 GB", "1", "0.1", "0.03", "Linux ppc64",
    ]  # fmt: skip


def test_a_partition_that_is_off_has_no_uptime(as_padmin, cast):
    assert cells(as_padmin.get("/"), 3)[3:] == ["Not Activated", "", "1 GB", "1", "0.1", "", ""]


@pytest.mark.parametrize("run_state", [RunState.INCOMING, RunState.LOADED, RunState.FAILED_INCOMING])
def test_a_partition_being_received_shows_its_reference_code_only(as_padmin, cast, run_state):
    cast[2] = make_facts(2, "uli13lp1", run_state, reference_code="C20012FF")
    row = cells(as_padmin.get("/"), 2)
    assert (row[4], row[8], row[9]) == ("", "", "C20012FF")


def test_system_overview_says_what_is_free(as_padmin, cast):
    page = text_of(as_padmin.get("/"))
    for value in ("8 GB", "4.69 GB", "320 MB", "4", "3.4", "0.03 (0.8%)"):
        assert f"<dd>{value}</dd>" in page


def test_a_silent_hypervisor_is_said_and_no_state_is_claimed(as_padmin, cast):
    cast.silence()
    answer = as_padmin.get("/")
    assert "[VIOSW01049000-9013]" in text_of(answer)
    assert cells(answer, 2)[3] == "Not Available"
    assert cells(answer, 1)[3] == "Running"


def test_each_check_box_is_named_after_its_partition(as_padmin, cast):
    assert re.search(r'type="checkbox"[^>]*value="2"[^>]*aria-label="uli13lp1"', text_of(as_padmin.get("/")))


def test_the_live_part_alone_is_sent_to_htmx(as_padmin, cast):
    answer = as_padmin.get("/", headers={"HX-Request": "true"})
    assert text_of(answer).strip().startswith('<div id="live"')
    assert "Log out" not in text_of(answer)


def test_more_partitions_cost_no_more_queries(as_padmin, cast):
    as_padmin.get("/")
    with CaptureQueriesContext(connection) as few:
        as_padmin.get("/")
    for lpar_id in range(10, 40):
        make_partition(lpar_id, f"lpar{lpar_id}")
    with CaptureQueriesContext(connection) as many:
        as_padmin.get("/")
    assert len(many) == len(few) <= 12


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("task=go&more=migrate", "9003"),
        ("task=activate", "9003"),
        ("task=go&more=migrate&partition=2&partition=3", "9004"),
        ("task=go&more=&partition=2", "9005"),
        ("task=go&more=nonsense&partition=2", "9005"),
        ("task=go&more=migrate&partition=77", "9006"),
    ],
)
def test_a_choice_that_does_not_fit_is_explained_on_the_list(as_padmin, cast, query, code):
    answer = as_padmin.get(f"/?{query}")
    assert f"[VIOSE01049000-{code}]" in text_of(answer)
    assert "Partition Details" in text_of(answer)


def test_a_refused_choice_stays_selected(as_padmin, cast):
    page = text_of(as_padmin.get("/?task=go&more=migrate&partition=2&partition=3"))
    assert "uli13lp1, uli13lp2" in page
    assert re.findall(r'value="(\d)"[^>]* checked', page) == ["2", "3"]


@pytest.mark.parametrize(
    ("query", "address"),
    [
        ("task=go&more=migrate&partition=2", "/partitions/2/migrate/"),
        ("task=go&more=migrate&partition=1", "/partitions/1/migrate/"),
        ("task=go&more=status&partition=2", "/partitions/2/status/"),
        ("task=go&more=reference-codes&partition=2", "/partitions/2/reference-codes/"),
        ("task=go&more=properties&partition=1", "/partitions/1/properties/"),
        ("task=shutdown&partition=2&partition=3", "/partitions/shutdown/?partition=2&partition=3"),
        ("task=activate&partition=3", "/partitions/activate/?partition=3"),
    ],
)
def test_a_choice_that_fits_leads_to_the_task(as_padmin, cast, query, address):
    assert as_padmin.get(f"/?{query}").headers["Location"] == address


def test_a_name_cannot_carry_markup(as_padmin, cast):
    make_partition(9, "<script>x</script>")
    assert "<script>x" not in text_of(as_padmin.get("/"))


def test_a_view_only_user_is_offered_nothing_that_changes(as_viewer, cast):
    page = text_of(as_viewer.get("/"))
    assert "uli13lp1" in page
    for absent in (">Activate<", ">Shutdown<", ">Migrate<"):
        assert absent not in page
    assert ">Status<" in page


def test_more_tasks_come_in_ivms_order(as_padmin, cast):
    more = re.search(r"<select.*?</select>", text_of(as_padmin.get("/")), re.S).group(0)
    assert re.findall(r'(?:label|option value)="([^"]+)"', more) == [
        "terminal", "delete", "Service", "reference-codes", "Mobility", "migrate", "status", "properties",
    ]  # fmt: skip


def test_a_partition_is_chosen_with_plain_digits_only(as_padmin, uli13lp1, facts):
    assert "checked" in text_of(as_padmin.get("/?partition=2"))
    assert "checked" not in text_of(as_padmin.get("/?partition=\u0662"))


def test_a_partition_whose_migration_waits_is_said_to_wait(as_padmin, cast, make_migration):
    make_migration(queued=True, activity="queued")
    page = text_of(as_padmin.get("/"))
    assert page.count("Waiting in the queue") == 1
    assert "Waiting in the queue" in page.split('id="partition-2-row"')[1].split("</tr>")[0]
    Migration.objects.update(stop_requested=True)
    assert "Waiting in the queue" not in text_of(as_padmin.get("/"))


def test_a_reservation_that_no_state_tells_of_is_said_beside_the_state(as_padmin, cast):
    LogicalPartition.objects.filter(lpar_id=2).update(hold="a backup")
    assert "Reserved: a backup" in text_of(as_padmin.get("/")).split('id="partition-2-row"')[1].split("</tr>")[0]
    LogicalPartition.objects.filter(lpar_id=2).update(state="Migrating - Running", hold="migration 1")
    assert "Reserved:" not in text_of(as_padmin.get("/"))


def test_the_migrate_page_says_that_a_migration_waits(as_padmin, cast, make_migration):
    migration = make_migration(queued=True, activity="queued")
    LogicalPartition.objects.filter(lpar_id=2).update(hold=f"migration {migration.pk}")
    assert "A migration of partition uli13lp1 is waiting in the queue" in text_of(
        as_padmin.get("/partitions/2/migrate/")
    )


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": "surrendered"}, "Suspended; waits for uli14"),
        ({"state": "loaded", "role": "destination"}, "Not running here; waits for uli14"),
        ({"partner_error": "no answer"}, "Waits for uli14, which does not answer"),
        ({}, ""),
    ],
)
def test_a_partition_whose_migration_waits_for_the_other_console_says_so(
    as_padmin, cast, make_migration, fields, words
):
    migration = make_migration(**fields)
    migration.task = MonitorTask.objects.create(name="Migrate Partition", target="uli13lp1 (2)", user="padmin")
    migration.save()
    row = text_of(as_padmin.get("/")).split('id="partition-2-row"')[1].split("</tr>")[0]
    pages = [row, text_of(as_padmin.get("/tasks/")), text_of(as_padmin.get(f"/tasks/{migration.task_id}/"))]
    for page in pages:
        assert words in page
        assert ("aits for" in page) == bool(words)
        assert ('class="state attention"' in page) == bool(words)
