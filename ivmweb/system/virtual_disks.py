"""The image files of virtual disks, which the hypervisor makes and removes, beside their records.

A file comes before its record is committed and goes after that is gone, so no disk on record is without its file.
Who dies in between leaves a file that no record names: it is in nobody's way, since each one has a name of its own.
It is not deleted by itself, since a restored database does not know the newest disks.
"""

import logging
import uuid
from collections.abc import Sequence

from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import HypervisorError, PrerequisiteFailed
from ivmweb.common.sentence import Sentence
from ivmweb.system.models import LogicalPartition, LogicalVolume
from ivmweb.system.vmc import hypervisor

logger = logging.getLogger(__name__)

FILE_STAYS = _("The file of virtual disk {name} stays at {path}: {reason}")


def make_file(name: str, size_mb: int) -> tuple[str, str]:
    """Unique id and path of a new one. Raises HypervisorError; the hypervisor is asked inside the transaction."""
    unique_id = uuid.uuid4().hex
    return unique_id, hypervisor().create_volume(name, unique_id, size_mb)


def check_settled(volume: LogicalVolume) -> None:
    """Raises PrerequisiteFailed while nobody knows whether the hypervisor has given it to a partition."""
    known = LogicalPartition.objects.exclude(unsettled_luns=[]).values_list("name", "lpar_id", "unsettled_luns")
    for name, lpar_id, unsettled in known:
        if volume.unique_id in unsettled:
            raise PrerequisiteFailed("volume-unsettled", volume=volume.name, name=name, lpar_id=lpar_id)


def check_has_file(volume: LogicalVolume) -> None:
    if not volume.path:
        raise PrerequisiteFailed("volume-without-file", volume=volume.name, size_mb=volume.size_mb)


def remove_files(volumes: Sequence[LogicalVolume]) -> list[Sentence]:
    """After the commit that took them from the records; what Monitor Tasks says of those that stay."""
    return [line for volume in volumes if volume.path for line in _remove_file(volume)]


def _remove_file(volume: LogicalVolume) -> list[Sentence]:
    try:
        hypervisor().remove_volume(volume.unique_id, volume.path)
    except HypervisorError as exc:
        logger.warning("virtual disk %s: %s", volume.name, exc)
        return [Sentence(FILE_STAYS, {"name": volume.name, "path": volume.path, "reason": exc.text})]
    return []
