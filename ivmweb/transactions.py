"""Transactions that read and then write: one after the other, whatever the database.

SQLite takes its one write lock at the beginning of each (IMMEDIATE). PostgreSQL would let two go on side by side: the
second reads what the first is about to change, and two that lock the same rows in another order end each other. So
there they queue at a lock of this console's own, before any row.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

LOCK = 0x49564D  # "IVM"; any number will do, since nobody else uses this database


@contextmanager
def serialized() -> Iterator[None]:
    """A transaction in which every read sees what earlier ones of this kind wrote. Nothing slow belongs inside.

    May be nested; the outermost transaction must be one of this kind, or have touched no row yet. Single statements
    do not queue: they lock one row, and the compare-and-set in their own WHERE is looked at again when they get it.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        yield
