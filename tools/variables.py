"""Numbers that a person may set for the lab: checked before anything starts, so that a bad one is one sentence."""

from collections.abc import Mapping
from dataclasses import dataclass

from tools.paths import ToolError


@dataclass(frozen=True)
class Range:
    least: float
    most: float
    multiple_of: int = 0  # 0: any number, also a fraction

    def describe(self) -> str:
        kind = f"a multiple of {self.multiple_of}" if self.multiple_of > 1 else "a number"
        kind = "a whole number" if self.multiple_of == 1 else kind
        return f"{kind} from {self.least:g} to {self.most:g}"

    def holds(self, text: str) -> bool:
        try:
            value = int(text) if self.multiple_of else float(text)
        except ValueError:
            return False
        return self.least <= value <= self.most and not (self.multiple_of and value % self.multiple_of)


PORT_OFFSET = "IVM_LAB_PORT_OFFSET"
MEMORY = "IVM_LAB_MEMORY_MB"
NUMBERS = {
    PORT_OFFSET: Range(0, 57000, multiple_of=1),
    # Two partitions of that size on uli13: 8192 MB less the management partition and firmware; regions of 16 MB.
    MEMORY: Range(16, 3424, multiple_of=16),
    "IVM_LAB_WORKLOAD": Range(0, 10_000),
    "IVM_LAB_BOOT_STEP_MS": Range(0, 60_000, multiple_of=1),
    "IVM_LEASE_S": Range(0.5, 3600),
    "IVM_RECOVERY_GRACE_S": Range(0, 3600),
    "IVM_SCHEDULE_S": Range(0.1, 3600),
    "IVM_PEER_TIMEOUT_S": Range(0.1, 600),
    "IVM_TOKEN_LIFE_S": Range(1, 86_400),
    "IVM_SESSION_S": Range(10, 86_400, multiple_of=1),
    "IVM_API_TOKEN_LIFE_S": Range(1, 864_000),
    "IVM_MOVER_SLOTS": Range(1, 64, multiple_of=1),
}
OF_REAL_GUESTS = {MEMORY: Range(256, 3328, multiple_of=256)}  # QEMU's pseries takes nothing between


def check(environment: Mapping[str, str], *, real_guests: bool = False) -> None:
    """Raises ToolError for the first number that is none, or out of its range; what is not set is not looked at."""
    for name, range_ in {**NUMBERS, **(OF_REAL_GUESTS if real_guests else {})}.items():
        value = environment.get(name)
        if value and not range_.holds(value):
            raise ToolError(f"{name} is {value!r}; it must be {range_.describe()}.")


def port_offset(environment: Mapping[str, str]) -> int:
    check(environment)
    return int(environment.get(PORT_OFFSET) or 0)
