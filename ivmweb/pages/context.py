"""What every page knows."""

from typing import Any
from django.conf import settings
from django.http import HttpRequest


def console(request: HttpRequest) -> dict[str, Any]:
    return {"console": settings.CONSOLE}
