"""`./ivm lint`, `./ivm test`, `./ivm bench`, `./ivm explore`, `./ivm soak`, `./ivm verify` and `./ivm lock`."""

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import IO

from tools import bootstrap, postgres, qemu
from tools.extras import CHROMIUM, IPTABLES, POSTGRESQL, may_install, provide
from tools.paths import REQUIREMENTS, ROOT, VAR, ToolError

NO_TESTS = 5  # pytest's exit status when nothing was collected
TYPED = ("ivmweb", "migration", "tools")
IN_TURN = ("-p", "no:xdist")
# Tests that ask no database, or the same of each: once is enough where both are tried.
SAME_ON_EACH_DATABASE = (
    "tests/common",
    "tests/explorer",
    "tests/handover/test_stateful_destination.py",
    "tests/handover/test_stateful_source.py",
    "tests/hypervisor",
    "tests/matrix",
    "tests/mover",
    "tests/soak",
    "tests/test_supervisor.py",
    "tests/test_translations.py",
    "tests/api/test_schema.py",
    "tests/migration/test_states.py",
)
# Two-console tests in three streams side by side, which take about as long as each other: those below, and the rest.
MATRIX = ("tests/matrix",)
RESTORED = ("tests/e2e/test_restored.py",)
STORY = ("tests/e2e/test_story.py", "tests/e2e/test_refusals.py")
APART = (*MATRIX, *RESTORED, *STORY)
REAL_GUESTS = ("tests/e2e/test_qemu.py", *MATRIX)
ON_SIMULATED = "e2e and not qemu"
# Where the tests of these marks are, so that not each stream reads through all tests.
BROWSER, TWO_CONSOLES = "tests/browser", ("tests/e2e", "tests/test_demo.py")


def test(args: list[str]) -> int:
    """All tests, or what the pytest arguments name, on SQLite; with --postgres on PostgreSQL; or the fault matrix.

    Without arguments everything there is: the unit tests on both, the two-console tests with one console on each.
    """
    python = bootstrap.ensure("dev")
    if "--matrix" in args:
        return matrix(python, [arg for arg in args if arg != "--matrix"])
    with_extras, on_postgres = "--with-extras" in args, "--postgres" in args
    args = [arg for arg in args if arg not in {"--with-extras", "--postgres"}]
    needs_server = (on_postgres or not args) and not os.environ.get(postgres.GIVEN)
    if may_install(asked=with_extras) or not on_postgres:
        provide(CHROMIUM, IPTABLES, *([POSTGRESQL] if needs_server else []), install=with_extras)
        if qemu.provide(install=with_extras):
            qemu.kit()  # now, so that no test waits for it
    if on_postgres and needs_server and not POSTGRESQL.is_here():
        raise ToolError(
            f"PostgreSQL {postgres.LEAST_VERSION} or newer is not installed, and --postgres needs it: --with-extras "
            f"installs it (apt, as root), or {postgres.GIVEN} is the address of a server to use."
        )
    if args and not on_postgres:
        return pytest(python, args)
    if args:
        with postgres_url() as url:
            return pytest(python, args, on_database(url))
    return whole_suite(python, only_postgres=on_postgres)


