"""The web process: `python -m ivmweb.serve`. One event loop answers HTTPS and, where wanted, plain HTTP on loopback.

HTTPS is for other consoles and for browsers; plain HTTP is for a browser on the same machine or a proxy before it.
"""

import asyncio
import contextlib
import os
import signal
import ssl
from collections.abc import Iterator
from typing import Any

import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

KEEP_ALIVE_S = 75
HANDSHAKE_S = 10.0
HEAD_S = 30.0  # from the connection, or the first byte of a later request, to the end of its head
GRACE_S = 3  # open event streams never end by themselves


class Protocol(HttpToolsProtocol):
    """Ends a connection that sends no whole head of a request in time: uvicorn's own waits for ever."""

    _head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._wait_for_head()

    def on_headers_complete(self) -> None:
        self._has_head()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._has_head()
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        self._has_head()
        self._head = self.loop.call_later(HEAD_S, self.transport.abort)

    def _has_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None


class Loop(uvloop.Loop):
    """Waits for a TLS handshake no longer than HANDSHAKE_S, which uvicorn has no setting for; else it is a minute."""

    async def create_server(self, *arguments: Any, **options: Any) -> Any:
        if options.get("ssl") is not None:
            options.setdefault("ssl_handshake_timeout", HANDSHAKE_S)
        return await super().create_server(*arguments, **options)


class Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals alone: two servers share them, see `stop_on_signal`."""
        yield


def address(text: str) -> tuple[str, int]:
    """("127.0.0.1", 8013) from "127.0.0.1:8013"; ("::1", 8013) from "[::1]:8013"."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit():
        raise ValueError(f"{text!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


def config(bind: str, certificate: str | None = None, key: str | None = None) -> uvicorn.Config:
    from ivmweb.pages.terminal import LONGEST_MESSAGE

    host, port = address(bind)
    made = uvicorn.Config(
        "ivmweb.asgi:application",
        http=Protocol,
        host=host,
        port=port,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        lifespan="off",
        ws="websockets-sansio",  # the newer of uvicorn's two ways to use that library
        ws_max_size=LONGEST_MESSAGE,
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nobody may choose the address by which failed log-ins are counted
    )
    made.load()
    if made.ssl is not None:
        made.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def servers() -> list[Server]:
    """One server for each address in the settings; makes the console's certificate at the first start."""
    from django.conf import settings

    from ivmweb.system.certificate import ensure_own_certificate
    from migration.restored import look_at_start

    ensure_own_certificate()
    look_at_start()
    made = [Server(config(settings.HTTPS_BIND, str(settings.CERTIFICATE), str(settings.CERTIFICATE_KEY)))]
    if settings.HTTP_BIND:
        made.append(Server(config(settings.HTTP_BIND)))
    return made


async def serve(running: list[Server]) -> None:
    """Until a signal, or until one of them ends: half a console is none."""
    stop_on_signal(running)
    tasks = [asyncio.create_task(server.serve()) for server in running]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for server in running:
        server.should_exit = True
    await asyncio.gather(*tasks)


def stop_on_signal(running: list[Server]) -> None:
    def stop() -> None:
        for server in running:
            server.force_exit = server.should_exit  # the second signal does not wait for open streams
            server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ivmweb.settings")
    import django

    django.setup()
    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(serve(servers()))


if __name__ == "__main__":
    main()
