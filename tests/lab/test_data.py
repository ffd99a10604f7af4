"""The lab says what the worked example says: its table of LUNs and its figures, written out."""

from decimal import Decimal

import pytest

from ivmweb.lab import data
from ivmweb.system.models import ManagedSystem, PhysicalVolume, VirtualServerAdapter, VirtualTargetDevice
from tests.factories import make_system

# disk, LUN id, used by, vtscsi, LUN at the client
LUNS = """
hdisk0  4011400200000000 -        -       -
hdisk1  4011400300000000 uli13lp2 vtscsi5 0x8100000000000000
hdisk2  4011400400000000 uli13lp1 vtscsi0 0x8100000000000000
hdisk3  4011400500000000 -        -       -
hdisk4  4011400600000000 -        -       -
hdisk5  4011400700000000 uli13lp1 vtscsi1 0x8200000000000000
hdisk6  4011400800000000 uli13lp1 vtscsi2 0x8300000000000000
hdisk7  4011400900000000 uli13lp1 vtscsi3 0x8400000000000000
hdisk8  4011400A00000000 uli13lp1 vtscsi4 0x8500000000000000
hdisk9  4011400B00000000 uli13lp2 vtscsi6 0x8200000000000000
hdisk10 4011400C00000000 uli13lp2 vtscsi7 0x8300000000000000
hdisk11 4011400D00000000 uli13lp2 vtscsi8 0x8400000000000000
hdisk12 4011400E00000000 uli13lp2 vtscsi9 0x8500000000000000
"""


def table():
    """The same table, from the records."""
    lines = []
    for volume in sorted(PhysicalVolume.objects.all(), key=lambda volume: int(volume.name[5:])):
        device = VirtualTargetDevice.objects.filter(physical_volume=volume).first()
        use = [device.adapter.partition.name, device.name, device.client_lun] if device else ["-"] * 3
        lines.append([volume.name, volume.location.partition("-L")[2], *use])
    return lines


def test_the_luns_are_mapped_as_in_the_example(uli13lp1, uli13lp2):
    assert table() == [line.split() for line in LUNS.strip().splitlines()]


def test_the_disk_of_the_listings_has_the_location_of_the_listings(uli13):
    volume = PhysicalVolume.objects.get(name="hdisk2")
    assert volume.location == "U78A5.001.WIH0402-P1-C6-T1-W5005076303030053-L4011400400000000"


def test_vhosts_are_in_the_slots_of_the_example(uli13lp1, uli13lp2):
    assert dict(VirtualServerAdapter.objects.values_list("name", "slot")) == {"vhost0": 11, "vhost1": 13}
    assert (uli13lp1.lpar_id, uli13lp2.lpar_id) == (2, 3)


def test_uli14_has_the_free_memory_and_units_of_the_example(db):
    system = make_system(data.ULI14)
    assert (system.free_memory_mb, f"{system.free_memory_mb / 1024:.2f}") == (2752, "2.69")
    assert system.free_units == Decimal("1.8")
    assert system.name == "Server-7998-60X-SN100E7DA"


def test_uli13_has_what_its_partitions_leave(uli13lp1, uli13lp2):
    system = ManagedSystem.objects.get()
    assert system.free_units == Decimal("3.4")
    assert system.free_memory_mb == 8192 - 320 - 1024 - 2 * 1024
    assert system.name == "Server-7998-61X-SN100390A"


def test_both_servers_see_the_same_luns_through_their_own_adapters(db):
    make_system(data.ULI14)
    volume = PhysicalVolume.objects.get(unique_id=data.unique_id(2))
    assert (volume.name, volume.location) == (
        "hdisk2",
        "U78A5.001.WIH1106-P1-C10-T1-W5005076303030053-L4011400400000000",
    )


@pytest.mark.parametrize(
    ("lab", "units"), [(data.ULI13, Decimal("0.4")), (data.ULI14, Decimal("0.2"))], ids=["uli13", "uli14"]
)
def test_the_management_partition_has_a_tenth_of_the_cores(lab, units):
    assert lab.management_units == units == Decimal(lab.cores) / 10


def test_the_partitions_are_as_in_the_example(uli13lp1, uli13lp2):
    for partition in (uli13lp1, uli13lp2):
        assert (partition.memory_mb, partition.processing_units) == (1024, Decimal("0.1"))
    assert (uli13lp1.state, uli13lp2.state) == ("Running", "Not Activated")
    assert not uli13lp2.ever_activated


def test_the_uptime_reads_as_in_the_example():
    assert f"{data.UPTIME_S / 86400:.2f}" == "13.47"
    assert f"{(data.UPTIME_S + 600) / 86400:.2f}" == "13.47"
