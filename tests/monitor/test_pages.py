"""Monitor Tasks a page at a time. What a page costs is told by the plan of its queries, not by a clock."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ivmweb.monitor import pages
from ivmweb.monitor.models import MonitorTask
from ivmweb.monitor.pages import Filter, page_of

pytestmark = pytest.mark.django_db
MANY = 20_000


def make_tasks(count):
    """Every tenth failed, every hundredth of viewer; targets in turn."""
    MonitorTask.objects.bulk_create(
        (
            MonitorTask(
                name=f"Task {number % 7}",
                target=f"uli13lp{number % 5} ({number % 5})",
                user="viewer" if number % 100 == 0 else "padmin",
                status="failed" if number % 10 == 0 else "succeeded",
            )
            for number in range(count)
        ),
        batch_size=5000,
    )
    return list(MonitorTask.objects.values_list("pk", flat=True))


def shown(page):
    return [task.pk for task in page.tasks]


def test_pages_follow_each_other_down_and_up_without_gap(db):
    keys = make_tasks(60)
    first = page_of(Filter())
    second = page_of(Filter(), before=first.older)
    third = page_of(Filter(), before=second.older)
    assert shown(first) + shown(second) + shown(third) == keys
    assert (first.newer, third.older) == (None, None)
    assert shown(page_of(Filter(), after=third.newer)) == shown(second)
    assert shown(page_of(Filter(), after=second.newer)) == shown(first)


def test_a_page_stays_what_it_is_while_new_tasks_come(db):
    make_tasks(60)
    place = page_of(Filter()).older
    before = shown(page_of(Filter(), before=place))
    make_tasks(30)
    assert shown(page_of(Filter(), before=place)) == before


def test_exactly_one_page_has_no_other(db):
    make_tasks(25)
    page = page_of(Filter())
    assert (len(page.tasks), page.newer, page.older) == (25, None, None)


def test_a_page_past_the_oldest_leads_back(db):
    keys = make_tasks(3)
    page = page_of(Filter(), before=keys[-1])
    assert (page.tasks, page.older) == ([], None)
    assert page.newer is not None


@pytest.mark.parametrize(
    ("chosen", "count"),
    [
        (Filter(status="failed"), 20),
        (Filter(user="viewer"), 2),
        (Filter(name="Task 3"), 29),
        (Filter(target="LP4"), 40),
        (Filter(status="succeeded", target="lp0"), 20),
        (Filter(status="failed", user="viewer", name="Task 0", target="lp0"), 1),
        (Filter(target="100%"), 0),
    ],
)
def test_filters_narrow_together(db, chosen, count):
    make_tasks(200)
    assert chosen.rows().count() == count


def test_the_choices_are_the_values_that_there_are(db):
    assert (pages.names(), pages.users()) == ([], [])
    make_tasks(101)
    assert pages.names() == [f"Task {number}" for number in range(7)]
    assert pages.users() == ["padmin", "viewer"]


FILTERS = {
    "none": Filter(),
    "status": Filter(status="failed"),
    "task": Filter(name="Task 3"),
    "user": Filter(user="viewer"),
    "all": Filter(status="failed", name="Task 3", user="padmin"),
    "text": Filter(target="no such partition"),
}


def queries_of_every_page(place):
    with CaptureQueriesContext(
        connection,
    ) as captured:
        for chosen in FILTERS.values():
            page_of(chosen)
            page_of(chosen, before=place)
            page_of(chosen, after=place)
        pages.names()
        pages.users()
    return [query["sql"] for query in captured]


def plan_of(sql):
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql.replace('%', '%%')}", [])
        return " | ".join(row[-1] for row in cursor.fetchall())


def test_a_page_of_many_tasks_takes_no_more_queries_and_each_reads_an_index_in_order(db):
    keys = make_tasks(200)
    few = queries_of_every_page(keys[100])
    MonitorTask.objects.all().delete()
    keys = make_tasks(MANY)
    many = queries_of_every_page(keys[MANY // 2])
    assert len(many) <= len(few)
    if connection.vendor != "sqlite":
        return
    for sql in many:
        plan = plan_of(sql)
        assert "TEMP B-TREE" not in plan, sql  # nothing is sorted: reading stops after a page
        if "WHERE" in sql and "no such partition" not in sql:
            assert "SCAN monitor_monitortask" not in plan, (sql, plan)
