"""Where a switch sends a frame: never to another VLAN, never back to a server, and to where its address was last."""

import itertools

import pytest

from ivmweb.hypervisor.qemu.switch import frames
from ivmweb.hypervisor.qemu.switch.forwarding import AGE_S, Forwarding, Out, Port, Uplink

A, B, C, FAR = (bytes.fromhex(f"6A00000000{number:02X}") for number in (1, 2, 3, 9))
NORTH, SOUTH, TAP = Uplink("north"), Uplink("south"), Uplink("tap0", 2)
BRIDGED = (1, 2, 3)
PORTS = [Port("2-4", 1, A), Port("3-4", 1, B), Port("4-4", 2, C)]


def frame(to, sender, body=b"\x08\x00data"):
    return to + sender + body


def switch(ports=PORTS, uplinks=(NORTH, SOUTH, TAP), bridged=BRIDGED, **options):
    made = Forwarding(uplinks, **options)
    made.set_bridged(bridged)
    made.set_ports(ports)
    return made


def places(outs):
    return sorted(out.place for out in outs)


# VLANs


def test_a_broadcast_reaches_its_vlan_and_nothing_else():
    made = switch()
    assert places(made.from_port("2-4", frame(frames.BROADCAST, A), 0)) == ["3-4", "north", "south"]
    assert places(made.from_port("4-4", frame(frames.BROADCAST, C), 0)) == ["tap0"]


@pytest.mark.parametrize("to", [C, FAR, frames.BROADCAST, bytes.fromhex("01005E000001")])
def test_no_frame_goes_to_another_vlan_whatever_its_address(to):
    made = switch()
    made.from_port("4-4", frame(frames.BROADCAST, C), 0)
    made.from_uplink("tap0", frame(frames.BROADCAST, FAR), 0)
    assert not {"4-4", "tap0"} & set(places(made.from_port("2-4", frame(to, A), 0)))


def test_one_address_may_be_on_two_vlans_in_two_places():
    made = switch(uplinks=[NORTH])
    made.from_uplink("north", frames.tagged(frame(B, A), 2), 0)
    assert places(made.from_port("3-4", frame(A, B), 0)) == ["2-4", "north"], "where A is in VLAN 1 is not known"
    assert places(made.from_port("4-4", frame(A, C), 0)) == ["north"]


@pytest.mark.parametrize("tag", ["8100", "88A8", "9100"])
def test_a_partition_can_not_choose_its_vlan_by_a_tag(tag):
    made = switch()
    inside = frame(frames.BROADCAST, A, bytes.fromhex(f"{tag}0002") + b"\x08\x00data")
    assert made.from_port("2-4", inside, 0) == []
    assert made.from_uplink("north", frames.tagged(inside, 1), 0) == []
    assert made.from_uplink("tap0", inside, 0) == []
    assert made.dropped == {"tagged": 3}


def test_between_servers_a_frame_carries_its_vlan_and_arrives_as_it_was_sent():
    here, there = switch(), switch([Port("7-2", 1, FAR), Port("8-2", 2, B)])
    sent = frame(FAR, A)
    (out,) = [out for out in here.from_port("2-4", sent, 0) if out.place == "north"]
    assert out.frame.hex() == sent[:12].hex() + "81000001" + sent[12:].hex()
    assert there.from_uplink("south", out.frame, 0) == [Out("7-2", sent)]


@pytest.mark.parametrize("vlan", [0, 2, 4, 4095])
def test_an_uplink_brings_only_vlans_that_are_bridged_to_it(vlan):
    """VLAN 2 is the tap's."""
    made = switch()
    assert made.from_uplink("north", frames.tagged(frame(frames.BROADCAST, FAR), vlan), 0) == []
    assert made.from_uplink("north", frame(frames.BROADCAST, FAR), 0) == []
    assert made.dropped == {"of a VLAN that is not bridged": 2}


