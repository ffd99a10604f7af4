"""The devices of a domain: disks that a LUN may be, Ethernet adapters, the terminal and the agent's port."""

import re
from dataclasses import dataclass

from ivmweb.system.libvirt.findings import Findings, Rule, Verdict
from ivmweb.system.libvirt.rules import CHARACTER, DEVICES, DISK, INTERFACE
from ivmweb.system.libvirt.xml_file import Element

AGENT = "org.qemu.guest_agent.0"
MAC = re.compile(r"(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}", re.IGNORECASE | re.ASCII)
LAST_IN_ORDER = 10**6  # of a disk that has no place in the boot order
PASSED_THROUGH = ("hostdev", "vdpa", "vhostuser")
SPEED = "QEMU's default. It is a matter of speed alone."
DRIVER_SPEED = ("cache", "io", "ioeventfd", "event_idx", "copy_on_read", "iothread", "queues", "queue_size", "packed")
DRIVER_LEFT = {
    "discard": "what the guest discards is given back to the storage, whatever the file says.",
    "detect_zeroes": "zeros are written as they are.",
    "error_policy": "an error of the disk is told to the guest, but a full file stops it: QEMU's default.",
    "rerror_policy": "an error of the disk is told to the guest: QEMU's default.",
    "discard_no_unref": "it is of the format qcow2.",
    "iommu": "it is of virtio.",
    "ats": "it is of virtio.",
    "page_per_vq": "it is of virtio.",
}


@dataclass(frozen=True)
class DiskSource:
    """A disk that one of the console's LUNs may be. `inside`: about its parts, where it is one."""

    element: Element
    inside: Findings
    path: str
    bus: str  # as the guest sees it now; empty: the file does not say
    boot_order: int


@dataclass(frozen=True)
class Interface:
    """`inside`: about its parts, where it becomes an adapter."""

    element: Element
    inside: Findings
    mac_address: str  # twelve digits, upper case; empty: a new one
    vlan_id: int | None
    source: str  # what it hangs on at the server, in words


def understand(element: Element, say: Findings) -> tuple[list[DiskSource], list[Interface]]:
    disks = [disk for one in element.children if one.name == "disk" and (disk := _disk(one, say))]
    interfaces = [found for one in element.children if one.name == "interface" and (found := _interface(one, say))]
    consoles = [one for one in element.children if one.name in ("serial", "console")]
    _consoles(consoles, say)
    for one in element.children:
        if one.name == "channel":
            _channel(one, say)
        elif one.name == "memballoon":
            _balloon(one, say)
    taken = ("disk", "interface", "serial", "console", "channel", "memballoon")
    say.rest(element, "devices", (), DEVICES, taken)
    return sorted(disks, key=lambda disk: disk.boot_order), interfaces


# Disks


def _disk(element: Element, say: Findings) -> DiskSource | None:
    """None where it can't be a LUN, which is said then of all of it."""
    reason = _no_lun(element)
    if reason:
        say.left(element, "devices/disk", reason)
        return None
    source, driver = element.child("source"), element.child("driver")
    assert source is not None  # noqa: S101 (_no_lun has looked)
    attribute, inside = source_attribute(element), Findings(say.file)
    _say_of_disk(element, source, attribute, inside)
    if driver is not None:
        _driver(driver, inside)
    if (target := element.child("target")) is not None:
        words = "a disk has the name that the guest gives it, and the place of its LUN number."
        inside.harmless(target, "devices/disk/target", words)
    order = _boot_order(element, inside)
    return DiskSource(element, inside, source.attributes[attribute], element.get("target", "bus"), order)


def source_attribute(element: Element) -> str:
    """Which one of <source> has the path."""
    return "file" if element.attributes.get("type", "file") == "file" else "dev"


