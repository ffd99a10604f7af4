"""Listings of `ls` commands about partitions and the system: attributes, `-F`, `--header`, `--filter`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from string import punctuation
from typing import Generic, TypeVar

from ivmweb.cli.command import SUCCESS, Arguments, Io, Option
from ivmweb.cli.pairs import items, joined, pairs
from ivmweb.common.digits import is_whole
from ivmweb.common.errors import PrerequisiteFailed

Row = TypeVar("Row")

NOT_APPLICABLE = "null"
SEPARATORS = frozenset(punctuation) - {"_", "-", '"'}
FILTER = Option("--filter", "filter-data", "only those, e.g. lpar_names=uli13lp1 or lpar_ids=2")
FIELDS = Option("-F", "attribute-names", "values only, of these attributes or of all", optional=True)
HEADER = Option("--header", help="with -F: a first line with the attribute names")
LISTING = (FILTER, FIELDS, HEADER)
MOST_DIGITS = 5
FILTERS_OF_NUMBERS = {
    "lpar_ids": "a partition ID such as 2, or several with commas",
    "slots": "a slot number such as 4, or several with commas",
}


@dataclass(frozen=True)
class Attribute(Generic[Row]):
    """`value` answers None where it does not apply: the pair is left out then, and `-F` says `null`."""

    name: str
    value: Callable[[Row], str | int | None]


def told(value: str | int | None) -> str | None:
    return None if value is None else str(value)


def print_records(arguments: Arguments, io: Io, attributes: Sequence[Attribute[Row]], rows: Iterable[Row]) -> int:
    """Raises PrerequisiteFailed for an unknown attribute, before anything is printed."""
    chosen, separator = choose(arguments, attributes)
    lines = [line_of(row, chosen, separator, named=not arguments.has(FIELDS.name)) for row in rows]
    if not lines:
        io.complain(PrerequisiteFailed("cli-no-results"))
        return SUCCESS
    if arguments.has(HEADER.name):
        lines.insert(0, separator.join(attribute.name for attribute in chosen))
    io.out("".join(f"{line}\n" for line in lines))
    return SUCCESS


def choose(arguments: Arguments, attributes: Sequence[Attribute[Row]]) -> tuple[list[Attribute[Row]], str]:
    """The wanted attributes in the asked order, and what stands between their values."""
    if arguments.has(HEADER.name) and not arguments.has(FIELDS.name):
        raise PrerequisiteFailed("cli-parameter-missing", option=FIELDS.name)
    wanted = arguments.text(FIELDS.name)
    if not wanted:
        return list(attributes), ","
    separator = separator_of(wanted)
    known = {attribute.name: attribute for attribute in attributes}
    return [find(known, name.strip()) for name in split(wanted, separator)], separator


def separator_of(names: str) -> str:
    """A comma, or else the first mark between names: `type_model*serial_num` prints as a system is identified."""
    if "," in names:
        return ","
    return next((mark for mark in names if mark in SEPARATORS), ",")


def split(text: str, separator: str) -> list[str]:
    try:
        return items(text, separator)
    except ValueError:
        return [text]


def find(known: Mapping[str, Attribute[Row]], name: str) -> Attribute[Row]:
    if name not in known:
        raise PrerequisiteFailed("cli-attribute-unknown", attribute=name[:64] or '""', attributes=", ".join(known))
    return known[name]


def line_of(row: Row, attributes: Sequence[Attribute[Row]], separator: str, *, named: bool) -> str:
    values = [(attribute.name, told(attribute.value(row))) for attribute in attributes]
    if named:
        return joined(f"{name}={value}" for name, value in values if value is not None)
    return joined((NOT_APPLICABLE if value is None else value for _name, value in values), separator)


def filters(arguments: Arguments, known: Sequence[str]) -> dict[str, list[str]]:
    """The wanted values of each filter. Raises PrerequisiteFailed for another one."""
    if not arguments.has(FILTER.name):
        return {}
    wanted = pairs(arguments.text(FILTER.name))
    for name in wanted:
        if name not in known:
            raise PrerequisiteFailed("cli-filter-unknown", name=name[:64], filters=", ".join(known) or "none")
    for name, value in wanted.items():
        check_filter(name, value)
    # A name may have a comma itself: then the whole value is one.
    return {name: [value, *value.split(",")] for name, value in wanted.items()}


def check_filter(name: str, value: str) -> None:
    """Raises PrerequisiteFailed for what nothing here could ever have."""
    needed = FILTERS_OF_NUMBERS.get(name)
    if not value or (needed and not all(is_number(one) for one in value.split(","))):
        raise PrerequisiteFailed(
            "cli-filter-wrong", name=name, value=value[:64] or '""', needed=needed or "a name, or several with commas"
        )


def is_number(text: str) -> bool:
    """Without leading zeros, so that the same one is the same text."""
    return is_whole(text, MOST_DIGITS) and text == str(int(text))
