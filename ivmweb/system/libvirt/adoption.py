"""A domain of libvirt becomes a partition: what fits is compared with what this console has, and written at once.

What does not fit is listed and not made; what can't be without it (memory, the kind of machine) is refused.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext_noop as _

from ivmweb.common.errors import IvmError, PrerequisiteFailed
from ivmweb.common.printable import printable
from ivmweb.common.sentence import Sentence
from ivmweb.hypervisor.base import GuestKind, LunFacts
from ivmweb.system import creation, owners, services, virtual_storage
from ivmweb.system.actions import action
from ivmweb.system.adapters import Ethernet
from ivmweb.system.changes import Value
from ivmweb.system.creation import Wanted
from ivmweb.system.first_storage import Storage
from ivmweb.system.libvirt import running
from ivmweb.system.libvirt.devices import DiskSource, Interface
from ivmweb.system.libvirt.domain import Domain, in_mb
from ivmweb.system.libvirt.findings import Finding, Verdict
from ivmweb.system.models import ManagedSystem, PhysicalVolume, VirtualEthernet
from ivmweb.system.models.partition import ProcessorMode
from ivmweb.system.property_words import label
from ivmweb.system.rights import AnyUser, Right
from ivmweb.system.sections import LEAST_UNITS, LONGEST_NAME, check_vlans

ADOPTED = _("Made from the libvirt domain {domain}: {taken} parts taken over, {left} left out")

NOT_ASKED = "The file has no UUID, so nobody was asked whether the domain runs. Make sure that it does not."
PSERIES_MEMORY_MB = 256  # QEMU's pseries takes multiples of it
USUAL_SLOTS, USUAL_WEIGHT = 20, 128
FIRST_ETHERNET_SLOT = 4  # as IVM's wizard
MOST_DISKS = 63  # targets of one virtual SCSI adapter
IDENTITY = re.compile(r"[0-9a-f]{16,}", re.ASCII)  # of a LUN, in a name below /dev/disk or /dev/mapper
CPU_MODES = {"host-passthrough": "host", "maximum": "max"}  # QEMU's names of them
ARCHITECTURES = {
    "pseries": ("ppc64", "ppc64le"),
    "pc": ("x86_64", "i686"),
    "q35": ("x86_64", "i686"),
    "virt": ("aarch64", "armv7l"),
}


@dataclass(frozen=True)
class Choices:
    """What the caller says instead of the file; empty where the file counts."""

    name: str = ""
    memory_mb: int | None = None
    vlan_id: int | None = None


@dataclass(frozen=True)
class Plan:
    """`obstacles`: why nothing can be written; with none of them adopt() makes `wanted`."""

    wanted: Wanted
    findings: tuple[Finding, ...]  # in the order of the file's lines
    obstacles: tuple[IvmError, ...]
    notes: tuple[str, ...]


def plan(domain: Domain, choices: Choices, *, user: AnyUser) -> Plan:
    """Changes nothing. Raises HypervisorError where the hypervisor does not answer."""
    guests = services.hypervisor().describe_system().capacity.guests
    told = running.ask(str(domain.uuid)) if domain.uuid else running.Told(notes=(NOT_ASKED,))
    obstacles: list[IvmError] = []
    memory_mb = 0
    with _collecting(obstacles):
        _compare_machine(domain, guests)
    with _collecting(obstacles):
        memory_mb = _memory_mb(domain, choices, guests)
    with _collecting(obstacles):
        check_vlans([choices.vlan_id] if choices.vlan_id is not None else [])
    with _collecting(obstacles):
        _refuse_running(domain, told)
    _compare_processor(domain, guests)
    _compare_boot(domain, guests)
    disks, ethernets = _match_disks(domain, guests, obstacles), _match_interfaces(domain, choices)
    found = tuple(sorted(domain.findings.made, key=lambda one: one.line))
    wanted = Wanted(
        _values(domain, choices, memory_mb, ethernets),
        ethernets=ethernets,
        uuid=domain.uuid,
        storage=Storage(disks=disks),
        lines=(_summary(domain, found),),
    )
    if not obstacles:
        with _collecting(obstacles):
            creation.check(wanted, user=user)
    return Plan(wanted, found, tuple(obstacles), (*told.notes, *_notes_of_past(domain)))


def adopt(planned: Plan, *, user: AnyUser, origin: str) -> None:
    """All of it or nothing. Raises PrerequisiteFailed or HypervisorError."""
    for obstacle in planned.obstacles:
        with action(user, origin, Right.CHANGE, creation.CREATE, printable(planned.wanted.name)[:LONGEST_NAME]):
            raise obstacle
    creation.create([planned.wanted], user=user, origin=origin)


@contextmanager
def _collecting(obstacles: list[IvmError]) -> Iterator[None]:
    """Refusals inside are kept instead of raised, so that all of them are told at once."""
    try:
        yield
    except PrerequisiteFailed as exc:
        obstacles.append(exc)


def _summary(domain: Domain, found: Iterable[Finding]) -> Sentence:
    verdicts = [one.verdict for one in found]
    counts = {"taken": verdicts.count(Verdict.TAKEN), "left": verdicts.count(Verdict.LEFT)}
    return Sentence(ADOPTED, {"domain": printable(domain.name)[:64], **counts})


# The machine


def _compare_machine(domain: Domain, guests: GuestKind | None) -> None:
    """Raises PrerequisiteFailed where the domain's operating system can't run in partitions of this console."""
    element, say = domain.type_element, domain.findings
    assert element is not None  # noqa: S101 (there is no domain without)
    if guests is None:
        say.left(element, "os/type", "the hypervisor of this console is the simulated one: no operating system runs.")
        return
    family, here = family_of(domain.machine), family_of(guests.machine)
    architecture = domain.architecture or next(iter(ARCHITECTURES.get(family, ("",))))
    if here in ARCHITECTURES and architecture not in ARCHITECTURES[here]:
        names = {"name": printable(domain.name)[:64], "machine": printable(domain.machine)[:64] or "-"}
        arch = printable(architecture)[:64] or "-"
        raise PrerequisiteFailed("libvirt-other-machine", arch=arch, here=guests.machine, **names)
    if domain.machine == guests.machine:
        say.taken(element, "os/type", "the machine is the same here.")
    elif family == here:
        words = f"partitions here are {guests.machine}: another version of the same machine, from the next start on."
        say.left(element, "os/type", words)
    else:
        words = f"partitions here are {guests.machine}, with other devices. The guest needs drivers for them."
        say.left(element, "os/type", words)


def family_of(machine: str) -> str:
    """`pc-q35-8.2` is q35, `pseries-10.0` pseries, `pc-i440fx-8.2` pc."""
    return "q35" if "q35" in machine else machine.partition("-")[0]


def _compare_processor(domain: Domain, guests: GuestKind | None) -> None:
    element, say = domain.cpu_element, domain.findings
    if element is None:
        return
    if guests is None:
        say.left(element, "cpu", "the simulated hypervisor runs no processor.")
    elif CPU_MODES.get(domain.cpu, domain.cpu).lower() == guests.processor.lower():
        say.taken(element, "cpu", "the processor model is the same here.")
    else:
        words = (
            f"partitions here have the processor {guests.processor}, a setting of the hypervisor for all of them. "
            "Software that was built for another one may not run."
        )
        say.left(element, "cpu", words)


def _compare_boot(domain: Domain, guests: GuestKind | None) -> None:
    say, kernel = domain.findings, guests.kernel if guests is not None else ""
    for position, element in enumerate(domain.boot_devices):
        if kernel:
            words = f"all partitions of this hypervisor boot its kernel {kernel}, and none from a disk."
            say.left(element, "os/boot", words)
        elif element.attributes.get("dev") == "hd" and not position:
            say.taken(element, "os/boot", "a partition boots from its first disk.")
        else:
            say.left(element, "os/boot", "a partition boots from its first disk, and from nothing else by itself.")


# Memory and processors


def _memory_mb(domain: Domain, choices: Choices, guests: GuestKind | None) -> int:
    """Raises PrerequisiteFailed where it is no multiple of what a partition can have."""
    step_mb = _memory_step_mb(guests)
    if choices.memory_mb is not None:
        if choices.memory_mb % step_mb:
            names = {"field": label("memory_mb"), "value": choices.memory_mb, "region_mb": step_mb}
            raise PrerequisiteFailed("memory-not-in-regions", **names)
        return choices.memory_mb
    whole, rest = divmod(domain.memory_bytes, step_mb * 2**20)
    if rest or not whole:
        raise PrerequisiteFailed(
            "libvirt-memory-wrong",
            name=printable(domain.name)[:64],
            memory=in_mb(domain.memory_bytes),
            step_mb=step_mb,
            less_mb=max(whole, 1) * step_mb,
            more_mb=(whole + 1) * step_mb,
        )
    return whole * step_mb


def _memory_step_mb(guests: GuestKind | None) -> int:
    region = ManagedSystem.objects.get().memory_region_mb
    is_pseries = guests is not None and family_of(guests.machine) == "pseries"
    return max(region, PSERIES_MEMORY_MB) if is_pseries else region


def _values(domain: Domain, choices: Choices, memory_mb: int, ethernets: Sequence[Ethernet]) -> dict[str, Value]:
    """As mksyscfg where the file has no word for it: shared processors with a tenth of a unit each, uncapped."""
    installed, most = ManagedSystem.objects.get().installed_units, domain.processors_maximum
    highest = max((one.slot for one in ethernets), default=0)
    return {
        "name": choices.name or domain.name,
        "workload_group": None,
        "auto_start": False,
        "max_virtual_slots": max(USUAL_SLOTS, highest + 1),
        "memory_minimum_mb": memory_mb,
        "memory_mb": memory_mb,
        "memory_maximum_mb": memory_mb,
        "processor_mode": ProcessorMode.SHARED.value,
        "processing_units_minimum": LEAST_UNITS,
        "processing_units": LEAST_UNITS * domain.processors,
        "processing_units_maximum": min(Decimal(most), installed),
        "virtual_processors_minimum": 1,
        "virtual_processors": domain.processors,
        "virtual_processors_maximum": most,
        "uncapped_weight": USUAL_WEIGHT,
        "compatibility_mode": "default",
    }


# Disks


def _match_disks(domain: Domain, guests: GuestKind | None, obstacles: list[IvmError]) -> tuple[str, ...]:
    """The names of the physical volumes that its disks are, in the order of its boot; the rest is left out."""
    volumes = list(PhysicalVolume.objects.select_related("target_device__adapter__partition"))
    found = [(disk, _volume_of(disk, volumes)) for disk in domain.disks]
    asked = [volume for _disk, volume in found if volume is not None]
    seen = {lun.unique_id: lun for lun in virtual_storage.look_at(asked)} if asked else {}
    for lun in seen.values():
        with _collecting(obstacles):
            _refuse_elsewhere(lun, domain)
    taken: list[str] = []
    for disk, volume in found:
        reason = _why_no_volume(volume, seen, domain, taken)
        if volume is None or reason:
            domain.findings.left(disk.element, f"devices/disk {printable(disk.path)[:100]}", reason)
            continue
        taken.append(volume.name)
        domain.findings.taken(disk.element, "devices/disk", f"{volume.name} ({volume.unique_id}).")
        domain.findings.made += disk.inside.made
        _compare_bus(disk, domain, guests)
    return tuple(taken)


def _volume_of(disk: DiskSource, volumes: Sequence[PhysicalVolume]) -> PhysicalVolume | None:
    """By the file or device itself, whatever it is called, or by an identity in its name."""
    place, identities = _place_of(disk.path), set(IDENTITY.findall(disk.path.lower()))
    return next(
        (
            one
            for one in volumes
            if one.path == disk.path
            or (place is not None and _place_of(one.path) == place)
            or (_is_by_identity(disk.path) and any(_is_identity(one.unique_id, each) for each in identities))
        ),
        None,
    )


def _is_by_identity(path: str) -> bool:
    return path.startswith(("/dev/disk/by-id/", "/dev/mapper/", "/dev/disk/by-path/"))


def _is_identity(unique_id: str, found: str) -> bool:
    """udev and multipath write a 3 before a name of the kind NAA."""
    return unique_id.lower() in {found, found.removeprefix("3")}


def _place_of(path: str) -> tuple[int, int, int] | None:
    """The same for all names of one file or one device; None where it is not there, or may not be looked at."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    if stat.S_ISBLK(found.st_mode):
        return 0, 0, found.st_rdev
    return found.st_dev, found.st_ino, 0


