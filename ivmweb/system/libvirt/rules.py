"""What of a libvirt domain does not depend on its values, by element, as libvirt's description of domains names them.

Each rule is about an element with all that is in it. What depends on values is in domain.py and devices.py.
"""

from ivmweb.system.libvirt.findings import Rule, Verdict


def _left(words: str) -> Rule:
    return Rule(Verdict.LEFT, words)


def _harmless(words: str) -> Rule:
    return Rule(Verdict.HARMLESS, words)


TUNING = (
    "partitions share the server's processors by entitled units and weight, and nothing finer. Set those in "
    "Partition Properties, Processing."
)
PLACEMENT = (
    "the server's own scheduler places a partition's processors and memory. Where that costs speed, use numactl."
)
CONTAINERS = "it is of another kind of virtualization, and QEMU has no use for it."
OWN_PLACE = "devices get places of their own here. A guest that names its devices by their place may rename them."
NO_SIGHT = "partitions have no display: Open terminal window shows the serial console. Let the guest log in there."
NO_SOUND = "partitions have no sound. Use the guest's network."
NO_PASSING = "no device of the server is passed through to a partition, which could not move then. Do without it."
LIMITS = "there are no limits for disks. Limit them in the guest or at the storage."

DOMAIN = {
    "title": _harmless("a note for people; partitions have none."),
    "description": _harmless("a note for people; partitions have none."),
    "metadata": _harmless("of other programs."),
    "resource": _harmless("where libvirt accounts for it; partitions have processes of their own."),
    "genid": _left(
        "partitions tell no generation ID. A guest that counts on it (Active Directory) has to do without."
    ),
    "maxMemory": _left(
        "memory is not plugged while a partition runs. Change it in Partition Properties while it is off."
    ),
    "memoryBacking": _left("a partition's memory is ordinary memory of QEMU: no huge pages, not locked, not shared."),
    "memtune": _left("there are no limits beside the partition's memory itself."),
    "numatune": _left(PLACEMENT),
    "cputune": _left(TUNING),
    "vcpus": _left("all virtual processors are there from the start; none is plugged while the partition runs."),
    "iothreads": _left("disks have no threads of their own. It is a matter of speed alone."),
    "iothreadids": _left("disks have no threads of their own. It is a matter of speed alone."),
    "defaultiothread": _left("disks have no threads of their own. It is a matter of speed alone."),
    "blkiotune": _left(LIMITS),
    "throttlegroups": _left(LIMITS),
    "sysinfo": _left("what the firmware tells of the machine is QEMU's own. Software licensed by it has to be told."),
    "bootloader": _left(CONTAINERS),
    "bootloader_args": _left(CONTAINERS),
    "idmap": _left(CONTAINERS),
    "perf": _left("no events are counted for a partition. Use perf on the server."),
    "pm": _left("a partition is shut down or runs; suspending from inside is QEMU's default."),
    "on_lockfailure": _left(
        "a partition whose LUN is another's does not start; no lock manager of libvirt is asked."
    ),
    "keywrap": _left("it is of another kind of machine (s390x)."),
    "launchSecurity": _left("memory is not encrypted, and an encrypted one could not be moved by these movers."),
    "seclabel": _left("processes of partitions have no label of their own; they run as the hypervisor's user."),
    "fibrechannel": _left("partitions have no Fibre Channel adapter of their own. Map LUNs to them."),
}

OS = {
    "loader": _left(
        "the firmware is QEMU's own for the machine. A guest installed by UEFI needs it: such a guest does not boot."
    ),
    "nvram": _left("variables of the firmware are not kept. A guest that boots by them has to use the default path."),
    "firmware": _left("the firmware is QEMU's own for the machine."),
    "bootmenu": _harmless("the firmware asks nobody."),
    "bios": _left("what the firmware shows and waits for is QEMU's default."),
    "smbios": _left("what the firmware tells of the machine is QEMU's own."),
    "acpi": _left("tables of the firmware are QEMU's own."),
    "init": _left(CONTAINERS),
    "initarg": _left(CONTAINERS),
    "initenv": _left(CONTAINERS),
    "initdir": _left(CONTAINERS),
    "inituser": _left(CONTAINERS),
    "initgroup": _left(CONTAINERS),
    "idmap": _left(CONTAINERS),
}
OWN_KERNEL = (
    "no partition has a kernel of its own outside its disks: all boot from the first disk, or the one kernel of the "
    "hypervisor's settings. Install a boot loader in the guest."
)
OS |= {name: _left(OWN_KERNEL) for name in ("kernel", "initrd", "cmdline", "dtb", "shim")}

FEATURES = {
    "acpi": _harmless("QEMU's default for the machine."),
    "apic": _harmless("QEMU's default for the machine."),
    "pae": _harmless("QEMU's default for the machine."),
}
FEATURE_LEFT = "features of machine and processor are QEMU's defaults, equal on both sides of a move."

