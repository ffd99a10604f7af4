"""A whole run leaves no password, token or key where people and programs can read it (invariant I6)."""

import json
import logging
import time

import pytest
from celery.signals import before_task_publish
from django.db import connection

from migration import services, tasks, transfer
from migration.models import Migration
from migration.mover.progress import MoverPhase, Progress
from migration.peer.auth import unseal
from migration.states import Fact, State
from tests.handover.conftest import SECRET, fetch, request_of

PASSWORD = "correct horse battery staple"
ISSUED = "x" * 43  # by the scripted partner


@pytest.fixture
def published():
    """Every message that goes to the broker: headers and body."""
    messages = []

    def keep(sender=None, headers=None, body=None, **_):
        messages.append((sender, headers, body))

    before_task_publish.connect(keep)
    yield messages
    before_task_publish.disconnect(keep)


@pytest.fixture
def moved(uli13lp1, padmin, partner, hypervisor, monkeypatch, caplog, published):
    """uli13lp1 after a whole run: Migrate with a password, begin, send, hand-over."""

    class Sent:
        progress = Progress(MoverPhase.LOADED, percent=100)
        digest = "ab" * 32

        def close(self):
            pass

    def send(vmc, lpar_id, fence, address, limits, hooks):
        hooks.on_progress(Progress(MoverPhase.TRANSFERRING, 1, 40, bytes_remaining=6, bytes_total=10))
        deadline = time.monotonic() + 5
        while not partner.progress and time.monotonic() < deadline:
            time.sleep(0.01)
        hypervisor.park(lpar_id, fence.migration_id)
        partner.state, partner.fact = State.LOADED, Fact.LOADED
        return Sent()

    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(transfer.sender, "send_state", send)
    _, migration = services.migrate(
        partition=uli13lp1,
        remote_manager="uli14",
        remote_user="padmin",
        password=PASSWORD,
        session={},
        user=padmin,
        origin="test",
    )
    key = unseal(bytes(fetch(migration).secret))
    tasks.begin(str(migration.pk))
    tasks.send_state(str(migration.pk))
    assert fetch(migration).state == State.CLOSED_MOVED
    return fetch(migration), key


def spellings(key):
    return [PASSWORD, ISSUED, key.hex(), repr(key)[2:-1]]


def test_the_destination_is_told_how_far_the_transfer_is(moved, partner):
    migration, _key = moved
    (told,) = partner.progress
    assert (told.migration_id, told.percent, told.bytes_remaining) == (migration.pk, 40, 6)


def test_no_log_line_of_a_whole_run_has_a_secret(moved, caplog):
    _, key = moved
    text = "\n".join(f"{record.getMessage()} {record.exc_text}" for record in caplog.get_records("setup"))
    assert "surrendered → completing" in text
    for secret in spellings(key):
        assert secret not in text


def test_messages_to_the_broker_carry_the_migrations_id_and_nothing_else(moved, published):
    migration, key = moved
    assert [name for name, _, _ in published] == ["migration.tasks.begin", "migration.tasks.send_state"]
    for _, headers, (args, kwargs, embedded) in published:
        assert (tuple(args), kwargs) == ((str(migration.pk),), {})
        assert not any(embedded.values())
        text = json.dumps(headers, default=str)
        assert not any(secret in text for secret in spellings(key))


def test_no_row_of_any_table_has_a_secret_in_clear(moved):
    _, key = moved
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"select * from {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                as_bytes = b" ".join(bytes(v) if isinstance(v, bytes | memoryview) else str(v).encode() for v in row)
                for secret in [*spellings(key), key]:
                    assert (secret if isinstance(secret, bytes) else secret.encode()) not in as_bytes, table


def test_no_log_line_of_the_destination_has_the_key(prepare, caplog):
    caplog.set_level(logging.DEBUG)
    migration = prepare(request_of())
    services.tasks.recovery.recover(migration, "schedule")
    assert Migration.objects.filter(pk=migration.pk).exists()
    assert SECRET.hex() not in caplog.text
    assert repr(SECRET)[2:-1] not in caplog.text
