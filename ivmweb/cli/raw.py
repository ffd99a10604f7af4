"""An SSH channel as a socket: without line editor and echo, all bytes as they come."""

import asyncio
import contextlib
import socket
from typing import Any

import asyncssh

READ_BYTES = 4096
SHOW_S = 20  # a client that does not read misses what is left then
ENCODING, ERRORS = AS_TEXT = ("utf-8", "surrogateescape")  # loses no byte: what is no UTF-8 is a lone surrogate


def readable(text: str) -> str:
    """Of what was typed, for whoever reads text: what is no UTF-8 is shown as such."""
    return text.encode(*AS_TEXT).decode(ENCODING, "replace")


class RawChannel:
    """Carries bytes between the client and `connection` from `start` to `stop`; this end is closed by `stop`."""

    def __init__(self, process: "asyncssh.SSHServerProcess[str]", connection: socket.socket) -> None:
        self.process, self.connection = process, connection
        self.channel: Any = process.channel  # asyncssh puts its line editor around it
        # The editor makes CR LF of each LF, whatever its mode; there is no public way past it.
        self.below: Any = getattr(self.channel, "_orig_chan", self.channel)
        self.has_terminal = process.term_type is not None
        self.tasks: list[asyncio.Task[None]] = []
        connection.setblocking(False)

    def start(self, ahead: bytes, *, is_all: bool) -> None:
        """`ahead` was typed before; `is_all`: and the end of what is typed was seen as well."""
        if self.has_terminal:
            self.channel.set_line_mode(False)
        loop = asyncio.get_running_loop()
        self.tasks = [loop.create_task(self.take_keys(ahead, is_all=is_all)), loop.create_task(self.show())]

    async def stop(self) -> None:
        """When all that was to be shown has been handed to the channel. The other end must be closed before."""
        keys, shows = self.tasks
        await asyncio.wait([shows], timeout=SHOW_S)
        for task in (keys, shows):
            task.cancel()
        await asyncio.wait([keys, shows])
        self.connection.close()
        if self.has_terminal:
            self.channel.set_line_mode(True)

    async def take_keys(self, ahead: bytes, *, is_all: bool) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            await loop.sock_sendall(self.connection, ahead)
            while not is_all and (keys := await self.read()):
                await loop.sock_sendall(self.connection, keys.encode(*AS_TEXT))
            self.connection.shutdown(socket.SHUT_WR)

    async def read(self) -> str:
        while True:
            try:
                return await self.process.stdin.read(READ_BYTES)
            except (asyncssh.TerminalSizeChanged, asyncssh.BreakReceived):
                continue  # a virtual terminal has neither
            except asyncssh.SignalReceived:
                return ""

    async def show(self) -> None:
        """In step with the client: who reads slowly makes the other end wait."""
        loop = asyncio.get_running_loop()
        try:
            with contextlib.suppress(OSError, asyncssh.Error):
                while data := await loop.sock_recv(self.connection, READ_BYTES):
                    self.below.write(data.decode(*AS_TEXT))
                    await self.process.stdout.drain()
        finally:  # where the client is gone, or this server ends, the other end must not wait
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
