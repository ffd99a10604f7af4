"""lsmap: which client partition has which backing device. Columns and blanks as IBM prints them."""

from collections.abc import Container, Iterable, Sequence

from ivmweb.cli.command import SUCCESS, Arguments, Command, Family, Io, Option
from ivmweb.cli.devices import Mapping, SharedEthernet, Target, mappings, shared_ethernets
from ivmweb.cli.tables import FIELD, FORMAT, chosen
from ivmweb.common.errors import PrerequisiteFailed

ADAPTER_FIELDS = ("svsa", "physloc", "clientid")
TARGET_FIELDS = ("vtd", "status", "lun", "backing", "bdphysloc", "mirrored")
LABELS = {
    "vtd": "VTD",
    "status": "Status",
    "lun": "LUN",
    "backing": "Backing device",
    "bdphysloc": "Physloc",
    "mirrored": "Mirrored",
}
IN_WORDS = {"client partition id": "clientid", "backing device": "backing"}  # heads of columns that serve as names
NET_FIELDS = ("svea", "physloc", "sea", "backing", "status", "bdphysloc")
NPIV_FIELDS = ("name", "physloc", "clntid", "clntname", "clntos", "status", "fc", "fcphysloc", "ports", "flags",
               "vfcclient", "vfcclientdrc")  # fmt: skip
HEADS = {"svsa": ("SVSA", 15), "physloc": ("Physloc", 44), "clientid": ("Client Partition ID", 18)}
NET_HEADS = {"svea": ("SVEA", 6), "physloc": HEADS["physloc"]}
NOT_SCSI, NOT_ETHERNET, NOT_FC, NO_SUCH_PLACE = 15, 16, 63, 10  # IBM's return codes
NO_TARGET = Target("", "", "", "", "", "")  # of an adapter without devices: empty fields
MIRRORED = {"": "", "disk": "false"}  # by kind
TYPES = ("disk", "lv", "optical", "tape", "file", "file_disk", "file_opt", "cl_disk")
EMPTY = " "  # stands for a field without a value, between two delimiters
ALSO = {"file": ("file_disk", "file_opt")}  # of either kind


def run(arguments: Arguments, io: Io) -> int:
    for first, second in (("-net", "-npiv"), ("-type", "-net"), ("-type", "-npiv")):
        arguments.not_both(first, second)
    for first, second in (("-all", "-vadapter"), ("-all", "-plc"), ("-vadapter", "-plc")):
        arguments.not_both(first, second)
    if not any(arguments.has(option) for option in ("-all", "-vadapter", "-plc")):
        raise PrerequisiteFailed("cli-parameter-missing", option="-all")
    if arguments.has("-net"):
        return networks(arguments, io)
    if arguments.has("-npiv"):
        return fibre_channels(arguments, io)
    return disks(arguments, io)


def disks(arguments: Arguments, io: Io) -> int:
    wanted = chosen(arguments, (*ADAPTER_FIELDS, *TARGET_FIELDS), IN_WORDS)
    if not arguments.has(FIELD.name) and not arguments.has(FORMAT.name):
        # A line of later levels; with -fmt, programs count six fields.
        wanted.remove("mirrored")
    found = mappings()
    if not arguments.has("-all"):
        found = [one for one in found if arguments.text("-vadapter") == one.adapter or is_at(arguments, one)]
        if not found:
            return not_there(arguments, io, "cli-not-vscsi", NOT_SCSI)
    types = {one for kind in arguments.words("-type") for one in (kind, *ALSO.get(kind, ()))}
    if types:
        found = [only(mapping, types) for mapping in found]
        found = [mapping for mapping in found if mapping.targets]
    if arguments.has(FORMAT.name):
        delimiter = arguments.text(FORMAT.name)
        io.out("".join(f"{delimiter.join(values_of(one, wanted))}\n" for one in found))
    else:
        io.out("\n".join(in_blocks(one, wanted) for one in found))
    return SUCCESS


def is_at(arguments: Arguments, mapping: Mapping | SharedEthernet) -> bool:
    return arguments.has("-plc") and mapping.location == arguments.text("-plc")


def only(mapping: Mapping, types: Container[str]) -> Mapping:
    targets = tuple(target for target in mapping.targets if target.kind in types)
    return Mapping(mapping.adapter, mapping.location, mapping.client_id, targets)


def not_there(arguments: Arguments, io: Io, key: str, status: int) -> int:
    io.complain(PrerequisiteFailed(key, device=(arguments.text("-vadapter") or arguments.text("-plc"))[:64]))
    return NO_SUCH_PLACE if arguments.has("-plc") else status


def adapter_values(mapping: Mapping) -> dict[str, str]:
    return {"svsa": mapping.adapter, "physloc": mapping.location, "clientid": mapping.client_id}


