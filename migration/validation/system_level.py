"""Which levels of AIX and Linux can be moved while they run. Pure."""

import re
from dataclasses import dataclass

NEEDED = "AIX 5.3 TL7, AIX 6.1 or Linux 2.6.16"  # or newer
OLDEST_AIX = (5, 3, 7)
OLDEST_LINUX = (2, 6, 16)


@dataclass(frozen=True)
class Level:
    is_supported: bool
    is_told: bool = True  # false: the system is known, its level is not


def level_of(os_version: str) -> Level | None:
    """Of `AIX 6.1 6100-02-02-0943`, `AIX 5.3 5300-07`, `Linux 2.6.18-8.el5`, `Linux`; None: neither AIX nor Linux."""
    name, _, rest = os_version.strip().partition(" ")
    version = tuple(int(number) for number in re.findall(r"\d+", rest.split(" ")[0].split("-")[0])[:3])
    if name == "Linux":
        return Level(is_supported=not version or version >= OLDEST_LINUX, is_told=bool(version))
    if name == "AIX":
        return aix_level(version, rest)
    return None


def aix_level(version: tuple[int, ...], rest: str) -> Level:
    """Only 5.3 needs its technology level: `5300-07` after the version."""
    if not version:
        return Level(is_supported=True, is_told=False)
    if version[:2] != OLDEST_AIX[:2]:
        return Level(is_supported=version[:2] > OLDEST_AIX[:2])
    level = re.search(r"\d{4}-(\d{2})", rest)
    if level is None:
        return Level(is_supported=True, is_told=False)
    return Level(is_supported=int(level[1]) >= OLDEST_AIX[2])
