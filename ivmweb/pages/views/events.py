from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async
from django.db import connections
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from ivmweb.pages.events import hub

LIFE_S = 600  # then the browser connects again and its log-in is checked again
HEARTBEAT_S = 20  # tells proxies, and us, that the other end is still there
RETRY_MS = 1000


def events(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The page's one event stream: names of what changed, never contents."""
    if not request.user.is_authenticated:
        return HttpResponse(status=403)
    response = StreamingHttpResponse(stream(), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


async def stream() -> AsyncIterator[bytes]:
    await sync_to_async(connections.close_all)()  # the log-in was looked up; an open page must not keep a connection
    yield f"retry: {RETRY_MS}\n\n".encode()
    async with hub.listen() as listener:
        async for topic in listener.topics(life_s=LIFE_S, heartbeat_s=HEARTBEAT_S):
            yield f"event: {topic}\ndata: 1\n\n".encode() if topic else b": \n\n"
