"""The pages of IVM Management > Remote Systems."""

from dataclasses import asdict

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from ivmweb.common.digits import is_whole
from ivmweb.common.errors import IvmError, PrerequisiteFailed
from ivmweb.pages.access import origin_of, page_for
from ivmweb.pages.typed import typed_before
from ivmweb.pages.wording import coded, words_of
from ivmweb.system.rights import Right, require
from migration import remote_systems
from migration.forms import AddRemoteForm
from migration.models import RemoteSystem
from migration.remote_systems import Offer

SESSION_KEY = "remote_offer"  # what was shown and waits for a person's confirmation


@page_for(Right.VIEW, keeps_typed=True)
@require_http_methods(["GET", "HEAD", "POST"])
def remote_list(request: HttpRequest) -> HttpResponse:
    """The table. Its buttons post here: Re-pin asks the console for its certificate, Remove asks once more."""
    if request.method != "POST":
        return show_list(request)
    require(request.user, Right.CHANGE)
    try:
        remote = selected(request)
        if "remove" in request.POST:
            return redirect("remote-remove", remote.pk)
        keep(request, remote_systems.look_again(remote, request.user))
    except IvmError as error:
        if error.key == "remote-certificate-same":
            messages.info(request, words_of(error))
            return redirect("remote-systems")
        return show_list(request, refused=words_of(error))
    return redirect("remote-confirm")


def show_list(request: HttpRequest, refused: str = "") -> HttpResponse:
    context = {
        "remotes": RemoteSystem.objects.known().order_by("name"),
        "own": remote_systems.own(),
        "selected": (request.POST or typed_before(request)).get("selected", ""),
        "refused": refused,
    }
    return render(request, "remotes/list.html", context)


def selected(request: HttpRequest) -> RemoteSystem:
    key = request.POST.get("selected", "")
    if not key:
        raise PrerequisiteFailed("remote-not-selected")
    return known(int(key) if is_whole(key, 18) else 0)


def known(pk: int) -> RemoteSystem:
    remote = RemoteSystem.objects.filter(pk=pk).first()
    if remote is None or remote.removed_at is not None:
        raise PrerequisiteFailed("remote-gone", name=remote.name if remote else f"({pk})")
    return remote


@page_for(Right.CHANGE, keeps_typed=True)
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    form = AddRemoteForm(request.POST or None, initial=typed_before(request))
    refused = ""
    if request.method == "POST" and form.is_valid():
        try:
            keep(request, remote_systems.look(form.cleaned_data["name"], form.cleaned_data["address"], request.user))
        except IvmError as error:
            refused = form.refused_by(error)
        else:
            return redirect("remote-confirm")
    return render(request, "remotes/add.html", {"form": form, "refused": refused})


def keep(request: HttpRequest, offer: Offer) -> None:
    """In the session, on the server: nobody can put another certificate in its place on the way."""
    request.session[SESSION_KEY] = asdict(offer)


def kept(request: HttpRequest) -> Offer:
    """What was shown to this session last; raises PrerequisiteFailed where nothing was, or another page shows it."""
    fields = request.session.get(SESSION_KEY)
    if fields is None:
        raise PrerequisiteFailed("remote-not-shown")
    offer = Offer(**fields)
    if request.method == "POST" and mark_of(offer) != request.POST.get("shown"):
        raise PrerequisiteFailed("remote-not-shown")
    return offer


def mark_of(offer: Offer) -> str:
    """Goes through the form: two tabs of one session must not confirm each other's."""
    return f"{offer.name} {offer.address} {offer.fingerprint}"


@page_for(Right.CHANGE)
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest) -> HttpResponse:
    """The second step of Add and of Re-pin: a person compares the fingerprint."""
    offer = kept(request)
    if request.method != "POST":
        return show_offer(request, offer)
    if "confirmed" not in request.POST:
        return show_offer(request, offer, refused=coded("remote-not-confirmed", name=offer.name))
    store = remote_systems.add if offer.repins is None else remote_systems.repin
    try:
        remote = store(offer, user=request.user, origin=origin_of(request))
    except IvmError as error:
        return show_offer(request, offer, refused=words_of(error))
    del request.session[SESSION_KEY]
    done = "remote-added" if offer.repins is None else "remote-repinned"
    messages.success(request, coded(done, name=remote.name, fingerprint=remote.fingerprint))
    return redirect("remote-systems")


def show_offer(request: HttpRequest, offer: Offer, refused: str = "") -> HttpResponse:
    old = known(offer.repins) if offer.repins is not None else None
    return render(
        request, "remotes/confirm.html", {"offer": offer, "old": old, "mark": mark_of(offer), "refused": refused}
    )


@page_for(Right.CHANGE)
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, remote_id: int) -> HttpResponse:
    remote = known(remote_id)
    refused = ""
    if request.method == "POST":
        try:
            remote_systems.remove(remote, user=request.user, origin=origin_of(request))
        except IvmError as error:
            refused = words_of(error)
        else:
            messages.success(request, coded("remote-removed", name=remote.name))
            return redirect("remote-systems")
    return render(request, "remotes/remove.html", {"remote": remote, "refused": refused})
