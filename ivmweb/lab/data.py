"""The two servers of the laboratory, as plain values: the worked example's figures to the letter.

Where the example is silent, a value is ours and says so.
"""

from dataclasses import dataclass
from decimal import Decimal

TARGET_WWPN = "5005076303030053"
LUN_COUNT = 13
LUN_SIZE_MB = 10 * 1024  # ours; the files are sparse
POOL_SIZE_MB = 69_888  # ours: rootvg on an internal disk, which no other system sees
FIRMWARE_MEMORY_MB = 320
MANAGEMENT_MEMORY_MB = 1024
MEMORY_REGION_MB = 16
VLAN_ID = 1
PROCESSOR_MODES = ("default", "POWER6")  # ours
OS_VERSION = "Linux"
UPTIME_S = 13.466 * 86400  # shown as 13.47 days for the first quarter of an hour
BANDWIDTH_BYTES_PER_S = 75 * 2**20  # 1 GiB lasts about 15 s
PASSWORDS = {"padmin": "padmin", "viewer": "viewer"}


@dataclass(frozen=True)
class LabPartition:
    name: str
    lpar_id: int
    adapter: str  # vhost
    first_device: int  # number of its first vtscsi
    hdisks: tuple[int, ...]
    mac_address: str  # ours; ends with the slot
    is_running: bool
    writes: bool  # runs the workload

    @property
    def device_names(self) -> tuple[str, ...]:
        return tuple(f"vtscsi{self.first_device + index}" for index in range(len(self.hdisks)))


@dataclass(frozen=True)
class LabSystem:
    host_name: str
    type_model: str
    serial_number: str
    cores: int
    management_units: Decimal  # IVM gives the management partition a tenth of the cores
    installed_memory_mb: int
    fibre_channel_location: str
    https_port: int
    partitions: tuple[LabPartition, ...] = ()

    @property
    def name(self) -> str:
        return f"Server-{self.type_model}-SN{self.serial_number}"

    @property
    def identity(self) -> str:
        return f"{self.type_model}*{self.serial_number}"

    @property
    def unit_location(self) -> str:
        """`U78A5.001.WIH0402`: the enclosure, in which all physical adapters sit."""
        return self.fibre_channel_location.split("-")[0]

    @property
    def physical_adapters(self) -> tuple[tuple[str, str], ...]:
        """Location and description; all but the Fibre Channel adapter are ours."""
        return (
            (self.fibre_channel_location.removesuffix("-T1"), "Fibre Channel Serial Bus"),
            (f"{self.unit_location}-P1-C5", "PCI-Express 1 Gb Ethernet controller"),
            (f"{self.unit_location}-P1-T6", "Ethernet controller"),
            (f"{self.unit_location}-P1-T8", "SAS controller"),
        )

    @property
    def spare_adapter_location(self) -> str:
        return self.physical_adapters[1][0]


ULI13LP1 = LabPartition(
    name="uli13lp1",
    lpar_id=2,
    adapter="vhost0",
    first_device=0,
    hdisks=(2, 5, 6, 7, 8),
    mac_address="6A88A2E8C204",
    is_running=True,
    writes=True,
)
ULI13LP2 = LabPartition(
    name="uli13lp2",
    lpar_id=3,
    adapter="vhost1",
    first_device=5,
    hdisks=(1, 9, 10, 11, 12),
    mac_address="6A88A2E8C304",
    is_running=False,
    writes=False,
)
ULI13 = LabSystem(
    host_name="uli13",
    type_model="7998-61X",
    serial_number="100390A",
    cores=4,
    management_units=Decimal("0.4"),
    installed_memory_mb=8192,
    fibre_channel_location="U78A5.001.WIH0402-P1-C6-T1",
    https_port=8413,
    partitions=(ULI13LP1, ULI13LP2),
)
ULI14 = LabSystem(
    host_name="uli14",
    type_model="7998-60X",
    serial_number="100E7DA",
    cores=2,
    management_units=Decimal("0.2"),
    installed_memory_mb=4096,
    fibre_channel_location="U78A5.001.WIH1106-P1-C10-T1",
    https_port=8414,
)
SYSTEMS = {system.host_name: system for system in (ULI13, ULI14)}


def partner_of(system: LabSystem) -> LabSystem:
    return next(other for other in SYSTEMS.values() if other is not system)


def lun_id(number: int) -> str:
    """`4011400400000000` for hdisk2: byte 4 is the number plus two, in upper-case hex."""
    return f"401140{number + 2:02X}00000000"


def unique_id(number: int) -> str:
    """What both servers know the LUN by: the storage's port and the LUN's id."""
    return f"{TARGET_WWPN}-{lun_id(number)}"


def disk_location(system: LabSystem, number: int) -> str:
    return f"{system.fibre_channel_location}-W{TARGET_WWPN}-L{lun_id(number)}"
