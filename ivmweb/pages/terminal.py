"""The web socket of Open terminal window, beside Django: it carries a partition's console, byte by byte both ways.

1. The handshake is refused (403) unless it comes from a page of this console, in the session of a user.
2. The first message is a token that such a page has just got for one partition (tickets.py).
3. Then binary messages are keys and output. Text messages are this console's own words, as JSON: that the terminal is
   open, or that it has ended and why. Nothing that is typed or shown is logged or kept.

It ends with the connection, with the console's stream, and soon after the session or the account does.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass
from enum import Enum, auto
from importlib import import_module
from io import BytesIO
from socket import socket
from typing import Any, TypeVar

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.db import connections
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import override

from ivmweb.common.bounded_body import Application, Receive, Scope, Send
from ivmweb.common.errors import IvmError
from ivmweb.pages.access import origin_of
from ivmweb.pages.tickets import LIFE_S, Ticket, tickets
from ivmweb.pages.views.partitions import refusal_of_gone
from ivmweb.pages.wording import coded, words_of
from ivmweb.system import terminals
from ivmweb.system.models import LogicalPartition
from migration.whereabouts import moved_on

T = TypeVar("T")
PATH = "/terminal/"
MOST_TERMINALS = 40  # of this process
TOKEN_WITHIN_S = 5.0
READ_BYTES = 4096
LONGEST_MESSAGE = 4096  # bytes; the server ends whoever sends a longer one, and the page sends less
PACE_S = 0.005  # a message, so that a flood of empty ones takes its own time only
TAKEN_WITHIN_S = 5.0  # a console that takes no keys for so long loses those
CHECK_S = 5.0  # how often session and account are looked at
REFUSED, VOID, OVER = 4403, 4401, 1000  # codes with which a web socket is closed
SCHEMES = {"ws": "http", "wss": "https"}
_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="terminal")


class Ending(Enum):
    GONE = auto()  # nobody looks any more
    CLOSED = auto()  # by the hypervisor
    REVOKED = auto()  # the session is over, or the user may not go on


@dataclass(frozen=True)
class Visitor:
    session_key: str
    user: User
    origin: str  # for the audit


async def in_thread(call: Callable[..., T], *arguments: Any) -> T:
    """Calls what asks the database or the hypervisor; a terminal that stays open keeps no connection to either."""

    def alone() -> T:
        try:
            return call(*arguments)
        finally:
            connections.close_all()

    return await asyncio.get_running_loop().run_in_executor(_threads, copy_context().run, alone)  # with its language


class Terminals:
    """The application, with web sockets."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self.application(scope, receive, send)
            return
        await receive()  # that somebody connects
        visitor = await in_thread(visitor_of, scope)
        if visitor is None:
            await send({"type": "websocket.close", "code": REFUSED})
            return
        await send({"type": "websocket.accept"})
        self.open += 1
        try:
            with suppress(OSError):  # whoever is gone is told nothing
                await self.attend(visitor, receive, send)
        finally:
            self.open -= 1

    async def attend(self, visitor: Visitor, receive: Receive, send: Send) -> None:
        token = await first_text(receive)
        ticket = tickets.redeem(token, visitor.session_key, visitor.user.pk)
        if ticket is None:
            await finish(send, {"text": coded("terminal-token-void", seconds=int(LIFE_S))}, VOID)
            return
        with override(ticket.language):
            if self.open > MOST_TERMINALS:
                await finish(send, {"text": coded("terminals-full", limit=MOST_TERMINALS)})
                return
            try:
                partition = await in_thread(partition_of, ticket)
                ending = await converse(partition, visitor, receive, send)
            except IvmError as error:
                await finish(send, {"text": words_of(error)})
                return
            if ending is not Ending.GONE:
                await finish(send, await in_thread(words_of_ending, ending, partition))


def visitor_of(scope: Scope) -> Visitor | None:
    """Who opens the web socket; None where that is nobody, or not from a page of this console."""
    http = {**scope, "type": "http", "method": "GET", "scheme": SCHEMES[scope["scheme"]]}
    request = ASGIRequest(http, BytesIO())
    if scope["path"] != PATH or not is_from_own_page(request):
        return None
    session_key = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    user = user_of(session_key)
    return Visitor(session_key, user, origin_of(request)) if isinstance(user, User) else None


