"""A limit on what a request may send, before Django writes it to a temporary file: anyone can reach the port."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# Above the peer API's limit of 1 MiB, so that it can say in its own words what is too long.
MAX_BYTES = 2 * 1024 * 1024
DEADLINE_S = 30.0


class BoundedBody:
    """The application; a request whose body is longer than `max_bytes` or takes longer than `deadline_s` is ended."""

    def __init__(self, application: Application, max_bytes: int = MAX_BYTES, deadline_s: float = DEADLINE_S) -> None:
        self.application, self.max_bytes, self.deadline_s = application, max_bytes, deadline_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        body = _Body(receive, self.max_bytes, asyncio.get_running_loop().time() + self.deadline_s)
        has_answered = False

        async def answer(message: Message) -> None:
            nonlocal has_answered
            has_answered = True
            await send(message)

        await self.application(scope, body.receive, answer)
        if body.refusal and not has_answered:
            await send(
                {"type": "http.response.start", "status": body.refusal, "headers": [(b"connection", b"close")]}
            )
            await send({"type": "http.response.body", "body": b""})


class _Body:
    """What `receive` hands out; to the application a refused body looks like a client that went away."""

    def __init__(self, receive: Receive, max_bytes: int, deadline: float) -> None:
        self.refusal = 0  # HTTP status
        self._receive, self._left, self._deadline = receive, max_bytes, deadline
        self._is_complete = False

    async def receive(self) -> Message:
        if self._is_complete:
            return await self._receive()  # waits for the client to leave, as long as the answer takes
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            return self._refuse(408)
        self._is_complete = not message.get("more_body", False)
        self._left -= len(message.get("body", b""))
        return self._refuse(413) if self._left < 0 else message

    def _refuse(self, status: int) -> Message:
        self.refusal = status
        return {"type": "http.disconnect"}
