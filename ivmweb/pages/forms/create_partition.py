"""Create Partition: one page of what IVM's wizard asks for. Which values are allowed is for the services to say."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID, uuid4

from django import forms
from django.core import signing
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ivmweb.common.errors import IvmError
from ivmweb.pages.forms.focus import FocusOnFirst
from ivmweb.pages.forms.properties import Number, boot_choices, choice, name_field, number
from ivmweb.pages.wording import coded
from ivmweb.system.adapters import Ethernet
from ivmweb.system.creation import Wanted
from ivmweb.system.first_storage import NewDisk, Storage
from ivmweb.system.models import LogicalVolume, ManagedSystem, PhysicalVolume, StoragePool, VirtualMedium
from ivmweb.system.models.partition import BootDevice, ProcessorMode
from ivmweb.system.property_words import LABELS
from ivmweb.system.sections import LONGEST_NAME
from ivmweb.system.usual_values import usual_values
from ivmweb.system.words import in_english

SALT = "create-partition"
DISK_PREFIX = "disk-"
ETHERNET_SLOT = 4  # as IVM gives the first one
MOST_MB = 2**30
NO_DRIVE, EMPTY_DRIVE, MEDIUM_PREFIX = "", "empty", "medium-"


@dataclass(frozen=True)
class Offered:
    """What a new partition can be given now."""

    system: ManagedSystem
    vlans: Sequence[int]
    disks: Sequence[PhysicalVolume | LogicalVolume]
    pools: Sequence[StoragePool]
    media: Sequence[VirtualMedium]
    boot_devices: list[str]


def new_wish() -> str:
    """Names one press of OK, however often it arrives. Signed, since it becomes the partition's UUID."""
    return signing.dumps(str(uuid4()), salt=SALT)


