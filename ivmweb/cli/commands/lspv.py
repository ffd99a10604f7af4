from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io, Option
from ivmweb.cli.devices import natural
from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system.models import ManagedSystem, PhysicalVolume

ROW = "{:<16}{:<33}{:<17}{}"
NONE, NO_GROUP = "none", "None"


def run(arguments: Arguments, io: Io) -> int:
    arguments.not_both("-free", "-avail")
    volumes = sorted(PhysicalVolume.objects.select_related("target_device"), key=lambda one: natural(one.name))
    if arguments.operands:
        return one(arguments, io, volumes)
    if arguments.has("-size"):
        return sizes(io, volumes)
    if arguments.has("-free") or arguments.has("-avail"):
        return sizes(io, [volume for volume in volumes if not hasattr(volume, "target_device")])
    io.line(ROW.format("NAME", "PVID", "VG", "STATUS").rstrip())
    for volume in volumes:
        io.line(ROW.format(volume.name, NONE, NO_GROUP, "").rstrip())
    return SUCCESS


def sizes(io: Io, volumes: list[PhysicalVolume]) -> int:
    io.line("{:<16}{:<33}{}".format("NAME", "PVID", "SIZE(megabytes)"))
    for volume in volumes:
        io.line(f"{volume.name:<16}{NONE:<33}{volume.size_mb}")
    return SUCCESS


def one(arguments: Arguments, io: Io, volumes: list[PhysicalVolume]) -> int:
    name = arguments.operands[0]
    found = next((volume for volume in volumes if volume.name == name), None)
    if found is None:
        system = ManagedSystem.objects.get().host_name
        raise PrerequisiteFailed(
            "cli-not-there", command="lspv", kind="physical volume", name=name[:64], system=system
        )
    if arguments.has("-size"):
        io.line(str(found.size_mb))
        return SUCCESS
    pairs = (
        ("PHYSICAL VOLUME:", found.name),
        ("PV IDENTIFIER:", NONE),
        ("UNIQUE ID:", found.unique_id),
        ("TOTAL SIZE:", f"{found.size_mb} megabytes"),
        ("LOCATION:", found.location),
    )
    for label, value in pairs:
        io.line(f"{label:<20}{value}")
    return SUCCESS


COMMAND = Command(
    "lspv",
    Family.IOS,
    "Physical volumes",
    run,
    (
        Option("-avail", help="those that are not mapped, with their size"),
        Option("-free", help="as -avail"),
        Option("-size", help="with the size in megabytes"),
    ),
    operand="physical-volume",
    page="Properties of a partition, Storage",
)
