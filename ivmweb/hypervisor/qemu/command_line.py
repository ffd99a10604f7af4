"""QEMU's command line for one partition. Pure; both ends of a move make it from the same definition.

Order, ids and addresses of the devices have to be the same at both ends, or QEMU refuses the stream at its end.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ivmweb.hypervisor.base import BootFrom, Definition
from ivmweb.hypervisor.lun import Space
from ivmweb.hypervisor.qemu.drives import drive_arguments
from ivmweb.hypervisor.qemu.switch.ports import guest_socket, name_of, switch_socket

# VIO addresses: QEMU derives interrupts from them, and those of PowerVM clash ("IRQ 4592 is not free").
CONSOLE_REG, BEAT_REG, SLOT_REGS = 0x30000000, 0x30001000, 0x1000
FIRST_SLOT = 2  # the client's virtual SCSI adapter, where it has no disk; the next free one where that is taken
PSERIES_OVERRIDES = "cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off"  # TCG lacks these mitigations
MB = 2**20
_UNSAFE = re.compile(r"[^A-Za-z0-9._*-]")  # in a word of the kernel's command line


@dataclass(frozen=True)
class Model:
    """What kind of machine the partitions are; equal at both ends of a move."""

    program: str = "qemu-system-ppc64"
    machine: str = "pseries-10.0"  # versioned: an unversioned name means another machine after an upgrade
    accelerator: str = "tcg"
    processor: str = "power9"
    kernel: str = ""  # empty: the firmware boots from the first disk
    initrd: str = ""
    disks: str = "spapr-vscsi"  # or "virtio-scsi": disks can then be changed while the partition runs
    preallocates: bool = False  # may differ between the ends

    @property
    def is_pseries(self) -> bool:
        return self.machine.startswith("pseries")

    @property
    def memory_block_mb(self) -> int:
        """Of a pseries machine the hash page table's unit; QEMU refuses other sizes."""
        return 256 if self.is_pseries else 1

    @property
    def disk_adapters(self) -> str:
        """That kind which partitions really have."""
        return "virtio-scsi" if self.plugs_disks else self.disks

    @property
    def plugs_disks(self) -> bool:
        """While a partition runs; the bus of a spapr-vscsi adapter can't."""
        return self.disks == "virtio-scsi" or not self.is_pseries


@dataclass(frozen=True)
class Places:
    """Where a guest's sockets are. Unix socket paths end at 107 bytes."""

    folder: Path

    @property
    def monitor(self) -> Path:
        return self.folder / "qmp"

    @property
    def rescue(self) -> Path:
        return self.folder / "oob"

    @property
    def console(self) -> Path:
        return self.folder / "con"

    @property
    def beat(self) -> Path:
        return self.folder / "beat"

    @property
    def agent(self) -> Path:
        return self.folder / "rmc"


@dataclass(frozen=True)
class Kind:
    model: Model
    system: str  # on which it is started; told to the lab's guest
    is_incoming: bool = False


def command_line(definition: Definition, spaces: list[Space], kind: Kind, places: Places) -> list[str]:
    """`spaces`: of each of the definition's LUNs."""
    model = kind.model
    return [
        model.program,
        *("-name", f"lpar-{definition.lpar_id},process=lpar-{definition.lpar_id}", "-uuid", definition.uuid),
        *("-machine", machine_argument(model, has_kernel=boots_kernel(definition, model)), "-cpu", model.processor),
        *("-smp", str(definition.virtual_processors)),
        *("-m", f"{definition.memory_mb}M", *_touched_memory(definition, model)),
        *("-nodefaults", "-display", "none", "-no-user-config"),
        *("-action", "panic=pause"),  # else QEMU ends, as after a shutdown, and nobody learns why
        *_serial("con", places.console, model, CONSOLE_REG),
        *_serial("beat", places.beat, model, BEAT_REG),
        *("-qmp", monitor_argument(places), "-qmp", f"unix:{_value(places.rescue)},server=on,wait=off"),
        *_disks(definition, spaces, model),
        *_adapters(definition, model, places),
        *_agent(places),
        *_boot(definition, kind),
        *(("-S", "-incoming", "defer") if kind.is_incoming else ()),
    ]


