import pytest
import redis
from django.db import DatabaseError

from ivmweb.pages.views import health


@pytest.fixture(autouse=True)
def reachable(monkeypatch):
    monkeypatch.setattr(health, "runtime_facts", lambda: {})
    monkeypatch.setattr(health, "redis_state", lambda: "ok")
    monkeypatch.setattr(health.schedule, "silent_for_s", lambda: 2.0)
    health.find_current_schema.cache_clear()


def test_healthz_needs_nothing_but_the_process(client):
    assert client.get("/healthz").content == b"ok\n"


def test_readyz_is_ready_with_its_database_and_tables(client, db):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "ready": True,
        "checks": dict.fromkeys(("database", "redis", "schedule", "hypervisor"), "ok"),
    }


def test_readyz_tells_what_is_missing_and_stays_ready(client, db, monkeypatch):
    monkeypatch.setattr(health, "runtime_facts", lambda: None)
    monkeypatch.setattr(health, "redis_state", lambda: "no answer: ConnectionError")
    monkeypatch.setattr(health.schedule, "silent_for_s", no_redis)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["checks"] == {
        "database": "ok",
        "redis": "no answer: ConnectionError",
        "schedule": "not known without Redis",
        "hypervisor": "no answer",
    }


def no_redis():
    raise redis.ConnectionError


@pytest.mark.parametrize(("silent_for_s", "says"), [(None, "has not run yet"), (31.0, "has not run for 31 s")])
def test_readyz_tells_of_a_schedule_that_does_not_run(client, db, monkeypatch, silent_for_s, says):
    monkeypatch.setattr(health.schedule, "silent_for_s", lambda: silent_for_s)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["checks"]["schedule"].startswith(says)


def test_readyz_is_not_ready_before_the_tables_are_made(client, db, monkeypatch):
    monkeypatch.setattr("django.db.migrations.executor.MigrationExecutor.migration_plan", lambda *_: ["one"])
    assert client.get("/readyz").status_code == 503
    monkeypatch.undo()
    assert health.schema_is_current()


def test_readyz_is_not_ready_without_its_database(client, db, monkeypatch):
    def broken():
        raise DatabaseError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(health.connection, "cursor", broken)
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": "no answer: DatabaseError"}


def test_redis_is_asked_for_real(settings, tmp_path, monkeypatch):
    monkeypatch.undo()
    settings.REDIS_URL = f"redis+socket://{tmp_path}/nobody.sock"
    assert health.redis_state().startswith("no answer")
