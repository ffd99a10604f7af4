"""What the environment says about the laboratory."""

from dataclasses import dataclass
from pathlib import Path

from ivmweb.environment import number, switch, text
from ivmweb.lab.data import BANDWIDTH_BYTES_PER_S, LabSystem
from ivmweb.settings import STATE_DIR

DEFAULT_WORKLOAD_MB_PER_S = 4
WORKLOAD_SET_MB = 64


@dataclass(frozen=True)
class LabOptions:
    lab_dir: Path  # holds a folder for each console
    san_dir: Path  # the LUNs that both servers see
    port_offset: int = 0
    is_fast: bool = False  # no bandwidth limit
    workload_mb_per_s: float = DEFAULT_WORKLOAD_MB_PER_S
    partition_memory_mb: int = 1024

    @classmethod
    def from_environment(cls) -> "LabOptions":
        lab_dir = Path(text("IVM_LAB_DIR", str(STATE_DIR.parent))).absolute()
        return cls(
            lab_dir=lab_dir,
            san_dir=Path(text("IVM_LAB_SAN_DIR", str(lab_dir / "san"))).absolute(),
            port_offset=int(number("IVM_LAB_PORT_OFFSET", 0)),
            is_fast=switch("IVM_LAB_FAST"),
            workload_mb_per_s=number("IVM_LAB_WORKLOAD", DEFAULT_WORKLOAD_MB_PER_S),
            partition_memory_mb=int(number("IVM_LAB_MEMORY_MB", 1024)),
        )

    @property
    def bandwidth_bytes_per_s(self) -> int:
        return 0 if self.is_fast else BANDWIDTH_BYTES_PER_S

    @property
    def workload_bytes_per_s(self) -> int:
        return int(self.workload_mb_per_s * 2**20)

    def https_address(self, system: LabSystem) -> str:
        return f"127.0.0.1:{system.https_port + self.port_offset}"

    def certificate_of(self, system: LabSystem) -> Path:
        return self.lab_dir / system.host_name / "console.crt"

    def lun_path(self, lun_number: int) -> Path:
        return self.san_dir / f"lun{lun_number}"
