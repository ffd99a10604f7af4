"""The words of the console in other languages: `manage.py translations` keeps locale/ in step with the code.

A .po file is written by hand but for which texts it has. The .mo file beside it is what Django reads; it is made from
the .po and committed, so that a console needs no tool for it.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import to_locale
from django.utils.translation.template import templatize

from ivmweb import documents  # noqa: F401 (registers every message)
from ivmweb.common.errors import catalogue
from migration import told

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog, Message

# Folders of locale/; the code itself is in English.
LANGUAGES = tuple(to_locale(code) for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE)
PACKAGES = ("ivmweb", "migration")
MARKS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy"}
IN_TEMPLATE = re.compile(
    r"""\b(?P<mark>_|n?gettext)\(\s*(?P<one>u?'(?:[^'\\]|\\.)*'|u?"(?:[^"\\]|\\.)*")"""
    r"""(?:\s*,\s*(?P<many>u?'(?:[^'\\]|\\.)*'|u?"(?:[^"\\]|\\.)*"))?"""
)
WHENEVER = datetime(2000, 1, 1, tzinfo=UTC)  # so that the same texts make the same file


@dataclass(frozen=True)
class Text:
    """An English text that is marked; `many` is its plural."""

    one: str
    many: str = ""
    file: str = ""  # from the root of the project
    comment: str = ""


def marked_texts() -> Iterator[Text]:
    """Of templates, Python and the catalogue of messages, in the order of their files."""
    root: Path = settings.BASE_DIR
    for path in sorted((root / "templates").rglob("*.html")):
        yield from texts_of_template(path.read_text(), path.relative_to(root).as_posix())
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            if path.name != "messages.py":  # the catalogue has these
                yield from texts_of_module(path.read_text(), path.relative_to(root).as_posix())
    yield from (Text(text, file="migration/told.py") for text in told.all_texts())
    for key, message in sorted(catalogue().items()):  # modules are imported in any order
        yield Text(message.text, file="docs/messages.md", comment=f"{message.code} {key}")


def texts_of_template(source: str, file: str) -> Iterator[Text]:
    for found in IN_TEMPLATE.finditer(templatize(source, origin=file)):
        many = found["many"] if found["mark"] == "ngettext" else None
        yield Text(ast.literal_eval(found["one"]), ast.literal_eval(many) if many else "", file)


def texts_of_module(source: str, file: str) -> Iterator[Text]:
    """Calls of a mark with a text; with anything else it is looked up when the program runs."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or name_of(node.func) not in MARKS:
            continue
        texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        if texts:
            yield Text(texts[0], texts[1] if len(texts) > 1 else "", file)


def name_of(called: ast.expr) -> str:
    if isinstance(called, ast.Attribute):
        return called.attr
    return called.id if isinstance(called, ast.Name) else ""


def needed(texts: Iterable[Text]) -> "Catalog":
    """Each text once, with the files that it is in."""
    from babel.messages.catalog import Catalog

    made = Catalog(fuzzy=False)
    for text in texts:
        name = (text.one, text.many) if text.many else text.one
        made.add(name, locations=[(text.file, 0)], auto_comments=[text.comment] if text.comment else [])
    return made


def folder(language: str) -> Path:
    return Path(settings.LOCALE_PATHS[0]) / language / "LC_MESSAGES"


def po(language: str) -> "Catalog":
    from babel.messages.pofile import read_po

    with (folder(language) / "django.po").open("rb") as file:
        known = read_po(file, locale=language, domain="django", abort_invalid=True)
    known.creation_date = known.revision_date = WHENEVER
    return known


def mo_of(known: "Catalog") -> bytes:
    from babel.messages.mofile import write_mo

    out = BytesIO()
    write_mo(out, known)
    return out.getvalue()


def update(language: str) -> list[str]:
    """Give the .po every text and no other, and make the .mo; the texts that still want a translation."""
    from babel.messages.pofile import write_po

    file, out = folder(language) / "django.po", BytesIO()
    header, _blank_line, _entries = file.read_text().partition("\n\n")
    known = po(language)
    known.update(needed(marked_texts()), no_fuzzy_matching=True)
    write_po(out, known, width=0, ignore_obsolete=True, sort_by_file=True, include_lineno=False, omit_header=True)
    file.write_text(f"{header}\n\n{out.getvalue().decode().strip()}\n")
    file.with_suffix(".mo").write_bytes(mo_of(po(language)))
    return untranslated(known)


def untranslated(known: "Catalog") -> list[str]:
    return [ids(message)[0] for message in known if message.id and (message.fuzzy or not all(strings(message)))]


def ids(message: "Message") -> tuple[str, ...]:
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def strings(message: "Message") -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ("",))
