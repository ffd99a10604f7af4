"""Virtual adapters that are added and removed, and amounts of memory and processors."""

from decimal import Decimal

import pytest

from ivmweb.hypervisor.base import RunState
from ivmweb.monitor.models import MonitorTask
from ivmweb.system import adapters, resources, sections, services
from ivmweb.system.adapters import Ethernet, Scsi
from ivmweb.system.models import (
    AuditEvent,
    LogicalPartition,
    ManagedSystem,
    RmcState,
    VirtualEthernet,
    VirtualEthernetAdapter,
    VirtualServerAdapter,
)
from ivmweb.system.resources import Amount
from tests import factories
from tests.system.support import again, refusal_that_leaves


def everything():
    return (
        list(LogicalPartition.objects.order_by("pk").values()),
        list(VirtualServerAdapter.objects.order_by("pk").values()),
        list(VirtualEthernetAdapter.objects.order_by("pk").values()),
        ManagedSystem.objects.values_list("free_memory_mb", "free_units").get(),
    )


refusal = refusal_that_leaves(everything)


def lines():
    return [str(line) for line in MonitorTask.objects.first().lines.all()]


ACTS = {
    "add ethernet": lambda row, **by: adapters.add_ethernet(row, Ethernet(5, 1), **by),
    "remove ethernet": lambda row, **by: adapters.remove_ethernet(row, 4, **by),
    "add scsi": lambda row, **by: adapters.add_scsi(row, Scsi(5), **by),
    "remove scsi": lambda row, **by: adapters.remove_scsi(row, 2, **by),
}


@pytest.fixture(params=ACTS)
def act(request):
    return ACTS[request.param]


@pytest.fixture
def bare(uli13lp2):
    """Its vhost has no disks."""
    uli13lp2.server_adapters.get().target_devices.all().delete()
    return uli13lp2


def test_an_ethernet_adapter_keeps_the_base_of_those_that_are_there(uli13lp2, by):
    base = uli13lp2.ethernet_adapters.get().mac_address[:10]
    adapters.add_ethernet(uli13lp2, Ethernet(5, 1), **by)
    assert uli13lp2.ethernet_adapters.get(slot=5).mac_address == f"{base}05"
    assert lines() == [f"Virtual Ethernet adapter in slot 5 on VLAN 1, MAC address {base}05"]
    adapters.remove_ethernet(uli13lp2, 5, **by)
    assert list(uli13lp2.ethernet_adapters.values_list("slot", flat=True)) == [4]
    assert AuditEvent.objects.filter(outcome="accepted").count() == 2


def test_a_client_adapter_comes_and_goes_with_its_vhost(uli13lp2, by):
    adapters.add_scsi(uli13lp2, Scsi(5), **by)
    adapters.add_scsi(uli13lp2, Scsi(6, 99), **by)
    made = list(uli13lp2.server_adapters.values_list("client_slot", "slot", "name"))
    assert made == [(2, 13, "vhost1"), (5, 15, "vhost0"), (6, 99, "vhost2")]
    adapters.remove_scsi(uli13lp2, 6, **by)
    assert not VirtualServerAdapter.objects.filter(slot=99).exists()


def test_the_scheme_s_slot_that_is_taken_gives_way_to_the_next_one(uli13lp1, uli13lp2, by):
    adapters.add_scsi(uli13lp1, Scsi(5), **by)
    assert uli13lp1.server_adapters.get(client_slot=5).slot == 15


def test_what_comes_and_goes_is_told_with_its_partition(uli13lp2, by):
    adapters.add_scsi(uli13lp2, Scsi(6, 99), **by)
    whose = "Virtual SCSI adapter in slot 6 of partition uli13lp2 (ID 3)"
    assert lines() == [f"{whose}, with vhost0 in slot 99 of the management partition"]
    adapters.remove_scsi(uli13lp2, 6, **by)
    assert lines() == [f"{whose} removed, with vhost0"]


def test_a_partition_whose_slots_are_all_taken_gets_no_adapter(uli13lp2, by):
    LogicalPartition.objects.update(max_virtual_slots=5)
    adapters.add_ethernet(uli13lp2, Ethernet(3, 1), **by)
    error = refusal(adapters.add_scsi, uli13lp2, Scsi(), **by)
    assert "Partition uli13lp2 (ID 3) has no free virtual slot for an adapter: all of its 5 are taken." in error.text


def test_an_adapter_with_disks_stays(uli13lp2, by):
    error = refusal(adapters.remove_scsi, uli13lp2, 2, **by)
    assert error.key == "adapter-has-devices"
    assert error.params["devices"] == "vtscsi5, vtscsi6, vtscsi7, vtscsi8, vtscsi9"


def test_what_is_not_there_is_named_with_what_is(uli13lp2, by):
    assert "those it has are in: 4." in refusal(adapters.remove_ethernet, uli13lp2, 5, **by).text
    assert "those it has are in: 2." in refusal(adapters.remove_scsi, uli13lp2, 3, **by).text


@pytest.mark.parametrize(
    ("make", "wanted", "key"),
    [
        (adapters.add_ethernet, Ethernet(1, 1), "slot-out-of-range"),
        (adapters.add_ethernet, Ethernet(20, 1), "slot-out-of-range"),
        (adapters.add_ethernet, Ethernet(4, 1), "slot-taken"),
        (adapters.add_ethernet, Ethernet(2, 1), "slot-taken"),
        (adapters.add_ethernet, Ethernet(5, 7), "vlan-unknown"),
        (adapters.add_scsi, Scsi(4), "slot-taken"),
        (adapters.add_scsi, Scsi(5, 13), "server-slot-not-usable"),
    ],
)
def test_a_slot_or_network_that_can_not_be_is_refused(uli13lp2, by, make, wanted, key):
    VirtualEthernet.objects.create(vlan_id=2)
    assert refusal(make, uli13lp2, wanted, **by).key == key
    assert MonitorTask.objects.get().status == "failed"


