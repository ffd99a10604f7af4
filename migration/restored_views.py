"""Restored Database: who was asked, what only the partners know, and the operator's word for going on."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ivmweb.common.errors import HypervisorError, IvmError
from ivmweb.pages.access import origin_of, page, page_for
from ivmweb.pages.wording import coded, words_of
from ivmweb.system.models import ManagedSystem
from ivmweb.system.rights import Right
from migration import lost, presentation, restored, stranded
from migration.models import RemoteSystem


@page
@require_safe
def restored_database(request: HttpRequest) -> HttpResponse:
    system = ManagedSystem.objects.get()
    remotes = list(RemoteSystem.objects.known().order_by("name"))
    strays, trouble = found_without_records()
    context = {
        "restored_at": system.restored_at,
        "held_back": system.held_back,
        "remotes": remotes,
        "conflicts": [conflict(remote, kept) for remote in remotes for kept in remote.lost],
        "moved": restored.moved_away().order_by("name"),
        "trouble": trouble,
        **strays,
    }
    return render(request, "migration/restored.html", context)


def found_without_records() -> tuple[dict[str, object], str]:
    """What LUNs and hypervisor tell and no record does; and why that is not known."""
    try:
        return {"stranded": stranded.stranded(), "leftovers": leftovers()}, ""
    except HypervisorError as error:
        return {}, words_of(error)


def leftovers() -> list[dict[str, object]]:
    return [
        {"fact": fact, "runs": lost.runs(fact), "on_record": stranded.consoles_with_records(UUID(fact.uuid))}
        for fact in stranded.leftovers()
    ]


def conflict(remote: RemoteSystem, kept: dict[str, object]) -> dict[str, object]:
    said = lost.known_of(kept)
    return {
        "partition": said.partition_name,
        "remote": remote.name,
        "role": presentation.role_name(said.role),
        "state": presentation.state_name(said.state),
        "is_there": lost.is_there(said),
        "runs_here": kept["runs_here"],
    }


@page_for(Right.MIGRATE)
@require_POST
def confirm(request: HttpRequest) -> HttpResponse:
    claimed = "claim" in request.POST
    return said(request, lambda by: restored.confirm(claimed=claimed, **by), "restore-confirmed")


@page_for(Right.MIGRATE)
@require_POST
def ask_again(request: HttpRequest) -> HttpResponse:
    def act(by: dict[str, Any]) -> None:
        stranded.ask_again(**by)
        restored.ask_partners()  # who answers at once is on the page at once

    return said(request, act, "restore-asked")


@page_for(Right.MIGRATE)
@require_POST
def take(request: HttpRequest, partition_uuid: UUID) -> HttpResponse:
    words = typed(request)
    return said(request, lambda by: stranded.take_luns(partition_uuid, **words, **by), "restore-taken")


@page_for(Right.MIGRATE)
@require_POST
def end(request: HttpRequest, partition_uuid: UUID) -> HttpResponse:
    words = typed(request) | {"may_be_last": "may_be_last" in request.POST}
    act = "restore-leftover-removed"
    return said(request, lambda by: stranded.remove_leftover(partition_uuid, **words, **by), act)


def typed(request: HttpRequest) -> dict[str, Any]:
    return {"typed": request.POST.get("name", ""), "claimed": "claim" in request.POST}


def said(request: HttpRequest, act: Callable[[dict[str, Any]], str | None], key: str) -> HttpResponse:
    """Back to the page with what came of it; an act answers with the partition's name."""
    try:
        name = act({"user": request.user, "origin": origin_of(request)})
    except IvmError as error:
        messages.error(request, words_of(error))
    else:
        messages.success(request, coded(key, partition=name or ""))
    return redirect("restored-database")


@page_for(Right.MIGRATE)
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, partition_uuid: UUID) -> HttpResponse:
    """Asks first; OK removes."""
    if request.method != "POST":
        return ask_to_remove(request, partition_uuid)
    return said(request, lambda by: restored.remove_records(partition_uuid, **by), "restore-removed")


def ask_to_remove(request: HttpRequest, partition_uuid: UUID) -> HttpResponse:
    try:
        partition = restored.partition_to_remove(partition_uuid)
    except IvmError as error:
        messages.error(request, words_of(error))
        return redirect("restored-database")
    return render(request, "migration/restored_remove.html", {"partition": partition})
