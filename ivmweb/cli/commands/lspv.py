from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io, Option
from ivmweb.cli.devices import natural
from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system.models import ManagedSystem, PhysicalVolume

WIDTHS = {"name": 16, "pvid": 33, "vg": 17, "status": 0, "size": 0}
ALL, WITH_SIZE = ("name", "pvid", "vg", "status"), ("name", "pvid", "size")
HEADS = {"size": "SIZE(megabytes)"}
NONE, NO_GROUP = "none", "None"


def run(arguments: Arguments, io: Io) -> int:
    arguments.not_both("-free", "-avail")
    volumes = sorted(PhysicalVolume.objects.select_related("target_device"), key=lambda one: natural(one.name))
    if arguments.operands:
        return one(arguments, io, volumes)
    if arguments.has("-free") or arguments.has("-avail"):
        return listing(arguments, io, [one for one in volumes if not hasattr(one, "target_device")], WITH_SIZE)
    return listing(arguments, io, volumes, WITH_SIZE if arguments.has("-size") else ALL)


def listing(arguments: Arguments, io: Io, volumes: list[PhysicalVolume], known: tuple[str, ...]) -> int:
    """In columns with a head; with -fmt, values alone. Raises PrerequisiteFailed for a field that is not of these."""
    names = [name.lower() for name in arguments.words("-field")] or list(known)
    for name in names:
        if name not in known:
            raise PrerequisiteFailed("cli-attribute-unknown", attribute=name[:64], attributes=", ".join(known))
    rows = [[values_of(volume)[name] for name in names] for volume in volumes]
    if arguments.has("-fmt"):
        io.out("".join(f"{arguments.text('-fmt').join(row)}\n" for row in rows))
        return SUCCESS
    heads = [HEADS.get(name, name.upper()) for name in names]
    io.out("".join(f"{in_columns(names, row)}\n" for row in [heads, *rows]))
    return SUCCESS


def values_of(volume: PhysicalVolume) -> dict[str, str]:
    return {"name": volume.name, "pvid": NONE, "vg": NO_GROUP, "status": "", "size": str(volume.size_mb)}


def in_columns(names: list[str], row: list[str]) -> str:
    return "".join(f"{value:<{WIDTHS[name]}}" for name, value in zip(names, row, strict=True)).rstrip()


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
        Option("-field", "field", f"these columns: {' '.join(ALL)}; with a size: {' '.join(WITH_SIZE)}", many=True),
        Option("-fmt", "delimiter", "values with this between them, no head"),
    ),
    operand="physical-volume",
    page="Properties of a partition, Storage",
)
