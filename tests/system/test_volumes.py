"""The records follow what the hypervisor finds; nothing that is mapped is dropped, nothing that runs is changed."""

import time
from dataclasses import replace

import pytest
from django.core.management import CommandError, call_command

from ivmweb.common.errors import HypervisorError, PrerequisiteFailed
from ivmweb.hypervisor.base import FoundLun, LunList, OwnerWord
from ivmweb.lab import data
from ivmweb.monitor.models import MonitorTask
from ivmweb.system import services, tasks, virtual_storage, volumes
from ivmweb.system.inventory import take_inventory
from ivmweb.system.models import AuditEvent, LogicalPartition, PartitionState, PhysicalVolume
from ivmweb.system.plan import DiskPlan
from tests import factories

GB = 2**30


@pytest.fixture
def find(hypervisor):
    """The hypervisor finds these, and the records follow; what is said of it."""

    def look(*luns, errors=()):
        hypervisor.found = LunList(tuple(luns), tuple(errors), has_places=True)
        return [str(sentence) for sentence in volumes.discover()]

    return look


def lun(unique_id, path=None, size_gb=1, **values):
    return FoundLun(path or f"/san/{unique_id}", unique_id, size_gb * GB, OwnerWord(), **values)


def lab_lun(number, path=None, size_mb=data.LUN_SIZE_MB):
    """One of those that the standing cast has."""
    row = volume(data.unique_id(number))
    return FoundLun(path or row.path, row.unique_id, size_mb * 2**20, OwnerWord())


def volume(unique_id):
    return PhysicalVolume.objects.get(unique_id=unique_id)


@pytest.fixture
def empty(uli13):
    PhysicalVolume.objects.all().delete()


def test_what_is_found_becomes_a_physical_volume(empty, find):
    assert find(lun("a"), lun("b", is_device=True)) == ["Physical volumes found: hdisk0, hdisk1"]
    first, second = PhysicalVolume.objects.order_by("name")
    assert (first.name, first.unique_id, first.path, first.size_mb) == ("hdisk0", "a", "/san/a", 1024)
    assert (first.is_device, second.is_device, second.on_san) == (False, True, True)
    assert "Fibre" not in first.description


def test_a_second_look_changes_nothing_and_says_nothing(empty, find):
    find(lun("a"))
    before = PhysicalVolume.objects.values().get()
    assert find(lun("a")) == []
    assert PhysicalVolume.objects.values().get() == before


def test_a_lun_keeps_its_name_whatever_its_path_and_whatever_comes_or_goes(empty, find):
    find(lun("a"), lun("b"))
    assert find(lun("0"), lun("b", "/dev/sdq")) == [
        "Missing: hdisk0",
        "At another path now: hdisk1",
        "Physical volumes found: hdisk2",
    ]
    assert (volume("b").name, volume("b").path, volume("0").name) == ("hdisk1", "/dev/sdq", "hdisk2")
    assert find(lun("0"), lun("b", "/dev/sdq"), lun("a")) == ["As they should be again: hdisk0"]
    assert (volume("a").name, volume("a").trouble) == ("hdisk0", "")


def test_names_of_other_devices_are_not_given(uli13, find):
    find(lun("a"))
    assert volume("a").name == f"hdisk{data.LUN_COUNT}"


def test_a_hypervisor_that_was_not_told_where_luns_are_says_of_none_that_it_is_missing(uli13, hypervisor):
    before = list(PhysicalVolume.objects.values())
    assert volumes.discover() == []
    assert list(PhysicalVolume.objects.values()) == before


def test_a_volume_that_was_never_found_is_left_alone(uli13, find):
    find(lun("a"))
    assert set(PhysicalVolume.objects.values_list("trouble", flat=True)) == {""}


def test_where_a_look_fails_everything_stays(empty, find, hypervisor):
    find(lun("a"))
    hypervisor.refuse("list_luns", "luns-stand-still", seconds=7)
    with pytest.raises(HypervisorError, match="9721"):
        volumes.discover()
    assert volume("a").trouble == ""


def test_a_folder_that_can_not_be_looked_at_is_told(empty, find):
    find(lun("a"))
    assert find(errors=["/san can't be looked at"]) == ["Missing: hdisk0", "/san can't be looked at"]


def test_what_has_become_unreadable_where_it_was_is_told_so(empty, find):
    find(lun("a"))
    assert find(FoundLun("/san/a", error="the checksum is wrong")) == ["Cannot be read: hdisk0"]


def test_another_lun_at_the_path_of_one_is_another_volume(empty, find):
    find(lun("a", "/dev/sdb"))
    find(lun("b", "/dev/sdb"))
    assert (volume("a").trouble, volume("b").name, volume("b").trouble) == ("missing", "hdisk1", "")


