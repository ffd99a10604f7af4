"""The page Recover: both sides as they are now, what a press would do, and what may be forced in the silence."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ivmweb.common.errors import IvmError
from ivmweb.pages.access import origin_of, page, page_for
from ivmweb.pages.wording import coded, in_words, words_of
from ivmweb.system.rights import Right
from migration import both_sides, forcing, leases, presentation, recover_page, services
from migration.both_sides import Line, Other
from migration.look import look
from migration.models import Migration
from migration.recover_words import changes_nothing, waits_for_a_person, will_do, will_not_do
from migration.states import Act
from migration.told import told_note
from migration.views import get_migration

REFUSED = "refused_act"  # in the session, from the refusal to the page that tells it
LONGEST_NAME = 64


@require_http_methods(["GET", "HEAD", "POST"])
def recover(request: HttpRequest, migration_id: UUID) -> HttpResponseBase:
    """POST presses Recover; GET explains it and changes nothing."""
    return press(request, migration_id) if request.method == "POST" else explain(request, migration_id)


@page_for(Right.MIGRATE)
@require_POST
def press(request: HttpRequest, migration_id: UUID) -> HttpResponse:
    migration = get_migration(migration_id)
    try:
        what = services.recover(migration, user=request.user, origin=origin_of(request)).words
    except IvmError as error:
        messages.error(request, words_of(error))
    else:
        tell(request, migration, coded("recovered", name=migration.partition_name, what=what))
    return redirect("migration", migration_id)


@page
@require_safe
def explain(request: HttpRequest, migration_id: UUID) -> HttpResponse:
    migration = get_migration(migration_id)
    if migration.is_tombstone:
        return redirect("migration", migration_id)
    context = context_of(migration)
    refused = take_refused(request, migration)
    if refused and any(words.act.value == refused["act"] for words in context["acts"]):
        context["refused"] = refused
    elif refused:
        messages.error(request, refused["text"])
    return render(request, "migration/recover.html", context)


@page_for(Right.MIGRATE)
@require_POST
def force(request: HttpRequest, migration_id: UUID) -> HttpResponse:
    """One of the acts; a refusal is told on the page Recover, beside the act where that is still possible."""
    migration = get_migration(migration_id)
    act = request.POST.get("act", "")
    typed = request.POST.get("name", "")
    claims = sum(name in request.POST for name in ("claim1", "claim2"))
    try:
        what = forcing.force(
            migration,
            act,
            typed=typed,
            claims=claims,
            user=request.user,
            origin=origin_of(request),
        )
    except IvmError as error:
        kept = {"migration": str(migration_id), "act": act, "typed": typed[:LONGEST_NAME], "text": words_of(error)}
        request.session[REFUSED] = kept
        return redirect("migration-recover", migration_id)
    title = recover_page.act_words(Act(act), migration, settings.CONSOLE).title
    tell(request, migration, coded("forced", act=title, name=migration.partition_name, what=what))
    return redirect("migration", migration_id)


def take_refused(request: HttpRequest, migration: Migration) -> dict[str, str] | None:
    """The act of this migration that was refused a moment ago, as it was filled in, and why; once only.

    Its claims are not in it: they are made anew, in view of what both sides say now.
    """
    kept: dict[str, str] | None = request.session.get(REFUSED)
    if kept is None or kept["migration"] != str(migration.pk):
        return None
    del request.session[REFUSED]
    return kept


def tell(request: HttpRequest, migration: Migration, what: str) -> None:
    """As a success only where it is over now. With its time: the page below goes on, and this stays as it was."""
    told = _("At %(time)s UTC: %(what)s") % {"time": timezone.now().strftime("%H:%M:%S"), "what": what}
    (messages.success if migration.is_final else messages.warning)(request, told)


def context_of(migration: Migration) -> dict[str, Any]:
    other = both_sides.ask(migration)
    migration.refresh_from_db()  # the partner's answer may have come with a change
    seen = look(migration, other.answer)
    names = presentation.names_of(migration, settings.CONSOLE)
    now = timezone.now()
    lines = both_sides.time_line(migration, other)
    offered = acts(migration, other)
    is_opposite = other.answer is not None and recover_page.are_opposite(migration, other.answer)
    behind = recover_page.is_behind(migration, other.answer)
    return {
        "migration": migration,
        "sides": sides(migration, other, seen, now),
        "alarms": recover_page.alarms(migration, names, seen, other.answer),
        "unknown": recover_page.unknown(migration, names, now) if other.answer is None else [],
        "error": words_of(other.error) if other.error else "",
        "hypervisor_error": in_words(seen.trouble) if seen.trouble.text else "",
        "can_recover": presentation.can_recover(migration),
        "does": does(migration, is_opposite=is_opposite, behind=behind),
        "does_not": will_not_do(migration) if migration.is_unfinished and not migration.in_question else [],
        "acts": offered,
        "is_conflict": is_opposite,
        "is_behind": behind,
        "only_there": recover_page.only_there(migration, other.answer) if other.answer and not offered else "",
        "columns": columns(migration),
        "rows": [row(line, migration) for line in lines],
        "left_out": other.left_out,
        "clock_ahead_s": round(other.clock_ahead_s),
        "other_is_known": other.answer is not None,
        "lapsed": leases.lapsed_for_s(migration) is not None,
    }


def does(migration: Migration, *, is_opposite: bool, behind: bool) -> list[str]:
    """What Recover would do now."""
    if migration.queued or migration.in_question or services.is_carried(migration):
        return services.explain_recover(migration)
    if is_opposite:
        return changes_nothing(migration)
    if behind:
        return waits_for_a_person(migration)
    return services.explain_recover(migration) if migration.partner_waits_for_operator else will_do(migration)


def sides(migration: Migration, other: Other, seen: Any, now: Any) -> list[recover_page.Side]:
    """Source first."""
    own = recover_page.own_side(migration, settings.CONSOLE, seen)
    partner = recover_page.other_side(migration, other.answer, now, asked=other.error is not None)
    return [own, partner] if migration.is_source else [partner, own]


def acts(migration: Migration, other: Other) -> list[recover_page.ActWords]:
    """Those that record and facts allow; the safest claim first, the memory image last."""
    if migration.is_final or (other.error is None and other.answer is None):
        return []
    allowed = offered_now(migration, other)
    order = [Act.YIELD, Act.RESTART_RESTORED, Act.RESTART, Act.CLOSE, Act.DISCARD, Act.GIVE_UP, Act.RUN_IMAGE]
    return [recover_page.act_words(act, migration, settings.CONSOLE) for act in order if act in allowed]


def offered_now(migration: Migration, other: Other) -> list[Act]:
    if other.answer is not None:
        return forcing.possible_beside(migration, other.answer)
    silent = other.error
    return [act for act in forcing.possible(migration, None) if silent and forcing.is_silent(silent, act)]


def columns(migration: Migration) -> list[str]:
    names = presentation.names_of(migration, settings.CONSOLE)
    return [names.source, names.destination]


def row(line: Line, migration: Migration) -> dict[str, Any]:
    """Told in the column of the console that wrote it, source first."""
    change = " → ".join(presentation.state_name(state) for state in (line.from_state, line.to_state) if state)
    text = in_words(line.sentence) if line.ours else told_note(str(line.sentence))
    cell = {"change": change, "text": text}
    is_source = line.ours == migration.is_source
    return {"time": line.time, "source": cell if is_source else None, "destination": None if is_source else cell}
