"""`python -m ivmweb.hypervisor.simulated`: the simulated hypervisor of one server, as a process of its own."""

import sys

from ivmweb.hypervisor.simulated.machine import SimulatedMachine, SimulatedOptions
from ivmweb.hypervisor.vmc.serve import Unusable, lun_places, parser, serve


def main() -> int:
    made = parser("ivmweb.hypervisor.simulated", __doc__)
    made.add_argument("--boot-step-ms", type=float, default=80.0)
    arguments = made.parse_args()
    options = SimulatedOptions(
        system=arguments.system,
        state_dir=arguments.state_dir,
        memory_mb=arguments.memory_mb,
        processing_units=arguments.units,
        disk_dir=arguments.disk_dir,
        boot_step_s=arguments.boot_step_ms / 1000,
        lun_places=lun_places(arguments),
    )
    # A state stream's thread gives the interpreter up at each frame; a heartbeat should not wait 5 ms for a busy one.
    sys.setswitchinterval(0.001)
    return serve(lambda: make(options), arguments.socket)


def make(options: SimulatedOptions) -> SimulatedMachine:
    if sys.byteorder != "little":
        raise Unusable("the state stream is little-endian, and this machine is not")
    return SimulatedMachine(options)


if __name__ == "__main__":
    sys.exit(main())
