"""The switch as a process, with machines made by the test in its ports: what it carries, refuses and survives."""

import os
import socket
import stat
import subprocess
import time

import pytest

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import EthernetAdapter
from ivmweb.hypervisor.qemu.switch import frames, options, ports, serve, tap
from ivmweb.hypervisor.qemu.switch.forwarding import Uplink
from tests.hypervisor.conftest import eventually
from tests.hypervisor.stations import Station, SwitchProcess, address_of, free_udp_addresses

LEFT, RIGHT, OTHER = "6A88A2E8C202", "6A88A2E8C302", "6A88A2E8C402"
BROADCAST = frames.announcement(bytes.fromhex(LEFT))


@pytest.fixture
def start(folder):
    """Starts a switch for a folder."""
    made = []

    def begin(name="a", *words):
        made.append(SwitchProcess(folder / name, *words).start())
        return made[-1]

    yield begin
    for one in made:
        if one.process.poll() is None:
            one.stop()


@pytest.fixture
def plug(folder):
    made = []

    def in_(name, lpar_id, mac_address, vlan_id=1):
        made.append(Station(folder / name, lpar_id, mac_address, vlan_id))
        return made[-1]

    yield in_
    for one in made:
        one.close()


@pytest.fixture
def pair(start):
    """Two servers whose VLANs 1 and 3 are bridged to each other."""
    here, there = free_udp_addresses(2)
    made = start("a", "--uplink", here, "--peer", there), start("b", "--uplink", there, "--peer", here)
    for switch in made:
        ports.write_bridged(switch.run_dir, (1, 3))
    return made


def test_machines_of_one_vlan_reach_each_other_on_one_server(start, plug):
    start()
    left, _ = plug("a", 2, LEFT), plug("a", 3, RIGHT)
    assert left.reaches(RIGHT, 5)


def test_machines_reach_each_other_over_two_servers_where_their_vlan_is_bridged(pair, plug):
    left, _ = plug("a", 2, LEFT), plug("b", 3, RIGHT)
    assert left.reaches(RIGHT, 5)
    inner, _ = plug("a", 4, OTHER, 2), plug("b", 5, "6A88A2E8C502", 2)
    assert not inner.reaches("6A88A2E8C502")


def test_machines_are_parted_as_soon_as_their_vlan_is_bridged_no_more(pair, plug):
    left, _ = plug("a", 2, LEFT), plug("b", 3, RIGHT)
    assert left.reaches(RIGHT, 5)
    ports.write_bridged(pair[1].run_dir, (3,))
    assert eventually(lambda: pair[1].shown()["bridged_vlans"] == [3])
    assert not left.reaches(RIGHT)
    ports.write_bridged(pair[1].run_dir, (1,))
    assert left.reaches(RIGHT, 5)


@pytest.mark.parametrize("text", ["", "[1]", '{"vlan_ids": "1"}'])
def test_bridges_that_are_not_understood_are_none_until_they_are_told_again(pair, text):
    place = pair[0].run_dir / "net" / ports.BRIDGED
    place.write_text(text)
    assert eventually(lambda: pair[0].shown()["bridged_vlans"] == [], 5)
    ports.write_bridged(pair[0].run_dir, (3, 1))
    assert eventually(lambda: pair[0].shown()["bridged_vlans"] == [1, 3], 5)


def test_nothing_of_one_vlan_is_heard_in_another(pair, plug):
    left, right = plug("a", 2, LEFT), plug("b", 3, RIGHT)
    others = [plug("a", 4, OTHER, 3), plug("b", 5, "6A88A2E8C502", 3)]
    assert left.reaches(RIGHT, 5)
    assert others[0].reaches("6A88A2E8C502", 5)
    vlan_1 = {left.mac, right.mac}
    assert not {frames.source(one) for other in others for one in other.heard} & vlan_1
    assert not {frames.source(one) for one in left.heard + right.heard} & {other.mac for other in others}


def test_a_conversation_is_heard_by_nobody_else_in_its_vlan(start, plug):
    start()
    left, _, third = plug("a", 2, LEFT), plug("a", 3, RIGHT), plug("a", 4, OTHER)
    assert left.reaches(RIGHT, 5)
    assert all(frames.is_group(frames.destination(one)) for one in third.heard)


def test_a_killed_switch_that_comes_back_carries_as_before(pair, plug):
    left, _ = plug("a", 2, LEFT), plug("b", 3, RIGHT)
    assert left.reaches(RIGHT, 5)
    for switch in pair:
        switch.kill()
        assert not left.reaches(RIGHT)
        switch.start()
        assert left.reaches(RIGHT, 5)


def test_a_machine_that_comes_to_the_other_server_is_found_there_at_once(pair, plug, folder):
    """It says nothing of itself: the switches say where it is."""
    left, there = plug("a", 2, LEFT), plug("b", 3, RIGHT)
    assert left.reaches(RIGHT, 5)
    there.close()
    ports.GuestPorts(folder / "b", 3).forget()
    eventually(lambda: "3-2" not in [port["name"] for port in pair[1].shown()["ports"]])
    plug("a", 3, RIGHT)
    eventually(lambda: [1, bytes.fromhex(RIGHT).hex(":"), "3-2"] in pair[0].shown()["addresses"])
    number = left.ping(address_of(RIGHT))  # without a question by ARP, which would find it anywhere
    assert eventually(lambda: left.answered(number), 5)


