from collections.abc import Iterable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from ivmweb.common.digits import is_whole
from ivmweb.common.errors import IvmError, PrerequisiteFailed
from ivmweb.pages.access import is_fragment, page
from ivmweb.pages.partition_table import overview, table
from ivmweb.pages.partition_tasks import TASKS, check_choice
from ivmweb.pages.wording import words_of
from ivmweb.system.inventory import runtime_facts
from ivmweb.system.models import LogicalPartition, ManagedSystem
from migration import services
from migration.admission import queued_partitions
from migration.waiting import conflicting_partitions, open_migrations, waiting_partitions

LONGEST_ID = 9  # digits; longer ones are no partition's


def chosen_ids(texts: Iterable[str]) -> set[int]:
    return {int(text) for text in texts if is_whole(text, LONGEST_ID)}


def chosen_partitions(lpar_ids: set[int]) -> list[LogicalPartition]:
    """Raises PrerequisiteFailed where one of them is gone, and says where to."""
    partitions = list(LogicalPartition.objects.filter(lpar_id__in=[n for n in lpar_ids if n < 10**LONGEST_ID]))
    gone = lpar_ids - {partition.lpar_id for partition in partitions}
    if gone:
        raise refusal_of_gone(min(gone))
    return partitions


def refusal_of_gone(lpar_id: int) -> PrerequisiteFailed:
    who = {"lpar_id": lpar_id, "host": settings.CONSOLE}
    moved = services.latest_moved_from_here(lpar_id) if lpar_id < 10**LONGEST_ID else None
    if moved is None:
        return PrerequisiteFailed("chosen-partition-gone", **who)
    return PrerequisiteFailed("chosen-partition-moved", name=moved.partition_name, remote=moved.remote.name, **who)


def partition_or_refusal(lpar_id: int) -> LogicalPartition:
    return chosen_partitions({lpar_id})[0]


@page
@require_safe
def partition_list(request: HttpRequest) -> HttpResponse:
    """The home page. With `task` in the address: go where that task begins, or say why it cannot."""
    chosen = chosen_ids(request.GET.getlist("partition"))
    if "task" not in request.GET:
        return show_list(request, chosen)
    try:
        task = check_choice(TASKS.get(task_name(request)), chosen_partitions(chosen))
    except IvmError as error:
        return show_list(request, chosen, refused=words_of(error))
    return redirect(task.address(chosen_partitions(chosen)))


def task_name(request: HttpRequest) -> str:
    """The button that was pressed; `Go` means the choice in More Tasks."""
    name = request.GET["task"]
    return request.GET.get("more", "") if name == "go" else name


def show_list(request: HttpRequest, chosen: set[int], refused: str = "") -> HttpResponse:
    facts, under_way = runtime_facts(), open_migrations()
    context = {
        "rows": table(
            LogicalPartition.objects.all(),
            facts,
            chosen,
            queued_partitions(),
            waiting_partitions(under_way),
            conflicting_partitions(under_way),
        ),
        "overview": overview(ManagedSystem.objects.get(), facts),
        "hypervisor_silent": facts is None,
        "refused": refused,
    }
    template = "partitions/list.html#live" if is_fragment(request) else "partitions/list.html"
    return render(request, template, context)
