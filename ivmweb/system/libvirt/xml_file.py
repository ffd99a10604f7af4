"""A domain file as a tree: read within bounds, and refused where it wants more than elements, attributes and text.

A file may come from anybody. Entities, which can make gigabytes of a few lines or name other files, are declared in a
document type declaration; libvirt writes none, so any such declaration is refused before an entity is looked at.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn
from xml.parsers import expat

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.common.printable import printable
from ivmweb.system.libvirt import messages  # noqa: F401 (registers them)

STANDARD_INPUT = "-"
MOST_BYTES = 1_048_576  # the largest real ones, with hundreds of disks, have a tenth of it
MOST_ELEMENTS = 20_000
DEEPEST = 32
SHOWN = 100  # characters of a name or a reason


@dataclass
class Element:
    name: str  # with its name space before it and a space between, where it has one
    line: int
    attributes: dict[str, str]
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def child(self, name: str) -> "Element | None":
        return next((one for one in self.children if one.name == name), None)

    def get(self, path: str, attribute: str) -> str:
        """`get("driver", "type")`: of its first child of that name; empty where there is none."""
        found = self.child(path)
        return found.attributes.get(attribute, "") if found else ""


def read(name: str) -> Element:
    """The root of that file, or of standard input. Raises PrerequisiteFailed."""
    return parse(_bytes_of(name), name)


def unusable(name: str, reason: str) -> PrerequisiteFailed:
    return PrerequisiteFailed(
        "libvirt-file-unusable", file=printable(name)[:SHOWN], reason=printable(reason)[: 2 * SHOWN]
    )


def _bytes_of(name: str) -> bytes:
    try:
        if name == STANDARD_INPUT:
            data = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as exc:  # ValueError: a zero byte in the name
        raise unusable(name, getattr(exc, "strerror", None) or str(exc)) from exc
    if len(data) > MOST_BYTES:
        raise unusable(name, f"it has more than {MOST_BYTES} bytes")
    return data


def parse(data: bytes, name: str) -> Element:
    """`name`: of the file, for messages. Raises PrerequisiteFailed."""
    builder = _Builder(name)
    try:
        builder.parser.Parse(data, True)
    except expat.ExpatError as exc:
        raise unusable(name, f"line {exc.lineno} is no XML ({expat.ErrorString(exc.code)})") from exc
    except (LookupError, ValueError) as exc:  # of its encoding
        raise unusable(name, str(exc)) from exc
    assert builder.root is not None  # noqa: S101 (expat refuses a document without an element)
    return builder.root


class _Builder:
    def __init__(self, name: str) -> None:
        self.root: Element | None = None
        self._name = name
        self._open: list[Element] = []
        self._count = 0
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._begin
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._refuse_doctype

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MOST_ELEMENTS:
            raise unusable(self._name, f"it has more than {MOST_ELEMENTS} elements")
        if len(self._open) >= DEEPEST:
            raise unusable(self._name, f"line {self._line} is deeper than {DEEPEST} elements")
        element = Element(name, self._line, attributes)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def _end(self, _name: str) -> None:
        element = self._open.pop()
        element.text = element.text.strip()

    def _text(self, text: str) -> None:
        self._open[-1].text += text

    def _refuse_doctype(self, *_declared: Any) -> NoReturn:
        raise unusable(self._name, f"line {self._line} declares a document type, and no domain has one")

    @property
    def _line(self) -> int:
        return self.parser.CurrentLineNumber
