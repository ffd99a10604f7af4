"""Pages for what went wrong, in the console's look. No traceback, ever: the log has it."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from ivmweb.pages.access import refusal
from ivmweb.pages.wording import coded


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return refusal(request, coded("page-not-found", path=request.path), status=404)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return refusal(request, coded("refused-here"), status=403)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponse(_("The request could not be read."), status=400, content_type="text/plain; charset=utf-8")
