"""IVM Management > View/Modify User Accounts, and Edit my profile."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, update_session_auth_hash
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from ivmweb.common.digits import is_whole
from ivmweb.common.errors import IvmError, PrerequisiteFailed
from ivmweb.pages.access import origin_of, page, page_for
from ivmweb.pages.forms.users import CreateUserForm, NewPasswordForm, ProfileForm
from ivmweb.pages.typed import typed_before
from ivmweb.pages.wording import coded, words_of
from ivmweb.system import users
from ivmweb.system.rights import GIVEN_ROLES, Right, can, require, role_of

PASSWORDS = ("old_password", "new_password", "new_password_again")
GET_AND_POST = ["GET", "HEAD", "POST"]


@sensitive_post_parameters(*PASSWORDS)
@page
@require_http_methods(GET_AND_POST)
def profile(request: HttpRequest) -> HttpResponse:
    """Edit my profile: one's own password. Every user may."""
    form, refused = ProfileForm(request.POST or None), ""
    user = User.objects.get(username=request.user.get_username())
    if request.method == "POST" and form.is_valid():
        try:
            users.change_own_password(
                user,
                *(form.cleaned_data[name] for name in PASSWORDS),
                is_password=lambda old: authenticate(request, username=user.username, password=old) == user,
                origin=origin_of(request),
            )
        except IvmError as error:
            refused = form.refused_by(error)
        else:
            update_session_auth_hash(request, user)  # this session goes on, the user's others end
            messages.success(request, coded("password-changed", user=user.username))
            return redirect("profile")
    return render(request, "users/profile.html", {"form": form, "role": role_of(user), "refused": refused})


@page_for(Right.VIEW, keeps_typed=True)
@require_http_methods(GET_AND_POST)
def user_list(request: HttpRequest) -> HttpResponse:
    """The table, for all. The prime administrator's buttons post here and lead to a page of the selected user."""
    refused = ""
    if request.method == "POST":
        require(request.user, Right.MANAGE_USERS)
        try:
            account = selected(request)
            if "remove" in request.POST:
                users.check_removable(account)
        except IvmError as error:
            refused = words_of(error)
        else:
            return redirect("user-remove" if "remove" in request.POST else "user-password", account.pk)
    context = {
        "accounts": users.accounts(),
        "can_manage": can(request.user, Right.MANAGE_USERS),
        "selected": (request.POST or typed_before(request)).get("selected", ""),
        "refused": refused,
    }
    return render(request, "users/list.html", context)


def selected(request: HttpRequest) -> User:
    key = request.POST.get("selected", "")
    if not key:
        raise PrerequisiteFailed("user-not-selected")
    return known(int(key) if is_whole(key, 18) else 0)


def known(pk: int) -> User:
    user = User.objects.filter(pk=pk).first()
    if user is None:
        raise PrerequisiteFailed("user-gone", host=settings.CONSOLE)
    return user


@sensitive_post_parameters(*PASSWORDS)
@page_for(Right.MANAGE_USERS, keeps_typed=True)
@require_http_methods(GET_AND_POST)
def create(request: HttpRequest) -> HttpResponse:
    form = CreateUserForm(request.POST or None, initial=typed_before(request))
    refused = ""
    if request.method == "POST" and form.is_valid():
        fields = form.cleaned_data
        passwords = fields["new_password"], fields["new_password_again"]
        try:
            user = users.create(
                fields["name"], fields["role"], *passwords, user=request.user, origin=origin_of(request)
            )
        except IvmError as error:
            refused = form.refused_by(error)
        else:
            messages.success(request, coded("user-created", user=user.username, role=fields["role"]))
            return redirect("users")
    return render(request, "users/create.html", {"form": form, "roles": GIVEN_ROLES, "refused": refused})


@sensitive_post_parameters(*PASSWORDS)
@page_for(Right.MANAGE_USERS)
@require_http_methods(GET_AND_POST)
def password(request: HttpRequest, user_id: int) -> HttpResponse:
    account = known(user_id)
    if account.pk == request.user.pk:
        return redirect("profile")
    form, refused = NewPasswordForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        passwords = form.cleaned_data["new_password"], form.cleaned_data["new_password_again"]
        try:
            users.set_password(account, *passwords, user=request.user, origin=origin_of(request))
        except IvmError as error:
            refused = form.refused_by(error)
        else:
            messages.success(request, coded("password-changed", user=account.username))
            return redirect("users")
    return render(request, "users/password.html", {"form": form, "account": account, "refused": refused})


@page_for(Right.MANAGE_USERS)
@require_http_methods(GET_AND_POST)
def remove(request: HttpRequest, user_id: int) -> HttpResponse:
    account, refused = known(user_id), ""
    if request.method == "POST":
        try:
            users.remove(account, user=request.user, origin=origin_of(request))
        except IvmError as error:
            refused = words_of(error)
        else:
            messages.success(request, coded("user-removed", user=account.username))
            return redirect("users")
    else:
        users.check_removable(account)
    return render(request, "users/remove.html", {"account": account, "role": role_of(account), "refused": refused})
