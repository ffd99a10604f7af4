"""`python -m ivmweb.hypervisor.qemu`: the hypervisor of one server whose partitions are QEMU processes."""

import sys

from ivmweb.hypervisor.qemu.command_line import Model
from ivmweb.hypervisor.qemu.machine import QemuMachine, QemuOptions
from ivmweb.hypervisor.qemu.probe import AUTO, KVM, TCG
from ivmweb.hypervisor.vmc.serve import lun_places, parser, serve


def main() -> int:
    usual = Model()
    made = parser("ivmweb.hypervisor.qemu", __doc__)
    made.add_argument("--program", default=usual.program, help="QEMU's program")
    made.add_argument("--machine", default=usual.machine, help="a versioned machine type")
    made.add_argument("--accelerator", default=usual.accelerator, choices=[TCG, KVM, AUTO])
    made.add_argument("--probe-kernel", default="", help="booted at the start to see whether KVM works; or --kernel")
    made.add_argument("--processor", default=usual.processor, help="QEMU's name of the processor model")
    made.add_argument("--kernel", default="", help="of all partitions; without one the firmware boots from disk")
    made.add_argument("--initrd", default="")
    made.add_argument("--disks", default=usual.disks, choices=["spapr-vscsi", "virtio-scsi"], help="their adapters")
    made.add_argument("--preallocate", action="store_true", help="touch a partition's memory before it is up")
    made.add_argument("--end-guests", action="store_true", help="when this process is told to end, they end with it")
    arguments = made.parse_args()
    options = QemuOptions(
        system=arguments.system,
        state_dir=arguments.state_dir,
        memory_mb=arguments.memory_mb,
        processing_units=arguments.units,
        disk_dir=arguments.disk_dir,
        model=Model(
            program=arguments.program,
            machine=arguments.machine,
            accelerator=arguments.accelerator,
            processor=arguments.processor,
            kernel=arguments.kernel,
            initrd=arguments.initrd,
            disks=arguments.disks,
            preallocates=arguments.preallocate,
        ),
        probe_kernel=arguments.probe_kernel,
        run_dir=arguments.socket.parent,
        ends_guests=arguments.end_guests,
        lun_places=lun_places(arguments),
    )
    return serve(lambda: QemuMachine(options), arguments.socket)


if __name__ == "__main__":
    sys.exit(main())
