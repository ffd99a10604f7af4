"""One channel of a real SSH connection in this process, to a server that has a few commands for it."""

import asyncio
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import asyncssh

from ivmweb.cli.command import Arguments, Command, Family, Io
from ivmweb.cli.raw import ERRORS
from ivmweb.cli.session import Conversation
from ivmweb.cli.shell import carry_out
from ivmweb.cli.terminal import Line
from ivmweb.system.rights import Operator


class Anybody(asyncssh.SSHServer):
    def begin_auth(self, username):
        return False


class CameIn:
    def user(self):
        return Operator()


class World:
    """A server whose own command opens a terminal to `partition`; it has `commands`, else says what was typed."""

    def __init__(self):
        self.console, self.partition = socket.socketpair()
        self.partition.settimeout(10)
        self.ended = threading.Event()
        self.executor = ThreadPoolExecutor(4)
        self.commands = {}
        self.idle_s = 10

    def run_line(self, line, caller, out, err, status):
        if line in self.commands:
            command = Command(line, Family.SHELL, "", self.commands[line])
            return carry_out(command, Arguments(line), Io(caller, out, err))
        if line == "$?":
            out(f"{status}\n")
            return 0
        if line != "vt":
            out(f"<{line}>\n")
            return 0
        with caller.terminal.raw() as screen:
            ending = Line(self.console, screen, caller.interrupted, lambda: True).converse()
        self.ended.set()
        out(f"{ending.name}\n")
        return 0

    async def handle(self, process):
        conversation = Conversation(process, CameIn(), "here", {}, self.executor, self.idle_s)
        process.exit(await conversation.converse())

    async def listen(self):
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=Anybody,
            process_factory=self.handle,
            server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
            errors=ERRORS,
        )

    async def open(self, process):
        self.partition.sendall(b"login: ")
        process.stdin.write(b"vt\r")
        await until(process, b"vt\r\nlogin: ")

    async def far(self, call, *arguments):
        return await asyncio.to_thread(call, *arguments)


def play(world, scene, listen=None):
    """`listen` starts another server than the world's."""

    async def whole():
        server = await (listen or world.listen)()
        async with connect(server) as link:
            await scene(link)
        server.close()
        await server.wait_closed()

    asyncio.run(asyncio.wait_for(whole(), 30))


def connect(server):
    return asyncssh.connect(
        "127.0.0.1", server.get_port(), known_hosts=None, client_keys=None, agent_path=None, config=None
    )


async def at_prompt(link, **options):
    process = await link.create_process(term_type="xterm", encoding=None, **options)
    await until(process, b"$ ")
    return process


async def until(process, text):
    seen = b""
    while not seen.endswith(text):
        piece = await process.stdout.read(4096)
        assert piece, seen
        seen += piece
    return seen
