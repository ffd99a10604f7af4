"""The QEMU hypervisor of one server: which QEMU there is, and one `Guest` for each partition."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from ivmweb.hypervisor.base import BootFrom, Definition, GuestKind, PartitionFacts, SystemFacts
from ivmweb.hypervisor.qemu.command_line import Model
from ivmweb.hypervisor.qemu.facts import PAGE_BYTES
from ivmweb.hypervisor.qemu.guest import Guest, Host
from ivmweb.hypervisor.qemu.probe import settled
from ivmweb.hypervisor.qemu.record import Damaged
from ivmweb.hypervisor.qemu.switch.ports import read_bridged, write_bridged
from ivmweb.hypervisor.vmc.definitions import VLANS
from ivmweb.hypervisor.vmc.machine import Machine, Options, refused
from ivmweb.hypervisor.vmc.serve import Unusable

OLDEST = (8, 2)  # before it, a pseries guest under TCG has no timer after a migration, and there is no set threshold
EXIT_ON_ERROR = (9, 1)


@dataclass(frozen=True)
class QemuOptions(Options):
    model: Model = field(default_factory=Model)  # its accelerator may be `auto`
    probe_kernel: str = ""  # booted to see whether KVM works; empty: the model's own
    run_dir: Path = Path("/run")
    ends_guests: bool = False


def qemu_version(program: str) -> tuple[int, ...]:
    """Raises Unusable where the program is missing or says no version."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise Unusable(f"{program} does not run: {exc}") from exc
    found = re.search(r"version (\d+)\.(\d+)\.(\d+)", done.stdout)
    if not found:
        raise Unusable(f"{program} --version says no version: {done.stdout[:100]!r}")
    return tuple(int(part) for part in found.groups())


@contextmanager
def _damaged_records_refused() -> Iterator[None]:
    try:
        yield
    except Damaged as exc:
        raise Unusable(
            f"{exc}. It says which QEMU process is the partition's, and nothing is guessed: restore it, or end "
            "that process and remove the file"
        ) from exc


class QemuMachine(Machine[Guest]):
    def __init__(self, options: QemuOptions) -> None:
        super().__init__(options)
        version = qemu_version(options.model.program)
        if version[:2] < OLDEST:
            raise Unusable(
                f"{options.model.program} is version {'.'.join(map(str, version))}; it has to be "
                f"{'.'.join(map(str, OLDEST))} or newer, since a guest of an older one has no timers after a move"
            )
        with _damaged_records_refused():
            model = settled(options.model, options.probe_kernel, options.state_dir)
        number = ".".join(map(str, version))
        self._version = f"QEMU {number} {model.machine} {model.processor} {model.accelerator} {model.disk_adapters}"
        self._host = Host(
            system=options.system,
            model=model,
            version=self._version,
            run_dir=options.run_dir,
            state_dir=options.state_dir,
            keeps_failed_incoming=version[:2] >= EXIT_ON_ERROR,
            ends_guests=options.ends_guests,
        )
        with _damaged_records_refused():
            self.load()

    def make_partition(self, definition: Definition) -> Guest:
        return Guest(definition, self._host, self._command_locks[definition.lpar_id])

    def describe_system(self) -> SystemFacts:
        facts, model = super().describe_system(), self._host.model
        kind = GuestKind(model.machine, model.processor, model.accelerator, model.disk_adapters, model.kernel)
        return replace(facts, capacity=replace(facts.capacity, guests=kind))

    def describe(self, lpar_id: int) -> PartitionFacts | None:
        """Raises HypervisorError `guest-silent`: a hand-over is not decided on what nobody has said."""
        guest = self._partitions.get(lpar_id)
        if guest is not None and guest.is_silent:
            raise guest.refusal_of("guest-silent", act="asked")
        return super().describe(lpar_id)

    @property
    def bridged_vlans(self) -> tuple[int, ...]:
        return read_bridged(self._host.run_dir)

    def bridge(self, vlan_ids: tuple[int, ...]) -> None:
        if wrong := [vlan_id for vlan_id in vlan_ids if vlan_id not in VLANS]:
            raise refused("bridge", f"VLAN {wrong[0]} can't be")
        try:
            write_bridged(self._host.run_dir, vlan_ids)
        except OSError as exc:
            raise refused("bridge", exc.strerror or str(exc)) from exc

    @property
    def version(self) -> str:
        return self._version

    @property
    def memory_block_mb(self) -> int:
        return self._host.model.memory_block_mb

    @property
    def boots_from(self) -> tuple[BootFrom, ...]:
        kernel = (BootFrom.KERNEL,) if self._host.model.kernel else ()
        return (BootFrom.DEFAULT, BootFrom.DISK, BootFrom.OPTICAL, *kernel)

    @property
    def page_bytes(self) -> int:
        return PAGE_BYTES
