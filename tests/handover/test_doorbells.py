"""Doorbells and the schedule: a migration is never lost with a message, and nobody is disturbed at work."""

import os
import subprocess
import sys
import time

import pytest
from kombu import Connection

from migration import aftermath, leases, services, tasks
from migration.models import Migration
from migration.states import State
from tests.handover.conftest import fetch
from tools.paths import ROOT

BELLS = ("begin", "send_state", "receive_state", "recover")


@pytest.fixture
def rung(monkeypatch):
    """(task, id) of every bell that is rung, in order."""
    calls = []
    for name in BELLS:
        monkeypatch.setattr(getattr(tasks, name), "delay", lambda pk, name=name: calls.append((name, pk)))
    return calls


@pytest.fixture(autouse=True)
def no_aftermath(monkeypatch):
    monkeypatch.setattr(aftermath, "sweep", lambda: None)


def sweep(rung):
    rung.clear()
    tasks.sweep()
    return [name for name, _ in rung]


def test_the_schedule_rings_again_for_a_worker_that_has_not_come(start, uli13lp1, rung, clock):
    migration = start(uli13lp1)
    assert sweep(rung) == ["begin"]
    Migration.objects.filter(pk=migration.pk).update(wants="mover-out")
    assert sweep(rung) == ["send_state"]


def test_a_migration_whose_worker_never_came_is_recovered(start, uli13lp1, rung, clock):
    migration = start(uli13lp1)
    Migration.objects.filter(pk=migration.pk).update(wants="mover-out")
    clock.pass_s(61)
    assert sweep(rung) == ["recover"]
    tasks.recover(str(migration.pk))
    row = fetch(migration)
    assert row.message_key == "worker-absent"
    assert "The worker mover-out of uli13 was asked for" in str(row.cause)


def test_a_stop_is_the_cause_also_where_no_worker_comes(start, uli13lp1, rung, clock):
    migration = start(uli13lp1)
    Migration.objects.filter(pk=migration.pk).update(wants="mover-out", stop_requested=True)
    clock.pass_s(61)
    tasks.recover(str(migration.pk))
    assert fetch(migration).message_key != "worker-absent"


def test_pages_hear_of_a_worker_that_has_not_come(start, uli13lp1, rung, clock, monkeypatch):
    told = []
    monkeypatch.setattr(tasks, "publish", told.append)
    migration = start(uli13lp1)
    sweep(rung)
    assert told == []
    clock.pass_s(11)
    sweep(rung)
    assert told == [migration]


def test_nothing_is_rung_while_a_worker_is_at_work(start, uli13lp1, rung, clock):
    migration = start(uli13lp1)
    fence = leases.claim(migration.pk, "control")
    assert sweep(rung) == []
    clock.pass_s(4)
    leases.renew(fence)
    clock.pass_s(4)
    assert sweep(rung) == []


def test_a_lost_worker_is_replaced_only_after_the_grace(start, uli13lp1, rung, clock, settings):
    migration = start(uli13lp1)
    leases.claim(migration.pk, "control")
    clock.pass_s(settings.LEASE_S + settings.RECOVERY_GRACE_S - 0.1)
    assert sweep(rung) == []
    clock.pass_s(0.2)
    assert sweep(rung) == ["recover"]


def test_what_was_given_back_is_looked_at_again_when_it_is_due(start, uli13lp1, rung, clock):
    migration = start(uli13lp1, State.SURRENDERED)
    leases.release(leases.claim(migration.pk, "control"), due_in_s=2)
    assert sweep(rung) == []
    clock.pass_s(2.1)
    assert sweep(rung) == ["recover"]


@pytest.fixture
def reboot(clock, monkeypatch):
    """The machine starts again: monotonic time begins at nothing."""

    def reboot():
        monkeypatch.setattr(leases, "boot_id", lambda: "the next boot")
        clock.now = 30.0

    return reboot


def test_what_was_due_later_is_due_at_once_after_a_reboot(start, uli13lp1, rung, clock, reboot):
    migration = start(uli13lp1, State.SURRENDERED)
    leases.release(leases.claim(migration.pk, "control"), due_in_s=2)
    reboot()
    assert sweep(rung) == ["recover"]


def test_a_migration_that_waited_for_a_worker_is_recovered_after_a_reboot(start, uli13lp1, rung, clock, reboot):
    start(uli13lp1)
    reboot()
    assert sweep(rung) == ["recover"]


def test_a_reservation_from_before_a_reboot_is_given_back(incoming, partner, reboot):
    migration = incoming("prepared")
    reboot()
    tasks.recover(str(migration.pk))
    assert (fetch(migration).state, fetch(migration).released) == (State.DECLINED, True)


