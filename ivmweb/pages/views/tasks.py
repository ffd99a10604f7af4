from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_safe

from ivmweb.common.digits import is_whole
from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.monitor import pages
from ivmweb.monitor.models import MonitorTask, TaskStatus
from ivmweb.monitor.pages import Filter, page_of
from ivmweb.pages.access import is_fragment, page
from ivmweb.pages.wording import coded, words_of
from migration.waiting import waiting_tasks

FILTERS = (gettext_noop("status"), gettext_noop("name"), gettext_noop("user"), gettext_noop("target"))
PLACES = ("before", "after")
LONGEST_ID = 18  # digits; longer ones are no task's
LONGEST_TEXT = 150


@page
@require_safe
def task_list(request: HttpRequest) -> HttpResponse:
    """Monitor Tasks, newest first. With `properties` in the address: the selected task's Properties."""
    selected = request.GET.get("selected", "")
    kept, refused = understood(request)
    if "properties" in request.GET:
        if is_id(selected):
            return redirect(with_query(reverse("task", args=[selected]), kept))
        refused = coded("choose-row")
    chosen = {field: value for field, value in kept.items() if field in FILTERS}
    shown = page_of(Filter(**chosen), **{field: int(kept[field]) for field in PLACES if field in kept})
    waiting = waiting_tasks([task.pk for task in shown.tasks if task.is_active])
    context = {
        "page": shown,
        "rows": [(task, waiting.get(task.pk, "")) for task in shown.tasks],
        "kept": kept,
        "query": urlencode(kept),
        "filter_query": urlencode(chosen),
        "filtered": bool(chosen),
        "selected": selected,
        "refused": refused,
    }
    if is_fragment(request):
        return render(request, "service/tasks.html#live", context)
    choices = {"statuses": TaskStatus.choices, "names": pages.names(), "users": pages.users()}
    return render(request, "service/tasks.html", context | choices)


def with_query(address: str, kept: dict[str, str]) -> str:
    return f"{address}?{urlencode(kept)}" if kept else address


def understood(request: HttpRequest) -> tuple[dict[str, str], str]:
    """Filter and place as the address has them, and a message about what it has wrong; that part is left out."""
    kept, refused = {}, ""
    for field in (*FILTERS, *PLACES):
        value = request.GET.get(field, "").strip()
        if not value:
            continue
        if is_wrong(field, value):
            refused = words_of(PrerequisiteFailed("filter-wrong", field=_(field), value=value[:LONGEST_TEXT]))
        else:
            kept[field] = value
    return kept, refused


def is_wrong(field: str, value: str) -> bool:
    if field in PLACES:
        return not is_id(value)
    if field == "status":
        return value not in TaskStatus
    return len(value) > LONGEST_TEXT or "\0" in value


def is_id(text: str) -> bool:
    return is_whole(text, LONGEST_ID)


@page
@require_safe
def task_properties(request: HttpRequest, task_id: int) -> HttpResponse:
    task = get_object_or_404(MonitorTask.objects.prefetch_related("lines", "migrations", "reports"), pk=task_id)
    kept, _refused = understood(request)
    context = {
        "task": task,
        "migration": task.migrations.first(),
        "report": task.reports.first(),
        "waits_for": waiting_tasks([task.pk]).get(task.pk, ""),
        "list_query": urlencode(kept),
    }
    template = "service/task.html#live" if is_fragment(request) else "service/task.html"
    return render(request, template, context)
