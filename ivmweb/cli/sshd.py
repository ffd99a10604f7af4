"""The SSH server: `manage.py sshd`. A closed shell, and nothing else: no forwarding, no SFTP, no agent, no X11."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar

import asyncssh

from ivmweb.cli import login, logins
from ivmweb.cli.grammar import LONGEST_LINE
from ivmweb.cli.host_key import host_key
from ivmweb.cli.login import Login
from ivmweb.cli.raw import ENCODING, ERRORS
from ivmweb.cli.session import Conversation
from ivmweb.cli.shell import commands
from ivmweb.cli.threads import alone
from ivmweb.common.errors import IvmError, PrerequisiteFailed
from migration.credentials import Session, give_back

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

MOST_CONNECTIONS = 200
THREADS = 80  # commands at once, and sessions of a connection; each that waits for its migration has one
CHECKS_AT_ONCE = 4  # of passwords: each takes 19 MB and a processor
LOGIN_S = 30
KEEP_ALIVE_S, KEEP_ALIVE_MISSED = 30, 4
HISTORY = 500
FAILED = 255
PRINTER = "dumb"  # a terminal that can only print: what one that gives no name is taken for


@dataclass(frozen=True)
class Place:
    """Where the server listens, and how long a prompt waits."""

    host: str
    port: int
    key: Path
    idle_s: float


class Shared:
    """What all connections share."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.executor = ThreadPoolExecutor(THREADS, thread_name_prefix="vios")
        self.open: set[Connection] = set()
        self.checks = asyncio.Semaphore(CHECKS_AT_ONCE)

    async def in_thread(self, act: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self.executor, alone(act))


class Process(asyncssh.SSHServerProcess[str]):
    """A session, which runs commands and nothing else."""

    def subsystem_requested(self, subsystem: str) -> bool:
        """Refused, which the protocol has no words for: so they come before."""
        self.channel.write_stderr(f"{only_commands(f'The subsystem {subsystem[:64]}')}\n")
        return False


def only_commands(what: str) -> IvmError:
    return PrerequisiteFailed("cli-only-commands", what=what)


def refuse_channel(what: str) -> NoReturn:
    raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, str(only_commands(what)))


class Connection(asyncssh.SSHServer):
    """One client, from its first byte on."""

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.address = self.name = ""
        self.came_in: Login | None = None
        self.by_key: Login | None = None
        self.channels = 0
        self.remembered: Session = {}
        self.link: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.link = conn
        peer = conn.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""
        if len(self.shared.open) >= MOST_CONNECTIONS:
            logger.warning("a connection from %s is refused: there are %d", self.address, MOST_CONNECTIONS)
            conn.abort()
            return
        self.shared.open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.shared.open.discard(self)
        logins.end(self)
        if self.remembered:
            asyncio.get_running_loop().run_in_executor(self.shared.executor, alone(self.forget))

    def forget(self) -> None:
        """A token of another console serves this connection only."""
        give_back(self.remembered)

    def begin_auth(self, username: str) -> bool:
        self.came_in = self.by_key = None
        self.name = username
        return True

    def password_auth_supported(self) -> bool:
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        """Who is locked out is told for how long, whether the user exists or not; OpenSSH shows it."""
        name = username[: login.LONGEST_NAME]
        async with self.shared.checks:
            found = await self.shared.in_thread(lambda: login.by_password(name, password, self.address))
        self.came_in = found if isinstance(found, Login) else None
        if isinstance(found, IvmError) and found.key == login.LOCKED and self.link is not None:
            self.link.send_auth_banner(f"{found}\n")
        return self.came_in is not None

    def public_key_auth_supported(self) -> bool:
        return True

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        name, fingerprint = username[: login.LONGEST_NAME], key.get_fingerprint()
        self.by_key = await self.shared.in_thread(lambda: login.by_key(name, fingerprint))
        return self.by_key is not None

    def auth_completed(self) -> None:
        logins.begin(self, self.name, self.address)
        if self.came_in is None and self.by_key is not None:
            came_in, address = self.by_key, self.address
            self.came_in = came_in
            asyncio.get_running_loop().run_in_executor(self.shared.executor, alone(lambda: note(came_in, address)))

    def session_requested(self) -> tuple[asyncssh.SSHServerChannel[str], Process]:
        assert self.link is not None  # noqa: S101 (asyncssh says so before anything else)
        channel: asyncssh.SSHServerChannel[str] = self.link.create_server_channel()
        named = channel.get_terminal_type

        def get_terminal_type() -> str | None:
            """Without a name there would be no line editor, and Enter would end no line."""
            return PRINTER if named() == "" else named()

        channel.get_terminal_type = get_terminal_type  # type: ignore[method-assign]
        return channel, Process(handle, None, 0, False)

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> NoReturn:
        refuse_channel("Port forwarding")

    def unix_connection_requested(self, dest_path: str) -> NoReturn:
        refuse_channel("Forwarding of sockets")

    def tun_requested(self, unit: int | None) -> NoReturn:
        refuse_channel("A tunnel")

    def tap_requested(self, unit: int | None) -> NoReturn:
        refuse_channel("A tunnel")


def note(came_in: Login, address: str) -> None:
    user = came_in.user()
    if user is not None:
        login.let_in(user, address, "public key")


async def handle(process: "asyncssh.SSHServerProcess[str]") -> None:
    owner: Connection = process.get_extra_info("connection").get_owner()
    if owner.came_in is None:
        process.exit(FAILED)
        return
    if owner.channels >= THREADS:
        stream = process.stderr if process.term_type is None else process.stdout
        stream.write(f"{PrerequisiteFailed('cli-sessions-full', limit=THREADS)}\n")
        process.exit(FAILED)
        return
    owner.channels += 1
    shared = owner.shared
    conversation = Conversation(
        process, owner.came_in, owner.address, owner.remembered, shared.executor, shared.place.idle_s
    )
    try:
        status = await conversation.converse()
    except (BrokenPipeError, asyncssh.ConnectionLost):
        status = FAILED
    finally:
        owner.channels -= 1
    process.exit(status)


async def listen(place: Place) -> asyncssh.SSHAcceptor:
    """Raises OSError where the port is taken or the key can't be read."""
    commands()  # imported now: else whoever comes first waits for that
    shared = Shared(place)
    return await asyncssh.listen(
        place.host,
        place.port,
        server_factory=lambda: Connection(shared),
        server_host_keys=[host_key(place.key)],
        server_version="ivmweb",
        encoding=ENCODING,
        errors=ERRORS,
        line_editor=True,
        line_echo=True,
        line_history=HISTORY,
        max_line_length=LONGEST_LINE + 1,  # one too many, so that the line is refused, not cut
        login_timeout=LOGIN_S,
        keepalive_interval=KEEP_ALIVE_S,
        keepalive_count_max=KEEP_ALIVE_MISSED,
        allow_scp=False,
        agent_forwarding=False,
        x11_forwarding=False,
        gss_host=None,
    )


async def serve(place: Place, stop: asyncio.Event) -> None:
    acceptor = await listen(place)
    logger.info("the command line is at %s, port %d", place.host, place.port)
    await stop.wait()
    acceptor.close()
    await acceptor.wait_closed()