class CreatePartitionForm(FocusOnFirst, forms.Form):
    about: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("partition-name-taken", "no-partition-id"), "name"),
        **dict.fromkeys(("not-enough-memory", "hypervisor-memory"), "memory_mb"),
        **dict.fromkeys(("not-enough-units", "units-for-processors", "units-for-dedicated"), "virtual_processors"),
        "vlan-unknown": "vlan",
        **dict.fromkeys(("pool-full", "volume-folder-full", "volume-not-made"), "new_disk_mb"),
        **dict.fromkeys(("medium-loaded", "repository-missing"), "optical"),
    }

    wish = forms.CharField(widget=forms.HiddenInput, required=False)
    name = name_field("name", LONGEST_NAME, _("Up to 31 letters, digits, periods, hyphens and underscores."))
    new_disk_mb = Number(
        0,
        label=_("Size of a new virtual disk (MB)"),
        help_text=_("Empty: none is created. A partition with a virtual disk can't be migrated."),
        required=False,
    )

    def __init__(self, data: Any, offered: Offered, typed: Mapping[str, Any]) -> None:
        super().__init__(data, initial={"wish": new_wish(), "virtual_processors": 1, **typed})
        self.offered = offered
        region_mb = offered.system.memory_region_mb
        self.fields["memory_mb"] = number("memory_mb", hint=multiples(region_mb, offered.system.free_memory_mb))
        self.fields["virtual_processors"] = number("virtual_processors", hint=PROCESSORS_HINT)
        self.fields["processor_mode"] = choice(LABELS["processor_mode"], ProcessorMode.choices)
        networks = [(str(vlan), f"VLAN {vlan}") for vlan in offered.vlans]
        self.fields["vlan"] = choice(_("Virtual Ethernet"), [("", _("None")), *networks])
        for disk in offered.disks:
            self.fields[f"{DISK_PREFIX}{disk.name}"] = forms.BooleanField(label=disk.name, required=False)
        self.fields["pool"] = choice(_("Storage pool"), [(pool.name, pool.name) for pool in offered.pools])
        self.fields["optical"] = choice(_("Optical drive"), drive_choices(offered.media))
        if len(devices := boot_choices(offered.boot_devices, BootDevice.DEFAULT)) > 1:
            self.fields["boot_from"] = choice(LABELS["boot_from"], devices)

    def _labelled(self, error: IvmError) -> str:
        """Units come from the number of processors, which is what was typed."""
        is_of_units = error.params.get("field") == in_english(LABELS["processing_units"])
        return "virtual_processors" if is_of_units else super()._labelled(error)

    def fields_named(self, names: Iterable[str]) -> list[forms.BoundField]:
        return [self[name] for name in names if name in self.fields]

    @property
    def general(self) -> list[forms.BoundField]:
        return self.fields_named(["name", "boot_from"])

    @property
    def memory(self) -> list[forms.BoundField]:
        return self.fields_named(["memory_mb", "virtual_processors", "processor_mode", "vlan"])

    @property
    def disks(self) -> list[tuple[forms.BoundField, PhysicalVolume | LogicalVolume]]:
        return [(self[f"{DISK_PREFIX}{disk.name}"], disk) for disk in self.offered.disks]

    @property
    def more_storage(self) -> list[forms.BoundField]:
        return self.fields_named(["new_disk_mb", "pool", "optical"])

    def clean_new_disk_mb(self) -> int | None:
        size_mb: int | None = self.cleaned_data["new_disk_mb"]
        if size_mb is not None and size_mb < 1:
            names = {"field": str(self.fields["new_disk_mb"].label), "low": "1", "high": str(MOST_MB)}
            raise ValidationError(coded("value-out-of-range", value=str(size_mb), **names))
        return size_mb

    def wanted(self) -> Wanted:
        given = self.cleaned_data
        is_dedicated = given["processor_mode"] == ProcessorMode.DEDICATED
        values = usual_values(
            given["memory_mb"], given["virtual_processors"], is_dedicated=is_dedicated, system=self.offered.system
        )
        chosen = {"name": given["name"], "boot_from": given.get("boot_from") or BootDevice.DEFAULT.value}
        ethernets = (Ethernet(ETHERNET_SLOT, int(given["vlan"])),) if given["vlan"].isdecimal() else ()
        return Wanted(
            {**values, **chosen},
            ethernets=ethernets,
            storage=self.storage(),
            uuid=self.uuid(),
            may_be_told_twice=True,
        )

    def storage(self) -> Storage:
        given = self.cleaned_data
        # Also one that is not offered any more, since somebody was faster: the service says so.
        names = [key.removeprefix(DISK_PREFIX) for key in self.data if key.startswith(DISK_PREFIX)]
        size_mb, optical = given["new_disk_mb"], given["optical"]
        return Storage(
            disks=tuple(names),
            new_disk=NewDisk(given["pool"], size_mb) if size_mb is not None else None,
            has_drive=optical != NO_DRIVE,
            medium=optical.removeprefix(MEDIUM_PREFIX) if optical.startswith(MEDIUM_PREFIX) else "",
        )

    def uuid(self) -> UUID | None:
        """None for one that was not made here: then it is a wish of its own."""
        try:
            return UUID(signing.loads(self.cleaned_data["wish"], salt=SALT))
        except (signing.BadSignature, ValueError):
            return None


PROCESSORS_HINT = _("Shared: 0.1 processing units for each. Dedicated: a whole processor for each.")


def multiples(region_mb: int, free_mb: int) -> str:
    return _("A multiple of {region_mb} MB; {free_mb} MB are available.").format(region_mb=region_mb, free_mb=free_mb)


def drive_choices(media: Sequence[VirtualMedium]) -> list[tuple[str, str | Promise]]:
    loaded = [(f"{MEDIUM_PREFIX}{medium.name}", medium.name) for medium in media]
    return [(NO_DRIVE, _("None")), (EMPTY_DRIVE, _("A drive without a medium")), *loaded]
