"""What becomes of each thing that a domain file says: taken over, without effect here, or left out with a reason."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.common.printable import printable
from ivmweb.system.libvirt.xml_file import Element

LONGEST = 60  # of what the file says, where it is shown
SECRETS = frozenset({"passwd", "password", "secret", "uuid_secret"})
UNKNOWN = "this console does not know it. Look up what it does in libvirt's description of domain files."


class Verdict(StrEnum):
    TAKEN = "taken over"
    HARMLESS = "without effect here"
    LEFT = "left out"


@dataclass(frozen=True)
class Rule:
    """Of an element with all that is in it, whatever it says."""

    verdict: Verdict
    words: str


@dataclass(frozen=True)
class Finding:
    line: int
    what: str  # `devices/disk device=cdrom`
    verdict: Verdict
    words: str  # what it becomes, or why it does not matter, or why it is left out and what to do


class Findings:
    """Of one file, in the order in which they are made."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.made: list[Finding] = []

    def taken(self, element: Element, path: str, words: str) -> None:
        self._add(element, path, Verdict.TAKEN, words)

    def harmless(self, element: Element, path: str, words: str) -> None:
        self._add(element, path, Verdict.HARMLESS, words)

    def left(self, element: Element, path: str, words: str) -> None:
        self._add(element, path, Verdict.LEFT, words)

    def attribute(self, element: Element, path: str, name: str, words: str, verdict: Verdict = Verdict.LEFT) -> None:
        """A finding about one of its attributes alone, where it has that."""
        if name in element.attributes:
            value = "***" if name in SECRETS else printable(element.attributes[name])[:LONGEST]
            self.made.append(Finding(element.line, f"{path} {name}={value}", verdict, words))

    def by_rules(self, rules: dict[str, Rule], elements: Iterable[Element], path: str) -> None:
        """Each by the rule of its name; one that has none is left out."""
        for element in elements:
            rule = rules.get(element.name, Rule(Verdict.LEFT, UNKNOWN))
            self._add(element, f"{path}/{element.name}" if path else element.name, rule.verdict, rule.words)

    def rest(
        self,
        element: Element,
        path: str,
        attributes: Collection[str] = (),
        rules: dict[str, Rule] | None = None,
        children: Collection[str] = (),
    ) -> None:
        """All that is in it beside these attributes and children, so that nothing goes unsaid."""
        for name in element.attributes:
            if name not in attributes:
                self.attribute(element, path, name, UNKNOWN)
        others = (one for one in element.children if one.name not in children)
        self.by_rules(rules or {}, others, path)

    def wrong(self, element: Element, value: str, needed: str) -> PrerequisiteFailed:
        names = {"element": element.name, "line": element.line, "file": printable(self.file)[:LONGEST]}
        return PrerequisiteFailed(
            "libvirt-value-wrong", value=printable(value)[:LONGEST] or '""', needed=needed, **names
        )

    def _add(self, element: Element, path: str, verdict: Verdict, words: str) -> None:
        self.made.append(Finding(element.line, f"{path}{shown(element)}", verdict, words))


def shown(element: Element) -> str:
    """` type=file device=cdrom`, or `: text`, in short and without secrets."""
    said = [f" {name}={value}" for name, value in element.attributes.items() if name not in SECRETS]
    said += [f": {element.text}"] if element.text else []
    text = printable("".join(said))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
