"""Activate, Shutdown and Delete: a page that lists the chosen partitions, with OK and Cancel."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from ivmweb.common.errors import IvmError, PrerequisiteFailed
from ivmweb.pages.access import origin_of, page_for
from ivmweb.pages.forms.shutdown import ShutdownForm
from ivmweb.pages.partition_table import table
from ivmweb.pages.typed import typed_before
from ivmweb.pages.views.partitions import chosen_ids, chosen_partitions
from ivmweb.pages.wording import coded, words_of
from ivmweb.system import removal, services
from ivmweb.system.inventory import runtime_facts
from ivmweb.system.models import LogicalPartition, Operation
from ivmweb.system.rights import Right
from migration import removal as migration_removal

TEMPLATES = {Operation.ACTIVATE: "partitions/activate.html", Operation.SHUT_DOWN: "partitions/shutdown.html"}


@page_for(Right.CHANGE)
@require_http_methods(["GET", "POST"])
def activate(request: HttpRequest) -> HttpResponse:
    partitions = listed(request, _("Activate"))
    if request.method != "POST":
        return show(request, Operation.ACTIVATE, partitions)

    def start(partition: LogicalPartition) -> None:
        services.activate(partition, user=request.user, origin=origin_of(request))

    return do_to_each(request, partitions, start, "activated")


@page_for(Right.CHANGE, keeps_typed=True)
@require_http_methods(["GET", "POST"])
def shutdown(request: HttpRequest) -> HttpResponse:
    partitions = listed(request, _("Shutdown"))
    form = ShutdownForm(request.POST or None, initial=typed_before(request))
    if request.method != "POST" or not form.is_valid():
        return show(request, Operation.SHUT_DOWN, partitions, form=form)
    kind, restart = form.kind, form.cleaned_data["restart"]

    def end(partition: LogicalPartition) -> None:
        services.shut_down(partition, kind, restart=restart, user=request.user, origin=origin_of(request))

    return do_to_each(request, partitions, end, "restarting" if restart else "shutting-down")


@page_for(Right.CHANGE)
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest) -> HttpResponse:
    partitions = listed(request, _("Delete"))
    if request.method != "POST":
        why_not = [(partition, removal.cannot_begin(partition)) for partition in partitions]
        return show_able(request, "partitions/delete.html", why_not)

    def remove(partition: LogicalPartition) -> None:
        migration_removal.remove(partition, user=request.user, origin=origin_of(request))

    return do_to_each(request, partitions, remove, "partition-deleted")


def listed(request: HttpRequest, task: str) -> list[LogicalPartition]:
    chosen = chosen_ids((request.POST if request.method == "POST" else request.GET).getlist("partition"))
    if not chosen:
        raise PrerequisiteFailed("choose-partition", task=task)
    return chosen_partitions(chosen)


def show(
    request: HttpRequest, operation: Operation, partitions: list[LogicalPartition], form: ShutdownForm | None = None
) -> HttpResponse:
    why_not = [(partition, services.cannot_begin(partition, operation)) for partition in partitions]
    return show_able(request, TEMPLATES[operation], why_not, form)


def show_able(
    request: HttpRequest,
    template: str,
    why_not: list[tuple[LogicalPartition, PrerequisiteFailed | None]],
    form: ShutdownForm | None = None,
) -> HttpResponse:
    """OK is for those that it may be tried with now; for each of the others it says why not."""
    able = [partition for partition, error in why_not if error is None]
    context = {
        "rows": table(able, runtime_facts(), {partition.lpar_id for partition in able}),
        "left_out": dict.fromkeys(words_of(error) for _partition, error in why_not if error is not None),
        "form": form,
        "keeps_typed": form is not None and bool(able),
    }
    return render(request, template, context)


def do_to_each(
    request: HttpRequest, partitions: list[LogicalPartition], act: Callable[[LogicalPartition], None], done: str
) -> HttpResponse:
    """One partition's refusal does not keep the others from being served; each gets its message."""
    for partition in partitions:
        try:
            act(partition)
        except IvmError as error:
            messages.error(request, words_of(error))
        else:
            messages.success(request, coded(done, name=partition.name, lpar_id=partition.lpar_id))
    return redirect("partitions")