def test_a_copy_is_told_until_it_is_gone_and_is_not_mapped(uli13lp2, find, by, hypervisor):
    find(lun("a"), lun("a", "/san/copy"))
    name = volume("a").name
    hypervisor.san["a"] = OwnerWord()
    with pytest.raises(PrerequisiteFailed) as caught:
        virtual_storage.map_device("vhost1", name, **by)
    assert caught.value.key == "volume-copied"
    assert virtual_storage.mappable([volume("a")]) == set()
    assert find(lun("a")) == [f"As they should be again: {name}"]
    virtual_storage.map_device("vhost1", name, **by)


def test_a_mapped_volume_that_is_gone_stays_mapped(uli13lp1, uli13lp2, find):
    """hdisk1 is uli13lp2's, which is off; hdisk2 uli13lp1's, which runs."""
    find(lab_lun(1), lab_lun(2))
    assert find() == ["Missing: hdisk1, hdisk2"]
    assert len(services.definition_of(uli13lp1).luns) == len(services.definition_of(uli13lp2).luns) == 5


def test_the_hypervisor_has_the_new_path_of_a_partition_that_is_off(uli13lp2, find, hypervisor):
    find(lab_lun(1))
    find(lab_lun(1, "/elsewhere/lun1"))
    assert volume(data.unique_id(1)).path == "/elsewhere/lun1"
    take_inventory()
    assert "/elsewhere/lun1" in {one.path for one in hypervisor.runs[3].definition.luns}
    assert LogicalPartition.objects.get(pk=uli13lp2.pk).unsettled_luns == []


@pytest.mark.parametrize("changed", [{"state": "Running"}, {"hold": "migration 1"}])
def test_what_runs_or_is_held_keeps_its_path_until_it_is_off(uli13lp2, find, changed):
    find(lab_lun(1))
    before = volume(data.unique_id(1)).path
    kept = {"state": uli13lp2.state, "hold": ""}
    LogicalPartition.objects.filter(pk=uli13lp2.pk).update(**changed)
    said = "At another path, which is used once the partition is off: hdisk1"
    assert find(lab_lun(1, "/elsewhere")) == [said]
    assert (volume(data.unique_id(1)).path, volume(data.unique_id(1)).trouble) == (before, "elsewhere")
    LogicalPartition.objects.filter(pk=uli13lp2.pk).update(**kept)
    find(lab_lun(1, "/elsewhere"))
    assert (volume(data.unique_id(1)).path, volume(data.unique_id(1)).trouble) == ("/elsewhere", "")


def test_a_partition_is_not_started_on_a_lun_that_has_shrunk(uli13lp2, find, by, hypervisor):
    find(lab_lun(1))
    assert find(lab_lun(1, size_mb=data.LUN_SIZE_MB - 1)) == ["Smaller than before: hdisk1"]
    assert volume(data.unique_id(1)).size_mb == data.LUN_SIZE_MB
    with pytest.raises(PrerequisiteFailed) as caught:
        services.activate(uli13lp2, by["user"], "")
    assert (caught.value.code[-4:], "hdisk1" in caught.value.text) == ("9781", True)
    assert ("activate", 3) not in hypervisor.calls
    find(lab_lun(1))
    services.activate(uli13lp2, by["user"], "")


def test_a_volume_that_nobody_uses_may_shrink_and_a_used_one_may_grow(uli13lp2, find):
    find(lab_lun(1), lun("a"))
    find(lab_lun(1, size_mb=data.LUN_SIZE_MB + 5), lun("a", size_gb=0))
    assert (volume(data.unique_id(1)).size_mb, volume("a").size_mb) == (data.LUN_SIZE_MB + 5, 0)


def test_two_thousand_luns_take_few_queries_and_little_time(empty, find, django_assert_max_num_queries):
    luns = [lun(f"id{number}") for number in range(2000)]
    began = time.monotonic()
    assert find(*luns) == ["Physical volumes found: " + ", ".join(f"hdisk{n}" for n in range(8)) + ", and 1992 more"]
    assert time.monotonic() - began < 5
    with django_assert_max_num_queries(6):
        assert find(*luns) == []
    with django_assert_max_num_queries(30):  # saved a hundred at a time
        (said,) = find()
    assert said.endswith("and 1992 more")


# What nobody has asked for


def events():
    return list(AuditEvent.objects.order_by("pk").values_list("outcome", "text"))


def test_a_look_on_schedule_tells_the_audit_trail_each_problem_once(empty, hypervisor):
    hypervisor.found = LunList((lun("a"),), ("/san2 can't be looked at",), has_places=True)
    for _ in range(2):
        tasks.luns()
    expected = [("repaired", "Physical volumes found: hdisk0"), ("failed", "/san2 can't be looked at")]
    assert events() == expected
    hypervisor.found = replace(hypervisor.found, errors=())
    tasks.luns()
    hypervisor.found = replace(hypervisor.found, errors=("/san2 can't be looked at",))
    tasks.luns()
    assert events() == [*expected, expected[1]]
    assert not MonitorTask.objects.exists()


