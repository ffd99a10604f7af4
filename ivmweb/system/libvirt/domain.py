"""A libvirt domain file understood: values for a partition, and a finding for everything that it says.

Pure: what the server has is compared by adoption.py. Sources: libvirt's formatdomain and storage encryption pages.
"""

import re
from dataclasses import dataclass, field
from fractions import Fraction
from uuid import UUID

from ivmweb.common.digits import is_whole
from ivmweb.system.libvirt import devices
from ivmweb.system.libvirt.devices import DiskSource, Interface
from ivmweb.system.libvirt.findings import Findings, Verdict
from ivmweb.system.libvirt.rules import CPU, DOMAIN, FEATURE_LEFT, FEATURES, OS
from ivmweb.system.libvirt.xml_file import Element, unusable

KINDS = ("kvm", "qemu")
UNIT = re.compile(r"(b|bytes)|([kmgtpe])(|ib|b)", re.IGNORECASE)
POWERS = "kmgtpe"
MOST_DIGITS = 18
MOST_PROCESSORS = 4
# What a partition does of itself; on_crash because QEMU is started so (`-action panic=pause`).
LIFE_CYCLE = {
    "on_poweroff": ("destroy", "a partition that is shut down from inside is Not Activated"),
    "on_reboot": ("restart", "a partition that is restarted from inside goes on"),
    "on_crash": ("preserve", "a partition that panics shows Error and stays, until it is shut down"),
}


@dataclass
class Domain:
    """Sizes in bytes; `cpu` and `machine` as the file names them, empty where it names none."""

    findings: Findings
    name: str = ""
    uuid: UUID | None = None
    was_running: bool = False  # when the file was written
    memory_bytes: int = 0
    processors: int = 1
    processors_maximum: int = 1
    architecture: str = ""
    machine: str = ""
    type_element: Element | None = None
    cpu: str = ""
    cpu_element: Element | None = None
    boot_devices: list[Element] = field(default_factory=list)
    disks: list[DiskSource] = field(default_factory=list)
    interfaces: list[Interface] = field(default_factory=list)


def understand(root: Element, file: str) -> Domain:
    """Raises PrerequisiteFailed where it is no domain of QEMU, or a value that the partition needs is wrong."""
    if root.name != "domain":
        raise unusable(file, f"it begins with <{root.name}>, not with <domain>")
    if root.attributes.get("type") not in KINDS:
        raise unusable(file, f"its type is {root.attributes.get('type', '')!r}, not {' or '.join(KINDS)}")
    domain = Domain(Findings(file))
    _take_root(domain, root)
    for element in root.children:
        if taker := TAKERS.get(element.name):
            taker(domain, element)
        elif " " in element.name:
            _leave_foreign(domain, element)
        else:
            domain.findings.by_rules(DOMAIN, [element], "")
    for name in ("name", "memory", "vcpu", "os"):
        if root.child(name) is None:
            raise unusable(file, f"it has no <{name}>")
    return domain


def _take_root(domain: Domain, root: Element) -> None:
    say, kind = domain.findings, root.attributes["type"]
    words = "the accelerator is the hypervisor's own setting."
    say.attribute(root, "domain", "type", words, Verdict.TAKEN if kind in KINDS else Verdict.LEFT)
    domain.was_running = "id" in root.attributes
    words = "it ran when the file was written: shut it down there, or its disks are written by two."
    say.attribute(root, "domain", "id", words)
    for name in root.attributes:
        if name not in ("type", "id"):
            say.attribute(root, "domain", name, "this console does not know it.")


def _leave_foreign(domain: Domain, element: Element) -> None:
    space, _, name = element.name.rpartition(" ")
    element.name = name
    words = "arguments for QEMU beside the console's own would make the two ends of a move differ."
    if "/domain/qemu/" not in space:
        words = f"it is an extension ({space}) that this console does not know."
    domain.findings.left(element, name, words)


def _take_name(domain: Domain, element: Element) -> None:
    domain.name = element.text
    domain.findings.taken(element, "name", "the partition's name.")
    domain.findings.rest(element, "name")


def _take_uuid(domain: Domain, element: Element) -> None:
    try:
        domain.uuid = UUID(element.text)
    except ValueError as exc:
        raise domain.findings.wrong(element, element.text, "a UUID") from exc
    domain.findings.taken(element, "uuid", "the partition's identity.")
    domain.findings.rest(element, "uuid")


def _take_memory(domain: Domain, element: Element) -> None:
    domain.memory_bytes = bytes_in(domain, element)
    domain.findings.taken(element, "memory", f"{in_mb(domain.memory_bytes)}.")
    words = "a dump of QEMU, which nothing here makes."
    domain.findings.attribute(element, "memory", "dumpCore", words, Verdict.HARMLESS)
    domain.findings.rest(element, "memory", ("unit", "dumpCore"))


def _take_current_memory(domain: Domain, element: Element) -> None:
    """Comes after `memory`, as libvirt writes it; where it does not, it is compared with nothing and left out."""
    if bytes_in(domain, element) == domain.memory_bytes:
        domain.findings.harmless(element, "currentMemory", "it is all of the memory.")
    else:
        words = "no balloon takes memory from a partition: it has all of <memory>. Correct that if it is too much."
        domain.findings.left(element, "currentMemory", words)
    domain.findings.rest(element, "currentMemory", ("unit",))


def bytes_in(domain: Domain, element: Element) -> int:
    unit = element.attributes.get("unit", "KiB")
    found = UNIT.fullmatch(unit)
    if not found:
        raise domain.findings.wrong(element, unit, "a unit from b to EiB")
    number = whole_in(domain, element, element.text, MOST_DIGITS)
    base = 1000 if found[3] and found[3].lower() == "b" else 1024
    return number if found[1] else number * base ** (POWERS.index(found[2].lower()) + 1)


