"""What is kept of a soak, and where the next call goes on."""

import json
import sqlite3
from contextlib import closing
from types import SimpleNamespace

import pytest

from tests.soak.book import Book


@pytest.fixture
def book(tmp_path):
    return Book(tmp_path, 7, "code")


def again(book, code="code"):
    return Book(book.folder, book.seed, code)


def held(book, *numbers):
    for number in numbers:
        book.add(number, ok=True, began_on="uli13", ended_on="uli14")


def test_a_soak_goes_on_after_the_last_move_that_held(book):
    assert book.next_number() == 1
    held(book, 1, 2)
    assert again(book).next_number() == 3


def test_a_broken_move_is_played_again(book):
    held(book, 1)
    book.add(2, ok=False, began_on="uli14", ended_on="")
    assert again(book).next_number() == 2


def test_it_goes_on_from_where_the_partition_was(book):
    assert book.place(1, "uli13") == "uli13"
    held(book, 1)
    book.add(2, ok=False, began_on="uli14", ended_on="")
    assert again(book).place(2, "uli13") == "uli14"
    assert Book(book.folder, 8, "code").place(2, "uli13") == "uli13"


def test_what_becomes_known_later_is_of_the_same_move(book):
    held(book, 1)
    book.add(1, suspension_ms=300.0)
    assert again(book).moves[1]["suspension_ms"] == 300.0
    assert again(book).next_number() == 2


def test_half_a_line_is_not_a_move(book):
    held(book, 1)
    with book.file.open("a") as lines:
        lines.write(json.dumps({"number": 2, "code": "code", "ok": True})[:20])
    assert again(book).next_number() == 2


def test_a_line_after_half_a_line_counts(book):
    held(book, 1)
    with book.file.open("a") as lines:
        lines.write('{"number": 2, "co')
    held(again(book), 2)
    assert again(book).next_number() == 3


def test_moves_of_other_code_are_put_aside(book):
    held(book, 1, 2)
    newer = again(book, "newer")
    assert newer.next_number() == 1
    assert newer.put_aside.read_text().count("\n") == 2


def test_each_seed_has_a_soak_of_its_own(book):
    held(book, 1)
    assert Book(book.folder, 8, "code").next_number() == 1


def test_logs_and_databases_of_a_broken_soak_are_kept(book, tmp_path):
    places = {console: tmp_path / "lab" / console for console in ("uli13", "uli14")}
    for place in places.values():
        (place / "log").mkdir(parents=True)
        (place / "log" / "web.log").write_text("the last line")
        with closing(sqlite3.connect(place / "console.sqlite3")) as database, database:
            database.execute("create table migration (id)")
    stage = SimpleNamespace(lab=SimpleNamespace(consoles=places), folder=places.get)
    kept = book.keep_lab(stage, 17)
    assert kept == tmp_path / "seed-7-move-17"
    for console in places:
        assert (kept / console / "web.log").read_text() == "the last line"
        with closing(sqlite3.connect(kept / console / "console.sqlite3")) as database:
            assert database.execute("select count(*) from migration").fetchone() == (0,)
