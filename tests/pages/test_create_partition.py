"""Create Partition: what the page offers, what it makes, and what is refused at which field."""

import re

import pytest
from django.contrib.auth.models import User

from ivmweb.hypervisor.base import BootFrom, OwnerWord
from ivmweb.lab import data
from ivmweb.monitor.models import MonitorTask
from ivmweb.system import media, pools, services, virtual_storage
from ivmweb.system.models import LogicalPartition, LogicalVolume, ManagedSystem, VirtualTargetDevice
from tests.pages.conftest import text_of

ADDRESS = "/partitions/create/"
TYPED = {
    "name": "db",
    "memory_mb": "512",
    "virtual_processors": "2",
    "processor_mode": "shared",
    "vlan": "",
    "new_disk_mb": "",
    "pool": "rootvg",
    "optical": "",
}


@pytest.fixture
def cast(hypervisor, uli13lp1, uli13lp2, state_folder):
    return uli13lp1, uli13lp2


@pytest.fixture
def by(as_padmin):
    return {"user": User.objects.get(username="padmin"), "origin": ""}


def wish(page):
    return re.search(r'name="wish" value="([^"]+)"', text_of(page)).group(1)


def send(client, **values):
    return client.post(ADDRESS, {**TYPED, "wish": wish(client.get(ADDRESS)), **values}, follow=True)


def made():
    return LogicalPartition.objects.get(name="db")


def devices():
    rows = VirtualTargetDevice.objects.filter(adapter__partition=made())
    return [device.backing_device for device in rows.order_by("lun_number")]


def test_it_is_reached_from_the_partition_list_by_those_who_may(as_padmin, cast):
    assert ADDRESS in text_of(as_padmin.get("/"))
    page = text_of(as_padmin.get(ADDRESS))
    assert all(name in page for name in ("hdisk0", "hdisk3", "VLAN 1", "AIX or Linux"))
    assert "hdisk2" not in page  # of uli13lp1


def test_who_may_only_look_makes_nothing(as_viewer, cast):
    assert ADDRESS not in text_of(as_viewer.get("/"))
    assert as_viewer.get(ADDRESS).status_code == 403
    assert as_viewer.post(ADDRESS, TYPED).status_code == 403
    assert LogicalPartition.objects.count() == 3


def test_what_was_typed_is_made_with_the_values_of_the_wizard(as_padmin, cast, hypervisor):
    page = send(as_padmin, vlan="1")
    assert "[VIOSI01049000-9789] Partition db is created with the ID 4." in text_of(page)
    row = made()
    assert (row.memory_minimum_mb, row.memory_mb, row.memory_maximum_mb) == (256, 512, 1024)
    assert (row.virtual_processors, str(row.processing_units), str(row.processing_units_maximum)) == (
        2,
        "0.20",
        "2.00",
    )
    assert row.ethernet_adapters.values_list("slot", "vlan_id").get() == (4, 1)
    assert hypervisor.runs[4].definition == services.definition_of(row)
    assert MonitorTask.objects.get().name == "Create Partition"


def test_dedicated_processors_are_whole_ones(as_padmin, cast):
    send(as_padmin, processor_mode="ded", virtual_processors="1")
    assert (made().processor_mode, str(made().processing_units)) == ("ded", "1.00")


def test_its_storage_comes_with_it(as_padmin, cast, hypervisor, by):
    pools.create_volume("rootvg", 64, name="old", **by)
    media.create_repository("rootvg", 1024, **by)
    media.add("linux", 1, read_only=True, **by)
    chosen = {"disk-hdisk3": "on", "disk-old": "on"}
    send(as_padmin, **chosen, new_disk_mb="100", optical="medium-linux")
    assert devices() == ["hdisk3", "old", "/var/vio/VMLibrary/linux", "lv00"]
    new = LogicalVolume.objects.get(name="lv00")
    assert (new.size_mb, new.path) == (128, hypervisor.volumes[new.unique_id])
    assert hypervisor.runs[4].definition == services.definition_of(made())
    assert len(hypervisor.runs[4].definition.luns) == 3


def test_pressed_twice_it_makes_one(as_padmin, cast, hypervisor):
    order = {**TYPED, "new_disk_mb": "64", "wish": wish(as_padmin.get(ADDRESS))}
    first, second = (as_padmin.post(ADDRESS, order, follow=True) for _press in range(2))
    for page in (first, second):
        assert "Partition db is created with the ID 4" in text_of(page)
    assert LogicalPartition.objects.filter(name__startswith="db").count() == 1
    assert (LogicalVolume.objects.count(), MonitorTask.objects.count()) == (1, 1)


def test_two_who_press_at_once_make_one(as_padmin, cast, hypervisor):
    order = {**TYPED, "wish": wish(as_padmin.get(ADDRESS))}
    hypervisor.before["describe_system"] = lambda: as_padmin.post(ADDRESS, order)
    page = as_padmin.post(ADDRESS, order, follow=True)
    assert "Partition db is created with the ID 4" in text_of(page)
    assert LogicalPartition.objects.count() == 4