def is_from_own_page(request: HttpRequest) -> bool:
    """Browsers open web sockets to anybody, with the cookies; only the header Origin says for whose page."""
    try:
        own = f"{request.scheme}://{request.get_host()}"
    except DisallowedHost:
        return False
    return request.headers.get("Origin") in {own, *settings.CSRF_TRUSTED_ORIGINS}


def user_of(session_key: str) -> User | AnonymousUser:
    """Of a session that is not over, whose account is active and has the password of its log-in."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(request)
    return user if isinstance(user, User) else AnonymousUser()


async def first_text(receive: Receive) -> str:
    """Empty where none comes in time."""
    try:
        async with asyncio.timeout(TOKEN_WITHIN_S):
            return str((await receive()).get("text") or "")
    except TimeoutError:
        return ""


def partition_of(ticket: Ticket) -> LogicalPartition:
    """Raises PrerequisiteFailed where it is gone."""
    partition = LogicalPartition.objects.filter(uuid=ticket.partition).first()
    if partition is None:
        raise refusal_of_gone(ticket.lpar_id)
    return partition


@asynccontextmanager
async def connected(partition: LogicalPartition, visitor: Visitor) -> AsyncIterator[socket]:
    context = terminals.connected(partition, visitor.user, visitor.origin)
    console = await in_thread(context.__enter__)
    try:
        console.setblocking(False)
        yield console
    finally:
        await in_thread(context.__exit__, None, None, None)


async def converse(partition: LogicalPartition, visitor: Visitor, receive: Receive, send: Send) -> Ending:
    """Until one of the three has an end. Raises IvmError where the console can't be opened."""
    async with connected(partition, visitor) as console:
        await say(send, {"state": "open"})
        return await first_end(type_keys(receive, console), show_output(console, send), watch(visitor))


async def first_end(*conversations: Awaitable[Ending]) -> Ending:
    tasks = [asyncio.ensure_future(each) for each in conversations]
    try:
        done, _left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(task for task in tasks if task in done).result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def type_keys(receive: Receive, console: socket) -> Ending:
    while (message := await receive())["type"] != "websocket.disconnect":
        if keys := message.get("bytes"):
            await press(console, keys)
        await asyncio.sleep(PACE_S)
    return Ending.GONE


async def press(console: socket, keys: bytes) -> None:
    """Lost where the console is closed, which shows by its output, or takes nothing, as at a stopped machine."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(TAKEN_WITHIN_S):
            await asyncio.get_running_loop().sock_sendall(console, keys)


async def show_output(console: socket, send: Send) -> Ending:
    while data := await output_of(console):
        try:
            await send({"type": "websocket.send", "bytes": data})
        except OSError:
            return Ending.GONE
    return Ending.CLOSED


async def output_of(console: socket) -> bytes:
    """Empty at the end of the stream."""
    try:
        return await asyncio.get_running_loop().sock_recv(console, READ_BYTES)
    except OSError:
        return b""


async def watch(visitor: Visitor) -> Ending:
    while await in_thread(may_go_on, visitor):
        await asyncio.sleep(CHECK_S)
    return Ending.REVOKED


def may_go_on(visitor: Visitor) -> bool:
    return user_of(visitor.session_key) == visitor.user and terminals.may_go_on(visitor.user)


def words_of_ending(ending: Ending, partition: LogicalPartition) -> dict[str, Any]:
    """Why it is over, and where to go on."""
    names = {"name": partition.name, "lpar_id": partition.lpar_id}
    if ending is Ending.REVOKED:
        return {"text": coded("terminal-session-over", **names)}
    moved = moved_on(partition)
    if moved is None:
        return {"text": coded("terminal-closed", **names)}
    remote, lpar_id = moved.remote, moved.remote_lpar_id or moved.lpar_id
    return {
        "text": coded("terminal-moved", name=partition.name, remote=remote.name, remote_id=lpar_id),
        "address": f"https://{remote.address}/partitions/{lpar_id}/terminal/",
        "title": _("Open terminal window on %(remote)s") % {"remote": remote.name},
    }


async def say(send: Send, news: dict[str, Any]) -> None:
    await send({"type": "websocket.send", "text": json.dumps(news)})


async def finish(send: Send, news: dict[str, Any], code: int = OVER) -> None:
    await say(send, {"state": "ended", **news})
    await send({"type": "websocket.close", "code": code})
