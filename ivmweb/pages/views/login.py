from typing import Any

from django.conf import settings
from django.contrib.auth import views
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from ivmweb.pages.forms.login import LoginForm
from migration.credentials import give_back


@method_decorator(sensitive_post_parameters("password"), name="dispatch")
class LoginView(views.LoginView):
    form_class = LoginForm
    template_name = "registration/login.html"
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs, idle_minutes=settings.SESSION_COOKIE_AGE // 60)


class LogoutView(views.LogoutView):
    http_method_names = ["post", "options"]  # a link must not log anybody out

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        give_back(request.session)
        return super().post(request, *args, **kwargs)
