"""The simulated hypervisor itself: what it does besides the VMC commands that all kinds have in common."""

import threading
from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from typing import ClassVar

from ivmweb.hypervisor.base import Definition, Digest
from ivmweb.hypervisor.simulated.faults import Faults
from ivmweb.hypervisor.simulated.memory import PAGE_BYTES
from ivmweb.hypervisor.simulated.partition import Partition, Surroundings
from ivmweb.hypervisor.vmc.machine import Machine, Options, refused

VERSION = "simulated 1"
MAX_UPTIME_S = 100 * 366 * 86400.0
KEPT_DIGESTS = 8


@dataclass(frozen=True)
class SimulatedOptions(Options):
    boot_step_s: float = 0.08


class SimulatedMachine(Machine[Partition]):
    COMMANDS: ClassVar[tuple[str, ...]] = (*Machine.COMMANDS, "set_uptime", "shut_down_from_inside")

    def __init__(self, options: SimulatedOptions) -> None:
        super().__init__(options)
        self._digests: defaultdict[int, OrderedDict[str, Digest]] = defaultdict(OrderedDict)
        self._digests_lock = threading.Lock()
        faults = Faults(options.state_dir / "faults.json")
        self._around = Surroundings(options.system, options.boot_step_s, faults, self._keep_digest)
        self.load()

    def make_partition(self, definition: Definition) -> Partition:
        return Partition(definition, self._around)

    @property
    def version(self) -> str:
        return self._around.faults.now().version or VERSION

    @property
    def hashes_pages(self) -> bool:
        return True

    @property
    def page_bytes(self) -> int:
        return PAGE_BYTES

    @property
    def is_silent(self) -> bool:
        return self._around.faults.now().silent

    def digest(self, lpar_id: int, migration_id: str) -> Digest | None:
        with self._digests_lock:
            return self._digests[lpar_id].get(migration_id) if lpar_id in self._digests else None

    def _keep_digest(self, lpar_id: int, digest: Digest) -> None:
        with self._digests_lock:
            kept = self._digests[lpar_id]
            kept[digest.migration_id] = digest
            while len(kept) > KEPT_DIGESTS:
                kept.popitem(last=False)

    # Lab only.

    def set_uptime(self, lpar_id: int, uptime_s: float) -> None:
        if not 0 <= uptime_s <= MAX_UPTIME_S:
            raise refused("set_uptime", f"{uptime_s} s are not between 0 and {MAX_UPTIME_S:.0f}")
        self.get(lpar_id).set_uptime(uptime_s)

    def shut_down_from_inside(self, lpar_id: int, restart: bool) -> None:
        self.get(lpar_id).shut_down_from_inside(restart=restart)
