"""Catalogue messages as pages show them: the code first, the text in the reader's language."""

from typing import Any

from django.utils.translation import gettext

from ivmweb.common.errors import IvmError, message


def text_of(key: str, params: dict[str, Any]) -> str:
    return gettext(message(key).text).format(**params)


def coded(key: str, /, **params: Any) -> str:
    """`[VIOSE01049000-9003] No partition is selected, ...`"""
    return f"[{message(key).code}] {text_of(key, params)}"


def words_of(error: IvmError) -> str:
    return coded(error.key, **error.params)
