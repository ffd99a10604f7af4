"""Open terminal window: its page, the form that gets a token, and the web socket, as a server hands it over."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.db import connections

from ivmweb.monitor.models import MonitorTask
from ivmweb.pages import terminal
from ivmweb.pages.terminal import Terminals
from ivmweb.system import services
from ivmweb.system.epochs import operator_fence
from ivmweb.system.models import AuditEvent, LogicalPartition
from ivmweb.system.rights import VIEW_ONLY, give_role
from tests.pages.conftest import text_of

PAGE, TOKEN = "/partitions/2/terminal/", "/partitions/2/terminal/token/"
OWN = "http://testserver"
DEADLINE_S = 5


@pytest.fixture
def console(uli13lp1, hypervisor):
    """The hypervisor that has uli13lp1; its end of a terminal is `console.consoles[2]`."""
    hypervisor.create(services.definition_of(uli13lp1), operator_fence())
    hypervisor.boot(2)
    return hypervisor


@pytest.fixture
def quick(monkeypatch):
    """One connection for all, as a test's transaction needs it; account and session are looked at often."""

    async def at_once(call, *arguments):
        return call(*arguments)

    monkeypatch.setattr(terminal, "in_thread", at_once)
    monkeypatch.setattr(terminal, "CHECK_S", 0.02)
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


def run(story):
    """In a thread of its own: the tests' one may have a loop already."""
    shared = connections["default"]
    shared.inc_thread_sharing()

    async def with_connection():
        connections["default"] = shared
        return await asyncio.wait_for(story, DEADLINE_S)

    try:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(asyncio.run, with_connection()).result()
    finally:
        shared.dec_thread_sharing()


class Browser:
    """The far end of one web socket."""

    def __init__(self, client, origin=OWN, path="/terminal/", application=None):
        cookies = "; ".join(f"{name}={one.value}" for name, one in client.cookies.items())
        headers = {b"host": b"testserver", b"cookie": cookies.encode(), b"origin": origin.encode()}
        self.scope = {
            "type": "websocket",
            "scheme": "ws",
            "path": path,
            "query_string": b"",
            "headers": [(name, value) for name, value in headers.items() if value],
            "client": ("127.0.0.9", 1),
            "server": ("testserver", 80),
        }
        self.application = application or Terminals(None)
        self.sent, self.heard = asyncio.Queue(), asyncio.Queue()

    async def __aenter__(self):
        self.task = asyncio.create_task(self.application(self.scope, self.sent.get, self.heard.put))
        self.sent.put_nowait({"type": "websocket.connect"})
        self.answer = (await self.heard.get())["type"]
        return self

    async def __aexit__(self, *_):
        self.sent.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await self.task

    def say(self, **message):
        self.sent.put_nowait({"type": "websocket.receive", **message})

    async def hear(self):
        """News as a dictionary, output as bytes; of the end, its code."""
        message = await self.heard.get()
        if message["type"] == "websocket.close":
            return message["code"]
        return message["bytes"] if "bytes" in message else json.loads(message["text"])

    async def open(self, token):
        self.say(text=token)
        return await self.hear()


def token_of(client):
    return client.post(TOKEN).json()["token"]


async def keys_at(partition):
    partition.setblocking(False)
    return await asyncio.get_running_loop().sock_recv(partition, 4096)


# The page


def test_the_page_says_without_scripts_what_to_do_instead(as_padmin, console):
    page = text_of(as_padmin.get(PAGE))
    assert "Terminal Window: uli13lp1" in page
    assert "mkvt -id 2" in page.split('id="terminal-without"')[1].split("</div>")[0]


def test_the_task_leads_to_it(as_padmin, console):
    assert as_padmin.get("/?task=go&more=terminal&partition=2").headers["Location"] == PAGE


@pytest.mark.parametrize(
    ("address", "code"), [("/partitions/1/terminal/", "9685"), ("/partitions/77/terminal/", "9006")]
)
def test_where_there_is_no_terminal_the_page_and_its_form_say_why(as_padmin, console, address, code):
    for answer in (as_padmin.get(address), as_padmin.post(f"{address}token/")):
        assert answer.status_code == 409
        assert f"-{code}]" in text_of(answer)


