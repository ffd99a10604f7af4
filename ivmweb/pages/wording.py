"""Catalogue messages as pages show them: the code first, the text in the reader's language."""

from dataclasses import replace
from typing import Any

from django.utils.translation import gettext

from ivmweb.common.errors import IvmError, message
from ivmweb.common.sentence import Sentence
from migration.told import told_params


def text_of(key: str, params: dict[str, Any]) -> str:
    return gettext(message(key).text).format(**told_params(params))


def coded(key: str, /, **params: Any) -> str:
    """`[VIOSE01049000-9003] No partition is selected, ...`"""
    return f"[{message(key).code}] {text_of(key, params)}"


def translated(stored: str) -> str:
    """An English text that a record holds, such as the name of a task; one that names things stays as it is."""
    return gettext(stored) if stored else ""


def in_words(sentence: Sentence) -> str:
    """A sentence of a record, in the reader's language, with its code."""
    return replace(sentence, params=told_params(sentence.params)).in_words(translated(sentence.text))


def words_of(error: IvmError) -> str:
    return coded(error.key, **error.params)