def whole_suite(python: Path, *, only_postgres: bool) -> int:
    """The first bad status. Where there is no PostgreSQL, what needs it is left out."""
    unit = ["-n", "2", "-m", "not e2e and not browser"]
    statuses = [] if only_postgres else [announced("Unit tests on SQLite", python, unit, {})]
    again = [] if only_postgres else [f"--ignore={path}" for path in SAME_ON_EACH_DATABASE]
    with postgres_url() as url:
        if url:
            statuses.append(announced("Unit tests on PostgreSQL", python, [*unit, *again], on_database(url)))
    console = "uli13" if only_postgres else "uli14"  # so that each has been on each, for who runs both commands
    with postgres_url(durable=True) as url:
        where = {postgres.GIVEN: url, postgres.CONSOLE: console} if url else {}
        on = f"{console} on PostgreSQL" if url else "all on SQLite"
        beside = {  # by the port offset of their labs
            "14000": {
                "Browser tests": ["browser and not e2e", BROWSER],
                "Two-console tests of a restored database": [ON_SIMULATED, *RESTORED],
            },
            "17000": {
                "Two-console tests in a browser, and of refusals": [ON_SIMULATED, *STORY],
                "Two-console tests of the fault matrix": [ON_SIMULATED, *MATRIX],
            },
        }
        rest = [*IN_TURN, "-m", ON_SIMULATED, *TWO_CONSOLES, *(f"--ignore={path}" for path in APART)]
        # All wait most of the time, so they run side by side.
        with ExitStack() as stack:
            ended = [
                stack.enter_context(in_background(python, runs, {**where, "IVM_TEST_PORT_OFFSET": offset}))
                for offset, runs in beside.items()
            ]
            statuses.append(announced(f"Two-console tests, {on}", python, rest, where))
        statuses += chain(*ended)
        # They have work for every core, so they come alone.
        guests = [*IN_TURN, "-m", "e2e and qemu", *REAL_GUESTS]
        statuses.append(announced("Two-console tests of real guests", python, guests, where))
    return next((status for status in statuses if status not in (0, NO_TESTS)), 0)


@contextmanager
def in_background(python: Path, runs: dict[str, list[str]], environment: dict[str, str]) -> Iterator[list[int]]:
    """Meanwhile, one after the other, each a mark and paths; what they print comes at the end, as do the statuses."""

    def run(marked: list[str]) -> tuple[int, str]:
        with tempfile.TemporaryFile("w+") as printed:
            status = pytest(python, [*IN_TURN, "-m", *marked], environment, printed)
            printed.seek(0)
            return status, printed.read()

    ended: list[int] = []
    with ThreadPoolExecutor(1) as pool:
        running = {what: pool.submit(run, marked) for what, marked in runs.items()}
        yield ended
        for what, future in running.items():
            status, printed = future.result()
            ended.append(status)
            print(f"{what}:\n{printed}", flush=True)


@contextmanager
def postgres_url(*, durable: bool = False) -> Iterator[str]:
    """Of the server that was given, or of one that runs meanwhile; empty where none is installed."""
    if given := os.environ.get(postgres.GIVEN):
        yield given
    elif installed := postgres.find():
        with postgres.Server(installed, durable=durable) as server:
            yield server.url
    else:
        yield ""


def on_database(url: str) -> dict[str, str]:
    return {"IVM_DATABASE_URL": url, postgres.GIVEN: url}


def announced(what: str, python: Path, args: list[str], environment: dict[str, str]) -> int:
    print(f"{what}:", flush=True)
    return pytest(python, args, environment)


def pytest(
    python: Path, args: list[str], environment: dict[str, str] | None = None, printed: IO[str] | None = None
) -> int:
    command = [str(python), "-m", "pytest", *args]
    done = subprocess.run(
        command, cwd=ROOT, env=around(environment or {}), stdout=printed, stderr=printed, check=False
    )
    return done.returncode


def around(environment: dict[str, str]) -> dict[str, str]:
    """The environment of a run of pytest, which must not hear of a database that is not meant for it."""
    outside = {name: value for name, value in os.environ.items() if name not in {"IVM_DATABASE_URL", postgres.GIVEN}}
    return {**outside, **environment}


def matrix(python: Path, args: list[str]) -> int:
    """Plays the fault matrix, in part with --sample; what this code has passed is not played again."""
    provide(IPTABLES, install="--with-extras" in args)
    if "--qemu" in args:
        qemu.provide(install="--with-extras" in args)
        qemu.kit()  # or what is missing for it
    args = [arg for arg in args if arg != "--with-extras"]
    return subprocess.run([str(python), "-m", "tests.matrix", "run", *args], cwd=ROOT, check=False).returncode


def bench(args: list[str]) -> int:
    python = bootstrap.ensure("dev")
    return subprocess.run([str(python), "-m", "tests.bench", *args], cwd=ROOT, check=False).returncode


