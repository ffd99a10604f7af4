"""One-time tokens of the terminal's web socket: made by a form of a page, good for some seconds, once.

A web socket is opened without the CSRF check of a form, so whoever opens one shows that a page of this console, in
the same session, has just asked for it. The tokens are in the memory of the one web process; after its restart
the page gets a new one.
"""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from uuid import UUID

LIFE_S = 20.0
MOST = 200  # kept at a time; past it the oldest is void


@dataclass(frozen=True)
class Ticket:
    """What a token is good for."""

    session_key: str
    user_id: int
    partition: UUID
    lpar_id: int
    language: str  # of the page that asked


class Tickets:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, Ticket]] = OrderedDict()  # by token, with the end of its life
        self._lock = Lock()

    def issue(self, ticket: Ticket) -> str:
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._kept[token] = (self._clock() + LIFE_S, ticket)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return token

    def redeem(self, token: str, session_key: str, user_id: int) -> Ticket | None:
        """None where it is unknown, used, too old or another's; in each case it is void from now on."""
        with self._lock:
            end, ticket = self._kept.pop(token, (0.0, None))
        if ticket is None or self._clock() >= end:
            return None
        return ticket if (ticket.session_key, ticket.user_id) == (session_key, user_id) else None


tickets = Tickets()
