"""The command line over SSH beside OpenSSH's own server on the same machine, turn by turn."""

import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path

from tests.bench.figures import Figure, Figures, Say, at_least, at_most, told
from tests.bench.half import resident_kb
from tests.bench.rig import environment_of_console, hypervisor, process
from tests.bench.ssh import PROGRAMS, Client, free_port, make_key, openssh_server, program, wait_until_it_greets
from tools.console import LOOPBACK

ROUNDS, WARM_UP = 21, 2
NEW_GOAL, OPEN_GOAL = 2.5, 1.0
LINES = {"hostname": "hostname", "lslparmigr": "lslparmigr -r sys"}
REFERENCE = "openssh"
USER = "padmin"
SESSIONS, GROWTH_GOAL_MB = 50, 64
HOW = (
    "one client for both, OpenSSH's ssh, a process for each command, with the same key exchange; an open connection "
    "is shared by its ControlMaster; every ratio is of two turns of the same round, whose order is drawn"
)


def cli(say: Say) -> Figures:
    """A command over a new and over an open connection, in times of `ssh host true` at OpenSSH's server."""
    for name in PROGRAMS:
        program(name)
    say(HOW)
    with tempfile.TemporaryDirectory(prefix="ivm-bench-") as name:
        folder = Path(name)
        public_key = make_key(folder / "key")
        with console(folder / "console", public_key) as server:
            took = beside_openssh(folder, public_key, server)
            figures: Figures = {
                "cli.openssh": told(statistics.median(took[REFERENCE]), "ms, ssh host true at OpenSSH's sshd")
            }
            for name, times in took.items():
                if name != REFERENCE:
                    figures |= compared(name, times, took[REFERENCE], say)
            return figures | at_once(Client(server.port, USER, folder / "key"), server)


@dataclass(frozen=True)
class Server:
    port: int
    pid: int


def beside_openssh(folder: Path, public_key: str, server: Server) -> dict[str, list[float]]:
    """Milliseconds of each turn, by what was measured."""
    (folder / "openssh").mkdir()
    with ExitStack() as stack:
        port = stack.enter_context(openssh_server(folder / "openssh", public_key))
        theirs = Client(port, getuser(), folder / "key")
        new = Client(server.port, USER, folder / "key")
        opened = stack.enter_context(Client(server.port, USER, folder / "key", folder / "open").opened())
        return in_rounds(
            {
                REFERENCE: of(theirs, "true"),
                **{f"new.{name}": of(new, line) for name, line in LINES.items()},
                **{f"open.{name}": of(opened, line) for name, line in LINES.items()},
            }
        )


def of(client: Client, line: str) -> Callable[[], float]:
    return lambda: client.run(line)


@contextmanager
def console(folder: Path, public_key: str) -> Iterator[Server]:
    """`manage.py sshd` of a console with the lab's records, where padmin has that key."""
    folder.mkdir()
    port = free_port()
    with hypervisor(folder / "h", "7998-61X*100390A", 8192) as vmc:
        environment = environment_of_console(folder, vmc) | {"IVM_SSH_BIND": f"{LOOPBACK}:{port}"}
        with process("-m", "tests.bench.records", public_key, environment=environment) as filling:
            if filling.wait():
                raise RuntimeError("the console's records were not made; the reason is above")
        with process("manage.py", "sshd", environment=environment, stderr=subprocess.DEVNULL) as sshd:
            wait_until_it_greets(port)
            yield Server(port, sshd.pid)


def in_rounds(runs: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Each once a round, in an order that no load of the machine can fall in step with."""
    order, drawn = list(runs), random.Random(1)
    took: dict[str, list[float]] = {name: [] for name in order}
    for number in range(WARM_UP + ROUNDS):
        drawn.shuffle(order)
        for name in order:
            milliseconds = runs[name]()
            if number >= WARM_UP:
                took[name].append(milliseconds)
    return took


def compared(name: str, times: list[float], reference: list[float], say: Say) -> dict[str, Figure]:
    ratios = [ours / theirs for ours, theirs in zip(times, reference, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    say(f"{name}: {middle:.2f} times, half of {len(ratios)} rounds from {low:.2f} to {high:.2f}, "
        f"all from {min(ratios):.2f} to {max(ratios):.2f}")  # fmt: skip
    goal = NEW_GOAL if name.startswith("new.") else OPEN_GOAL
    return {
        f"cli.{name}": at_most(middle, "of OpenSSH's new connection, median", goal),
        f"cli.{name}.spread": told(high - low, "between the quartiles"),
        f"cli.{name}.time": told(statistics.median(times), "ms"),
    }


def at_once(client: Client, server: Server) -> Figures:
    """So many connections at the same time, each with a listing."""
    before, began = resident_kb(pid=server.pid), time.monotonic()
    command = client.command("lssyscfg -r lpar -F name")
    running = [
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        for _number in range(SESSIONS)
    ]
    said = [one.communicate()[0] for one in running]
    answered = sum(one.returncode == 0 and "uli13lp1" in text for one, text in zip(running, said, strict=True))
    return {
        "cli.sessions": at_least(answered, f"of {SESSIONS} at once have answered", SESSIONS),
        "cli.sessions.time": told(time.monotonic() - began, "s until the last has"),
        "cli.sessions.growth": at_most(
            (resident_kb(pid=server.pid) - before) / 1024, "MB more in the server after them", GROWTH_GOAL_MB
        ),
    }
