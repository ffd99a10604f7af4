"""The page of one validation report, with Check again for each of its checks."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from ivmweb.common.errors import IvmError, PrerequisiteFailed
from ivmweb.pages.access import origin_of, page, page_for
from ivmweb.pages.wording import coded, words_of
from ivmweb.system.models import LogicalPartition
from ivmweb.system.rights import Right
from migration.checking_again import check_again
from migration.models import Outcome, ValidationReport
from migration.report import changes, check_of, checks_of, counts, rows_of

EARLIER_SHOWN = 20

LEVELS = {Outcome.PASSED: messages.SUCCESS, Outcome.WARNING: messages.WARNING, Outcome.FAILED: messages.ERROR}


@page
@require_safe
def report(request: HttpRequest, report_id: UUID) -> HttpResponse:
    found = get_report(report_id)
    before = report_before(found)
    rows = rows_of(found)
    context = {
        "report": found,
        "rows": rows,
        "counts": counts(checks_of(found)),
        "made_again": sum(row.again_at is not None for row in rows),
        "before": before,
        "changes": changes(checks_of(before), checks_of(found)) if before else [],
        "others": reports_of(found.partition_uuid).exclude(pk=found.pk)[:EARLIER_SHOWN],
        "is_here": LogicalPartition.objects.filter(uuid=found.partition_uuid, lpar_id=found.lpar_id).exists(),
    }
    return render(request, "migration/report.html", context)


@page_for(Right.MIGRATE)
@require_POST
def again(request: HttpRequest, report_id: UUID) -> HttpResponse:
    """One of the page's buttons: `check` is the side and the name of the check."""
    side, _separator, check_name = request.POST.get("check", "").partition(":")
    try:
        finding = check_again(
            get_report(report_id),
            check_name,
            side,
            session=request.session,
            user=request.user,
            origin=origin_of(request),
        )
    except IvmError as error:
        messages.error(request, words_of(error))
        return redirect("report", report_id)
    check = check_of(finding)
    level = LEVELS.get(check.outcome, messages.INFO)
    messages.add_message(request, level, coded("checked-again", check=check.claim, outcome=check.outcome.label))
    return redirect(f"{reverse('report', args=[report_id])}#{check.key}")


def get_report(report_id: UUID) -> ValidationReport:
    rows = ValidationReport.objects.select_related("remote", "migration").prefetch_related("findings")
    found = rows.filter(pk=report_id).first()
    if found is None:
        raise PrerequisiteFailed("report-unknown", host=settings.CONSOLE, number=str(report_id))
    return found


def reports_of(partition_uuid: UUID) -> QuerySet[ValidationReport]:
    """Newest first."""
    return ValidationReport.objects.filter(partition_uuid=partition_uuid).prefetch_related("findings")


def report_before(found: ValidationReport) -> ValidationReport | None:
    """The last one of the same partition and remote system."""
    if found.remote is None:
        return None
    rows = reports_of(found.partition_uuid).filter(remote=found.remote, created_at__lt=found.created_at)
    return rows.first()
