"""Storage from the command line: to the byte, and the same records and LUNs as the hypervisor has."""

from contextlib import contextmanager
from uuid import UUID

import pytest
from django.conf import settings

from ivmweb.cli.devices import device_names
from ivmweb.hypervisor.base import FoundLun, LunFacts, LunList, OwnerState, OwnerWord, RunState
from ivmweb.lab import data
from ivmweb.monitor.models import MonitorTask
from ivmweb.system import luns as luns_service
from ivmweb.system import media
from ivmweb.system.models import (
    AuditEvent,
    LogicalPartition,
    LogicalVolume,
    ManagedSystem,
    MediaRepository,
    PhysicalVolume,
    StoragePool,
    VirtualMedium,
    VirtualServerAdapter,
    VirtualTargetDevice,
)
from migration.models import Migration
from tests.cli.conftest import Prompt

FREE = OwnerWord()

pytestmark = pytest.mark.usefixtures("state_folder")


@pytest.fixture
def both(uli13lp1, uli13lp2):
    return uli13lp1, uli13lp2


@pytest.fixture
def library(prompt, uli13):
    prompt("mkrep -sp rootvg -size 1000M")


def luns(hypervisor, lpar_id):
    return [lun.unique_id for lun in hypervisor.runs[lpar_id].definition.luns]


def everything():
    """All that a refused command must leave alone."""
    models = (
        *(LogicalPartition, VirtualServerAdapter, VirtualTargetDevice, LogicalVolume, StoragePool),
        *(MediaRepository, VirtualMedium, PhysicalVolume),
    )
    rows = {model.__name__: list(model.objects.order_by("pk").values()) for model in models}
    for row in rows["LogicalPartition"]:
        del row["unsettled_luns"]  # a note for the inventory
    folder = settings.STATE_DIR / "VMLibrary"
    return rows, sorted(path.name for path in folder.iterdir()) if folder.exists() else None


def refused(prompt, hypervisor, line):
    """What standard error says; nothing has changed."""
    before = everything(), {key: run.definition for key, run in hypervisor.runs.items()}, dict(hypervisor.san)
    assert prompt(line) == ""
    assert prompt.status == 1
    assert prompt.err.startswith("[VIOSE")
    assert (everything(), {key: run.definition for key, run in hypervisor.runs.items()}, hypervisor.san) == before
    return prompt.err


def done(prompt, line, out=""):
    assert prompt(line) == out
    assert (prompt.status, prompt.err) == (0, "")


# Mapping


def test_a_disk_is_mapped_and_taken_away_again(prompt, both, hypervisor):
    done(prompt, "mkvdev -vdev hdisk3 -vadapter vhost1", "vtscsi10 Available\n")
    device = VirtualTargetDevice.objects.get(name="vtscsi10")
    assert (device.client_lun, device.is_user_defined) == ("0x8600000000000000", False)
    assert luns(hypervisor, 3)[-1] == data.unique_id(3)
    assert "hdisk3" in prompt("lsmap -vadapter vhost1")
    task = MonitorTask.objects.get(name="Create Virtual Target Device")
    assert [str(line.sentence) for line in task.lines.all()] == [
        "vtscsi10 at vhost1: hdisk3 is mapped to partition uli13lp2 (ID 3), LUN 0x8600000000000000"
    ]
    event = AuditEvent.objects.get(action="Create Virtual Target Device")
    assert (event.user, event.origin, event.thing, event.outcome) == (
        *("padmin", "ssh from 127.0.0.1", "vhost1"),
        "accepted",
    )
    done(prompt, "ioscli rmvdev -vdev hdisk3", "vtscsi10 deleted\n")
    assert data.unique_id(3) not in luns(hypervisor, 3)


def test_a_running_partition_gets_and_gives_back_a_disk_and_its_owner_word(prompt, both, hypervisor):
    done(prompt, "mkvdev -vdev hdisk0 -vadapter vhost0 -dev data-1.x", "data-1.x Available\n")
    assert VirtualTargetDevice.objects.get(name="data-1.x").is_user_defined
    assert hypervisor.san[data.unique_id(0)].partition_uuid == str(both[0].uuid)
    assert hypervisor.runs[2].run_state is RunState.RUNNING
    done(prompt, "rmvdev -vtd data-1.x", "data-1.x deleted\n")
    assert hypervisor.san[data.unique_id(0)] == FREE
    done(prompt, "mkvdev -vdev hdisk0 -vadapter vhost1", "vtscsi10 Available\n")


def test_the_lowest_free_lun_is_taken_and_above_the_first_disk_of_one_that_runs(prompt, both):
    for device in ("vtscsi5", "vtscsi7"):
        prompt(f"rmvdev -vtd {device}")
    done(prompt, "mkvdev -vdev hdisk3 -vadapter vhost1", "vtscsi5 Available\n")
    assert VirtualTargetDevice.objects.get(name="vtscsi5").lun_number == 0x81
    VirtualTargetDevice.objects.filter(name="vtscsi0").update(lun_number=0x90)
    VirtualTargetDevice.objects.exclude(name="vtscsi0").filter(adapter__name="vhost0").delete()
    done(prompt, "mkvdev -vdev hdisk5 -vadapter vhost0", "vtscsi1 Available\n")
    assert VirtualTargetDevice.objects.get(name="vtscsi1").lun_number == 0x91


