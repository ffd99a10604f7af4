from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from ivmweb.pages import typed
from ivmweb.pages.access import page_of_form

IN_BANNER = "next"  # a field of the banner's own form; where a script runs, language.js keeps what is typed


@sensitive_post_parameters("password", "new_password", "new_password_again", "old_password")
@require_POST
def language(request: HttpRequest) -> HttpResponseBase:
    """Without scripts the button belongs to the form of the page, which comes along and is shown again, not sent."""
    if IN_BANNER not in request.POST and request.user.is_authenticated:
        typed.keep_for_language(request, urlsplit(page_of_form(request)).path)
    return set_language(request)
