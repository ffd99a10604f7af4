"""Columns and fields of Virtual I/O Server listings: `-field` chooses, `-fmt` puts a character between values."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ivmweb.cli.command import Arguments, Io, Option
from ivmweb.common.errors import PrerequisiteFailed

FIELD = Option("-field", "field", "these fields only", many=True)
FORMAT = Option("-fmt", "delimiter", "values with this between them, without a header")


@dataclass(frozen=True)
class Column:
    """`width` counts the characters up to the next column's blank; 0: the last one, not filled up."""

    field: str
    title: str
    width: int = 0
    right: bool = False

    def cell(self, text: str) -> str:
        return f"{text:>{self.width}}" if self.right else f"{text:<{self.width}}"


Row = Mapping[str, str]


def chosen(
    arguments: Arguments,
    known: Sequence[str],
    also: Mapping[str, str] | None = None,
    shown: Sequence[str] = (),
) -> list[str]:
    """The wanted fields in the asked order, whatever their case. Raises PrerequisiteFailed.

    `also`: other names of fields. `shown`: those without -field, where it is not all.
    """
    wanted = [(also or {}).get(name.lower(), name.lower()) for name in arguments.words(FIELD.name)]
    for name in wanted:
        if name not in known:
            raise PrerequisiteFailed(
                "cli-attribute-unknown", attribute=name[:64] or '""', attributes=", ".join(known)
            )
    return wanted or list(shown or known)


def fields_of(arguments: Arguments, columns: Sequence[Column], shown: Sequence[str] = ()) -> list[str]:
    """As chosen(); titles of columns serve as names of fields, too."""
    by_title = {column.title.lower(): column.field for column in columns}
    return chosen(arguments, [column.field for column in columns], by_title, shown)


def print_table(
    arguments: Arguments, io: Io, columns: Sequence[Column], rows: Iterable[Row], shown: Sequence[str] = ()
) -> None:
    """A header and a line for each row, nothing at all without rows; or the values alone with -fmt.

    `shown`: the fields without -field, where it is not all.
    """
    by_field = {column.field: column for column in columns}
    wanted = [by_field[name] for name in fields_of(arguments, columns, shown)]
    lines = list(rows)
    if arguments.has(FORMAT.name):
        io.out(delimited(arguments, [column.field for column in wanted], lines))
    elif lines:
        heads = {column.field: column.title for column in wanted}
        io.out("".join(in_line(wanted, row) for row in [heads, *lines]))


def in_line(columns: Sequence[Column], row: Row) -> str:
    return " ".join(column.cell(row[column.field]) for column in columns).rstrip() + "\n"


def delimited(arguments: Arguments, fields: Sequence[str], rows: Iterable[Row]) -> str:
    delimiter = arguments.text(FORMAT.name)
    return "".join(delimiter.join(row[name] for name in fields) + "\n" for row in rows)


@dataclass(frozen=True)
class Detail:
    field: str
    label: str


def print_details(arguments: Arguments, io: Io, pairs: Sequence[tuple[Detail, ...]], row: Row, width: int) -> None:
    """Two labelled values a line; those asked for alone, a line each; or the values alone with -fmt.

    `width`: of a value in the left column.
    """
    known = {detail.field: detail for line in pairs for detail in line}
    wanted = chosen(arguments, list(known))
    if arguments.has(FORMAT.name):
        io.out(delimited(arguments, wanted, [row]))
    elif arguments.has(FIELD.name):
        io.out("".join(f"{known[name].label:<20}{row[name]}".rstrip() + "\n" for name in wanted))
    else:
        io.out("".join(detail_line(line, row, width) for line in pairs))


def detail_line(details: tuple[Detail, ...], row: Row, width: int) -> str:
    left, *right = details
    text = f"{left.label:<20}{row[left.field]:<{width}}"
    return (text + "".join(f"{detail.label:<16}{row[detail.field]}" for detail in right)).rstrip() + "\n"
