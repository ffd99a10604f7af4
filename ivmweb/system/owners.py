"""Whose a LUN is, in words: a partition by its name, where this console knows it."""

from collections.abc import Callable, Collection, Mapping
from uuid import UUID

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import OwnerState, OwnerWord
from ivmweb.system.models import LogicalPartition

# The names of partitions, of the UUIDs that are known.
Names = Callable[[Collection[UUID]], Mapping[UUID, str]]

_remembered: list[Names] = []


def remember(names: Names) -> None:
    """Ask these, too, for partitions that are not on record here any more. Called as Django starts."""
    if names not in _remembered:
        _remembered.append(names)


def names_of(texts: Collection[str]) -> dict[str, str]:
    """By the UUIDs of owner words; what is none, or is of a partition that nothing here knows, is not in it."""
    asked = {uuid: text for text in texts if (uuid := uuid_of(text)) is not None}
    found = dict(LogicalPartition.objects.filter(uuid__in=asked).values_list("uuid", "name"))
    for names in _remembered:
        if left := asked.keys() - found.keys():
            found |= names(left)
    return {asked[uuid]: name for uuid, name in found.items()}


def uuid_of(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def named(uuid: str) -> str:
    """`partition uli13lp1`, or the UUID instead where the name is not known."""
    return partition_in_words(uuid, names_of([uuid]))


def partition_in_words(uuid: str, names: Mapping[str, str]) -> str:
    return f"partition {names.get(uuid, uuid)}"


def in_words(word: OwnerWord) -> str:
    """`partition uli13lp1 on 7998-61X*100390A`."""
    offered = ", offered by a migration" if word.state is OwnerState.OFFERED else ""
    return f"{named(word.partition_uuid)} on {word.system}{offered}"


def say_whose(error: HypervisorError) -> None:
    """Where it is about a LUN of another partition, it says the name of that: the hypervisor knows UUIDs alone."""
    if error.key == "lun-of-other-partition":
        error.params["owner"] = named(error.params["uuid"])