def _no_lun(element: Element) -> str:
    """Why none of its parts is taken; empty: it may be a LUN."""
    kind, device = element.attributes.get("type", "file"), element.attributes.get("device", "disk")
    if device == "cdrom":
        return (
            "an optical drive: `mkvdev -fbo -vadapter vhostN` makes one, `mkvopt` and `loadopt` give it its medium."
        )
    if device not in ("disk", "lun"):
        return f"partitions have no {device}."
    if kind not in ("file", "block"):
        return _no_path(kind)
    source = element.child("source")
    if source is None or not source.attributes.get(source_attribute(element)):
        return "it has no source. Leave it out of the guest, or name its file or device there."
    shape = element.get("driver", "type") or "raw"
    if shape != "raw":
        return f"its format is {shape}, and a LUN is raw: copy it to one (`qemu-img convert -O raw`), then map that."
    inner = [one.name for one in (*element.children, *source.children)]
    if "encryption" in inner:
        return "it is encrypted by QEMU, and a LUN is not: copy it decrypted to a LUN, then map that."
    if any(one.name == "backingStore" and one.children for one in element.children):
        return "it is only what differs from another file: make one of the two (`virsh blockpull`), then map that."
    words = {
        "readonly": "the guest may not write to it, and a LUN can be written. Copy it to a LUN of its own.",
        "shareable": "other domains write to it as well, and a LUN belongs to one partition alone.",
        "transient": "what is written to it is forgotten at the end, and a LUN keeps all. Copy it to a LUN.",
    }
    return next((said for name, said in words.items() if name in inner), "")


def _no_path(kind: str) -> str:
    if kind == "network":
        return (
            "QEMU reaches it over the network, and a LUN is a file or a block device of the server: map it there "
            "(`rbd map`, an iSCSI session), on both servers, make it a physical volume, then map that."
        )
    if kind == "volume":
        return "it is named by a pool of libvirt: `virsh vol-path` tells its path; write that as its source."
    return f"its type is {kind}, and a LUN is a file or a block device of the server."


def _say_of_disk(element: Element, source: Element, attribute: str, say: Findings) -> None:
    if element.attributes.get("device") == "lun":
        words = (
            "the guest's SCSI commands end at QEMU and do not reach the storage. Clusters that reserve disks can't."
        )
        say.attribute(element, "devices/disk", "device", words)
    for name in ("sgio", "rawio", "model"):
        say.attribute(element, "devices/disk", name, "it is of disks that are passed through.")
    say.attribute(element, "devices/disk", "snapshot", "of snapshots by libvirt.", Verdict.HARMLESS)
    known = ("type", "device", "sgio", "rawio", "model", "snapshot")
    path_of_source = "devices/disk/source"
    say.attribute(source, path_of_source, "index", "libvirt's own number.", Verdict.HARMLESS)
    words = "a LUN that is not there refuses the start in any case."
    say.attribute(source, path_of_source, "startupPolicy", words)
    rules = {"seclabel": Rule(Verdict.LEFT, "files have the label that the server gives them.")}
    say.rest(source, path_of_source, (attribute, "index", "startupPolicy"), rules)
    for one in (one for one in element.children if one.name == "backingStore"):
        say.harmless(one, "devices/disk/backingStore", "there is none.")
    say.rest(element, "devices/disk", known, DISK, ("source", "driver", "target", "boot", "backingStore"))


def _driver(element: Element, say: Findings) -> None:
    path = "devices/disk/driver"
    for name in DRIVER_SPEED:
        say.attribute(element, path, name, SPEED)
    for name, words in DRIVER_LEFT.items():
        say.attribute(element, path, name, words)
    say.taken(element, path, "raw, as a LUN is.")
    say.rest(element, path, ("name", "type", *DRIVER_SPEED, *DRIVER_LEFT))


def _boot_order(element: Element, say: Findings) -> int:
    boot = element.child("boot")
    if boot is None:
        return LAST_IN_ORDER
    text = boot.attributes.get("order", "")
    if not text.isascii() or not text.isdigit() or len(text) > 4 or not int(text):
        raise say.wrong(boot, text, "an order from 1 to 9999")
    say.taken(boot, "devices/disk/boot", "disks come in this order, and a partition boots from the first.")
    say.attribute(boot, "devices/disk/boot", "loadparm", "it is of another kind of machine (s390x).")
    say.rest(boot, "devices/disk/boot", ("order", "loadparm"))
    return int(text)


# Ethernet


