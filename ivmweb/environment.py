"""Values of the environment, read once at the start; a bad one raises ImproperlyConfigured with its name."""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from ivmweb.common.digits import is_whole


def text(name: str, default: str | None = None) -> str:
    """Without a default it has to be set."""
    if file := os.environ.get(f"{name}_FILE"):
        try:
            return Path(file).read_text().strip()
        except (OSError, UnicodeDecodeError) as exc:
            raise ImproperlyConfigured(f"{name}_FILE is {file!r}, and can't be read: {exc}") from exc
    value = os.environ.get(name, default)
    if value is None:
        raise ImproperlyConfigured(f"{name} is not set (or {name}_FILE, the path of a file that holds it).")
    return value


def number(name: str, default: float, *, low: float = 0.0) -> float:
    value = text(name, str(default))
    try:
        found = float(value)
    except ValueError:
        raise bad(name, value, "a number") from None
    if not low <= found < float("inf"):
        raise bad(name, value, f"{low:g} or more")
    return found


def whole(name: str, default: int, *, low: int) -> int:
    value = text(name, str(default))
    if not is_whole(value, 9) or int(value) < low:
        raise bad(name, value, f"a whole number, {low} or more")
    return int(value)


def switch(name: str, default: bool = False) -> bool:
    value = text(name, str(default)).lower()
    if value not in {"true", "false", "1", "0", "yes", "no"}:
        raise bad(name, value, "true or false")
    return value in {"true", "1", "yes"}


def address(name: str, default: str) -> str:
    """HOST:PORT; nothing only where that is the default."""
    value = text(name, default)
    host, _, port = value.rpartition(":")
    if value != default and not (host and is_port(port)):
        raise bad(name, value, "HOST:PORT, as in 127.0.0.1:8443")
    return value


def ports(name: str, default: str) -> str:
    value = text(name, default)
    low, dash, high = value.partition("-")
    if value != default and not (is_port(low) and (not dash or (is_port(high) and int(low) <= int(high)))):
        raise bad(name, value, "0 (any free port), one port, or a range as in 30100-30107")
    return value


def is_port(value: str) -> bool:
    return is_whole(value, 5) and 0 < int(value) <= 65535


def one_of(name: str, default: str, known: tuple[str, ...]) -> str:
    value = text(name, default)
    if value not in known:
        raise bad(name, value, f"one of {', '.join(known)}")
    return value


def bad(name: str, value: str, needed: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name} is {value!r}; it must be {needed}.")