def _why_no_volume(
    volume: PhysicalVolume | None, seen: Mapping[str, LunFacts], domain: Domain, taken: Sequence[str]
) -> str:
    if volume is None:
        return (
            "it is no physical volume of this console (`lspv` lists them, docs/qemu.md tells how one is made). Make "
            "it one, or copy it to one, then map it: `mkvdev -vdev hdiskN -vadapter vhostN`."
        )
    device = getattr(volume, "target_device", None)
    if device is not None:
        owner = device.adapter.partition
        return f"{volume.name} is mapped to partition {owner.name} (ID {owner.lpar_id}). Take it from there first."
    if volume.name in taken:
        return f"it is {volume.name} once more. A disk that a guest has by two paths is one LUN here."
    if len(taken) >= MOST_DISKS:
        return f"a virtual SCSI adapter has {MOST_DISKS} disks. Make another one (chhwres) and map it there."
    lun = seen.get(volume.unique_id)
    if lun is None or lun.owner is None:
        return f"{volume.name} can't be read: {lun.error if lun else 'it has just come'}. Mend that, then map it."
    identity = ManagedSystem.objects.get().identity
    if not virtual_storage.may_have(lun.owner, {str(domain.uuid)}, identity):
        return f"{volume.name} belongs to {owners.in_words(lun.owner)}. Take it from there first."
    return ""


