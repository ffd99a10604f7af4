"""Faults by configuration: what a real hypervisor does on a bad day, switched on by a file."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path

from ivmweb.hypervisor.vmc.codec import Malformed, from_json

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FaultSwitches:
    """docs/hypervisor.md, "Faults by configuration"."""

    rmc: str = ""
    not_ready_for_migration: bool = False
    refuse_activate: bool = False
    stay_starting: bool = False
    stall_out_after_bytes: int | None = None
    fail_incoming_after_bytes: int | None = None
    fail_load: bool = False
    silent: bool = False
    version: str = ""


class Faults:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._switches = FaultSwitches()

    def now(self) -> FaultSwitches:
        """The switches of the file as it is now; a file that can't be read changes nothing and is logged once."""
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
        except FileNotFoundError:
            self._seen, self._switches = None, FaultSwitches()
            return self._switches
        if stamp != self._seen:
            self._seen = stamp
            self._load()
        return self._switches

    def _load(self) -> None:
        try:
            self._switches = from_json(FaultSwitches, json.loads(self._path.read_text()), "faults")
            logger.info("faults: %s", self._switches)
        except (OSError, ValueError, Malformed) as exc:
            logger.error("%s is not used: %s", self._path, exc)
