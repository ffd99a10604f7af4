"""Reserving a partition's place: all of it or nothing, and all of it back."""

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace

import pytest

from ivmweb.common.errors import PrerequisiteFailed
from ivmweb.lab import data
from ivmweb.lab.records import plan_for
from ivmweb.system import media, services, shells
from ivmweb.system.models import (
    LogicalPartition,
    LogicalVolume,
    ManagedSystem,
    PartitionState,
    PhysicalVolume,
    StoragePool,
    VirtualMedium,
    VirtualServerAdapter,
    VirtualTargetDevice,
)
from ivmweb.system.plan import DrivePlan, Placement
from tests.factories import OPTIONS, adapter_plan, ethernet_plan, make_system, small_plan

HOLD = "migration 1"
MIGRATING = PartitionState.MIGRATING_RUNNING


@pytest.fixture
def uli14(db):
    return make_system(data.ULI14)


@pytest.fixture
def moving():
    """uli13lp1 as uli13 describes it."""
    return plan_for(data.ULI13LP1, data.ULI13, OPTIONS)


def reserve(plan, hold=HOLD, placement=shells.ANYWHERE):
    return services.reserve_shell(plan, hold, MIGRATING, placement)


def free():
    system = ManagedSystem.objects.get()
    return system.free_memory_mb, system.free_units


def refusal(plan, hold=HOLD, placement=shells.ANYWHERE):
    """The error; nothing may have changed."""
    before = free(), LogicalPartition.objects.count(), VirtualServerAdapter.objects.count()
    with pytest.raises(PrerequisiteFailed) as caught:
        reserve(plan, hold, placement)
    assert (free(), LogicalPartition.objects.count(), VirtualServerAdapter.objects.count()) == before
    return caught.value


def test_the_worked_example_keeps_id_names_slot_and_lun_numbers(uli14, moving):
    shell = reserve(moving)
    assert (shell.lpar_id, shell.state, shell.hold) == (2, MIGRATING, HOLD)
    adapter = shell.server_adapters.get()
    assert (adapter.name, adapter.slot) == ("vhost0", 11)
    devices = adapter.target_devices.all()
    assert [(d.name, d.client_lun, d.backing_device) for d in devices] == [
        ("vtscsi0", "0x8100000000000000", "hdisk2"),
        ("vtscsi1", "0x8200000000000000", "hdisk5"),
        ("vtscsi2", "0x8300000000000000", "hdisk6"),
        ("vtscsi3", "0x8400000000000000", "hdisk7"),
        ("vtscsi4", "0x8500000000000000", "hdisk8"),
    ]


def test_reserved_memory_and_units_are_not_free_and_come_back(uli14, moving):
    shell = reserve(moving)
    assert free() == (1728, Decimal("1.7"))
    assert services.release_shell(shell)
    assert free() == (2752, Decimal("1.8"))
    assert not VirtualServerAdapter.objects.exists()


def test_releasing_twice_gives_back_once(uli14, moving):
    shell = reserve(moving)
    services.release_shell(shell)
    assert not services.release_shell(shell)
    assert free() == (2752, Decimal("1.8"))


def test_a_partition_read_before_it_was_removed_is_removed_once(uli13lp1):
    again = LogicalPartition.objects.get(pk=uli13lp1.pk)
    assert services.remove_partition(uli13lp1)
    assert not services.remove_partition(again)
    assert free() == (8192 - 320 - 1024, Decimal("3.6"))


def test_the_management_partition_is_never_removed(uli13):
    with pytest.raises(ValueError, match="management"):
        services.remove_partition(LogicalPartition.objects.get(lpar_id=1))


def test_reserving_again_under_the_same_hold_changes_nothing(uli14, moving):
    assert reserve(moving) == reserve(moving)
    assert free() == (1728, Decimal("1.7"))


def test_another_hold_does_not_get_the_same_partition(uli14, moving):
    reserve(moving)
    error = refusal(moving, "migration 2")
    assert "(ID 2) is on uli14 already, in the state Migrating - Running, reserved by: migration 1." in str(error)
    assert "recover" not in str(error).lower()  # nothing offers that there


def test_taken_names_id_and_slot_give_way_to_the_next_free_ones(uli14, moving):
    reserve(small_plan("first", 2, adapters=(adapter_plan(0),)), "")
    shell = reserve(moving)
    adapter = shell.server_adapters.get()
    assert (shell.lpar_id, adapter.name, adapter.slot) == (3, "vhost1", 13)
    devices = {d.name: d.backing_device for d in adapter.target_devices.all()}
    assert devices["vtscsi1"] == "hdisk5"
    assert devices["vtscsi5"] == "hdisk2"


