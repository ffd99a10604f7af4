"""The .po files beside the code: complete, with the same placeholders, and made into the committed .mo files."""

import ast
import gettext
import re
import string

import pytest
from django.core.management import call_command

from ivmweb import translations
from ivmweb.translations import (
    LANGUAGES,
    Text,
    folder,
    ids,
    marked_texts,
    name_of,
    po,
    strings,
    texts_of_module,
    texts_of_template,
    untranslated,
)
from tools.paths import ROOT

PERCENT = re.compile(r"%\(\w+\)[-0-9.]*[a-z]|%[a-z]")
LOOK_UP = {"ivmweb/pages/wording.py", "migration/told.py"}  # stored English is looked up here, when it is shown
NOT_LAZY = {"gettext", "ngettext"}


@pytest.fixture(params=LANGUAGES)
def language(request):
    return request.param


def test_every_marked_text_is_translated_and_no_other_is_kept(language):
    wanted = {text.one for text in marked_texts()}
    known = {ids(message)[0] for message in po(language) if message.id}
    assert wanted - known == set(), "run: python manage.py translations"
    assert known - wanted == set(), "run: python manage.py translations"
    assert untranslated(po(language)) == []


def test_a_translation_has_the_placeholders_of_its_text(language):
    wrong = [
        (text, translated)
        for message in po(language)
        if message.id
        for text, translated in zip(ids(message)[-1:], strings(message)[-1:], strict=True)
        if placeholders(text) != placeholders(translated)
    ]
    assert wrong == []


def placeholders(text):
    """Each once: a language may need to say a name twice, or once where English says it twice."""
    fields = {(name, conversion) for _text, name, _format, conversion in braces(text) if name is not None}
    return set(PERCENT.findall(text)), fields


def braces(text):
    return string.Formatter().parse(text) if "{" in text else ()


def test_a_translation_keeps_tags_and_the_space_at_its_ends(language):
    for message in po(language):
        if not message.id:
            continue
        for translated in strings(message):
            text = ids(message)[0]
            assert set(re.findall(r"<[^>]+>", text)) == set(re.findall(r"<[^>]+>", translated)), text
            assert translated == translated.strip(), text


def test_the_file_that_django_reads_says_what_the_translator_wrote(language):
    written = {}
    for message in po(language):
        if isinstance(message.id, tuple):
            written |= {(message.id[0], number): text for number, text in enumerate(strings(message))}
        elif message.id:
            written[message.id] = message.string
    with (folder(language) / "django.mo").open("rb") as file:
        compiled = dict(gettext.GNUTranslations(file)._catalog)
    compiled.pop("")
    assert compiled == written, "run: python manage.py translations"


def test_the_command_changes_nothing_where_nothing_is_new(settings, tmp_path, language, capsys):
    settings.LOCALE_PATHS = [tmp_path]
    folder(language).mkdir(parents=True)
    for name in ("django.po", "django.mo"):
        (folder(language) / name).write_bytes((ROOT / "locale" / language / "LC_MESSAGES" / name).read_bytes())
    call_command("translations")
    for name in ("django.po", "django.mo"):
        made = (folder(language) / name).read_bytes()
        assert made == (ROOT / "locale" / language / "LC_MESSAGES" / name).read_bytes()
    assert capsys.readouterr().err == ""


def test_the_command_names_what_is_not_translated(settings, tmp_path, monkeypatch, language, capsys):
    settings.LOCALE_PATHS = [tmp_path]
    folder(language).mkdir(parents=True)
    header = (ROOT / "locale" / language / "LC_MESSAGES" / "django.po").read_text().partition("\n\n")[0]
    (folder(language) / "django.po").write_text(f"{header}\n")
    monkeypatch.setattr(translations, "marked_texts", lambda: [Text("Brand new", file="a.py")])
    call_command("translations")
    assert "not translated: Brand new" in capsys.readouterr().err


def test_texts_of_templates_are_found():
    source = """{% load i18n %}{% translate "One" %} {% include "a.html" with words=_("Two") %}
{% blocktranslate trimmed with a=b %}
  Three {{ a }}
{% endblocktranslate %}{% blocktranslate count n=m %}{{ n }} thing{% plural %}{{ n }} things{% endblocktranslate %}
{{ value|default:_("It's four") }}"""
    assert [(text.one, text.many) for text in texts_of_template(source, "a.html")] == [
        ("One", ""),
        ("Two", ""),
        ("Three %(a)s", ""),
        ("%(n)s thing", "%(n)s things"),
        ("It's four", ""),
    ]


def test_texts_of_modules_are_found():
    source = (
        'a = _("One " "text")\nb = ngettext("%d thing", "%d things", n)\nc = gettext(stored)\nd = Sentence(_("Two"))'
    )
    assert {(text.one, text.many) for text in texts_of_module(source, "a.py")} == {
        ("One text", ""),
        ("%d thing", "%d things"),
        ("Two", ""),
    }


# What a reader of the code can't see in one place


def modules():
    for package in translations.PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())


def test_a_sentence_that_a_record_keeps_is_marked():
    marked = {text.one for text in marked_texts()}
    assert [
        (file, node.lineno)
        for file, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and name_of(node.func) in {"Sentence", "start_task", "add_ended"} and node.args
        if isinstance(text := node.args[0], ast.Constant) and text.value not in marked
    ] == []


def test_nothing_is_translated_before_the_reader_is_known():
    """At import time a text is only marked (gettext_noop), or translated when it is shown (gettext_lazy)."""
    found = []
    for file, tree in modules():
        names = eager_names(tree)
        found += [(file, call.lineno) for call in calls_at_import(tree) if name_of(call.func) in names]
    assert found == []


def eager_names(tree):
    """By which a module calls gettext."""
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for alias in node.names
        if alias.name in NOT_LAZY
    }


def calls_at_import(node):
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.Call):
            yield child
        yield from calls_at_import(child)


def test_a_text_that_is_put_together_cannot_be_translated():
    """`_(f"...")` and `_("..." % name)` would be looked up as a whole and never found."""
    assert [
        (file, node.lineno)
        for file, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and name_of(node.func) in translations.MARKS and node.args
        if isinstance(node.args[0], ast.JoinedStr | ast.BinOp)
    ] == []


def test_templates_have_no_words_of_their_own():
    """Text between tags, and attributes that are read out, are marked; numbers and signs need no translation."""
    found = []
    for path in sorted((ROOT / "templates").rglob("*.html")):
        text = re.sub(r"{% block body_class %}.*?{% endblock %}", "", path.read_text())
        text = re.sub(r"{%\s*blocktrans.*?endblocktrans(late)?\s*%}", "", text, flags=re.DOTALL)
        text = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", "\0", text, flags=re.DOTALL)
        said = re.findall(r">([^<>]+)<", text) + re.findall(r'(?:aria-label|title|alt|placeholder)="([^"]*)"', text)
        found += [(path.name, words) for words in said if re.search(r"[A-Za-z]{2,}", words)]
    assert [item for item in found if item[1].strip("\0 ") not in {"VLAN"}] == []