def monitor_argument(places: Places) -> str:
    """An argument that only the guest with these places has."""
    return f"unix:{_value(places.monitor)},server=on,wait=off"


def _value(text: object) -> str:
    """Of an option: a comma would begin the next one."""
    return str(text).replace(",", ",,")


def boots_kernel(definition: Definition, model: Model) -> bool:
    """Else the firmware finds something on a disk or a medium."""
    return bool(model.kernel) and definition.boot_from in (BootFrom.DEFAULT, BootFrom.KERNEL)


def boot_problem(definition: Definition, model: Model, *, is_incoming: bool = False) -> str:
    """Why there is nothing of that kind to boot from; empty where there is, and where it has booted elsewhere."""
    if definition.boot_from is BootFrom.KERNEL and not model.kernel:
        return "the hypervisor was started without --kernel"
    if is_incoming:
        return ""
    if definition.boot_from is BootFrom.DISK and not definition.luns:
        return "the partition has no disk"
    if definition.boot_from is BootFrom.OPTICAL and not any(drive.path for drive in definition.drives):
        return "no optical drive of the partition has a medium"
    return ""


def machine_argument(model: Model, *, has_kernel: bool) -> str:
    options = [model.machine, f"accel={model.accelerator}"]
    options += [f"memory-backend={_memory_name(model)}"] if model.preallocates else []
    if model.is_pseries:
        options += ["x-vof=on"] if has_kernel else []
        options += [PSERIES_OVERRIDES] if model.accelerator == "tcg" else []
    return ",".join(options)


def _touched_memory(definition: Definition, model: Model) -> list[str]:
    """All of it, before QEMU is up: what the server lacks is found missing then, and no page is made in a move."""
    if not model.preallocates:
        return []
    backend = {"qom-type": "memory-backend-ram", "id": _memory_name(model), "size": definition.memory_mb * MB}
    return ["-object", json.dumps(backend | {"prealloc": True})]


def _memory_name(model: Model) -> str:
    """QEMU's own, which is part of the stream: so the other end may do without."""
    return "ppc_spapr.ram" if model.is_pseries else "pc.ram"


def _serial(name: str, path: Path, model: Model, reg: int) -> list[str]:
    device = f"spapr-vty,chardev={name},reg={reg:#x}" if model.is_pseries else f"isa-serial,chardev={name}"
    return ["-chardev", f"socket,id={name},path={_value(path)},server=on,wait=off", "-device", device]


def _disks(definition: Definition, spaces: list[Space], model: Model) -> list[str]:
    disks, drives = disks_of(definition, spaces), definition.drives
    arguments = []
    for slot in sorted({disk.slot for disk in disks} | {drive.slot for drive in drives} or {_free_slot(definition)}):
        virtio, vio = "virtio-scsi-pci", f"spapr-vscsi,reg={slot * SLOT_REGS:#x}"
        arguments += ["-device", f"{virtio if model.plugs_disks else vio},id=vscsi{slot}"]
    first_drive, first_disk = _boot_order(definition)
    for number, disk in enumerate(disks):
        device = disk.device() | ({"bootindex": first_disk} if first_disk is not None and number == 0 else {})
        for option, words in (*(("-blockdev", node) for node in disk.nodes()), ("-device", device)):
            arguments += [option, json.dumps(words)]
    first = next((drive for drive in drives if drive.path), None)
    for drive in drives:
        arguments += drive_arguments(drive, first_drive if drive == first else None)
    return arguments


def _free_slot(definition: Definition) -> int:
    taken = {adapter.slot for adapter in definition.adapters}
    return next(slot for slot in range(FIRST_SLOT, FIRST_SLOT + len(taken) + 1) if slot not in taken)


