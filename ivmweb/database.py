"""How this console speaks to its database: what a URL becomes in Django's settings."""

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

ENGINES = ("django.db.backends.sqlite3", "django.db.backends.postgresql")
SQLITE_OPTIONS = {
    # IMMEDIATE: two read-then-write transactions never dead-lock. FULL: a hand-over record that a power cut takes
    # back makes two running copies possible.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;",
}
# A database host that vanished is noticed within half a minute, not after the kernel's two hours.
POSTGRESQL_OPTIONS = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
# May be changed by `options` in the URL. A process frozen inside a transaction loses it before others stop waiting.
POSTGRESQL_TIMES = ("idle_in_transaction_session_timeout=10s", "lock_timeout=20s", "statement_timeout=60s")
# May not. The hand-over rests on records that are on disk, and on statements that see what others have committed.
POSTGRESQL_PROMISES = ("synchronous_commit=on", "default_transaction_isolation=read\\ committed")


def configuration(url: str) -> dict[str, object]:
    """Raises ImproperlyConfigured, without the URL: it may hold a password.

    Connections end with the request or task that opened them: each of both has a thread of its own, and a kept
    connection would stay with a thread that is gone.
    """
    try:
        parsed: dict[str, object] = {**dj_database_url.parse(url, conn_max_age=0)}
    except ValueError as exc:
        raise ImproperlyConfigured(f"IVM_DATABASE_URL can't be read: {type(exc).__name__}. {NEEDED}") from None
    if parsed.get("ENGINE") not in ENGINES:
        raise ImproperlyConfigured(f"IVM_DATABASE_URL names a database that this console does not know. {NEEDED}")
    options = dict(parsed.get("OPTIONS") or {})  # type: ignore[call-overload]
    if parsed["ENGINE"] == ENGINES[0]:
        return {**parsed, "OPTIONS": {**options, **SQLITE_OPTIONS}}
    return {**parsed, "OPTIONS": {**POSTGRESQL_OPTIONS, **options, "options": session(options.get("options", ""))}}


NEEDED = "It must be postgres://USER:PASSWORD@HOST/NAME or sqlite:///PATH; special characters as %XX."


def session(chosen: str) -> str:
    """Settings of each PostgreSQL session; of one given twice the last counts."""
    times, promises = (" ".join(f"-c {one}" for one in group) for group in (POSTGRESQL_TIMES, POSTGRESQL_PROMISES))
    return " ".join(part for part in (times, chosen, promises) if part)