def test_what_comes_gets_no_name_that_a_device_of_another_kind_has(uli14, moving):
    reserve(small_plan("first", 9, adapters=(adapter_plan(name="vtscsi1"),)), "")
    pool = StoragePool.objects.create(name="pool", size_mb=1024)
    LogicalVolume.objects.create(pool=pool, name="vhost0", size_mb=64)
    adapter = reserve(moving).server_adapters.get()
    assert adapter.name == "vhost1"
    names = [device.name for device in adapter.target_devices.order_by("lun_number")]
    assert names == ["vtscsi0", "vtscsi5", "vtscsi2", "vtscsi3", "vtscsi4"]


def test_an_adapter_gives_way_to_the_name_that_a_user_gave_a_disk(uli14, moving):
    (host,) = moving.adapters
    disks = (replace(host.disks[0], name="vhost1", is_user_defined=True), *host.disks[1:])
    reserve(small_plan("first", 9, adapters=(adapter_plan(),)), "")
    adapter = reserve(replace(moving, adapters=(replace(host, name="vhost0", disks=disks),))).server_adapters.get()
    assert adapter.name == "vhost2"
    assert adapter.target_devices.get(lun_number=disks[0].lun_number).name == "vhost1"


def test_a_slot_of_the_scheme_that_is_taken_is_passed_over(uli14, moving):
    reserve(small_plan("first", 9, adapters=(adapter_plan(0),)), "")
    VirtualServerAdapter.objects.update(slot=11)
    assert reserve(moving).server_adapters.get().slot == 13


def test_disks_are_found_by_the_lun_whatever_the_hdisk_is_called(uli14, moving):
    PhysicalVolume.objects.filter(name="hdisk2").update(name="hdisk77")
    device = reserve(moving).server_adapters.get().target_devices.get(lun_number=0x81)
    assert device.backing_device == "hdisk77"


def test_too_little_memory_is_refused_with_the_figures(uli14, moving):
    error = refusal(replace(moving, memory_mb=2768, memory_maximum_mb=4096))
    assert error.key == "not-enough-memory"
    assert "2768 MB" in error.text
    assert "uli14 has 2752 MB free" in error.text


def test_too_few_units_are_refused_and_the_memory_stays_free(uli14, moving):
    error = refusal(replace(moving, processing_units=Decimal("1.81"), processing_units_maximum=Decimal(4)))
    assert error.key == "not-enough-units"
    assert "1.81" in error.text


def test_memory_taken_between_reading_and_writing_is_not_given_twice(uli14, moving, monkeypatch):
    take = shells.take_memory_and_units

    def after_a_rival(plan, system):
        assert system.free_memory_mb == 2752
        ManagedSystem.objects.update(free_memory_mb=1000)
        take(plan, system)

    monkeypatch.setattr(shells, "take_memory_and_units", after_a_rival)
    assert refusal(moving).key == "not-enough-memory"


def test_of_two_reservations_for_the_last_memory_the_second_is_refused(uli14, moving):
    reserve(small_plan("first", 9, 2000), "")
    assert refusal(moving).key == "not-enough-memory"


def test_a_missing_lun_is_refused_by_its_id(uli14, moving):
    PhysicalVolume.objects.filter(name="hdisk8").delete()
    error = refusal(moving)
    assert error.key == "lun-not-found"
    assert data.unique_id(8) in error.text


def test_a_lun_of_another_partition_is_refused_and_names_it(uli14, moving):
    reserve(small_plan("first", 9, adapters=(adapter_plan(8),)), "")
    error = refusal(moving)
    assert error.key == "lun-in-use"
    assert "hdisk8" in error.text
    assert "first" in error.text


def test_a_name_that_another_partition_has_is_refused(uli14, moving):
    reserve(small_plan("uli13lp1"), "")
    assert refusal(moving).key == "partition-name-taken"


def test_a_mac_address_that_another_partition_has_is_refused(uli14, moving):
    reserve(small_plan("first", ethernets=(ethernet_plan(data.ULI13LP1.mac_address),)), "")
    assert refusal(moving).key == "mac-address-taken"


def test_the_maximum_of_partitions_is_refused(uli14, moving):
    ManagedSystem.objects.update(max_partitions=1)
    assert refusal(moving).key == "no-partition-id"


def test_no_virtual_slot_is_refused(uli14, moving):
    ManagedSystem.objects.update(max_virtual_slots=11)
    assert refusal(moving).key == "no-virtual-slot"


