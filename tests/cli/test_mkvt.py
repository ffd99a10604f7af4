"""mkvt and rmvt at a prompt; the hypervisor is told by the test."""

import socket
from contextlib import contextmanager

import pytest
from django.utils import timezone

from ivmweb.cli import terminal
from ivmweb.cli.commands import mkvt
from ivmweb.cli.terminal import SocketScreen
from ivmweb.monitor.models import MonitorTask
from ivmweb.system.models import AuditEvent, LogicalPartition
from ivmweb.system.rights import VIEW_ONLY, give_role
from migration.models import Migration
from migration.states import Role, State


def with_hands(prompt, keys=b"", before=lambda: None):
    """`keys` are typed as soon as the terminal is open, then nothing more; `before` happens first."""

    @contextmanager
    def raw():
        ours, theirs = socket.socketpair()
        theirs.sendall(keys)
        theirs.shutdown(socket.SHUT_WR)
        before()
        try:
            yield SocketScreen(ours)
        finally:
            ours.close()
            prompt.shown = b"".join(iter(lambda: theirs.recv(4096), b""))
            theirs.close()

    prompt.keyboard.raw = raw
    return prompt


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(terminal, "SILENT_S", 0.1)


def test_a_terminal_is_opened_typed_into_and_left(prompt, uli13lp1, hypervisor):
    with_hands(prompt, b"root\r~.never", lambda: hypervisor.consoles[2].sendall(b"uli13lp1 login: "))
    assert prompt("mkvt -id 2") == "\n"
    assert (prompt.status, prompt.err) == (0, "")
    assert prompt.shown == b"uli13lp1 login: "
    assert hypervisor.consoles[2].recv(4096) == b"root\r"
    assert hypervisor.consoles[2].recv(4096) == b""


def test_begin_and_end_are_on_record_and_nothing_of_what_was_typed(prompt, uli13lp1, hypervisor):
    with_hands(prompt, b"a secret\r~.")("mkvt -id 2")
    events = AuditEvent.objects.order_by("pk")
    assert [(one.user, one.action, one.thing, one.outcome) for one in events] == [
        ("padmin", "open terminal", "partition uli13lp1 (2)", "accepted"),
        ("padmin", "end terminal", "partition uli13lp1 (2)", "accepted"),
    ]
    task = MonitorTask.objects.get()
    assert (task.name, task.target, task.status) == ("Virtual Terminal", "uli13lp1 (2)", "succeeded")
    assert "secret" not in "".join(str(vars(one)) for one in (*events, task))


def test_a_second_one_is_refused_until_the_first_is_ended(prompt, uli13lp1, hypervisor):
    first = hypervisor.open_console(2)
    with_hands(prompt)("mkvt -id 2")
    assert (prompt.status, prompt.out) == (1, "")
    assert prompt.err.startswith("[VIOSE01049000-9422] Virtual terminal is already connected to partition uli13lp1")
    assert AuditEvent.objects.get().outcome == "failed"
    assert prompt("rmvt -id 2") == ""
    assert (prompt.status, prompt.err) == (0, "")
    assert first.recv(4096).startswith(b"The console is closed")
    with_hands(prompt, b"~.")("mkvt -id 2")
    assert prompt.status == 0
    first.close()


def test_ending_what_is_not_open_is_no_failure(prompt, uli13lp1):
    for _press in (1, 2):
        assert prompt("rmvt -id 2") == ""
        assert (prompt.status, prompt.err) == (0, "")
    assert set(MonitorTask.objects.values_list("name", "status")) == {("Close Virtual Terminal", "succeeded")}