def test_a_wish_of_somebody_elses_making_names_no_partition(as_padmin, cast):
    send(as_padmin, wish=str(cast[0].uuid))
    assert made().uuid != cast[0].uuid


REFUSED = [
    ({"name": "uli13lp1"}, "9063", "id_name"),
    ({"name": "a b"}, "9077", "id_name"),
    ({"memory_mb": "520"}, "9078", "id_memory_mb"),
    ({"memory_mb": "much"}, "9053", "id_memory_mb"),
    ({"memory_mb": "6000"}, "9060", "id_memory_mb"),
    ({"virtual_processors": "0"}, "9075", "id_virtual_processors"),
    ({"virtual_processors": "40"}, "9061", "id_virtual_processors"),
    ({"virtual_processors": "64"}, "9075", "id_virtual_processors"),
    ({"vlan": "7"}, "9084", "id_vlan"),
    ({"new_disk_mb": "0"}, "9075", "id_new_disk_mb"),
    ({"new_disk_mb": "99999999"}, "9651", "id_new_disk_mb"),
    ({"disk-hdisk2": "on"}, "9654", ""),
    ({"disk-nothing": "on"}, "9650", ""),
]


@pytest.mark.parametrize(("values", "code", "field"), REFUSED)
def test_what_is_refused_leaves_nothing_and_is_shown_at_its_field(as_padmin, cast, hypervisor, values, code, field):
    page = text_of(send(as_padmin, **values))
    assert re.findall(r"\[VIOSE01049000-(\d+)\]", page)[:1] == [code]
    marked = re.findall(r'<(?:input|select)[^>]*aria-invalid="true"[^>]*>', page)
    assert [re.search(r' id="(\w+)"', one).group(1) for one in marked] == ([field] if field else [])
    assert LogicalPartition.objects.count() == 3
    assert not LogicalVolume.objects.exists()
    assert not hypervisor.volumes


def test_a_disk_that_somebody_else_took_meanwhile_is_not_left_out_silently(as_padmin, cast, by):
    order = {**TYPED, "wish": wish(as_padmin.get(ADDRESS)), "disk-hdisk3": "on"}
    virtual_storage.map_device("vhost1", "hdisk3", **by)
    page = text_of(as_padmin.post(ADDRESS, order, follow=True))
    assert "hdisk3 is mapped already" in page
    assert not LogicalPartition.objects.filter(name="db").exists()


def test_a_disk_of_another_servers_partition_is_not_offered(as_padmin, cast, hypervisor):
    hypervisor.san[data.unique_id(3)] = OwnerWord("0e59fcba-0e7e-4e5b-9a3c-000000000000", data.ULI14.identity)
    assert "hdisk3" not in text_of(as_padmin.get(ADDRESS))
    page = text_of(send(as_padmin, **{"disk-hdisk3": "on"}))
    assert "VIOSE01049000-9656" in page
    assert not LogicalPartition.objects.filter(name="db").exists()


def test_a_silent_hypervisor_is_told_and_nothing_is_made(as_padmin, cast, hypervisor):
    hypervisor.is_reachable = False
    page = text_of(send(as_padmin))
    assert "[VIOSE01049000-9400]" in page
    assert 'value="512"' in page  # what was typed stays
    assert LogicalPartition.objects.count() == 3


def test_a_new_disk_that_can_not_be_made_takes_the_partition_back(as_padmin, cast, hypervisor):
    hypervisor.refuse("create_volume", "volume-folder-full", name="lv00", folder="/d", needed_mb=64, free_mb=1)
    before = ManagedSystem.objects.values_list("free_memory_mb", "free_units").get()
    assert "9732" in text_of(send(as_padmin, new_disk_mb="64"))
    assert LogicalPartition.objects.count() == 3
    assert ManagedSystem.objects.values_list("free_memory_mb", "free_units").get() == before


def test_what_it_boots_from_is_offered_where_there_is_a_choice(as_padmin, cast, hypervisor):
    assert "Boots from" not in text_of(as_padmin.get(ADDRESS))
    ManagedSystem.objects.update(boot_devices=["default", "optical"])
    hypervisor.boots_from = (BootFrom.DEFAULT, BootFrom.OPTICAL)
    send(as_padmin, boot_from="optical")
    assert (made().boot_from, hypervisor.runs[4].definition.boot_from) == ("optical", BootFrom.OPTICAL)


def test_as_many_queries_for_many_disks_as_for_one(as_padmin, cast, by, django_assert_max_num_queries):
    for number in range(20):
        pools.create_volume("rootvg", 64, name=f"disk{number}", **by)
    with django_assert_max_num_queries(20):
        as_padmin.get(ADDRESS)
