"""Parts of `host:port` as people and settings write it."""

from urllib.parse import urlsplit

HTTPS_PORT = 443


def host_of(address: str) -> str:
    """`uli14` of `uli14:8414`, `::1` of `[::1]:8414`."""
    return urlsplit(f"//{address}").hostname or ""


def port_of(address: str) -> int:
    return urlsplit(f"//{address}").port or HTTPS_PORT
