"""`./ivm lint`, `./ivm test`, `./ivm bench` and `./ivm lock`."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tools import bootstrap
from tools.extras import CHROMIUM, provide
from tools.paths import REQUIREMENTS, ROOT, VAR, ToolError

NO_TESTS = 5  # pytest's exit status when nothing was collected
TYPED = ("ivmweb", "migration", "tools")


def test(args: list[str]) -> int:
    python = bootstrap.ensure("dev")
    with_extras = "--with-extras" in args
    args = [arg for arg in args if arg != "--with-extras"]
    provide(CHROMIUM, install=with_extras)
    if args:
        return pytest(python, args)
    unit = pytest(python, ["-n", "2", "-m", "not e2e and not browser"])
    if unit not in (0, NO_TESTS):
        print("Unit tests failed, see above; the end-to-end tests follow.", flush=True)
    # Two consoles and a browser already fill two cores; these run one after the other.
    whole = pytest(python, ["-p", "no:xdist", "-m", "e2e or browser"])
    return next((status for status in (unit, whole) if status not in (0, NO_TESTS)), 0)


def pytest(python: Path, args: list[str]) -> int:
    return subprocess.run([str(python), "-m", "pytest", *args], cwd=ROOT, check=False).returncode


def bench(args: list[str]) -> int:
    python = bootstrap.ensure("dev")
    return subprocess.run([str(python), "-m", "tests.bench", *args], cwd=ROOT, check=False).returncode


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
