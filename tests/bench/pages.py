"""The two lists with much in them, as one web process answers them: time, and queries beside those of little."""

import http.client
import json
import subprocess
import tempfile
import time
from pathlib import Path

from tests.bench.figures import Figures, Say, at_most, percentile, told
from tests.bench.rig import environment_of_console, hypervisor, process

REQUESTS = 200
WARM_UP = 10
PARTITIONS, TASKS = 200, 100_000
PAGES = {"partitions": "/", "tasks": "/tasks/"}
P95_MS = 60


def pages(say: Say) -> Figures:
    """Partition list with 200 partitions, Monitor Tasks with 100,000 rows: 200 requests each."""
    small, large = served(2, 10, say), served(PARTITIONS, TASKS, say)
    figures: Figures = {}
    for name in PAGES:
        figures[f"pages.{name}.p95"] = at_most(large[name]["p95_ms"], "ms", P95_MS)
        figures[f"pages.{name}.p50"] = told(large[name]["p50_ms"], "ms")
        figures[f"pages.{name}.bytes"] = told(large[name]["bytes"], "bytes")
        more = large[name]["queries"] - small[name]["queries"]
        figures[f"pages.{name}.more_queries"] = at_most(
            more, f"queries more than with little ({large[name]['queries']:g})", 0
        )
    return figures


def served(partitions: int, tasks: int, say: Say) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory(prefix="ivm-bench-") as folder:
        state = Path(folder)
        with hypervisor(state / "h", "7998-61X*100390A", 8192) as socket:
            environment = environment_of_console(state, socket)
            command = ("-m", "tests.bench.web", str(partitions), str(tasks))
            with process(*command, environment=environment, stdout=subprocess.PIPE) as web:
                assert web.stdout is not None
                ready = json.loads(web.stdout.readline())
                measured = {name: timed(ready, path) for name, path in PAGES.items()}
    for name in PAGES:
        measured[name]["queries"] = ready["queries"][name]
    say(
        f"{partitions} partitions, {tasks} tasks: "
        + ", ".join(f"{n} {m['p95_ms']:.1f} ms" for n, m in measured.items())
    )
    return measured


def timed(ready: dict[str, object], path: str) -> dict[str, float]:
    """Over one connection, one after the other."""
    connection = http.client.HTTPConnection("127.0.0.1", int(str(ready["port"])), timeout=30)
    took, size = [], 0
    for _number in range(WARM_UP + REQUESTS):
        began = time.perf_counter()
        connection.request("GET", path, headers={"Cookie": str(ready["cookie"])})
        answer = connection.getresponse()
        size = len(answer.read())
        took.append(1000 * (time.perf_counter() - began))
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status}")
    connection.close()
    took = took[WARM_UP:]
    return {"p50_ms": percentile(took, 0.5), "p95_ms": percentile(took, 0.95), "bytes": size}