@pytest.mark.parametrize(
    "nonsense",
    [
        {"memory_minimum_mb": 2048},
        {"processing_units_maximum": Decimal("0.05")},
        {"adapters": (adapter_plan(2, devices=("a",)), adapter_plan(5, devices=("b",)))},
    ],
)
def test_a_plan_that_contradicts_itself_is_refused(uli14, moving, nonsense):
    assert refusal(replace(moving, **nonsense)).key == "partition-refused"


def test_a_plan_describes_what_was_made_of_it(uli14, moving):
    made = services.plan_of(reserve(moving))
    assert replace(made, adapters=()) == replace(moving, adapters=())
    assert made.adapters[0].disks == moving.adapters[0].disks


def test_a_plan_is_copied_from_anything_of_its_shape(moving):
    shape = SimpleNamespace(**{name: getattr(moving, name) for name in moving.__dataclass_fields__})
    assert type(moving).of(shape) == moving
    del shape.memory_mb
    with pytest.raises(AttributeError):
        type(moving).of(shape)


def test_a_definition_lists_the_luns_in_the_order_of_their_numbers(uli13lp1):
    definition = services.definition_of(uli13lp1)
    assert [lun.unique_id for lun in definition.luns] == [data.unique_id(n) for n in (2, 5, 6, 7, 8)]
    VirtualTargetDevice.objects.filter(name="vtscsi0").delete()
    assert len(services.definition_of(uli13lp1).luns) == 4


def test_a_wanted_id_and_slot_are_given(uli14, moving):
    shell = reserve(moving, placement=Placement(7, {2: 31}))
    assert shell.lpar_id == 7
    assert shell.server_adapters.get().slot == 31


def test_a_wanted_id_that_is_taken_is_refused(uli14, moving):
    error = refusal(moving, placement=Placement(1))
    assert (error.key, error.params["wanted"]) == ("wanted-id-taken", 1)


def test_a_wanted_slot_that_is_taken_is_refused(uli14, moving):
    reserve(replace(small_plan(), adapters=(adapter_plan(),)), "migration 2", Placement(slots={2: 31}))
    error = refusal(moving, placement=Placement(slots={2: 31}))
    assert (error.key, error.params["slot"]) == ("server-slot-not-usable", 31)


def test_a_wanted_id_above_the_highest_is_refused(uli14, moving):
    error = refusal(moving, placement=Placement(ManagedSystem.objects.get().max_partitions + 1))
    assert error.key == "wanted-id-taken"


IMAGE = "d1" * 32


def with_drives(moving, *drives):
    (adapter,) = moving.adapters
    return replace(moving, adapters=(replace(adapter, drives=drives),))


def test_a_drive_comes_with_a_medium_of_the_same_content_whatever_that_is_called(uli14, moving, state_folder):
    media.make_folder()
    medium = VirtualMedium.objects.create(name="other", size_mb=1, is_read_only=True, sha256=IMAGE)
    loaded, empty = (
        DrivePlan(0x90, "vtopt0", sha256=IMAGE, medium="linux"),
        DrivePlan(0x91, "cd", is_user_defined=True),
    )
    plan = with_drives(moving, loaded, empty)
    assert refusal(plan).key == "medium-not-here"  # on record, and its file is gone
    medium.path.write_bytes(b"linux")
    shell = reserve(plan)
    drives = shell.server_adapters.get().target_devices.filter(is_optical=True)
    assert [(d.name, d.lun_number, d.is_user_defined, d.medium) for d in drives] == [
        ("vtopt0", 0x90, False, medium),
        ("cd", 0x91, True, None),
    ]
    assert services.plan_of(shell).adapters[0].drives == plan.adapters[0].drives
    assert [drive.path for drive in services.definition_of(shell).drives] == [str(medium.path), ""]
    services.release_shell(shell)
    assert not VirtualTargetDevice.objects.exists()


@pytest.mark.parametrize("medium", [{"is_read_only": False}, {"sha256": "00" * 32}])
def test_a_medium_with_other_content_or_that_can_be_written_does_not_do(uli14, moving, state_folder, medium):
    media.make_folder()
    values = {"name": "linux", "size_mb": 1, "is_read_only": True, "sha256": IMAGE} | medium
    VirtualMedium.objects.create(**values).path.write_bytes(b"linux")
    error = refusal(with_drives(moving, DrivePlan(0x90, "vtopt0", sha256=IMAGE, medium="linux")))
    assert (error.key, error.params["medium"]) == ("medium-not-here", "linux")
