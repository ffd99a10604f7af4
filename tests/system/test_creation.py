"""Making partitions: what they have at once, what is refused, and all of them or none."""

from decimal import Decimal

import pytest

from ivmweb.common.errors import HypervisorError
from ivmweb.hypervisor.base import RunState
from ivmweb.monitor.models import MonitorTask, TaskStatus
from ivmweb.system import creation, inventory, services
from ivmweb.system.adapters import Ethernet, Scsi
from ivmweb.system.creation import Wanted
from ivmweb.system.epochs import operator_fence
from ivmweb.system.models import (
    AuditEvent,
    LogicalPartition,
    ManagedSystem,
    VirtualEthernetAdapter,
    VirtualServerAdapter,
)
from tests.system.support import refusal_that_leaves

VALUES = {
    "name": "db",
    "workload_group": None,
    "memory_minimum_mb": 256,
    "memory_mb": 512,
    "memory_maximum_mb": 1024,
    "processor_mode": "shared",
    "processing_units_minimum": Decimal("0.1"),
    "processing_units": Decimal("0.2"),
    "processing_units_maximum": Decimal(1),
    "virtual_processors_minimum": 1,
    "virtual_processors": 2,
    "virtual_processors_maximum": 2,
    "uncapped_weight": 128,
    "compatibility_mode": "default",
    "boot_from": "default",
    "auto_start": False,
    "max_virtual_slots": 20,
}


ONE_ADAPTER = (Scsi(),)


def wanted(lpar_id=None, adapters=ONE_ADAPTER, ethernets=(), mac_base="", **values):
    return Wanted({**VALUES, **values}, lpar_id, adapters, ethernets, mac_base)


@pytest.fixture
def create(uli13, padmin):
    def act(*several):
        creation.create(several, user=padmin, origin="127.0.0.1")
        return LogicalPartition.objects.get(name=several[0].name)

    return act


def everything():
    return (
        list(LogicalPartition.objects.order_by("pk").values()),
        VirtualServerAdapter.objects.count(),
        VirtualEthernetAdapter.objects.count(),
        free(),
    )


def free():
    return ManagedSystem.objects.values_list("free_memory_mb", "free_units").get()


refusal = refusal_that_leaves(everything)


def test_it_has_a_vhost_in_the_slot_of_the_scheme_and_its_memory_is_taken(create, hypervisor):
    memory, units = free()
    row = create(wanted())
    assert (row.lpar_id, row.state, row.hold) == (2, "Not Activated", "")
    [adapter] = row.server_adapters.all()
    assert (adapter.name, adapter.slot, adapter.client_slot) == ("vhost0", 11, 2)
    assert free() == (memory - 512, units - Decimal("0.2"))
    run = hypervisor.runs[2]
    assert (run.run_state, run.definition.uuid) == (RunState.NOT_ACTIVATED, str(row.uuid))


def test_it_gets_the_lowest_free_id_and_vhost_and_passes_over_what_only_the_hypervisor_knows(
    create, uli13lp1, uli13lp2, hypervisor
):
    stray = create(wanted(name="stray"))
    hypervisor.create(services.definition_of(stray), operator_fence())
    services.remove_partition(stray)
    row = create(wanted())
    assert (stray.lpar_id, row.lpar_id) == (4, 5)
    assert row.server_adapters.get().name == "vhost2"


def test_mac_addresses_have_one_base_and_the_slot_at_the_end(create):
    row = create(wanted(ethernets=(Ethernet(4, 1), Ethernet(17, 1)), mac_base="EEE91D8C70"))
    assert [one.mac_address for one in row.ethernet_adapters.all()] == ["EEE91D8C7004", "EEE91D8C7011"]