def whole_in(domain: Domain, element: Element, text: str, digits: int) -> int:
    if not is_whole(text, digits) or not int(text):
        raise domain.findings.wrong(element, text, "a whole number above 0")
    return int(text)


def in_mb(size_bytes: int) -> str:
    """`1953.12 MB`; whole numbers without a fraction."""
    return f"{float(Fraction(size_bytes, 2**20)):.10g} MB"


def _take_processors(domain: Domain, element: Element) -> None:
    most = domain.processors_maximum = whole_in(domain, element, element.text, MOST_PROCESSORS)
    domain.processors = whole_in(domain, element, element.attributes.get("current", element.text), MOST_PROCESSORS)
    if domain.processors > most:
        raise domain.findings.wrong(element, str(domain.processors), f"at most {most}, the maximum")
    words = f"{domain.processors} virtual processors; the most is {most}."
    domain.findings.taken(element, "vcpu", words)
    if element.attributes.get("placement") == "auto":
        domain.findings.attribute(element, "vcpu", "placement", DOMAIN["numatune"].words)
    domain.findings.attribute(element, "vcpu", "cpuset", DOMAIN["numatune"].words)
    domain.findings.rest(element, "vcpu", ("placement", "current", "cpuset"))


def _take_os(domain: Domain, element: Element) -> None:
    say = domain.findings
    kind = element.child("type")
    if kind is None or kind.text != "hvm":
        raise say.wrong(kind or element, kind.text if kind else "", "type hvm, a whole machine")
    domain.architecture, domain.machine = (kind.attributes.get(name, "") for name in ("arch", "machine"))
    domain.type_element = kind
    say.rest(kind, "os/type", ("arch", "machine"))
    domain.boot_devices = [one for one in element.children if one.name == "boot"]
    for one in domain.boot_devices:
        say.rest(one, "os/boot", ("dev",))
    words = "the firmware is QEMU's own for the machine. A guest installed by UEFI does not boot by another one."
    say.attribute(element, "os", "firmware", words)
    say.rest(element, "os", ("firmware",), OS, ("type", "boot"))


def _take_features(domain: Domain, element: Element) -> None:
    say = domain.findings
    for one in element.children:
        if one.name in FEATURES:
            say.by_rules(FEATURES, [one], "features")
        else:
            say.left(one, f"features/{one.name}", FEATURE_LEFT)
    say.rest(element, "features", children=[one.name for one in element.children])


def _take_cpu(domain: Domain, element: Element) -> None:
    """Which model it is; whether that is the hypervisor's is compared later."""
    say, model = domain.findings, element.child("model")
    domain.cpu, domain.cpu_element = model.text if model else element.attributes.get("mode", ""), model or element
    for name in ("mode", "match", "check", "migratable", "deprecated_features"):
        words = "all partitions have the processor of the hypervisor's settings, which a move compares."
        say.attribute(element, "cpu", name, words, Verdict.HARMLESS)
    if model is not None:
        say.attribute(model, "cpu/model", "fallback", "there is none.", Verdict.HARMLESS)
        say.rest(model, "cpu/model", ("fallback",))
    if topology := element.child("topology"):
        _take_topology(domain, topology)
    known = ("mode", "match", "check", "migratable", "deprecated_features")
    say.rest(element, "cpu", known, CPU, ("model", "topology"))


def _take_topology(domain: Domain, element: Element) -> None:
    """QEMU makes one socket, and a core of one thread of each virtual processor."""
    say, parts = domain.findings, element.attributes
    if all(parts.get(name, "1") == "1" for name in ("sockets", "dies", "clusters", "threads")):
        say.taken(element, "cpu/topology", "one socket, with a core for each virtual processor.")
    else:
        words = "a partition has one socket, with a core of one thread for each virtual processor. Software that is "
        say.left(element, "cpu/topology", words + "licensed by sockets or threads sees others.")
    say.rest(element, "cpu/topology", ("sockets", "dies", "clusters", "cores", "threads"))


def _take_clock(domain: Domain, element: Element) -> None:
    say, offset = domain.findings, element.attributes.get("offset", "utc")
    if offset == "utc":
        say.harmless(element, "clock", "the partition's clock begins at the server's time, in UTC.")
    else:
        words = "the partition's clock begins at the server's time, in UTC. Correct the time in the guest."
        say.left(element, "clock", words)
    for one in element.children:
        say.left(one, f"clock/{one.name}", "clocks and timers of the machine are QEMU's defaults.")
    known = ("offset", "adjustment", "basis", "timezone", "start")
    say.rest(element, "clock", known, children=[one.name for one in element.children])


def _take_life_cycle(domain: Domain, element: Element) -> None:
    same, words = LIFE_CYCLE[element.name]
    if element.text == same:
        domain.findings.taken(element, element.name, f"{words}.")
    else:
        domain.findings.left(element, element.name, f"{words}; nothing else can be chosen.")
    domain.findings.rest(element, element.name)


def _take_devices(domain: Domain, element: Element) -> None:
    domain.disks, domain.interfaces = devices.understand(element, domain.findings)


TAKERS = {
    "name": _take_name,
    "uuid": _take_uuid,
    "memory": _take_memory,
    "currentMemory": _take_current_memory,
    "vcpu": _take_processors,
    "os": _take_os,
    "features": _take_features,
    "cpu": _take_cpu,
    "clock": _take_clock,
    **dict.fromkeys(LIFE_CYCLE, _take_life_cycle),
    "devices": _take_devices,
}
