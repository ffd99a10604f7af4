"""The virtual media repository: mkrep, rmrep, lsrep, mkvopt, rmvopt, lsvopt, loadopt, unloadopt."""

from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io, Option
from ivmweb.cli.devices import natural
from ivmweb.cli.sizes import megabytes
from ivmweb.cli.tables import FIELD, FORMAT, Column, Row, fields_of, print_table
from ivmweb.system import media, media_import
from ivmweb.system.models import VirtualMedium, VirtualTargetDevice
from ivmweb.system.pools import REPOSITORY, space_of
from ivmweb.system.rights import Right

NONE_YET = "The DVD repository has not been created yet.\n\n"
LIBRARY = (
    Column("size", "Size(mb)", 8, right=True),
    Column("free", "Free(mb)", 8, right=True),
    Column("pool", "Parent Pool", 19),
    Column("parentsize", "Parent Size", 11, right=True),
    Column("parentfree", "Parent Free", 16, right=True),
)
MEDIA = (
    Column("name", "Name", 37),
    Column("filesize", "File Size", 11, right=True),
    Column("optical", "Optical", 15),
    Column("access", "Access"),
)
DRIVES = (Column("vtd", "VTD", 15), Column("media", "Media", 37), Column("size", "Size(mb)", 8, right=True))
NOT_LOADED, NO_MEDIA, NOT_APPLICABLE = "None", "No Media", "n/a"


def make_library(arguments: Arguments, io: Io) -> int:
    size_mb = megabytes(arguments, "-size", arguments.needed("-size"))
    media.create_repository(arguments.needed("-sp"), size_mb, user=io.caller.user, origin=io.caller.origin)
    io.line("Virtual Media Repository Created")
    io.line(f'Repository created within "{REPOSITORY}" logical volume')
    return SUCCESS


def remove_library(arguments: Arguments, io: Io) -> int:
    media.delete_repository(with_media=arguments.has("-f"), user=io.caller.user, origin=io.caller.origin)
    io.line("Virtual Media Repository Deleted")
    return SUCCESS


def show_library(arguments: Arguments, io: Io) -> int:
    """The library and its media; with -field or -fmt the media alone."""
    fields_of(arguments, MEDIA)
    library = media.repository()
    if library is None:
        io.out(NONE_YET)
        return SUCCESS
    rows = [medium_row(medium) for medium in all_media()]
    if not arguments.has(FIELD.name) and not arguments.has(FORMAT.name):
        parent = space_of(library.pool)
        print_table(arguments, io, LIBRARY, [
            {
                "size": str(library.size_mb),
                "free": str(media.free_mb(library)),
                "pool": library.pool.name,
                "parentsize": str(parent.total_mb),
                "parentfree": str(parent.free_mb),
            }
        ])  # fmt: skip
        io.out("\n" if rows else "")
    print_table(arguments, io, MEDIA, rows)
    return SUCCESS


def all_media() -> list[VirtualMedium]:
    rows = VirtualMedium.objects.prefetch_related("target_devices")
    return sorted(rows, key=lambda medium: natural(medium.name))


def medium_row(medium: VirtualMedium) -> Row:
    drives = sorted((device.name for device in medium.target_devices.all()), key=natural)
    return {
        "name": medium.name,
        "filesize": str(medium.size_mb),
        "optical": ",".join(drives) or NOT_LOADED,
        "access": "ro" if medium.is_read_only else "rw",
    }


def make_medium(arguments: Arguments, io: Io) -> int:
    arguments.not_both("-size", "-file")
    name, read_only = arguments.needed("-name"), arguments.has("-ro")
    if arguments.has("-file"):
        file = arguments.needed("-file")
        media_import.add(name, file, read_only=read_only, user=io.caller.user, origin=io.caller.origin)
        return SUCCESS
    size_mb = megabytes(arguments, "-size", arguments.needed("-size"))
    media.add(name, size_mb, read_only=read_only, user=io.caller.user, origin=io.caller.origin)
    return SUCCESS