def _adapters(definition: Definition, model: Model, places: Places) -> list[str]:
    """Each with a datagram socket to its port of the switch: nothing breaks while there is no switch."""
    arguments = []
    for adapter in definition.adapters:
        network = f"net{adapter.slot}"
        name, run_dir = name_of(definition.lpar_id, adapter.slot), places.folder.parent
        ends = {"local": guest_socket(run_dir, name), "remote": switch_socket(run_dir, name)}
        sockets = {end: {"type": "unix", "path": str(path)} for end, path in ends.items()}
        wire = {"type": "dgram", "id": network, **sockets}
        device: dict[str, Any] = {"driver": "virtio-net-pci", "romfile": ""}
        if model.is_pseries:
            device = {"driver": "spapr-vlan", "reg": adapter.slot * SLOT_REGS}
        device |= {"id": f"eth{adapter.slot}", "netdev": network, "mac": bytes.fromhex(adapter.mac_address).hex(":")}
        arguments += ["-netdev", json.dumps(wire), "-device", json.dumps(device)]
    return arguments


def _boot_order(definition: Definition) -> tuple[int | None, int | None]:
    """Of the first drive that has a medium, and of the first disk; None: the firmware's own order."""
    if definition.boot_from is BootFrom.OPTICAL:
        return 1, 2
    return (None, 1) if definition.boot_from is BootFrom.DISK else (None, None)


@dataclass(frozen=True)
class Disk:
    """A LUN as QEMU has it: a node for file or device, one for what the guest may see of it, and the SCSI disk."""

    path: str
    space: Space  # of the guest: the identity block behind is not its own
    slot: int
    target: int

    @property
    def name(self) -> str:
        return f"{self.slot}-{self.target}"

    def nodes(self) -> list[dict[str, Any]]:
        file: dict[str, Any] = {"node-name": f"file{self.name}", "filename": self.path, "locking": "on"}
        if self.space.is_device:  # past the page cache: what this server keeps there, the next one does not see
            file |= {"driver": "host_device", "cache": {"direct": True}}
        else:
            file["driver"] = "file"
        size = self.space.size_bytes
        seen = {"driver": "raw", "node-name": f"lun{self.name}", "file": f"file{self.name}", "size": size}
        return [file | {"discard": "unmap"}, seen]

    def device(self) -> dict[str, Any]:
        place = {"bus": f"vscsi{self.slot}.0", "channel": 0, "scsi-id": self.target, "lun": 0}
        return {"driver": "scsi-hd", "id": f"hd{self.name}", "drive": f"lun{self.name}", **place}


def disks_of(definition: Definition, spaces: list[Space]) -> list[Disk]:
    """In the definition's order. Both ends of a move and a change while it runs name them alike."""
    pairs = zip(definition.luns, spaces, strict=True)
    return [
        Disk(reference.path, space, reference.slot, reference.target or number)
        for number, (reference, space) in enumerate(pairs, 1)
    ]


def _agent(places: Places) -> list[str]:
    return [
        *("-device", "virtio-serial-pci,id=ser0"),
        *("-chardev", f"socket,id=rmc,path={_value(places.agent)},server=on,wait=off"),
        *("-device", "virtserialport,chardev=rmc,name=org.qemu.guest_agent.0"),
    ]


def _boot(definition: Definition, kind: Kind) -> list[str]:
    model = kind.model
    if not boots_kernel(definition, model):
        return []
    console = "hvc0" if model.is_pseries else "ttyS0"
    words = [f"console={console}", "quiet", f"ivm.name={_word(definition.name)}", f"ivm.system={_word(kind.system)}"]
    words += [f"ivm.rate={definition.workload_bytes_per_s}", f"ivm.set={definition.workload_set_mb}"]
    return ["-kernel", model.kernel, "-initrd", model.initrd, "-append", " ".join(words)]


def _word(text: str) -> str:
    """One word for the kernel, whatever the partition is called: a name must not become `init=/bin/sh`."""
    return _UNSAFE.sub("_", text)
