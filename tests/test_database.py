"""What IVM_DATABASE_URL becomes; and, where the tests run on PostgreSQL, what a session of its has."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from ivmweb import database

POSTGRES = "postgres://ivm:secret@database:5433/ivm"


def test_sqlite_writes_to_the_disk_and_takes_its_lock_at_the_beginning():
    options = database.configuration("sqlite:////var/lib/ivm/console.sqlite3")["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "synchronous=FULL" in options["init_command"]


def test_a_postgresql_url_keeps_its_parts():
    found = database.configuration(f"{POSTGRES}?sslmode=require&connect_timeout=9")
    place = {name: found[name] for name in ("ENGINE", "USER", "PASSWORD", "HOST", "PORT", "NAME")}
    assert list(place.values()) == ["django.db.backends.postgresql", "ivm", "secret", "database", 5433, "ivm"]
    assert (found["OPTIONS"]["sslmode"], found["OPTIONS"]["connect_timeout"]) == ("require", 9)


def test_an_administrator_may_change_times_but_no_promise():
    chosen = "-c%20lock_timeout%3D5s%20-c%20synchronous_commit%3Doff"
    told = database.configuration(f"{POSTGRES}?options={chosen}")["OPTIONS"]["options"]
    assert last_of(told, "lock_timeout") == "5s"
    assert last_of(told, "synchronous_commit") == "on"
    assert last_of(told, "statement_timeout") == "60s"


def last_of(options, name):
    return next(part.partition("=")[2] for part in reversed(options.split()) if part.startswith(f"{name}="))


def test_a_frozen_process_loses_its_transaction_before_others_stop_waiting():
    told = database.session("")
    assert last_of(told, "idle_in_transaction_session_timeout") == "10s"
    assert last_of(told, "lock_timeout") == "20s"


@pytest.mark.parametrize(
    "url", ["", "ivm", "mysql://ivm:secret@database/ivm", "postgres://ivm:se#cret@database/ivm", "postgres://h:x/n"]
)
def test_a_bad_url_is_refused_with_its_variable_and_without_its_password(url):
    with pytest.raises(
        ImproperlyConfigured, match=r"IVM_DATABASE_URL.*postgres://USER:PASSWORD@HOST/NAME"
    ) as refused:
        database.configuration(url)
    assert "cret" not in str(refused.value)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="asks a PostgreSQL session")
@pytest.mark.parametrize(
    ("name", "value"),
    [("synchronous_commit", "on"), ("transaction_isolation", "read committed"), ("lock_timeout", "20s")],
)
def test_each_session_of_postgresql_has_what_the_records_need(db, name, value):
    with connection.cursor() as cursor:
        cursor.execute("select current_setting(%s)", [name])
        assert cursor.fetchone()[0] == value
