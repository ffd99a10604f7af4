import pytest
from django.core.management import CommandError, call_command

from ivmweb import documents
from ivmweb.common.errors import catalogue
from ivmweb.documents import PARTS, Part, made_again, out_of_date, table, write
from migration.validation import DESTINATION_CHECKS, SOURCE_CHECKS
from tools.paths import ROOT

DOCS = ROOT / "docs"


def test_the_documents_say_what_the_code_does():
    assert out_of_date(DOCS) == [], "run: python manage.py docs"


def test_every_check_and_every_message_is_in_its_table():
    validation, messages = ((DOCS / name).read_text() for name in ("validation.md", "messages.md"))
    assert [
        check.name for check in (*SOURCE_CHECKS, *DESTINATION_CHECKS) if f"`{check.name}`" not in validation
    ] == []
    assert [message.code for message in catalogue().values() if message.code not in messages] == []


def test_what_is_written_by_hand_stays(tmp_path):
    for part in PARTS:
        (tmp_path / part.document).write_text(
            f"# By hand\n<!-- made: {part.name} -->old<!-- end: {part.name} -->\nAfter"
        )
    assert write(tmp_path) == ["cli.md", "messages.md", "validation.md"]
    assert write(tmp_path) == []
    text = (tmp_path / "messages.md").read_text()
    assert text.startswith("# By hand\n")
    assert text.endswith("\nAfter")
    assert "old" not in text.split("\n")[1]


def test_a_document_without_marks_is_named():
    with pytest.raises(ValueError, match=r"docs/a\.md has no marks for b"):
        made_again("text", Part("a.md", "b", str))


def test_a_bar_in_a_cell_does_not_end_it():
    assert table(("a",), [("x|y",)]) == "| a |\n| --- |\n| x\\|y |"


def test_the_command_tells_what_is_out_of_date_and_writes_nothing(monkeypatch):
    before = (DOCS / "messages.md").read_text()
    monkeypatch.setattr(documents, "PARTS", (Part("messages.md", "messages", lambda: "another text"),))
    with pytest.raises(CommandError, match=r"Out of date: messages\.md"):
        call_command("docs", "--check")
    assert (DOCS / "messages.md").read_text() == before