def target_values(target: Target) -> dict[str, str]:
    return {
        "vtd": target.vtd,
        "status": target.status,
        "lun": target.lun,
        "backing": target.backing,
        "bdphysloc": target.location,
        "mirrored": MIRRORED.get(target.kind, "N/A"),
    }


def values_of(mapping: Mapping, wanted: Sequence[str]) -> list[str]:
    """The adapter's, then each device's, for one line. One without devices has empty fields in their place."""
    of_adapter = adapter_values(mapping)
    found = [of_adapter[name] for name in wanted if name in of_adapter]
    for target in mapping.targets or (NO_TARGET,):
        of_target = target_values(target)
        empty = EMPTY if target.vtd else ""
        found += [of_target[name] or empty for name in wanted if name in of_target]
    return found


def in_blocks(mapping: Mapping, wanted: Sequence[str]) -> str:
    heads = [name for name in wanted if name in ADAPTER_FIELDS]
    blocks = (
        [table([HEADS[name] for name in heads], [adapter_values(mapping)[name] for name in heads])] if heads else []
    )
    labels = [name for name in wanted if name in TARGET_FIELDS]
    if labels:
        blocks += [labelled(target_values(target), labels) for target in mapping.targets]
        if not mapping.targets:
            blocks.append(f"{LABELS['vtd']:<22}NO VIRTUAL TARGET DEVICE FOUND\n")
    return "\n".join(blocks)


def table(heads: Sequence[tuple[str, int]], values: Sequence[str]) -> str:
    lines = (
        [title for title, _width in heads],
        ["-" * width for _title, width in heads],
        values,
    )
    return "".join(
        " ".join(f"{text:<{width}}" for text, (_title, width) in zip(line, heads, strict=True)).rstrip() + "\n"
        for line in lines
    )


def labelled(values: dict[str, str], names: Iterable[str]) -> str:
    return "".join(f"{LABELS[name]:<22}{values[name]}".rstrip() + "\n" for name in names)


# Virtual Ethernet


def networks(arguments: Arguments, io: Io) -> int:
    wanted = chosen(arguments, NET_FIELDS, IN_WORDS)
    found = shared_ethernets()
    if not arguments.has("-all"):
        found = [one for one in found if arguments.text("-vadapter") == one.adapter or is_at(arguments, one)]
        if not found:
            return not_there(arguments, io, "cli-not-vethernet", NOT_ETHERNET)
    if arguments.has(FORMAT.name):
        delimiter = arguments.text(FORMAT.name)
        lines = [delimiter.join(net_values(one)[name] or EMPTY for name in wanted) for one in found]
        io.out("".join(f"{line}\n" for line in lines))
    else:
        io.out("\n".join(net_block(one, wanted) for one in found))
    return SUCCESS


def net_values(shared: SharedEthernet) -> dict[str, str]:
    return {
        "svea": shared.adapter,
        "physloc": shared.location,
        "sea": shared.bridge,
        "backing": shared.backing,
        "status": "Available" if shared.bridge else "",
        "bdphysloc": "",
    }


def net_block(shared: SharedEthernet, wanted: Sequence[str]) -> str:
    values = net_values(shared)
    heads = [name for name in NET_HEADS if name in wanted]
    blocks = [table([NET_HEADS[name] for name in heads], [values[name] for name in heads])] if heads else []
    if not shared.bridge:
        return "\n".join([*blocks, f"{'SEA':<22}NO SHARED ETHERNET ADAPTER FOUND\n"])
    labels = {"sea": "SEA", "backing": "Backing device", "status": "Status", "bdphysloc": "Physloc"}
    lines = "".join(f"{label:<22}{values[name]}".rstrip() + "\n" for name, label in labels.items() if name in wanted)
    return "\n".join([*blocks, lines] if lines else blocks)


def fibre_channels(arguments: Arguments, io: Io) -> int:
    """This server has no virtual Fibre Channel adapters: an empty list, or the refusal of a name."""
    chosen(arguments, NPIV_FIELDS, IN_WORDS)
    return SUCCESS if arguments.has("-all") else not_there(arguments, io, "cli-not-vfc", NOT_FC)


COMMAND = Command(
    "lsmap",
    Family.IOS,
    "Mappings between virtual adapters and backing devices",
    run,
    (
        Option("-all", help="of all virtual adapters"),
        Option("-vadapter", "adapter", "of this virtual server adapter"),
        Option("-plc", "location", "of the adapter at this location code"),
        Option("-type", "device-type", "backing devices of these types", many=True, choices=TYPES),
        Option("-net", help="virtual Ethernet adapters"),
        Option("-npiv", help="virtual Fibre Channel adapters"),
        FIELD,
        FORMAT,
    ),
    page="Properties of a partition, Storage",
    api="GET /api/v1/partitions/{lpar_id}",
)