WRONG = {
    "mkvdev -vadapter vhost1": "Required parameter -vdev",
    "mkvdev -vdev hdisk3": "Required parameter -vadapter",
    "mkvdev -vdev hdisk3 -fbo -vadapter vhost1": "-vdev and -fbo exclude each other",
    "mkvdev -vdev hdisk99 -vadapter vhost1": "no physical or logical volume hdisk99 on uli13; there is: hdisk0,",
    "mkvdev -vdev hdisk3 -vadapter vhost9": "no virtual SCSI server adapter vhost9 on uli13; there is: vhost0, vhost",
    "mkvdev -vdev hdisk2 -vadapter vhost1": "mapped already: as vtscsi0 at vhost0, to partition uli13lp1 (ID 2)",
    "mkvdev -vdev hdisk3 -vadapter vhost1 -dev vtscsi0": "vtscsi0 is the name of a device of uli13 already",
    "mkvdev -vdev hdisk3 -vadapter vhost1 -dev fcs0": "fcs0 is the name of a device of uli13 already",
    "mkvdev -vdev hdisk3 -vadapter vhost1 -dev VMLibrary": "is the name of a device of uli13 already",
    "mkvdev -vdev hdisk3 -vadapter vhost1 -dev 'a,b'": "a,b can't be the name of a device",
    "mkvdev -vdev hdisk3 -vadapter vhost1 -dev 'a \"b\"'": "can't be the name of a device",
    "mkvdev -vdev hdisk3 -vadapter vhost1 -dev 磁盘": "磁盘 can't be the name of a device",
    "mkvdev -vdev hdisk3 -vadapter vhost1 -dev abcdefghijklmnop": "at most 15 characters",
    "mkvdev -vdev hdisk3 -vadapter vhost1 -dev ''": "Required parameter -dev",
    "rmvdev": "Required parameter -vtd",
    "rmvdev -vtd vtscsi99": "There is no virtual target device vtscsi99 on uli13",
    "rmvdev -vdev hdisk0": "hdisk0 is not mapped to a partition",
    "rmvdev -vdev nonsense": "There is no physical or logical volume nonsense",
    "rmvdev -vtd vtscsi5 -rmlv": "vtscsi5 maps hdisk1, which is no logical volume",
    "rmvdev -vtd vtscsi0": "Partition uli13lp1 (ID 2) runs and writes to LUN",
    "rmdev -dev vhost1": "vhost1 has virtual target devices: vtscsi5, vtscsi6, vtscsi7, vtscsi8, vtscsi9",
    "rmdev -dev ibmvmc0": "ibmvmc0 can't be removed",
    "rmdev -dev nonsense": "there is no device nonsense on uli13",
    "cfgdev -dev nonsense": "there is no device nonsense on uli13",
    "lslv nonsense": "There is no logical volume nonsense on uli13; there is: nothing",
    "lsvg nonsense": "There is no storage pool nonsense on uli13; there is: rootvg",
    "lssp -sp nonsense": "There is no storage pool nonsense",
    "lsvg rootvg -field nonsense": "There is no attribute nonsense here; there are: vgname",
    "mklv rootvg": "Required parameter volume-group size",
    "mklv rootvg 10": "size of mklv can't be 10; needed: a size in megabytes or gigabytes, e.g. 512M or 10G.",
    "mklv rootvg 0G": "can't be 0G",
    "mklv rootvg 69G": "lv00 needs 70656 MB of storage pool rootvg, which has 69888 MB free",
    "mklv -lv rootvg rootvg 1G": "rootvg is the name of a device",
    "mklv -lv 'a b' rootvg 1G": "can't be the name of a device",
    "mklv -prefix ent rootvg 1G": "ent00 is the name of a device",
    "mklv -prefix abcdefghijklmn rootvg 1G": "abcdefghijklmn00 can't be the name of a device",
    "mklv -prefix '1 ' rootvg 1G": "can't be the name of a device",
    "mklv -lv a -prefix b rootvg 1G": "-lv and -prefix exclude each other",
    "rmlv -f nonsense": "There is no logical volume nonsense",
    "mkvopt -name a -size 1M": "uli13 has no virtual media repository",
    "rmrep": "uli13 has no virtual media repository",
    "loadopt -disk a -vtd vtscsi0": "uli13 has no virtual media repository",
    "unloadopt -vtd vtscsi0": "vtscsi0 maps hdisk2 and is no optical drive",
    "lsvopt -vtd vtscsi0": "vtscsi0 maps hdisk2 and is no optical drive",
    "lspath -dev hdisk99": "There is no physical volume hdisk99 on uli13; there is: hdisk0, hdisk1",
    "chkdev -dev '磁 \"a,b\"'": 'There is no physical volume 磁 "a,b" on uli13; there is: hdisk0, hdisk1',
    "chdev -dev hdisk99 -attr reserve_policy=no_reserve": "There is no physical volume hdisk99 on uli13; there is:",
    "lsdev -dev hdisk2 -range unique_id": "no attribute unique_id that can be changed; it has: reserve_policy",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_changes_nothing(prompt, both, hypervisor, line):
    if line == "rmvdev -vtd vtscsi0":
        hypervisor.refuse("change_luns", "first-lun-in-use", name="uli13lp1", lpar_id=2, unique_id="6005")
    assert WRONG[line] in refused(prompt, hypervisor, line)


CHANGES = (
    "mkvdev -vdev hdisk3 -vadapter vhost1",
    "mkvdev -fbo -vadapter vhost1",
    "rmvdev -vtd vtscsi5",
    "rmvdev -vdev hdisk1",
    "rmdev -dev vtscsi5",
    "rmdev -dev vhost1 -recursive",
)
OTHER_CHANGES = (
    *("cfgdev", "mklv rootvg 1G", "rmlv -f lv09", "rmlv lv09", "mkrep -sp rootvg -size 1G", "rmrep -f"),
    *("mkvopt -name b -size 1M", "rmvopt -name a", "loadopt -disk a -vtd vtopt0", "unloadopt -vtd vtopt0"),
)


@pytest.mark.parametrize("line", [*CHANGES, *OTHER_CHANGES])
def test_a_viewer_changes_nothing(viewer, both, hypervisor, line):
    assert "may not change partitions and settings" in refused(viewer, hypervisor, line)


@pytest.mark.parametrize("line", CHANGES)
def test_a_partition_that_is_held_keeps_its_devices(prompt, both, hypervisor, line):
    LogicalPartition.objects.filter(pk=both[1].pk).update(hold="activate")
    assert "Partition uli13lp2 (ID 3) is reserved by another operation" in refused(prompt, hypervisor, line)


@pytest.mark.parametrize("state", [{"state": "Starting"}, {"rmc_state": "inactive"}])
@pytest.mark.parametrize("line", CHANGES)
def test_devices_of_an_activated_partition_need_its_system(prompt, both, hypervisor, line, state):
    LogicalPartition.objects.filter(pk=both[1].pk).update(**{"state": "Running", "rmc_state": "active"} | state)
    assert "[VIOSE" in refused(prompt, hypervisor, line)
    assert "RMC" in prompt.err


def test_an_operation_that_begins_in_the_middle_wins(prompt, both, hypervisor):
    def rival():
        LogicalPartition.objects.filter(pk=both[1].pk).update(hold="migration 1")

    hypervisor.before["look_at_luns"] = rival
    prompt("mkvdev -vdev hdisk3 -vadapter vhost1")
    assert (prompt.status, "is reserved" in prompt.err) == (1, True)
    assert not VirtualTargetDevice.objects.filter(physical_volume__name="hdisk3").exists()


def test_twice_pressed_is_done_once(prompt, both, hypervisor):
    prompt("mkvdev -vdev hdisk3 -vadapter vhost1")
    assert "hdisk3 is mapped already" in refused(prompt, hypervisor, "mkvdev -vdev hdisk3 -vadapter vhost1")
    prompt("rmvdev -vtd vtscsi10")
    assert "There is no virtual target device vtscsi10" in refused(prompt, hypervisor, "rmvdev -vtd vtscsi10")


def test_a_lun_of_another_server_or_partition_is_not_mapped(prompt, both, hypervisor):
    line = "mkvdev -vdev hdisk3 -vadapter vhost1"
    for owner in (
        OwnerWord(str(both[1].uuid), data.ULI14.identity),
        OwnerWord(str(both[0].uuid), data.ULI13.identity),
    ):
        hypervisor.san[data.unique_id(3)] = owner
        assert f"its owner word says partition uli13lp{'12'[owner.system == data.ULI14.identity]} on" in refused(
            prompt, hypervisor, line
        )
    hypervisor.san[data.unique_id(3)] = OwnerWord(str(both[1].uuid), data.ULI13.identity)
    done(prompt, line, "vtscsi10 Available\n")


def test_a_hypervisor_that_does_not_answer_changes_nothing(prompt, both, hypervisor):
    hypervisor.is_reachable = False
    for line in ("mkvdev -vdev hdisk3 -vadapter vhost1", "rmvdev -vtd vtscsi5", "rmdev -dev vhost1 -recursive"):
        assert "does not answer" in refused(prompt, hypervisor, line)
    assert MonitorTask.objects.filter(status="failed").count() == 3


def test_nothing_is_mapped_before_a_restored_database_is_settled(prompt, both, hypervisor):
    ManagedSystem.objects.update(held_back=True)
    refused(prompt, hypervisor, "mkvdev -vdev hdisk3 -vadapter vhost1")


def test_an_adapter_goes_with_its_devices_and_is_found_again(prompt, both, hypervisor):
    gone = "".join(f"vtscsi{number} deleted\n" for number in range(5, 10))
    done(prompt, "rmdev -dev vhost1 -recursive", f"{gone}vhost1 deleted\n")
    assert luns(hypervisor, 3) == []
    assert hypervisor.san[data.unique_id(1)] == FREE
    done(prompt, "cfgdev -dev vio0")
    done(prompt, "cfgdev")
    made = VirtualServerAdapter.objects.get(name="vhost1")
    assert (made.partition, made.slot, made.client_slot) == (both[1], 13, 2)
    done(prompt, "rmdev -dev vhost1", "vhost1 deleted\n")


def test_cfgdev_makes_an_adapter_in_the_lowest_free_slot_of_the_client(prompt, uli13lp2):
    uli13lp2.server_adapters.all().delete()
    uli13lp2.ethernet_adapters.update(slot=2)
    done(prompt, "cfgdev")
    assert uli13lp2.server_adapters.values_list("name", "client_slot", "slot").get() == ("vhost0", 3, 13)
    task = MonitorTask.objects.get(name="Configure Devices")
    assert [str(line) for line in task.lines.all()] == [
        "Virtual SCSI adapter in slot 3 of partition uli13lp2 (ID 3), with vhost0 in slot 13 of the management "
        "partition"
    ]


def test_cfgdev_leaves_a_partition_alone_that_is_held(prompt, both):
    both[1].server_adapters.all().delete()
    LogicalPartition.objects.filter(pk=both[1].pk).update(hold="migration 1")
    done(prompt, "cfgdev")
    assert not both[1].server_adapters.exists()


def test_cfgdev_does_nothing_where_one_client_has_no_slot_left(prompt, both, hypervisor):
    VirtualServerAdapter.objects.all().delete()
    both[1].ethernet_adapters.update(slot=2)
    LogicalPartition.objects.filter(pk=both[1].pk).update(max_virtual_slots=3)
    assert "[VIOSE01049000-9633] Partition uli13lp2 (ID 3) has no free" in refused(prompt, hypervisor, "cfgdev")


def found(hypervisor, *unique_ids, errors=()):
    luns = tuple(FoundLun(f"/san/{one}", one, 2**30, FREE) for one in unique_ids)
    hypervisor.found = LunList(luns, errors, has_places=True)


def test_cfgdev_finds_disks_and_lists_them_as_they_are(prompt, both, hypervisor):
    found(hypervisor, "a")
    done(prompt, "cfgdev")
    assert "hdisk13 Available LUN in an image file" in " ".join(prompt("lsdev -dev hdisk13").split())
    done(prompt, "lsdev -dev hdisk13 -parent", "parent\n\n\n")
    assert prompt("lspath -dev hdisk13 -fmt :") == "Enabled:hdisk13::/san/a\n"
    assert prompt("lspv -field pvname status -fmt :").splitlines()[-1] == "hdisk13:"
    found(hypervisor)
    done(prompt, "cfgdev")
    assert "hdisk13 Defined" in " ".join(prompt("lsdev -dev hdisk13").split())
    assert prompt("lspv -field pvname status -fmt :").splitlines()[-1] == "hdisk13:missing"
    assert "PV STATE:           missing" in prompt("lspv hdisk13")


def test_cfgdev_of_the_virtual_bus_looks_for_no_disks(prompt, both, hypervisor):
    found(hypervisor, "a")
    done(prompt, "cfgdev -dev vio0")
    assert not PhysicalVolume.objects.filter(unique_id="a").exists()


def test_cfgdev_says_where_it_could_not_look(prompt, both, hypervisor):
    found(hypervisor, errors=("/san2 can't be looked at",))
    assert prompt("cfgdev") == ""
    assert (prompt.status, prompt.err) == (0, "/san2 can't be looked at\n")


def test_cfgdev_without_a_hypervisor_changes_nothing(prompt, both, hypervisor):
    hypervisor.is_reachable = False
    assert "does not answer" in refused(prompt, hypervisor, "cfgdev")


def test_a_disk_is_removed_once_its_lun_is_gone(prompt, both, hypervisor):
    found(hypervisor, "a")
    done(prompt, "cfgdev")
    assert "[VIOSE01049000-9783]" in refused(prompt, hypervisor, "rmdev -dev hdisk13")
    found(hypervisor)
    done(prompt, "cfgdev")
    done(prompt, "rmdev -dev hdisk13", "hdisk13 deleted\n")
    assert "9783" not in refused(prompt, hypervisor, "rmdev -dev hdisk0"), "it was never looked for"


def test_an_adapter_is_removed_by_one_task_whatever_the_command(prompt, both, hypervisor):
    prompt("rmdev -dev vhost1 -recursive")
    VirtualTargetDevice.objects.all().delete()
    prompt("chhwres -r virtualio --rsubtype scsi -o r -p uli13lp1 -s 2")
    rows = MonitorTask.objects.filter(name="Remove Virtual Adapter").order_by("pk")
    assert [(task.status, [str(line) for line in task.lines.all()][-1]) for task in rows] == [
        ("succeeded", "Virtual SCSI adapter in slot 2 of partition uli13lp2 (ID 3) removed, with vhost1"),
        ("succeeded", "Virtual SCSI adapter in slot 2 of partition uli13lp1 (ID 2) removed, with vhost0"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "chhwres -r virtualio --rsubtype scsi -o a -p uli13lp2 -s 6 -a adapter_type=client",
        "mksyscfg -r lpar -i name=db,lpar_env=aixlinux,min_mem=64,desired_mem=64,max_mem=64,proc_mode=shared,"
        "min_proc_units=0.1,desired_proc_units=0.1,max_proc_units=0.1,min_procs=1,desired_procs=1,max_procs=1,"
        "sharing_mode=cap",
    ],
)
def test_a_new_adapter_gets_no_name_that_a_device_has(prompt, both, line):
    done(prompt, "mkvdev -fbo -vadapter vhost1 -dev vhost2", "vhost2 Available\n")
    done(prompt, line)
    assert VirtualServerAdapter.objects.latest("pk").name == "vhost3"


# Pools


def test_volume_groups_and_pools_to_the_byte(prompt, both):
    done(prompt, "lsvg", "rootvg\n")
    done(prompt, "lssp -default", "rootvg\n")
    done(prompt, "mklv -lv lp2vd1 rootvg 1000M", "lp2vd1\n")
    done(prompt, "mklv rootvg 1G", "lv00\n")
    done(prompt, "mklv -prefix data rootvg 64m", "data00\n")
    prompt("mkvdev -vdev lp2vd1 -vadapter vhost1")
    prompt("mkrep -sp rootvg -size 1G")
    lines = prompt("lsvg rootvg").splitlines()
    assert lines[0].startswith("VOLUME GROUP:       rootvg                   VG IDENTIFIER:  ")
    assert lines[1:] == [
        "VG STATE:           active                   PP SIZE:        64 megabyte(s)",
        "VG PERMISSION:      read/write               TOTAL PPs:      1092 (69888 megabytes)",
        "LVs:                4                        FREE PPs:       1043 (66752 megabytes)",
        "OPEN LVs:           2                        USED PPs:       49 (3136 megabytes)",
    ]
    assert prompt("lsvg -lv rootvg") == (
        "rootvg:\n"
        "LV NAME             TYPE       LPs     PPs     PVs  LV STATE      MOUNT POINT\n"
        "data00              jfs        1       1       1    closed/syncd  N/A\n"
        "lp2vd1              jfs        16      16      1    open/syncd    N/A\n"
        "lv00                jfs        16      16      1    closed/syncd  N/A\n"
        "VMLibrary           jfs2       16      16      1    open/syncd    /var/vio/VMLibrary\n"
    )
    assert prompt("lssp") == (
        "Pool              Size(mb)   Free(mb)  Alloc Size(mb)    BDs Type\n"
        "rootvg               69888      66752              64      3 LVPOOL\n"
    )
    assert prompt("lssp -bd -sp rootvg") == (
        "Name             Size(mb) VTD             SVSA\n"
        "data00                 64 None            None\n"
        "lp2vd1               1024 vtscsi10        vhost1\n"
        "lv00                 1024 None            None\n"
    )
    assert prompt("lslv -free") == (
        "LV NAME         SIZE(megabytes)   VOLUME GROUP\n"
        "data00          64                rootvg\n"
        "lv00            1024              rootvg\n"
    )


def test_fields_of_volumes_in_the_asked_order(prompt, both):
    prompt("mklv -lv lp2vd1 rootvg 2G")
    done(prompt, "lsvg rootvg -field freepps -fmt :", "1060 (67840 megabytes)\n")
    done(prompt, "lslv lp2vd1 -fmt : -field pps ppsize", "32:64 megabyte(s)\n")
    done(
        prompt,
        "lslv lp2vd1 -field PPSIZE lvstate",
        "PP SIZE:            64 megabyte(s)\nLV STATE:           closed/syncd\n",
    )
    assert prompt.lines("lslv lp2vd1")[2:] == [
        "VG STATE:           active/complete        LV STATE:       closed/syncd",
        "TYPE:               jfs                    PP SIZE:        64 megabyte(s)",
        "LPs:                32                     PPs:            32",
    ]


def test_a_logical_volume_is_deleted_with_its_device_or_alone_and_not_before(prompt, both, hypervisor):
    for name in ("lp2vd1", "lp2vd2"):
        prompt(f"mklv -lv {name} rootvg 1G")
    done(prompt, "mkvdev -vdev lp2vd1 -vadapter vhost1", "vtscsi10 Available\n")
    assert luns(hypervisor, 3)[-1] == LogicalVolume.objects.get(name="lp2vd1").unique_id
    assert "lp2vd1 is mapped already" in refused(prompt, hypervisor, "rmlv -f lp2vd2 lp2vd1")
    done(prompt, "rmvdev -vdev lp2vd1 -rmlv", "vtscsi10 deleted\nrmlv: Logical volume lp2vd1 is removed.\n")
    done(prompt, "rmlv -f lp2vd2 lp2vd2", "rmlv: Logical volume lp2vd2 is removed.\n")
    assert not LogicalVolume.objects.exists()
    assert not hypervisor.volumes


def test_the_volume_behind_a_named_device_is_told_as_well(prompt, both):
    prompt("mklv -lv lv9 rootvg 1G")
    prompt("mkvdev -vdev lv9 -vadapter vhost1 -dev data")
    done(prompt, "rmvdev -vtd data -rmlv", "data deleted\nrmlv: Logical volume lv9 is removed.\n")


def test_rmlv_asks_first(prompt, uli13, hypervisor):
    prompt("mklv -lv lv1 rootvg 1G")
    assert "Give -f" in refused(prompt, hypervisor, "rmlv lv1")
    prompt.keyboard.typed = ["n", "y"]
    done(prompt, "rmlv lv1")
    assert LogicalVolume.objects.exists()
    done(prompt, "rmlv lv1", "rmlv: Logical volume lv1 is removed.\n")
    assert prompt.keyboard.asked[-1] == (
        "Warning, all data contained on logical volume lv1 will be destroyed.\n"
        "rmlv: Do you wish to continue? y(es) n(o)? "
    )


# Media


def test_the_repository_and_its_media_to_the_byte(prompt, both):
    done(prompt, "lsrep", "The DVD repository has not been created yet.\n\n")
    made = 'Virtual Media Repository Created\nRepository created within "VMLibrary" logical volume\n'
    done(prompt, "mkrep -sp rootvg -size 1000M", made)
    head = (
        "Size(mb) Free(mb) Parent Pool         Parent Size      Parent Free\n"
        "    1024     {free:>4} rootvg                    69888            68864\n"
    )
    done(prompt, "lsrep", head.format(free=1024))
    done(prompt, "mkvopt -name AIX61_DVD_1.iso -size 300M -ro")
    done(prompt, "mkvopt -name blank -size 100M")
    done(prompt, "mkvdev -fbo -vadapter vhost1", "vtopt0 Available\n")
    done(prompt, "mkvdev -fbo -vadapter vhost0 -dev cd_lp1", "cd_lp1 Available\n")
    done(prompt, "loadopt -disk AIX61_DVD_1.iso -vtd vtopt0")
    assert prompt("lsrep") == head.format(free=624) + (
        "\n"
        "Name                                    File Size Optical         Access\n"
        "AIX61_DVD_1.iso                               300 vtopt0          ro\n"
        "blank                                         100 None            rw\n"
    )
    assert prompt("lsvopt") == (
        "VTD             Media                                 Size(mb)\n"
        "cd_lp1          No Media                                   n/a\n"
        "vtopt0          AIX61_DVD_1.iso                            300\n"
    )
    done(prompt, "lsvopt -vtd vtopt0 -field media vtd -fmt :", "AIX61_DVD_1.iso:vtopt0\n")


def test_a_wrong_field_of_a_library_is_refused_whether_there_is_one_or_not(prompt, uli13, hypervisor):
    said = refused(prompt, hypervisor, "lsrep -field bogus")
    assert said.startswith("[VIOSE01049000-9554] There is no attribute bogus here; there are: name, filesize,")
    done(prompt, "lsrep -field name", "The DVD repository has not been created yet.\n\n")
    prompt("mkrep -sp rootvg -size 1000M")
    assert refused(prompt, hypervisor, "lsrep -field bogus") == said


def test_media_are_sparse_files_that_nobody_else_reads(prompt, library):
    prompt("mkvopt -name blank -size 500M")
    prompt("mkvopt -name fixed -size 100M -ro")
    folder = settings.STATE_DIR / "VMLibrary"
    blank = (folder / "blank").stat()
    assert (blank.st_size, blank.st_blocks, blank.st_mode & 0o777) == (500 * 2**20, 0, 0o600)
    assert ((folder / "fixed").stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o400, 0o700)
    done(prompt, "rmvopt -name fixed")
    done(prompt, "rmrep -f", "Virtual Media Repository Deleted\n")
    assert list(folder.iterdir()) == []
    assert not VirtualMedium.objects.exists()


def test_a_drive_is_shown_as_a_real_one(prompt, both, library):
    prompt("mkvopt -name blank -size 500M")
    prompt("mkvdev -fbo -vadapter vhost1")
    empty = (
        "\nVTD                   vtopt0\nStatus                Available\nLUN                   0x8600000000000000\n"
        "Backing device\nPhysloc\n"
    )
    assert prompt("lsmap -vadapter vhost1 -type file_opt").endswith(empty)
    done(prompt, "lsmap -all -type file_opt -field vtd backing bdphysloc mirrored -fmt :", "vtopt0: : :N/A\n")
    prompt("loadopt -disk blank -vtd vtopt0")
    done(prompt, "lsmap -all -type file -field backing -fmt :", "/var/vio/VMLibrary/blank\n")
    assert prompt("lsdev -virtual | grep vtopt") == (
        "vtopt0           Available   Virtual Target Device - File-backed Optical\n"
    )


NOT_LOADED = {
    "loadopt -disk nonsense -vtd vtopt0": "no virtual optical medium nonsense on uli13; there is: blank, fixed",
    "loadopt -disk blank -vtd vtopt1": "The virtual optical medium blank is loaded in vtopt0",
    "loadopt -disk fixed -vtd vtopt0": "vtopt0 has the medium blank loaded",
    "loadopt -disk fixed -vtd vtscsi0": "vtscsi0 maps hdisk2 and is no optical drive",
    "unloadopt -vtd vtopt1": "vtopt1 has no medium loaded",
    "rmvopt -name blank": "The virtual optical medium blank is loaded in vtopt0",
    "rmrep": "The virtual optical medium blank is loaded in vtopt0",
    "rmrep -f": "The virtual optical medium blank is loaded in vtopt0",
    "mkrep -sp rootvg -size 1G": "uli13 has its virtual media repository already: 1024 MB in storage pool rootvg",
    "mkvopt -name blank -size 1M": "There is a virtual optical medium blank on uli13 already",
    "mkvopt -name big -size 1G": "big needs 1024 MB of the virtual media repository of uli13, which has 923 MB free",
    "mkvopt -name ../up -size 1M": "can't be the name of a virtual optical medium",
    "mkvopt -name 'a,b' -size 1M": "can't be the name of a virtual optical medium",
    "mkvopt -name .hidden -size 1M": "can't be the name of a virtual optical medium",
    "mkvopt -name 光盘 -size 1M": "can't be the name of a virtual optical medium",
    f"mkvopt -name {'a' * 38} -size 1M": "at most 37 characters",
    "mkvopt -name x -size 1M -file y": "-size and -file exclude each other",
    "mkvopt -name x -file y.iso": "y.iso can't be imported on uli13",
    "mkvopt -name x": "Required parameter -size",
    "mkvopt -name x -size 1": "needed: a size in megabytes or gigabytes",
    "rmvdev -vtd vtopt0 -rmlv": "vtopt0 maps /var/vio/VMLibrary/blank, which is no logical volume",
}


@pytest.fixture
def drives(prompt, both, library):
    for line in (
        *("mkvopt -name blank -size 100M", "mkvopt -name fixed -size 1M -ro"),
        *("mkvdev -fbo -vadapter vhost1", "mkvdev -fbo -vadapter vhost0", "loadopt -disk blank -vtd vtopt0"),
    ):
        prompt(line)
        assert prompt.status == 0


@pytest.mark.parametrize("line", NOT_LOADED)
def test_what_can_not_be_done_with_media_changes_nothing(prompt, drives, hypervisor, line):
    assert NOT_LOADED[line] in refused(prompt, hypervisor, line)


def loaded():
    return {one.name: str(one.medium) for one in VirtualTargetDevice.objects.filter(is_optical=True)}


def test_media_are_loaded_by_force_and_read_only_ones_in_many_drives(prompt, drives):
    done(prompt, "loadopt -f -disk blank -vtd vtopt1")
    assert loaded() == {"vtopt0": "None", "vtopt1": "blank"}
    done(prompt, "loadopt -disk fixed -vtd vtopt0")
    done(prompt, "loadopt -f -disk fixed -vtd vtopt1 -release")
    assert loaded() == {"vtopt0": "fixed", "vtopt1": "fixed"}
    assert "vtopt0,vtopt1" in prompt("lsrep")
    done(prompt, "unloadopt -vtd vtopt1 -release")
    done(prompt, "rmvopt -f -name fixed")
    assert loaded() == {"vtopt0": "None", "vtopt1": "None"}


@pytest.mark.parametrize(
    "line", ["unloadopt -vtd vtopt0", "rmvopt -f -name blank", "loadopt -f -disk blank -vtd vtopt1"]
)
def test_a_drive_of_a_partition_that_is_held_stays_as_it_is(prompt, drives, both, hypervisor, line):
    LogicalPartition.objects.filter(pk=both[1].pk).update(hold="migration 1")
    assert "is reserved" in refused(prompt, hypervisor, line)


def test_a_file_that_can_not_be_made_leaves_no_medium(prompt, library, hypervisor):
    (settings.STATE_DIR / "VMLibrary").rmdir()
    (settings.STATE_DIR / "VMLibrary").write_text("in the way")
    prompt("mkvopt -name blank -size 100M")
    assert (prompt.status, "[VIOSE01049000-9658]" in prompt.err) == (1, True)
    assert not VirtualMedium.objects.exists()


# Listings


def test_physical_volumes_to_the_byte(prompt, both):
    assert prompt.lines("lspv")[:2] == [
        "NAME             PVID                                 VG               STATUS",
        "hdisk0           none                                 None",
    ]
    free = "NAME            PVID                                SIZE(megabytes)\n" + "".join(
        f"hdisk{number}          none                                10240\n" for number in (0, 3, 4)
    )
    for option in ("-free", "-avail"):
        done(prompt, f"lspv {option}", free)
    done(prompt, "lspv -free -field pvname size -fmt :", "hdisk0:10240\nhdisk3:10240\nhdisk4:10240\n")
    done(prompt, "lspv -size hdisk3", "10240\n")


def test_paths_say_what_the_hypervisor_sees(prompt, both, hypervisor, monkeypatch):
    seen = hypervisor.look_at_luns
    monkeypatch.setattr(
        hypervisor,
        "look_at_luns",
        lambda luns: tuple(
            LunFacts(one.unique_id, error="broken") if one.unique_id == data.unique_id(4) else one
            for one in seen(luns)
        ),
    )
    assert prompt("lspath -dev hdisk2") == (
        "status  name     parent  connection\nEnabled hdisk2   fscsi0  5005076303030053,4011400400000000\n"
    )
    done(prompt, "lspath -status failed -field name conn -fmt :", "hdisk4:5005076303030053,4011400600000000\n")
    assert len(prompt.lines("lspath")) == 14


def test_what_could_become_of_a_disk(prompt, both):
    assert prompt("chkdev -dev hdisk3 -verbose") == (
        f"NAME:                hdisk3\nIDENTIFIER:          {data.unique_id(3)}\n"
        "PHYS2VIRT_CAPABLE:   YES\nVIRT2NPIV_CAPABLE:   NA\nVIRT2PHYS_CAPABLE:   NA\n"
    )
    done(prompt, "chkdev -dev hdisk2 -field name phys2virt_capable virt2phys_capable -fmt :", "hdisk2:NA:YES\n")


@pytest.mark.parametrize("state", list(OwnerState))
@pytest.mark.parametrize("whose", ["uli13lp2", "gone"])
@pytest.mark.parametrize("system", [data.ULI13, data.ULI14])
def test_a_disk_can_become_virtual_where_it_could_be_mapped(prompt, both, hypervisor, state, whose, system):
    uuid = both[1].uuid if whose == "uli13lp2" else "0e59fcba-0e7e-4e5b-9a3c-000000000000"
    hypervisor.san[data.unique_id(3)] = OwnerWord(str(uuid), system.identity, state=state)
    told = prompt("chkdev -field name phys2virt_capable -fmt :").splitlines()
    done(prompt, "chkdev -dev hdisk4 -field phys2virt_capable -fmt :", "YES\n")
    prompt("mkvdev -vdev hdisk3 -vadapter vhost1")
    assert ("hdisk3:YES" in told) == (prompt.status == 0)
    assert ("hdisk3:NO" in told) == (prompt.status == 1)


def test_a_disk_that_can_not_be_read_can_not_become_virtual(prompt, both, hypervisor, monkeypatch):
    hypervisor.is_reachable = False
    assert "does not answer" in refused(prompt, hypervisor, "chkdev -dev hdisk3")
    hypervisor.is_reachable = True
    broken = lambda luns: tuple(LunFacts(one.unique_id, error="broken") for one in luns)  # noqa: E731
    monkeypatch.setattr(hypervisor, "look_at_luns", broken)
    done(prompt, "chkdev -dev hdisk3 -field phys2virt_capable -fmt :", "NO\n")
    done(prompt, "chkdev -dev hdisk2 -field phys2virt_capable virt2phys_capable -fmt :", "NA:YES\n")


def test_slots_with_what_sits_in_them(prompt, both):
    lines = prompt.lines("lsdev -slots")
    assert lines[0] == "# Slot                    Description       Device(s)"
    for line in (
        "U7998.61X.100390A-V1-C11  Virtual I/O Slot  vhost0",
        "U7998.61X.100390A-V1-C3   Virtual I/O Slot  ent1",
        "U78A5.001.WIH0402-P1-C6   Logical I/O Slot  fcs0",
        "U78A5.001.WIH0402-P1-C5   Logical I/O Slot  Unknown",
    ):
        assert line in lines
    assert prompt.lines("lsdev -dev vhost1 -slot")[1:] == ["U7998.61X.100390A-V1-C13  Virtual I/O Slot  vhost1"]


def test_relatives_ranges_and_types_of_devices(prompt, both):
    done(prompt, "lsdev -dev hdisk2 -range reserve_policy", "no_reserve\nsingle_path\n")
    done(prompt, "lsdev -dev hdisk2 -parent", "parent\n\nfscsi0\n")
    done(prompt, "lsdev -dev fscsi0 -parent", "parent\n\nfcs0\n")
    assert len(prompt.lines("lsdev -dev fscsi0 -child")) == 14
    prompt("mklv -lv lv1 rootvg 1G")
    assert prompt("lsdev -type lv") == (
        "name             status      description\n"
        "rootvg           Defined     Volume group\n"
        "lv1              Defined     Logical volume\n"
    )
    assert prompt("lsdev -type optical") == ""
    assert prompt("lsdev -type sea -field description -fmt :") == "Shared Ethernet Adapter\n"


def test_each_device_that_a_listing_names_is_known(prompt, both, library):
    prompt("mklv -lv lv1 rootvg 1G")
    prompt("mkvdev -vdev lv1 -vadapter vhost1")
    ManagedSystem.objects.update(fibre_channel_location="")  # as on a console that was not told
    named = set()
    for line in (
        "lsmap -all -field svsa vtd backing -fmt :",
        "lsmap -all -net -field svea sea backing -fmt :",
        "lsdev -field name parent -fmt :",
        "lspath -field name parent -fmt :",
        "lsvg -lv rootvg -field lvname -fmt :",
        "lssp -bd -field bdname vtd svsa -fmt :",
        "lspv -field pvname -fmt :",
        "lsvg",
    ):
        named |= {name for row in prompt.lines(line) for name in row.split(":")} - {"", " "}
    assert {
        "ent0",
        "ent1",
        "ent2",
        "fcs0",
        "fscsi0",
        "hdisk2",
        "lv1",
        "rootvg",
        "vhost0",
        "vio0",
        "VMLibrary",
    } <= named
    for name in named:
        done(prompt, f"lsdev -dev {name} -field name -fmt :", f"{name}\n")
    assert named <= set(device_names())


def test_a_physical_ethernet_adapter_is_told_without_what_the_records_do_not_have(prompt, both):
    assert prompt("lsdev -dev ent0") == (
        "name             status      description\nent0             Available   Ethernet Adapter\n"
    )
    assert "ent0" not in prompt("lsdev -virtual -field name -fmt :").splitlines()
    assert prompt("lsdev -dev vio0 -field description -fmt :") == "Virtual I/O Bus\n"
    assert "vhost1" in prompt("lsdev -dev vio0 -child")


def test_more_of_everything_costs_no_more_queries(prompt, both, library, django_assert_max_num_queries):
    pool = StoragePool.objects.get()
    adapter = both[1].server_adapters.get()
    for number in range(40):
        volume = LogicalVolume.objects.create(pool=pool, name=f"lv{number:02}", size_mb=64)
        VirtualTargetDevice.objects.create(
            name=f"vtscsi{number + 20}", adapter=adapter, lun_number=0x90 + number, logical_volume=volume
        )
        medium = VirtualMedium.objects.create(name=f"m{number}", size_mb=1)
        VirtualTargetDevice.objects.create(
            name=f"vtopt{number}", adapter=adapter, lun_number=0xC0 + number, is_optical=True, medium=medium
        )
    lines = (
        "lsvg -lv rootvg",
        "lssp -bd",
        "lslv -free",
        "lsrep",
        "lsvopt",
        "lsmap -all",
        "lsdev",
        "lspv",
        "lsdev -slots",
    )
    for line in lines:
        with django_assert_max_num_queries(12):
            prompt(line)
        assert prompt.status == 0


@pytest.mark.parametrize("line", ["rmvopt -name blank", "rmrep -f"])
def test_the_file_of_a_medium_that_comes_meanwhile_stays(prompt, library, monkeypatch, line):
    """Somebody else makes one of the same name as soon as the old one is off the record."""
    prompt("mkvopt -name blank -size 1M")
    prompt("mkvopt -name other -size 1M")
    ours, rival, serialized = [True], Prompt(prompt.caller.user), media.serialized

    @contextmanager
    def then_the_rival():
        with serialized():
            yield
        if ours.pop() if ours else False:
            rival("mkrep -sp rootvg -size 1000M")
            rival("mkvopt -name blank -size 2M")

    monkeypatch.setattr(media, "serialized", then_the_rival)
    prompt(line)
    assert (prompt.status, prompt.err, rival.status) == (0, "", 0)
    assert VirtualMedium.objects.filter(name="blank").values_list("size_mb", flat=True).get() == 2
    assert (media.folder() / "blank").stat().st_size == 2 * 2**20
    assert (media.folder() / "other").exists() == (line != "rmrep -f")


@pytest.fixture
def other_servers(both, hypervisor):
    """hdisk3 is a partition's that is nowhere on record here, hdisk4 this server's uli13lp1's on another one."""
    hypervisor.san[data.unique_id(3)] = OwnerWord(str(GONE), data.ULI14.identity)
    hypervisor.san[data.unique_id(4)] = OwnerWord(str(both[0].uuid), data.ULI14.identity)


GONE = UUID("0e59fcba-0e7e-4e5b-9a3c-000000000000")


@pytest.mark.parametrize("option", ["-avail", "-free"])
def test_only_disks_that_can_be_mapped_are_available(prompt, other_servers, option):
    done(prompt, f"lspv {option} -field pvname size -fmt :", "hdisk0:10240\n")
    assert len(prompt.lines("lspv -size -field pvname -fmt :")) == data.LUN_COUNT


def test_what_is_available_nobody_knows_without_the_hypervisor(prompt, both, hypervisor):
    hypervisor.is_reachable = False
    assert "does not answer" in refused(prompt, hypervisor, "lspv -avail")
    assert len(prompt.lines("lspv")) == data.LUN_COUNT + 1
    unknown = refused(prompt, hypervisor, "mkvdev -vdev hdisk99 -vadapter vhost1")
    assert "no physical or logical volume hdisk99 on uli13; there is: hdisk0, hdisk3, hdisk4." in unknown


def test_a_refusal_offers_only_disks_that_can_be_had(prompt, other_servers, hypervisor):
    assert refused(prompt, hypervisor, "mkvdev -vdev hdisk99 -vadapter vhost1") == (
        "[VIOSE01049000-9650] There is no physical or logical volume hdisk99 on uli13; there is: hdisk0. Name one of "
        "these.\n"
    )
    mapped = refused(prompt, hypervisor, "rmvdev -vdev hdisk99")
    assert "there is: hdisk1, hdisk2, hdisk5, hdisk6, " in mapped


def test_a_partition_that_has_moved_away_is_still_told_by_its_name(prompt, other_servers, hypervisor, remote):
    line = "mkvdev -vdev hdisk3 -vadapter vhost1"
    assert f"its owner word says partition {GONE} on 7998-60X*100E7DA." in refused(prompt, hypervisor, line)
    for name in ("old", 'new "分区", b'):
        Migration.objects.create(
            role="source", state="closed, moved", partition_uuid=GONE, partition_name=name, lpar_id=4, remote=remote
        )
    told = refused(prompt, hypervisor, line)
    assert 'its owner word says partition new "分区", b on 7998-60X*100E7DA.' in told


def test_a_lun_that_a_partition_of_another_server_has_is_told_with_its_name(prompt, both, hypervisor):
    names = {"name": "uli13lp2", "unique_id": "6005", "other": data.ULI13.identity}
    uuid = str(both[0].uuid)
    hypervisor.refuse("activate", "lun-of-other-partition", uuid=uuid, owner=f"partition {uuid}", **names)
    prompt("chsysstate -r lpar -o on -n uli13lp2")
    said = f"says partition uli13lp1 on {data.ULI13.identity}. Where both"
    assert (prompt.status, said in prompt.err, uuid in prompt.err) == (1, True, False)
    task = MonitorTask.objects.get(name="Activate Partition")
    assert said in str(task.sentence)
    hypervisor.refuse("change_luns", "lun-of-other-partition", uuid=uuid, owner=f"partition {uuid}", **names)
    assert said in refused(prompt, hypervisor, "mkvdev -vdev hdisk3 -vadapter vhost1")


def test_whoever_is_slower_to_take_a_disk_away_hears_of_the_disk(prompt, both, padmin, monkeypatch):
    rival, change = Prompt(padmin), luns_service.change

    def second(*asked, **how):
        monkeypatch.setattr(luns_service, "change", change)
        rival("rmvdev -vdev hdisk1")
        return change(*asked, **how)

    monkeypatch.setattr(luns_service, "change", second)
    prompt("rmvdev -vdev hdisk1")
    assert (rival.out, rival.status) == ("vtscsi5 deleted\n", 0)
    assert (prompt.out, prompt.status) == ("", 1)
    assert "hdisk1 is not mapped to a partition" in prompt.err
