"""Real guests on a virtual Ethernet: they answer before, while and after one moves, and when a switch has died."""

import pytest

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import EthernetAdapter, RunState, ShutdownKind
from tests.hypervisor.conftest import FENCE, LPAR, OPERATOR, Move, eventually
from tests.hypervisor.stations import Station, SwitchProcess, address_of, free_udp_addresses

pytestmark = pytest.mark.qemu
MAC, STATION_MAC = "6A88A2E8C204", "6A88A2E8D302"
ADAPTER = EthernetAdapter(slot=4, mac_address=MAC, vlan_id=1)
PORT = "2-4"
BEYOND_SUSPENSION_S = 1.0


@pytest.fixture
def kind():
    return "qemu"


@pytest.fixture
def switches(folder, uli13, uli14):
    """Of uli13 and uli14, with an uplink between them."""
    here, there = free_udp_addresses(2)
    made = {
        name: SwitchProcess(folder / name, "--uplink", own, "--peer", other).start()
        for name, own, other in (("uli13", here, there), ("uli14", there, here))
    }
    for name, console in (("uli13", uli13), ("uli14", uli14)):
        assert console.describe_system().bridged_vlans == ()
        with pytest.raises(HypervisorError, match=r"9401.*VLAN 4095"):
            console.bridge((1, 4095))
        console.bridge((1,))
        assert console.describe_system().bridged_vlans == (1,)
        eventually(lambda name=name: made[name].shown()["bridged_vlans"] == [1])
    yield made
    for switch in made.values():
        switch.stop()


@pytest.fixture
def third(switches, folder):
    """A machine on uli13's switch."""
    station = Station(folder / "uli13", 200, STATION_MAC)
    yield station
    station.close()


@pytest.fixture
def definition(define):
    return define(adapters=(ADAPTER,))


def known_at(switch):
    """Where its switch has the partition's address."""
    address = bytes.fromhex(MAC).hex(":")
    return next((place for _vlan, known, place in switch.shown()["addresses"] if known == address), "")


def test_a_partition_that_moves_answers_again_within_a_second_of_its_suspension(uli13, uli14, definition, third):
    uli13.boot(definition)
    assert third.reaches(MAC, 5)
    for source, destination in ((uli13, uli14), (uli14, uli13)):
        source.reset_heartbeat_gap(LPAR)
        pings = third.pings_steadily(MAC)
        move = Move(source, destination, definition)
        move.finish()
        move.hand_over()
        source.discard(LPAR, FENCE)
        assert eventually(lambda pings=pings: pings.is_answered_again())
        pings.stop()
        felt_s = eventually(lambda destination=destination: destination.describe(LPAR).longest_gap_ms) / 1000
        assert pings.longest_silence_s() < felt_s + BEYOND_SUSPENSION_S


def test_a_partition_that_is_taken_back_answers_at_once_and_was_never_said_to_be_elsewhere(
    uli13, uli14, definition, third, switches
):
    uli13.boot(definition)
    assert third.reaches(MAC, 5)
    Move(uli13, uli14, definition).finish()
    eventually(lambda: not known_at(switches["uli13"]))  # nobody knows yet who gets it
    uli14.discard(LPAR, FENCE)
    uli13.resume(LPAR, FENCE)
    number = third.ping(address_of(MAC))
    assert eventually(lambda: third.answered(number), BEYOND_SUSPENSION_S)
    assert known_at(switches["uli13"]) == PORT
    assert switches["uli14"].shown()["dropped"] == {}


def test_a_partition_runs_on_without_a_switch_and_has_its_network_when_it_is_back_until_it_is_off(
    uli13, definition, third, switches
):
    uli13.boot(definition)
    switch = switches["uli13"]
    assert third.reaches(MAC, 5)
    switch.kill()
    assert not third.reaches(MAC)
    beat = uli13.describe(LPAR).heartbeat
    eventually(lambda: uli13.describe(LPAR).heartbeat > beat)
    switch.start()
    assert third.reaches(MAC, 5)

    uli13.shut_down(LPAR, ShutdownKind.IMMEDIATE, OPERATOR)
    uli13.wait_for(RunState.NOT_ACTIVATED)
    eventually(lambda: [port["name"] for port in switch.shown()["ports"]] == ["200-2"])
    assert not known_at(switch)
