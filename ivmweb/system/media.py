"""The virtual media repository and its virtual optical media: real, sparse files in the console's state folder."""

import logging
import os
import re
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.common.sentence import Sentence
from ivmweb.monitor import notices
from ivmweb.system import luns, pools, services
from ivmweb.system.actions import action
from ivmweb.system.models import ManagedSystem, MediaRepository, VirtualMedium, VirtualTargetDevice
from ivmweb.system.properties import claim
from ivmweb.system.rights import AnyUser, Right
from ivmweb.system.virtual_storage import device_named, target_devices
from ivmweb.transactions import serialized

logger = logging.getLogger(__name__)

CREATE_LIBRARY, DELETE_LIBRARY = _("Create Media Library"), _("Delete Media Library")
ADD, DELETE = _("Add Virtual Optical Media"), _("Delete Virtual Optical Media")
LOAD, UNLOAD = _("Load Virtual Optical Media"), _("Unload Virtual Optical Media")
MADE = _("Media library: {size_mb} MB of storage pool {pool}")
ADDED = _("Virtual optical medium {name}: {size_mb} MB, read and write")
ADDED_READ_ONLY = _("Virtual optical medium {name}: {size_mb} MB, read only")
DELETED = _("Virtual optical medium {name} deleted")
LOADED = _("{medium} loaded into {device} of partition {name}")
UNLOADED = _("{medium} unloaded from {device} of partition {name}")

LONGEST_NAME = 37
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*", re.ASCII)
BYTES_OF_MB = 2**20


def folder() -> Path:
    return settings.STATE_DIR / pools.REPOSITORY


def repository() -> MediaRepository | None:
    return MediaRepository.objects.select_related("pool").first()


def needed_repository() -> MediaRepository:
    found = repository()
    if found is None:
        raise PrerequisiteFailed("repository-missing", system=ManagedSystem.objects.get().host_name)
    return found


def free_mb(library: MediaRepository) -> int:
    return library.size_mb - sum(VirtualMedium.objects.values_list("size_mb", flat=True))


def create_repository(pool_name: str, size_mb: int, *, user: AnyUser, origin: str) -> None:
    """Raises PrerequisiteFailed with nothing changed."""
    with action(user, origin, Right.CHANGE, CREATE_LIBRARY, pool_name) as report, serialized():
        if present := repository():
            raise PrerequisiteFailed(
                "repository-exists",
                system=ManagedSystem.objects.get().host_name,
                size_mb=present.size_mb,
                pool=present.pool.name,
            )
        pool = pools.pool_named(pool_name)
        size_mb = pools.take(pool, size_mb, pools.REPOSITORY)
        MediaRepository.objects.create(pk=1, pool=pool, size_mb=size_mb)
        make_folder()
        report.lines.append(Sentence(MADE, {"size_mb": size_mb, "pool": pool.name}))
        notices.publish(notices.SYSTEM)


def make_folder() -> None:
    try:
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise file_failed(pools.REPOSITORY, exc) from exc


def delete_repository(*, with_media: bool, user: AnyUser, origin: str) -> None:
    """With the media in it where that is said; none of them may be loaded. Raises PrerequisiteFailed."""
    with action(user, origin, Right.CHANGE, DELETE_LIBRARY, pools.REPOSITORY) as report:
        with serialized():
            library = needed_repository()
            media = list(VirtualMedium.objects.prefetch_related("target_devices"))
            for medium in media:
                check_unloaded(medium)
            if media and not with_media:
                names = ", ".join(medium.name for medium in media)
                system = ManagedSystem.objects.get().host_name
                raise PrerequisiteFailed("repository-not-empty", system=system, media=names)
            report.lines += [forget(medium) for medium in media]
            library.delete()
            notices.publish(notices.SYSTEM)
        remove_files([medium.name for medium in media])


