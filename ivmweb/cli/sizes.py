"""Sizes as the commands of the Virtual I/O Server take them: `10G`, `512M`."""

import re

from ivmweb.cli.command import Arguments

SIZE = re.compile(r"([1-9][0-9]{0,6})([mMgG])[bB]?", re.ASCII)
MB_OF = {"m": 1, "g": 1024}
MOST_MB = 2**30


def megabytes(arguments: Arguments, option: str, text: str) -> int:
    """Raises PrerequisiteFailed."""
    found = SIZE.fullmatch(text)
    size_mb = int(found[1]) * MB_OF[found[2].lower()] if found else 0
    if not 0 < size_mb <= MOST_MB:
        raise arguments.wrong(option, text, "a size in megabytes or gigabytes, e.g. 512M or 10G")
    return size_mb
