"""Pages for what went wrong, in the console's look. No traceback, ever: the log has it."""

from django.http import HttpRequest, HttpResponse
from django.template.loader import get_template
from django.utils.translation import gettext as _

from ivmweb.pages.access import refusal
from ivmweb.pages.wording import coded


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return refusal(request, coded("page-not-found", path=request.path), status=404)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return refusal(request, coded("refused-here"), status=403)


def server_error(request: HttpRequest) -> HttpResponse:
    """Knows nothing of session, user or database: any of them may be what failed."""
    page = get_template("500.html").render({"text": coded("internal-error")})
    return HttpResponse(page, status=500)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponse(_("The request could not be read."), status=400, content_type="text/plain; charset=utf-8")