def test_a_viewer_is_neither_offered_it_nor_given_a_token(as_viewer, console):
    assert "terminal" not in text_of(as_viewer.get("/"))
    assert as_viewer.get(PAGE).status_code == 403
    assert as_viewer.post(TOKEN).status_code == 403


def test_a_token_is_not_had_by_a_link_nor_without_a_log_in(as_padmin, client, console):
    assert as_padmin.get(TOKEN).status_code == 405
    client.logout()
    assert client.post(TOKEN).status_code == 302


# The web socket


def test_output_and_keys_pass_byte_by_byte_and_begin_and_end_are_on_record(as_padmin, console, quick):
    async def story(token):
        async with Browser(as_padmin) as browser:
            assert browser.answer == "websocket.accept"
            assert await browser.open(token) == {"state": "open"}
            partition = console.consoles[2]
            partition.sendall(bytes(range(256)))
            assert await browser.hear() == bytes(range(256))
            browser.say(bytes=b"a secret\r\xff")
            assert await keys_at(partition) == b"a secret\r\xff"
        assert await keys_at(partition) == b""

    run(story(token_of(as_padmin)))
    events = list(AuditEvent.objects.order_by("pk"))
    assert [(one.user, one.action, one.outcome, one.origin) for one in events] == [
        ("padmin", "open terminal", "accepted", "127.0.0.9"),
        ("padmin", "end terminal", "accepted", "127.0.0.9"),
    ]
    task = MonitorTask.objects.get()
    assert (task.name, task.target) == ("Virtual Terminal", "uli13lp1 (2)")
    assert "secret" not in "".join(str(vars(one)) for one in (*events, task))


@pytest.mark.parametrize(
    ("origin", "path"),
    [
        ("http://evil.example", "/terminal/"),
        ("https://testserver", "/terminal/"),
        ("", "/terminal/"),
        (OWN, "/else/"),
    ],
)
def test_only_a_page_of_this_console_may_connect(as_padmin, console, quick, origin, path):
    async def story():
        async with Browser(as_padmin, origin, path) as browser:
            return browser.answer

    assert run(story()) == "websocket.close"


def test_a_proxy_that_is_trusted_may_stand_before_it(as_padmin, console, quick, settings):
    settings.CSRF_TRUSTED_ORIGINS = ["https://ivm.example.com"]

    async def story():
        async with Browser(as_padmin, "https://ivm.example.com") as browser:
            return browser.answer

    assert run(story()) == "websocket.accept"


def test_nobody_connects_without_a_log_in(client, console, quick):
    async def story():
        async with Browser(client) as browser:
            return browser.answer

    assert run(story()) == "websocket.close"


@pytest.mark.parametrize("token", ["", "guessed", "x" * 4096])
def test_without_a_token_no_console_is_opened(as_padmin, console, quick, token):
    async def story():
        async with Browser(as_padmin) as browser:
            return await browser.open(token), await browser.hear()

    news, code = run(story())
    assert "[VIOSE01049000-9027]" in news["text"]
    assert code == 4401
    assert not console.consoles


def test_who_says_nothing_is_not_waited_for(as_padmin, console, quick, monkeypatch):
    monkeypatch.setattr(terminal, "TOKEN_WITHIN_S", 0.05)

    async def story():
        async with Browser(as_padmin) as browser:
            return await browser.hear()

    assert "9027" in run(story())["text"]


def test_a_token_opens_one_terminal(as_padmin, console, quick):
    async def story(token):
        async with Browser(as_padmin) as first:
            assert await first.open(token) == {"state": "open"}
        async with Browser(as_padmin) as second:
            return await second.open(token)

    assert "9027" in run(story(token_of(as_padmin)))["text"]


def test_a_terminal_that_somebody_has_is_refused_in_words_of_the_page(as_padmin, console, quick):
    kept = console.open_console(2)

    async def story(token):
        async with Browser(as_padmin) as browser:
            return await browser.open(token), await browser.hear()

    as_padmin.cookies.load({"ivm_uli13_language": "zh-hans"})
    news, code = run(story(token_of(as_padmin)))
    assert news["state"] == "ended"
    assert news["text"].startswith("[VIOSE01049000-9422] ")
    assert "uli13lp1" in news["text"]
    assert "already connected" not in news["text"]
    assert code == 1000
    kept.close()


