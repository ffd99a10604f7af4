"""JSON lines of VMC and VASI, and dataclasses as JSON: strict, bounded, no guessing."""

import json
from dataclasses import asdict, fields, is_dataclass
from enum import Enum
from functools import cache
from socket import MSG_PEEK as _PEEK
from socket import socket
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

MAX_LINE_BYTES = 64 * 1024
MAX_ANSWER_BYTES = 1024 * 1024  # describe_system with many partitions


class Malformed(Exception):
    """What arrived is not what it should be; the text says in what."""


def to_json(value: object) -> Any:
    """Dataclasses and tuples of them as plain JSON values."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return value


def from_json(expected: Any, value: Any, name: str = "value") -> Any:
    """`value` as the annotated type; raises Malformed for a missing, surplus or mistyped part."""
    if is_dataclass(expected):
        return _dataclass_from_json(expected, value, name)
    origin, arguments = get_origin(expected), get_args(expected)
    if origin in (Union, UnionType):
        return None if value is None and NoneType in arguments else from_json(arguments[0], value, name)
    if origin in (tuple, list):
        if not isinstance(value, list):
            raise Malformed(f"{name} has to be a list")
        return origin(from_json(arguments[0], item, f"{name}[]") for item in value)
    return _plain_from_json(expected, value, name)


def _dataclass_from_json(expected: Any, value: Any, name: str) -> Any:
    hints = _hints(expected)
    if not isinstance(value, dict) or not set(value) <= set(hints):
        raise Malformed(f"{name} has to be an object with the fields {', '.join(hints)}")
    known = {key: from_json(hints[key], item, f"{name}.{key}") for key, item in value.items()}
    try:
        return expected(**known)
    except TypeError as exc:  # a field without a default is missing
        raise Malformed(f"{name}: {exc}") from exc


@cache
def _hints(expected: Any) -> dict[str, Any]:
    hints = get_type_hints(expected)
    return {field.name: hints[field.name] for field in fields(expected)}


def _plain_from_json(expected: Any, value: Any, name: str) -> Any:
    if issubclass(expected, Enum):
        try:
            return expected(value)
        except ValueError as exc:
            raise Malformed(f"{name} is {value!r}, not one of {', '.join(str(e.value) for e in expected)}") from exc
    if expected is float and type(value) is int:
        return float(value)
    if type(value) is not expected:  # isinstance would take true for a number
        raise Malformed(f"{name} has to be of type {expected.__name__}, not {type(value).__name__}")
    return value


def send_line(connection: socket, value: Any) -> None:
    connection.sendall(json.dumps(value, separators=(",", ":")).encode() + b"\n")


def read_line(connection: socket, limit: int = MAX_LINE_BYTES) -> Any:
    """One JSON line and not a byte more; raises Malformed, or OSError (time-outs too). None: closed before a byte."""
    line = b""
    while not line.endswith(b"\n"):
        ahead = connection.recv(4096, _PEEK)  # the bytes after the line belong to the state stream
        if not ahead:
            if line:
                raise Malformed("the line was cut off")
            return None
        length = ahead.find(b"\n") + 1 or len(ahead)
        line += connection.recv(length)
        if len(line) > limit:
            raise Malformed(f"the line is longer than {limit} bytes")
    return parse(line)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")  # NaN is neither below nor above any bound


def parse(line: bytes) -> Any:
    try:
        return json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as exc:
        raise Malformed(f"the line is not JSON ({exc})") from exc