def add(name: str, size_mb: int, *, read_only: bool, user: AnyUser, origin: str) -> None:
    """An empty medium of that size. Raises PrerequisiteFailed with nothing changed."""
    with action(user, origin, Right.CHANGE, ADD, name) as report, serialized():
        line = record(name, size_mb, read_only=read_only)
        write_file(name, size_mb, read_only=read_only)
        report.lines.append(line)
        notices.publish(notices.SYSTEM)


def check_can_come(name: str, size_mb: int) -> None:
    """Raises PrerequisiteFailed: no repository, a name that is taken or can't be one, no space."""
    library = needed_repository()
    check_name(name)
    system = ManagedSystem.objects.get().host_name
    if VirtualMedium.objects.filter(name=name).exists():
        raise PrerequisiteFailed("medium-exists", name=name, system=system)
    free = free_mb(library)
    if size_mb > free:
        raise PrerequisiteFailed("repository-full", name=name, needed_mb=size_mb, free_mb=free, system=system)


def record(name: str, size_mb: int, *, read_only: bool, sha256: str = "") -> Sentence:
    """Inside a transaction, which its file ends; what Monitor Tasks says of it. Raises as check_can_come."""
    check_can_come(name, size_mb)
    VirtualMedium.objects.create(name=name, size_mb=size_mb, is_read_only=read_only, sha256=sha256)
    return Sentence(ADDED_READ_ONLY if read_only else ADDED, {"name": name, "size_mb": size_mb})


def check_name(name: str) -> None:
    if len(name) > LONGEST_NAME or not NAME.fullmatch(name):
        raise PrerequisiteFailed("medium-name-not-usable", name=name[:64] or '""', longest=LONGEST_NAME)


def write_file(name: str, size_mb: int, *, read_only: bool) -> None:
    """In place of one that a lost transaction has left behind; nobody sees it half made."""
    make_folder()
    temporary = folder() / f".{name}.{os.getpid()}"
    try:
        temporary.unlink(missing_ok=True)
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.truncate(size_mb * BYTES_OF_MB)
            os.fsync(file.fileno())
        temporary.chmod(0o400 if read_only else 0o600)
        temporary.replace(folder() / name)
    except OSError as exc:
        temporary.unlink(missing_ok=True)
        raise file_failed(name, exc) from exc


def file_failed(name: str, exc: OSError) -> PrerequisiteFailed:
    system = ManagedSystem.objects.get().host_name
    return PrerequisiteFailed("media-file-failed", name=name, reason=exc.strerror or str(exc), system=system)


def delete(name: str, *, force: bool = False, user: AnyUser, origin: str) -> None:
    """`force`: unload it first where it is loaded. Raises PrerequisiteFailed or HypervisorError; then the medium is
    there, and still in the drives that it was not unloaded from before.
    """
    with action(user, origin, Right.CHANGE, DELETE, name) as report:
        needed_repository()
        medium = medium_named(name)
        report.lines += take_out_everywhere(medium) if force else []
        with serialized():
            needed_repository()
            medium = medium_named(name)
            check_unloaded(medium)
            report.lines.append(forget(medium))
            notices.publish(notices.SYSTEM)
        remove_files([name])


def forget(medium: VirtualMedium) -> Sentence:
    medium.delete()
    return Sentence(DELETED, {"name": medium.name})


def remove_files(names: Sequence[str]) -> None:
    """After the commit that took them from the record, so that no medium on record is without its file.

    Since then another medium may have come by the name of one, and the file is that one's; the transaction keeps more
    of them off meanwhile. What stays behind here is not on record, and another one of its name takes its place.
    """
    with serialized():
        again = set(VirtualMedium.objects.filter(name__in=names).values_list("name", flat=True))
        for name in names:
            if name not in again:
                remove_file(name)


def remove_file(name: str) -> None:
    try:
        (folder() / name).unlink(missing_ok=True)
    except OSError as exc:
        logger.warning("the file of the medium %s stays: %s", name, exc)