def test_a_look_on_schedule_that_stands_still_is_told_once(empty, hypervisor):
    hypervisor.refuse("list_luns", "luns-stand-still", seconds=7)
    for _ in range(2):
        tasks.luns()
    assert [(outcome, "9721" in text) for outcome, text in events()] == [("failed", True)]


def test_a_hypervisor_that_is_away_is_no_event(empty, hypervisor):
    hypervisor.is_reachable = False
    tasks.luns()
    assert events() == []


@pytest.fixture(autouse=True)
def _nothing_told():
    volumes._told.clear()


# What an operator asks for


def test_a_lun_that_is_made_is_recorded_at_once(empty, hypervisor, by):
    made = volumes.initialize("/san/new", force=False, **by)
    assert volume(made.unique_id).name == "hdisk0"
    task = MonitorTask.objects.get(name="Initialize LUN")
    assert [str(line) for line in task.lines.all()] == [
        f"/san/new: the LUN {made.unique_id}, 1024 MB",
        "Physical volumes found: hdisk0",
    ]
    assert ("init_lun /san/new", 0) in hypervisor.calls


def test_a_lun_that_was_made_counts_even_where_the_look_after_it_fails(empty, hypervisor, by):
    hypervisor.before["list_luns"] = lambda: hypervisor.refuse("list_luns")
    volumes.initialize("/san/new", force=True, **by)
    assert MonitorTask.objects.get().status == "succeeded"
    del hypervisor.refusals["list_luns"]
    tasks.luns()
    assert volume("IVM0").name == "hdisk0"


def test_a_viewer_makes_no_lun(empty, hypervisor, viewer):
    with pytest.raises(PrerequisiteFailed) as caught:
        volumes.initialize("/san/new", force=True, user=viewer, origin="")
    assert (caught.value.key, hypervisor.calls) == ("no-right", [])


def test_only_a_volume_whose_lun_is_gone_and_that_nobody_has_is_removed(uli13lp2, find, by):
    find(lab_lun(1), lun("a"))
    name = volume("a").name
    with pytest.raises(PrerequisiteFailed, match="9783"):
        volumes.remove(name, **by)
    find()
    with pytest.raises(PrerequisiteFailed, match=r"9782.*uli13lp2"):
        volumes.remove("hdisk1", **by)
    volumes.remove(name, **by)
    assert not PhysicalVolume.objects.filter(unique_id="a").exists()


def test_nothing_is_recorded_twice_by_two_that_look_at_once(empty, hypervisor):
    hypervisor.found = LunList((lun("a"),), has_places=True)
    hypervisor.before["list_luns"] = volumes.discover
    volumes.discover()
    assert PhysicalVolume.objects.count() == 1


def test_a_moved_partition_finds_its_lun_by_identity_at_a_path_of_this_server(empty, find, hypervisor):
    """What the destination makes of the source's plan: its own path."""
    find(lun("a", "/mnt/other-name/a"))
    adapter = replace(factories.adapter_plan(), disks=(DiskPlan("a", 1024, 0x81, "vtscsi0"),))
    plan = factories.small_plan("mover", 5, adapters=(adapter,))
    partition = services.reserve_shell(plan, "migration 1", PartitionState.NOT_ACTIVATED)
    (reference,) = services.definition_of(partition).luns
    assert (reference.unique_id, reference.path) == ("a", "/mnt/other-name/a")


# Commands of the machine's operator


def test_init_lun_says_what_it_has_made(empty, hypervisor, capsys):
    call_command("init_lun", "/san/new")
    assert capsys.readouterr().out == "/san/new: LUN IVM0, 1024 MB, hdisk0\n"
    assert MonitorTask.objects.get().user == "(manage.py)"


def test_init_lun_ends_with_the_refusal(empty, hypervisor):
    hypervisor.refuse("init_lun", "lun-not-empty", path="/san/new", found="data", block_bytes=4096)
    with pytest.raises(CommandError, match=r"9726.*--force"):
        call_command("init_lun", "/san/new")


def test_luns_lists_what_there_is(empty, find, capsys):
    owner = OwnerWord("a5f1c3de-1111-4222-8333-444455556666", "7998-61X*100390A")
    find(
        lun("a"), replace(lun("b", is_device=True), owner=owner), FoundLun("/san/x", error="no identity"), errors="?"
    )
    call_command("luns")
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        "/san/a: hdisk0, LUN a, 1024 MB, file, free",
        "/san/b: hdisk1, LUN b, 1024 MB, block device, owned by 7998-61X*100390A for partition "
        + owner.partition_uuid,
        "/san/x: no identity",
    ]
    assert shown.err == "?\n"


def test_luns_says_that_nobody_has_said_where_they_are(empty, hypervisor):
    with pytest.raises(CommandError, match="--luns"):
        call_command("luns")
