"""One request is one call of one thread, and what it does to the count of those in hand."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from asgiref.sync import SyncToAsync

from ivmweb.asgi import Handler
from ivmweb.common import in_hand

SCOPE = {
    "type": "http",
    "asgi": {"version": "3.0"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/login/",
    "query_string": b"",
    "headers": [(b"host", b"localhost")],
    "client": ("127.0.0.1", 1),
    "server": ("127.0.0.1", 80),
}


async def ask(handler, during):
    """The status of the answer; `during` is called when the answer begins."""
    answered = []
    requests = iter([{"type": "http.request", "body": b""}])

    async def receive():
        return next(requests, None) or await asyncio.Event().wait()

    async def send(message):
        answered.append(message)
        during()

    await handler(SCOPE, receive, send)
    return answered[0]["status"]


def run(story):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, story).result(30)


def test_a_page_goes_to_a_thread_once_and_not_once_for_each_middleware(monkeypatch):
    hops = []
    call = SyncToAsync.__call__
    monkeypatch.setattr(
        SyncToAsync, "__call__", lambda self, *args, **more: hops.append(1) or call(self, *args, **more)
    )
    assert run(ask(Handler(), lambda: None)) == 200
    assert len(hops) <= 5  # the signals of a request are Django's


def test_an_answered_request_is_not_in_hand_any_more():
    counts = []
    run(ask(Handler(), lambda: counts.append(in_hand.requests.count)))
    assert set(counts) == {0}
