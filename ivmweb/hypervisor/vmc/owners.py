"""Owner words of a partition's LUNs: read before it runs, taken where free, changed at a hand-over."""

import logging
import time
from collections.abc import Iterable
from pathlib import Path

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor import block_io, lun
from ivmweb.hypervisor.base import Definition, LunFacts, LunReference, OwnerWord

logger = logging.getLogger(__name__)

SETTLE_S = 1.0  # longer than a server takes from reading a word to having written another one


def read_words(definition: Definition) -> tuple[OwnerWord, ...]:
    """Raises HypervisorError where a LUN is missing, damaged, or another one than the definition says."""
    for reference in definition.luns:
        check_identity(reference)
    return tuple(lun.read_word(Path(reference.path)) for reference in definition.luns)


def look(reference: LunReference) -> LunFacts:
    path = Path(reference.path)
    try:
        there = checked(reference)
        return LunFacts(reference.unique_id, owner=there.word, is_device=block_io.is_device(path), mark=there.mark)
    except HypervisorError as exc:
        return LunFacts(reference.unique_id, error=exc.text)


def check_identity(reference: LunReference) -> None:
    checked(reference)


def checked(reference: LunReference) -> lun.Content:
    """What its block says. Raises HypervisorError where it can't be read, or is another LUN's."""
    there = lun.read(Path(reference.path))
    found = there.identity.unique_id
    if found != reference.unique_id:
        raise HypervisorError("lun-mismatch", path=reference.path, found=found, unique_id=reference.unique_id)
    return there


def mark(definition: Definition, migration_id: str) -> None:
    for reference in definition.luns:
        check_identity(reference)
        lun.set_mark(Path(reference.path), migration_id)


def may_run(word: OwnerWord, partition_uuid: str, system: str) -> bool:
    return word.is_free or word.is_owned_by(partition_uuid, system)


def claim(definition: Definition, system: str) -> None:
    """Every LUN is owned by this system for this partition, or HypervisorError and none was taken.

    All words are read first. If another system takes a free LUN in between, those taken by us before are given back.
    """
    words = read_words(definition)
    for reference, word in zip(definition.luns, words, strict=True):
        if not may_run(word, definition.uuid, system):
            raise _refused(definition, reference, word, system)
    ours = OwnerWord(partition_uuid=definition.uuid, system=system)
    taken: list[tuple[LunReference, OwnerWord]] = []
    for reference, word in zip(definition.luns, words, strict=True):
        if not word.is_free:
            continue
        found = lun.change_word(Path(reference.path), word, ours)
        if found != word:
            _give_back(taken, ours)
            raise _refused(definition, reference, found, system)
        taken.append((reference, word))
    _look_again(definition, taken, ours)


def _look_again(definition: Definition, taken: list[tuple[LunReference, OwnerWord]], ours: OwnerWord) -> None:
    """Of block devices, which no lock guards between servers: of two that took one at once the later has it.

    Raises HypervisorError where that is not this server. One that was held up for longer between reading the word and
    writing it is not seen; nothing but a reservation of the device itself could keep it out.
    """
    devices = [reference for reference, _word in taken if block_io.is_device(Path(reference.path))]
    if not devices:
        return
    time.sleep(SETTLE_S)
    for reference in devices:
        found = lun.read_word(Path(reference.path))
        if found != ours:
            _give_back(taken, ours)
            raise _refused(definition, reference, found, ours.system)


def _give_back(taken: list[tuple[LunReference, OwnerWord]], ours: OwnerWord) -> None:
    for reference, before in taken:
        lun.change_word(Path(reference.path), ours, before)


def give_up(references: Iterable[LunReference], partition_uuid: str, system: str) -> None:
    """Free those that this system owns for this partition; others, and those that can't be read, are left alone."""
    for reference in references:
        try:
            check_identity(reference)
            word = lun.read_word(Path(reference.path))
            if not word.is_free and may_run(word, partition_uuid, system):
                lun.change_word(Path(reference.path), word, OwnerWord())
        except HypervisorError as exc:
            logger.warning("LUN %s is not given back: %s", reference.unique_id, exc)


def change(definition: Definition, expected: OwnerWord, new: OwnerWord) -> None:
    for reference in definition.luns:
        check_identity(reference)
        found = lun.change_word(Path(reference.path), expected, new)
        if found not in (expected, new):
            raise HypervisorError(
                "owner-word-mismatch",
                unique_id=reference.unique_id,
                found=lun.describe_word(found),
                expected=lun.describe_word(expected),
            )


def _refused(definition: Definition, reference: LunReference, word: OwnerWord, system: str) -> HypervisorError:
    names = {"name": definition.name, "unique_id": reference.unique_id}
    if word.partition_uuid not in {"", definition.uuid}:
        owner = f"partition {word.partition_uuid}"  # of whom nothing else is known down here
        return HypervisorError(
            "lun-of-other-partition", uuid=word.partition_uuid, owner=owner, other=word.system, **names
        )
    said = lun.describe_word(word).replace(definition.uuid, definition.name)
    return HypervisorError("owner-word-refused", owner=said, system=system, **names)