def _interface(element: Element, say: Findings) -> Interface | None:
    path, kind = "devices/interface", element.attributes.get("type", "")
    if kind in PASSED_THROUGH:
        words = "no device of the server is passed through to a partition, which could not move then. Give it a "
        say.left(element, path, words + "virtual Ethernet adapter (chhwres -r virtualio --rsubtype eth).")
        return None
    inside = Findings(say.file)
    source = f"{kind} {element.get('source', kind)}".strip()
    found = Interface(element, inside, _mac(element, inside), _vlan(element, inside), source)
    if (hangs_on := element.child("source")) is not None:
        words = "what it hangs on at the server is its virtual Ethernet, by VLAN."
        inside.harmless(hangs_on, f"{path}/source", words)
    if (model := element.child("model")) is not None:
        words = "the adapter is of the kind that all partitions have. The guest needs its driver."
        inside.left(model, f"{path}/model", words)
    if (link := element.child("link")) is not None:
        is_down = link.attributes.get("state") == "down"
        (inside.left if is_down else inside.harmless)(
            link, f"{path}/link", "an adapter's cable is always plugged in."
        )
    inside.attribute(element, path, "trustGuestRxFilters", "it is of macvtap.")
    inside.attribute(element, path, "managed", "it is of devices that are passed through.")
    known = ("mac", "vlan", "source", "model", "link")
    inside.rest(element, path, ("type", "trustGuestRxFilters", "managed"), INTERFACE, known)
    return found


def _mac(element: Element, say: Findings) -> str:
    mac = element.child("mac")
    if mac is None:
        return ""
    address = mac.attributes.get("address", "")
    digits = re.sub("[:-]", "", address).upper()
    if not MAC.fullmatch(address) or int(digits[:2], 16) & 1 or not int(digits, 16):
        raise say.wrong(mac, address, "a MAC address of one adapter, such as 52:54:00:12:34:56")
    for name in ("type", "check", "currentAddress"):
        say.attribute(mac, "devices/interface/mac", name, "of libvirt's own checks.", Verdict.HARMLESS)
    say.rest(mac, "devices/interface/mac", ("address", "type", "check", "currentAddress"))
    return digits


def _vlan(element: Element, say: Findings) -> int | None:
    """That of an adapter which is on one alone; else it is said why none is taken."""
    vlan = element.child("vlan")
    if vlan is None:
        return None
    tags = [one.attributes.get("id", "") for one in vlan.children if one.name == "tag"]
    if len(tags) != 1 or vlan.attributes.get("trunk") == "yes":
        words = "an adapter is on one VLAN, without tags. Give the partition an adapter for each (chhwres)."
        say.left(vlan, "devices/interface/vlan", words)
        return None
    if not tags[0].isascii() or not tags[0].isdigit() or not 1 <= int(tags[0][:5]) <= 4094:
        raise say.wrong(vlan, tags[0], "a VLAN from 1 to 4094")
    say.taken(vlan, "devices/interface/vlan", f"VLAN {int(tags[0])}.")
    say.rest(vlan, "devices/interface/vlan", ("trunk",), children=("tag",))
    for one in vlan.children:
        if one.name == "tag":
            say.rest(one, "devices/interface/vlan/tag", ("id",))
    return int(tags[0])


# The rest


def _consoles(elements: list[Element], say: Findings) -> None:
    """libvirt writes the first serial port twice, as `serial` and as `console`."""
    is_taken = False
    for element in elements:
        path = f"devices/{element.name}"
        if (element.get("target", "port") or "0") != "0":
            say.left(element, path, "a partition has one terminal, which is its first serial port.")
        elif element.attributes.get("type") != "pty":
            say.left(element, path, "the first serial port is the partition's terminal, and leads nowhere else.")
        elif is_taken:
            say.harmless(element, path, "it is the terminal once more.")
        else:
            is_taken = True
            say.taken(element, path, "the terminal that Open terminal window and mkvt open.")
            say.rest(element, path, ("type", "tty"), CHARACTER)


def _channel(element: Element, say: Findings) -> None:
    path = "devices/channel"
    if element.get("target", "name") != AGENT:
        say.left(element, path, "a partition has one such port, the guest agent's.")
        return
    say.taken(element, path, "the guest agent's port: RMC of the partition.")
    say.rest(element, path, ("type",), CHARACTER)


def _balloon(element: Element, say: Findings) -> None:
    if element.attributes.get("model") == "none":
        say.harmless(element, "devices/memballoon", "there is none here either.")
    else:
        say.left(element, "devices/memballoon", "no balloon takes memory from a partition: it has all of its own.")
