"""mkvdev, rmvdev, rmdev and cfgdev: what hangs on the virtual SCSI server adapters."""

from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io, Option
from ivmweb.cli.commands.mklv import VOLUME_REMOVED
from ivmweb.cli.devices import BUS, devices
from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system import virtual_storage, volumes
from ivmweb.system.models import PhysicalVolume, VirtualServerAdapter, VirtualTargetDevice
from ivmweb.system.rights import Right
from ivmweb.system.volumes import NOT_LOOKED_AT


def make(arguments: Arguments, io: Io) -> int:
    arguments.one_of("-vdev", "-fbo")
    adapter = arguments.needed("-vadapter")
    name = arguments.needed("-dev") if arguments.has("-dev") else ""
    user, origin = io.caller.user, io.caller.origin
    if arguments.has("-fbo"):
        made = virtual_storage.add_drive(adapter, name=name, user=user, origin=origin)
    else:
        made = virtual_storage.map_device(adapter, arguments.needed("-vdev"), name=name, user=user, origin=origin)
    io.line(f"{made} Available")
    return SUCCESS


def remove(arguments: Arguments, io: Io) -> int:
    arguments.one_of("-vtd", "-vdev")
    user, origin, with_volume = io.caller.user, io.caller.origin, arguments.has("-rmlv")
    if arguments.has("-vtd"):
        removed = virtual_storage.remove_device(
            arguments.needed("-vtd"), with_volume=with_volume, user=user, origin=origin
        )
    else:
        removed = virtual_storage.remove_device_of(
            arguments.needed("-vdev"), with_volume=with_volume, user=user, origin=origin
        )
    io.line(f"{removed.device} deleted")
    if removed.volume:
        io.line(VOLUME_REMOVED.format(name=removed.volume))
    return SUCCESS


def remove_any(arguments: Arguments, io: Io) -> int:
    """A target device, a virtual SCSI server adapter or a disk; everything else is not this console's to remove."""
    name = arguments.needed("-dev")
    user, origin = io.caller.user, io.caller.origin
    gone: list[str] = []
    if VirtualTargetDevice.objects.filter(name=name).exists():
        virtual_storage.remove_device(name, user=user, origin=origin)
    elif VirtualServerAdapter.objects.filter(name=name).exists():
        with_devices = arguments.has("-recursive")
        gone = virtual_storage.remove_adapter(name, with_devices=with_devices, user=user, origin=origin)
    elif PhysicalVolume.objects.filter(name=name, is_discovered=True).exists():
        volumes.remove(name, user=user, origin=origin)
    else:
        check_there(arguments, name)
        raise PrerequisiteFailed("cli-not-removable", device=name[:64])
    io.out("".join(f"{device} deleted\n" for device in [*gone, name]))
    return SUCCESS


def configure(arguments: Arguments, io: Io) -> int:
    """Disks, and adapters, which are under the bus of the virtual ones; below another device is nothing to find."""
    name = arguments.needed("-dev") if arguments.has("-dev") else ""
    if name not in ("", BUS):
        check_there(arguments, name)
        return SUCCESS
    said = virtual_storage.configure(with_luns=not name, user=io.caller.user, origin=io.caller.origin)
    for sentence in said:
        if sentence.text == NOT_LOOKED_AT:
            io.err(f"{sentence}\n")
    return SUCCESS


def check_there(arguments: Arguments, name: str) -> None:
    if all(device.name != name for device in devices()):
        raise arguments.not_there("device", name)


COMMANDS = (
    Command(
        "mkvdev",
        Family.IOS,
        "Map a disk, or an optical drive, to the partition of a virtual SCSI server adapter",
        make,
        (
            Option("-vdev", "backing-device", "a physical volume, whole, or a logical volume"),
            Option("-fbo", help="an optical drive for media of the virtual media repository"),
            Option("-vadapter", "adapter", "the virtual SCSI server adapter"),
            Option("-dev", "device", "name of the virtual target device; vtscsi or vtopt and a number without it"),
        ),
        changes=Right.CHANGE,
        syntax=(
            "mkvdev -vdev backing-device -vadapter adapter [-dev device]",
            "mkvdev -fbo -vadapter adapter [-dev device]",
        ),
    ),
    Command(
        "rmvdev",
        Family.IOS,
        "Remove a virtual target device",
        remove,
        (
            Option("-vtd", "device", "the virtual target device"),
            Option("-vdev", "backing-device", "the one that maps this physical or logical volume"),
            Option("-rmlv", help="delete the logical volume behind it as well"),
        ),
        changes=Right.CHANGE,
        syntax=("rmvdev { -vtd device | -vdev backing-device } [-rmlv]",),
    ),
    Command(
        "rmdev",
        Family.IOS,
        "Remove a virtual target device, a virtual SCSI server adapter, or a disk that is missing",
        remove_any,
        (
            Option("-dev", "device", "the device"),
            Option("-recursive", help="an adapter with its virtual target devices"),
        ),
        changes=Right.CHANGE,
        syntax=("rmdev -dev device [-recursive]",),
    ),
    Command(
        "cfgdev",
        Family.IOS,
        "Find disks, and virtual SCSI server adapters of client partitions that have none",
        configure,
        (Option("-dev", "device", "what is below this device only, e.g. vio0"),),
        changes=Right.CHANGE,
    ),
)