def verify(args: list[str]) -> int:
    if len(args) != 1:
        raise ToolError("./ivm verify takes one file: the hand-over record that a Status page gives.")
    python = bootstrap.ensure("runtime")
    file = str(Path(args[0]).absolute())
    return subprocess.run([str(python), "-m", "migration.handover_record", file], cwd=ROOT, check=False).returncode


def explore(args: list[str]) -> int:
    python = bootstrap.ensure("dev")
    return subprocess.run([str(python), "-m", "tests.explorer", *args], cwd=ROOT, check=False).returncode


def soak(args: list[str]) -> int:
    """A signal from the terminal is for the soak, which ends with the move that it plays."""
    python = bootstrap.ensure("dev")
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.run([str(python), "-m", "tests.soak", *args], cwd=ROOT, check=False).returncode
    finally:
        signal.signal(signal.SIGINT, before)


def lint(args: list[str]) -> int:
    if args:
        raise ToolError("./ivm lint takes no arguments.")
    python = str(bootstrap.ensure("dev"))
    checks = {
        "ruff check": [python, "-m", "ruff", "check", "-q", "."],
        "ruff format": [python, "-m", "ruff", "format", "-q", "--check", "--diff", "."],
        "mypy": [python, "-m", "mypy", *TYPED],
    }
    if any((ROOT / "templates").rglob("*.html")):
        checks["djlint"] = [python, "-m", "djlint", "--lint", "--quiet", "templates"]
    if (ROOT / "docker-compose.yml").exists():
        schema = ["--builtin-schema", "vendor.compose-spec"]
        checks["compose file"] = [python, "-m", "check_jsonschema", "-q", *schema, "docker-compose.yml"]
    failed = [name for name, command in checks.items() if not passes(command)]
    failed += [f"{name}: ./ivm lock has to be run" for name in bootstrap.SETS if not lock_fits(name)]
    print(
        f"Lint: {'; '.join(failed)}." if failed else f"Lint: {', '.join(checks)} and lock files are clean.",
        flush=True,
    )
    return 1 if failed else 0


def passes(command: list[str]) -> bool:
    # mypy's Django plug-in loads the settings, and these do not load without a key.
    environment = {**os.environ, "IVM_SECRET_KEY": "only for the type checker"}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode == 0


def lock(args: list[str]) -> int:
    """Makes the lock files again; versions that still fit stay, unless --upgrade is given."""
    uv = find_uv()
    for name in bootstrap.SETS:
        compile_ = ["pip", "compile", "-q", "--universal", "--generate-hashes", "--no-header", "--no-annotate"]
        files = ["--python-version", "3.11", "-o", f"{name}.lock", f"{name}.in"]
        done = subprocess.run(
            [uv, *compile_, *args, *files], cwd=REQUIREMENTS, stdout=subprocess.DEVNULL, check=False
        )
        if done.returncode:
            raise ToolError(f"uv could not resolve requirements/{name}.in.")
        write_header(name)
    return 0


def find_uv() -> str:
    target = VAR / "uv"
    found = shutil.which("uv", path=f"{target / 'bin'}:{os.environ.get('PATH', '')}")
    if found is None:
        bootstrap.ensure("runtime")
        bootstrap.pip("install", "--target", str(target), "uv")
    return found or str(target / "bin" / "uv")


def write_header(name: str) -> None:
    path = REQUIREMENTS / f"{name}.lock"
    pins = [line for line in path.read_text().splitlines(keepends=True) if not line.startswith("#")]
    path.write_text(header(name) + "".join(pins))


def header(name: str) -> str:
    """The first line of a lock file: what it was made from; a forgotten `./ivm lock` shows without a network."""
    sources = "".join(
        (REQUIREMENTS / f"{part}.in").read_text() for part in bootstrap.SETS[: bootstrap.SETS.index(name) + 1]
    )
    return f"# Made by ./ivm lock; do not edit. Sources: {hashlib.sha256(sources.encode()).hexdigest()}\n"


def lock_fits(name: str) -> bool:
    return (REQUIREMENTS / f"{name}.lock").read_text().startswith(header(name))
