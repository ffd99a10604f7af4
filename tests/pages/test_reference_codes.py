import re
from datetime import UTC, datetime, timedelta

import pytest

from ivmweb.system.models import LogicalPartition, ReferenceCode
from tests.pages.conftest import text_of

BEGIN = datetime(2026, 5, 4, 12, tzinfo=UTC)
ADDRESS = "/partitions/2/reference-codes/"


@pytest.fixture
def history(uli13lp1, uli13lp2):
    ReferenceCode.objects.bulk_create(
        ReferenceCode(partition=uli13lp1, code=f"C20010{number:02}", time=BEGIN + timedelta(seconds=number))
        for number in range(60)
    )


def codes(page):
    return re.findall(r'<th scope="row">(\S+)</th>', text_of(page))


def test_the_latest_25_come_newest_first(as_padmin, history, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        page = as_padmin.get(ADDRESS)
    assert codes(page) == [f"C20010{number:02}" for number in range(59, 34, -1)]
    assert "2026-05-04" in text_of(page)


@pytest.mark.parametrize(("count", "shown"), [("1", 1), ("40", 40), ("200", 60)])
def test_view_history_says_how_many(as_padmin, history, count, shown):
    page = as_padmin.get(ADDRESS, {"count": count})
    assert len(codes(page)) == shown
    assert f"count={count}" in text_of(page)


@pytest.mark.parametrize("count", ["0", "201", "-1", "many", "", "9" * 50, "<script>", "²"])
def test_a_number_that_can_not_be_is_said(as_padmin, history, count):
    page = as_padmin.get(ADDRESS, {"count": count})
    assert "[VIOSE01049000-9023]" in text_of(page)
    assert "<script>" not in text_of(page).split("<main")[1].split("</main")[0]
    assert len(codes(page)) == 25


def test_only_the_table_is_sent_to_htmx(as_padmin, history):
    page = text_of(as_padmin.get(ADDRESS, headers={"HX-Request": "true"}))
    assert page.strip().startswith('<div id="live"')
    assert "partitions from:body" in page


def test_a_partition_without_codes_says_so(as_viewer, history):
    assert "No reference code has been recorded" in text_of(as_viewer.get("/partitions/3/reference-codes/"))


def test_a_partition_that_is_gone(as_padmin, history):
    assert as_padmin.get("/partitions/77/reference-codes/").status_code == 409


def test_a_name_can_not_carry_markup(as_padmin, history):
    LogicalPartition.objects.filter(lpar_id=2).update(name="<script>x</script>")
    assert "<script>x" not in text_of(as_padmin.get(ADDRESS))


def test_a_count_in_other_digits_is_refused(as_padmin, uli13lp1):
    assert "[VIOSE01049000-9023]" in text_of(as_padmin.get("/partitions/2/reference-codes/?count=\u0662"))


@pytest.mark.parametrize("page", ["reference-codes", "properties/general"])
def test_a_silent_hypervisor_is_said_wherever_it_is_shown(as_padmin, uli13lp1, facts, page):
    assert "[VIOSW01049000-9013]" not in text_of(as_padmin.get(f"/partitions/2/{page}/"))
    facts.silence()
    assert "[VIOSW01049000-9013]" in text_of(as_padmin.get(f"/partitions/2/{page}/"))