@pytest.mark.parametrize("state", [State.CLOSED_KEPT, State.CLOSED_MOVED])
def test_nothing_is_rung_for_what_has_ended(start, uli13lp1, rung, state):
    start(uli13lp1, state)
    assert sweep(rung) == []


def test_a_declined_migration_is_looked_at_until_its_reservations_are_gone(incoming, rung, clock):
    migration = incoming("declined")
    assert sweep(rung) == ["recover"]
    tasks.recover(str(migration.pk))
    assert fetch(migration).released
    assert sweep(rung) == []


def test_migrate_succeeds_without_a_broker_and_the_schedule_rings_when_it_is_back(
    uli13lp1, padmin, partner, monkeypatch, rung, settings
):
    def silent(pk):
        """What a real broker's client does where nobody listens."""
        options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
        with Connection("redis+socket:///nowhere/valkey.sock", transport_options=options) as nobody:
            begin.apply_async((pk,), connection=nobody)

    begin = tasks.begin
    pressed_at = time.monotonic()

    with monkeypatch.context() as context:
        context.setattr(tasks.begin, "delay", silent)
        report, migration = services.migrate(
            partition=uli13lp1,
            remote_manager="uli14",
            remote_user="padmin",
            password="secret",
            session={},
            user=padmin,
            origin="test",
        )
        tasks.sweep()
    assert time.monotonic() - pressed_at < 3  # nobody waits for a bell
    assert report.passed
    assert fetch(migration).wants == "control"
    assert sweep(rung) == ["begin"]


WHERE_BELLS_GO = """
from concurrent.futures import ThreadPoolExecutor
import ivmweb.asgi
from migration import tasks
with ThreadPoolExecutor() as views:
    print(views.submit(lambda: tasks.begin.app.conf.broker_url).result())
"""


def test_the_web_process_rings_at_the_consoles_broker_from_every_thread(settings):
    command = [sys.executable, "-c", WHERE_BELLS_GO]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    answer = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    assert answer.stdout.strip() == settings.CELERY_BROKER_URL


def test_a_worker_rings_for_the_next_queue_itself(start, uli13lp1, rung, partner):
    migration = start(uli13lp1)
    tasks.begin(str(migration.pk))
    assert rung == [("send_state", str(migration.pk))]
    assert fetch(migration).lease_until == 0


def test_a_bug_in_a_worker_gives_the_migration_back(start, uli13lp1, rung, partner, monkeypatch, clock):
    """Not only after lease and grace: the next worker looks at what is so, and rolls back."""

    def fail(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(tasks.transfer, "prepare_destination", fail)
    migration = start(uli13lp1)
    with pytest.raises(RuntimeError):
        tasks.begin(str(migration.pk))
    assert fetch(migration).lease_until == 0
    clock.pass_s(2.1)
    assert sweep(rung) == ["recover"]
    tasks.recover(str(migration.pk))
    assert fetch(migration).state == State.CLOSED_KEPT
    assert any("RuntimeError" in str(event.sentence) for event in migration.events.all())


def test_a_bug_that_comes_back_each_time_is_said_once(start, uli13lp1, partner, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("a bug")

    monkeypatch.setattr(tasks.recovery, "drive", fail)
    migration = start(uli13lp1, State.SURRENDERED)
    for _ in range(3):
        Migration.objects.filter(pk=migration.pk).update(due_at=0)
        with pytest.raises(RuntimeError):
            tasks.recover(str(migration.pk))
    assert sum("RuntimeError" in str(event.sentence) for event in migration.events.all()) == 1


def broken(*_):
    raise ValueError("the key can't be read")


def test_partners_are_asked_although_the_clean_up_fails(uli13, rung, monkeypatch):
    """A console that is held back would stay so for good."""
    asked = []
    monkeypatch.setattr(aftermath, "sweep", broken)
    monkeypatch.setattr(tasks.restored, "ask_partners", lambda: asked.append(1))
    sweep(rung)
    assert asked == [1]


def test_cleaning_up_goes_on_although_partners_cannot_be_asked(uli13, rung, monkeypatch):
    swept = []
    monkeypatch.setattr(tasks.restored, "ask_partners", broken)
    monkeypatch.setattr(aftermath, "sweep", lambda: swept.append(1))
    sweep(rung)
    assert swept == [1]


def test_one_row_that_cannot_be_looked_after_keeps_no_other_one_waiting(start, uli13lp1, uli13lp2, rung, monkeypatch):
    first, second = start(uli13lp1), start(uli13lp2)
    due_task = tasks.due_task
    monkeypatch.setattr(tasks, "due_task", lambda row: broken() if row.pk == first.pk else due_task(row))
    sweep(rung)
    assert rung == [("begin", str(second.pk))]