def test_a_partition_that_went_meanwhile_is_said_to_be_gone(as_padmin, console, quick):
    token = token_of(as_padmin)
    LogicalPartition.objects.filter(lpar_id=2).delete()

    async def story():
        async with Browser(as_padmin) as browser:
            return await browser.open(token)

    assert "9006" in run(story())["text"]


def after_the_end_of(console, client, before=lambda: None):
    """What is said once the hypervisor has closed the console, after its last words; `before` happens first."""

    async def story(token):
        async with Browser(client) as browser:
            await browser.open(token)
            before()
            console.close_console(2)
            return await browser.hear(), await browser.hear()

    return run(story(token_of(client)))


def test_what_the_hypervisor_closes_can_be_opened_again(as_padmin, console, quick):
    for _time in (1, 2):
        words, news = after_the_end_of(console, as_padmin)
        assert words == b"The console is closed: the test says so.\r\n"
        assert "9025" in news["text"]
        assert "address" not in news


@pytest.mark.parametrize("state", ["completing", "closed, moved"])
def test_after_a_move_it_says_where_the_partition_is_and_leads_there(
    as_padmin, console, quick, make_migration, state
):
    _words, news = after_the_end_of(console, as_padmin, lambda: make_migration(state, remote_lpar_id=5))
    assert "[VIOSI01049000-9024] Partition uli13lp1 has moved to uli14" in news["text"]
    assert news["address"] == "https://127.0.0.1:8414/partitions/5/terminal/"
    assert news["title"] == "Open terminal window on uli14"


@pytest.mark.parametrize("what", ["log-out", "removed", "viewer", "password", "expired"])
def test_it_ends_with_the_session_and_the_rights_of_its_user(as_padmin, console, quick, padmin_account, what):
    def withdraw():
        if what == "log-out":
            as_padmin.logout()
        elif what == "removed":
            padmin_account.delete()
        elif what == "viewer":
            give_role(padmin_account, VIEW_ONLY)
        elif what == "password":
            padmin_account.set_password("another one")
            padmin_account.save()
        else:
            session = as_padmin.session
            session.set_expiry(-1)
            session.save()

    async def story(token):
        async with Browser(as_padmin) as browser:
            await browser.open(token)
            partition = console.consoles[2]
            withdraw()
            return await browser.hear(), await browser.hear(), await keys_at(partition)

    news, code, rest = run(story(token_of(as_padmin)))
    assert "[VIOSE01049000-9026]" in news["text"]
    assert (code, rest) == (1000, b"")


@pytest.fixture
def padmin_account(as_padmin):
    return User.objects.get(username="padmin")


def test_there_is_a_most_of_terminals_and_an_end_frees_a_place(as_padmin, console, quick, monkeypatch):
    monkeypatch.setattr(terminal, "MOST_TERMINALS", 1)

    async def story(tokens):
        application = Terminals(None)
        async with Browser(as_padmin, application=application) as first:
            await first.open(tokens[0])
            async with Browser(as_padmin, application=application) as second:
                assert "9028" in (await second.open(tokens[1]))["text"]
        async with Browser(as_padmin, application=application) as third:
            return await third.open(tokens[2])

    news = run(story([token_of(as_padmin) for _one in range(3)]))
    assert news["text"].startswith(
        "[VIOSE01049000-9422]"
    )  # the scripted hypervisor does not notice the end of the first


def test_a_flood_of_messages_takes_its_time(as_padmin, console, quick, monkeypatch):
    monkeypatch.setattr(terminal, "PACE_S", 0.02)

    async def story(token):
        async with Browser(as_padmin) as browser:
            await browser.open(token)
            began = asyncio.get_running_loop().time()
            for _message in range(10):
                browser.say(bytes=b"")
            browser.say(bytes=b"x")
            await keys_at(console.consoles[2])
            return asyncio.get_running_loop().time() - began

    assert run(story(token_of(as_padmin))) >= 0.2


def test_a_console_that_takes_nothing_does_not_keep_the_terminal_open(as_padmin, console, quick, monkeypatch):
    monkeypatch.setattr(terminal, "TAKEN_WITHIN_S", 0.01)

    async def story(token):
        async with Browser(as_padmin) as browser:
            await browser.open(token)
            for _message in range(80):  # more than a socket buffers
                browser.say(bytes=b"x" * 4096)
        return browser.task.done()

    assert run(story(token_of(as_padmin)))
