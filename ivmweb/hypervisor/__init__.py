"""The hypervisor boundary; docs/hypervisor.md. No Django in here."""

from collections.abc import Callable
from pathlib import Path

from ivmweb.hypervisor import messages  # noqa: F401  (registers the texts of our errors)
from ivmweb.hypervisor.base import Hypervisor
from ivmweb.hypervisor.simulated.client import SimulatedHypervisor
from ivmweb.hypervisor.vmc.client import VmcClient

DRIVERS: dict[str, Callable[[Path, str], Hypervisor]] = {"simulated": SimulatedHypervisor, "qemu": VmcClient}

# Kinds whose partitions keep their network adapters, and the networks of these, for as long as they run.
KEEPS_ADAPTERS = frozenset({"qemu"})


def connect(kind: str, socket_path: Path, host: str) -> Hypervisor:
    """The driver of that kind; raises ValueError, naming the kinds there are, for another one.

    `host`: the server that it runs, for messages.
    """
    if kind not in DRIVERS:
        raise ValueError(f"hypervisor kind {kind!r} is unknown; there is: {', '.join(sorted(DRIVERS))}")
    return DRIVERS[kind](socket_path, host)
