"""A loss of power takes what was not synced, and nothing else."""

import sqlite3
from contextlib import closing, suppress

import pytest

from tests.matrix import disk

pytestmark = pytest.mark.skipif(not disk.is_possible(), reason="needs root, loop devices and mkfs.ext4")


@pytest.fixture
def made(tmp_path):
    made = disk.Disk(tmp_path / "disk")
    made.make()
    yield made
    made.unmount()


def write(path, synchronous, rows):
    """Commits; what the process has open then dies with it, so it is kept from closing in order."""
    connection = sqlite3.connect(path)
    connection.execute("pragma journal_mode = wal")
    connection.execute(f"pragma synchronous = {synchronous}")
    connection.execute("create table if not exists row (number)")
    connection.commit()
    for number in range(rows):
        connection.execute("insert into row values (?)", (number,))
        connection.commit()
    return connection


@pytest.mark.parametrize(("synchronous", "is_kept"), [("full", True), ("normal", False), ("off", False)])
def test_only_what_is_committed_in_full_survives(made, synchronous, is_kept):
    path = made.data / "console.sqlite3"
    write(path, "full", 1).close()
    connection = write(path, synchronous, 20)
    made.lose_power()
    connection.close()
    made.unmount()
    made.mount()
    with closing(sqlite3.connect(path)) as again:
        rows = again.execute("select count(*) from row").fetchone()[0]
    assert (rows == 21) is is_kept


def test_who_looks_at_the_database_while_its_disk_is_away_does_it_no_harm_when_it_is_back(made):
    path = made.data / "console.sqlite3"
    write(path, "full", 1).close()
    connection = write(path, "full", 20)
    made.lose_power()
    connection.close()
    made.unmount()
    looker = None
    with suppress(sqlite3.OperationalError):
        looker = sqlite3.connect(path)
    made.mount()
    if looker is not None:
        with closing(looker), suppress(sqlite3.OperationalError):
            looker.execute("select count(*) from row")
    with closing(sqlite3.connect(path)) as again:
        assert again.execute("select count(*) from row").fetchone() == (21,)