def medium_named(name: str) -> VirtualMedium:
    return pools.named(VirtualMedium.objects.all(), "virtual optical medium", name, "name")


def check_unloaded(medium: VirtualMedium, *, but: VirtualTargetDevice | None = None) -> None:
    if devices := [device.name for device in medium.target_devices.all() if device != but]:
        raise PrerequisiteFailed("medium-loaded", medium=medium.name, devices=", ".join(devices))


def load(
    name: str, device_name: str, *, force: bool = False, release: bool = False, user: AnyUser, origin: str
) -> None:
    """Put a medium into an optical drive. `force`: unload what is there, and it elsewhere where it can be written.

    `release`: although the partition's system has locked a drive. Raises PrerequisiteFailed or HypervisorError; then
    the drive is as before, and a medium that it was to get by force may be out of its other drive.
    """
    with action(user, origin, Right.CHANGE, LOAD, device_name) as report:
        needed_repository()
        medium, device = medium_named(name), drive(device_name)
        if device.medium and not force:
            raise PrerequisiteFailed("drive-full", device=device.name, medium=device.medium.name)
        check_not_held(device)
        if force and not medium.is_read_only:
            report.lines += take_out_everywhere(medium, but=device, release=release)
        if device.medium and device.medium != medium:
            report.lines.append(said(UNLOADED, device, device.medium))
        put(device, medium, release=release)
        report.lines.append(said(LOADED, device, medium))


def unload(device_name: str, *, release: bool = False, user: AnyUser, origin: str) -> None:
    """`release`: although the partition's system has locked it. Raises as `load`, with nothing changed."""
    with action(user, origin, Right.CHANGE, UNLOAD, device_name) as report:
        device = drive(device_name)
        if device.medium is None:
            raise PrerequisiteFailed("drive-empty", device=device.name)
        report.lines += take_out(device, release=release)


def drive(name: str) -> VirtualTargetDevice:
    device = device_named(name)
    if not device.is_optical:
        raise PrerequisiteFailed("not-optical", device=name, backing=device.backing_device)
    return device


def take_out_everywhere(
    medium: VirtualMedium, *, but: VirtualTargetDevice | None = None, release: bool = False
) -> list[Sentence]:
    devices = [device for device in target_devices().filter(medium=medium) if device != but]
    return [line for device in devices for line in take_out(device, release=release)]


def take_out(device: VirtualTargetDevice, *, release: bool) -> list[Sentence]:
    medium = device.medium
    if medium is None:
        return []
    put(device, None, release=release)
    return [said(UNLOADED, device, medium)]


def put(device: VirtualTargetDevice, medium: VirtualMedium | None, *, release: bool) -> None:
    """In place of what `device` has, in the records and at the hypervisor together.

    Raises PrerequisiteFailed, also where something else has come into the drive meanwhile, or HypervisorError.
    """

    def put_it() -> None:
        now = drive(device.name)
        if (now.pk, now.medium_id) != (device.pk, device.medium_id):
            raise PrerequisiteFailed("drive-changed", device=device.name)
        if medium and not medium_named(medium.name).is_read_only:
            check_unloaded(medium, but=device)
        check_not_held(now)
        claim(now.adapter.partition, {})
        VirtualTargetDevice.objects.filter(pk=now.pk).update(medium=medium)
        notices.publish(notices.PARTITIONS)

    luns.change(device.adapter.partition, (), put_it, with_drives=True, force=release)


def check_not_held(device: VirtualTargetDevice) -> None:
    """A partition that is held may be on its way to another system, which has no such drive."""
    if device.adapter.partition.hold:
        raise services.held(device.adapter.partition)


def said(text: str, device: VirtualTargetDevice, medium: VirtualMedium) -> Sentence:
    names = {"medium": medium.name, "device": device.name, "name": device.adapter.partition.name}
    return Sentence(text, names)
