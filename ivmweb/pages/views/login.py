from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from ivmweb.pages import typed
from ivmweb.pages.access import page, page_of_form
from ivmweb.pages.forms.login import LoginForm
from migration.credentials import give_back


@method_decorator(sensitive_post_parameters("password"), name="dispatch")
class LoginView(views.LoginView):
    form_class = LoginForm
    template_name = "registration/login.html"
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            **kwargs,
            idle_minutes=max(1, settings.SESSION_COOKIE_AGE // 60),
            has_ended=typed.has_ended(self.request),
            has_logged_out=typed.has_logged_out(self.request),
            pressed=typed.was_pressed(self.request),
            typed_kept=typed.are_kept(self.request),
        )

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        typed.remember_user(response, form.get_user())
        return response


class LogoutView(views.LogoutView):
    http_method_names = ["post", "options"]  # a link must not log anybody out

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        give_back(request.session)
        user = request.user
        response = super().post(request, *args, **kwargs)
        if user.is_authenticated:
            messages.success(request, _("You are logged out of %(console)s.") % {"console": settings.CONSOLE})
            typed.remember_user(response, user, logged_out=True)
        return response


@require_POST
def stay(request: HttpRequest) -> HttpResponseBase:
    """The button before the end of a session. Pressed too late nothing is lost but the session."""
    return stayed(request) if request.user.is_authenticated else redirect_to_login(page_of_form(request))


@page
def stayed(request: HttpRequest) -> HttpResponse:
    """Being asked by a person is enough."""
    return HttpResponse(status=204)