def test_new_mac_addresses_are_private_and_nobody_elses(create, uli13lp1, monkeypatch):
    taken = uli13lp1.ethernet_adapters.get().mac_address
    digits = iter([taken[2:10], "00000000"])
    monkeypatch.setattr("ivmweb.system.adapters.secrets.choice", lambda of: taken[0] if len(of) > 4 else taken[1])
    monkeypatch.setattr("ivmweb.system.adapters.secrets.token_hex", lambda _: next(digits))
    row = create(wanted(ethernets=(Ethernet(4, 1),)))
    assert row.ethernet_adapters.get().mac_address == f"{taken[:2]}0000000004"


def test_a_slot_that_is_not_named_is_the_lowest_that_is_left(create):
    row = create(wanted(ethernets=(Ethernet(2, 1),), adapters=(Scsi(), Scsi(3, 21), Scsi())))
    assert list(row.server_adapters.values_list("client_slot", "slot").order_by("client_slot")) == [
        (3, 21),
        (4, 11),
        (5, 13),
    ]


def test_a_slot_of_the_server_is_kept_for_the_adapter_that_names_it(create):
    row = create(wanted(adapters=(Scsi(2), Scsi(3, 11))))
    assert dict(row.server_adapters.values_list("client_slot", "slot")) == {2: 13, 3: 11}


def test_ids_and_slots_that_one_of_several_names_are_kept_for_it(create):
    create(wanted(adapters=(Scsi(), Scsi())), wanted(2, name="web", adapters=(Scsi(2, 15),)))
    rows = VirtualServerAdapter.objects.values_list("partition__name", "partition__lpar_id", "slot")
    assert sorted(rows) == [("db", 3, 13), ("db", 3, 17), ("web", 2, 15)]


def test_it_is_told_in_monitor_tasks_and_audited(create):
    create(wanted(ethernets=(Ethernet(4, 1),), mac_base="EEE91D8C70"))
    task = MonitorTask.objects.get()
    assert (task.name, task.target, task.status) == ("Create Partition", "db", TaskStatus.SUCCEEDED)
    assert [str(line) for line in task.lines.all()] == [
        "Partition db made with ID 2",
        "Virtual SCSI adapter in slot 2 of partition db (ID 2), with vhost0 in slot 11 of the management partition",
        "Virtual Ethernet adapter in slot 4 on VLAN 1, MAC address EEE91D8C7004",
    ]
    assert AuditEvent.objects.get().outcome == "accepted"


def test_it_can_be_started(create, padmin, hypervisor):
    services.activate(create(wanted()), padmin, "")
    assert hypervisor.runs[2].run_state is RunState.STARTING


def test_a_hypervisor_that_does_not_hear_of_it_gets_it_from_the_inventory(create, hypervisor):
    hypervisor.refuse("create")
    row = create(wanted())
    assert row.lpar_id not in hypervisor.runs
    hypervisor.refusals.clear()
    inventory.take_inventory()
    assert hypervisor.runs[row.lpar_id].definition.uuid == str(row.uuid)


def test_an_error_tells_which_of_several_it_is_about(create, hypervisor):
    assert refusal(create, wanted(), wanted(name="web"), wanted(name="db")).at == 2
    assert refusal(create, wanted(name=""), wanted()).at == 0
    hypervisor.is_reachable = False
    assert refusal(create, wanted(), wanted(name="web")).at is None


def test_without_the_hypervisor_nothing_is_made(create, hypervisor):
    hypervisor.is_reachable = False
    assert isinstance(refusal(create, wanted()), HypervisorError)
    assert MonitorTask.objects.get().status == TaskStatus.FAILED