@pytest.mark.parametrize("bridged", [(), (2,)])
def test_a_vlan_that_is_bridged_no_more_stays_on_its_server(bridged):
    made = switch()
    made.from_uplink("north", frames.tagged(frame(frames.BROADCAST, FAR), 1), 0)
    made.from_uplink("tap0", frame(frames.BROADCAST, FAR), 0)
    made.set_bridged(bridged)
    assert set(made.known(1)) == {(vlan, FAR) for vlan in bridged}
    assert places(made.from_port("2-4", frame(frames.BROADCAST, A), 1)) == ["3-4"]
    assert made.from_port("2-4", frame(FAR, A), 1) == []
    assert made.from_uplink("north", frames.tagged(frame(A, FAR), 1), 1) == []
    assert bool(made.from_uplink("tap0", frame(C, FAR), 1)) == (2 in bridged)


def test_a_priority_in_a_tag_is_no_part_of_the_vlan():
    data = frame(A, FAR)[:12] + bytes.fromhex("8100E001") + b"\x08\x00data"
    assert switch().from_uplink("north", data, 0) == [Out("2-4", frame(A, FAR))]


# Loops


@pytest.mark.parametrize("to", [FAR, A, frames.BROADCAST])
def test_what_came_by_an_uplink_goes_to_no_uplink(to):
    made = switch(uplinks=[NORTH, SOUTH, TAP])
    made.from_uplink("south", frames.tagged(frame(to, FAR), 1), 0)
    for uplink in ("north", "south"):
        outs = made.from_uplink(uplink, frames.tagged(frame(to, FAR), 1), 1)
        assert not {"north", "south", "tap0"} & set(places(outs))


def test_three_servers_with_uplinks_between_all_get_one_copy_each():
    names = ("a", "b", "c")
    made = {
        name: switch([Port(f"{number}-2", 1, bytes([0x6A, 0, 0, 0, 0, number]))], [
            Uplink(other) for other in names if other != name
        ])
        for number, name in enumerate(names, 1)
    }  # fmt: skip
    waiting = [
        ("a", out) for out in made["a"].from_port("1-2", frame(frames.BROADCAST, made["a"].ports[0].address), 0)
    ]
    delivered = []
    while waiting:
        at, out = waiting.pop()
        assert len(delivered) < 10, "it goes round"
        if out.place in names:
            waiting += [(out.place, more) for more in made[out.place].from_uplink(at, out.frame, 0)]
        else:
            delivered.append(out.place)
    assert sorted(delivered) == ["2-2", "3-2"]


# Learning


def test_an_address_is_sought_at_the_uplinks_once_and_then_known():
    made = switch()
    assert places(made.from_port("2-4", frame(FAR, A), 0)) == ["north", "south"]
    made.from_uplink("south", frames.tagged(frame(A, FAR), 1), 1)
    assert places(made.from_port("2-4", frame(FAR, A), 2)) == ["south"]


def test_a_frame_for_one_partition_is_never_shown_to_another():
    made = switch()
    for now in (0, AGE_S + 1):
        assert places(made.from_uplink("north", frames.tagged(frame(A, FAR), 1), now)) == ["2-4"]
        assert "3-4" not in places(made.from_port("2-4", frame(FAR, A), now))


def test_what_was_not_heard_for_long_is_sought_again():
    made = switch()
    made.from_uplink("south", frames.tagged(frame(A, FAR), 1), 0)
    assert places(made.from_port("2-4", frame(FAR, A), AGE_S)) == ["south"]
    assert places(made.from_port("2-4", frame(FAR, A), AGE_S + 1)) == ["north", "south"]
    assert (1, FAR) not in made.known(AGE_S + 1)


def test_no_more_addresses_are_kept_than_there_is_room_for_and_the_oldest_goes_first():
    made = switch(most_addresses=3)
    made.from_port("2-4", frame(FAR, A), 0)
    for number in range(0x20, 0x22):
        made.from_uplink("north", frames.tagged(frame(A, FAR[:5] + bytes([number])), 1), number)
    made.from_port("2-4", frame(FAR, A), 0x23)
    made.from_uplink("north", frames.tagged(frame(A, FAR), 1), 0x24)
    assert [address[5] for _vlan, address in made.known(0x25)] == [0x21, A[5], FAR[5]]


