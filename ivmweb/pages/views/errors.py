"""Pages for what went wrong, in the console's look. No traceback, ever: the log has it."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import get_template
from django.utils.translation import gettext as _

from ivmweb.pages import typed
from ivmweb.pages.access import page_of_form, refusal
from ivmweb.pages.wording import coded

OWN_COOKIES = {settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, typed.COOKIE}


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return refusal(request, coded("page-not-found", path=request.path), status=404)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return refusal(request, coded("refused-here"), status=403)


def form_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Without its mark of this browser a form counts for nothing; without any cookie nobody knows whose it was."""
    key = "form-expired" if OWN_COOKIES & request.COOKIES.keys() else "form-without-cookies"
    text = coded(key, host=settings.CONSOLE)
    return render(request, "403_csrf.html", {"text": text, "page": page_of_form(request)}, status=403)


def server_error(request: HttpRequest) -> HttpResponse:
    """Knows nothing of session, user or database: any of them may be what failed."""
    page = get_template("500.html").render({"text": coded("internal-error")})
    return HttpResponse(page, status=500)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponse(_("The request could not be read."), status=400, content_type="text/plain; charset=utf-8")
