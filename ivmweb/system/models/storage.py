from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ivmweb.system.models.partition import LogicalPartition

LIBRARY = "VMLibrary"  # the folder of media in the console's state folder
MEDIA_FOLDER = f"/var/vio/{LIBRARY}"


class ReservePolicy(models.TextChoices):
    """Attribute reserve_policy of an hdisk; a move needs no_reserve on both sides."""

    NO_RESERVE = "no_reserve", "no_reserve"
    SINGLE_PATH = "single_path", "single_path"


class VolumeTrouble(models.TextChoices):
    """What is wrong with an hdisk, as the hypervisor found it when it last looked for LUNs; empty: nothing."""

    MISSING = "missing", _("Missing")
    UNREADABLE = "unreadable", _("Cannot be read")
    COPIED = "copied", _("There more than once")
    SMALLER = "smaller", _("Smaller than before")
    ELSEWHERE = "elsewhere", _("At another path")


class PhysicalVolume(models.Model):
    """An hdisk. Its identity is the LUN's unique id; the name may differ from server to server."""

    name = models.CharField(max_length=15, unique=True)
    unique_id = models.CharField(max_length=64, unique=True)
    path = models.CharField(max_length=512)  # file or device the hypervisor opens
    size_mb = models.PositiveIntegerField()
    location = models.CharField(max_length=96)
    description = models.CharField(max_length=64, default="MPIO Other FC SCSI Disk Drive")
    reserve_policy = models.CharField(max_length=16, choices=ReservePolicy, default=ReservePolicy.NO_RESERVE)
    on_san = models.BooleanField(default=True)
    is_discovered = models.BooleanField(default=False)  # the hypervisor has found it where it looks for LUNs
    is_device = models.BooleanField(default=False)  # a block device: between servers the owner word alone guards it
    trouble = models.CharField(max_length=16, choices=VolumeTrouble, blank=True, default="")

    def __str__(self) -> str:
        return self.name


class StoragePool(models.Model):
    name = models.CharField(max_length=15, unique=True)
    size_mb = models.PositiveIntegerField()
    is_default = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.name


class LogicalVolume(models.Model):
    """A virtual disk in a pool; a partition that uses one cannot move."""

    pool = models.ForeignKey(StoragePool, models.PROTECT, related_name="logical_volumes")
    name = models.CharField(max_length=15, unique=True)
    size_mb = models.PositiveIntegerField()
    # Of its image file, which the hypervisor has made; both are empty where a record of an older version has none.
    unique_id = models.CharField(max_length=64, blank=True, default="")
    path = models.CharField(max_length=512, blank=True, default="")

    def __str__(self) -> str:
        return self.name


class MediaRepository(models.Model):
    """The virtual media repository, one a console: space of a pool, in which virtual optical media are files."""

    pool = models.ForeignKey(StoragePool, models.PROTECT, related_name="repositories")
    size_mb = models.PositiveIntegerField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="one_media_repository")]

    def __str__(self) -> str:
        return MEDIA_FOLDER


class VirtualMedium(models.Model):
    """A virtual optical medium: a file of the repository. One that can be written is in one drive at a time."""

    name = models.CharField(max_length=37, unique=True)
    size_mb = models.PositiveIntegerField()
    is_read_only = models.BooleanField(default=False)
    sha256 = models.CharField(max_length=64, blank=True, default="")  # of the image it was made of, where it was

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def can_move(self) -> bool:
        """While it is loaded: another system may have a medium with the same content, which never changes."""
        return self.is_read_only and bool(self.sha256)

    @property
    def path(self) -> Path:
        """Of its file."""
        return Path(settings.STATE_DIR) / LIBRARY / self.name

    @property
    def shown_path(self) -> str:
        """As a Virtual I/O Server tells it, wherever the file is."""
        return f"{MEDIA_FOLDER}/{self.name}"


class VirtualServerAdapter(models.Model):
    """vhostN: a virtual SCSI server adapter in a slot of the management partition, for one client partition."""

    name = models.CharField(max_length=15, unique=True)
    slot = models.PositiveIntegerField(unique=True)
    partition = models.ForeignKey(LogicalPartition, models.CASCADE, related_name="server_adapters")
    client_slot = models.PositiveIntegerField(default=2)

    class Meta:
        ordering = ["slot"]
        constraints = [
            models.UniqueConstraint(fields=["partition", "client_slot"], name="client_slot_once"),
        ]

    def __str__(self) -> str:
        return self.name


class VirtualTargetDevice(models.Model):
    """vtscsiN: maps one backing device to a LUN number of a vhost. Or vtoptN: an optical drive, maybe empty."""

    name = models.CharField(max_length=15, unique=True)
    is_user_defined = models.BooleanField(default=False)  # such a name is kept by a move, or warned about
    adapter = models.ForeignKey(VirtualServerAdapter, models.CASCADE, related_name="target_devices")
    lun_number = models.PositiveIntegerField()  # top byte of the client's LUN: 0x81, 0x82, ...
    physical_volume = models.OneToOneField(
        PhysicalVolume, models.PROTECT, null=True, blank=True, related_name="target_device"
    )
    logical_volume = models.OneToOneField(
        LogicalVolume, models.PROTECT, null=True, blank=True, related_name="target_device"
    )
    is_optical = models.BooleanField(default=False)  # a drive for virtual optical media
    medium = models.ForeignKey(
        VirtualMedium, models.PROTECT, null=True, blank=True, related_name="target_devices"
    )  # that is loaded

    class Meta:
        ordering = ["adapter", "lun_number"]
        constraints = [
            models.UniqueConstraint(fields=["adapter", "lun_number"], name="lun_number_once"),
            models.CheckConstraint(
                condition=Q(lun_number__gte=0x81, lun_number__lte=0xFF), name="lun_number_in_range"
            ),
            models.CheckConstraint(
                condition=Q(
                    physical_volume__isnull=False, logical_volume__isnull=True, is_optical=False, medium__isnull=True
                )
                | Q(physical_volume__isnull=True, logical_volume__isnull=False, is_optical=False, medium__isnull=True)
                | Q(physical_volume__isnull=True, logical_volume__isnull=True, is_optical=True),
                name="one_backing_device",
                violation_error_message=_("A virtual target device has exactly one backing device."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def moves_as_drive(self) -> bool:
        """An optical drive that is empty, or whose medium another system may have."""
        return self.is_optical and (self.medium is None or self.medium.can_move)

    @property
    def backing_device(self) -> str:
        """Its name; of an optical drive the path of the loaded medium, or nothing."""
        if self.is_optical:
            return self.medium.shown_path if self.medium else ""
        return (self.physical_volume or self.logical_volume).name  # type: ignore[union-attr]

    @property
    def client_lun(self) -> str:
        """`0x8100000000000000` as lsmap prints it."""
        return f"0x{self.lun_number:02X}00000000000000"