@pytest.fixture
def real_guests(monkeypatch):
    """With a kind of hypervisor whose partitions keep their network adapters while they run."""
    monkeypatch.setattr(sections, "KEEPS_ADAPTERS", frozenset({"scripted"}))


def test_a_real_partition_keeps_its_network_adapters_while_it_runs(uli13lp1, uli13lp2, by, real_guests, hypervisor):
    for act in (ACTS["add ethernet"], ACTS["remove ethernet"]):
        assert "is Running" in refusal(act, uli13lp1, **by).text
    hypervisor.boot(uli13lp2.lpar_id)  # the record does not know it yet
    assert refusal(ACTS["add ethernet"], uli13lp2, **by).key == "network-needs-off"
    hypervisor.enter(uli13lp2.lpar_id, RunState.NOT_ACTIVATED)
    ACTS["add ethernet"](uli13lp2, **by)


def test_nobody_can_say_whether_a_partition_is_off_where_the_hypervisor_is_silent(
    uli13lp2, by, real_guests, hypervisor
):
    hypervisor.is_reachable = False
    assert refusal(ACTS["add ethernet"], uli13lp2, **by).key == "hypervisor-unreachable"


def test_a_server_without_networks_says_so(uli13lp2, by):
    VirtualEthernet.objects.all().delete()
    assert "there is: none." in refusal(adapters.add_ethernet, uli13lp2, Ethernet(5, 1), **by).text


def test_a_management_partition_that_is_full_is_told(uli13lp2, by):
    ManagedSystem.objects.update(max_virtual_slots=15)
    assert refusal(adapters.add_scsi, uli13lp2, Scsi(5), **by).key == "no-virtual-slot"


def test_a_viewer_a_hold_and_the_management_partition(act, bare, by, viewer):
    assert refusal(act, bare, user=viewer, origin="").key == "no-right"
    services.hold(bare.pk, "migration 1")
    assert refusal(act, bare, **by).key == "partition-held"
    management = LogicalPartition.objects.get(lpar_id=1)
    assert refusal(act, management, **by).key == "management-partition"
    services.remove_partition(bare)
    assert refusal(act, bare, **by).key == "partition-not-here"


def test_while_it_runs_its_operating_system_has_to_take_part(act, uli13lp1, by):
    uli13lp1.server_adapters.get().target_devices.all().delete()
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(rmc_state=RmcState.INACTIVE)
    assert refusal(act, uli13lp1, **by).key == "devices-need-rmc"
    LogicalPartition.objects.filter(pk=uli13lp1.pk).update(rmc_state=RmcState.ACTIVE)
    before = everything()
    act(uli13lp1, **by)
    assert everything() != before


# Amounts


@pytest.fixture
def small(uli13, hypervisor):
    plan = factories.small_plan("small", 9, 512, "0.2", virtual_processors=2)
    return services.reserve_shell(plan, "", "Not Activated")


def test_memory_is_added_and_removed(small, by):
    free = ManagedSystem.objects.get().free_memory_mb
    resources.add(small, Amount(memory_mb=64), **by)
    resources.add(small, -Amount(memory_mb=128), **by)
    assert again(small).memory_mb == 448
    assert ManagedSystem.objects.get().free_memory_mb == free + 64


def test_what_is_added_counts_from_what_is_there_then(small, by):
    stale = again(small)
    resources.add(small, Amount(memory_mb=64), **by)
    resources.add(stale, Amount(memory_mb=64), **by)
    assert again(small).memory_mb == 640


def test_memory_moves_from_one_to_the_other_whatever_is_free(small, uli13lp2, by):
    ManagedSystem.objects.update(free_memory_mb=0)
    resources.move(uli13lp2, small, Amount(memory_mb=256), **by)
    assert (again(uli13lp2).memory_mb, again(small).memory_mb) == (768, 768)
    assert ManagedSystem.objects.get().free_memory_mb == 0


def test_a_move_is_whole_or_not_at_all(small, uli13lp2, by):
    error = refusal(resources.move, uli13lp2, small, Amount(memory_mb=768), **by)  # more than its maximum
    assert error.key == "values-not-in-order"
    services.hold(small.pk, "migration 1")
    assert refusal(resources.move, uli13lp2, small, Amount(memory_mb=256), **by).key == "partition-held"
    assert not MonitorTask.objects.exists()
    refused = AuditEvent.objects.filter(outcome="refused").values_list("thing", flat=True)
    assert set(refused) == {"partition uli13lp2 (3)", "partition small (9)"}


def test_processors_and_units(small, by):
    resources.add(small, Amount(processing_units=Decimal("0.3"), virtual_processors=-1), **by)
    assert (again(small).processing_units, again(small).virtual_processors) == (Decimal("0.5"), 1)


def test_units_of_dedicated_processors_follow(small, by):
    LogicalPartition.objects.filter(pk=small.pk).update(
        processor_mode="ded",
        processing_units_minimum=1,
        processing_units=1,
        processing_units_maximum=2,
        virtual_processors=1,
    )
    resources.add(again(small), Amount(virtual_processors=1), **by)
    assert (again(small).processing_units, again(small).virtual_processors) == (2, 2)


def test_amounts_of_one_that_runs_are_refused(uli13lp1, by):
    assert refusal(resources.add, uli13lp1, Amount(memory_mb=16), **by).key == "properties-need-off"
