"""The driver of the simulated hypervisor: besides the interface, what only the lab asks."""

from ivmweb.hypervisor.vmc.client import VmcClient


class SimulatedHypervisor(VmcClient):
    def set_uptime(self, lpar_id: int, uptime_s: float) -> None:
        """Pretend that the partition booted that long ago; where it is down, at its next boot."""
        self.tell("set_uptime", lpar_id=lpar_id, uptime_s=float(uptime_s))

    def shut_down_from_inside(self, lpar_id: int, *, restart: bool = False) -> None:
        self.tell("shut_down_from_inside", lpar_id=lpar_id, restart=restart)
