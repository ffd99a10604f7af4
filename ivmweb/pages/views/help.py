from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ivmweb.pages.access import page


@page
@require_safe
def help_page(request: HttpRequest) -> HttpResponse:
    return render(request, "help.html")
