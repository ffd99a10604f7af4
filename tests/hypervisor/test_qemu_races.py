"""Two things at once: orders while a guest restarts by itself, a QEMU that dies, a cancel that comes too late."""

from dataclasses import replace

import pytest

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import Phase, RunState, ShutdownKind
from ivmweb.hypervisor.qemu import process
from ivmweb.hypervisor.qemu.command_line import monitor_argument
from ivmweb.hypervisor.qemu.guest import Guest
from ivmweb.hypervisor.qemu.qmp import Monitor
from tests.hypervisor.conftest import FENCE, LPAR, OPERATOR, eventually
from tests.hypervisor.test_qemu import (
    BUSY,
    assert_nothing_is_left,
    assert_runs_on,
    kill_qemu,
    places_of,
    record_of,
    to_active,
    to_device,
)

pytestmark = pytest.mark.qemu


@pytest.fixture
def kind():
    return "qemu"


# The source's QEMU dies; before the end, and when all has arrived and nobody knows


def test_nothing_runs_when_the_sources_qemu_dies_in_a_pass(uli13, uli14, define, move):
    uli13.boot(definition := define(workload_bytes_per_s=BUSY))
    to_active(one := move(definition))
    kill_qemu(uli13)
    one.relay.close()
    uli13.wait_for(RunState.NOT_ACTIVATED)
    assert "QEMU has ended" in uli13.wait_transfer(LPAR, -1, 0).error
    assert uli14.wait_for_phase(Phase.FAILED).error
    assert uli14.run_state() is RunState.FAILED_INCOMING
    with pytest.raises(HypervisorError, match="9407"):
        uli14.resume(LPAR, FENCE)
    assert_nothing_is_left(uli13)


def test_image_that_is_whole_does_not_run_by_itself_when_the_sources_qemu_dies_in_device(uli13, uli14, define, move):
    """Who runs is decided by the two records and the owner word, and the source has not surrendered."""
    uli13.boot(definition := define())
    to_device(one := move(definition))
    kill_qemu(uli13)
    one.relay.close()
    uli13.wait_for(RunState.NOT_ACTIVATED)
    assert uli13.wait_transfer(LPAR, -1, 0).phase is Phase.FAILED
    assert uli14.run_state() is RunState.LOADED
    with pytest.raises(HypervisorError, match="9410"):
        uli14.resume(LPAR, FENCE)
    assert uli14.run_state() is RunState.LOADED
    uli14.discard(LPAR, FENCE)
    assert_nothing_is_left(uli14)
    uli13.activate(LPAR, OPERATOR)
    assert uli13.run_state() is RunState.STARTING


def test_cancel_that_comes_as_it_completes_is_refused_and_changes_nothing(uli13, uli14, define, move, monkeypatch):
    """QEMU gets the cancel when it has completed, though it was in *device* when the order was looked at."""
    uli13.boot(definition := define())
    to_device(one := move(definition))
    execute = Monitor.execute

    def let_it_complete_first(monitor, command, *more, **options):
        if command == "migrate_cancel":
            one.relay.answers.set()
            eventually(lambda: execute(monitor, "query-migrate")["status"] == "completed")
        return execute(monitor, command, *more, **options)

    monkeypatch.setattr(Monitor, "execute", let_it_complete_first)
    with pytest.raises(HypervisorError, match="9416"):
        uli13.cancel_transfer(LPAR, FENCE)
    assert (uli13.run_state(), uli14.run_state()) == (RunState.COMPLETED, RunState.LOADED)
    with pytest.raises(HypervisorError, match="9416"):
        uli13.cancel_transfer(LPAR, FENCE)
    assert uli13.wait_transfer(LPAR, -1, 0).phase is Phase.COMPLETED
    one.hand_over()
    uli13.discard(LPAR, FENCE)
    assert_runs_on(uli14)


# A restart comes by itself, and something else at the same moment


@pytest.fixture
def restart_beside(uli13, define, monkeypatch):
    """Restarts a guest; `rival` acts between its end and its start. What the rival was answered."""

    def act(rival):
        uli13.create(definition := define(), OPERATOR)
        uli13.activate(LPAR, OPERATOR)
        restart, answers = Guest._restart, []

        def rival_first(guest):
            try:
                answers.append(rival(uli13, definition))
            except HypervisorError as exc:
                answers.append(exc.key)
            restart(guest)

        monkeypatch.setattr(Guest, "_restart", rival_first)
        uli13.shut_down(LPAR, ShutdownKind.IMMEDIATE, OPERATOR, restart=True)
        eventually(lambda: answers)
        return answers[0]

    return act


def processes(console):
    return process.find(monitor_argument(places_of(console)))


@pytest.mark.parametrize(
    ("rival", "answer"),
    [
        (lambda console, _: console.run_state(), RunState.SHUTTING_DOWN),
        (lambda console, _: console.activate(LPAR, OPERATOR), "wrong-run-state"),
        (lambda console, _: console.remove(LPAR, OPERATOR), "partition-holds-memory"),
        (lambda console, definition: console.create_incoming(definition, FENCE), "partition-exists"),
    ],
    ids=["look", "activate", "remove", "incoming"],
)
def test_guest_that_restarts_is_not_off_and_starts_once(uli13, restart_beside, rival, answer):
    assert restart_beside(rival) == answer
    uli13.wait_for(RunState.STARTING)
    assert processes(uli13) == [record_of(uli13).process]


@pytest.mark.parametrize(
    "rival",
    [
        lambda console, _: console.shut_down(LPAR, ShutdownKind.IMMEDIATE, OPERATOR),
        lambda console, _: console.discard(LPAR, OPERATOR),
    ],
    ids=["immediate shutdown", "discard"],
)
def test_restart_is_given_up_by_an_order_to_end(uli13, restart_beside, rival):
    assert restart_beside(rival) is None
    uli13.wait_for(RunState.NOT_ACTIVATED)
    assert processes(uli13) == []
    uli13.remove(LPAR, OPERATOR)
    assert processes(uli13) == []


def test_memory_of_a_guest_that_restarts_is_not_given_away(uli13, define, restart_beside):
    other = replace(define(3), memory_mb=uli13.describe_system().capacity.memory_mb)

    def rival(console, _definition):
        console.create(other, OPERATOR)
        console.activate(3, OPERATOR)

    assert restart_beside(rival) == "hypervisor-memory"
    uli13.wait_for(RunState.STARTING)
