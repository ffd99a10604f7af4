"""A bad network: stands before the ports of consoles and movers and cuts, loses, delays or slows what passes.

The consoles know each other, and announce their movers, at 127.0.0.2; there this relay listens on the same port
numbers and connects to 127.0.0.1, where they really are. Nothing is looked into: all of it is TLS.

A cut keeps the bytes back until it is healed, as TCP does by sending again; a loss makes one piece in five wait for a
retransmission, and everything after it.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Thread

REAL, SHOWN = "127.0.0.1", "127.0.0.2"
PIECE_BYTES = 65_536
PIECES_UNDER_WAY = 64
LOOK_EVERY_S = 0.02
WAYS = {
    "loss": {"loss": 0.2},
    "delay": {"delay_s": 0.15},
    "slow": {"bytes_per_s": 200_000},
    "cut": {"cut": True},
}


@dataclass(frozen=True)
class Way:
    """What happens to the bytes of one sender on one link."""

    cut: bool = False
    loss: float = 0.0
    delay_s: float = 0.0
    bytes_per_s: int = 0

    def due(self) -> float:
        """When a piece that is sent now arrives."""
        lost = random.random() < self.loss
        return time.monotonic() + self.delay_s + (random.uniform(0.2, 0.6) if lost else 0.0)


GOOD = Way()


@dataclass(frozen=True)
class Port:
    number: int
    link: str  # "consoles" or "movers"
    caller: str  # whose bytes go to the port
    called: str


class Relay:
    def __init__(self, ports: Iterable[Port]) -> None:
        self._ports = list(ports)
        self.mirrored = False  # the movers' ports are called by the other console: moves go the other way
        self._ways: dict[tuple[str, str], Way] = {}
        self.touched = 0  # pieces, or packets, that the last fault has met
        self._servers: list[asyncio.Server] = []
        self._taking: set[asyncio.Task[None] | None] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="relay", daemon=True)

    def __enter__(self) -> "Relay":
        self._thread.start()
        for port in self._ports:
            asyncio.run_coroutine_threadsafe(self._listen(port), self._loop).result(5)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end_all(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def disturb(self, link: str, senders: Iterable[str], way: str) -> None:
        self.touched = 0
        self._ways = {**self._ways, **{(link, sender): Way(**WAYS[way]) for sender in senders}}

    def heal(self) -> None:
        self._ways = {}

    def met_by(self, way: str) -> str:
        """What such a fault meets: pieces of a stream, or packets."""
        return "pieces"

    def ends_of(self, port: Port) -> tuple[str, str]:
        """Who calls it at present, and who is called."""
        ends = (port.caller, port.called)
        return ends[::-1] if self.mirrored and port.link == "movers" else ends

    async def _listen(self, port: Port) -> None:
        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            self._taking.add(task)  # the event loop itself forgets who only waits for a stream
            with contextlib.suppress(asyncio.CancelledError):  # at the end
                await self._connect(port, reader, writer)
            self._taking.discard(task)

        self._servers.append(await asyncio.start_server(take, SHOWN, port.number))

    async def _end_all(self) -> None:
        for server in self._servers:
            server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connect(self, port: Port, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until both ends have closed, or one has broken: that breaks the other one as well."""
        there, back = ((port.link, sender) for sender in self.ends_of(port))
        self.touched += self._way(there).cut
        writers = [writer]
        try:
            await self._passable(there)
            there_reader, there_writer = await asyncio.open_connection(REAL, port.number)
            writers.append(there_writer)
            async with asyncio.TaskGroup() as group:
                for sender, source, target in ((there, reader, there_writer), (back, there_reader, writer)):
                    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(PIECES_UNDER_WAY)
                    group.create_task(self._take(sender, source, under_way))
                    group.create_task(self._deliver(sender, under_way, target))
        except* OSError:
            pass
        finally:
            for each in writers:
                each.transport.abort()

    async def _take(
        self, sender: tuple[str, str], reader: asyncio.StreamReader, under_way: "asyncio.Queue[tuple[float, bytes]]"
    ) -> None:
        """Apart from the delivery, so that a delay holds nobody's next piece up."""
        data = b"-"
        while data:
            data = await reader.read(PIECE_BYTES)
            way, due = self._way(sender), self._way(sender).due()
            self.touched += way.cut or way.bytes_per_s > 0 or due > time.monotonic()
            await under_way.put((due, data))

    async def _deliver(
        self, sender: tuple[str, str], under_way: "asyncio.Queue[tuple[float, bytes]]", writer: asyncio.StreamWriter
    ) -> None:
        while True:
            due, data = await under_way.get()
            await asyncio.sleep(max(due - time.monotonic(), 0))
            await self._passable(sender)
            if not data:
                writer.write_eof()
                return
            writer.write(data)
            await writer.drain()
            if self._way(sender).bytes_per_s:
                await asyncio.sleep(len(data) / self._way(sender).bytes_per_s)

    async def _passable(self, sender: tuple[str, str]) -> None:
        while self._way(sender).cut:
            await asyncio.sleep(LOOK_EVERY_S)

    def _way(self, sender: tuple[str, str]) -> Way:
        return self._ways.get(sender, GOOD)
