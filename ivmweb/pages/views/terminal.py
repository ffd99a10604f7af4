from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_POST, require_safe

from ivmweb.common.errors import IvmError
from ivmweb.pages.access import page_for
from ivmweb.pages.terminal import PATH
from ivmweb.pages.tickets import Ticket, tickets
from ivmweb.pages.views.partitions import partition_or_refusal
from ivmweb.pages.wording import words_of
from ivmweb.system import terminals
from ivmweb.system.models import LogicalPartition
from ivmweb.system.rights import Right


@page_for(Right.CHANGE)
@require_safe
def terminal(request: HttpRequest, lpar_id: int) -> HttpResponse:
    context = {"partition": partition_with_terminal(lpar_id), "socket": PATH}
    return render(request, "partitions/terminal.html", context)


@page_for(Right.CHANGE)
@require_POST
def token(request: HttpRequest, lpar_id: int) -> HttpResponse:
    """What the page's script opens one web socket with, or why it can't."""
    try:
        partition = partition_with_terminal(lpar_id)
    except IvmError as error:
        return JsonResponse({"text": words_of(error)}, status=409)
    ticket = Ticket(
        session_key=str(request.session.session_key),
        user_id=request.user.pk or 0,
        partition=partition.uuid,
        lpar_id=partition.lpar_id,
        language=get_language() or "en",
    )
    return JsonResponse({"token": tickets.issue(ticket)})


def partition_with_terminal(lpar_id: int) -> LogicalPartition:
    """Raises PrerequisiteFailed where there is none."""
    partition = partition_or_refusal(lpar_id)
    terminals.check(partition)
    return partition
