"""lsdev: devices of the Virtual I/O Server, their attributes, parents and location codes."""

from fnmatch import fnmatchcase
from itertools import chain, combinations, product

from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io, Option
from ivmweb.cli.devices import RANGES, SHARED_ETHERNET, Device, devices, natural, volume_devices
from ivmweb.cli.tables import FIELD, FORMAT, Column, Row, print_table
from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.system.models import MANAGEMENT_PARTITION_ID, PhysicalAdapter

COLUMNS = (
    Column("name", "name", 16),
    Column("status", "status", 11),
    Column("physloc", "physloc", 44),
    Column("description", "description", 39),
    Column("parent", "parent", 16),
)
SHOWN = ("name", "status", "description")
TYPES = ("adapter", "disk", "lv", "optical", "tape", "vscsi", "sea", "ent4sea", "virtual")
STATES = ("available", "defined", "stopped", "undefined")  # of a device, whatever its case
OF_ONE = ("-attr", "-range", "-slot", "-parent", "-child", "-vpd")  # what is told of one device
CHOOSING = ("-virtual", "-type", "-state")  # which devices are in the table
IN_TABLE = (FIELD.name, FORMAT.name)
EXCLUDED = (
    ("-dev", "-plc"),
    *product(("-dev", "-plc", "-vpd"), CHOOSING),
    *product((option for option in OF_ONE if option != "-child"), IN_TABLE),
    *product(("-slots",), ("-dev", "-plc", *OF_ONE, *CHOOSING, *IN_TABLE)),
)
WILD = frozenset("*?[")
ATTRIBUTES = {  # by name: what AIX says of it, and whether chdev may change it
    "reserve_policy": ("Reserve Policy", True),
    "size_in_mb": ("Size in Megabytes", False),
    "unique_id": ("Unique device identifier", False),
    "ww_name": ("FC World Wide Name", False),
    "lun_id": ("Logical Unit Number ID", False),
    "pvid_adapter": ("Default virtual adapter to use for non-VLAN-tagged packets", False),
    "real_adapter": ("Physical adapter associated with the SEA", False),
    "virt_adapters": ("List of virtual adapters associated with the SEA (comma separated)", False),
    "LogicalUnitAddr": ("Logical Unit Address", False),
    "aix_tdev": ("Target Device Name", False),
}
SLOT_KINDS = {True: "Virtual I/O Slot", False: "Logical I/O Slot"}
NOT_CONFIGURED = "Unknown"


def run(arguments: Arguments, io: Io) -> int:
    check_options(arguments)
    found = devices()
    if WILD & set(arguments.text("-dev")):
        return listing(arguments, io, matching(arguments, found))
    if arguments.has("-slots"):
        io.out(slots(found))
        return SUCCESS
    if arguments.has("-dev") or arguments.has("-plc"):
        return about_one(arguments, io, find(arguments, found), found)
    if arguments.has("-vpd"):
        io.out("".join(vpd(device) for device in found))
        return SUCCESS
    if "lv" in arguments.words("-type"):
        found = [*found, *volume_devices()]
    return listing(arguments, io, [device for device in found if is_wanted(arguments, device)])


def check_options(arguments: Arguments) -> None:
    """One device, or those of a kind, or the slots. Raises PrerequisiteFailed for what does not go together."""
    for first, second in chain(combinations(OF_ONE, 2), EXCLUDED):
        arguments.not_both(first, second)
    if not arguments.has("-dev") and not arguments.has("-plc"):
        for option in OF_ONE:
            if arguments.has(option) and option != "-vpd":
                raise PrerequisiteFailed("cli-goes-with", option=option, needed="-dev or -plc")
    if arguments.has("-state") and arguments.text("-state").lower() not in STATES:
        raise arguments.wrong("-state", arguments.text("-state"), " or ".join(STATES))


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
    if kind == "sea":
        return device.description == SHARED_ETHERNET
    if kind == "ent4sea":
        return device.name.startswith("ent") and device.is_virtual and bool(device.parent)
    return device.kind == kind


def matching(arguments: Arguments, found: list[Device]) -> list[Device]:
    """By the pattern of -dev. Raises PrerequisiteFailed where it fits none, or with what is told of one only."""
    for option in ("-attr", "-parent", "-child", "-vpd"):
        if arguments.has(option):
            raise arguments.wrong("-dev", arguments.text("-dev"), f"the name of one device, with {option}")
    fitting = [device for device in found if fnmatchcase(device.name, arguments.text("-dev"))]
    return fitting or [find(arguments, found)]


def find(arguments: Arguments, found: list[Device]) -> Device:
    name, location = arguments.text("-dev"), arguments.text("-plc")
    for device in [*found, *volume_devices()]:
        if device.name == name or (location and device.location == location):
            return device
    raise arguments.not_there("device", name or location)


