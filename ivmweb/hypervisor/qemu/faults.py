"""Faults by configuration, for the lab: `faults.json` in the hypervisor's state folder (docs/hypervisor.md)."""

import json
from contextlib import suppress
from pathlib import Path


def holds_switchover(state_dir: Path) -> bool:
    """Partitions that are suspended for a move wait, before the last of their state is sent."""
    with suppress(OSError, ValueError):
        return bool(json.loads((state_dir / "faults.json").read_text()).get("hold_switchover"))
    return False
