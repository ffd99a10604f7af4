from django.utils import translation

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.common.sentence import Sentence
from ivmweb.pages.wording import in_words


def test_a_sentence_is_filled_in_after_its_translation(monkeypatch):
    monkeypatch.setattr("ivmweb.pages.wording.gettext", {"started by {user}": "由 {user} 启动"}.get)
    with translation.override("zh-hans"):
        assert in_words(Sentence("started by {user}", {"user": "padmin"})) == "由 padmin 启动"


def test_a_sentence_of_an_error_begins_with_its_code():
    error = PrerequisiteFailed("partition-is-migrating", partition="uli13lp1")
    assert str(Sentence.of(error)) == str(error)


def test_a_text_of_an_older_record_is_shown_as_it_was_kept():
    assert in_words(Sentence("no answer: {'a': 1}")) == "no answer: {'a': 1}"


def test_true_and_false_are_said_in_words():
    assert str(Sentence("Suspend anyway: {old} → {new}", {"old": False, "new": True})) == "Suspend anyway: no → yes"
    assert str(Sentence("{count} of {name}", {"count": 1, "name": "True"})) == "1 of True"


def test_what_an_older_record_has_not_kept_is_a_question_mark():
    assert in_words(Sentence("{system} sees {seen} disks", {"system": "uli14"})) == "uli14 sees ? disks"