def test_datagrams_of_other_senders_are_refused_and_counted(pair, plug):
    left = plug("a", 2, LEFT)
    uplink = ("127.0.0.1", int(pair[0].option("--uplink").rpartition(":")[2]))
    forged = frames.tagged(frames.BROADCAST + bytes.fromhex(OTHER) + b"\x08\x00forged", 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(forged, uplink)
    eventually(lambda: pair[0].shown()["dropped"].get("from a server that is no peer") == 1)
    assert not any(b"forged" in one for one in left.heard)


@pytest.mark.parametrize(
    "data", [b"x", bytes(range(200, 213)), BROADCAST[:12] + b"\x81\x00\x00\x02" + bytes(46), bytes(60000)]
)
def test_what_is_no_frame_harms_nobody(start, plug, data):
    switch = start()
    left, _ = plug("a", 2, LEFT), plug("a", 3, RIGHT)
    assert left.reaches(RIGHT, 5)
    left.send(data)
    eventually(lambda: sum(switch.shown()["dropped"].values()))
    assert left.reaches(RIGHT, 5)


def test_a_machine_that_takes_nothing_costs_only_its_own_frames(start, plug, folder):
    """Its frames are lost, and counted; the others do not wait."""
    switch = start()
    left, _ = plug("a", 2, LEFT), plug("a", 3, RIGHT)
    deaf = plug("a", 4, OTHER)
    assert left.reaches(OTHER, 5)
    deaf.stand_still()
    for _ in range(100):
        left.send(frames.announcement(left.mac))
    assert left.reaches(RIGHT, 5)
    assert any("not taken" in reason for reason in switch.shown()["dropped"])


NO_PORTS = {
    "9-9.port": "{",
    "9-8.port": "",
    "x.port": '{"vlan_id":1,"mac_address":"6A88A2E8C909","is_live":true}',
    "9-7.port": '{"vlan_id":1,"mac_address":"6A88","is_live":true}',
    "9-6.port": '{"vlan_id":1,"mac_address":"6B88A2E8C909","is_live":true}',
    "9-5.port": '{"vlan_id":0,"mac_address":"6A88A2E8C909","is_live":true}',
    "9-4.port": '{"vlan_id":1,"mac_address":"no hex","is_live":true}',
}


def test_a_file_that_is_not_understood_is_no_port_and_the_others_are_served(start, plug, folder):
    switch = start()
    for name, text in NO_PORTS.items():
        (folder / "a" / "net" / name).write_text(text)
    left, _ = plug("a", 2, LEFT), plug("a", 3, RIGHT)
    assert left.reaches(RIGHT, 5)
    assert [port["name"] for port in switch.shown()["ports"]] == ["2-2", "3-2"]


def test_a_port_is_served_a_moment_later_where_nobody_rang(start, plug, monkeypatch):
    start()
    monkeypatch.setattr(ports, "look_again", lambda run_dir: None)
    left, _ = plug("a", 2, LEFT), plug("a", 3, RIGHT)
    assert eventually(lambda: left.reaches(RIGHT), 10)


def test_a_second_switch_in_the_same_folder_gives_up(start, folder):
    first = start()
    second = run("--folder", folder / "a")
    assert second.returncode == 1
    assert "9750" in second.stderr
    assert first.is_there()


def run(*words):
    command = SwitchProcess(words[1]).command[:3] + [str(word) for word in words]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_sockets_are_for_their_owner_only_and_gone_at_the_end(start, plug, folder):
    switch = start()
    plug("a", 2, LEFT)
    net = folder / "a" / "net"
    eventually((net / "2-2").exists)
    assert {stat.S_IMODE((net / name).stat().st_mode) for name in ("control", "2-2")} == {0o600}
    assert stat.S_IMODE(net.stat().st_mode) == 0o700
    switch.stop()
    assert {path.name for path in net.iterdir()} == {"lock", "2-2.port"}


def test_nobody_answers_where_no_switch_runs(folder):
    asked = run("--folder", folder / "a", "--show")
    assert (asked.returncode, "9754" in asked.stderr) == (1, True)


def test_an_idle_switch_uses_almost_no_processor(start, plug):
    switch = start()
    plug("a", 2, LEFT)
    before = switch.processor_seconds()
    time.sleep(1)
    assert switch.processor_seconds() - before < 0.05


# Options


HERE, THERE = "127.0.0.1:4713", "127.0.0.1:4714"


@pytest.mark.parametrize(
    ("bind", "peers", "taps", "named"),
    [
        (HERE, [], [], "--uplink"),
        ("", [THERE], [], "--peer"),
        ("0.0.0.0:4713", [THERE], [], "0.0.0.0:4713"),
        ("239.0.0.1:4713", [THERE], [], "239.0.0.1:4713"),
        ("uli13:4713", [THERE], [], "uli13:4713"),
        ("127.0.0.1", [THERE], [], "127.0.0.1"),
        ("127.0.0.1:70000", [THERE], [], "70000"),
        (HERE, [HERE], [], HERE),
        (HERE, [THERE, THERE], [], THERE),
        (HERE, ["[::1]:4714"], [], "[::1]:4714"),
        ("", [], ["tap0"], "tap0"),
        ("", [], ["0:tap0"], "0"),
        ("", [], ["4095:tap0"], "4095"),
        ("", [], ["one:tap0"], "one"),
        ("", [], ["1:tap0", "1:tap1"], "1:tap1"),
        ("", [], ["1:tap0", "2:tap0"], "2:tap0"),
    ],
)
def test_an_option_that_can_not_be_is_named(bind, peers, taps, named):
    with pytest.raises(HypervisorError, match="9751") as refused:
        options.cabling(bind, peers, taps)
    assert named in str(refused.value)


def test_nothing_starts_with_an_option_that_can_not_be(folder):
    ended = run("--folder", folder / "a", "--uplink", HERE)
    assert (ended.returncode, "9751" in ended.stderr) == (1, True)
    assert not (folder / "a").exists()


def test_an_address_that_is_not_ours_is_refused(folder):
    ended = run("--folder", folder / "a", "--uplink", "192.0.2.1:4713", "--peer", "127.0.0.1:4714")
    assert (ended.returncode, "9752" in ended.stderr) == (1, True)


def test_a_tap_that_is_not_there_is_refused_and_not_made(folder):
    ended = run("--folder", folder / "a", "--tap", "1:ivmnone0")
    assert (ended.returncode, "9753" in ended.stderr) == (1, True)
    assert not (tap.DEVICES / "ivmnone0").exists()


def test_options_are_read_as_they_are_written():
    made = options.cabling("[::1]:4713", ["[::2]:4714"], ["3:tap0"])
    assert made.bind == ("::1", 4713)
    assert [(cable.uplink, cable.peer, cable.tap) for cable in made.cables] == [
        (Uplink("[::2]:4714"), ("::2", 4714), ""),
        (Uplink("tap0", 3), None, "tap0"),
    ]


@pytest.fixture
def tap_device():
    """A tap device, where this user may make one."""
    name = f"ivmt{os.getpid() % 100000}"
    made = subprocess.run(["ip", "tuntap", "add", "dev", name, "mode", "tap"], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("no tap device can be made here")
    subprocess.run(["ip", "link", "set", name, "up"], check=True)
    yield name
    subprocess.run(["ip", "link", "del", name], check=True)


def test_frames_go_to_a_tap_and_come_from_it_as_they_are(start, plug, tap_device):
    ports.write_bridged(start("a", "--tap", f"1:{tap_device}").run_dir, (1,))
    left = plug("a", 2, LEFT)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as wire:
        wire.bind((tap_device, 0))
        wire.settimeout(5)
        eventually(lambda: frames.announcement(left.mac) in wire.recv(2000)[:60])
        wire.send(answer := frames.BROADCAST + bytes.fromhex(OTHER) + b"\x08\x06from the tap".ljust(48))
        eventually(lambda: answer in left.heard, 5)


# What the hypervisor process tells


def test_ports_are_told_as_they_are_and_forgotten_with_those_of_an_earlier_process(folder):
    run_dir = folder / "a"
    adapters = (EthernetAdapter(4, LEFT, 1), EthernetAdapter(5, RIGHT, 2))
    ports.GuestPorts(run_dir, 2).tell(adapters, is_live=True)
    ports.GuestPorts(run_dir, 22).tell(adapters[:1], is_live=False)
    assert [(port.name, port.vlan_id, port.is_live) for port in ports.read_ports(run_dir)] == [
        ("2-4", 1, True),
        ("2-5", 2, True),
        ("22-4", 1, False),
    ]
    later = ports.GuestPorts(run_dir, 2)
    later.tell(adapters[1:], is_live=True)
    assert [port.name for port in ports.read_ports(run_dir)] == ["2-5", "22-4"]
    ports.GuestPorts(run_dir, 2).forget()
    assert [port.name for port in ports.read_ports(run_dir)] == ["22-4"]


def test_what_could_not_be_told_is_told_the_next_time(folder, monkeypatch):
    told = ports.GuestPorts(folder / "a", 2)
    adapters = (EthernetAdapter(4, LEFT, 1),)
    with monkeypatch.context() as patched:
        patched.setattr(ports.os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(OSError, match="No space"):
            told.tell(adapters, is_live=True)
    assert ports.read_ports(folder / "a") == []
    told.tell(adapters, is_live=True)
    assert [port.name for port in ports.read_ports(folder / "a")] == ["2-4"]


def test_a_silent_switch_is_not_waited_for_long(folder, monkeypatch):
    monkeypatch.setattr(serve, "ANSWER_S", 0.1)
    (folder / "a" / "net").mkdir(parents=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hung:
        hung.bind(str(ports.control_socket(folder / "a")))
        with pytest.raises(HypervisorError, match="9754"):
            serve.ask(folder / "a")
    assert [path.name for path in (folder / "a" / "net").iterdir()] == ["control"]
