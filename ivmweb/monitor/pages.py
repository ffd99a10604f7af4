"""The rows of Monitor Tasks, a page at a time: filtered, and as cheap with 100,000 rows as with ten.

A page is named by the task it begins before or after, not by a number: nothing has to be counted, and a page stays
what it is while new tasks come. Each query reads one index in order and stops after a page; only text in the target
is looked for row by row, in the order of the primary key.
"""

from dataclasses import dataclass

from django.db import connection
from django.db.models import QuerySet

from ivmweb.monitor.models import MonitorTask

ROWS_A_PAGE = 25
MOST_CHOICES = 200


@dataclass(frozen=True)
class Filter:
    """Each empty field lets every task pass."""

    status: str = ""
    name: str = ""
    user: str = ""
    target: str = ""  # text anywhere in the target

    def rows(self) -> QuerySet[MonitorTask]:
        rows = MonitorTask.objects.all()
        for field in ("status", "name", "user"):
            if value := getattr(self, field):
                rows = rows.filter(**{field: value})
        return rows.filter(target__icontains=self.target) if self.target else rows


@dataclass(frozen=True)
class Page:
    tasks: list[MonitorTask]
    newer: int | None = None  # the page of tasks after this one
    older: int | None = None  # the page of tasks before this one


def page_of(chosen: Filter, *, before: int | None = None, after: int | None = None) -> Page:
    """The tasks right before one, or right after one, or the newest; newest first."""
    if after is not None:
        newer = list(chosen.rows().filter(pk__gt=after).order_by("pk")[: ROWS_A_PAGE + 1])
        if len(newer) > ROWS_A_PAGE:
            tasks = newer[:ROWS_A_PAGE][::-1]
            return Page(tasks, newer=tasks[0].pk, older=tasks[-1].pk)
    rows = chosen.rows() if before is None else chosen.rows().filter(pk__lt=before)
    found = list(rows[: ROWS_A_PAGE + 1])
    tasks, is_more = found[:ROWS_A_PAGE], len(found) > ROWS_A_PAGE
    newest = tasks[0].pk if tasks else (before or 1) - 1
    has_newer = before is not None and chosen.rows().filter(pk__gt=newest).exists()
    return Page(tasks, newer=newest if has_newer else None, older=tasks[-1].pk if is_more else None)


def names() -> list[str]:
    """Each kind of task that there is."""
    return _distinct("name")


def users() -> list[str]:
    """Each user who has begun one."""
    return _distinct("user")


def _distinct(field: str) -> list[str]:
    """From one value to the next in the index: SELECT DISTINCT would read all rows."""
    table, column = (connection.ops.quote_name(name) for name in (MonitorTask._meta.db_table, field))
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE seen(value) AS (SELECT MIN({column}) FROM {table} UNION ALL "  # noqa: S608
            f"SELECT (SELECT MIN({column}) FROM {table} WHERE {column} > seen.value) FROM seen "
            f"WHERE seen.value IS NOT NULL) SELECT value FROM seen WHERE value IS NOT NULL LIMIT {MOST_CHOICES}"
        )
        return [value for (value,) in cursor.fetchall()]
