"""From one Redis subscription a process to the event streams of its pages.

A notice is only a name ("tasks changed"), so a slow page needs no queue of messages: a listener keeps the set of
names that it has not sent yet. Two notices of one name are one, and past MAX_PENDING names "everything" stands for
all. Losing Redis loses nothing: listeners are told `offline`, and pages then look by themselves.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import redis.asyncio
from redis.exceptions import RedisError

from ivmweb.common.in_hand import requests
from ivmweb.monitor import notices

logger = logging.getLogger(__name__)

EVERYTHING = "everything"  # something may have been missed: fetch all again
ONLINE = "online"  # notices arrive
OFFLINE = "offline"  # they do not: poll
MAX_PENDING = 50
RETRY_S = 2.0
# Each page that hears a name fetches a part, and two hundred at once keep a migration's page waiting.
PACE_S = 0.01
BUSY = 3  # more requests than that in hand: the next page hears of it later,
PATIENCE_S = 3.0  # but it is not kept waiting longer than that


class Listener:
    """One open stream."""

    def __init__(self) -> None:
        self._pending: dict[str, None] = {}
        self._news = asyncio.Event()

    def tell(self, topic: str) -> None:
        if len(self._pending) >= MAX_PENDING:
            self._pending = {EVERYTHING: None}
        self._pending[topic] = None
        self._news.set()

    async def topics(self, *, life_s: float, heartbeat_s: float) -> AsyncIterator[str]:
        """Names as they come, and "" where nothing came for a heartbeat; ends after `life_s`."""
        loop = asyncio.get_running_loop()
        end = loop.time() + life_s
        while (left := end - loop.time()) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), min(left, heartbeat_s))
            self._news.clear()
            pending, self._pending = self._pending, {}
            for topic in pending or {"": None}:
                yield topic


@dataclass
class Turn:
    """What a listener is yet to hear, and since when."""

    since: float
    topics: dict[str, None] = field(default_factory=dict)


class Hub:
    """The listeners of this process, and the task that reads Redis while there are any."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._reader: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._online = False
        self._heard = 0
        self._in_turn: dict[Listener, Turn] = {}
        self._teller: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[Listener]:
        listener = Listener()
        listener.tell(ONLINE if self._online else OFFLINE)
        self._listeners.add(listener)
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read())
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            self._in_turn.pop(listener, None)
            if not self._listeners:
                self._stop_reading()

    def _stop_reading(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            self._ending.add(self._reader)  # the loop alone holds a task too loosely for its end to be sure
            self._reader.add_done_callback(self._ending.discard)
        self._reader, self._online = None, False

    @property
    def heard(self) -> int | None:
        """How many changes it has heard of; None while it may miss some."""
        return self._heard if self._online else None

    def tell_all(self, topic: str) -> None:
        """At once where the name is of one migration, which few watch; else one page after the other."""
        self._heard += 1
        if topic.startswith(notices.MIGRATION):
            for listener in self._listeners:
                listener.tell(topic)
            return
        now = asyncio.get_running_loop().time()
        for listener in self._listeners:
            self._in_turn.setdefault(listener, Turn(now)).topics[topic] = None
        if self._teller is None or self._teller.done():
            self._teller = asyncio.create_task(self._tell_in_turn())

    async def _tell_in_turn(self) -> None:
        now = asyncio.get_running_loop().time
        while self._in_turn:
            listener, turn = next(iter(self._in_turn.items()))
            if requests.count <= BUSY or now() - turn.since >= PATIENCE_S:
                del self._in_turn[listener]
                for topic in turn.topics:
                    listener.tell(topic)
            await asyncio.sleep(PACE_S)

    async def _read(self) -> None:
        while True:
            try:
                await self._follow()
            except (RedisError, OSError) as exc:
                logger.info("no notices from Redis: %s", exc)
            self._change(online=False)
            await asyncio.sleep(RETRY_S)

    async def _follow(self) -> None:
        """Hand on notices until the connection breaks. What came before the subscription may have been missed."""
        async with (
            redis.asyncio.from_url(notices.redis_url(), socket_connect_timeout=2) as client,
            client.pubsub(ignore_subscribe_messages=True) as subscription,
        ):
            await subscription.subscribe(notices.channel())
            self._change(online=True)
            async for message in subscription.listen():
                self.tell_all(topic_of(message["data"]))

    def _change(self, *, online: bool) -> None:
        if online != self._online:
            self._online = online
            self.tell_all(ONLINE if online else OFFLINE)
            if online:
                self.tell_all(EVERYTHING)


def topic_of(data: bytes) -> str:
    """A name that fits on one line of the stream, whatever was published."""
    text = data.decode("ascii", "replace")
    return text if text.replace("-", "").isalnum() and len(text) <= 64 else EVERYTHING


hub = Hub()
