"""`name=value,name=value`, as commands print and take it: a pair whose value has commas is quoted as a whole."""

from collections.abc import Collection, Iterable

from ivmweb.common.errors import PrerequisiteFailed

QUOTE = '"'


def quoted(text: str, separator: str = ",") -> str:
    """In double quotes where it has the separator or a double quote, which is doubled inside."""
    if separator not in text and QUOTE not in text:
        return text
    return f'"{text.replace(QUOTE, QUOTE * 2)}"'


def joined(values: Iterable[str], separator: str = ",") -> str:
    return separator.join(quoted(value, separator) for value in values)


def items(text: str, separator: str = ",") -> list[str]:
    """The reverse of joined(). Raises ValueError where a double quote is not closed, or in the middle of an item."""
    found, at = [], 0
    while True:
        item, at = item_at(text, at, separator)
        found.append(item)
        if at >= len(text):
            return found
        at += 1  # the separator
        if at == len(text):
            found.append("")
            return found


def item_at(text: str, at: int, separator: str) -> tuple[str, int]:
    """The item that begins there, and the place after it: of a separator, or the end."""
    if not text.startswith(QUOTE, at):
        end = text.find(separator, at)
        end = len(text) if end < 0 else end
        if QUOTE in text[at:end]:
            raise ValueError(text[at:end])
        return text[at:end], end
    pieces, at = [], at + 1
    while True:
        end = text.find(QUOTE, at)
        if end < 0:
            raise ValueError(text)
        pieces.append(text[at:end])
        at = end + 1
        if not text.startswith(QUOTE, at):
            break
        pieces.append(QUOTE)
        at += 1
    if at < len(text) and not text.startswith(separator, at):
        raise ValueError(text)
    return "".join(pieces), at


def pairs(text: str, repeatable: Collection[str] = ()) -> dict[str, str]:
    """Raises PrerequisiteFailed where it is no such list, or a name comes twice with two values.

    Of what is `repeatable` the last one counts.
    """
    found: dict[str, str] = {}
    try:
        for item in items(text.strip()):
            name, equals, value = item.partition("=")
            name = name.strip()
            if not equals or not name:
                raise ValueError(item)
            if found.get(name, value) != value and name not in repeatable:
                raise PrerequisiteFailed("cli-parameter-twice", option=name[:64])
            found[name] = value
    except ValueError as exc:
        raise PrerequisiteFailed("cli-pairs-wrong", text=text[:200] or '""') from exc
    return found
