import os

from asgiref.sync import sync_to_async
from django import setup
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase

import ivmweb.celery  # noqa: F401 (without it doorbells go to Celery's own default broker)
from ivmweb.common.bounded_body import BoundedBody
from ivmweb.common.in_hand import requests


class Handler(ASGIHandler):
    """Runs all middleware and the view of a request in one call of one thread.

    Django's own goes from the event loop to a thread and back for each of its middlewares, twice: half of the time
    that a page takes. Only the streaming of a response is awaited here.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        return await sync_to_async(self._answer)(request)

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        with requests.one_more():
            return self.get_response(request)


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ivmweb.settings")
setup(set_prefix=False)

from ivmweb.pages.terminal import Terminals  # noqa: E402 (needs the settings)

application = Terminals(BoundedBody(Handler()))
