"""Real guests on a virtual Ethernet: they answer before, while and after one moves, and when a switch has died."""

import pytest

from ivmweb.hypervisor.base import EthernetAdapter
from tests.hypervisor.conftest import FENCE, LPAR, Move
from tests.hypervisor.stations import Station, SwitchProcess, free_udp_addresses

pytestmark = pytest.mark.qemu
MAC, STATION_MAC = "6A88A2E8C204", "6A88A2E8D302"
ADAPTER = EthernetAdapter(slot=4, mac_address=MAC, vlan_id=1)
BEYOND_SUSPENSION_S = 1.0


@pytest.fixture
def kind():
    return "qemu"


@pytest.fixture
def switches(folder):
    """Of uli13 and uli14, with an uplink between them."""
    here, there = free_udp_addresses(2)
    made = {
        name: SwitchProcess(folder / name, "--uplink", own, "--peer", other, "--bridged", "1").start()
        for name, own, other in (("uli13", here, there), ("uli14", there, here))
    }
    yield made
    for switch in made.values():
        switch.stop()


@pytest.fixture
def third(switches, folder):
    """A machine on uli13's switch."""
    station = Station(folder / "uli13", 200, STATION_MAC)
    yield station
    station.close()


def test_a_partition_that_moves_answers_again_within_a_second_of_its_suspension(uli13, uli14, define, third, switches):
    uli13.boot(definition := define(adapters=(ADAPTER,)))
    assert third.reaches(MAC, 5)
    for source, destination in ((uli13, uli14), (uli14, uli13)):
        source.reset_heartbeat_gap(LPAR)
        pings = third.pings_steadily(MAC)
        move = Move(source, destination, definition)
        move.finish()
        move.hand_over()
        source.discard(LPAR, FENCE)
        assert third.reaches(MAC, 5)
        pings.stop()
        felt_s = (destination.describe(LPAR).longest_gap_ms or 0) / 1000
        print(source.system, pings.longest_silence_s(), pings.lost(), len(pings.sent), felt_s)
        assert pings.longest_silence_s() < felt_s + BEYOND_SUSPENSION_S
    print(switches["uli13"].shown())