@pytest.mark.parametrize("line", ["mkvt -id 2", "rmvt -id 2"])
def test_a_viewer_may_neither_type_nor_end(viewer, uli13lp1, hypervisor, line):
    kept = hypervisor.open_console(2)
    with_hands(viewer)(line)
    assert viewer.status == 1
    assert "may not change partitions and settings" in viewer.err
    assert 2 in hypervisor.consoles
    kept.close()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("mkvt", "0006"),
        ("mkvt -id", "0006"),
        ("mkvt -id x", "9550"),
        ("mkvt -id 0", "9550"),
        ("mkvt -id 99", "0042"),
        ("mkvt -id 1", "9685"),
        ("rmvt -id 1", "9685"),
        ("mkvt --id 2", "0009"),
        ("mkvt -id 2 -id 2", "9553"),
    ],
)
def test_what_can_not_be_opened_is_said(prompt, uli13lp1, hypervisor, line, code):
    with_hands(prompt)(line)
    assert (prompt.status, prompt.out) == (1, "")
    assert f"-{code}]" in prompt.err
    assert not hypervisor.consoles


def test_a_conversation_is_not_piped(prompt, uli13lp1, hypervisor):
    assert with_hands(prompt)("mkvt -id 2 | grep login") == ""
    assert prompt.status == 2
    assert prompt.err.startswith("[VIOSE01049000-9670] ")
    assert not hypervisor.consoles


def test_a_held_partition_can_be_watched(prompt, uli13lp1):
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(hold="migration x", state="Migrating - Running")
    with_hands(prompt, b"~.")("mkvt -id 2")
    assert prompt.status == 0


def test_what_another_console_has_since_a_restore_is_not_opened_here(prompt, uli13lp1, hypervisor):
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(hold="moved to uli14")
    with_hands(prompt)("mkvt -id 2")
    assert "[VIOSE01049000-9087]" in prompt.err
    assert not hypervisor.consoles


def moved(partition, remote, **values):
    fields = {
        "role": Role.SOURCE,
        "type": "active",
        "state": State.CLOSED_MOVED,
        "partition_uuid": partition.uuid,
        "partition_name": partition.name,
        "lpar_id": partition.lpar_id,
        "remote_lpar_id": 5,
        "remote": remote,
        "remote_manager": "uli14",
        "remote_user": "padmin",
        "user": "padmin",
        "ended_at": timezone.now(),
    }
    return Migration.objects.create(**{**fields, **values})


def test_after_a_move_the_last_line_says_where_the_partition_is(prompt, uli13lp1, remote, hypervisor):
    def move():
        moved(uli13lp1, remote)
        hypervisor.close_console(2)

    with_hands(prompt, before=move)("mkvt -id 2")
    assert prompt.status == 0
    assert prompt.shown == b"The console is closed: the test says so.\r\n"
    assert prompt.out == (
        "[VIOSI01049000-9671] Partition uli13lp1 has moved to uli14, so its virtual terminal here is closed. "
        "Open it there: mkvt -id 5.\n"
    )
    assert prompt.err == ""


def test_a_partition_that_came_back_is_not_said_to_have_moved(prompt, uli13lp1, remote, hypervisor):
    moved(uli13lp1, remote)
    moved(uli13lp1, remote, role=Role.DESTINATION)
    with_hands(prompt, before=lambda: hypervisor.close_console(2))("mkvt -id 2")
    assert (prompt.status, prompt.out) == (0, "")


def test_who_loses_the_right_loses_the_terminal(prompt, padmin, uli13lp1, monkeypatch):
    monkeypatch.setattr(terminal, "CHECK_S", 0.0)
    with_hands(prompt, before=lambda: give_role(padmin, VIEW_ONLY))("mkvt -id 2")
    assert prompt.status == 1
    assert prompt.err.startswith("[VIOSE01049000-9673] ")


def test_terminals_leave_room_for_other_commands(prompt, uli13lp1, hypervisor, monkeypatch):
    monkeypatch.setattr(mkvt.places, "_value", 0)
    with_hands(prompt)("mkvt -id 2")
    assert prompt.status == 1
    assert "[VIOSE01049000-9672]" in prompt.err
    assert not hypervisor.consoles


def test_a_hypervisor_that_is_silent_is_said(prompt, uli13lp1, hypervisor):
    hypervisor.is_reachable = False
    with_hands(prompt)("mkvt -id 2")
    assert prompt.status == 1
    assert "[VIOSE01049000-9400]" in prompt.err