def about_one(arguments: Arguments, io: Io, device: Device, found: list[Device]) -> int:
    if arguments.has("-attr"):
        return attributes(arguments, io, device)
    if arguments.has("-range"):
        return range_of(arguments, io, device)
    if arguments.has("-slot"):
        io.out(slots(found, device.name))
        return SUCCESS
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
    rows = [(key, value, *described(device, key)) for key, value in device.attributes.items()]
    io.out(attribute_table([("attribute", "value", "description", "user_settable"), *rows]))
    return SUCCESS


def described(device: Device, attribute: str) -> tuple[str, str]:
    """`pvid` is a disk's, or the VLAN of a Shared Ethernet Adapter."""
    if attribute == "pvid":
        of_disk = device.kind == "disk"
        return "Physical volume identifier" if of_disk else "PVID to use for the SEA device", "False"
    text, is_settable = ATTRIBUTES[attribute]
    return text, str(is_settable)


def attribute_table(rows: list[tuple[str, str, str, str]]) -> str:
    """An empty line behind the head. Columns as wide as what is in them."""
    widths = [max(len(row[at]) for row in rows) for at in range(3)]
    lines = [
        "".join(f"{text:<{max(width, 15)}} " for text, width in zip(row, widths, strict=False)) + row[3]
        for row in rows
    ]
    return "".join(f"{line}\n" for line in [lines[0], "", *lines[1:]])


def range_of(arguments: Arguments, io: Io, device: Device) -> int:
    """The values that an attribute can be given, one a line."""
    name = arguments.needed("-range")
    changeable = [attribute for attribute in device.attributes if attribute in RANGES]
    if name not in changeable:
        there = ", ".join(changeable) or "none"
        raise PrerequisiteFailed("cli-no-range", device=device.name, attribute=name[:64], attributes=there)
    io.out("".join(f"{value}\n" for value in RANGES[name]))
    return SUCCESS


def slots(found: list[Device], name: str = "") -> str:
    """By place: what sits in each slot, virtual ones and those of the management partition's physical adapters.

    `name`: the slot of this device alone.
    """
    rows = [(slot_of(device), True, [device.name]) for device in found if is_in_virtual_slot(device)]
    adapters = [device for device in found if device.kind == "adapter" and not device.is_virtual]
    physical = PhysicalAdapter.objects.filter(partition__lpar_id=MANAGEMENT_PARTITION_ID)
    for place in physical.values_list("location", flat=True):
        there = [one.name for one in adapters if f"{one.location}-".startswith(f"{place}-")]
        rows.append((place, False, there))
    wanted = sorted((row for row in rows if not name or name in row[2]), key=lambda row: natural(row[0]))
    lines = [("# Slot", "Description", "Device(s)")]
    lines += [(place, SLOT_KINDS[kind], " ".join(names) or NOT_CONFIGURED) for place, kind, names in wanted]
    widths = [max(len(line[column]) for line in lines) for column in (0, 1)]
    return "".join(f"{place:<{widths[0]}}  {kind:<{widths[1]}}  {names}\n" for place, kind, names in lines)


def is_in_virtual_slot(device: Device) -> bool:
    return device.is_virtual and device.kind == "adapter" and bool(device.location)


def slot_of(device: Device) -> str:
    """`U7998.61X.100390A-V1-C3` also for a port in it, `...-C3-T1`."""
    return device.location.removesuffix("-T1")


def vpd(device: Device) -> str:
    return f"  {device.name:<16} {device.location:<46} {device.description}\n\n"


def listing(arguments: Arguments, io: Io, found: list[Device]) -> int:
    print_table(arguments, io, COLUMNS, [row_of(device) for device in found], SHOWN)
    return SUCCESS


def row_of(device: Device) -> Row:
    return {
        "name": device.name,
        "status": device.status,
        "physloc": device.location,
        "description": device.description,
        "parent": device.parent,
    }


COMMAND = Command(
    "lsdev",
    Family.IOS,
    "Devices of the Virtual I/O Server",
    run,
    (
        Option("-virtual", help="virtual devices only"),
        Option("-type", "device-type", "of these types", many=True, choices=TYPES),
        Option("-state", "state", "in this state, e.g. available"),
        FIELD,
        FORMAT,
        Option("-dev", "device", "this device, or those that a pattern fits: 'ent*'"),
        Option("-plc", "location", "the device at this location code"),
        Option("-attr", "attribute", "with -dev: its attributes, or one", optional=True),
        Option("-parent", help="with -dev: its parent"),
        Option("-child", help="with -dev: its children"),
        Option("-range", "attribute", "with -dev: the values that the attribute can be given"),
        Option("-slot", help="with -dev: the slot that it sits in"),
        Option("-slots", help="the slots, physical and virtual, with what sits there"),
        Option("-vpd", help="location codes and descriptions"),
    ),
    page="Properties of a partition, Storage; View/Modify System Properties",
)