def _refuse_elsewhere(lun: LunFacts, domain: Domain) -> None:
    """A LUN of this very partition on another server: it was adopted before, and has moved."""
    identity, word = ManagedSystem.objects.get().identity, lun.owner
    if word is None or word.partition_uuid != str(domain.uuid) or word.is_owned_by(str(domain.uuid), identity):
        return
    names = {"name": printable(domain.name)[:64], "uuid": str(domain.uuid)}
    raise PrerequisiteFailed("libvirt-elsewhere", unique_id=lun.unique_id, system=word.system, **names)


def _compare_bus(disk: DiskSource, domain: Domain, guests: GuestKind | None) -> None:
    if guests is None or disk.bus in ("", guests.disks):
        return
    target = disk.element.child("target")
    words = (
        f"disks here are SCSI disks at an adapter of the kind {guests.disks}: the guest needs its driver to boot, in "
        "its initramfs, and may name the disk otherwise (/dev/sda). Let it mount by UUID or label."
    )
    domain.findings.left(target or disk.element, "devices/disk/target", words)


# Ethernet


def _match_interfaces(domain: Domain, choices: Choices) -> tuple[Ethernet, ...]:
    known = list(VirtualEthernet.objects.values_list("vlan_id", flat=True))
    made: list[Ethernet] = []
    for interface in domain.interfaces:
        vlan_id = interface.vlan_id or choices.vlan_id or next(iter(known), None)
        if vlan_id not in known or vlan_id is None:
            listed = ", ".join(map(str, known)) or "none"
            words = f"this console has no virtual Ethernet {vlan_id or ''}".rstrip()
            words = f"{words} (there are: {listed}). Give --vlan, or add an adapter later (chhwres)."
            domain.findings.left(interface.element, "devices/interface", words)
            continue
        made.append(Ethernet(FIRST_ETHERNET_SLOT + len(made), vlan_id, interface.mac_address))
        _say_of_interface(interface, made[-1], domain)
    return tuple(made)


def _say_of_interface(interface: Interface, made: Ethernet, domain: Domain) -> None:
    say, path = domain.findings, "devices/interface"
    say.made += interface.inside.made
    address = made.mac_address or "a new MAC address"
    words = f"a virtual Ethernet adapter in slot {made.slot} on VLAN {made.vlan_id}, {address}."
    if interface.vlan_id is None:
        words += f" Check that this is the network of {printable(interface.source)[:64]}; --vlan names another."
    say.taken(interface.element, path, words)


# What runs, or has run


def _notes_of_past(domain: Domain) -> Iterator[str]:
    known = owners.names_of([str(domain.uuid)])
    for name in known.values():
        yield (
            f"A partition with this UUID, {name}, has migrated from or to this server. Make sure that no other "
            "console has it."
        )


def _refuse_running(domain: Domain, told: running.Told) -> None:
    if told.state:
        names = {"name": printable(domain.name)[:64], "uuid": str(domain.uuid)}
        raise PrerequisiteFailed("libvirt-runs", state=told.state[:64], source=told.source, **names)
