"""The hypervisor as a process: what it keeps, what it refuses, what it takes."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import Fence, Phase, RunState
from ivmweb.hypervisor.vmc import server
from ivmweb.hypervisor.vmc.codec import Malformed, from_json, to_json
from tests.hypervisor.conftest import FENCE, LPAR, OPERATOR, ULI13, Console, eventually, serving


@pytest.fixture
def start_process(folder):
    """Starts (again) the hypervisor process of uli13; what runs at the end of the test is ended."""
    processes = []

    def start(**options):
        command = [sys.executable, "-m", "ivmweb.hypervisor.simulated", "--system", ULI13, "--boot-step-ms", "0"]
        paths = ["--socket", str(folder / "run" / "vmc"), "--state-dir", str(folder / "state")]
        processes.append(subprocess.Popen([*command, *paths], stderr=subprocess.DEVNULL, **options))
        console = Console(folder / "run" / "vmc", ULI13, folder / "state")
        eventually(lambda: processes[-1].poll() is not None or answers(console))
        return processes[-1], console

    yield start
    for process in processes:
        process.kill()
        process.wait(10)


def answers(console):
    try:
        return console.describe_system()
    except HypervisorError:
        return None


def test_killed_hypervisor_comes_back_with_its_partitions_not_activated(start_process, define):
    process, console = start_process()
    incarnation = console.describe_system().incarnation
    console.boot(define())
    console.create_incoming(define(lpar_id=3), Fence(9, "m9"))
    process.kill()
    process.wait(10)
    with pytest.raises(HypervisorError, match="9400"):
        console.describe(LPAR)

    _, console = start_process()
    system = console.describe_system()
    assert [p.run_state for p in system.partitions] == [RunState.NOT_ACTIVATED] * 2
    assert [p.lpar_id for p in system.partitions] == [2, 3]
    assert system.incarnation == incarnation
    with pytest.raises(HypervisorError, match="9408"):
        console.remove(3, Fence(8))
    console.activate(LPAR, OPERATOR)
    console.wait_for(RunState.RUNNING)


def test_records_go_on_after_a_restart_from_disk(start_process, define):
    process, console = start_process()
    console.boot(define())
    last = eventually(lambda: console.describe(LPAR).last_record)
    process.kill()
    process.wait(10)
    _, console = start_process()
    console.activate(LPAR, OPERATOR)
    console.wait_for(RunState.RUNNING)
    assert console.describe(LPAR).last_record >= last


def test_sigterm_ends_it_and_takes_the_socket_away(start_process, define, folder):
    process, console = start_process()
    console.boot(define())
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert not (folder / "run" / "vmc").exists()


def test_second_process_on_one_socket_gives_up(start_process):
    first, console = start_process()
    second, _ = start_process()
    assert second.wait(10) == 1
    assert first.poll() is None
    assert console.describe_system()


def test_socket_is_for_its_owner_only(start_process, folder):
    start_process()
    path = folder / "run" / "vmc"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_idle_hypervisor_uses_almost_no_processor(start_process, define):
    process, console = start_process()
    console.boot(define(workload_bytes_per_s=8_000_000))
    before = processor_seconds(process.pid)
    time.sleep(1)
    assert processor_seconds(process.pid) - before < 0.2


def processor_seconds(pid):
    return sum(map(int, Path(f"/proc/{pid}/stat").read_text().split()[13:15])) / os.sysconf("SC_CLK_TCK")


def raw(console, data):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(console._path))
        connection.sendall(data)
        return connection.makefile().readline()


@pytest.mark.parametrize(
    "data",
    [
        b"\n",
        b"[]\n",
        b"{}\n",
        b"\xff\xfe\n",
        b"[" * 5000 + b"\n",
        b'{"command":"stop"}\n',
        b'{"command":"__init__"}\n',
        b'{"command":"describe"}\n',
        b'{"command":"describe","lpar_id":"2"}\n',
        b'{"command":"describe","lpar_id":true}\n',
        b'{"command":"describe","lpar_id":2,"more":1}\n',
        b'{"command":"remove","lpar_id":2,"fence":{"epoch":1,"x":2}}\n',
        b'{"command":"remove","lpar_id":2,"fence":{}}\n',
        b'{"command":"remove","lpar_id":0,"fence":{"epoch":1}}\n',
        b'{"command":"remove","lpar_id":255,"fence":{"epoch":1}}\n',
        b'{"command":"open_state_in","lpar_id":2}\n',
        b'{"command":"open_console"}\n',
        b'{"command":"open_console","lpar_id":2,"greet":1}\n',
        b'{"command":"wait_transfer","lpar_id":2,"after_sequence":0,"timeout_s":NaN}\n',
        b'{"command":"remove","lpar_id":2,"fence":{"epoch":-1}}\n',
        b"x" * (70 * 1024),
    ],
)
def test_request_that_is_not_understood_is_refused(uli13, data):
    assert json.loads(raw(uli13, data))["error"]["key"] == "hypervisor-refused"
    assert uli13.describe_system()


@pytest.mark.parametrize(
    "change",
    [
        {"memory_mb": 0},
        {"processing_units": 0.0},
        {"virtual_processors": 0},
        {"name": ""},
        {"name": "x" * 65},
        {"uuid": "../../etc"},
        {"workload_bytes_per_s": -1},
        {"workload_set_mb": -1},
    ],
)
def test_definition_out_of_bounds_is_refused(uli13, define, change):
    definition = to_json(define(luns=0)) | change
    answer = raw(
        uli13, json.dumps({"command": "create", "definition": definition, "fence": {"epoch": 1}}).encode() + b"\n"
    )
    assert json.loads(answer)["error"]["key"] == "hypervisor-refused"
    assert uli13.describe(LPAR) is None


def test_bridges_are_refused_where_there_is_no_network(uli13):
    assert uli13.describe_system().bridged_vlans is None
    with pytest.raises(HypervisorError, match=r"9401.*no network"):
        uli13.bridge((1,))


def test_values_survive_the_wire(define):
    definition = define(luns=2)
    assert from_json(type(definition), json.loads(json.dumps(to_json(definition)))) == definition
    with pytest.raises(Malformed, match="phase"):
        from_json(Phase, "no such phase", "phase")


def test_too_many_connections_are_told_so_and_a_slot_comes_back(folder, monkeypatch):
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 2)
    with serving(folder / "small", ULI13) as console:
        held = [socket.socket(socket.AF_UNIX) for _ in range(2)]
        for connection in held:
            connection.connect(str(console._path))
        refused = eventually(lambda: "9402" in error_of(console))
        held[0].close()
        eventually(lambda: error_of(console) == "")
        held[1].close()
    assert refused


def error_of(console):
    try:
        console.describe_system()
    except HypervisorError as exc:
        return str(exc)
    return ""


def test_commands_are_answered_while_streams_run(uli13, define):
    """Eight clients ask while one stream stands still and another client waits for its next phase."""
    uli13.set_faults(stall_out_after_bytes=0)
    uli13.boot(define())
    connection = uli13.open_state_out(LPAR, FENCE)
    sequence = uli13.wait_for_phase(Phase.ACTIVE).sequence
    waiter = threading.Thread(target=uli13.wait_transfer, args=(LPAR, sequence, 30))
    waiter.start()
    counts = []

    def ask():
        counts.append(sum(uli13.describe(LPAR).run_state is RunState.RUNNING for _ in range(20)))

    clients = [threading.Thread(target=ask) for _ in range(8)]
    for client in clients:
        client.start()
    for client in clients:
        client.join(10)
    assert waiter.is_alive()
    uli13.cancel_transfer(LPAR, FENCE)
    waiter.join(5)
    connection.close()
    assert counts == [20] * 8
    assert not waiter.is_alive()


def test_a_silent_hypervisor_answers_nothing_and_its_partitions_run_on(start_process, define, folder):
    _, console = start_process()
    console.boot(define())
    beats = console.describe(LPAR).heartbeat
    faults = folder / "state" / "faults.json"
    faults.write_text('{"silent": true}')
    with pytest.raises(HypervisorError, match="9400"):
        console.describe_system()
    faults.unlink()
    assert eventually(lambda: console.describe(LPAR).heartbeat > beats)


def test_a_version_is_told_as_the_faults_say(start_process, folder):
    _, console = start_process()
    (folder / "state" / "faults.json").write_text('{"version": "another 7"}')
    assert console.describe_system().capacity.version == "another 7"
