"""QEMU's command line for one partition. Pure; both ends of a move make it from the same definition.

Order, ids and addresses of the devices have to be the same at both ends, or QEMU refuses the stream at its end.
"""

from dataclasses import dataclass
from pathlib import Path

from ivmweb.hypervisor.base import Definition

# VIO addresses: QEMU derives interrupts from them, and those of PowerVM clash ("IRQ 4592 is not free").
CONSOLE_REG, BEAT_REG, DISKS_REG = 0x30000000, 0x30001000, 0x2000
PSERIES_OVERRIDES = "cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off"  # TCG lacks these mitigations


@dataclass(frozen=True)
class Model:
    """What kind of machine the partitions are; equal at both ends of a move."""

    program: str = "qemu-system-ppc64"
    machine: str = "pseries-10.0"  # versioned: an unversioned name means another machine after an upgrade
    accelerator: str = "tcg"
    processor: str = "power9"
    kernel: str = ""  # empty: the firmware boots from the first disk
    initrd: str = ""

    @property
    def is_pseries(self) -> bool:
        return self.machine.startswith("pseries")


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


def command_line(definition: Definition, disk_bytes: list[int], kind: Kind, places: Places) -> list[str]:
    """`disk_bytes`: size of each of the definition's LUNs, as the partition sees it."""
    model = kind.model
    return [
        model.program,
        *("-name", f"lpar-{definition.lpar_id},process=lpar-{definition.lpar_id}", "-uuid", definition.uuid),
        *("-machine", _machine(model), "-cpu", model.processor),
        *("-m", f"{definition.memory_mb}M", "-smp", str(definition.virtual_processors)),
        *("-nodefaults", "-display", "none", "-no-user-config"),
        *_serial("con", places.console, model, CONSOLE_REG),
        *_serial("beat", places.beat, model, BEAT_REG),
        *("-qmp", f"unix:{places.monitor},server=on,wait=off", "-qmp", f"unix:{places.rescue},server=on,wait=off"),
        *_disks(definition, disk_bytes, model),
        *_agent(places),
        *_boot(definition, kind),
        *(("-S", "-incoming", "defer") if kind.is_incoming else ()),
    ]


def _machine(model: Model) -> str:
    options = [model.machine, f"accel={model.accelerator}"]
    if model.is_pseries:
        options += ["x-vof=on"] if model.kernel else []
        options += [PSERIES_OVERRIDES] if model.accelerator == "tcg" else []
    return ",".join(options)


def _serial(name: str, path: Path, model: Model, reg: int) -> list[str]:
    device = f"spapr-vty,chardev={name},reg={reg:#x}" if model.is_pseries else f"isa-serial,chardev={name}"
    return ["-chardev", f"socket,id={name},path={path},server=on,wait=off", "-device", device]


def _disks(definition: Definition, disk_bytes: list[int], model: Model) -> list[str]:
    controller = f"spapr-vscsi,id=vscsi0,reg={DISKS_REG:#x}" if model.is_pseries else "virtio-scsi-pci,id=vscsi0"
    arguments = ["-device", controller]
    for number, (reference, size) in enumerate(zip(definition.luns, disk_bytes, strict=True)):
        file, disk = f"lun{number}f", f"lun{number}"
        path = str(reference.path).replace(",", ",,")
        # The identity block at the LUN's end is not the partition's: `size` keeps it out of sight.
        arguments += [
            *("-blockdev", f"driver=file,node-name={file},filename={path},locking=on,discard=unmap"),
            *("-blockdev", f"driver=raw,node-name={disk},file={file},size={size}"),
            *("-device", f"scsi-hd,id=hd{number},drive={disk},bus=vscsi0.0,channel=0,scsi-id={number},lun=0"),
        ]
    return arguments


def _agent(places: Places) -> list[str]:
    return [
        *("-device", "virtio-serial-pci,id=ser0"),
        *("-chardev", f"socket,id=rmc,path={places.agent},server=on,wait=off"),
        *("-device", "virtserialport,chardev=rmc,name=org.qemu.guest_agent.0"),
    ]


def _boot(definition: Definition, kind: Kind) -> list[str]:
    model = kind.model
    if not model.kernel:
        return []
    console = "hvc0" if model.is_pseries else "ttyS0"
    words = [f"console={console}", "quiet", f"ivm.name={definition.name}", f"ivm.system={kind.system}"]
    words += [f"ivm.rate={definition.workload_bytes_per_s}", f"ivm.set={definition.workload_set_mb}"]
    return ["-kernel", model.kernel, "-initrd", model.initrd, "-append", " ".join(words)]
