from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ivmweb.common.digits import is_whole
from ivmweb.pages.access import is_fragment, page
from ivmweb.pages.views.partitions import partition_or_refusal
from ivmweb.pages.wording import coded
from ivmweb.system.inventory import REFERENCE_CODES_KEPT, runtime_facts

SHOWN = 25


@page
@require_safe
def reference_codes(request: HttpRequest, lpar_id: int) -> HttpResponse:
    """Newest first; View history says how many. A number that can't be used is refused, and 25 are shown."""
    partition = partition_or_refusal(lpar_id)
    typed = request.GET.get("count", "").strip()
    count = int(typed) if is_whole(typed, 4) else 0
    is_usable = 1 <= count <= REFERENCE_CODES_KEPT
    refused = (
        ""
        if is_usable or "count" not in request.GET
        else coded("history-out-of-range", value=typed[:40], most=REFERENCE_CODES_KEPT, shown=SHOWN)
    )
    count = count if is_usable else SHOWN
    context = {
        "partition": partition,
        "codes": partition.reference_codes.order_by("-time", "-pk")[:count],
        "count": count,
        "hypervisor_silent": runtime_facts() is None,
        "refused": refused,
    }
    template = "partitions/reference_codes.html#live" if is_fragment(request) else "partitions/reference_codes.html"
    return render(request, template, context)
