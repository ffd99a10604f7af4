import asyncio

import pytest
from django.core.asgi import get_asgi_application

from ivmweb.common.bounded_body import BoundedBody


async def echo(scope, receive, send):
    """Reads the body as Django does, and answers with its length."""
    length, message = 0, {"more_body": True}
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        length += len(message["body"])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(length).encode()})


def answers(application, parts, *, ends=True, **limits):
    """What is sent for a request whose body comes in these parts; without `ends` no more ever comes."""

    async def run():
        waiting = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        if ends:
            waiting.append({"type": "http.request", "body": b"", "more_body": False})
        sent = []

        async def receive():
            if not waiting:
                await asyncio.Event().wait()
            return waiting.pop(0)

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/no-such-page", "query_string": b"", "headers": []}
        await asyncio.wait_for(BoundedBody(application, **limits)(scope, receive, send), 20)
        return sent

    return asyncio.run(run())


def status(sent):
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    return sent[0]["status"]


def test_a_body_within_the_limit_arrives_whole():
    sent = answers(echo, [b"x" * 6, b"x" * 4], max_bytes=10)
    assert (status(sent), sent[1]["body"]) == (200, b"10")


@pytest.mark.parametrize("parts", [[b"x" * 11], [b"x" * 6, b"x" * 5], [b"x"] * 11])
def test_a_body_over_the_limit_is_refused_in_however_many_parts(parts):
    assert status(answers(echo, parts, max_bytes=10)) == 413


def test_a_body_without_end_is_refused_at_the_limit():
    assert status(answers(echo, [b"x" * 11], ends=False, max_bytes=10)) == 413


def test_a_body_that_does_not_come_is_given_up_at_the_deadline():
    assert status(answers(echo, [b"x"], ends=False, deadline_s=0.05)) == 408


def test_the_deadline_does_not_end_a_long_answer():
    async def stream(scope, receive, send):
        await receive()
        leaving = asyncio.ensure_future(receive())
        done, _ = await asyncio.wait({leaving}, timeout=0.2)
        leaving.cancel()
        await send({"type": "http.response.start", "status": 500 if done else 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def no_body():
        messages = [{"type": "http.request", "body": b"", "more_body": False}]
        sent = []

        async def receive():
            if not messages:
                await asyncio.Event().wait()
            return messages.pop(0)

        async def send(message):
            sent.append(message)

        await BoundedBody(stream, deadline_s=0.05)({"type": "http"}, receive, send)
        return sent

    assert status(asyncio.run(no_body())) == 200


@pytest.mark.django_db
def test_django_takes_the_refusal_for_a_client_that_left():
    assert status(answers(get_asgi_application(), [b"x" * 11], ends=False, max_bytes=10)) == 413