def remove_medium(arguments: Arguments, io: Io) -> int:
    media.delete(arguments.needed("-name"), force=arguments.has("-f"), user=io.caller.user, origin=io.caller.origin)
    return SUCCESS


def show_drives(arguments: Arguments, io: Io) -> int:
    rows = VirtualTargetDevice.objects.filter(is_optical=True).select_related("medium")
    if arguments.has("-vtd"):
        rows = rows.filter(pk=media.drive(arguments.needed("-vtd")).pk)
    print_table(arguments, io, DRIVES, [drive_row(one) for one in sorted(rows, key=lambda one: natural(one.name))])
    return SUCCESS


def drive_row(device: VirtualTargetDevice) -> Row:
    medium = device.medium
    size = str(medium.size_mb) if medium else NOT_APPLICABLE
    return {"vtd": device.name, "media": medium.name if medium else NO_MEDIA, "size": size}


def load(arguments: Arguments, io: Io) -> int:
    name, device = arguments.needed("-disk"), arguments.needed("-vtd")
    forced = {"force": arguments.has("-f"), "release": arguments.has("-release")}
    media.load(name, device, **forced, user=io.caller.user, origin=io.caller.origin)
    return SUCCESS


def unload(arguments: Arguments, io: Io) -> int:
    release = arguments.has("-release")
    media.unload(arguments.needed("-vtd"), release=release, user=io.caller.user, origin=io.caller.origin)
    return SUCCESS


NAME = Option("-name", "medium", "the virtual optical medium")
DRIVE = Option("-vtd", "device", "the optical drive")
SIZE = Option("-size", "size", "e.g. 512M or 10G")
RELEASE = Option("-release", help="even where the client has locked its drive")

COMMANDS = (
    Command(
        "mkrep",
        Family.IOS,
        "Create the virtual media repository",
        make_library,
        (Option("-sp", "storage-pool", "whose space it takes"), SIZE),
        changes=Right.CHANGE,
        syntax=("mkrep -sp storage-pool -size size",),
    ),
    Command(
        "rmrep",
        Family.IOS,
        "Delete the virtual media repository",
        remove_library,
        (Option("-f", help="with the media that it holds, none of which is loaded"),),
        changes=Right.CHANGE,
    ),
    Command("lsrep", Family.IOS, "The virtual media repository and its media", show_library, (FIELD, FORMAT)),
    Command(
        "mkvopt",
        Family.IOS,
        "Create a virtual optical medium, empty or from an image",
        make_medium,
        (
            NAME,
            SIZE,
            Option("-file", "image", "its content: an ISO image in the import folder"),
            Option("-ro", help="read only; else it can be written"),
        ),
        changes=Right.CHANGE,
        syntax=("mkvopt -name medium { -size size | -file image } [-ro]",),
    ),
    Command(
        "rmvopt",
        Family.IOS,
        "Delete a virtual optical medium",
        remove_medium,
        (NAME, Option("-f", help="unload it first")),
        changes=Right.CHANGE,
        syntax=("rmvopt [-f] -name medium",),
    ),
    Command("lsvopt", Family.IOS, "Optical drives and what is loaded", show_drives, (DRIVE, FIELD, FORMAT)),
    Command(
        "loadopt",
        Family.IOS,
        "Load a virtual optical medium into a drive",
        load,
        (
            Option("-disk", "medium", "the virtual optical medium"),
            DRIVE,
            Option("-f", help="unload what is in the drive, and one that can be written from another drive"),
            RELEASE,
        ),
        changes=Right.CHANGE,
        syntax=("loadopt [-f] -disk medium -vtd device [-release]",),
    ),
    Command(
        "unloadopt",
        Family.IOS,
        "Unload a virtual optical medium",
        unload,
        (DRIVE, RELEASE),
        changes=Right.CHANGE,
        syntax=("unloadopt -vtd device [-release]",),
    ),
)