def test_an_address_that_is_heard_again_takes_no_other_ones_room():
    made = switch(most_addresses=2)
    made.announce("2-4", 0)
    made.announce("3-4", 1)
    made.announce("3-4", 2)
    assert [address for _vlan, address in made.known(3)] == [A, B]


def test_the_last_word_counts_when_an_address_moves_from_a_port_to_an_uplink_and_back():
    made = switch()
    made.announce("2-4", 0)
    made.from_uplink("north", frames.tagged(frames.announcement(A), 1), 1)
    assert places(made.from_port("3-4", frame(A, B), 2)) == ["north"]
    made.announce("2-4", 3)
    assert places(made.from_port("3-4", frame(A, B), 4)) == ["2-4"]


# Ports


def test_a_partition_sends_from_its_own_address_alone():
    made = switch()
    assert made.from_port("2-4", frame(frames.BROADCAST, B), 0) == []
    assert made.dropped == {"from an address of another adapter": 1}
    assert made.known(0) == {}


def test_one_that_does_not_run_here_yet_is_not_heard_and_takes_no_frame_from_where_it_runs():
    made = switch([Port("2-4", 1, A, is_live=False), PORTS[1]])
    made.from_uplink("north", frames.tagged(frame(B, A), 1), 0)
    assert made.announce("2-4", 0) == made.from_port("2-4", frames.announcement(A), 0) == []
    assert places(made.from_port("3-4", frame(A, B), 0)) == ["north"]
    assert places(made.from_port("3-4", frame(frames.BROADCAST, B), 0)) == ["north", "south"]

    assert made.set_ports([PORTS[0], PORTS[1]]) == ["2-4"]
    assert places(made.announce("2-4", 1)) == ["3-4", "north", "south"]
    assert places(made.from_port("3-4", frame(A, B), 2)) == ["2-4"]


def test_a_port_that_has_gone_or_changed_is_known_nowhere():
    made = switch()
    for port in PORTS:
        made.announce(port.name, 0)
    assert made.set_ports([Port("2-4", 2, A), PORTS[1]]) == ["2-4"]
    assert list(made.known(0)) == [(1, B)]
    assert made.from_port("4-4", frame(frames.BROADCAST, C), 0) == []
    assert places(made.from_port("2-4", frame(frames.BROADCAST, A), 0)) == ["tap0"]


def test_ports_that_are_told_again_as_they_are_change_nothing():
    made = switch()
    made.announce("2-4", 0)
    assert made.set_ports(PORTS) == []
    assert (1, A) in made.known(0)


# Frames that are none


@pytest.mark.parametrize(
    ("reason", "data"),
    [
        ("too short", b""),
        ("too short", frames.BROADCAST + A + b"\x08"),
        ("too long", frame(frames.BROADCAST, A, b"\x08\x00" + bytes(9001))),
        ("sent by a group", frame(frames.BROADCAST, frames.BROADCAST)),
        ("for the bridge itself", frame(bytes.fromhex("0180C2000000"), A)),
    ],
)
def test_what_is_no_frame_for_partitions_is_dropped_and_counted(reason, data):
    made = switch()
    assert made.from_port("2-4", data, 0) == made.from_uplink("tap0", data, 0) == []
    assert made.dropped == {reason: 2}


def test_a_tagged_datagram_cut_at_any_byte_is_dropped_or_carried_without_an_error():
    whole = frames.tagged(frame(A, FAR), 1)
    for length, uplink in itertools.product(range(len(whole)), ("north", "tap0")):
        outs = switch().from_uplink(uplink, whole[:length], 0)
        assert all(len(out.frame) >= frames.HEADER_BYTES for out in outs)


def test_the_largest_frame_is_carried():
    largest = frame(A, FAR, b"\x08\x00" + bytes(9000))
    assert switch().from_uplink("north", frames.tagged(largest, 1), 0) == [Out("2-4", largest)]


def test_an_announcement_is_rarp_as_switches_know_it():
    text = frames.announcement(A).hex()
    assert text.startswith(
        "ffffffffffff6a00000000018035000108000604" + "0003" + "6a0000000001" + "00000000" + "6a0000000001"
    )
    assert len(text) == 120
