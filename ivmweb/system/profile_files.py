"""Backups of partition configuration data: one JSON file each in a folder of this console, named without a path."""

import os
import re
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self
from uuid import UUID

from django.conf import settings
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from ivmweb.common.errors import OperationFailed, PrerequisiteFailed

DEFAULT_NAME = "profile.bak"  # as IBM's
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
LONGEST_NAME = 64
MOST_FILES = 50
MOST_BYTES = 8 * 1024 * 1024
NAMED = 5  # of the backups that there are, in a refusal

PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
Text = Annotated[str, Field(max_length=64, pattern=PRINTABLE)]
PartitionName = Annotated[str, Field(min_length=1, max_length=31, pattern=PRINTABLE)]
DeviceName = Annotated[str, Field(min_length=1, max_length=15, pattern=PRINTABLE)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
Large = Annotated[int, Field(ge=0, le=2**63 - 1)]
Units = Annotated[Decimal, Field(gt=0, max_digits=6, decimal_places=2)]


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SavedDisk(Shape):
    """On a LUN, or on a logical volume of this system; or an optical drive, of which older backups know nothing."""

    unique_id: Text = ""
    logical_volume: Text = ""
    is_optical: bool = False
    lun_number: Annotated[int, Field(ge=0x81, le=0xFF)]
    name: DeviceName
    is_user_defined: bool

    @model_validator(mode="after")
    def has_one_backing_device(self) -> Self:
        if [bool(self.unique_id), bool(self.logical_volume), self.is_optical].count(True) != 1:
            raise ValueError("a disk has one backing device, and an optical drive none")
        return self


class SavedAdapter(Shape):
    name: DeviceName
    slot: Count
    client_slot: Count
    disks: Annotated[tuple[SavedDisk, ...], Field(max_length=127)]


class SavedEthernet(Shape):
    slot: Count
    vlan_id: Annotated[int, Field(ge=1, le=4094)]
    mac_address: Annotated[str, Field(pattern=r"^[0-9A-F]{12}$")]


class SavedColumns(Shape):
    """What is the partition's own and does not depend on whether it runs: named as the columns of its record."""

    name: PartitionName
    memory_minimum_mb: Count
    memory_mb: Count
    memory_maximum_mb: Count
    processor_mode: Literal["shared", "ded"]
    processing_units_minimum: Units
    processing_units: Units
    processing_units_maximum: Units
    virtual_processors_minimum: Count
    virtual_processors: Count
    virtual_processors_maximum: Count
    uncapped_weight: Count
    compatibility_mode: Annotated[str, Field(max_length=16, pattern=PRINTABLE)]
    workload_group: Count | None
    auto_start: bool
    max_virtual_slots: Count
    workload_bytes_per_s: Large
    workload_set_mb: Count
    boot_from: Annotated[str, Field(max_length=8, pattern=PRINTABLE)] = "default"  # not in an older backup


class SavedPartition(Shape):
    uuid: UUID
    lpar_id: Annotated[int, Field(ge=2, le=65535)]
    environment: Annotated[str, Field(min_length=1, max_length=10, pattern=PRINTABLE)]
    os_version: Text
    ever_activated: bool
    columns: SavedColumns
    adapters: Annotated[tuple[SavedAdapter, ...], Field(max_length=1000)]
    ethernets: Annotated[tuple[SavedEthernet, ...], Field(max_length=1000)]
    physical_adapters: Annotated[tuple[Text, ...], Field(max_length=1000)]  # their locations


class Saved(Shape):
    format: Literal[1]
    system: Text  # type-model*serial
    made_at: AwareDatetime
    partitions: Annotated[tuple[SavedPartition, ...], Field(max_length=4096)]

    @model_validator(mode="after")
    def has_each_once(self) -> Self:
        for what in ({one.uuid for one in self.partitions}, {one.lpar_id for one in self.partitions}):
            if len(what) != len(self.partitions):
                raise ValueError("a partition is in it twice")
        return self


def folder() -> Path:
    return Path(settings.STATE_DIR) / "profiles"


def path_of(name: str) -> Path:
    """Raises PrerequisiteFailed where a name could mean anything but a file of that folder."""
    if not NAME.fullmatch(name):
        raise PrerequisiteFailed("profile-name-wrong", name=name[:LONGEST_NAME] or '""', longest=LONGEST_NAME)
    return folder() / name


def names() -> list[str]:
    try:
        return sorted(path.name for path in folder().iterdir() if NAME.fullmatch(path.name))
    except FileNotFoundError:
        return []


def write(name: str, saved: Saved) -> None:
    """The new content or the old one, whatever happens meanwhile. Raises PrerequisiteFailed or OperationFailed."""
    path = path_of(name)
    if not path.exists() and len(names()) >= MOST_FILES:
        raise PrerequisiteFailed("profiles-full", limit=MOST_FILES, folder=str(folder()))
    try:
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        replace(path, saved.model_dump_json(indent=1).encode())
    except OSError as exc:
        raise OperationFailed("profile-unwritable", name=name, reason=exc.strerror or str(exc)) from exc


def replace(path: Path, content: bytes) -> None:
    """By a file of this call's own: sshd makes backups in many threads, also two of one name. Raises OSError."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync(path.parent)


def sync(directory: Path) -> None:
    """Its names, too, are on the disk then."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(name: str) -> Saved:
    """Raises PrerequisiteFailed where there is none, or it is not what write() makes."""
    try:
        with path_of(name).open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES} bytes")
        return Saved.model_validate_json(content)
    except FileNotFoundError as exc:
        known = names()
        listed = ", ".join(known[:NAMED]) + (", ..." if len(known) > NAMED else "")
        raise PrerequisiteFailed("profile-not-there", name=name, known=listed or "none") from exc
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise PrerequisiteFailed("profile-unreadable", name=name, reason=f"{where} {first['msg']}".strip()) from exc
    except (OSError, ValueError) as exc:
        raise PrerequisiteFailed("profile-unreadable", name=name, reason=str(exc)[:200]) from exc
