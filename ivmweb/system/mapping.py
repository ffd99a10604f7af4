"""Names, slots and location codes of virtual devices: pure decisions."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from itertools import count

FIRST_CLIENT_ID = 2


def scheme_slot(client_id: int) -> int:
    """IVM's slot on the management partition for the SCSI adapter of a client: 2 → 11, 3 → 13."""
    return 2 * client_id + 7


FIRST_SERVER_SLOT = scheme_slot(FIRST_CLIENT_ID)


def server_slot(client_id: int, taken: AbstractSet[int], limit: int) -> int | None:
    """The scheme's slot if free, else the next free SCSI slot above it; None when there is none below `limit`.

    Steps of two: the even slots are the clients' serial adapters.
    """
    return next((slot for slot in range(scheme_slot(client_id), limit, 2) if slot not in taken), None)


def server_slots(
    client_id: int,
    wanted: Sequence[int | None],
    taken: AbstractSet[int],
    limit: int,
    kept: AbstractSet[int] = frozenset(),
) -> tuple[int | None, ...]:
    """Of each adapter of a client: the wanted slot, else the scheme's next free one; None: it can't be given.

    `kept`: slots for adapters of others, which the scheme passes over.
    """
    named = {slot for slot in wanted if slot is not None} | kept
    used = set(taken)
    found: list[int | None] = []
    for slot in wanted:
        given = server_slot(client_id, used | named, limit) if slot is None else exactly(slot, used, limit)
        used |= {given} if given is not None else set()
        found.append(given)
    return tuple(found)


def exactly(slot: int, taken: AbstractSet[int], limit: int) -> int | None:
    """The slot itself where IVM's scheme has clients' SCSI adapters there (11, 13, ...) and it is free; else None."""
    return slot if slot in range(FIRST_SERVER_SLOT, limit, 2) and slot not in taken else None


def free_partition_id(wanted: int, taken: AbstractSet[int], limit: int) -> int | None:
    """The same ID if free, else the lowest free client ID; None when the system has its maximum of partitions."""
    if len(taken) >= limit:
        return None
    if wanted not in taken:
        return wanted
    return next(number for number in count(FIRST_CLIENT_ID) if number not in taken)


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
