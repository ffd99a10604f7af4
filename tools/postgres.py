"""A PostgreSQL server for the tests: found where one is installed, started on data of its own, gone afterwards.

It listens on a Unix socket in a folder that only its user can open, so that it neither meets nor disturbs another
server on this machine.
"""

import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from tools.paths import ToolError

GIVEN = "IVM_TEST_POSTGRES_URL"  # a server to use instead of one of our own
CONSOLE = "IVM_TEST_POSTGRES_CONSOLE"  # which of the two consoles is on it
LEAST_VERSION = 14  # Django's
CHILD = Path(__file__).resolve().parent / "child.py"
PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")
PROGRAMS = ("postgres", "initdb")
UNPRIVILEGED = ("postgres", "nobody")  # whom root starts it as: it refuses root
USER = "ivm"
START_S = 60
STOP_S = 20
POLL_S = 0.05


@dataclass(frozen=True)
class Installation:
    version: tuple[int, ...]
    folder: Path  # of its programs

    def __str__(self) -> str:
        return f"PostgreSQL {'.'.join(map(str, self.version))}"


def find(places: Iterable[Path] | None = None) -> Installation | None:
    """The newest one that will do; None where there is none."""
    found = [one for place in (folders() if places is None else places) if (one := installation(place))]
    return max(found, key=lambda one: one.version, default=None)


def folders() -> list[Path]:
    """On the PATH (Debian's programs are behind a link there), and where packages put them."""
    on_path = shutil.which("postgres")
    found = [Path(on_path).resolve().parent] if on_path else []
    return found + [path for place in PLACES for path in sorted(Path("/").glob(place.lstrip("/")))]


def installation(folder: Path) -> Installation | None:
    if not all(os.access(folder / program, os.X_OK) for program in PROGRAMS):
        return None
    told = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False).stdout
    number = re.search(r"\d+(\.\d+)*", told)
    version = tuple(int(part) for part in number[0].split(".")) if number else (0,)
    return Installation(version, folder) if version[0] >= LEAST_VERSION else None


class Server:
    """Runs while the `with` block does; `url` is that of its first database.

    With `durable` it waits for the disk, as in production. Without, a unit test is some times faster.
    """

    def __init__(self, installed: Installation, *, durable: bool = False) -> None:
        self.installed = installed
        self.durable = durable
        self.folder = Path()
        self._process: subprocess.Popen[bytes] | None = None
        self._signals: dict[int, Any] = {}

    @property
    def url(self) -> str:
        return f"postgres://{USER}@{quote(str(self.folder), safe='')}/postgres"

    def __enter__(self) -> Self:
        self._signals = {number: signal.signal(number, _interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ivm-postgres-"))
        user = unprivileged()
        if user is not None:
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        data, log = str(self.folder / "data"), self.folder / "log"
        make = ("--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-U", USER, "-D", data)
        self._process = self._spawn("initdb", make, user, log)
        if self._process.wait():
            raise ToolError(f"{log.read_text(errors='replace').strip()}\n{self.installed} made no database.")
        listen = ("-c", "listen_addresses=", "-k", str(self.folder))
        pace = () if self.durable else ("-c", "fsync=off", "-c", "full_page_writes=off")
        self._process = self._spawn("postgres", ("-D", data, *listen, *pace), user, log)
        self._wait_ready(log)

    def _spawn(
        self, program: str, arguments: tuple[str, ...], user: pwd.struct_passwd | None, log: Path
    ) -> subprocess.Popen[bytes]:
        """In a session of its own: Ctrl-C is meant for the tests. Settings for other servers do not reach it."""
        who = (f"--user={user.pw_name}",) if user is not None else ()
        # SIGQUIT: a server that is killed leaves its shared memory behind, one that is told so tidies up.
        child = (sys.executable, "-I", "-S", str(CHILD), "--signal=SIGQUIT", *who, str(os.getpid()))
        outside = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        with log.open("ab") as output:
            return subprocess.Popen(
                [*child, str(self.installed.folder / program), *arguments],
                cwd=self.folder,  # its user may not be let into ours
                env={**outside, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _wait_ready(self, log: Path) -> None:
        deadline = time.monotonic() + START_S
        while not is_ready(self.folder / "data" / "postmaster.pid"):
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                raise ToolError(f"{log.read_text(errors='replace').strip()}\n{self.installed} did not start.")
            time.sleep(POLL_S)

    def _stop(self) -> None:
        try:
            if self._process is not None:
                end(self._process)
        finally:
            self._process = None
            if self.folder != Path():
                shutil.rmtree(self.folder, ignore_errors=True)
            for number, handler in self._signals.items():
                signal.signal(number, handler)


def is_ready(pid_file: Path) -> bool:
    """It says so in the eighth line; the socket is there earlier."""
    try:
        return pid_file.read_text().splitlines()[7:8] == ["ready   "]
    except OSError:
        return False


def end(process: subprocess.Popen[bytes]) -> None:
    """Fast: clients are not waited for. Immediately, where that takes too long."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGQUIT)
        process.wait()


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def unprivileged() -> pwd.struct_passwd | None:
    """Whom to run it as; None: as ourselves. Raises ToolError where root finds nobody."""
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ToolError(f"PostgreSQL does not run as root, and there is no user {' or '.join(UNPRIVILEGED)}.")
