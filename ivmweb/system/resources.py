"""Memory and processors of a partition by an amount: added, removed, or moved to another partition.

The checks, the state that it takes and the row in Monitor Tasks are those of a change of its properties.
"""

from dataclasses import dataclass
from decimal import Decimal

from ivmweb.system.changes import Asked, Value
from ivmweb.system.models import LogicalPartition
from ivmweb.system.models.partition import ProcessorMode
from ivmweb.system.properties import Change, change_together
from ivmweb.system.rights import AnyUser
from ivmweb.system.sections import MEMORY_SECTION, PROCESSING, whole_units


@dataclass(frozen=True)
class Amount:
    """More than there is, or, negative, less."""

    memory_mb: int = 0
    processing_units: Decimal = Decimal(0)
    virtual_processors: int = 0

    def __neg__(self) -> "Amount":
        return Amount(-self.memory_mb, -self.processing_units, -self.virtual_processors)

    def of_processors(self, partition: LogicalPartition) -> dict[str, Value]:
        """Of dedicated ones the units follow."""
        more: dict[str, Value] = {
            "processing_units": self.processing_units,
            "virtual_processors": self.virtual_processors,
        }
        if partition.processor_mode == ProcessorMode.DEDICATED and not self.processing_units:
            return more | whole_units(more)
        return more


def add(partition: LogicalPartition, amount: Amount, *, user: AnyUser, origin: str) -> None:
    """Raises PrerequisiteFailed or HypervisorError with nothing changed."""
    change_together([change_by(partition, amount, user, origin)])


def move(partition: LogicalPartition, to: LogicalPartition, amount: Amount, *, user: AnyUser, origin: str) -> None:
    """The one has less and the other one more, or both stay as they are: raises as add()."""
    change_together([change_by(partition, -amount, user, origin), change_by(to, amount, user, origin)])


def change_by(partition: LogicalPartition, amount: Amount, user: AnyUser, origin: str) -> Change:
    if amount.memory_mb:
        return Change(partition, MEMORY_SECTION, Asked({"memory_mb": amount.memory_mb}, user, origin), by=True)
    return Change(partition, PROCESSING, Asked(amount.of_processors(partition), user, origin), by=True)
