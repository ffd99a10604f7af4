"""Settings that a scenario of the laboratory changes while the console runs.

The file `changed-settings.json` in the console's state folder says which, {"MOVER_SLOTS": 0}, and may be changed at
any time; every process of the console follows it at once.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import LazySettings

from ivmweb.lab.following import reader, replace_file

NAME = "changed-settings.json"
Changed = Callable[[], dict[str, Any]]
FOLLOWED = ("MOVER_HOST", "MOVER_SLOTS")


def follow(folder: Path) -> None:
    """From now on those settings are what the file says, where it says something."""
    changed: Changed = reader(folder / NAME, json.loads, {})
    for name in FOLLOWED:
        setattr(LazySettings, name, followed(name, changed))


def followed(name: str, changed: Changed) -> property:
    """On the class it goes before what an instance of LazySettings remembers of the first time it was asked."""
    return property(lambda settings: changed().get(name, getattr(settings._wrapped, name)))


def change(folder: Path, name: str, value: object) -> None:
    """None: as it was when the console started."""
    file = folder / NAME
    values = json.loads(file.read_text()) if file.exists() else {}
    replace_file(file, json.dumps({key: kept for key, kept in {**values, name: value}.items() if kept is not None}))
