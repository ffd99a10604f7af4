"""The pages of Live Partition Mobility: Migrate, and Status with Stop and Recover."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ivmweb.common.errors import IvmError, PrerequisiteFailed
from ivmweb.hypervisor.base import RunState
from ivmweb.pages import formats
from ivmweb.pages.access import is_fragment, origin_of, page, page_for
from ivmweb.pages.events import hub
from ivmweb.pages.partition_table import Facts
from ivmweb.pages.shared import Shared
from ivmweb.pages.typed import typed_before
from ivmweb.pages.views.partitions import partition_or_refusal
from ivmweb.pages.wording import coded, in_words, words_of
from ivmweb.system.inventory import runtime_facts
from ivmweb.system.models import LogicalPartition, ManagedSystem
from ivmweb.system.rights import Right, can
from migration import admission, leases, presentation, restored, services, transfer_words
from migration.chart import chart
from migration.credentials import has_token
from migration.curve import Point
from migration.forms import MigrateForm
from migration.journal import STOP_PRESSED
from migration.models import Migration, Outcome, RemoteSystem, TransferCurve, ValidationReport
from migration.report import checks_of, worst_first
from migration.roles import LINK_LOST, migration_of_hold
from migration.states import State
from migration.waiting import untaken_s


@sensitive_post_parameters("password")
@page_for(Right.MIGRATE, keeps_typed=True)
@require_http_methods(["GET", "POST"])
def migrate(request: HttpRequest, lpar_id: int) -> HttpResponse:
    """The Migrate page. Its two buttons post here; the answer to Validate is this page again, with the report."""
    partition = partition_or_refusal(lpar_id)
    if request.method == "POST":
        return pressed(request, partition)
    report = report_in_address(request, partition)
    initial = values_kept(request, report) | typed_before(request)
    initial.setdefault("remote_manager", only_remote())
    return show_form(request, partition, MigrateForm(initial=initial), report=report)


def pressed(request: HttpRequest, partition: LogicalPartition) -> HttpResponse:
    starts = "migrate" in request.POST
    form = MigrateForm(request.POST)
    if not form.is_valid():
        return show_form(request, partition, form)
    arguments = {
        **form.cleaned_data,
        "partition": partition,
        "session": request.session,
        "user": request.user,
        "origin": origin_of(request),
    }
    try:
        report, migration = services.migrate(**arguments) if starts else (services.validate(**arguments), None)
    except IvmError as error:
        return show_form(request, partition, form, refused=form.refused_by(error))
    if migration is not None:
        return redirect("migration", migration.pk)
    return redirect(f"{request.path}?report={report.pk}")


def show_form(
    request: HttpRequest,
    partition: LogicalPartition,
    form: MigrateForm,
    *,
    report: ValidationReport | None = None,
    refused: str = "",
) -> HttpResponse:
    checks = worst_first(checks_of(report)) if report else []
    if report:
        form.leave_focus()
    context = {
        "partition": partition,
        "form": form,
        "report": report,
        "latest": report or ValidationReport.objects.filter(partition_uuid=partition.uuid).first(),
        "checks": checks,
        "passed": report is not None and report.passed,
        "warnings": sum(check.outcome is Outcome.WARNING for check in checks),
        "password_kept": report is not None and has_token(request.session, report.remote_manager, report.remote_user),
        "refused": refused,
        "under_way": migration_of_hold(partition.hold),
        "keeps_typed": migration_of_hold(partition.hold) is None,
        "is_queued": partition.uuid in admission.queued_partitions(),
    }
    return render(request, "migration/migrate.html", context)


def report_in_address(request: HttpRequest, partition: LogicalPartition) -> ValidationReport | None:
    try:
        report_id = UUID(request.GET.get("report", ""))
    except ValueError:
        return None
    reports = ValidationReport.objects.filter(partition_uuid=partition.uuid)
    return reports.prefetch_related("findings").filter(pk=report_id).first()


def values_kept(request: HttpRequest, report: ValidationReport | None) -> dict[str, str]:
    """What was typed stays; the password never does."""
    if report is None:
        return {"remote_user": request.user.get_username()}
    return {"remote_manager": report.remote_manager, "remote_user": report.remote_user}


def only_remote() -> str:
    """Its name where one remote system is known: there is nothing else to type."""
    names = list(RemoteSystem.objects.known().values_list("name", flat=True)[:2])
    return names[0] if len(names) == 1 else ""


@page
@require_safe
def partition_status(request: HttpRequest, lpar_id: int) -> HttpResponse:
    """More Tasks > Status: the latest migration of that partition; also of one that has moved away meanwhile."""
    gone = services.latest_moved_from_here(lpar_id)
    if gone is not None:
        return redirect("migration", gone.pk)
    partition = partition_or_refusal(lpar_id)
    migration = services.latest_of(partition)
    if migration is None:
        return render(request, "migration/never.html", {"partition": partition})
    return redirect("migration", migration.pk)


@page
@require_safe
def status(request: HttpRequest, migration_id: UUID) -> HttpResponse:
    """Status; for htmx its live part, or with `part=actions` the buttons and what they would do."""
    may_act = can(request.user, Right.MIGRATE)
    if is_fragment(request) and "part" not in request.GET:
        return live(migration_id, request.GET.get("seen", ""), may_act=may_act)
    migration = get_migration(migration_id)
    if migration.is_tombstone:
        return render(request, "migration/never_prepared.html", {"migration": migration})
    if is_fragment(request):
        return render(request, "migration/status.html#actions", actions_part(migration))
    parts = live_part(migration, may_act=may_act) | actions_part(migration) | report_part(migration)
    return render(request, "migration/status.html", parts)


LIVE: Shared[tuple[str, str]] = Shared()


def live(migration_id: UUID, seen: str, *, may_act: bool) -> HttpResponse:
    """The same for all who watch with that right: rendered without the request, so it has nothing of one of them."""

    def make() -> tuple[str, str]:
        context = live_part(get_migration(migration_id), may_act=may_act)
        return render_to_string("migration/status.html#live", context), context["actions_seen"]

    text, now = LIVE.get((migration_id, get_language(), may_act), hub.heard, make)
    response = HttpResponse(text)
    if seen != now:
        response["HX-Trigger"] = "actions"  # only then are the buttons replaced, so none vanishes under a finger
    return response


def get_migration(migration_id: UUID) -> Migration:
    rows = Migration.objects.select_related("remote", "task").prefetch_related("events")
    found = rows.filter(pk=migration_id).first()
    if found is None:
        raise PrerequisiteFailed("migration-unknown", host=settings.CONSOLE, number=str(migration_id))
    return found


def live_part(migration: Migration, *, may_act: bool) -> dict[str, Any]:
    system, now = ManagedSystem.objects.get(), timezone.now()
    lapsed_s = leases.lapsed_for_s(migration)
    partition = None if migration.is_active else partition_of(migration)
    facts: Facts = runtime_facts() if migration.is_active or partition else {}  # no need to ask of what is gone
    elsewhere = partition.moved_to if partition else ""
    newer = newer_here(migration, partition, facts)
    points = points_of(migration)
    situation = presentation.situation(
        migration,
        here=settings.CONSOLE,
        lapsed_s=lapsed_s,
        takes_over_s=settings.RECOVERY_GRACE_S,
        untaken_s=untaken_s(migration),
        queue=admission.place_of(migration) if admission.waits(migration) else None,
        suspended=is_suspended(migration, facts),
        runs_here=runs_now(migration, facts) if needs_a_person(migration) else runs_here(migration, partition, facts),
        is_gone=partition is None and not migration.is_active,
        newer=newer,
        may_act=may_act,
    )
    if elsewhere:
        situation = presentation.elsewhere(migration.partition_name, elsewhere)
    elif partition is None and migration.is_final and (remote := restored.removed_for(migration)):
        situation = presentation.removed(migration.partition_name, remote)
    return {
        "migration": migration,
        "console": settings.CONSOLE,
        "hypervisor_silent": facts is None,
        "situation": situation,
        "restored_elsewhere": elsewhere,
        "newer": newer.migration if newer else None,
        "silent_since": presentation.silent_since(migration, migration.events.all()),
        "changes": presentation.may_change(migration, now),
        "migration_state": presentation.migration_state(migration),
        "reason": reason(migration),
        "ends": presentation.ends(migration, here=settings.CONSOLE, system_name=system.name),
        "pace": transfer_words.pace(migration, leases.quiet_for_s(migration), now),
        "write_rate": transfer_words.write_rate(migration, now),
        "told_at": transfer_words.told_at(migration, now),
        "warning": transfer_words.warning(
            migration, at_work=lapsed_s is None, suspends_anyway=system.suspend_anyway, may_act=may_act
        ),
        "slowed": transfer_words.slowed(migration, slowed_percent(migration, facts)),
        "limited_by": transfer_words.limited_by(migration, migration.events.all(), points),
        "chart": chart(points, migration.bytes_total),
        "phases": transfer_words.phases(migration, migration.events.all(), now),
        "digests_equal": presentation.digests_equal(migration),
        "timeline": [presentation.line(event) for event in migration.events.all()],
        "actions_seen": actions_seen(migration),
    }


def needs_a_person(migration: Migration) -> bool:
    waits = migration.waits_for_operator or migration.partner_waits_for_operator
    return migration.in_question or migration.is_opposite or waits


def is_suspended(migration: Migration, facts: Facts) -> bool:
    """What the hypervisor says now, of a partition that is on its way from here; a mover may be too late to tell."""
    if not migration.is_source or migration.state != State.TRANSFERRING or migration.is_inactive or migration.queued:
        return False
    fact = (facts or {}).get(migration.lpar_id)
    return fact is not None and fact.run_state in {RunState.SUSPENDED, RunState.COMPLETED}


def slowed_percent(migration: Migration, facts: Facts) -> int | None:
    """What the hypervisor says now: a mover that has died tells no end of it. None where it does not answer."""
    if not migration.is_source or migration.is_final:
        return 0
    if facts is None:
        return None
    return facts[migration.lpar_id].slowed_percent if migration.lpar_id in facts else 0


def partition_of(migration: Migration) -> LogicalPartition | None:
    """As this console has it now, whatever the migration left."""
    return LogicalPartition.objects.filter(uuid=migration.partition_uuid).first()


def newer_here(migration: Migration, partition: LogicalPartition | None, facts: Facts) -> presentation.Newer | None:
    """None while it goes on: there is one open migration of a partition at most."""
    if not migration.is_final:
        return None
    later = Migration.objects.filter(partition_uuid=migration.partition_uuid, started_at__gt=migration.started_at)
    latest = later.select_related("remote").order_by("-started_at").first()
    if latest is None:
        return None
    return presentation.Newer(latest, runs_here(latest, partition, facts), is_gone=partition is None)


def runs_here(migration: Migration, partition: LogicalPartition | None, facts: Facts) -> bool | None:
    """What the hypervisor says of a partition that the end left to this console; None where it is not here now."""
    if partition is None or partition.hold or not presentation.ends_here(migration):
        return None
    fact = (facts or {}).get(partition.lpar_id)
    states = {RunState.RUNNING: True, RunState.NOT_ACTIVATED: False}
    return states.get(fact.run_state) if fact else None


def runs_now(migration: Migration, facts: Facts) -> bool | None:
    """Whatever the records say; None where the hypervisor does not answer."""
    if facts is None:
        return None
    fact = facts.get(migration.lpar_id)
    return fact is not None and fact.run_state in {RunState.RUNNING, RunState.STARTING, RunState.OPEN_FIRMWARE}


def report_part(migration: Migration) -> dict[str, Any]:
    report = migration.reports.prefetch_related("findings").first()
    return {"report": report, "checks": worst_first(checks_of(report)) if report else []}


def points_of(migration: Migration) -> list[Point]:
    curve = TransferCurve.objects.filter(migration=migration).first()
    return [Point(*point) for point in curve.points] if curve else []


def reason(migration: Migration) -> str:
    """Why it did not move, with its code; empty where there is nothing to explain.

    At a destination whose source was stopped the link was cut by that, whichever of the two was heard of first.
    """
    if migration.stop_requested and not migration.is_source and migration.message_key == LINK_LOST:
        return ""
    return in_words(migration.cause) if migration.message_key else ""


def actions_part(migration: Migration) -> dict[str, Any]:
    can_recover = presentation.can_recover(migration)
    return {
        "migration": migration,
        "can_stop": presentation.can_stop(migration),
        "can_recover": can_recover,
        "recover_does": services.explain_recover(migration) if can_recover else [],
        "actions_seen": actions_seen(migration),
    }


def actions_seen(migration: Migration) -> str:
    """Changes whenever the buttons or their explanation may: the browser sends back what it shows."""
    lapsed = leases.lapsed_for_s(migration) is not None
    quiet = leases.quiet_for_s(migration) is not None
    signs = (migration.stop_requested, lapsed, quiet, services.has_worker(migration))
    flags = "".join(str(int(sign)) for sign in signs)
    return f"{migration.state}.{migration.activity}.{flags}".replace(" ", "-")


@page
@require_safe
def hand_over(request: HttpRequest, migration_id: UUID) -> HttpResponse:
    """The record that both consoles signed, as a file."""
    migration = get_object_or_404(Migration.objects.exclude(handover_record=""), pk=migration_id)
    name = f"hand-over-{migration.pk}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(migration.handover_record, content_type="application/json", headers=headers)


def stopped_at(migration: Migration) -> datetime | None:
    """When Stop was accepted; None where it was not, or not here."""
    times = [event.time for event in migration.events.all() if event.text == STOP_PRESSED]
    return times[0] if migration.stop_requested and times else None


@page_for(Right.MIGRATE)
@require_POST
def stop(request: HttpRequest, migration_id: UUID) -> HttpResponse:
    migration = get_migration(migration_id)
    before = stopped_at(migration)
    try:
        services.stop(migration, user=request.user, origin=origin_of(request))
    except IvmError as error:
        messages.error(request, words_of(error))
    else:
        name = migration.partition_name
        if before is None:
            messages.success(request, coded("stop-accepted", name=name, host=settings.CONSOLE))
        else:
            messages.info(request, coded("stopped-before", name=name, when=formats.moment(before)))
    return redirect("migration", migration_id)
