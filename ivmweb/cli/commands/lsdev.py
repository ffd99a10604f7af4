"""lsdev: devices of the Virtual I/O Server, their attributes, parents and location codes."""

from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io, Option
from ivmweb.cli.devices import Device, devices
from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system.models import ManagedSystem

FIELDS = ("name", "status", "physloc", "description", "parent")
SHOWN = ("name", "status", "description")
WIDTHS = {"name": 17, "status": 12, "physloc": 45, "description": 40, "parent": 17}
TYPES = ("adapter", "disk", "vscsi", "ent4sea", "virtual")


def run(arguments: Arguments, io: Io) -> int:
    arguments.not_both("-dev", "-plc")
    found = devices()
    if arguments.has("-dev") or arguments.has("-plc"):
        return about_one(arguments, io, find(arguments, found), found)
    if arguments.has("-vpd"):
        io.out("".join(vpd(device) for device in found))
        return SUCCESS
    return listing(arguments, io, [device for device in found if is_wanted(arguments, device)])


def is_wanted(arguments: Arguments, device: Device) -> bool:
    types = arguments.words("-type")
    if arguments.has("-virtual") and not device.is_virtual:
        return False
    if arguments.has("-state") and device.status.lower() != arguments.text("-state").lower():
        return False
    return not types or any(is_of(device, one) for one in types)


def is_of(device: Device, kind: str) -> bool:
    if kind == "virtual":
        return device.is_virtual
    if kind == "vscsi":
        return device.name.startswith("vhost")
    if kind == "ent4sea":
        return device.name.startswith("ent") and device.is_virtual and bool(device.parent)
    return device.kind == kind


def find(arguments: Arguments, found: list[Device]) -> Device:
    name, location = arguments.text("-dev"), arguments.text("-plc")
    for device in found:
        if device.name == name or (location and device.location == location):
            return device
    system = ManagedSystem.objects.get().host_name
    raise PrerequisiteFailed(
        "cli-not-there", command="lsdev", kind="device", name=(name or location)[:100], system=system
    )


def about_one(arguments: Arguments, io: Io, device: Device, found: list[Device]) -> int:
    if arguments.has("-attr"):
        return attributes(arguments, io, device)
    if arguments.has("-parent"):
        io.out(f"parent\n\n{device.parent}\n")
        return SUCCESS
    if arguments.has("-vpd"):
        io.out(vpd(device))
        return SUCCESS
    if arguments.has("-child"):
        return listing(arguments, io, [one for one in found if one.parent == device.name])
    return listing(arguments, io, [device])


def attributes(arguments: Arguments, io: Io, device: Device) -> int:
    """One attribute: `value`, an empty line, the value. All: a table."""
    name = arguments.text("-attr")
    if name:
        if name not in device.attributes:
            there = ", ".join(device.attributes) or "none"
            raise PrerequisiteFailed("cli-no-attribute", device=device.name, attribute=name[:64], attributes=there)
        io.out(f"value\n\n{device.attributes[name]}\n")
        return SUCCESS
    io.out("attribute       value\n\n")
    for key, value in device.attributes.items():
        io.line(f"{key:<15} {value}")
    return SUCCESS


def vpd(device: Device) -> str:
    return f"  {device.name:<16} {device.location:<46} {device.description}\n\n"


def listing(arguments: Arguments, io: Io, found: list[Device]) -> int:
    names = [name.lower() for name in arguments.words("-field")] or list(SHOWN)
    for name in names:
        if name not in FIELDS:
            raise PrerequisiteFailed("cli-attribute-unknown", attribute=name[:64], attributes=", ".join(FIELDS))
    rows = [[value_of(device, name) for name in names] for device in found]
    if arguments.has("-fmt"):
        delimiter = arguments.text("-fmt")
        io.out("".join(f"{delimiter.join(row)}\n" for row in rows))
        return SUCCESS
    if rows:
        io.line(in_columns(names, names))
    io.out("".join(f"{in_columns(names, row)}\n" for row in rows))
    return SUCCESS


def value_of(device: Device, name: str) -> str:
    return device.location if name == "physloc" else str(getattr(device, name))


def in_columns(names: list[str], values: list[str]) -> str:
    return "".join(f"{value:<{WIDTHS[name] - 1}} " for name, value in zip(names, values, strict=True)).rstrip()


COMMAND = Command(
    "lsdev",
    Family.IOS,
    "Devices of the Virtual I/O Server",
    run,
    (
        Option("-virtual", help="virtual devices only"),
        Option("-type", "device-type", "of these types", many=True, choices=TYPES),
        Option("-state", "state", "in this state, e.g. available"),
        Option("-field", "field", f"these columns: {' '.join(FIELDS)}", many=True),
        Option("-fmt", "delimiter", "values with this between them, no header"),
        Option("-dev", "device", "this device"),
        Option("-plc", "location", "the device at this location code"),
        Option("-attr", "attribute", "with -dev: its attributes, or one", optional=True),
        Option("-parent", help="with -dev: its parent"),
        Option("-child", help="with -dev: its children"),
        Option("-vpd", help="location codes and descriptions"),
    ),
    page="Properties of a partition, Storage; View/Modify System Properties",
)