CPU = {
    "cache": _harmless("QEMU's default for the processor."),
    "vendor": _left("the processor is the one of the hypervisor's settings."),
    "maxphysaddr": _left("QEMU's default for the processor."),
    "feature": _left(
        "single features of the processor can't be changed; they are those of the hypervisor's --processor."
    ),
    "numa": _left("a partition has one node. Software that is tuned for several sees one."),
}

DEVICES = {
    "emulator": _harmless("all partitions run in the hypervisor's own QEMU."),
    "controller": _harmless(
        "adapters follow from the disks, Ethernet adapters and terminals that the partition gets."
    ),
    "lease": _left("no lock manager of libvirt is asked; a LUN's owner word is what decides who may run."),
    "filesystem": _left("no folder of the server is shared with a partition, which could not move then. Use NFS."),
    "input": _left(NO_SIGHT),
    "hub": _left("partitions have no USB."),
    "graphics": _left(NO_SIGHT),
    "video": _left(NO_SIGHT),
    "sound": _left(NO_SOUND),
    "audio": _left(NO_SOUND),
    "watchdog": _left("nothing restarts a partition that hangs. Look after it from another system."),
    "rng": _left("there is no device for random numbers. Guests have their processor's, or gather them slowly."),
    "tpm": _left("there is no TPM. Disks that it unlocks need their password, so change that before the move here."),
    "nvram": _left("the firmware's memory is QEMU's own and begins empty. Boot variables in it are gone."),
    "panic": _harmless(
        "a partition that panics shows Error in any case, by the machine's own means or by its console."
    ),
    "shmem": _left("no memory is shared between partitions. Use the network."),
    "memory": _left("memory is in one piece and does not come later. Give the partition all of it."),
    "iommu": _left(NO_PASSING),
    "vsock": _left("there are no sockets between server and partition. Use the network."),
    "hostdev": _left(NO_PASSING),
    "redirdev": _left("partitions have no USB."),
    "redirfilter": _left("partitions have no USB."),
    "smartcard": _left("there are no smart cards."),
    "crypto": _left("there is no device for encryption. Guests use their processor."),
    "pstore": _left("there is no place that keeps a crash's last words; the console shows them."),
    "parallel": _left("there are no parallel ports."),
}

COMMON = {  # in any device
    "alias": _harmless("libvirt's own name for it."),
    "address": _harmless(OWN_PLACE),
    "acpi": _left(OWN_PLACE),
}

DISK = {
    **COMMON,
    "serial": _left("a LUN shows QEMU's serial number. A guest that finds its disks by serial number (by-id) won't."),
    "wwn": _left("a LUN shows no WWN. A guest that finds its disks by WWN (by-id) won't."),
    "vendor": _left("a LUN shows QEMU's vendor."),
    "product": _left("a LUN shows QEMU's product name."),
    "geometry": _left("a LUN has QEMU's geometry."),
    "blockio": _left("a LUN has blocks of 512 bytes. A file system made for others does not mount."),
    "iotune": _left(LIMITS),
    "throttlefilters": _left(LIMITS),
    "mirror": _left("a copy by libvirt was going on. Let it end there first, then write the file anew."),
}

CHARACTER = {  # of a terminal or an agent's port
    **COMMON,
    "source": _harmless("libvirt's end on the server."),
    "target": _harmless("its number, or its name."),
    "log": _left("no console is written to a file. `mkvt` shows its last output."),
    "protocol": _left("the port speaks no telnet."),
}

INTERFACE = {
    **COMMON,
    "target": _harmless("libvirt's name for its end on the server."),
    "script": _left("no script is run for an adapter."),
    "downscript": _left("no script is run for an adapter."),
    "backenddomain": _left(CONTAINERS),
    "guest": _left(CONTAINERS),
    "ip": _left("the partition's system gives itself its addresses."),
    "route": _left("the partition's system has its routes."),
    "portForward": _left("no port of the server leads into a partition. Connect to the partition itself."),
    "backend": _left("the adapter is served by QEMU itself. It is a matter of speed alone."),
    "driver": _left("the adapter is served by QEMU itself. It is a matter of speed alone."),
    "tune": _left("the adapter's buffers are QEMU's. It is a matter of speed alone."),
    "coalesce": _left("the adapter's buffers are QEMU's. It is a matter of speed alone."),
    "bandwidth": _left("an adapter's speed is not limited. Limit it in the guest or at the switch."),
    "virtualport": _left("the server's switch is not libvirt's. Its VLAN is what an adapter has."),
    "filterref": _left("nothing filters what an adapter sends. Use the guest's firewall, or the network's."),
    "port": _left("adapters of one VLAN see one another."),
    "mtu": _left("the virtual Ethernet's frames are of its own size. Set the guest's MTU."),
    "rom": _left("an adapter has no ROM of its own."),
    "boot": _left("a partition boots from its first disk and not from the network."),
    "teaming": _left("an adapter has no stand-in. Bond in the guest."),
}
