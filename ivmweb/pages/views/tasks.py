from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from ivmweb.monitor.models import MonitorTask
from ivmweb.pages.access import is_fragment, page
from ivmweb.pages.wording import coded

ROWS_A_PAGE = 25


@page
@require_safe
def task_list(request: HttpRequest) -> HttpResponse:
    """Monitor Tasks, newest first. With `properties` in the address: the selected task's Properties."""
    selected = request.GET.get("selected", "")
    refused = ""
    if "properties" in request.GET:
        if selected.isdecimal():
            return redirect("task", selected)
        refused = coded("choose-row")
    page_of_tasks = Paginator(MonitorTask.objects.all(), ROWS_A_PAGE).get_page(request.GET.get("page"))
    template = "service/tasks.html#live" if is_fragment(request) else "service/tasks.html"
    return render(request, template, {"tasks": page_of_tasks, "selected": selected, "refused": refused})


@page
@require_safe
def task_properties(request: HttpRequest, task_id: int) -> HttpResponse:
    task = get_object_or_404(MonitorTask.objects.prefetch_related("lines", "migrations"), pk=task_id)
    template = "service/task.html#live" if is_fragment(request) else "service/task.html"
    return render(request, template, {"task": task, "migration": task.migrations.first()})
