"""QEMU's command line: equal at both ends of a move, and no definition adds an option or a word to it."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from ivmweb.hypervisor.base import BootFrom, Definition, DriveReference, EthernetAdapter, LunReference
from ivmweb.hypervisor.lun import Space
from ivmweb.hypervisor.qemu.command_line import (
    Kind,
    Model,
    Places,
    boot_problem,
    command_line,
    monitor_argument,
)
from ivmweb.hypervisor.vmc.definitions import definition_problem
from tests.hypervisor.conftest import MB, ULI13, ULI14

MODEL = Model(kernel="/kit/vmlinux", initrd="/kit/initrd.gz")
X86 = Model(program="qemu-system-x86_64", machine="pc-q35-10.0", accelerator="kvm", processor="EPYC")
DEFINITION = Definition(
    lpar_id=2,
    uuid="0a4ba2d2-5a0c-4c5b-9b3e-2a4b0c8f1d11",
    name="uli13lp1",
    memory_mb=512,
    processing_units=0.2,
    virtual_processors=2,
    luns=(LunReference("6005", "/san/lun0"), LunReference("6006", "/san/lun1")),
    workload_bytes_per_s=50 * MB,
    workload_set_mb=64,
)


def line_of(definition=DEFINITION, model=MODEL, system=ULI13, *, is_incoming=False, folder="/run/ivm/q2"):
    spaces = [Space(4 * MB)] * len(definition.luns)
    return command_line(definition, spaces, Kind(model, system, is_incoming), Places(Path(folder)))


def values_of(line, option):
    return [value for name, value in pairwise(line) if name == option]


@pytest.mark.parametrize("model", [MODEL, X86])
def test_both_ends_have_the_same_machine(model):
    source = line_of(model=model)
    destination = line_of(model=model, system=ULI14, is_incoming=True, folder="/run/other/q2")
    assert destination[-3:] == ["-S", "-incoming", "defer"]
    told = [word.replace("/run/other/q2", "/run/ivm/q2").replace(ULI14, ULI13) for word in destination[:-3]]
    assert told == source


@pytest.mark.parametrize("option", ["-S", "-incoming"])
def test_only_one_that_waits_for_a_stream_is_held(option):
    assert option not in line_of()


@pytest.mark.parametrize(
    "name",
    ["lp init=/bin/sh", "lp\tinit=/bin/sh", "lp\ninit=/bin/sh", 'lp" init=/bin/sh', "lp\u00a0init=/bin/sh", "--"],
)
def test_a_name_is_one_word_for_the_kernel(name):
    (plain,) = values_of(line_of(), "-append")
    (append,) = values_of(line_of(replace(DEFINITION, name=name)), "-append")
    assert len(append.split()) == len(plain.split())
    assert not any(word.startswith(("init=", "--")) for word in append.split())
    assert '"' not in append


def test_a_name_of_the_usual_kind_arrives_as_it_is():
    (append,) = values_of(line_of(replace(DEFINITION, name="uli13-lp_1.b")), "-append")
    assert {"ivm.name=uli13-lp_1.b", f"ivm.system={ULI13}", "ivm.set=64"} <= set(append.split())


NETWORK = replace(DEFINITION, adapters=(EthernetAdapter(4, "6A88A2E8C204", 1), EthernetAdapter(5, "6A88A2E8C205", 2)))


@pytest.mark.parametrize("model", [MODEL, X86])
def test_both_ends_have_the_same_network_adapters(model):
    source = line_of(NETWORK, model, folder="/run/a/q2")
    destination = line_of(NETWORK, model, is_incoming=True, folder="/run/b/q2")
    assert [word.replace("/run/b/", "/run/a/") for word in destination[:-3]] == source


def test_an_adapter_is_in_its_slot_with_a_socket_to_its_own_port_of_the_switch():
    line = line_of(NETWORK, folder="/run/a/q2")
    network = json.loads(values_of(line, "-netdev")[1])
    assert (network["type"], network["id"]) == ("dgram", "net5")
    assert network["local"] == {"type": "unix", "path": "/run/a/q2/net5"}
    assert network["remote"] == {"type": "unix", "path": "/run/a/net/2-5"}
    devices = devices_of(line)
    assert {
        "driver": "spapr-vlan",
        "reg": 0x5000,
        "id": "eth5",
        "netdev": "net5",
        "mac": "6a:88:a2:e8:c2:05",
    } in devices
    assert [one["driver"] for one in devices_of(line_of(NETWORK, X86))][-2:] == ["virtio-net-pci"] * 2


def devices_of(line):
    return [json.loads(value) for value in values_of(line, "-device") if value.startswith("{")]


def test_a_partition_without_disks_and_with_an_adapter_in_their_slot_has_all_its_addresses_once():
    adapters = (EthernetAdapter(2, "6A88A2E8C202", 1), EthernetAdapter(3, "6A88A2E8C203", 1))
    line = line_of(replace(DEFINITION, luns=(), adapters=adapters))
    assert "spapr-vscsi,reg=0x4000,id=vscsi4" in values_of(line, "-device")
    assert [device["reg"] for device in devices_of(line)] == [0x2000, 0x3000]


@pytest.mark.parametrize(
    ("adapters", "named"),
    [
        ([EthernetAdapter(1, "6A88A2E8C204", 1)], "slot 1"),
        ([EthernetAdapter(256, "6A88A2E8C204", 1)], "slot 256"),
        ([EthernetAdapter(2, "6A88A2E8C204", 1)], "slot 2"),  # the disks'
        ([EthernetAdapter(4, "6A88A2E8C204", 0)], "VLAN 0"),
        ([EthernetAdapter(4, "6A88A2E8C204", 4095)], "VLAN 4095"),
        ([EthernetAdapter(4, "6A88A2E8C204,x=", 1)], "MAC address"),
        ([EthernetAdapter(4, "6B88A2E8C204", 1)], "MAC address"),  # a group's
        ([EthernetAdapter(4, "6A88A2E8C204", 1), EthernetAdapter(4, "6A88A2E8C205", 1)], "slot 4"),
        ([EthernetAdapter(4, "6A88A2E8C204", 1), EthernetAdapter(5, "6A88A2E8C204", 1)], "twice"),
        ([EthernetAdapter(slot, f"6A88A2E8C2{slot:02X}", 1) for slot in range(3, 68)], "65 Ethernet"),
    ],
)
def test_an_adapter_that_can_not_be_is_refused_with_the_definition(adapters, named):
    assert named in definition_problem(replace(DEFINITION, adapters=tuple(adapters)))
    assert definition_problem(NETWORK) == ""


def test_a_comma_in_a_path_begins_no_option():
    luns = (LunReference("6005", "/san/a,locking=off"),)
    line = line_of(replace(DEFINITION, luns=luns), folder="/run/a,server=off")
    file = json.loads(values_of(line, "-blockdev")[0])
    assert (file["filename"], file["locking"]) == ("/san/a,locking=off", "on")
    for value in [*values_of(line, "-chardev"), *values_of(line, "-qmp")]:
        assert "/run/a,,server=off/" in value
    assert monitor_argument(Places(Path("/run/a,server=off"))) in values_of(line, "-qmp")


def test_a_partition_sees_its_luns_in_their_order_without_their_identity():
    line = line_of()
    assert [json.loads(value)["size"] for value in values_of(line, "-blockdev")[1::2]] == [4 * MB] * 2
    disks = [json.loads(value) for value in values_of(line, "-device") if value.startswith("{")]
    assert [(disk["bus"], disk["scsi-id"]) for disk in disks] == [("vscsi2.0", 1), ("vscsi2.0", 2)]


def test_a_partition_sees_a_lun_where_its_records_have_it():
    luns = (LunReference("6005", "/san/lun0", slot=2, target=3), LunReference("6006", "/san/lun1", slot=5, target=1))
    line = line_of(replace(DEFINITION, luns=luns))
    devices = values_of(line, "-device")
    assert {"spapr-vscsi,reg=0x2000,id=vscsi2", "spapr-vscsi,reg=0x5000,id=vscsi5"} <= set(devices)
    disks = [json.loads(value) for value in devices if value.startswith("{")]
    assert [(disk["bus"], disk["scsi-id"]) for disk in disks] == [("vscsi2.0", 3), ("vscsi5.0", 1)]


def test_a_block_device_is_used_past_the_page_cache_of_its_server():
    spaces = [Space(4 * MB, is_device=True), Space(4 * MB)]
    line = command_line(DEFINITION, spaces, Kind(MODEL, ULI13), Places(Path("/run")))
    device, seen, file, _ = map(json.loads, values_of(line, "-blockdev"))
    assert (device["driver"], device["cache"], device["locking"]) == ("host_device", {"direct": True}, "on")
    assert (seen["size"], file["driver"]) == (4 * MB, "file")


def test_every_lun_needs_its_size():
    with pytest.raises(ValueError, match="shorter"):
        command_line(DEFINITION, [Space(4 * MB)], Kind(MODEL, ULI13), Places(Path("/run")))


@pytest.mark.parametrize(("model", "name"), [(MODEL, "ppc_spapr.ram"), (X86, "pc.ram")])
def test_memory_that_is_touched_at_the_start_has_the_name_that_qemu_itself_gives_it(model, name):
    """The name is in the stream: an end that touches it and one that does not have to understand each other."""
    assert "-object" not in line_of(model=model)
    line = line_of(model=replace(model, preallocates=True))
    (backend,) = map(json.loads, values_of(line, "-object"))
    assert (backend["id"], backend["size"], backend["prealloc"]) == (name, 512 * MB, True)
    assert f"memory-backend={name}" in values_of(line, "-machine")[0].split(",")


def test_a_guest_without_a_kernel_boots_from_its_disk_with_the_slow_firmware():
    line = line_of(model=Model())
    assert "-kernel" not in line
    assert "x-vof" not in values_of(line, "-machine")[0]
    assert "x-vof=on" in values_of(line_of(), "-machine")[0]


def test_what_tcg_lacks_is_switched_off_for_tcg_alone():
    assert "cap-cfpc=broken" in values_of(line_of(), "-machine")[0]
    assert "cap-" not in values_of(line_of(model=replace(MODEL, accelerator="kvm")), "-machine")[0]
    assert "cap-" not in values_of(line_of(model=X86), "-machine")[0]


def test_a_guest_that_panics_stays_to_be_seen():
    assert values_of(line_of(), "-action") == ["panic=pause"]


DRIVES = (DriveReference(2, 5), DriveReference(3, 1, "/media/a,readonly=off.iso"))


def boot_order(boot_from):
    line = line_of(replace(DEFINITION, drives=DRIVES, boot_from=boot_from))
    devices = [json.loads(value) for value in values_of(line, "-device") if value.startswith("{")]
    return {device["id"]: device["bootindex"] for device in devices if "bootindex" in device}, line


def test_an_optical_drive_is_at_its_place_whether_or_not_something_is_loaded():
    line = line_of(replace(DEFINITION, drives=DRIVES))
    devices = [json.loads(value) for value in values_of(line, "-device") if value.startswith("{")]
    empty, full = (device for device in devices if device["driver"] == "scsi-cd")
    assert (empty["bus"], empty["scsi-id"], "drive" in empty) == ("vscsi2.0", 5, False)
    assert (full["bus"], full["scsi-id"], full["drive"]) == ("vscsi3.0", 1, "medium3-1")
    assert values_of(line, "-drive")[0].endswith(",readonly=on,format=raw,file=/media/a,,readonly=off.iso")
    assert "spapr-vscsi,reg=0x3000,id=vscsi3" in values_of(line, "-device")


def test_the_medium_is_tried_before_the_disk_only_where_that_is_wanted():
    order, line = boot_order(BootFrom.OPTICAL)
    assert order == {"cd3-1": 1, "hd2-1": 2}
    assert "-kernel" not in line
    assert "x-vof" not in values_of(line, "-machine")[0]
    assert boot_order(BootFrom.DISK)[0] == {"hd2-1": 1}
    assert "-kernel" in boot_order(BootFrom.DEFAULT)[1]
    assert boot_order(BootFrom.KERNEL)[0] == {}


@pytest.mark.parametrize(
    ("boot_from", "change", "problem"),
    [
        (BootFrom.OPTICAL, {"drives": DRIVES[:1]}, "no optical drive of the partition has a medium"),
        (BootFrom.OPTICAL, {"drives": DRIVES}, ""),
        (BootFrom.DISK, {"luns": ()}, "the partition has no disk"),
        (BootFrom.DEFAULT, {"luns": ()}, ""),
        (BootFrom.KERNEL, {}, ""),
    ],
)
def test_what_is_not_there_is_not_booted_from(boot_from, change, problem):
    assert boot_problem(replace(DEFINITION, boot_from=boot_from, **change), MODEL) == problem
    assert boot_problem(replace(DEFINITION, boot_from=BootFrom.KERNEL), Model())
