"""Names, slots and location codes of virtual devices: pure decisions."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from itertools import count


def scheme_slot(client_id: int) -> int:
    """IVM's slot on the management partition for the SCSI adapter of a client: 2 → 11, 3 → 13."""
    return 2 * client_id + 7


def server_slot(client_id: int, taken: AbstractSet[int], limit: int) -> int | None:
    """The scheme's slot if free, else the next free SCSI slot above it; None when there is none below `limit`.

    Steps of two: the even slots are the clients' serial adapters.
    """
    return next((slot for slot in range(scheme_slot(client_id), limit, 2) if slot not in taken), None)


def free_partition_id(wanted: int, taken: AbstractSet[int], limit: int) -> int | None:
    """The same ID if free, else the lowest free client ID; None when the system has its maximum of partitions."""
    if len(taken) >= limit:
        return None
    if wanted not in taken:
        return wanted
    return next(number for number in count(2) if number not in taken)


def keep_or_rename(wanted: Sequence[str], prefix: str, taken: Iterable[str]) -> list[str]:
    """A name for each wanted one: itself where free, else the lowest free number after `prefix`.

    Wanted names that are free are kept first: vtscsi0 taken, vtscsi0 and vtscsi1 wanted → vtscsi2 and vtscsi1.
    """
    used = set(taken)
    kept: list[str | None] = []
    for name in wanted:
        kept.append(None if name in used else name)
        used.add(name)
    numbers = (name for number in count() if (name := f"{prefix}{number}") not in used)
    return [name if name is not None else next(numbers) for name in kept]


def virtual_location(system_prefix: str, lpar_id: int, slot: int) -> str:
    """`U7998.61X.100390A-V1-C11`; an Ethernet adapter's port adds `-T1`."""
    return f"{system_prefix}-V{lpar_id}-C{slot}"


def client_partition_id(lpar_id: int, *, is_activated: bool) -> str:
    """As lsmap prints it: 0x00000000 while the client is off, since it is not logged in then."""
    return f"0x{lpar_id if is_activated else 0:08x}"
