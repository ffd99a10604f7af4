"""./ivm demo as a person meets it: started, started again, killed, stopped, reset."""

import http.client
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tools import lab as lab_module
from tools import run_folder
from tools.paths import ROOT

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(240),
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]
OFFSET = int(os.environ.get("IVM_TEST_PORT_OFFSET", 20_000)) + 1000


@pytest.fixture
def folder(tmp_path):
    yield tmp_path / "lab"
    lab_module.stop_running(tmp_path / "lab")


def ivm(folder, *args):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IVM_")} | {
        "IVM_LAB_DIR": str(folder),
        "IVM_LAB_PORT_OFFSET": str(OFFSET),
        "IVM_LAB_MEMORY_MB": "32",
        "IVM_LAB_BOOT_STEP_MS": "5",
    }
    # Not a pipe: a process left behind would keep it open, and this would wait for it.
    with (folder.parent / "output").open("w+") as output:
        done = subprocess.run(
            [ROOT / "ivm", *args],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            timeout=200,
        )
        output.seek(0)
        return done.returncode, output.read()


def processes(folder):
    """Every process of this lab, by what it was told at its start; Valkey writes its socket over that."""
    told = (f"IVM_LAB_DIR={folder}".encode(), str(run_folder.path_for(folder)).encode())
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            known = (path / "environ").read_bytes() + (path / "cmdline").read_bytes()
        except OSError:  # ended, or another user's
            continue
        if any(word in known for word in told):
            found.append(int(path.name))
    return found


def is_ready(port):
    connection = http.client.HTTPConnection("127.0.0.1", port + OFFSET, timeout=10)
    connection.request("GET", "/readyz")
    status = connection.getresponse().status
    connection.close()
    return status == 200


def test_a_demo_starts_again_after_its_supervisor_was_killed_and_leaves_nothing_when_stopped(folder):
    status, output = ivm(folder, "demo", "--detach")
    assert status == 0, output
    assert f"http://127.0.0.1:{8013 + OFFSET}/" in output
    assert "ready in" in output
    assert is_ready(8013)
    assert is_ready(8014)
    assert len(processes(folder)) >= 15  # seven for each console, and the supervisor

    status, output = ivm(folder, "demo")
    assert status == 1
    assert "running already" in output

    # All die at once, but not in the same instant: each is waited for by its own handle.
    handles = [os.pidfd_open(pid) for pid in processes(folder)]
    os.kill(lab_module.supervisor(folder), signal.SIGKILL)
    for handle in handles:
        wait_for_end(handle)
    assert processes(folder) == []

    status, output = ivm(folder, "demo", "--detach", "--fast")
    assert status == 0, output
    assert is_ready(8014)
    assert ivm(folder, "stop") == (0, "Stopped.\n")
    assert processes(folder) == []
    assert not run_folder.path_for(folder).exists()

    status, output = ivm(folder, "reset")
    assert status == 0, output
    assert not folder.exists()


def wait_for_end(handle):
    """A process's handle becomes readable when it has ended; the test's time limit is the limit."""
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    poll.poll()
    os.close(handle)