def test_all_of_several_or_none(create):
    error = refusal(create, wanted(), wanted(name="web"), wanted(name="db"))
    assert error.key == "partition-name-taken"
    assert not any(task.lines.exists() for task in MonitorTask.objects.all())
    create(wanted(), wanted(name="web"))
    assert list(LogicalPartition.objects.values_list("name", "lpar_id")) == [("uli13", 1), ("db", 2), ("web", 3)]


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"name": "uli13"}, "partition-name-taken"),
        ({"name": ""}, "name-not-usable"),
        ({"name": 'a,"b" 分区'}, "name-not-usable"),
        ({"name": "x" * 32}, "name-not-usable"),
        ({"memory_mb": 500}, "memory-not-in-regions"),
        ({"memory_minimum_mb": 768}, "values-not-in-order"),
        ({"memory_mb": 8192, "memory_maximum_mb": 8192}, "not-enough-memory"),
        ({"memory_maximum_mb": 9_999_984}, "value-out-of-range"),
        ({"processing_units": Decimal("0.1")}, "units-for-processors"),
        ({"processing_units": Decimal("0.205")}, "units-too-fine"),
        ({"virtual_processors": 3}, "values-not-in-order"),
        ({"virtual_processors_minimum": 0}, "value-out-of-range"),
        ({"processor_mode": "ded"}, "units-for-dedicated"),
        ({"uncapped_weight": 256}, "value-out-of-range"),
        ({"compatibility_mode": "POWER9"}, "value-not-offered"),
        ({"workload_group": 256}, "value-out-of-range"),
        ({"max_virtual_slots": 3}, "value-out-of-range"),
        ({"lpar_id": 1}, "partition-id-out-of-range"),
        ({"lpar_id": 41}, "partition-id-out-of-range"),
        ({"adapters": (Scsi(1),)}, "slot-out-of-range"),
        ({"adapters": (Scsi(20),)}, "slot-out-of-range"),
        ({"adapters": (Scsi(4), Scsi(4))}, "slot-taken"),
        ({"adapters": (Scsi(2, 12),)}, "server-slot-not-usable"),
        ({"adapters": (Scsi(2, 9),)}, "server-slot-not-usable"),
        ({"adapters": (Scsi(2, 201),)}, "server-slot-not-usable"),
        ({"adapters": (Scsi(2, 15), Scsi(3, 15))}, "server-slot-not-usable"),
        ({"ethernets": (Ethernet(4, 9),)}, "vlan-unknown"),
        ({"ethernets": (Ethernet(4, 1), Ethernet(4, 1))}, "slot-taken"),
        ({"ethernets": (Ethernet(256, 1),), "max_virtual_slots": 300}, "slot-out-of-range"),
    ],
)
def test_what_can_not_be_is_refused_and_nothing_is_left(create, values, key):
    assert refusal(create, wanted(**values)).key == key
    assert MonitorTask.objects.get().status == TaskStatus.FAILED


def test_an_id_that_is_taken_is_named_with_its_owner(create, uli13lp1, hypervisor):
    error = refusal(create, wanted(lpar_id=2))
    assert (error.key, error.params["owner"]) == ("partition-id-taken", "uli13lp1")
    services.remove_partition(uli13lp1)
    assert refusal(create, wanted(lpar_id=2)).key == "partition-id-unrecorded"
    hypervisor.runs.clear()
    assert create(wanted(lpar_id=2)).lpar_id == 2


def test_no_more_than_the_system_supports(create):
    ManagedSystem.objects.update(max_partitions=2)
    create(wanted())
    assert refusal(create, wanted(name="web")).key == "no-partition-id"


def test_a_mac_address_is_there_once(create, uli13lp1):
    base = uli13lp1.ethernet_adapters.get().mac_address[:10]
    assert refusal(create, wanted(ethernets=(Ethernet(4, 1),), mac_base=base)).key == "mac-address-taken"


def test_nothing_is_made_while_a_restored_database_is_held_back(create):
    ManagedSystem.objects.update(held_back=True)
    assert refusal(create, wanted()).key == "database-restored"


def test_a_viewer_makes_nothing(uli13, viewer):
    error = refusal(lambda: creation.create([wanted()], user=viewer, origin=""))
    assert error.key == "no-right"
    assert not MonitorTask.objects.exists()


def test_memory_that_the_hypervisor_would_not_give_is_refused_before_anything_is_made(hypervisor, create):
    hypervisor.memory_block_mb = 256
    error = refusal(create, wanted(memory_mb=592))
    assert (error.key, error.params["region_mb"]) == ("memory-not-in-regions", 256)
